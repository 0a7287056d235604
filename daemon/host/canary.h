/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Canary: the daemon's proof that it still sees. At the start and from time to time it executes a
 * program of its own (itself, with --version), whose event has to come back through the whole path,
 * up to the sinks. If it does not, and nothing was counted as lost meanwhile, we are blind.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

struct canary;
struct exec_event;
struct flow;
struct sd_event;

struct canary_ops {
        /* It has not come back; the last one that did was sent at `from_ns` (CLOCK_BOOTTIME). */
        void (*on_blind)(void *userdata, uint64_t from_ns, uint64_t now_ns);
};

/*
 * Borrows the flow, which it observes while one is on its way, and the ops. Sends the first one
 * as soon as the loop runs.
 */
int canary_new(struct sd_event *event, struct flow *flow, uint64_t interval_ns,
               const struct canary_ops *ops, void *userdata, struct canary **ret);
struct canary *canary_free(struct canary *c);
DEFINE_FREEP(struct canary, canary_free)

/* 0: no more of them. `c` may be NULL. */
void canary_configure(struct canary *c, uint64_t interval_ns);

/*
 * True if the event is the exec of the process that has this PID in that PID namespace; 0: in the
 * one of the event, if it is not known.
 */
bool canary_is_that(const struct exec_event *event, uint32_t pid, uint32_t pid_namespace);
