/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A buf is memory that grows and is kept for reuse.
 *
 * Appending to a buf may move it, so take a span of it only when it is complete. An allocation that
 * fails is remembered instead of returned from every call: append as much as you like, then ask
 * buf_error() once, before the content is used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/span.h"

struct buf {
        char *data;
        size_t size;     /* bytes used */
        size_t capacity; /* bytes allocated */
        int error;       /* 0, or -ENOMEM since the last buf_reset() */
};

/* Frees the memory; the buf is then empty and usable. */
void buf_done(struct buf *b);

/* Forgets content and error, keeps the memory. */
void buf_reset(struct buf *b);

/* Makes room for `size` more bytes and returns where they go, or NULL: no memory. */
char *buf_reserve_slowly(struct buf *b, size_t size);
static inline char *buf_reserve(struct buf *b, size_t size)
{
        if (b->error == 0 && size < b->capacity - b->size)
                return b->data + b->size;
        return buf_reserve_slowly(b, size);
}

void buf_append(struct buf *b, const void *data, size_t size);
void buf_append_span(struct buf *b, struct span s);
void buf_append_string(struct buf *b, const char *s);
void buf_append_char(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t value);

/* What it has there once more, at its end; and something more in the middle. */
void buf_append_again(struct buf *b, size_t start, size_t size);
void buf_insert_string(struct buf *b, size_t at, const char *s);

void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);

static inline int buf_error(const struct buf *b)
{
        return b->error;
}

static inline struct span buf_span(const struct buf *b)
{
        return (struct span){ .data = b->data, .size = b->size };
}
