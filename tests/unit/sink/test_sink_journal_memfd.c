/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The journal sink and entries that are too large for a datagram, while journald hangs: what it has
 * not taken yet is our memory, and that is bounded.
 */
#include "journal_fixture.h"

#define LARGE (5 * MIB)
#define N_FIT 3 /* into what may wait, 16M */
#define N_ALL 8

static void memfds_that_nobody_takes_are_bounded(void **state)
{
        struct fixture *f = *state;

        for (unsigned i = 0; i < N_ALL; i++)
                assert_int_equal(write_large(f, LARGE), 0);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        assert_int_equal(f->sink->stats.written, N_FIT);
        assert_int_equal(f->sink->error, 0);
        assert_int_equal(sink_poll_fd(f->sink), -1); /* it would poll writable */

        /* Not before all of them are taken is there room again. */
        for (unsigned i = 0; i < N_FIT; i++) {
                assert_int_equal(sink_flush(f->sink), SINK_BUSY);
                assert_int_equal(f->sink->stats.written, N_FIT);
                assert_true(receive_and_drop(f));
        }
        assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        assert_int_equal(f->sink->stats.written, 2 * N_FIT);
        while (receive_and_drop(f))
                (void)sink_flush(f->sink);
        flush_all(f);
        assert_int_equal(f->n_received, N_ALL);
        assert_true(sink_poll_fd(f->sink) >= 0);
}

static void larger_memfd_than_may_wait_goes_alone(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(write_large(f, 20 * MIB), 0);
        assert_int_equal(write_large(f, MIB), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        assert_int_equal(f->sink->stats.written, 1);
        assert_true(receive_and_drop(f));
        flush_all(f);
        assert_true(receive_and_drop(f));
}

static void small_entries_do_not_wait_for_memfds(void **state)
{
        struct fixture *f = *state;

        for (unsigned i = 0; i < N_FIT; i++)
                assert_int_equal(write_large(f, LARGE), 0);
        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        while (receive_and_drop(f))
                ;
        assert_int_equal(f->n_received, N_FIT + 1);
}

static void who_comes_back_finds_room(void **state)
{
        struct fixture *f = *state;

        for (unsigned i = 0; i <= N_FIT; i++)
                assert_int_equal(write_large(f, LARGE), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        fake_journald_kill(&f->journald); /* with what was in its queue */
        fake_journald_start(&f->journald);
        flush_all(f);
        f->n_received = N_FIT;
        assert_true(receive_and_drop(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(memfds_that_nobody_takes_are_bounded),
                TEST(larger_memfd_than_may_wait_goes_alone),
                TEST(small_entries_do_not_wait_for_memfds),
                TEST(who_comes_back_finds_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
