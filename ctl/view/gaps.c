/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>

#include "read/streams.h"
#include "view/gaps.h"

const char *loss_explain(struct span where)
{
        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (span_is(where, loss_where_name(w)))
                        return loss_where_text(w);
        return NULL;
}

struct gaps {
        struct streams *streams;
        uint64_t last_ns;
        uint64_t n_lost[_LOSS_WHERE_MAX], n_lost_elsewhere;
        uint64_t n_missing, n_back;
};

struct gaps *gaps_free(struct gaps *g)
{
        if (!g)
                return NULL;
        streams_free(g->streams);
        free(g);
        return NULL;
}

int gaps_new(struct gaps **ret)
{
        _cleanup_(gaps_freep) struct gaps *g = NULL;
        int r;

        g = calloc(1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        r = streams_new(&g->streams);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

static void take_lost(struct gaps *g, const struct event_line *line)
{
        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (span_is(line->where, loss_where_name(w))) {
                        g->n_lost[w] += line->counters.count;
                        return;
                }
        g->n_lost_elsewhere += line->counters.count;
}

uint64_t gaps_take(struct gaps *g, const struct event_line *line, uint64_t *ret_since_ns)
{
        uint64_t last, n_missing = 0;

        *ret_since_ns = g->last_ns;
        g->last_ns = line->time_ns;
        switch (streams_step(g->streams, line, &last)) {
        case STREAM_HOLE:
                n_missing = line->seq - last - 1;
                break;
        case STREAM_BACK:
                g->n_back++;
                break;
        default:
                break;
        }
        g->n_missing += n_missing;
        if (line->event.kind == EVENT_LOST)
                take_lost(g, line);
        return n_missing;
}

void gaps_pass(struct gaps *g, const struct event_line *line)
{
        streams_pass(g->streams, line);
}

static void say(uint64_t n, const char *one, const char *many, struct buf *ret)
{
        if (n == 0)
                return;
        if (ret->size > 0)
                buf_append_string(ret, ", ");
        buf_printf(ret, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

void gaps_show(const struct gaps *g, struct buf *ret)
{
        _cleanup_(buf_done) struct buf parts = { 0 }, text = { 0 };
        uint64_t n = g->n_lost_elsewhere;

        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++) {
                say(g->n_lost[w], loss_where_name(w), loss_where_name(w), &parts);
                n += g->n_lost[w];
        }
        say(g->n_lost_elsewhere, "elsewhere", "elsewhere", &parts);
        say(n, "event was lost", "events were lost", &text);
        if (n > 0) {
                buf_append_string(&text, " (");
                buf_append_span(&text, buf_span(&parts));
                buf_append_char(&text, ')');
        }
        say(g->n_missing, "line is missing", "lines are missing", &text);
        say(g->n_back, "line is doubled or not in its order",
            "lines are doubled or not in their order", &text);
        buf_append_span(ret, buf_span(&text));
}
