/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Tokens that show by their shape alone, wherever they are: keys of clouds and services, JWTs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Shorter words are passed over: of "xoxb-" and seven characters, and all others. */
#define TOKEN_SIZE_MIN 12

/*
 * The first token in [from, to) of `text`; where it begins, or `to`: none. `text` may be looked at
 * from 0 on. *ret_end is behind it. `is_cut`: the bytes at `to` are missing, so that a token that
 * ends there may be too short.
 */
size_t token_find(const char *text, size_t from, size_t to, bool is_cut, size_t *ret_end);

/* False: at `p`, where a word begins, none does. */
bool token_begins(const char *p, const char *end, bool is_cut);

/* Each is of three bytes or more. */
void token_each_prefix(void (*on_prefix)(void *userdata, struct span prefix), void *userdata);
