/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A line of JSON, read once from its beginning to its end, without a copy and without memory: the
 * members of an object, the elements of an array, each as its kind and its place in the text. What
 * is nested is checked and passed over; it can be scanned by itself.
 *
 * All of it is checked, by RFC 8259: what json_next_member() has gone through to the end is JSON in
 * UTF-8, without raw control characters. Deeper than JSON_DEPTH_MAX is refused.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_DEPTH_MAX 32 /* our deepest has 4 */

enum json_kind {
        JSON_STRING, /* its text is that between the quotes, with its escapes */
        JSON_NUMBER,
        JSON_OBJECT,
        JSON_ARRAY,
        JSON_WORD, /* true, false, null */
};

struct json_value {
        enum json_kind kind;
        bool has_escapes;
        struct span text;
};

struct json_scan {
        const char *p, *end;
        bool is_first;
};

/* The object or array in `text`, blanks around it. False: it is neither. */
bool json_scan_object(struct json_scan *s, struct span text);
bool json_scan_array(struct json_scan *s, struct span text);

/*
 * 1; 0: that was all of it, and nothing but blanks is behind it; -EBADMSG: this is not JSON. A key
 * is the text between the quotes, with its escapes.
 */
int json_next_member(struct json_scan *s, struct span *ret_key, struct json_value *ret);
int json_next_element(struct json_scan *s, struct json_value *ret);

/*
 * Appends the text of a string. What is no character (half of a surrogate pair) and NUL become
 * U+FFFD. Never longer than its text with escapes, but for U+FFFD: of six bytes it makes three.
 */
void json_append_string(const struct json_value *v, struct buf *ret);

/* False: it is no number of that kind, or too large for it. */
bool json_to_u64(const struct json_value *v, uint64_t *ret);
bool json_to_i64(const struct json_value *v, int64_t *ret);
