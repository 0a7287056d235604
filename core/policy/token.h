/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Tokens that show by their shape alone, wherever they are: keys of clouds and services, JWTs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The first token in [from, to) of `text`; where it begins, or `to`: none. `text` may be looked at
 * from 0 on. *ret_end is behind it. `is_cut`: the bytes at `to` are missing, so that a token that
 * ends there may be too short.
 */
size_t token_find(const char *text, size_t from, size_t to, bool is_cut, size_t *ret_end);
