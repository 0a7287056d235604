/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Timer: calls back once, some time after it was started; to be called again, start it again, in
 * the callback or elsewhere. The time is CLOCK_MONOTONIC: it stands still while the host sleeps,
 * and no clock step moves it.
 *
 * An error of the callback ends the loop (loop.h).
 */
#pragma once

#include <stdint.h>

#include "base/macro.h"

struct sd_event;
struct timer;

struct timer_config {
        int (*on_time)(void *userdata);
        /* It may be so much later, to be joined with other wake-ups; 0: 250 ms, as sd-event has
         * it. */
        uint64_t accuracy_ns;
        int64_t priority; /* of sd-event; 0: as most */
};

/* Not started. */
int timer_new(struct sd_event *loop, const struct timer_config *config, void *userdata,
              struct timer **ret);

/* Never calls back any more, not even if its time has come already. */
struct timer *timer_free(struct timer *t);
DEFINE_FREEP(struct timer, timer_free)

/* From now on, in place of what it was started for before. A negative errno: loop.h. */
int timer_start(struct timer *t, uint64_t delay_ns);

void timer_stop(struct timer *t);
