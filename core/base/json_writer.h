/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * JSON writer: appends JSON text to a buf, key by key and value by value. Commas come by
 * themselves; that each key gets one value and what is begun is ended is the caller's part.
 *
 * The output is UTF-8 in one line without raw control characters: in strings, C0, DEL, C1 and
 * noncharacters are escaped, and neither NUL nor ill-formed UTF-8 gets in: see json_text().
 *
 * As with all appending, a failure to allocate stays with the buf: ask buf_error() at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void json_begin_object(struct buf *b);
void json_end_object(struct buf *b);
void json_begin_array(struct buf *b);
void json_end_array(struct buf *b);

void json_u64(struct buf *b, uint64_t value);
void json_i64(struct buf *b, int64_t value);
void json_true(struct buf *b);

/* Text that we wrote ourselves: printable ASCII without quotes and backslashes. */
void json_plain(struct buf *b, struct span plain);
void json_plain_key(struct buf *b, struct span plain);

/* A string of any bytes. False: not all of them are text, and U+FFFD is in their place. */
bool json_text(struct buf *b, struct span bytes);
void json_text_key(struct buf *b, struct span bytes);

/*
 * An array of strings of any bytes, each of which ends with a NUL; the last one may lack it. False
 * likewise.
 */
bool json_strings(struct buf *b, struct span strings);

/* The same strings as one, with a blank between each two of them and nothing quoted. Likewise. */
bool json_joined(struct buf *b, struct span strings);

/* The exact bytes: RFC 4648, section 4. */
void json_base64(struct buf *b, struct span bytes);

/* How many bytes json_text() takes, without the quotes. */
size_t json_text_size(struct span bytes);

/*
 * A string with the head and the tail of valid text and "…" in between, which takes at most `room`
 * bytes without its quotes; an empty one if there is no room even for the mark. Only for text that
 * is larger. Before it, and not counted, stands what is kept, which is valid, too.
 */
void json_text_cut(struct buf *b, struct span kept, struct span valid, size_t room);

/* Members of an object. */

static inline void json_key(struct buf *b, const char *plain)
{
        json_plain_key(b, span_of(plain));
}

static inline void json_string(struct buf *b, const char *plain)
{
        json_plain(b, span_of(plain));
}

static inline void json_put_u64(struct buf *b, const char *key, uint64_t value)
{
        json_key(b, key);
        json_u64(b, value);
}

static inline void json_put_i64(struct buf *b, const char *key, int64_t value)
{
        json_key(b, key);
        json_i64(b, value);
}

/* A number that is a name: it may come to have more digits than a reader's numbers. */
void json_put_id(struct buf *b, const char *key, uint64_t id);

static inline void json_put_true(struct buf *b, const char *key)
{
        json_key(b, key);
        json_true(b);
}

static inline void json_put_string(struct buf *b, const char *key, const char *plain)
{
        json_key(b, key);
        json_string(b, plain);
}

/* A member that is an object; if nothing comes into it, the end takes it back. */
size_t json_begin_member(struct buf *b, const char *plain);
void json_end_member(struct buf *b, size_t start);

/* Any bytes, and a sibling with the exact ones if they are not text. */
#define json_put_text(b, key, bytes) json_put_text_keys(b, key, key "_base64", bytes)
static inline void json_put_text_keys(struct buf *b, const char *key, const char *key_base64,
                                      struct span bytes)
{
        json_key(b, key);
        if (json_text(b, bytes))
                return;
        json_key(b, key_base64);
        json_base64(b, bytes);
}
