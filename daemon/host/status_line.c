/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A timer and the line said last. What the line says is made by stats_describe().
 *
 * Nothing is sent while nothing changes; and a rate needs two moments, so the first line has none.
 * What the manager had no room for, is said next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "flow/flow.h"
#include "host/clock.h"
#include "host/notify.h"
#include "host/status_line.h"

/* Often enough for who looks, rarely enough to cost nothing; 1 s of leave, to join other wake-ups.
 */
#define INTERVAL_NS (10 * NSEC_PER_SEC)
#define ACCURACY_NS NSEC_PER_SEC

struct status_line {
        const struct flow *flow; /* borrowed */
        sd_event_source *timer;
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

static int on_timer(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
        status_say(userdata);
        return sd_event_source_set_time_relative(source, INTERVAL_NS / NSEC_PER_USEC);
}

int status_line_new(struct sd_event *event, const struct flow *flow, struct status_line **ret)
{
        _cleanup_(status_line_freep) struct status_line *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->flow = flow;
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC,
                                       INTERVAL_NS / NSEC_PER_USEC, ACCURACY_NS / NSEC_PER_USEC,
                                       on_timer, s);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(s->timer, SD_EVENT_ON);
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
        sd_event_source_disable_unref(s->timer);
        buf_done(&s->line);
        buf_done(&s->said);
        free(s);
        return NULL;
}
