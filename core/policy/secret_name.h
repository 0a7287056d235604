/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets that are known by their names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/name_list.h"

/*
 * Names that have been asked for, each in a place by its hash: several stages ask for each, and the
 * options of a program and the members of its JSON come again and again. 18 KiB a redactor.
 */
#define NAMES_KNOWN 256

struct known_name {
        char name[NAME_SIZE_MAX];
        uint8_t size; /* 0: none */
        bool is_secret;
};

struct secret_names {
        struct name_list *names; /* of secrets */
        struct name_list *keep;  /* but for these */
        struct known_name *known;
};

bool name_is_secret(const struct secret_names *s, struct span name);

/* The name that ends at `p`, which may be of no size; not before `begin`. */
struct span name_that_ends(const char *begin, const char *p);
