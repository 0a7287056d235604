/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Clocks. Events carry CLOCK_BOOTTIME, which never jumps; people read wall time. The offset between
 * the two changes only when somebody sets the wall clock: both are slewed alike, and both go on
 * while the machine sleeps.
 *
 * When the clock is set, the events go on, and their times are right by the new setting from the
 * pass on that collects the first of them: that pass looks at the clock after it has emptied the
 * rings, so no event that happened after the step has a time from before it. The others that it
 * collects, a few milliseconds of them, have the new time, too; what was collected earlier keeps
 * the old one, also if it still waits in the queue. A recording has the step in the same place, so
 * its replay says the same times.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_boottime_ns(void);
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME minus CLOCK_BOOTTIME, measured to well under a microsecond. */
int64_t clock_realtime_offset_ns(void);

/* True if the wall clock was set since the offset was measured; it is then measured anew. */
bool clock_was_set(int64_t *offset_ns);
