/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "relatives.h"

static void take_event(struct relatives *r, const struct event_line *line)
{
        struct chosen *chosen = r->o->chosen;

        if (line->event.kind == EVENT_EXIT) {
                (void)chosen_match(chosen, line); /* a tree has to know */
                family_exit(r->family, line);
                return;
        }
        if (line->event.kind == EVENT_SUMMARY && span_is(line->of, "exit"))
                return;
        if (chosen_match(chosen, line))
                family_event(r->family, line);
}

static int on_line(void *userdata, int kind)
{
        struct relatives *r = userdata;
        const struct event_line *line = &r->in.line;
        uint64_t n_missing, since_ns;
        int e = 0;

        if (chosen_in_time(r->o->chosen, line) != CHOSEN_TIME) {
                gaps_pass(r->gaps, line);
                return 0;
        }
        n_missing = gaps_take(r->gaps, line, &since_ns);
        if (r->on_gap && (n_missing > 0 || line->event.kind == EVENT_LOST))
                e = r->on_gap(r->userdata, line, n_missing, since_ns);
        if (kind == LINE_EVENT &&
            (event_kind_is_kernel(line->event.kind) || line->event.kind == EVENT_SUMMARY))
                take_event(r, line);
        return e;
}

int relatives_read(struct relatives *r, const struct options *o, uint32_t n_max)
{
        int e;

        r->o = o;
        r->in.signal_fd = -1;
        chosen_set_failed(o->chosen, o->shows_failed);
        e = chosen_pack(o->chosen);
        if (e >= 0)
                e = gaps_new(&r->gaps);
        if (e >= 0)
                e = family_new(n_max, &r->family);
        if (e < 0)
                return e;
        if (input_open(o, &r->in) < 0)
                return EXIT_CODE_NO_INPUT;
        return input_each(&r->in, on_line, NULL, r);
}

void relatives_finish(struct relatives *r)
{
        const uint64_t n = family_n_left_out(r->family);

        input_finish(&r->in);
        input_say(n,
                  "exec is not shown: the log has more than there is room for; choose some, or a "
                  "time",
                  "execs are not shown: the log has more than there is room for; choose some, or a "
                  "time");
        input_say(chosen_n_failed(r->o->chosen), INPUT_FAILED_ONE, INPUT_FAILED_MANY);
        if (chosen_is_cut(r->o->chosen))
                (void)fputs(INPUT_TREE_IS_CUT, stderr);
}

void relatives_done(struct relatives *r)
{
        screen_close(&r->screen);
        family_free(r->family);
        gaps_free(r->gaps);
        if (r->in.source)
                input_done(&r->in);
}
