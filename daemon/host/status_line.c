/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A timer and the line said last. stats_describe() makes it.
 *
 * A line has its moment, as it stands above newer lines of the journal in `systemctl status`; the
 * first, of a moment without numbers, says where the events go. Nothing is sent while nothing else
 * changes. A line that the manager had no room for is sent next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/flow.h"
#include "host/clock.h"
#include "host/notify.h"
#include "host/status_line.h"
#include "host/timer.h"

/* Often enough for a reader, rarely enough to cost nothing; up to 1 s later, to join wake-ups. */
#define INTERVAL_NS (10 * NSEC_PER_SEC)
#define ACCURACY_NS NSEC_PER_SEC

/* From the words at the start to numbers. */
#define FIRST_NS NSEC_PER_SEC

struct status_line {
        const struct flow *flow; /* borrowed */
        struct timer *timer;
        uint64_t seen, seen_ns; /* at the last line, CLOCK_MONOTONIC; 0: there was none */
        struct buf line, said;
};

static void describe_sinks(const struct stats *stats, struct buf *ret)
{
        const struct sink_stats *sink;

        buf_append_string(ret, "logging to ");
        for (unsigned i = 0; i < stats->n_sinks; i++) {
                sink = &stats->sink[i];
                buf_printf(ret, "%s%s", i > 0 ? ", " : "", sink->name);
                if (sink->error < 0)
                        buf_printf(ret, " (cannot %s: %s)", sink->error_what,
                                   strerror(-sink->error));
        }
        if (stats->n_sinks == 0)
                buf_append_string(ret, "nowhere: no sink is enabled");
}

static int send_line(const char *line)
{
        _cleanup_(buf_done) struct buf message = {};
        time_t now = time(NULL);
        char moment[16] = "";
        struct tm local;

        if (localtime_r(&now, &local))
                (void)strftime(moment, sizeof(moment), "%T", &local);
        buf_printf(&message, "STATUS=At %s: %s", moment, line);
        buf_append_char(&message, '\0');
        return buf_error(&message) < 0 ? -EAGAIN : notify_try(message.data);
}

static void status_say(struct status_line *s)
{
        uint64_t now_ns = clock_monotonic_ns();
        struct stats stats;
        struct buf other;

        flow_stats(s->flow, &stats);
        buf_reset(&s->line);
        if (s->seen_ns == 0)
                describe_sinks(&stats, &s->line);
        else
                stats_describe(&stats, s->seen, now_ns - s->seen_ns, &s->line);
        buf_append_char(&s->line, '\0');
        s->seen = stats_seen(&stats);
        s->seen_ns = now_ns;
        if (buf_error(&s->line) < 0)
                return; /* no memory: next time */
        if (s->said.size == s->line.size && memcmp(s->said.data, s->line.data, s->line.size) == 0)
                return;
        if (send_line(s->line.data) == -EAGAIN)
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
                r = timer_start(s->timer, FIRST_NS);
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
