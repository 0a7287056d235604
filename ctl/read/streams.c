/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>

#include "read/streams.h"

struct stream {
        char boot_id[BOOT_ID_SIZE];
        uint64_t last; /* seq; 0: this place is free */
        uint64_t used; /* the higher, the later */
};

struct streams {
        struct stream stream[STREAMS_MAX];
        struct stream *current; /* most lines are of the same as the one before */
        uint64_t clock;
};

int streams_new(struct streams **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct streams *streams_free(struct streams *s)
{
        free(s);
        return NULL;
}

static bool is_of(const struct stream *stream, const struct event_line *line)
{
        return stream->last > 0 && memcmp(stream->boot_id, line->boot_id.data, BOOT_ID_SIZE) == 0;
}

static struct stream *find_known(struct streams *s, const struct event_line *line)
{
        if (s->current && is_of(s->current, line))
                return s->current;
        for (size_t i = 0; i < STREAMS_MAX; i++)
                if (is_of(&s->stream[i], line))
                        return &s->stream[i];
        return NULL;
}

static struct stream *find(struct streams *s, const struct event_line *line)
{
        struct stream *known = find_known(s, line), *oldest = &s->stream[0];

        if (known)
                return known;
        for (size_t i = 0; i < STREAMS_MAX; i++)
                if (s->stream[i].used < oldest->used)
                        oldest = &s->stream[i];
        *oldest = (struct stream){ 0 };
        memcpy(oldest->boot_id, line->boot_id.data, BOOT_ID_SIZE);
        return oldest;
}

enum stream_step streams_step(struct streams *s, const struct event_line *line, uint64_t *ret_last)
{
        struct stream *stream = find(s, line);
        const uint64_t last = stream->last;

        s->current = stream;
        stream->used = ++s->clock;
        stream->last = line->seq;
        *ret_last = last;
        if (span_is(line->kind, "start"))
                return STREAM_BEGINS;
        if (last == 0)
                return STREAM_NEW;
        if (line->seq == last + 1)
                return STREAM_NEXT;
        return line->seq > last ? STREAM_HOLE : STREAM_BACK;
}

void streams_pass(struct streams *s, const struct event_line *line)
{
        struct stream *stream = find_known(s, line);

        if (stream)
                stream->last = line->seq;
}
