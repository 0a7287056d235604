/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "host/clock.h"
#include "host/timer.h"

#define SOON_NS (20 * NSEC_PER_MSEC)

struct fixture {
        sd_event *loop;
        struct timer *timer, *other;
        unsigned n_calls, n_to_come; /* of calls that start it again */
        uint64_t called_ns;
        int result;
};

static int on_time(void *userdata)
{
        struct fixture *f = userdata;

        f->n_calls++;
        f->called_ns = clock_monotonic_ns();
        if (f->n_to_come > 0) {
                f->n_to_come--;
                return timer_start(f->timer, 0);
        }
        return f->result;
}

static int set_up(void **state)
{
        const struct timer_config config = { .on_time = on_time, .accuracy_ns = NSEC_PER_USEC };
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sd_event_new(&f->loop), 0);
        assert_int_equal(timer_new(f->loop, &config, f, &f->timer), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        timer_free(f->timer);
        timer_free(f->other);
        sd_event_unref(f->loop);
        free(f);
        return 0;
}

static void run_all(struct fixture *f)
{
        while (sd_event_run(f->loop, 0) > 0)
                ;
}

static void a_new_timer_is_not_started(void **state)
{
        struct fixture *f = *state;

        run_all(f);
        assert_int_equal(f->n_calls, 0);
}

static void calls_back_once_and_not_before_its_time(void **state)
{
        struct fixture *f = *state;
        uint64_t begin_ns = clock_monotonic_ns();

        assert_int_equal(timer_start(f->timer, SOON_NS), 0);
        assert_int_equal(sd_event_run(f->loop, UINT64_MAX), 1);
        assert_int_equal(f->n_calls, 1);
        assert_true(f->called_ns - begin_ns >= SOON_NS - NSEC_PER_USEC); /* cut to microseconds */
        run_all(f);
        assert_int_equal(f->n_calls, 1);
}

static void the_callback_may_start_it_again(void **state)
{
        struct fixture *f = *state;

        f->n_to_come = 3;
        assert_int_equal(timer_start(f->timer, 0), 0);
        while (f->n_calls < 4)
                assert_true(sd_event_run(f->loop, UINT64_MAX) >= 0);
        run_all(f);
        assert_int_equal(f->n_calls, 4);
}

static void the_last_start_counts(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(timer_start(f->timer, 3600 * NSEC_PER_SEC), 0);
        assert_int_equal(timer_start(f->timer, 0), 0);
        assert_int_equal(sd_event_run(f->loop, UINT64_MAX), 1);
        assert_int_equal(f->n_calls, 1);
        assert_int_equal(timer_start(f->timer, 0), 0);
        assert_int_equal(timer_start(f->timer, 3600 * NSEC_PER_SEC), 0);
        run_all(f);
        assert_int_equal(f->n_calls, 1);
}

static void a_stopped_one_does_not_call_until_it_is_started(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(timer_start(f->timer, 0), 0);
        timer_stop(f->timer);
        timer_stop(f->timer);
        run_all(f);
        assert_int_equal(f->n_calls, 0);
        assert_int_equal(timer_start(f->timer, 0), 0);
        assert_int_equal(sd_event_run(f->loop, UINT64_MAX), 1);
        assert_int_equal(f->n_calls, 1);
}

static void a_freed_one_does_not_call(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(timer_start(f->timer, 0), 0);
        f->timer = timer_free(f->timer);
        run_all(f);
        assert_int_equal(f->n_calls, 0);
}

static int on_free_time(void *userdata)
{
        struct fixture *f = userdata;

        f->n_calls++;
        f->other = timer_free(f->other);
        return f->result;
}

static void the_callback_may_free_it_and_fail(void **state)
{
        const struct timer_config config = { .on_time = on_free_time };
        struct fixture *f = *state;

        f->result = -EUCLEAN;
        assert_int_equal(timer_new(f->loop, &config, f, &f->other), 0);
        assert_int_equal(timer_start(f->other, 0), 0);
        assert_int_equal(sd_event_loop(f->loop), -EUCLEAN);
        assert_int_equal(f->n_calls, 1);
}

static void a_callback_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        f->result = -EUCLEAN;
        assert_int_equal(timer_start(f->timer, 0), 0);
        assert_int_equal(sd_event_loop(f->loop), -EUCLEAN);
        assert_int_equal(f->n_calls, 1);
}

static int on_important_time(void *userdata)
{
        struct fixture *f = userdata;

        assert_int_equal(f->n_calls, 0);
        f->n_calls = 1;
        return 0;
}

/* Though the other is due since earlier. */
static void an_important_one_comes_first(void **state)
{
        const struct timer_config config = { .on_time = on_important_time,
                                             .priority = SD_EVENT_PRIORITY_IMPORTANT };
        struct fixture *f = *state;

        assert_int_equal(timer_new(f->loop, &config, f, &f->other), 0);
        assert_int_equal(timer_start(f->timer, 0), 0);
        assert_int_equal(timer_start(f->other, NSEC_PER_MSEC), 0);
        (void)usleep(2 * NSEC_PER_MSEC / NSEC_PER_USEC);
        while (f->n_calls < 2)
                assert_true(sd_event_run(f->loop, UINT64_MAX) >= 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(a_new_timer_is_not_started),
                TEST(calls_back_once_and_not_before_its_time),
                TEST(the_callback_may_start_it_again),
                TEST(the_last_start_counts),
                TEST(a_stopped_one_does_not_call_until_it_is_started),
                TEST(a_freed_one_does_not_call),
                TEST(the_callback_may_free_it_and_fail),
                TEST(a_callback_that_fails_ends_the_loop),
                TEST(an_important_one_comes_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
