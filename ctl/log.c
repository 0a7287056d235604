/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The verb `log`: each event that was chosen, in the form that was asked for. What is said about
 * the log itself (losses, restarts, lines that are missing) is shown whatever was chosen.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "input.h"
#include "pager.h"
#include "read/streams.h"
#include "verbs.h"
#include "view/lines.h"
#include "view/table.h"

/* What is written at once. */
#define OUT_BYTES (64 * KIB)

/* Of a terminal that does not say. */
#define WIDTH_DEFAULT 80

struct log_verb {
        const struct options *o;
        struct input in;
        struct streams *streams;
        struct table *table; /* NULL: another form */
        bool is_terminal;
        struct buf out;
        uint64_t n_missing, n_back;
};

static unsigned terminal_width(void)
{
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        long n;

        n = columns ? strtol(columns, NULL, 10) : 0;
        if (n > 0 && n < 10000)
                return (unsigned)n;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return size.ws_col;
        return WIDTH_DEFAULT;
}

static bool wants_colours(const struct options *o, bool is_terminal)
{
        const char *none = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");

        if (o->colour != WHEN_AUTO)
                return o->colour == WHEN_ALWAYS;
        return is_terminal && !(none && *none) && terminal && strcmp(terminal, "dumb") != 0;
}

static int flush(struct log_verb *v)
{
        const char *p = v->out.data;
        size_t left = v->out.size;

        if (buf_error(&v->out))
                return -ENOMEM;
        while (left > 0) {
                ssize_t n = write(STDOUT_FILENO, p, left);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        p += n;
                        left -= (size_t)n;
                }
        }
        buf_reset(&v->out);
        return 0;
}

static void put_line(struct log_verb *v, const struct event_line *line)
{
        switch (v->o->output) {
        case OUTPUT_VERBOSE:
                line_show_verbose(line, v->o->utc, &v->out);
                break;
        case OUTPUT_JSON:
                line_show_json(line, v->is_terminal, &v->out);
                break;
        case OUTPUT_CSV:
                line_show_csv(line, &v->out);
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

static void take_line(struct log_verb *v, int kind)
{
        const struct event_line *line = &v->in.line;

        if (chosen_in_time(v->o->chosen, line) != CHOSEN_TIME)
                return;
        step(v, line);
        if (kind == LINE_UNKNOWN) {
                if (!v->table && chosen_is_all(v->o->chosen))
                        put_line(v, line);
                return;
        }
        if (event_kind_is_kernel(line->event.kind) || line->event.kind == EVENT_SUMMARY)
                take_event(v, line);
        else if (v->table)
                table_daemon(v->table, line);
        else if (line->event.kind != EVENT_STATS || chosen_is_all(v->o->chosen))
                put_line(v, line);
}

/* 0: to its end, or until nobody reads any more. */
static int run(struct log_verb *v)
{
        int r;

        for (;;) {
                r = input_next(&v->in);
                if (r >= 0) {
                        take_line(v, r);
                        if (v->out.size < OUT_BYTES)
                                continue;
                        r = flush(v);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r != -EAGAIN)
                        return r;
                r = flush(v);
                if (r < 0)
                        return r;
                r = input_wait(&v->in);
                if (r <= 0)
                        return r;
        }
}

static int open_table(struct log_verb *v, bool has_pager)
{
        const struct options *o = v->o;
        const struct table_config config = {
                .width = v->is_terminal ? terminal_width() : 0,
                .cuts = v->is_terminal && !has_pager && !o->full && o->output == OUTPUT_SHORT,
                .is_wide = o->output == OUTPUT_WIDE,
                .has_colours = wants_colours(o, v->is_terminal),
                .utc = o->utc,
                .counts_seconds = o->counts_seconds,
                .quotes_all = o->quotes_all,
                .has_status = o->shows_failed,
                .waits = !v->in.source->is_live,
        };

        return table_new(&config, &v->out, &v->table);
}

static void finish(struct log_verb *v)
{
        const uint64_t n_failed = chosen_n_failed(v->o->chosen);

        input_finish(&v->in);
        if (!v->table) { /* there they have lines of their own */
                input_say(v->n_missing, "line is missing, by seq", "lines are missing, by seq");
                input_say(v->n_back, "time seq goes back: lines are doubled, or not in their order",
                          "times seq goes back: lines are doubled, or not in their order");
        }
        input_say(n_failed, "failed exec or attempt is not shown: see --failed",
                  "failed execs and attempts are not shown: see --failed");
        if (chosen_is_cut(v->o->chosen))
                (void)fputs("execsnoopctl: the tree is larger than what can be kept of it: some "
                            "may be missing\n",
                            stderr);
}

static int show(struct log_verb *v)
{
        int r;

        if (v->o->output == OUTPUT_CSV)
                line_show_csv_titles(&v->out);
        r = run(v);
        if (v->table)
                table_flush(v->table);
        if (r >= 0)
                r = flush(v);
        return r;
}

int verb_log(const struct options *o)
{
        struct log_verb v = { .o = o, .is_terminal = isatty(STDOUT_FILENO) };
        pid_t pager = 0;
        int r;

        chosen_set_failed(o->chosen, o->shows_failed);
        r = chosen_pack(o->chosen);
        if (r < 0 || input_open(o, &v.in) < 0)
                return r < 0 ? EXIT_FAILURE : EXIT_CODE_NO_INPUT;
        if (v.is_terminal && !o->no_pager && !v.in.source->is_live)
                pager = pager_open();
        (void)signal(SIGPIPE, SIG_IGN);
        r = streams_new(&v.streams);
        if (r >= 0 && (o->output == OUTPUT_SHORT || o->output == OUTPUT_WIDE))
                r = open_table(&v, pager > 0);
        if (r >= 0)
                r = show(&v);
        pager_close(pager);
        finish(&v);
        table_free(v.table);
        streams_free(v.streams);
        input_done(&v.in);
        buf_done(&v.out);
        if (r == -ENOMEM)
                (void)fputs("execsnoopctl: out of memory\n", stderr);
        return r < 0 && r != -EPIPE ? EXIT_FAILURE : EXIT_SUCCESS;
}
