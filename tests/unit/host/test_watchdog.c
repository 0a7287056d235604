/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the service manager's environment may say, and that the loop does its other work anyway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/timer.h"
#include "host/watchdog.h"

/* For a loop that does nothing but to tell that it lives. */
#define PATIENCE_SECONDS 60

#define WORK_NS (50 * NSEC_PER_MSEC)

static int on_work(void *userdata)
{
        return sd_event_exit(userdata, 0);
}

/* Whether there is a watchdog; the loop comes to its other work in any case. */
static bool is_watched(const char *timeout_usec, const char *pid)
{
        const struct timer_config config = { .on_time = on_work };
        _cleanup_(watchdog_freep) struct watchdog *watchdog = NULL;
        _cleanup_(timer_freep) struct timer *work = NULL;
        sd_event *loop = NULL;

        assert_int_equal(setenv("WATCHDOG_USEC", timeout_usec, true), 0);
        assert_int_equal(pid ? setenv("WATCHDOG_PID", pid, true) : unsetenv("WATCHDOG_PID"), 0);
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(watchdog_new(loop, &watchdog), 0);
        assert_int_equal(timer_new(loop, &config, loop, &work), 0);
        assert_int_equal(timer_start(work, WORK_NS), 0);
        (void)alarm(PATIENCE_SECONDS);
        assert_int_equal(sd_event_loop(loop), 0);
        (void)alarm(0);
        work = timer_free(work);
        sd_event_unref(loop);
        return watchdog != NULL;
}

static void watchdog_of_any_time_leaves_time_for_work(void **state _unused_)
{
        static const char *const times[] = {
                "1",
                "3",
                "4",
                "5",
                "100",
                "180000000",
                "9223372036854775807",
                "18446744073709551614",
        };

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                assert_true(is_watched(times[i], NULL));
}

static void watchdog_of_no_time_is_none(void **state _unused_)
{
        static const char *const times[] = {
                "", "0", "x", "-1", "1.5", "18446744073709551615", "99999999999999999999999",
        };

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                assert_false(is_watched(times[i], NULL));
}

static void watchdog_of_another_process_is_none(void **state _unused_)
{
        char pid[16];

        (void)snprintf(pid, sizeof(pid), "%d", getpid());
        assert_true(is_watched("180000000", pid));
        assert_false(is_watched("180000000", "1"));
        assert_false(is_watched("180000000", "x"));
        assert_false(is_watched("180000000", ""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(watchdog_of_any_time_leaves_time_for_work),
                cmocka_unit_test(watchdog_of_no_time_is_none),
                cmocka_unit_test(watchdog_of_another_process_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
