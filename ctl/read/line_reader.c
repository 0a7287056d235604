/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <poll.h>

#include "read/line_reader.h"

/* Large enough that a read costs nothing beside what is done with its lines. */
#define BLOCK_BYTES (256 * KIB)

void line_reader_begin(struct line_reader *r, int fd)
{
        r->fd = fd;
        r->start = r->scanned = 0;
        r->is_skipping = false;
        buf_reset(&r->buf);
}

void line_reader_done(struct line_reader *r)
{
        buf_done(&r->buf);
}

struct span line_reader_rest(const struct line_reader *r)
{
        if (r->start == r->buf.size)
                return (struct span){ 0 };
        return span_skip(buf_span(&r->buf), r->start);
}

/* Moves what is left to the front; a line that is too long is not kept. */
static void make_room(struct line_reader *r)
{
        const size_t left = r->buf.size - r->start;

        if (left > LINE_SIZE_MAX && !r->is_skipping) {
                r->is_skipping = true;
                r->n_too_long++;
        }
        if (r->is_skipping)
                r->buf.size = 0;
        else if (r->start > 0) {
                memmove(r->buf.data, r->buf.data + r->start, left);
                r->buf.size = left;
        }
        r->start = 0;
        r->scanned = r->buf.size;
}

static bool is_ready(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) != 0;
}

/* 1; 0: the end. */
static int fill(struct line_reader *r)
{
        ssize_t n;
        char *to;

        if (r->asks && !is_ready(r->fd))
                return -EAGAIN;
        make_room(r);
        to = buf_reserve(&r->buf, BLOCK_BYTES);
        if (!to)
                return -ENOMEM;
        do
                n = read(r->fd, to, BLOCK_BYTES);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r->buf.size += (size_t)n;
        r->n_bytes += (uint64_t)n;
        return n > 0;
}

/* Takes a line off the buffer, if a whole one is in it. */
static bool take(struct line_reader *r, struct span *ret)
{
        const char *at;

        while (r->scanned < r->buf.size) {
                at = memchr(r->buf.data + r->scanned, '\n', r->buf.size - r->scanned);
                if (!at)
                        break;
                *ret = (struct span){ r->buf.data + r->start,
                                      (size_t)(at - r->buf.data) - r->start };
                r->start = r->scanned = (size_t)(at - r->buf.data) + 1;
                if (!r->is_skipping && ret->size <= LINE_SIZE_MAX)
                        return true;
                r->n_too_long += !r->is_skipping;
                r->is_skipping = false; /* that was the end of it */
        }
        return false;
}

int line_reader_next(struct line_reader *r, struct span *ret)
{
        int n;

        while (!take(r, ret)) {
                n = fill(r);
                if (n <= 0)
                        return n;
        }
        return 1;
}
