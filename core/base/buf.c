/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Memory that grows: the target of everything that is built piece by piece.
 *
 * The first allocation that fails stays with the buf: all later appends do nothing, so that the
 * content never has a hole, and one buf_error() after the last append suffices. What was appended
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

#include "base/buf.h"

/* Room for most lines and paths at the first allocation. */
#define CAPACITY_MIN 256

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

char *buf_reserve_slowly(struct buf *b, size_t size)
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

void buf_append_again(struct buf *b, size_t start, size_t size)
{
        char *p = buf_reserve(b, size);

        if (!p)
                return;
        memcpy(p, b->data + start, size);
        b->size += size;
}

void buf_insert_string(struct buf *b, size_t at, const char *s)
{
        const size_t size = strlen(s);
        char *p;

        if (!buf_reserve(b, size))
                return;
        p = b->data + at;
        memmove(p + size, p, b->size - at);
        memcpy(p, s, size);
        b->size += size;
}

void buf_append_string(struct buf *b, const char *s)
{
        buf_append(b, s, strlen(s));
}

void buf_append_char(struct buf *b, char c)
{
        buf_append(b, &c, 1);
}

static unsigned count_digits(uint64_t value)
{
        unsigned n = 1;

        for (; value >= 10000; value /= 10000)
                n += 4;
        return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Thirty of these per event: in place, two digits at a time. */
void buf_append_u64(struct buf *b, uint64_t value)
{
        static const char pairs[] = "0001020304050607080910111213141516171819"
                                    "2021222324252627282930313233343536373839"
                                    "4041424344454647484950515253545556575859"
                                    "6061626364656667686970717273747576777879"
                                    "8081828384858687888990919293949596979899";
        unsigned n = count_digits(value);
        char *p = buf_reserve(b, n);

        if (!p)
                return;
        b->size += n;
        for (p += n; value >= 10; value /= 100) {
                p -= 2;
                memcpy(p, pairs + value % 100 * 2, 2);
        }
        if (n % 2)
                p[-1] = (char)('0' + value);
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
