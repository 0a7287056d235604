/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Finds bytes of a kind in [p, end): the first, or `end`. */
#pragma once

/* '=', ':' or '>'. */
const char *scan_pair(const char *p, const char *end);

/* No letter and no digit. */
const char *scan_word_end(const char *p, const char *end);

/* Bits for those that are there at all, wherever. */
enum {
        SCAN_BLANK = 1 << 0,
        SCAN_QUOTE = 1 << 1, /* before which code may be: secret_code.h */
        SCAN_PAIR = 1 << 2,
};

unsigned scan_marks(const char *p, const char *end);
