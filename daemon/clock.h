/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Clocks. Events carry CLOCK_BOOTTIME, which never jumps; people read wall time. The offset between
 * the two changes only when somebody sets the wall clock: both are slewed alike.
 */
#pragma once

#include <stdint.h>

uint64_t clock_boottime_ns(void);
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME minus CLOCK_BOOTTIME, measured to well under a microsecond. */
int64_t clock_realtime_offset_ns(void);

/*
 * An fd that polls readable (EPOLLIN) whenever the wall clock was set; clock_watch_again() after
 * each time.
 */
int clock_watch_new(int *ret_fd);
int clock_watch_again(int fd);
