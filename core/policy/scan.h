/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Finds the first byte of a kind in [p, end), or returns `end`. */
#pragma once

/* '=' or ':'. */
const char *scan_pair(const char *p, const char *end);

/* No letter and no digit. */
const char *scan_word_end(const char *p, const char *end);

const char *scan_blank(const char *p, const char *end);
