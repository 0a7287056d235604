/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One timer and, while the sink is busy and has an fd to wait for, one io source. Both are one-shot
 * and off while the sink is idle, so an idle daemon is not woken by its sinks.
 *
 * A closed sink (the reader of our stdout has gone) ends the loop: there is nothing left to do.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/message_id.h"
#include "flow/outputs.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/loop.h"
#include "host/outlet.h"
#include "host/timer.h"
#include "sink/sink.h"

#define BUSY_RETRY_NS (20 * NSEC_PER_MSEC) /* where there is nothing to wait for */
#define BROKEN_RETRY_NS NSEC_PER_SEC

struct outlet {
        struct sink *sink;             /* borrowed, like the next */
        const struct outputs *outputs; /* in which it has its place */
        enum sink_place place;
        sd_event *event;
        struct timer *timer;
        sd_event_source *io;
        enum sink_state state;
        uint64_t pause_end_ns; /* of a broken sink, CLOCK_MONOTONIC */
        int reported_error;    /* that was logged */
        uint64_t lost;         /* before that */
        char reported_what[256];
};

static int on_time(void *userdata)
{
        outlet_hurry(userdata);
        return outlet_flush(userdata);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                 void *userdata)
{
        return outlet_flush(userdata);
}

int outlet_new(struct sd_event *event, struct sink *sink, const struct outputs *outputs,
               enum sink_place place, struct outlet **ret)
{
        const struct timer_config config = { .on_time = on_time, .accuracy_ns = NSEC_PER_MSEC };
        _cleanup_(outlet_freep) struct outlet *o = NULL;
        int r;

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->sink = sink;
        o->outputs = outputs;
        o->place = place;
        o->event = sd_event_ref(event);
        r = timer_new(event, &config, o, &o->timer);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

struct outlet *outlet_free(struct outlet *o)
{
        if (!o)
                return NULL;
        timer_free(o->timer);
        sd_event_source_disable_unref(o->io);
        sd_event_unref(o->event);
        free(o);
        return NULL;
}

static const char *what_of(const struct sink *s)
{
        return s->error_what ? s->error_what : "";
}

/* By its beginning, which says enough. */
static bool is_reported(const struct outlet *o)
{
        return o->sink->error == o->reported_error &&
               strncmp(what_of(o->sink), o->reported_what, sizeof(o->reported_what) - 1) == 0;
}

static void report_recovery(const struct outlet *o)
{
        const char *name = sink_place_name(o->place);
        struct sink_stats stats;
        uint64_t lost;

        outputs_sink_stats(o->outputs, o->place, &stats);
        lost = stats.lost - o->lost;
        if (lost == 0)
                log_catalog(LOG_NOTICE, MESSAGE_ID_SINK_RECOVERED,
                            "Sink '%s' works again; no event was lost meanwhile", name);
        else
                log_catalog(LOG_NOTICE, MESSAGE_ID_SINK_RECOVERED,
                            "Sink '%s' works again; events lost meanwhile: %" PRIu64, name, lost);
}

static void report_condition(struct outlet *o)
{
        const struct sink *s = o->sink;
        struct sink_stats stats;

        if (is_reported(o) || o->state == SINK_CLOSED)
                return;
        if (s->error < 0) {
                outputs_sink_stats(o->outputs, o->place, &stats);
                if (o->reported_error == 0)
                        o->lost = stats.lost;
                log_catalog(LOG_WARNING, MESSAGE_ID_SINK_BROKEN, "Sink '%s': cannot %s: %s",
                            sink_place_name(o->place), s->error_what, strerror(-s->error));
        } else {
                report_recovery(o);
        }
        o->reported_error = s->error;
        (void)snprintf(o->reported_what, sizeof(o->reported_what), "%s", what_of(s));
}

/* False: there is no fd to wait for, or it cannot be waited for (a regular file; no memory). */
static bool wait_for_fd(struct outlet *o)
{
        int fd = sink_poll_fd(o->sink);

        if (fd < 0)
                return false;
        /* A sink may have another fd than last time; an io source has one for life. */
        o->io = sd_event_source_disable_unref(o->io);
        return loop_add_io(o->event, fd, EPOLLOUT, on_io, o, &o->io) >= 0 &&
               sd_event_source_set_enabled(o->io, SD_EVENT_ONESHOT) >= 0;
}

int outlet_flush(struct outlet *o)
{
        if (o->state == SINK_BROKEN && clock_monotonic_ns() < o->pause_end_ns)
                return 0; /* the timer is set */
        o->state = sink_flush(o->sink);
        report_condition(o);
        switch (o->state) {
        case SINK_BUSY:
                return wait_for_fd(o) ? 0 : timer_start(o->timer, BUSY_RETRY_NS);
        case SINK_BROKEN:
                o->io = sd_event_source_disable_unref(o->io);
                o->pause_end_ns = clock_monotonic_ns() + BROKEN_RETRY_NS;
                return timer_start(o->timer, BROKEN_RETRY_NS);
        case SINK_CLOSED:
                return sd_event_exit(o->event, 0);
        default:
                o->io = sd_event_source_disable_unref(o->io);
                timer_stop(o->timer);
                return 0;
        }
}

void outlet_hurry(struct outlet *o)
{
        o->pause_end_ns = 0;
}

bool outlet_is_idle(const struct outlet *o)
{
        return o->state == SINK_IDLE;
}

void outlet_finish(struct outlet *o, uint64_t end_ns)
{
        o->io = sd_event_source_disable_unref(o->io); /* the sink may get another descriptor */
        for (;;) {
                struct pollfd p = { .events = POLLOUT };

                o->state = sink_flush(o->sink);
                report_condition(o);
                if (o->state == SINK_IDLE || o->state == SINK_CLOSED ||
                    clock_monotonic_ns() >= end_ns)
                        return;
                p.fd = sink_poll_fd(o->sink);
                (void)poll(&p, 1, BUSY_RETRY_NS / NSEC_PER_MSEC); /* a negative fd only waits */
        }
}

void outlet_report_rest(const struct outlet *o)
{
        struct sink_stats stats;

        if (o->state == SINK_IDLE || o->state == SINK_CLOSED)
                return;
        outputs_sink_stats(o->outputs, o->place, &stats);
        log_warning("Sink '%s' closed with %" PRIu64 " events undelivered; %" PRIu64
                    " events were lost before",
                    stats.name, stats.backlog, stats.lost);
}
