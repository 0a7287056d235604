/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A pipe or whatever else standard input is. It is asked before it is read, so that what has been
 * made of the lines so far can be shown before it waits for the next.
 */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

#include "read/line_reader.h"
#include "read/log_source.h"

struct source_stream {
        struct log_source source;
        struct line_reader reader;
        bool is_over;
};

static struct source_stream *stream_of(struct log_source *s)
{
        return (struct source_stream *)s;
}

static int stream_next(struct log_source *source, struct span *ret)
{
        struct source_stream *s = stream_of(source);
        int r;

        if (s->is_over)
                return 0;
        r = line_reader_next(&s->reader, ret);
        source->n_too_long = s->reader.n_too_long;
        source->n_bytes = s->reader.n_bytes;
        if (r == -EAGAIN)
                return 0;
        if (r < 0)
                buf_append_string(&source->problem, "standard input");
        if (r == 0) {
                s->is_over = true;
                source->n_cut += line_reader_rest(&s->reader).size > 0;
        }
        return r;
}

static int stream_wait(struct log_source *source, int signal_fd)
{
        struct source_stream *s = stream_of(source);
        struct pollfd p[] = { { .fd = s->reader.fd, .events = POLLIN },
                              { .fd = signal_fd, .events = POLLIN } };

        if (s->is_over)
                return 0;
        if (poll(p, ELEMENTSOF(p), LOG_SOURCE_WAIT_MSEC) < 0)
                return errno == EINTR ? 0 : -errno;
        return p[1].revents == 0;
}

static void stream_free(struct log_source *source)
{
        struct source_stream *s = stream_of(source);

        line_reader_done(&s->reader);
        free(s);
}

static const struct log_source_ops stream_ops = {
        .next = stream_next,
        .wait = stream_wait,
        .free = stream_free,
};

int log_source_stream_new(int fd, struct log_source **ret)
{
        struct source_stream *s;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->source.ops = &stream_ops;
        s->source.is_live = !S_ISREG(st.st_mode);
        if (S_ISREG(st.st_mode))
                s->source.n_bytes_total = (uint64_t)st.st_size;
        line_reader_begin(&s->reader, fd);
        s->reader.asks = true;
        *ret = &s->source;
        return 0;
}
