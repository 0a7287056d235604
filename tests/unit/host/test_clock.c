/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * clock: a step is noticed at once, and nothing else is taken for one. Nobody sets the clock of the
 * machine for that: a process that enters a time namespace sees CLOCK_BOOTTIME jump, which comes to
 * the same for the offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"
#include "host/clock.h"

#define TOLERANCE_NS (int64_t)(NSEC_PER_MSEC / 10)

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static void assert_near(int64_t a, int64_t b)
{
        assert_true(llabs(a - b) < TOLERANCE_NS);
}

static void offset_is_between_two_readings(void **state)
{
        struct timespec wall;
        int64_t boot, offset = clock_realtime_offset_ns();

        (void)state;
        boot = (int64_t)clock_boottime_ns();
        assert_int_equal(clock_gettime(CLOCK_REALTIME, &wall), 0);
        assert_true(wall.tv_sec * (int64_t)NSEC_PER_SEC + wall.tv_nsec >= boot + offset - 1000);
}

static void clock_that_nobody_sets_is_left_alone(void **state)
{
        int64_t offset = clock_realtime_offset_ns(), before = offset;

        (void)state;
        for (int i = 0; i < 200000; i++)
                assert_false(clock_was_set(&offset));
        assert_int_equal(offset, before);
}

static void steps_of_any_size_are_noticed_once(void **state)
{
        static const int64_t steps[] = { 5000,
                                         -5000,
                                         NSEC_PER_MSEC,
                                         -(int64_t)NSEC_PER_MSEC,
                                         3600 * (int64_t)NSEC_PER_SEC,
                                         -3600 * (int64_t)NSEC_PER_SEC };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                int64_t right = clock_realtime_offset_ns(), offset = right + steps[i];
                int tries = 0;

                /* a preemption between the readings hides a small step from one look */
                while (!clock_was_set(&offset))
                        assert_true(++tries < 1000);
                assert_near(offset, right);
                assert_false(clock_was_set(&offset));
        }
}

#define OLD_NS (7200 * (int64_t)NSEC_PER_SEC)

/* The first record of the new time, on whichever CPU and in whichever round, tells the moment. */
static void moment_of_a_step_is_the_first_record_after_it(void **state)
{
        int64_t now = clock_realtime_offset_ns();
        struct clock_watch w = { .offset_ns = now - OLD_NS };
        uint64_t boot = clock_boottime_ns(), from = 0;

        (void)state;
        clock_watch_record(&w, boot - 40, boot - 40 + now - OLD_NS);
        clock_watch_record(&w, boot - 30, boot - 30 + now + 2 * NSEC_PER_MSEC);
        clock_watch_record(&w, boot - 35, boot - 35 + now - OLD_NS + 2 * NSEC_PER_MSEC);
        assert_false(clock_watch_round(&w, boot - 33, &from));
        clock_watch_record(&w, boot - 31, boot - 31 + now + 10);
        assert_true(clock_watch_round(&w, boot - 20, &from));
        assert_int_equal(from, boot - 31);
        assert_near(w.offset_ns, now);
        assert_false(clock_watch_round(&w, boot, &from));
}

static void step_without_records_is_seen_by_the_round(void **state)
{
        int64_t now = clock_realtime_offset_ns();
        struct clock_watch w = { .offset_ns = now + OLD_NS };
        uint64_t boot = clock_boottime_ns(), from = 0;

        (void)state;
        clock_watch_record(&w, boot, boot + now + OLD_NS);
        assert_false(clock_watch_round(&w, boot, &from));
        assert_true(clock_watch_round(&w, clock_boottime_ns() + 1, &from));
        assert_true(from >= boot && from <= clock_boottime_ns());
        assert_near(w.offset_ns, now);
}

static void record_that_took_long_is_no_step(void **state)
{
        struct clock_watch w = { .offset_ns = clock_realtime_offset_ns() };
        uint64_t boot = clock_boottime_ns(), from = 0;

        (void)state;
        clock_watch_record(&w, boot - NSEC_PER_SEC, boot + w.offset_ns);
        assert_false(clock_watch_round(&w, boot, &from));
        assert_false(clock_watch_round(&w, boot + NSEC_PER_SEC, &from));
}

static void step_of_the_kernels_clock_is_noticed(void **state)
{
        static const char jump[] = "boottime 3600 0";
        int64_t offset = clock_realtime_offset_ns(), before = offset;
        _cleanup_(closep) int namespace = -1, offsets = -1;

        (void)state;
        if (unshare(CLONE_NEWTIME) < 0)
                skip();
        offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
        namespace = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
        if (write(offsets, jump, sizeof(jump) - 1) < 0 || setns(namespace, CLONE_NEWTIME) < 0)
                skip();
        assert_true(clock_was_set(&offset));
        assert_near(offset, before - 3600 * (int64_t)NSEC_PER_SEC);
        assert_false(clock_was_set(&offset));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(offset_is_between_two_readings),
                cmocka_unit_test(clock_that_nobody_sets_is_left_alone),
                cmocka_unit_test(steps_of_any_size_are_noticed_once),
                cmocka_unit_test(moment_of_a_step_is_the_first_record_after_it),
                cmocka_unit_test(step_without_records_is_seen_by_the_round),
                cmocka_unit_test(record_that_took_long_is_no_step),
                cmocka_unit_test(step_of_the_kernels_clock_is_noticed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
