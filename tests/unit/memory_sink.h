/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A sink that keeps its lines for a test to read, and fails when the test wants it to: it refuses
 * events, or does not deliver. Include after cmocka.h.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "sink/backlog.h"
#include "sink/sink.h"

#define MEMORY_SINK_BACKLOG ((size_t)MIB)

struct memory_sink {
        struct sink sink;
        struct sink_ops ops;
        struct buf text;   /* every accepted line, with its newline */
        struct buf people; /* of each accepted message the text, if it has one, likewise */
        size_t n_lines;
        uint64_t lost;    /* what accepted `lost` and `summary` events account for */
        bool settled;     /* one of them settles */
        size_t line_size; /* of the last event, as it was offered */
        size_t brief_size;
        unsigned n_refusals; /* refuse so many events from now on */
        bool is_stuck;       /* deliver nothing */
};

static inline struct memory_sink *memory_sink_of(struct sink *s)
{
        return (struct memory_sink *)s;
}

static inline size_t memory_sink_size(const struct line *line)
{
        return line->head.size + line->tail.size;
}

static inline int memory_sink_write(struct sink *s, const struct message *m)
{
        struct memory_sink *o = memory_sink_of(s);

        assert_true(memory_sink_size(&m->brief) <= memory_sink_size(&m->line));
        assert_int_equal(event_kind_is_kernel(m->kind) || m->kind == EVENT_SUMMARY ||
                                 m->kind == EVENT_PROCESS,
                         m->event != NULL);
        if (o->n_refusals > 0) {
                o->n_refusals--;
                return -ENOBUFS;
        }
        o->line_size = memory_sink_size(&m->line);
        o->brief_size = memory_sink_size(&m->brief);
        buf_append_span(&o->text, m->line.head);
        buf_append_u64(&o->text, ++s->seq);
        buf_append_span(&o->text, m->line.tail);
        buf_append_char(&o->text, '\n');
        assert_true(m->text.data || !s->wants_text);
        if (s->wants_text) {
                buf_append_span(&o->people, m->text);
                buf_append_char(&o->people, '\n');
        }
        assert_int_equal(buf_error(&o->text) + buf_error(&o->people), 0);
        o->n_lines++;
        o->lost += m->events;
        o->settled |= m->settles;
        s->stats.backlog += event_kind_is_kernel(m->kind);
        return 0;
}

static inline enum sink_state memory_sink_flush(struct sink *s)
{
        if (memory_sink_of(s)->is_stuck)
                return SINK_BUSY;
        s->stats.written += s->stats.backlog;
        s->stats.backlog = 0;
        return SINK_IDLE;
}

static inline void memory_sink_free(struct sink *s)
{
        buf_done(&memory_sink_of(s)->text);
        buf_done(&memory_sink_of(s)->people);
        free(s);
}

static inline struct sink *memory_sink_new(void)
{
        struct memory_sink *o = calloc(1, sizeof(*o));

        assert_non_null(o);
        o->ops = (struct sink_ops){
                .write = memory_sink_write,
                .flush = memory_sink_flush,
                .free = memory_sink_free,
        };
        o->sink.ops = &o->ops;
        o->sink.account = &o->sink.own_account;
        /* Its lines are not in there: it is for what asks whether there is room. */
        assert_int_equal(backlog_new(MEMORY_SINK_BACKLOG, &o->sink.backlog), 0);
        return &o->sink;
}

/* Parses the line at *p, which then is the next one's; to be given back with json_object_put(). */
static inline struct json_object *memory_sink_next(const char **p)
{
        const char *end = rawmemchr(*p, '\n');
        struct json_tokener *tokener = json_tokener_new();
        struct json_object *json;

        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, *p, (int)(end - *p));
        assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
        json_tokener_free(tokener);
        *p = end + 1;
        return json;
}

/* The line with that number, from 0. */
static inline struct json_object *memory_sink_line(struct sink *s, size_t n)
{
        const char *p = memory_sink_of(s)->text.data;

        assert_true(n < memory_sink_of(s)->n_lines);
        for (; n > 0; n--)
                p = (const char *)rawmemchr(p, '\n') + 1;
        return memory_sink_next(&p);
}
