/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* One timer, before everything else in the loop: it shows that the loop turns, and no more. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "host/notify.h"
#include "host/timer.h"
#include "host/watchdog.h"

/* If the manager had no room: once it reads again, it may look for silent services at once. */
#define RETRY_NS NSEC_PER_SEC

/* To be joined with other wake-ups; four of five intervals may take so much longer. */
#define ACCURACY_NS NSEC_PER_SEC

struct watchdog {
        struct timer *timer;
        uint64_t interval_ns;
};

static int on_time(void *userdata)
{
        const struct watchdog *w = userdata;
        uint64_t delay_ns = w->interval_ns;

        if (notify_try("WATCHDOG=1") == -EAGAIN)
                delay_ns = MIN(delay_ns, RETRY_NS);
        return timer_start(w->timer, delay_ns);
}

int watchdog_new(struct sd_event *event, struct watchdog **ret)
{
        struct timer_config config = { .on_time = on_time,
                                       .priority = SD_EVENT_PRIORITY_IMPORTANT - 1 };
        _cleanup_(watchdog_freep) struct watchdog *w = NULL;
        uint64_t timeout_usec;
        int r;

        *ret = NULL;
        r = sd_watchdog_enabled(false, &timeout_usec);
        if (r <= 0)
                return r;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        /* the earliest that libsystemd does it, too */
        w->interval_ns = timeout_usec / 4 * NSEC_PER_USEC;
        config.accuracy_ns = MIN(ACCURACY_NS, w->interval_ns);
        r = timer_new(event, &config, w, &w->timer);
        if (r >= 0)
                r = timer_start(w->timer, w->interval_ns);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

struct watchdog *watchdog_free(struct watchdog *w)
{
        if (!w)
                return NULL;
        timer_free(w->timer);
        free(w);
        return NULL;
}
