/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * ledger: a number that is missing is a loss, exactly once, whether a later event or the kernel's
 * counters reveal it; and each loss is reported to each sink exactly once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/ledger.h"
#include "record_builder.h"

#define N_CPUS 3

static int setup(void **state)
{
        return ledger_new(N_CPUS, (struct ledger **)state);
}

static int teardown(void **state)
{
        ledger_free(*state);
        return 0;
}

static bool receive(struct ledger *l, uint32_t cpu, uint64_t seq, uint64_t boot_ns)
{
        const struct exec_record_head h = record_head(RECORD_EXEC, PROGRAM_EXEC, cpu, seq, boot_ns);

        return ledger_received(l, &h);
}

/* All of it, by now. */
static void assert_unreported(struct ledger *l, unsigned place, const struct loss *expected)
{
        const struct loss *loss;

        (void)ledger_close(l, 0);
        loss = ledger_unreported(l, place, expected->where);
        assert_non_null(loss);
        assert_int_equal(loss->where, expected->where);
        assert_int_equal(loss->cpu, expected->cpu);
        assert_int_equal(loss->count, expected->count);
        assert_int_equal(loss->from_ns, expected->from_ns);
        assert_int_equal(loss->to_ns, expected->to_ns);
}

static void report(struct ledger *l, unsigned place)
{
        (void)ledger_close(l, 0);
        ledger_reported(l, place, LOSS_RING, UINT64_MAX);
}

static void numbers_in_order_lose_nothing(void **state)
{
        struct ledger *l = *state;

        for (uint64_t seq = 1; seq <= 100; seq++)
                assert_true(receive(l, 0, seq, seq));
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, 0), 100);
        assert_int_equal(ledger_lost(l, LOSS_RING), 0);
        assert_false(ledger_has_unreported(l, 0));
}

static void hole_is_a_loss_between_its_neighbours(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 1, 1, 100));
        assert_true(receive(l, 1, 5, 200));
        assert_int_equal(ledger_lost(l, LOSS_RING), 3);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 1, 3, 100, 200, 0 });
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, 1), 5);
}

static void hole_before_the_first_event_is_a_loss(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 2, 8, 300));
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 2, 7, 300, 300, 0 });
}

static void loss_is_later_than_what_was_counted(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 1, 1, 100));
        ledger_counted(l, 250);
        ledger_counted(l, 240); /* never back */
        assert_true(receive(l, 2, 8, 300));
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 2, 7, 250, 300, 0 });
        report(l, 0);
        assert_true(receive(l, 1, 3, 310));
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 1, 1, 250, 310, 0 });
        report(l, 0);
        assert_true(receive(l, 1, 5, 330)); /* the last one received says more */
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 1, 1, 310, 330, 0 });
        report(l, 0);
        ledger_reconcile(l, PROGRAM_EXEC, 0, 2, 340);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 2, 250, 340, 0 });
        ledger_missed(l, PROGRAM_EXIT, 4, 350);
        assert_unreported(l, 0, &(struct loss){ LOSS_RECURSION, LOSS_ANY_CPU, 4, 250, 350, 0 });
}

static void number_that_was_there_is_refused(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 0, 1, 1));
        assert_false(receive(l, 0, 1, 1));
        assert_true(receive(l, 0, 5, 2));
        for (uint64_t seq = 0; seq <= 5; seq++) /* found lost: not to be found again */
                assert_false(receive(l, 0, seq, 3));
        assert_int_equal(ledger_lost(l, LOSS_RING), 3);
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, 0), 5);
}

static void lanes_do_not_meet(void **state)
{
        struct ledger *l = *state;
        struct exec_record_head h;

        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++) {
                for (unsigned program = 0; program < _PROGRAM_MAX; program++) {
                        h = record_head(RECORD_EXEC, program, cpu, 1, 10);
                        assert_true(ledger_received(l, &h));
                        assert_false(ledger_received(l, &h));
                }
        }
        assert_int_equal(ledger_lost(l, LOSS_RING), 0);
}

static void lane_that_does_not_exist_is_refused(void **state)
{
        struct ledger *l = *state;
        struct exec_record_head h = record_head(RECORD_EXEC, PROGRAM_EXEC, N_CPUS, 1, 10);

        assert_false(ledger_received(l, &h));
        h.cpu = UINT32_MAX;
        assert_false(ledger_received(l, &h));
        h.cpu = 0;
        h.program = _PROGRAM_MAX;
        assert_false(ledger_received(l, &h));
        h.program = UINT8_MAX;
        assert_false(ledger_received(l, &h));

        ledger_reconcile(l, PROGRAM_EXEC, N_CPUS, 10, 1);
        ledger_reconcile(l, _PROGRAM_MAX, 0, 10, 1);
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, N_CPUS), 0);
        assert_int_equal(ledger_seq(l, _PROGRAM_MAX, 0), 0);
        assert_false(ledger_has_unreported(l, 0));
}

static void loss_at_the_end_is_found_by_the_counters(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 0, 2, 100));
        report(l, 0);
        ledger_reconcile(l, PROGRAM_EXEC, 0, 2, 500); /* nothing missing */
        assert_false(ledger_has_unreported(l, 0));

        ledger_reconcile(l, PROGRAM_EXEC, 0, 6, 600);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 4, 100, 600, 0 });
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, 0), 6);
        ledger_reconcile(l, PROGRAM_EXEC, 0, 6, 700); /* counted already */
        ledger_reconcile(l, PROGRAM_EXEC, 0, 3, 800); /* older than what is known */
        assert_int_equal(ledger_lost(l, LOSS_RING), 5);

        assert_false(receive(l, 0, 6, 900));
        assert_int_equal(ledger_lost(l, LOSS_RING), 5);
        /* a later loss begins where the counters were read last, or the last event came */
        report(l, 0);
        assert_true(receive(l, 0, 8, 900));
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 1, 600, 900, 0 });
        report(l, 0);
        ledger_reconcile(l, PROGRAM_EXEC, 0, 9, 1000);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 1, 900, 1000, 0 });
}

static void counters_alone_show_a_loss(void **state)
{
        struct ledger *l = *state;

        ledger_reconcile(l, PROGRAM_EXIT, 1, 9, 400);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 1, 9, 400, 400, 0 });
}

static void losses_of_one_cause_are_summed_up(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_QUEUE, 1, 2, 50, 60);
        ledger_add(l, LOSS_QUEUE, 1, 3, 40, 45);
        ledger_add(l, LOSS_DECODE, 1, 1, 7, 8);
        assert_unreported(l, 0, &(struct loss){ LOSS_QUEUE, 1, 5, 40, 60, 0 });
        ledger_add(l, LOSS_QUEUE, 2, 1, 70, 70);
        assert_unreported(l, 0, &(struct loss){ LOSS_QUEUE, LOSS_ANY_CPU, 6, 40, 70, 0 });
        ledger_add(l, LOSS_QUEUE, 1, 1, 50, 50); /* which CPU, is not known again */
        assert_unreported(l, 0, &(struct loss){ LOSS_QUEUE, LOSS_ANY_CPU, 7, 40, 70, 0 });
        assert_unreported(l, 0, &(struct loss){ LOSS_DECODE, 1, 1, 7, 8, 0 });
        assert_int_equal(ledger_lost(l, LOSS_QUEUE), 7);
        assert_int_equal(ledger_lost(l, LOSS_DECODE), 1);
}

static void loss_of_none_is_none(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_QUEUE, 1, 0, 50, 60);
        (void)ledger_close(l, 0);
        assert_null(ledger_unreported(l, 0, LOSS_QUEUE));
        assert_false(ledger_has_unreported(l, 0));
}

static void time_span_is_never_backwards(void **state)
{
        struct ledger *l = *state;

        assert_true(receive(l, 0, 1, 500));
        ledger_reconcile(l, PROGRAM_EXEC, 0, 3, 400);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 2, 400, 500, 0 });
}

static void each_sink_gets_one_report(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_RING, 0, 1, 1, 1);
        for (unsigned place = 0; place < _SINK_PLACE_MAX; place++) {
                assert_true(ledger_has_unreported(l, place));
                report(l, place);
                assert_false(ledger_has_unreported(l, place));
                assert_null(ledger_unreported(l, place, LOSS_RING));
        }
        assert_int_equal(ledger_lost(l, LOSS_RING), 1); /* still known */
}

static void sink_without_a_report_gets_all_of_it_later(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_RING, 0, 1, 10, 11);
        report(l, 0);
        ledger_add(l, LOSS_RING, 0, 2, 20, 21);
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 0, 2, 20, 21, 0 });
        assert_unreported(l, 1, &(struct loss){ LOSS_RING, 0, 3, 10, 21, 0 });
}

/* A report may come in parts, for there is a limit to what a line says. */
static void what_is_uncertain_is_reported_once(void **state)
{
        struct ledger *l = *state;

        ledger_sink_down(l, 0,
                         &(struct loss){ .where = LOSS_DOWN,
                                         .cpu = LOSS_ANY_CPU,
                                         .count = 5,
                                         .from_ns = 1,
                                         .to_ns = 2,
                                         .uncertain = 3 });
        (void)ledger_close(l, 0);
        assert_int_equal(ledger_unreported(l, 0, LOSS_DOWN)->uncertain, 3);
        ledger_reported(l, 0, LOSS_DOWN, 4);
        assert_int_equal(ledger_unreported(l, 0, LOSS_DOWN)->count, 1);
        assert_int_equal(ledger_unreported(l, 0, LOSS_DOWN)->uncertain, 0);
}

static void report_has_nothing_later_than_it_was_closed(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_RING, 0, 1, 10, 11);
        assert_null(ledger_unreported(l, 0, LOSS_RING));
        assert_true(ledger_has_unreported(l, 0));
        assert_int_equal(ledger_close(l, 15), 15);
        ledger_add(l, LOSS_RING, 1, 2, 12, 30);
        assert_int_equal(ledger_unreported(l, 0, LOSS_RING)->count, 1);
        assert_int_equal(ledger_unreported(l, 0, LOSS_RING)->to_ns, 11);
        ledger_reported(l, 0, LOSS_RING, UINT64_MAX);
        assert_true(ledger_has_unreported(l, 0));

        assert_int_equal(ledger_close(l, 20), 30); /* no sooner than the loss has ended */
        assert_unreported(l, 0, &(struct loss){ LOSS_RING, 1, 2, 12, 30, 0 });
        assert_unreported(l, 1, &(struct loss){ LOSS_RING, LOSS_ANY_CPU, 3, 10, 30, 0 });
        assert_int_equal(ledger_close(l, 40), 40);
}

static void what_goes_on_stays_open(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_RING, 0, 1, 10, 11);
        ledger_add(l, LOSS_QUEUE, 0, 2, 10, 30);
        ledger_close_ended(l, 10);
        assert_null(ledger_unreported(l, 0, LOSS_RING));
        ledger_close_ended(l, 11);
        assert_int_equal(ledger_unreported(l, 0, LOSS_RING)->count, 1);
        assert_null(ledger_unreported(l, 0, LOSS_QUEUE));
        ledger_add(l, LOSS_RING, 0, 4, 11, 20);
        ledger_close_ended(l, 20);
        assert_int_equal(ledger_unreported(l, 0, LOSS_RING)->count, 5);
        assert_int_equal(ledger_close(l, 20), 30);
        assert_int_equal(ledger_unreported(l, 0, LOSS_QUEUE)->count, 2);
}

static void new_sink_gets_no_report_of_what_was_before_it(void **state)
{
        struct ledger *l = *state;

        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                ledger_add(l, where, 0, 1, 1, 1);
        ledger_reset_sink(l, 1);
        assert_false(ledger_has_unreported(l, 1));
        assert_true(ledger_has_unreported(l, 0));
        ledger_add(l, LOSS_FILE, 0, 2, 3, 4);
        assert_unreported(l, 1, &(struct loss){ LOSS_FILE, 0, 2, 3, 4, 0 });
}

static void numbers_of_the_time_before_are_no_hole(void **state)
{
        struct ledger *l = *state;

        ledger_begin(l, PROGRAM_EXEC, 1, 100);
        assert_int_equal(ledger_seq(l, PROGRAM_EXEC, 1), 100);
        assert_false(receive(l, 1, 100, 5)); /* it was in the making, and is accounted for */
        assert_true(receive(l, 1, 101, 6));
        assert_true(receive(l, 1, 104, 7));
        assert_int_equal(ledger_lost(l, LOSS_RING), 2);
        ledger_begin(l, PROGRAM_EXEC, N_CPUS, 1);
}

static void everything_that_is_accounted_for_has_one_sum(void **state)
{
        struct ledger *l = *state;

        assert_int_equal(ledger_total(l), 0);
        ledger_begin(l, PROGRAM_EXEC, 1, 100);
        ledger_begin_missed(l, PROGRAM_EXIT, 30);
        assert_int_equal(ledger_total(l), 130);
        assert_int_equal(ledger_lost(l, LOSS_RECURSION), 0); /* not in our time */
        assert_true(receive(l, 1, 103, 6));
        ledger_missed(l, PROGRAM_EXIT, 4, 7);
        ledger_missed(l, PROGRAM_EXEC, 1, 7);
        assert_int_equal(ledger_misses(l, PROGRAM_EXIT), 34);
        assert_int_equal(ledger_misses(l, PROGRAM_EXEC), 1);
        assert_int_equal(ledger_total(l), 138);
        assert_int_equal(ledger_lost(l, LOSS_RECURSION), 5);
}

static void assert_books(const struct ledger *l, enum sink_place place, uint64_t lost,
                         uint64_t down)
{
        struct sink_stats stats = {};

        ledger_fill_sink(l, place, &stats);
        assert_int_equal(stats.lost, lost);
        assert_int_equal(stats.down, down);
}

static void loss_of_a_sink_is_in_its_books_and_reported_to_it_alone(void **state)
{
        struct ledger *l = *state;

        ledger_sink_lost(l, SINK_FILE, 2, 5);
        ledger_sink_lost(l, SINK_FILE, 1, 8);
        assert_int_equal(ledger_lost(l, LOSS_FILE), 3);
        for (unsigned place = 0; place < _SINK_PLACE_MAX; place++) {
                if (place != SINK_FILE)
                        assert_false(ledger_has_unreported(l, place));
                assert_books(l, place, place == SINK_FILE ? 3 : 0, 0);
        }
        assert_unreported(l, SINK_FILE, &(struct loss){ LOSS_FILE, LOSS_ANY_CPU, 3, 5, 8, 0 });
        ledger_reset_sink(l, SINK_FILE); /* another sink in its place has lost nothing yet */
        assert_books(l, SINK_FILE, 0, 0);
        assert_int_equal(ledger_lost(l, LOSS_FILE), 3);
}

static void what_a_sink_lacks_of_the_time_before_is_reported_to_it_alone(void **state)
{
        const struct loss down = { LOSS_DOWN, LOSS_ANY_CPU, 7, 100, 200, 1 };
        struct ledger *l = *state;

        ledger_sink_down(l, 1, &down);
        ledger_sink_down(l, 0, &(struct loss){ .where = LOSS_DOWN });
        assert_unreported(l, 1, &down);
        assert_false(ledger_has_unreported(l, 0));
        assert_int_equal(ledger_lost(l, LOSS_DOWN), 0);
        assert_books(l, 1, 7, 7);
        assert_books(l, 0, 0, 0);
}

static void what_was_reported_in_part_is_reported_on(void **state)
{
        struct ledger *l = *state;

        ledger_add(l, LOSS_RING, 1, 10, 100, 200);
        (void)ledger_close(l, 200);
        ledger_reported(l, 0, LOSS_RING, 4);
        assert_int_equal(ledger_unreported(l, 0, LOSS_RING)->count, 6);
        assert_int_equal(ledger_unreported(l, 1, LOSS_RING)->count, 10);
        ledger_reported(l, 0, LOSS_RING, 6);
        assert_null(ledger_unreported(l, 0, LOSS_RING));
}

/* The reports to a sink add up to what was lost, however often it takes one. */
static void reports_add_up_on_random_walks(void **state)
{
        struct ledger *l = *state;
        uint64_t reported[_SINK_PLACE_MAX] = { 0 }, lost = 0, next[N_CPUS] = { 1, 1, 1 }, seed = 1;
        uint64_t closed_ns = 0;
        const struct loss *loss;

        for (uint64_t step = 1; step < 20000; step++) {
                uint32_t cpu = random_next(&seed) % N_CPUS;
                unsigned place = random_next(&seed) % _SINK_PLACE_MAX;
                uint64_t hole = random_next(&seed) % 8 ? 0 : random_next(&seed) % 5;

                lost += hole;
                next[cpu] += hole;
                if (random_next(&seed) % 4)
                        assert_true(receive(l, cpu, next[cpu]++, step));
                else
                        ledger_reconcile(l, PROGRAM_EXEC, cpu, next[cpu] - 1, step);
                if (random_next(&seed) % 4 == 0)
                        closed_ns = ledger_close(l, step);
                if (random_next(&seed) % 4 || !(loss = ledger_unreported(l, place, LOSS_RING)))
                        continue;
                assert_true(loss->from_ns <= loss->to_ns && loss->to_ns <= closed_ns);
                reported[place] += loss->count;
                ledger_reported(l, place, LOSS_RING, UINT64_MAX);
        }
        for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
                ledger_reconcile(l, PROGRAM_EXEC, cpu, next[cpu] - 1, 20000);
        assert_int_equal(ledger_lost(l, LOSS_RING), lost);
        (void)ledger_close(l, 0);
        for (unsigned place = 0; place < _SINK_PLACE_MAX; place++) {
                loss = ledger_unreported(l, place, LOSS_RING);
                assert_int_equal(reported[place] + (loss ? loss->count : 0), lost);
        }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(numbers_in_order_lose_nothing),
                TEST(hole_is_a_loss_between_its_neighbours),
                TEST(hole_before_the_first_event_is_a_loss),
                TEST(loss_is_later_than_what_was_counted),
                TEST(number_that_was_there_is_refused),
                TEST(lanes_do_not_meet),
                TEST(lane_that_does_not_exist_is_refused),
                TEST(loss_at_the_end_is_found_by_the_counters),
                TEST(counters_alone_show_a_loss),
                TEST(losses_of_one_cause_are_summed_up),
                TEST(loss_of_none_is_none),
                TEST(time_span_is_never_backwards),
                TEST(each_sink_gets_one_report),
                TEST(sink_without_a_report_gets_all_of_it_later),
                TEST(what_is_uncertain_is_reported_once),
                TEST(report_has_nothing_later_than_it_was_closed),
                TEST(what_goes_on_stays_open),
                TEST(new_sink_gets_no_report_of_what_was_before_it),
                TEST(reports_add_up_on_random_walks),
                TEST(numbers_of_the_time_before_are_no_hole),
                TEST(everything_that_is_accounted_for_has_one_sum),
                TEST(loss_of_a_sink_is_in_its_books_and_reported_to_it_alone),
                TEST(what_a_sink_lacks_of_the_time_before_is_reported_to_it_alone),
                TEST(what_was_reported_in_part_is_reported_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
