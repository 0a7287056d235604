/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Flow loop: what moves on the event loop between a source and its sinks. While there is something
 * in the flow, a batch of it, with a flush behind; when there is nothing and all is delivered, the
 * next step of a source that has to be asked.
 */
#pragma once

#include "base/macro.h"

struct delivery;
struct flow;
struct flow_loop;
struct sd_event;
struct source;

/* All borrowed. The loop exits when a source that has to be asked has come to its end. */
int flow_loop_new(struct sd_event *event, struct source *source, struct flow *flow,
                  struct delivery *delivery, struct flow_loop **ret);
/* When the loop has ended. */
struct flow_loop *flow_loop_free(struct flow_loop *l);
DEFINE_FREEP(struct flow_loop, flow_loop_free)

/* The end of such a source, see source_step(); else 0. */
int flow_loop_end(const struct flow_loop *l);
