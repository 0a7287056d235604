/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * stats: the sums take in what they should and nothing else, and the identity holds, in both
 * directions and for any values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/macro.h"
#include "event/stats.h"

/* Every number different, so that a sum shows what went into it. */
static struct stats make_stats(void)
{
        struct stats s = {
                .program = {
                        [PROGRAM_EXEC] = { .seen = 100000, .filtered = 7, .sent = 99900 },
                        [PROGRAM_EXIT] = { .seen = 20000, .filtered = 30 },
                        [PROGRAM_FAILED] = { .seen = 3000, .filtered = 100 },
                        [PROGRAM_FAILED_AT] = { .seen = 400 },
                        [PROGRAM_ATTEMPT] = { .seen = 50 },
                        [PROGRAM_ATTEMPT_AT] = { .seen = 6 },
                },
                .recursion_misses = { [PROGRAM_EXEC] = 1000000, [PROGRAM_ATTEMPT_AT] = 2000000 },
                .lost = {
                        [LOSS_RING] = 1,
                        [LOSS_RECURSION] = 20,
                        [LOSS_QUEUE] = 300,
                        [LOSS_DECODE] = 4000,
                        [LOSS_JOURNAL] = 1000000000,
                        [LOSS_FILE] = 1000000000,
                        [LOSS_STDOUT] = 1000000000,
                        [LOSS_DOWN] = 1000000000,
                },
                .queued = 9,
        };

        return s;
}

static void stats_seen_counts_all_programs_and_misses(void **state)
{
        struct stats s = make_stats();

        (void)state;
        assert_int_equal(stats_seen(&s), 3123456);
}

static void stats_filtered_counts_all_programs(void **state)
{
        struct stats s = make_stats();

        (void)state;
        assert_int_equal(stats_filtered(&s), 137);
}

static void stats_lost_leaves_out_the_sinks(void **state)
{
        struct stats s = make_stats();

        (void)state;
        assert_int_equal(stats_lost(&s), 4321);
}

static void stats_account_for_every_event(void **state)
{
        struct stats s = make_stats();
        struct sink_stats sink = { .lost = 11, .backlog = 22, .lines = 5, .bytes = 6 };

        (void)state;
        sink.written = 3123456 - 137 - 4321 - 9 - 11 - 22;
        assert_int_equal(stats_unaccounted(&s, &sink), 0);
        sink.written--;
        assert_int_equal(stats_unaccounted(&s, &sink), 1);
        sink.written += 3;
        assert_int_equal(stats_unaccounted(&s, &sink), -2);
        s.queued += 5;
        assert_int_equal(stats_unaccounted(&s, &sink), -7);
}

static void stats_of_nothing_are_zero(void **state)
{
        struct stats s = { 0 };
        struct sink_stats sink = { 0 };

        (void)state;
        assert_int_equal(stats_seen(&s), 0);
        assert_int_equal(stats_filtered(&s), 0);
        assert_int_equal(stats_lost(&s), 0);
        assert_int_equal(stats_unaccounted(&s, &sink), 0);
}

static void stats_take_any_values(void **state)
{
        struct stats s;
        struct sink_stats sink = { .written = UINT64_MAX, .lost = UINT64_MAX };

        (void)state;
        memset(&s, 0xff, sizeof(s));
        (void)stats_unaccounted(&s, &sink);
        memset(&s, 0, sizeof(s));
        sink = (struct sink_stats){ .written = UINT64_C(1) << 63 };
        assert_int_equal(stats_unaccounted(&s, &sink), INT64_MIN);
}

static void names_are_those_of_the_contract(void **state)
{
        static const char *const kinds[_EVENT_KIND_MAX] = { "start",        "exec", "exec_failed",
                                                            "exec_attempt", "exit", "process",
                                                            "summary",      "file", "lost",
                                                            "stats",        "stop" };
        static const char *const places[_LOSS_WHERE_MAX] = { "ring",   "recursion", "queue",
                                                             "decode", "journal",   "file",
                                                             "stdout", "down",      "blind" };
        static const char *const programs[_PROGRAM_MAX] = { "exec",      "exit",    "failed",
                                                            "failed_at", "attempt", "attempt_at" };

        (void)state;
        for (enum event_kind k = 0; k < _EVENT_KIND_MAX; k++)
                assert_string_equal(event_kind_name(k), kinds[k]);
        for (enum loss_where w = 0; w < _LOSS_WHERE_MAX; w++)
                assert_string_equal(loss_where_name(w), places[w]);
        for (enum exec_program p = 0; p < _PROGRAM_MAX; p++)
                assert_string_equal(exec_program_name(p), programs[p]);
}

static void assert_described(const struct stats *s, uint64_t seen, uint64_t elapsed_ns,
                             const char *expected)
{
        _cleanup_(buf_done) struct buf line = { 0 };

        stats_describe(s, seen, elapsed_ns, &line);
        buf_append_char(&line, '\0');
        assert_int_equal(buf_error(&line), 0);
        assert_string_equal(line.data, expected);
}

static void status_is_a_line_for_people(void **state)
{
        struct stats s = { .n_sinks = 2, .sink = { { .name = "journal" }, { .name = "file" } } };

        (void)state;
        assert_described(&s, 0, 0, "0 events seen, 0 lost; journal: 0 written; file: 0 written");
        s.program[PROGRAM_EXEC] = (struct exec_counters){ .seen = 1500, .filtered = 20 };
        s.lost[LOSS_RING] = 3;
        s.sink[0] = (struct sink_stats){ .name = "journal", .written = 1477, .backlog = 10 };
        s.sink[1] = (struct sink_stats){
                .name = "file", .written = 5, .lost = 7, .error = -ENOSPC, .error_what = "write"
        };
        assert_described(
                &s, 500, 10 * NSEC_PER_SEC,
                "1500 events seen (100/s), 20 filtered; journal: 1477 written, 10 waiting, "
                "3 lost; file: 5 written, 10 lost, cannot write: No space left on device");
        s.sink[1].lost = 0;
        assert_described(
                &s, 500, 0,
                "1500 events seen, 20 filtered, 3 lost; journal: 1477 written, 10 waiting; "
                "file: 5 written, cannot write: No space left on device");
        s.n_sinks = 0;
        assert_described(&s, 1498, 10 * NSEC_PER_SEC,
                         "1500 events seen (0.2/s), 20 filtered, 3 lost");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stats_seen_counts_all_programs_and_misses),
                cmocka_unit_test(stats_filtered_counts_all_programs),
                cmocka_unit_test(stats_lost_leaves_out_the_sinks),
                cmocka_unit_test(stats_account_for_every_event),
                cmocka_unit_test(stats_of_nothing_are_zero),
                cmocka_unit_test(stats_take_any_values),
                cmocka_unit_test(status_is_a_line_for_people),
                cmocka_unit_test(names_are_those_of_the_contract),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
