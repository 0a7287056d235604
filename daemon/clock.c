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

int clock_watch_again(int fd)
{
        const struct itimerspec never = { .it_value.tv_sec = LONG_MAX };
        uint64_t n_expirations;

        /* ECANCELED is the news itself; EAGAIN: there is none. */
        if (read(fd, &n_expirations, sizeof(n_expirations)) < 0 && errno != ECANCELED &&
            errno != EAGAIN)
                return -errno;
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
                return -errno;
        return 0;
}

int clock_watch_new(int *ret_fd)
{
        _cleanup_(closep) int fd = -1;
        int r;

        fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = clock_watch_again(fd);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
