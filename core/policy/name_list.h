/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Names of options, variables and members, and lists of globs for them.
 *
 * A name is compared without its case, with '-', '_', '.' and brackets alike, and without digits at
 * its end; a capital letter inside of it begins a word as '-' does: "db_Password2" and "dbPassword"
 * are both matched by "db-password". '*' in a glob stands for any bytes, '?' for one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct gram_buckets;
struct name_list;

/* Longer names are compared by their end. */
#define NAME_SIZE_MAX 64

/*
 * `globs` is NULL-terminated; BUILTIN_GLOBS among them stands for the words of `builtin`. 0, or
 * -ENOMEM.
 */
int name_list_new(char *const *globs, const char *builtin, struct name_list **ret);

struct name_list *name_list_free(struct name_list *l);
DEFINE_FREEP(struct name_list, name_list_free)

bool name_list_has(const struct name_list *l, struct span name);

/* False: it has not; most names are sorted out by this. One byte behind the name is readable. */
bool name_list_may_have(const struct name_list *l, struct span name);

/* Adds grams of which each name that the list has has one, wherever in it. */
void name_list_add_grams(struct name_list *l, struct gram_buckets *ret);
