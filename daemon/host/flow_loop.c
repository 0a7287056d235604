/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Both sources are one-shot each time: else they would stay the ones that have waited longest,
 * before signals and timers, as long as there is something to do.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow/flow.h"
#include "flow/source.h"
#include "host/delivery.h"
#include "host/flow_loop.h"
#include "host/loop.h"

struct flow_loop {
        sd_event *event; /* borrowed, as all */
        struct source *source;
        struct flow *flow;
        struct delivery *delivery;
        sd_event_source *batch;
        sd_event_source *step; /* NULL: the source is live */
        int end;
};

/* After every other event: what is there to do next? */
static int on_post(sd_event_source *post _unused_, void *userdata)
{
        struct flow_loop *l = userdata;

        if (!flow_is_idle(l->flow))
                return sd_event_source_set_enabled(l->batch, SD_EVENT_ONESHOT);
        if (l->step && delivery_are_idle(l->delivery))
                return sd_event_source_set_enabled(l->step, SD_EVENT_ONESHOT);
        return 0;
}

static int on_batch(sd_event_source *batch _unused_, void *userdata)
{
        struct flow_loop *l = userdata;

        (void)delivery_run(l->delivery);
        return delivery_flush(l->delivery);
}

static int on_step(sd_event_source *step _unused_, void *userdata)
{
        struct flow_loop *l = userdata;
        int r;

        r = source_step(l->source);
        if (r > 0)
                return 0;
        l->end = r;
        return sd_event_exit(l->event, 0);
}

int flow_loop_new(struct sd_event *event, struct source *source, struct flow *flow,
                  struct delivery *delivery, struct flow_loop **ret)
{
        _cleanup_(flow_loop_freep) struct flow_loop *l = NULL;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->event = event;
        l->source = source;
        l->flow = flow;
        l->delivery = delivery;
        r = loop_add_post(event, on_post, l);
        if (r >= 0)
                r = loop_add_defer(event, on_batch, l, &l->batch);
        if (r >= 0 && !source_is_live(source))
                r = loop_add_defer(event, on_step, l, &l->step);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

struct flow_loop *flow_loop_free(struct flow_loop *l)
{
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->batch);
        sd_event_source_disable_unref(l->step);
        free(l);
        return NULL;
}

int flow_loop_end(const struct flow_loop *l)
{
        return l->end;
}
