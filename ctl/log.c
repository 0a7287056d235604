/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The verb `log`: each event that was chosen, in the form that was asked for. What is said about
 * the log itself (losses, restarts, lines that are missing) is shown whatever was chosen.
 */
#include <errno.h>
#include <stdio.h>

#include "input.h"
#include "read/streams.h"
#include "screen.h"
#include "verbs.h"
#include "view/lines.h"
#include "view/table.h"

struct log_verb {
        const struct options *o;
        struct input in;
        struct streams *streams;
        struct table *table; /* NULL: another form */
        struct screen screen;
        uint64_t n_missing, n_back;
};

static void put_line(struct log_verb *v, const struct event_line *line)
{
        switch (v->o->output) {
        case OUTPUT_VERBOSE:
                line_show_verbose(line, v->o->utc, &v->screen.out);
                break;
        case OUTPUT_JSON:
                line_show_json(line, v->screen.is_terminal, &v->screen.out);
                break;
        case OUTPUT_CSV:
                line_show_csv(line, &v->screen.out);
                break;
        case OUTPUT_SHORT:
        case OUTPUT_WIDE:
                break;
        }
}

static void step(struct log_verb *v, const struct event_line *line)
{
        enum stream_step step;
        uint64_t last;

        step = streams_step(v->streams, line, &last);
        if (step == STREAM_HOLE)
                v->n_missing += line->seq - last - 1;
        v->n_back += step == STREAM_BACK;
        if (v->table)
                table_step(v->table, line, step, last);
}

static void take_event(struct log_verb *v, const struct event_line *line)
{
        const bool is_exit = line->event.kind == EVENT_EXIT;

        if (v->table && is_exit && table_exit(v->table, line)) {
                (void)chosen_match(v->o->chosen, line); /* a tree has to know */
                return;
        }
        if (!chosen_match(v->o->chosen, line))
                return;
        if (v->table)
                table_event(v->table, line);
        else
                put_line(v, line);
}

/* Nothing has happened then: no row of a table, but a tree has to know. */
static void take_process(struct log_verb *v, const struct event_line *line)
{
        if (chosen_match(v->o->chosen, line) && !v->table)
                put_line(v, line);
}

static void take_line(struct log_verb *v, int kind)
{
        const struct event_line *line = &v->in.line;

        if (chosen_in_time(v->o->chosen, line) != CHOSEN_TIME) {
                streams_pass(v->streams, line);
                return;
        }
        step(v, line);
        if (kind == LINE_UNKNOWN) {
                if (!v->table && chosen_is_all(v->o->chosen))
                        put_line(v, line);
                return;
        }
        if (event_kind_is_kernel(line->event.kind) || line->event.kind == EVENT_SUMMARY)
                take_event(v, line);
        else if (line->event.kind == EVENT_PROCESS)
                take_process(v, line);
        else if (v->table)
                table_daemon(v->table, line);
        else if (line->event.kind != EVENT_STATS || chosen_is_all(v->o->chosen))
                put_line(v, line);
}

static int on_line(void *userdata, int kind)
{
        struct log_verb *v = userdata;

        take_line(v, kind);
        return v->screen.out.size < SCREEN_OUT_BYTES ? 0 : screen_flush(&v->screen);
}

static int on_idle(void *userdata)
{
        struct log_verb *v = userdata;

        return screen_flush(&v->screen);
}

static int open_table(struct log_verb *v)
{
        const struct options *o = v->o;
        const struct table_config config = {
                .width = v->screen.width,
                .cuts = screen_cut(&v->screen, o) > 0,
                .is_wide = o->output == OUTPUT_WIDE,
                .has_colours = v->screen.has_colours,
                .utc = o->utc,
                .counts_seconds = o->counts_seconds,
                .quotes_all = o->quotes_all,
                .has_status = o->shows_failed,
                .waits = !v->in.source->is_live,
        };

        return table_new(&config, &v->screen.out, &v->table);
}

static void finish(struct log_verb *v)
{
        input_finish(&v->in);
        if (!v->table) { /* there they have lines of their own */
                input_say(v->n_missing, "line is missing, by seq", "lines are missing, by seq");
                input_say(v->n_back, "time seq goes back: lines are doubled, or not in their order",
                          "times seq goes back: lines are doubled, or not in their order");
        }
        input_say(chosen_n_failed(v->o->chosen), INPUT_FAILED_ONE, INPUT_FAILED_MANY);
        if (chosen_is_cut(v->o->chosen))
                (void)fputs(INPUT_TREE_IS_CUT, stderr);
}

static int show(struct log_verb *v)
{
        int r;

        if (v->o->output == OUTPUT_CSV)
                line_show_csv_titles(&v->screen.out);
        r = input_each(&v->in, on_line, on_idle, v);
        if (v->table)
                table_flush(v->table);
        if (r >= 0)
                r = input_shown(&v->in, screen_flush(&v->screen));
        return r;
}

int verb_log(const struct options *o)
{
        struct log_verb v = { .o = o };
        int r;

        chosen_set_failed(o->chosen, o->shows_failed);
        r = chosen_pack(o->chosen);
        if (r < 0 || input_open(o, &v.in) < 0)
                return r < 0 ? verb_result(&v.in, &v.screen, r) : EXIT_CODE_NO_INPUT;
        screen_open(o, !v.in.source->is_live, &v.screen);
        r = streams_new(&v.streams);
        if (r >= 0 && (o->output == OUTPUT_SHORT || o->output == OUTPUT_WIDE))
                r = open_table(&v);
        if (r >= 0)
                r = show(&v);
        screen_close(&v.screen);
        finish(&v);
        table_free(v.table);
        streams_free(v.streams);
        input_done(&v.in);
        return verb_result(&v.in, &v.screen, r);
}
