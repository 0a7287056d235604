/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Source: where raw records come from, the kernel (source_perf.c) or a recording
 * (source_replay.c). Both speak to the same handler.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "exec_record.h"

struct source_handler {
        /* One record, valid during the call only; to be copied and no more: the ring waits. */
        void (*on_record)(void *userdata, const void *record, size_t size);

        /* A pass over all rings is over: everything older than the watermark has been delivered. */
        void (*on_pass)(void *userdata, uint64_t watermark_ns);

        /* All rings were drained and the program had given numbers up to `seq` before that. */
        void (*on_drained)(void *userdata, enum exec_program program, uint32_t cpu, uint64_t seq);

        /* The kernel did not run a program, so many times more. */
        void (*on_missed)(void *userdata, enum exec_program program, uint64_t count);

        /* Whatever the kernel did before `until_ns`, is in what the others have said by now. */
        void (*on_counted)(void *userdata, uint64_t until_ns);

        /*
         * The wall clock was set: CLOCK_REALTIME minus CLOCK_BOOTTIME is this for what happened
         * from `from_ns` (CLOCK_BOOTTIME) on. Said before the on_pass that releases the first of
         * that; if `from_ns` is older than the last on_pass, for whatever that one left.
         */
        void (*on_clock)(void *userdata, uint64_t from_ns, int64_t realtime_offset_ns);

        void *userdata;
};
