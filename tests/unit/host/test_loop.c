/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Of each kind of source: a handler that fails ends the loop, with its error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/macro.h"
#include "host/loop.h"
#include "host/timer.h"

#define FAILURE (-EUCLEAN) /* nothing else here fails so */

struct fixture {
        sd_event *loop;
        sd_event_source *source;
        struct timer *end; /* of a loop that goes on: the test has failed */
        int fds[2];
        int result; /* of the handlers */
        unsigned n_calls;
};

static int on_end(void *userdata)
{
        struct fixture *f = userdata;

        return sd_event_exit(f->loop, 0);
}

static int set_up(void **state)
{
        const struct timer_config config = { .on_time = on_end };
        struct fixture *f = calloc(1, sizeof(*f));
        char c = 0;

        assert_non_null(f);
        f->result = FAILURE;
        assert_int_equal(pipe(f->fds), 0);
        assert_int_equal(write(f->fds[1], &c, 1), 1);
        assert_int_equal(sd_event_new(&f->loop), 0);
        assert_int_equal(timer_new(f->loop, &config, f, &f->end), 0);
        assert_int_equal(timer_start(f->end, 10 * NSEC_PER_SEC), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        sd_event_source_disable_unref(f->source);
        timer_free(f->end);
        sd_event_unref(f->loop);
        closep(&f->fds[0]);
        closep(&f->fds[1]);
        free(f);
        return 0;
}

static int handle(struct fixture *f)
{
        f->n_calls++;
        return f->result;
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                 void *userdata)
{
        return handle(userdata);
}

static int on_signal(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_,
                     void *userdata)
{
        return handle(userdata);
}

static int on_event(sd_event_source *source _unused_, void *userdata)
{
        return handle(userdata);
}

static int on_time(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
        return handle(userdata);
}

static void assert_ends_with_the_error(struct fixture *f)
{
        assert_int_equal(sd_event_loop(f->loop), FAILURE);
        assert_int_equal(f->n_calls, 1);
}

static void io_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_io(f->loop, f->fds[0], EPOLLIN, on_io, f, &f->source), 0);
        assert_ends_with_the_error(f);
}

/* As an outlet does: it looks for its descriptor anew each time. */
static int on_io_once(sd_event_source *source, int fd _unused_, uint32_t revents _unused_,
                      void *userdata)
{
        struct fixture *f = userdata;

        assert_ptr_equal(source, f->source);
        f->source = sd_event_source_disable_unref(f->source);
        return handle(f);
}

static void io_that_goes_and_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_io(f->loop, f->fds[0], EPOLLIN, on_io_once, f, &f->source), 0);
        assert_ends_with_the_error(f);
}

static void signal_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;
        sigset_t before;

        assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
        assert_int_equal(loop_add_signal(f->loop, SIGUSR1, on_signal, f), 0);
        assert_int_equal(raise(SIGUSR1), 0); /* blocked: we are still here */
        assert_ends_with_the_error(f);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void defer_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_defer(f->loop, on_event, f, &f->source), 0);
        assert_ends_with_the_error(f);
}

static int on_nothing(sd_event_source *source _unused_, void *userdata _unused_)
{
        return 0;
}

static void post_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_post(f->loop, on_event, f), 0);
        assert_int_equal(loop_add_defer(f->loop, on_nothing, f, &f->source), 0);
        assert_ends_with_the_error(f);
}

static void time_that_fails_ends_the_loop(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_time(f->loop, 1, on_time, f, &f->source), 0);
        assert_int_equal(sd_event_source_set_time_relative(f->source, 0), 0);
        assert_ends_with_the_error(f);
}

static void time_is_not_due_before_it_is_set(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_time(f->loop, 1, on_time, f, &f->source), 0);
        assert_int_equal(sd_event_run(f->loop, 0), 0);
        assert_int_equal(f->n_calls, 0);
}

static void success_lets_the_loop_go_on(void **state)
{
        struct fixture *f = *state;

        f->result = 0;
        assert_int_equal(loop_add_io(f->loop, f->fds[0], EPOLLIN, on_io, f, &f->source), 0);
        for (unsigned i = 1; i <= 3; i++) {
                assert_int_equal(sd_event_run(f->loop, UINT64_MAX), 1);
                assert_int_equal(f->n_calls, i);
        }
}

static void what_cannot_be_added_is_an_error(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_add_io(f->loop, -1, EPOLLIN, on_io, f, &f->source), -EBADF);
        assert_null(f->source);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(io_that_fails_ends_the_loop),      TEST(io_that_goes_and_fails_ends_the_loop),
                TEST(signal_that_fails_ends_the_loop),  TEST(defer_that_fails_ends_the_loop),
                TEST(post_that_fails_ends_the_loop),    TEST(time_that_fails_ends_the_loop),
                TEST(time_is_not_due_before_it_is_set), TEST(success_lets_the_loop_go_on),
                TEST(what_cannot_be_added_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
