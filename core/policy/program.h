/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The table of programs (program_table.h), for finding one by its name. */
#pragma once

#include "base/macro.h"
#include "base/span.h"
#include "policy/program_table.h"

struct program_index;

/* 0, or -ENOMEM. */
int program_index_new(struct program_index **ret);

struct program_index *program_index_free(struct program_index *p);
DEFINE_FREEP(struct program_index, program_index_free)

/*
 * By the last part of its path, with or without a version or a suffix as distributions add them
 * (python3.11, vault.real), and of an image without its tag; NULL: nothing is known of it.
 */
const struct program *program_find(const struct program_index *p, struct span path);

void program_each_name(const struct program_index *index,
                       void (*on_name)(void *userdata, struct span name, const struct program *p),
                       void *userdata);

/* False: it hides nothing itself, though what it runs may. */
bool program_takes_secrets(const struct program *p);
