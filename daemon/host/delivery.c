/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * When settings change, each place has nothing to do, or a sink to open, or one to close, which
 * first delivers what it can, or one to keep with new settings. A sink that is another one by the
 * new settings, like a file with another path, is closed, and one opened. The row of sink_kinds has
 * all that differs between destinations.
 */
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "flow/flow.h"
#include "flow/outputs.h"
#include "host/clock.h"
#include "host/delivery.h"
#include "host/log.h"
#include "host/outlet.h"
#include "host/packer.h"
#include "sink/sink.h"
#include "sink/sink_kind.h"

/* How long a reload may wait for the reader of a sink that is closed. */
#define CLOSE_TIMEOUT_NS (100 * NSEC_PER_MSEC)

struct place {
        struct outlet *outlet; /* of the sink here */
        struct sink *fresh;    /* prepared, to take its place */
        struct outlet *fresh_outlet;
        bool is_closing;     /* the sink here is not wanted any more */
        size_t backlog_size; /* of the sink here, as committed last */
};

struct delivery {
        sd_event *event;
        struct flow *flow;
        struct outputs *outputs;  /* of the flow */
        struct account *accounts; /* _SINK_ACCOUNT_MAX, or NULL; borrowed */
        struct sink_options options;
        int lock; /* of the image before, until the sink is there that has it; or -1 */
        struct packer *packer;
        const struct config *prepared;
        struct place place[_SINK_PLACE_MAX];
};

static bool is_wanted(const struct delivery *s, enum sink_place i, const struct config *c)
{
        return sink_kinds[i].is_wanted(c, &s->options);
}

static bool is_kept(const struct delivery *s, enum sink_place i, const struct config *c)
{
        const struct sink_kind *kind = &sink_kinds[i];

        if (!s->place[i].outlet || !is_wanted(s, i, c))
                return false;
        return !kind->is_same || kind->is_same(outputs_sink(s->outputs, i), c);
}

static enum config_format format_of(const struct delivery *s, enum sink_place i,
                                    const struct config *c)
{
        return sink_kinds[i].format(c, &s->options);
}

/* As set, which is enough for the formats that are set; that of stdout is another matter. */
static size_t backlog_of(const struct delivery *s, enum sink_place i, const struct config *c)
{
        return MAX(c->queue.backlog, config_backlog_min(c, format_of(s, i, c)));
}

static int place_prepare(struct delivery *s, enum sink_place i, const struct config *config)
{
        struct place *p = &s->place[i];
        int r;

        if (is_kept(s, i, config))
                return sink_resize(outputs_sink(s->outputs, i), backlog_of(s, i, config));
        p->is_closing = p->outlet;
        if (!is_wanted(s, i, config))
                return 0;
        r = sink_kinds[i].open(config, backlog_of(s, i, config), &p->fresh);
        if (r < 0)
                return r;
        return outlet_new(s->event, p->fresh, s->outputs, i, &p->fresh_outlet);
}

/* First the lines that wait, so that there is room for the last ones. */
static void place_close(struct delivery *s, enum sink_place i)
{
        uint64_t end_ns = clock_monotonic_ns() + CLOSE_TIMEOUT_NS;
        struct place *p = &s->place[i];
        int r;

        if (sink_kinds[i].packing)
                packer_use(s->packer, NULL);
        outlet_finish(p->outlet, end_ns);
        r = flow_end_sink(s->flow, i);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Sink '%s': cannot write its last stats event",
                          sink_place_name(i));
        outlet_finish(p->outlet, end_ns);
        outlet_report_rest(p->outlet); /* no other stream tells of it */
        p->outlet = outlet_free(p->outlet);
}

static void place_commit(struct delivery *s, enum sink_place i)
{
        struct account *account = s->accounts && i < _SINK_ACCOUNT_MAX ? &s->accounts[i] : NULL;
        struct place *p = &s->place[i];
        bool is_new = p->fresh;
        int r;

        if (p->is_closing)
                place_close(s, i);
        if (account && is_new) {
                if (sink_kinds[i].recover && account->is_open && !outputs_sink(s->outputs, i))
                        sink_kinds[i].recover(account, s->prepared);
                sink_keep_account(p->fresh, account);
        }
        if (is_new && sink_kinds[i].inherit && s->lock >= 0)
                sink_kinds[i].inherit(p->fresh, TAKE_FD(s->lock));
        if (p->is_closing || is_new) {
                outputs_set_sink(s->outputs, i, TAKE_PTR(p->fresh), format_of(s, i, s->prepared));
                p->outlet = TAKE_PTR(p->fresh_outlet);
        }
        p->is_closing = false;
        if (account && !outputs_sink(s->outputs, i))
                account->is_open = false; /* the previous run may have had such a sink */
        if (!is_new)
                return;
        r = outputs_start_sink(s->outputs, i, s->prepared);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Sink '%s': cannot write its start event",
                          sink_place_name(i));
}

static int on_packed(void *userdata)
{
        return delivery_flush(userdata);
}

int delivery_new(struct sd_event *event, struct flow *flow, struct account *accounts,
                 const struct sink_options *options, struct delivery **ret)
{
        _cleanup_(delivery_freep) struct delivery *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->flow = flow;
        s->outputs = flow_outputs(flow);
        s->accounts = accounts;
        s->options = *options;
        s->lock = -1;
        r = packer_new(event, on_packed, s, &s->packer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

struct delivery *delivery_free(struct delivery *s)
{
        if (!s)
                return NULL;
        delivery_revert(s);
        packer_free(s->packer);
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                outlet_free(s->place[i].outlet);
        sd_event_unref(s->event);
        closep(&s->lock);
        free(s);
        return NULL;
}

void delivery_inherit_lock(struct delivery *s, int fd)
{
        s->lock = fd;
}

int delivery_lock(const struct delivery *s)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                const struct sink *sink = outputs_sink(s->outputs, i);
                int fd = sink && sink_kinds[i].lock ? sink_kinds[i].lock(sink) : -1;

                if (fd >= 0)
                        return fd;
        }
        return -1;
}

int delivery_prepare(struct delivery *s, const struct config *config)
{
        int r;

        s->prepared = config;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                r = place_prepare(s, i, config);
                if (r < 0)
                        return log_errno(LOG_ERR, r, "Sink '%s': cannot be set up",
                                         sink_place_name(i));
        }
        return 0;
}

void delivery_commit(struct delivery *s)
{
        struct sink *sink;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                place_commit(s, i);
                sink = outputs_sink(s->outputs, i);
                if (sink && sink_kinds[i].configure)
                        (void)sink_kinds[i].configure(sink, s->prepared);
                if (s->place[i].outlet)
                        outlet_hurry(s->place[i].outlet);
                if (sink_kinds[i].packing)
                        packer_use(s->packer, sink ? sink_kinds[i].packing(sink) : NULL);
                s->place[i].backlog_size = backlog_of(s, i, s->prepared);
        }
        s->prepared = NULL;
}

void delivery_revert(struct delivery *s)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                struct place *p = &s->place[i];

                if (p->outlet && p->backlog_size > 0)
                        (void)sink_resize(outputs_sink(s->outputs, i), p->backlog_size);
                p->fresh_outlet = outlet_free(p->fresh_outlet);
                p->fresh = sink_free(p->fresh);
                p->is_closing = false;
        }
        s->prepared = NULL;
}

void delivery_describe(const struct delivery *s, const struct config *config, struct buf *ret)
{
        const char *separator = "";

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!s->place[i].outlet)
                        continue;
                buf_printf(ret, "%s%s", separator, sink_place_name(i));
                if (i == SINK_FILE)
                        buf_printf(ret, " %s", config->file.path);
                separator = ", ";
        }
        if (!*separator)
                buf_append_string(ret, "nowhere: no sink is enabled");
}

bool delivery_run(struct delivery *s)
{
        int r;

        r = flow_run(s->flow);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot encode a lost or stats event");
        return r > 0 || (r < 0 && !flow_is_idle(s->flow));
}

int delivery_flush(struct delivery *s)
{
        int r;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!s->place[i].outlet)
                        continue;
                r = outlet_flush(s->place[i].outlet);
                if (r < 0)
                        return r;
        }
        packer_run(s->packer);
        return 0;
}

bool delivery_are_idle(const struct delivery *s)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (s->place[i].outlet && !outlet_is_idle(s->place[i].outlet))
                        return false;
        return true;
}

bool delivery_can_be_left(const struct delivery *s)
{
        for (unsigned i = _SINK_ACCOUNT_MAX; i < _SINK_PLACE_MAX; i++)
                if (s->place[i].outlet &&
                    (!outlet_is_idle(s->place[i].outlet) || outputs_has_unreported(s->outputs)))
                        return false;
        return true;
}

void delivery_reopen(struct delivery *s)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!s->place[i].outlet)
                        continue;
                sink_reopen(outputs_sink(s->outputs, i));
                outlet_hurry(s->place[i].outlet);
        }
}

void delivery_finish(struct delivery *s, uint64_t end_ns)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (s->place[i].outlet)
                        outlet_finish(s->place[i].outlet, end_ns);
}

void delivery_drain(struct delivery *s, uint64_t end_ns)
{
        bool more;

        flow_release_all(s->flow);
        do {
                more = delivery_run(s);
                delivery_finish(s, end_ns);
        } while (more);
        do {
                more = flow_sum_up(s->flow);
                delivery_finish(s, end_ns);
        } while (more && clock_monotonic_ns() < end_ns);
}

void delivery_report_rest(const struct delivery *s)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (s->place[i].outlet)
                        outlet_report_rest(s->place[i].outlet);
}
