/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Text as events carry it: UTF-8, base64, RFC 3339 times, hexadecimal. Pure functions; those that
 * append to a buf leave an allocation failure in it (buf_error()).
 *
 * NUL counts as invalid everywhere: it never appears in an event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* True if all of it is UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without NUL. */
bool text_is_valid(struct span s);

/*
 * Appends `s` with U+FFFD in place of each maximal subpart of an ill-formed sequence (Unicode 15,
 * 3.9, "U+FFFD Substitution of Maximal Subparts"): as Python's decode("utf-8", "replace") does it,
 * except that NUL is replaced, too.
 */
void text_repair(struct span s, struct buf *ret);

/* How many bytes valid text takes within the quotes of a JSON string of ours. */
size_t text_json_size(struct span valid);

/*
 * Appends the head and the tail of valid text with "…" in between, so that text_json_size() of it
 * is at most `room`; nothing if there is no room even for the mark. Only for text that is larger.
 */
void text_cut_middle(struct span valid, size_t room, struct buf *ret);

/* Appends JSON text with DEL and U+0080..U+009F as \u00xx: json-c escapes only below U+0020. */
void text_escape_controls(struct span json, struct buf *ret);

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

/* 16 digits and a NUL */
#define TEXT_HEX_SIZE 17

/* Lower case, without leading zeros; returns how many digits. */
size_t text_hex(uint64_t value, char ret[static TEXT_HEX_SIZE]);
