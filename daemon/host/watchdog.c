/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* One timer, before everything else in the loop: that it turns is all that is told. */
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "host/clock.h"
#include "host/notify.h"
#include "host/watchdog.h"

/* Where the manager had no room: it may read again, and then look at once who has been silent. */
#define RETRY_USEC (NSEC_PER_SEC / NSEC_PER_USEC)

/* To be joined with other wake-ups; four of five intervals may take so much longer. */
#define ACCURACY_USEC (NSEC_PER_SEC / NSEC_PER_USEC)

struct watchdog {
        sd_event_source *timer;
        uint64_t interval_usec;
};

static int on_timer(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
        const struct watchdog *w = userdata;
        uint64_t delay = w->interval_usec;

        if (notify_try("WATCHDOG=1") == -EAGAIN)
                delay = MIN(delay, RETRY_USEC);
        return sd_event_source_set_time_relative(source, delay);
}

int watchdog_new(struct sd_event *event, struct watchdog **ret)
{
        _cleanup_(watchdog_freep) struct watchdog *w = NULL;
        uint64_t timeout;
        int r;

        *ret = NULL;
        r = sd_watchdog_enabled(false, &timeout);
        if (r <= 0)
                return r;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->interval_usec = timeout / 4; /* the earliest that libsystemd does it, too */
        r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, w->interval_usec,
                                       MIN(ACCURACY_USEC, w->interval_usec), on_timer, w);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(w->timer, SD_EVENT_PRIORITY_IMPORTANT - 1);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->timer, SD_EVENT_ON);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

struct watchdog *watchdog_free(struct watchdog *w)
{
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}
