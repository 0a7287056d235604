/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Nearly all bytes of arguments say nothing about secrets. These find those that may, 16 at a time;
 * what is between is never looked at again.
 */
#pragma once

#include <stdbool.h>

/* The first '=' or ':' in [p, end), or `end`. */
const char *scan_pair(const char *p, const char *end);

/*
 * The first byte in [p, end), or `end`, that a string may not have that is skipped unseen: '=',
 * ':', a blank or another control but NUL, or '-' at the begin of a string. p[-1] must be readable.
 */
const char *scan_hint(const char *p, const char *end);

/* The first byte in [p, end), or `end`, that is no letter and no digit. */
const char *scan_word_end(const char *p, const char *end);

/* The first blank in [p, end), or `end`. */
const char *scan_blank(const char *p, const char *end);
