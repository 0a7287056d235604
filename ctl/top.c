/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The verb `top`: what was executed most. Of a log that goes on, a terminal shows it anew each
 * second.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/show.h"
#include "input.h"
#include "screen.h"
#include "verbs.h"
#include "view/tops.h"

/* To the upper left, and nothing below. */
#define CLEAR "\x1b[H\x1b[J"

/* Rows that are no names: of the head, and of each table its blank line, its title, its rest. */
#define HEAD_ROWS 3
#define TABLE_ROWS 3

/* Between two looks at the clock while lines come without a pause: some 1 ms. */
#define LINES_PER_LOOK 512

struct top_verb {
        const struct options *o;
        struct input in;
        struct screen screen;
        struct tops *tops;
        struct gaps *gaps;
        bool is_live;
        uint64_t n_lines, shown_ns;
};

static uint64_t now_ns(void)
{
        struct timespec ts = { 0 };

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int on_idle(void *userdata)
{
        struct top_verb *v = userdata;
        const uint64_t now = now_ns();
        const uint64_t elapsed_ns = now - v->shown_ns;

        if (!v->is_live || elapsed_ns < NSEC_PER_SEC)
                return 0;
        buf_append_string(&v->screen.out, CLEAR);
        tops_show(v->tops, v->gaps, elapsed_ns, &v->screen.out);
        v->shown_ns = now;
        return screen_flush(&v->screen);
}

static int on_line(void *userdata, int kind)
{
        struct top_verb *v = userdata;
        const struct event_line *line = &v->in.line;
        uint64_t since_ns;

        if (chosen_in_time(v->o->chosen, line) != CHOSEN_TIME) {
                gaps_pass(v->gaps, line);
                return 0;
        }
        (void)gaps_take(v->gaps, line, &since_ns);
        if (kind == LINE_EVENT &&
            (event_kind_is_kernel(line->event.kind) || line->event.kind == EVENT_SUMMARY) &&
            chosen_match(v->o->chosen, line) && line->event.kind != EVENT_EXIT &&
            !span_is(line->of, "exit"))
                tops_event(v->tops, line);
        return ++v->n_lines % LINES_PER_LOOK == 0 ? on_idle(v) : 0;
}

static int open_all(struct top_verb *v)
{
        const struct options *o = v->o;
        struct tops_config config = {
                .by = o->top_by,
                .n_rows = o->n_rows,
                .width = screen_cut(&v->screen, o),
                .utc = o->utc,
                .has_colours = v->screen.has_colours,
        };
        const unsigned n_tables = (unsigned)__builtin_popcount(config.by);
        int r;

        if (v->is_live) { /* it has to fit */
                const unsigned rest = HEAD_ROWS + n_tables * TABLE_ROWS;

                config.n_rows = MIN(config.n_rows, v->screen.height > rest + n_tables
                                                           ? (v->screen.height - rest) / n_tables
                                                           : 1);
        }
        r = gaps_new(&v->gaps);
        return r < 0 ? r : tops_new(&config, &v->tops);
}

static void show_json_line(struct top_verb *v)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        tops_show_json(v->tops, &text);
        if (v->screen.is_terminal)
                show_json(buf_span(&text), &v->screen.out);
        else
                buf_append_span(&v->screen.out, buf_span(&text));
        buf_append_char(&v->screen.out, '\n');
}

static int show(struct top_verb *v)
{
        int r;

        v->shown_ns = now_ns();
        r = input_each(&v->in, on_line, on_idle, v);
        if (r < 0)
                return r;
        if (v->o->output == OUTPUT_JSON)
                show_json_line(v);
        else
                tops_show(v->tops, v->gaps, 0, &v->screen.out);
        return screen_flush(&v->screen);
}

int verb_top(const struct options *o)
{
        struct top_verb v = { .o = o };
        int r;

        chosen_set_failed(o->chosen, o->shows_failed);
        r = chosen_pack(o->chosen);
        if (r < 0 || input_open(o, &v.in) < 0)
                return r < 0 ? verb_result(&v.in, &v.screen, r) : EXIT_CODE_NO_INPUT;
        screen_open(o, !v.in.source->is_live, &v.screen);
        v.is_live = v.in.source->is_live && v.screen.is_terminal && o->output != OUTPUT_JSON;
        r = open_all(&v);
        if (r >= 0)
                r = show(&v);
        screen_close(&v.screen);
        input_finish(&v.in);
        tops_free(v.tops);
        gaps_free(v.gaps);
        input_done(&v.in);
        return verb_result(&v.in, &v.screen, r);
}
