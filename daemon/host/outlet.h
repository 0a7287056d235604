/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Outlet: a sink on the event loop. Knows when to flush it next: at once, when its fd can be
 * written to, or after a pause; and says to the administrator, once, when it breaks and when it is
 * well again.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "event/event.h"

struct outlet;
struct outputs;
struct sd_event;
struct sink;

/*
 * Borrows the sink, and the outputs in which it has this place, or will have it soon: both must
 * outlive the outlet.
 */
int outlet_new(struct sd_event *event, struct sink *sink, const struct outputs *outputs,
               enum sink_place place, struct outlet **ret);
struct outlet *outlet_free(struct outlet *o);
DEFINE_FREEP(struct outlet, outlet_free)

/*
 * Delivers what can be delivered now and plans the rest. A broken sink is left alone until its
 * pause is over, or until outlet_hurry(): something was changed, and it may work again. A
 * failure of the sink is no error here; a negative errno ends the loop: see loop.h.
 */
int outlet_flush(struct outlet *o);
void outlet_hurry(struct outlet *o);

/* True if everything accepted has been delivered. */
bool outlet_is_idle(const struct outlet *o);

/*
 * Delivers everything, waiting for room until `end_ns` (CLOCK_MONOTONIC) at most. Plans nothing, so
 * it works when the loop has ended, too; if that goes on, outlet_flush() has to come next.
 */
void outlet_finish(struct outlet *o, uint64_t end_ns);

/* Logs how much was not delivered and never will be: after the last outlet_finish(). */
void outlet_report_rest(const struct outlet *o);
