/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the forms of parts have in common: sizes of what stands around them, and strings. */
#pragma once

#include "base/json_writer.h"
#include "encode/encode_line.h"
#include "encode/shape.h"

/* Below this a string says nothing: "…" takes three bytes. */
#define STRING_ROOM_MIN 8

#define QUOTES_AND_COMMA 3
#define BRACKETS 2

/* ,"key": */
static inline size_t key_size(const char *key)
{
        return strlen(key) + 4;
}

/* Likewise of the exact bytes, of a part that may have none. */
static inline size_t base64_key_size(const struct shape_part *part)
{
        return part->key_base64 ? key_size(part->key_base64) : 0;
}

static inline bool strings_take_first(struct span *rest, struct span *ret)
{
        return span_cut(rest, '\0', ret);
}

/* What JSON takes of it, exactly, or anything larger than `max`. */
static inline size_t text_size(struct span s, size_t max)
{
        return s.size > max ? s.size : json_text_size(s);
}

/* All of it, or head and tail. */
void put_text_within(struct encoder *e, struct span s, size_t room);

/* As an array. */
void put_strings_exact(struct encoder *e, const struct shape_part *part, struct span strings);
