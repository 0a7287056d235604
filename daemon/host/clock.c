/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The offset is measured by reading the wall clock between two readings of the other, several
 * times; the narrowest pair counts, so that a preemption in between does no harm.
 *
 * TFD_TIMER_CANCEL_ON_SET would wake us at a step, but not say when it was; and what was in the
 * rings by then would have to be divided all the same.
 */
#include <time.h>

#include "base/macro.h"
#include "host/clock.h"

#define OFFSET_ROUNDS 8

/* A measured offset is off by some 10 ns; clocks are not set by less than this. */
#define STEP_MIN_NS 1000

/* A record is made in microseconds: one that seems to take more may show a step. */
#define SUSPICIOUS_NS NSEC_PER_MSEC

static uint64_t read_clock(clockid_t clock)
{
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

uint64_t clock_boottime_ns(void)
{
        return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_monotonic_ns(void)
{
        return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_realtime_offset_ns(void)
{
        uint64_t narrowest = UINT64_MAX, before, after, wall;
        int64_t offset = 0;

        for (int i = 0; i < OFFSET_ROUNDS; i++) {
                before = read_clock(CLOCK_BOOTTIME);
                wall = read_clock(CLOCK_REALTIME);
                after = read_clock(CLOCK_BOOTTIME);
                if (after - before >= narrowest)
                        continue;
                narrowest = after - before;
                offset = (int64_t)(wall - before - narrowest / 2);
        }
        return offset;
}

bool clock_was_set(int64_t *offset_ns)
{
        int64_t before = (int64_t)read_clock(CLOCK_BOOTTIME);
        int64_t wall = (int64_t)read_clock(CLOCK_REALTIME);
        int64_t after = (int64_t)read_clock(CLOCK_BOOTTIME);

        if (*offset_ns >= wall - after - STEP_MIN_NS && *offset_ns <= wall - before + STEP_MIN_NS)
                return false;
        *offset_ns = clock_realtime_offset_ns();
        return true;
}

static uint64_t distance(int64_t a, int64_t b)
{
        return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static bool watch_for_step(struct clock_watch *w)
{
        w->next_ns = w->offset_ns;
        if (!clock_was_set(&w->next_ns))
                return false;
        w->step_ns = read_clock(CLOCK_BOOTTIME);
        return true;
}

void clock_watch_record(struct clock_watch *w, uint64_t boot_ns, uint64_t wall_ns)
{
        int64_t offset = (int64_t)(wall_ns - boot_ns);

        if (distance(offset, w->offset_ns) < SUSPICIOUS_NS)
                return;
        if (w->step_ns == 0 && !watch_for_step(w))
                return; /* it was preempted */
        if (distance(offset, w->next_ns) < distance(offset, w->offset_ns))
                w->step_ns = MIN(w->step_ns, boot_ns);
}

bool clock_watch_round(struct clock_watch *w, uint64_t watermark_ns, uint64_t *ret_from_ns)
{
        if (w->step_ns == 0 && !watch_for_step(w))
                return false;
        if (w->step_ns >= watermark_ns)
                return false; /* older ones may still come */
        *ret_from_ns = w->step_ns;
        w->offset_ns = w->next_ns;
        w->step_ns = 0;
        return true;
}
