/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `plot`: a picture of the processes of the log. */
#include <errno.h>
#include <stdio.h>

#include "relatives.h"
#include "verbs.h"
#include "view/plot.h"

struct plot_verb {
        struct relatives relatives;
        struct plot_gap gaps[PLOT_GAPS_MAX];
        size_t n_gaps;
};

static void add_gap(struct plot_verb *v, const struct plot_gap *gap)
{
        struct plot_gap *last = &v->gaps[PLOT_GAPS_MAX - 1];

        if (v->n_gaps < PLOT_GAPS_MAX) {
                v->gaps[v->n_gaps++] = *gap;
                return;
        }
        last->n += gap->n;
        last->from_ns = MIN(last->from_ns, gap->from_ns);
        last->to_ns = MAX(last->to_ns, gap->to_ns);
}

static int on_gap(void *userdata, const struct event_line *line, uint64_t n_missing,
                  uint64_t since_ns)
{
        struct plot_verb *v = userdata;
        struct plot_gap gap = { .from_ns = since_ns, .to_ns = line->time_ns, .n = n_missing };

        if (n_missing > 0) {
                gap.is_lines = true;
                add_gap(v, &gap);
        }
        if (line->event.kind != EVENT_LOST)
                return 0;
        gap = (struct plot_gap){ .n = line->counters.count };
        gap.from_ns = line->from_ns != TIME_UNKNOWN ? line->from_ns : line->time_ns;
        gap.to_ns = line->to_ns != TIME_UNKNOWN ? line->to_ns : line->time_ns;
        (void)snprintf(gap.where, sizeof(gap.where), "%.*s",
                       (int)MIN(line->where.size, sizeof(gap.where)),
                       line->where.size > 0 ? line->where.data : "");
        add_gap(v, &gap);
        return 0;
}

/* Gaps of a time in which nothing was chosen would make all else too small to be seen. */
static void choose_gaps(struct plot_verb *v)
{
        uint64_t from_ns, to_ns;
        size_t n = 0;

        family_span(v->relatives.family, &from_ns, &to_ns);
        for (size_t i = 0; i < v->n_gaps; i++)
                if (v->gaps[i].from_ns <= to_ns && v->gaps[i].to_ns >= from_ns)
                        v->gaps[n++] = v->gaps[i];
        v->n_gaps = n;
}

static int show(struct plot_verb *v)
{
        struct relatives *r = &v->relatives;
        const struct options *o = r->o;
        struct plot_config config = { .by = o->plot_by, .utc = o->utc, .gaps = v->gaps };
        int e;

        choose_gaps(v);
        config.n_gaps = v->n_gaps;
        screen_open(o, false, &r->screen);
        e = plot_show(&config, r->family, &r->screen.out);
        return e < 0 ? e : screen_flush(&r->screen);
}

static bool is_empty(const struct relatives *r)
{
        uint64_t from_ns, to_ns;

        family_span(r->family, &from_ns, &to_ns);
        return to_ns == 0;
}

int verb_plot(const struct options *o)
{
        struct plot_verb *v;
        int e;

        if (isatty(STDOUT_FILENO)) {
                (void)fputs("execsnoopctl: plot: this is a picture, expected a file for it: "
                            "execsnoopctl plot > plot.svg\n",
                            stderr);
                return EXIT_CODE_USAGE;
        }
        v = calloc(1, sizeof(*v));
        if (!v)
                return EXIT_CODE_SYSTEM;
        v->relatives.on_gap = on_gap;
        v->relatives.userdata = v;
        e = relatives_read(&v->relatives, o, PLOT_MEMBERS_MAX);
        if (e == 0 && is_empty(&v->relatives)) {
                (void)fputs("execsnoopctl: plot: no exec was chosen, there is nothing to draw\n",
                            stderr);
                e = EXIT_FAILURE;
        }
        if (e == 0)
                e = show(v);
        if (v->relatives.family && v->relatives.in.source)
                relatives_finish(&v->relatives);
        relatives_done(&v->relatives);
        e = e > 0 ? e : verb_result(&v->relatives.in, &v->relatives.screen, e);
        free(v);
        return e;
}
