/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The offset is measured by reading the wall clock between two readings of the other, several
 * times; the narrowest pair counts, so that a preemption in between does no harm.
 *
 * A timer with TFD_TIMER_CANCEL_ON_SET in the far future is the kernel's way to tell of a step.
 */
#include <errno.h>
#include <limits.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "macro.h"

#define OFFSET_ROUNDS 8

/* An offset that was measured is off by some 10 ns; nobody sets a clock by less than this. */
#define STEP_MIN_NS 1000

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
