/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One timer, before everything else in the loop: it shows that the loop turns, and no more.
 *
 * What it is asked for comes from the environment. Nonsense there must not cost the log: a time
 * that cannot be read is none, and one that the loop could not do anything else in becomes longer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "host/log.h"
#include "host/notify.h"
#include "host/timer.h"
#include "host/watchdog.h"

/* If the manager had no room: once it reads again, it may look for silent services at once. */
#define RETRY_NS NSEC_PER_SEC

/* To be joined with other wake-ups; four of five intervals may take so much longer. */
#define ACCURACY_NS NSEC_PER_SEC

/*
 * Whoever wants to hear more often hears what the loop can do beside its work. And nobody waits
 * longer than a day, which also keeps the sums below from overflow.
 */
#define INTERVAL_MIN_NS (10 * NSEC_PER_MSEC)
#define INTERVAL_MAX_NS (UINT64_C(86400) * NSEC_PER_SEC)

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

/* 0: none is wanted. */
static uint64_t wanted_interval_ns(void)
{
        uint64_t timeout_usec, interval_ns;
        int r;

        r = sd_watchdog_enabled(false, &timeout_usec);
        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Not telling the service manager that we are alive, as WATCHDOG_USEC= or "
                          "WATCHDOG_PID= is not valid");
        if (r <= 0)
                return 0;
        /* A quarter: the earliest that libsystemd does it, too. */
        interval_ns = MIN(timeout_usec / 4, INTERVAL_MAX_NS / NSEC_PER_USEC) * NSEC_PER_USEC;
        if (interval_ns < INTERVAL_MIN_NS)
                log_warning("WATCHDOG_USEC=%" PRIu64 " is too short: telling the service manager "
                            "that we are alive every %d ms",
                            timeout_usec, (int)(INTERVAL_MIN_NS / NSEC_PER_MSEC));
        return MAX(interval_ns, INTERVAL_MIN_NS);
}

int watchdog_new(struct sd_event *event, struct watchdog **ret)
{
        struct timer_config config = { .on_time = on_time,
                                       .priority = SD_EVENT_PRIORITY_IMPORTANT - 1 };
        _cleanup_(watchdog_freep) struct watchdog *w = NULL;
        uint64_t interval_ns = wanted_interval_ns();
        int r;

        *ret = NULL;
        if (interval_ns == 0)
                return 0;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->interval_ns = interval_ns;
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
