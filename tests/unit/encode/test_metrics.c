/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* metrics: each counter of the daemon has its series, from the start, and names of rules are safe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/metrics.h"
#include "event/stats.h"

static char *encode(const struct stats *stats)
{
        struct buf b = {};

        metrics_encode(stats, "1.2", &b);
        buf_append_char(&b, '\0');
        assert_int_equal(buf_error(&b), 0);
        return b.data;
}

static void assert_has(const char *text, const char *line)
{
        const char *at = strstr(text, line);

        if (!at || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
                fail_msg("no line \"%s\" in\n%s", line, text);
}

static void series_are_there_before_anything_has_happened(void **state)
{
        const struct stats stats = { .n_sinks = 1, .sink = { { .name = "file" } } };
        _cleanup_(freep) char *text = encode(&stats);

        (void)state;
        assert_has(text, "# TYPE execsnoopd_events_lost_total counter");
        assert_has(text, "execsnoopd_build_info{version=\"1.2\"} 1");
        assert_has(text, "execsnoopd_events_seen_total{program=\"exec\"} 0");
        assert_has(text, "execsnoopd_events_lost_total{where=\"ring\"} 0");
        assert_has(text, "execsnoopd_events_lost_total{where=\"blind\"} 0");
        assert_has(text, "execsnoopd_sink_events_lost_total{sink=\"file\"} 0");
        assert_null(strstr(text, "rule_"));             /* there are none */
        assert_null(strstr(text, "execsnoopd_files_")); /* unless they are hashed */
}

static void each_number_is_its_counter(void **state)
{
        const struct rule_stats rules[] = {
                { .name = "a", .matched = 1, .dropped = 2, .summarized = 3, .spared = 4 },
                { .name = "b" },
        };
        const struct stats stats = {
                .program[PROGRAM_EXIT] = { .seen = 10, .filtered = 7 },
                .recursion_misses[PROGRAM_EXIT] = 5,
                .lost[LOSS_QUEUE] = 11,
                .in_rings = 12,
                .queued = 13,
                .queue_bytes = 14,
                .wakeups = 15,
                .cut = 16,
                .hidden = 100,
                .hidden_by_default = 17,
                .hidden_by_removed = 18,
                .hidden_by_earlier = 19,
                .summing = 20,
                .redacted = 21,
                .files = { .is_on = true,
                           .hashed = 40,
                           .failed = 41,
                           .dropped = 42,
                           .waiting = 43,
                           .restarts = 44 },
                .rules = rules,
                .n_rules = 2,
                .n_sinks = 2,
                .sink = { { .name = "journal" },
                          { .name = "file",
                            .written = 30,
                            .backlog = 31,
                            .before = 32,
                            .lost = 33,
                            .down = 34,
                            .lines = 35,
                            .bytes = UINT64_MAX,
                            .retries = 36,
                            .deleted_files = 38,
                            .deleted_bytes = 39,
                            .backlog_bytes = 37 } },
        };
        static const char *const expected[] = {
                "events_seen_total{program=\"exit\"} 15",
                "events_filtered_total{by=\"Default=\"} 17",
                "events_filtered_total{by=\"removed rules\"} 18",
                "events_filtered_total{by=\"earlier runs\"} 19",
                "events_filtered_total{by=\"FailedExecsIgnore=\"} 7",
                "events_filtered_total{by=\"a\"} 5",
                "events_filtered_total{by=\"b\"} 0",
                "events_lost_total{where=\"queue\"} 11",
                "ring_events 12",
                "queue_events 13",
                "queue_bytes 14",
                "wakeups_total 15",
                "events_cut_total 16",
                "summing_events 20",
                "redacted_total 21",
                "files_hashed_total 40",
                "files_failed_total 41",
                "files_dropped_total 42",
                "files_waiting 43",
                "hasher_restarts_total 44",
                "rule_matched_total{rule=\"a\"} 1",
                "rule_dropped_total{rule=\"a\"} 2",
                "rule_summarized_total{rule=\"a\"} 3",
                "rule_spared_total{rule=\"a\"} 4",
                "rule_spared_total{rule=\"b\"} 0",
                "sink_events_written_total{sink=\"file\"} 30",
                "sink_backlog_events{sink=\"file\"} 31",
                "sink_events_before_total{sink=\"file\"} 32",
                "sink_events_lost_total{sink=\"file\"} 33",
                "sink_events_down_total{sink=\"file\"} 34",
                "sink_lines_total{sink=\"file\"} 35",
                "sink_bytes_total{sink=\"file\"} 18446744073709551615",
                "sink_retries_total{sink=\"file\"} 36",
                "sink_files_deleted_total{sink=\"file\"} 38",
                "sink_bytes_deleted_total{sink=\"file\"} 39",
                "sink_backlog_bytes{sink=\"file\"} 37",
                "sink_bytes_total{sink=\"journal\"} 0",
        };
        _cleanup_(freep) char *text = encode(&stats);
        char line[100];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                (void)snprintf(line, sizeof(line), "execsnoopd_%s", expected[i]);
                assert_has(text, line);
        }
        /* 15 - (7 + 100) - 11 - 12 - 13 - ... */
        (void)snprintf(line, sizeof(line), "execsnoopd_sink_unaccounted_events{sink=\"file\"} %d",
                       15 - 107 - 11 - 12 - 13 - (30 + 31 + 32 + 33));
        assert_has(text, line);
}

static void names_of_rules_are_escaped(void **state)
{
        const struct rule_stats rule = { .name = "a\"b\\c\nd\xff" };
        const struct stats stats = { .rules = &rule, .n_rules = 1 };
        _cleanup_(freep) char *text = encode(&stats);

        (void)state;
        assert_has(text, "execsnoopd_rule_matched_total{rule=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(series_are_there_before_anything_has_happened),
                cmocka_unit_test(each_number_is_its_counter),
                cmocka_unit_test(names_of_rules_are_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
