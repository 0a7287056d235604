/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Text as events carry it: UTF-8, base64, RFC 3339 times, hexadecimal. Pure functions; those that
 * append to a buf record an allocation failure in it (buf_error()).
 *
 * NUL counts as invalid everywhere: it never appears in an event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TEXT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* A character, or the maximal subpart of an ill-formed sequence, which stands for U+FFFD. */
struct text_unit {
        uint32_t character; /* undefined if it is none */
        uint8_t size;       /* in bytes, at least 1 */
        bool is_valid;
};

/* The unit at `p`, where there is at least one byte. */
struct text_unit text_unit(const uint8_t *p, size_t left);

/* True if all of it is UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without NUL. */
bool text_is_valid(struct span s);

/*
 * Appends `s` with U+FFFD in place of each maximal subpart of an ill-formed sequence (Unicode 15,
 * 3.9, "U+FFFD Substitution of Maximal Subparts"): as Python's decode("utf-8", "replace") does it,
 * except that NUL is replaced, too.
 */
void text_repair(struct span s, struct buf *ret);

size_t text_count_nuls(struct span s);

/* RFC 4648, section 4, with padding. */
void text_base64(struct span s, struct buf *ret);

static inline size_t text_base64_size(size_t size)
{
        return (size + 2) / 3 * 4;
}

/* 2026-11-22T17:30:00.123456789Z and its NUL */
#define TEXT_TIME_SIZE 31

/*
 * UTC. False, and nothing written, for what RFC 3339 has no form for: years outside 0000 to 9999,
 * or a billion nanoseconds.
 */
bool text_time(int64_t sec, uint32_t nsec, char ret[static TEXT_TIME_SIZE]);
bool text_has_time(int64_t sec, uint32_t nsec); /* what that would return */

/* 16 digits and a NUL */
#define TEXT_HEX_SIZE 17

/* Lower case, without leading zeros; returns how many digits. */
size_t text_hex(uint64_t value, char ret[static TEXT_HEX_SIZE]);
