/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* One source of sd-event, one-shot. */
#include <errno.h>
#include <stdlib.h>

#include "host/loop.h"
#include "host/timer.h"

struct timer {
        int (*on_time)(void *userdata);
        void *userdata;
        sd_event_source *source;
};

static int on_source(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
        const struct timer *t = userdata;

        return t->on_time(t->userdata);
}

int timer_new(struct sd_event *loop, const struct timer_config *config, void *userdata,
              struct timer **ret)
{
        _cleanup_(timer_freep) struct timer *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->on_time = config->on_time;
        t->userdata = userdata;
        r = loop_add_time(loop, config->accuracy_ns / NSEC_PER_USEC, on_source, t, &t->source);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(t->source, config->priority);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

struct timer *timer_free(struct timer *t)
{
        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->source);
        free(t);
        return NULL;
}

int timer_start(struct timer *t, uint64_t delay_ns)
{
        int r;

        r = sd_event_source_set_time_relative(t->source, delay_ns / NSEC_PER_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
}

void timer_stop(struct timer *t)
{
        (void)sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
}
