/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A timer and the line said last. stats_describe() makes it.
 *
 * Nothing is sent while nothing changes; and a rate needs two moments, so the first line has none.
 * A line that the manager had no room for is sent next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"
#include "host/clock.h"
#include "host/notify.h"
#include "host/status_line.h"
#include "host/timer.h"

/* Often enough for a reader, rarely enough to cost nothing; up to 1 s later, to join wake-ups. */
#define INTERVAL_NS (10 * NSEC_PER_SEC)
#define ACCURACY_NS NSEC_PER_SEC

struct status_line {
        const struct flow *flow; /* borrowed */
        struct timer *timer;
        uint64_t seen, seen_ns; /* at the last line, CLOCK_MONOTONIC; 0: there was none */
        struct buf line, said;
};

static void status_say(struct status_line *s)
{
        uint64_t now_ns = clock_monotonic_ns();
        struct stats stats;
        struct buf other;

        flow_stats(s->flow, &stats);
        buf_reset(&s->line);
        buf_append_string(&s->line, "STATUS=");
        stats_describe(&stats, s->seen, s->seen_ns > 0 ? now_ns - s->seen_ns : 0, &s->line);
        buf_append_char(&s->line, '\0');
        s->seen = stats_seen(&stats);
        s->seen_ns = now_ns;
        if (buf_error(&s->line) < 0)
                return; /* no memory: next time */
        if (s->said.size == s->line.size && memcmp(s->said.data, s->line.data, s->line.size) == 0)
                return;
        if (notify_try(s->line.data) == -EAGAIN)
                return;
        other = s->said;
        s->said = s->line;
        s->line = other;
}

static int on_time(void *userdata)
{
        struct status_line *s = userdata;

        status_say(s);
        return timer_start(s->timer, INTERVAL_NS);
}

int status_line_new(struct sd_event *event, const struct flow *flow, struct status_line **ret)
{
        const struct timer_config config = { .on_time = on_time, .accuracy_ns = ACCURACY_NS };
        _cleanup_(status_line_freep) struct status_line *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->flow = flow;
        r = timer_new(event, &config, s, &s->timer);
        if (r >= 0)
                r = timer_start(s->timer, INTERVAL_NS);
        if (r < 0)
                return r;
        status_say(s);

        *ret = TAKE_PTR(s);
        return 0;
}

struct status_line *status_line_free(struct status_line *s)
{
        if (!s)
                return NULL;
        timer_free(s->timer);
        buf_done(&s->line);
        buf_done(&s->said);
        free(s);
        return NULL;
}
