/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Clocks. Events carry CLOCK_BOOTTIME, which never jumps; people read wall time. The offset between
 * the two changes only when somebody sets the wall clock: both are slewed alike, and both go on
 * while the machine sleeps.
 *
 * When the clock is set, the events go on, and each has its time by the setting that was in
 * force when it happened. The kernel does not report when it was set, but each record has the wall
 * clock's time, and the first that disagrees with the old offset was made after the step. A record
 * that was being made at that moment may be on either side; and steps of less than a millisecond,
 * as well as all but the last of several between two rounds, hold only from the round on that saw
 * them. A recording has the moment of the step, so its replay gives the same times.
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

struct clock_watch {
        int64_t offset_ns; /* to be measured before the first record */
        int64_t next_ns;   /* after the step */
        uint64_t step_ns;  /* CLOCK_BOOTTIME: the step was then or earlier; 0: there is none */
};

/* Of each record: when it was begun, by CLOCK_BOOTTIME, and when it was made, by CLOCK_REALTIME. */
void clock_watch_record(struct clock_watch *w, uint64_t boot_ns, uint64_t wall_ns);

/*
 * After each round, which has collected all that is older than the watermark. True if the clock was
 * set, and all from before that was collected: offset_ns then holds from *ret_from_ns on.
 */
bool clock_watch_round(struct clock_watch *w, uint64_t watermark_ns, uint64_t *ret_from_ns);
