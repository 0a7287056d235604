/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * All sources are one-shot each time: else they would stay the ones that have waited longest,
 * before signals and timers, as long as there is something to do.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow/flow.h"
#include "flow/source.h"
#include "host/delivery.h"
#include "host/flow_loop.h"
#include "host/loop.h"
#include "host/timer.h"

/* Until a summary for which a sink had no room is tried again. */
#define RETRY_NS (100 * NSEC_PER_MSEC)

/* Until a piece of the snapshot that was not there yet is asked for again. */
#define PIECE_NS (5 * NSEC_PER_MSEC)

struct flow_loop {
        sd_event *event; /* borrowed, as all */
        struct source *source;
        struct flow *flow;
        struct delivery *delivery;
        sd_event_source *batch;
        sd_event_source *step;     /* NULL: the source is live, and this is not: */
        sd_event_source *snapshot; /* a piece of it */
        struct timer *piece;       /* likewise not NULL then; runs while it is waited for */
        bool awaits_piece;
        struct timer *due; /* likewise */
        uint64_t due_ns;   /* for which it was started; UINT64_MAX: it was not */
        int end;
};

/* For a moment at which something is to be said though nothing happens. */
static int await_due(struct flow_loop *l)
{
        const uint64_t due_ns = flow_due_ns(l->flow);
        uint64_t now_ns;

        if (!l->due || due_ns == l->due_ns)
                return 0;
        l->due_ns = due_ns;
        if (due_ns == UINT64_MAX) {
                timer_stop(l->due);
                return 0;
        }
        now_ns = source_now_ns(l->source);
        return timer_start(l->due, MAX(due_ns - MIN(due_ns, now_ns), RETRY_NS));
}

static int on_due(void *userdata)
{
        struct flow_loop *l = userdata;

        l->due_ns = UINT64_MAX; /* if there was no room, it is due again */
        flow_mark_moment(l->flow);
        source_reconcile(l->source); /* lets the mark out of the queue */
        return 0;
}

/* After every other event: plans the next step. */
static int on_post(sd_event_source *post _unused_, void *userdata)
{
        struct flow_loop *l = userdata;
        int r;

        r = await_due(l);
        if (r < 0)
                return r;
        if (!flow_is_idle(l->flow))
                return sd_event_source_set_enabled(l->batch, SD_EVENT_ONESHOT);
        if (l->snapshot && !l->awaits_piece && flow_can_take_snapshot(l->flow))
                return sd_event_source_set_enabled(l->snapshot, SD_EVENT_ONESHOT);
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

static int on_snapshot(sd_event_source *snapshot _unused_, void *userdata)
{
        struct flow_loop *l = userdata;

        int r;

        if (!flow_can_take_snapshot(l->flow))
                return 0;
        r = flow_take_snapshot(l->flow);
        if (r == 0)
                source_reconcile(l->source); /* lets out what has waited for it */
        l->awaits_piece = r == -EAGAIN;
        return l->awaits_piece ? timer_start(l->piece, PIECE_NS) : 0;
}

/* What is next, on_post() decides. */
static int on_piece(void *userdata)
{
        struct flow_loop *l = userdata;

        l->awaits_piece = false;
        return 0;
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

/* For a live source alone. */
static int set_up_live(struct flow_loop *l)
{
        static const struct timer_config due = { .on_time = on_due };
        static const struct timer_config piece = { .on_time = on_piece, .accuracy_ns = PIECE_NS };
        int r;

        r = loop_add_defer(l->event, on_snapshot, l, &l->snapshot);
        if (r >= 0)
                r = timer_new(l->event, &piece, l, &l->piece);
        if (r >= 0)
                r = timer_new(l->event, &due, l, &l->due);
        return r;
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
        l->due_ns = UINT64_MAX;
        r = loop_add_post(event, on_post, l);
        if (r >= 0)
                r = loop_add_defer(event, on_batch, l, &l->batch);
        if (r >= 0 && !source_is_live(source))
                r = loop_add_defer(event, on_step, l, &l->step);
        else if (r >= 0)
                r = set_up_live(l);
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
        sd_event_source_disable_unref(l->snapshot);
        timer_free(l->piece);
        timer_free(l->due);
        free(l);
        return NULL;
}

int flow_loop_end(const struct flow_loop *l)
{
        return l->end;
}
