/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Memory that grows: the target of everything that is built piece by piece.
 *
 * The first allocation that fails stays with the buf: all later appends do nothing, so that the
 * content never has a hole, and one buf_error() after the last append tells. What was appended
 * before the failure is still there.
 *
 * Capacity at least doubles, so appending is linear in the bytes appended. Nothing is ever given
 * back before buf_done(): a buf that is reset and filled again stops allocating.
 *
 * Refuses: sizes whose sum does not fit a size_t; they count as no memory.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

/* Room for most lines and paths at the first allocation. */
#define CAPACITY_MIN 256

/* UINT64_MAX in decimal. */
#define U64_DIGITS_MAX 20

void buf_done(struct buf *b)
{
        free(b->data);
        *b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
        b->size = 0;
        b->error = 0;
}

static int buf_grow(struct buf *b, size_t needed)
{
        size_t capacity = MAX(needed, (size_t)CAPACITY_MIN);
        char *data;

        if (b->capacity <= SIZE_MAX / 2)
                capacity = MAX(capacity, 2 * b->capacity);
        data = realloc(b->data, capacity);
        if (!data)
                return -ENOMEM;
        b->data = data;
        b->capacity = capacity;
        return 0;
}

char *buf_reserve(struct buf *b, size_t size)
{
        if (b->error)
                return NULL;
        if (size > SIZE_MAX - b->size)
                b->error = -ENOMEM;
        else if (!b->data || size > b->capacity - b->size)
                b->error = buf_grow(b, b->size + size);
        return b->error ? NULL : b->data + b->size;
}

void buf_append(struct buf *b, const void *data, size_t size)
{
        char *p;

        if (size == 0) /* data may be NULL then, which memcpy() does not allow */
                return;
        p = buf_reserve(b, size);
        if (!p)
                return;
        memcpy(p, data, size);
        b->size += size;
}

void buf_append_span(struct buf *b, struct span s)
{
        buf_append(b, s.data, s.size);
}

void buf_append_string(struct buf *b, const char *s)
{
        buf_append(b, s, strlen(s));
}

void buf_append_char(struct buf *b, char c)
{
        buf_append(b, &c, 1);
}

/* Several of these per event: without the parsing of a format that printf would do. */
void buf_append_u64(struct buf *b, uint64_t value)
{
        char digits[U64_DIGITS_MAX];
        char *p = digits + sizeof(digits);

        do {
                *--p = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        buf_append(b, p, (size_t)(digits + sizeof(digits) - p));
}

/* How long the result would be, terminating NUL included, or 0: it cannot be formatted. */
static _printf_(3, 0) size_t try_printf(struct buf *b, size_t room, const char *format, va_list ap)
{
        char *p = buf_reserve(b, room);
        int n;

        if (!p)
                return 0;
        n = vsnprintf(p, room, format, ap);
        if (n < 0) { /* longer than INT_MAX, or no memory for a conversion */
                b->error = -ENOMEM;
                return 0;
        }
        return (size_t)n + 1;
}

void buf_printf(struct buf *b, const char *format, ...)
{
        va_list ap;
        size_t room = 64, needed;

        va_start(ap, format);
        needed = try_printf(b, room, format, ap);
        va_end(ap);
        if (needed > room) {
                va_start(ap, format);
                room = needed;
                needed = try_printf(b, room, format, ap);
                va_end(ap);
        }
        if (needed > 0)
                b->size += needed - 1;
}
