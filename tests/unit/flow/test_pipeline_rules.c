/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Rules and redaction in the pipeline: what is in no line is accounted for, and adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../policy/policy_fixture.h"
#include "pipeline_fixture.h"
#include "sink/backlog.h"

#define SECOND NSEC_PER_SEC

/* From here on these are the rules. */
static void set_rules(struct rig *rig, const char *text)
{
        struct flow *f = rig->fixture.flow;

        assert_int_equal(flow_prepare(f, rig->fixture.config, good_rules(text)), 0);
        flow_commit(f, rig->fixture.config);
}

static void feed_argv(struct rig *rig, uint64_t boot_ns, const char *argv, size_t size)
{
        record_make_exec(&record, 0, ++rig->seq, boot_ns);
        record_add(&record, FIELD_ARGV, argv, size);
        feed(rig, &record);
}

static void mark_moment(struct rig *rig, uint64_t now_ns)
{
        assert_int_equal(pipeline_mark_moment(rig->fixture.flow->pipeline, now_ns), 0);
        end_round(rig, now_ns + 1);
}

static struct stats stats_of(const struct rig *rig)
{
        struct stats stats;

        flow_stats(rig->fixture.flow, &stats);
        return stats;
}

/* As if so many bytes of lines were waiting. */
static void fill_backlog(struct rig *rig, size_t size)
{
        char *bytes = calloc(1, size);
        const struct span part = { bytes, size };

        assert_int_equal(backlog_push(rig->sink->backlog, &part, 1, 0), 0);
        free(bytes);
}

static void dropped_is_in_no_line_and_accounted_for(void **state)
{
        struct rig *rig = *state;
        uint64_t before = account_read(rig->sink->account).accounted;

        set_rules(rig, "[Rule]\nName=mine\nArgument=a\nAction=drop\n");
        feed_exec(rig, SECOND, 0);
        feed_argv(rig, SECOND + 1, "b\0", 2);
        end_round(rig, 2 * SECOND);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_argv(rig, 0, "[\"b\"]", false);
        assert_int_equal(account_read(rig->sink->account).accounted - before, 1);
        assert_int_equal(stats_of(rig).hidden, 1);
        assert_accounts(rig);
}

static void dropped_goes_on_in_the_memory_of_the_next_run(void **state)
{
        struct rig *rig = *state;
        uint64_t dropped = 7;

        outputs_keep_dropped(rig->fixture.flow->outputs, &dropped);
        set_rules(rig, "[Rule]\nArgument=a\nAction=drop\n");
        feed_exec(rig, SECOND, 0);
        end_round(rig, 2 * SECOND);
        assert_int_equal(dropped, 8);
        assert_int_equal(stats_of(rig).hidden, 8);
        assert_int_equal(stats_of(rig).hidden_by_earlier, 7);
}

#define SUMMARIZE "[Rule]\nName=s\nArgument=a\nAction=summarize\nSummaryInterval=10s\n"

static void summary_comes_by_a_mark_though_nothing_happens(void **state)
{
        struct rig *rig = *state;

        set_rules(rig, SUMMARIZE);
        for (unsigned i = 0; i < 4; i++)
                feed_exec(rig, SECOND + i, 0);
        end_round(rig, 2 * SECOND);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_int_equal(stats_of(rig).summing, 3);
        assert_int_equal(flow_due_ns(rig->fixture.flow), 11 * SECOND);
        mark_moment(rig, 5 * SECOND);
        assert_int_equal(n_lines(rig->sink), 1);
        mark_moment(rig, 11 * SECOND);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 1, "event", "\"summary\"");
        assert_line_value(rig->sink, 1, "count", "3");
        assert_line_value(rig->sink, 1, "rule", "\"s\"");
        assert_int_equal(memory_sink_of(rig->sink)->lost, 3); /* it accounts for so many */
        assert_int_equal(stats_of(rig).summing, 0);
        assert_int_equal(flow_due_ns(rig->fixture.flow), UINT64_MAX);
        assert_accounts(rig);
}

static void summary_waits_for_room_in_each_sink(void **state)
{
        struct rig *rig = *state;

        set_rules(rig, SUMMARIZE);
        for (unsigned i = 0; i < 3; i++)
                feed_exec(rig, SECOND + i, 0);
        end_round(rig, 2 * SECOND);
        fill_backlog(rig, MEMORY_SINK_BACKLOG - 4 * KIB);
        mark_moment(rig, 20 * SECOND);
        assert_true(flow_sum_up(rig->fixture.flow)); /* nor at the end, as long as there is time */
        assert_int_equal(n_lines(rig->sink), 1);
        assert_int_equal(stats_of(rig).summing, 2);
        assert_accounts(rig);
        backlog_pop(rig->sink->backlog, 1);
        assert_false(flow_sum_up(rig->fixture.flow));
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 1, "count", "2");
}

static void rules_that_go_leave_their_summaries(void **state)
{
        struct rig *rig = *state;
        struct json_object *json;

        set_rules(rig, SUMMARIZE);
        for (unsigned i = 0; i < 3; i++)
                feed_exec(rig, SECOND + i, 0);
        end_round(rig, 2 * SECOND);
        set_rules(rig, "[Rule]\nName=other\nArgument=b\nAction=drop\n");
        mark_moment(rig, 11 * SECOND);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 1, "count", "2");
        json = memory_sink_line(rig->sink, 1);
        assert_false(has(json, "rule"));
        json_object_put(json);
        assert_int_equal(stats_of(rig).hidden_by_removed, 2);
        assert_accounts(rig);
}

static void secrets_leave_neither_in_lines_nor_in_summaries(void **state)
{
        static const char argv[] = "a\0--password=hunter22\0";
        struct rig *rig = *state;
        struct buf *text = &memory_sink_of(rig->sink)->text;
        struct buf *people = &memory_sink_of(rig->sink)->people;

        rig->sink->wants_text = true;
        set_rules(rig, SUMMARIZE);
        for (unsigned i = 0; i < 3; i++)
                feed_argv(rig, SECOND + i, argv, sizeof(argv) - 1);
        end_round(rig, 2 * SECOND);
        mark_moment(rig, 11 * SECOND);
        assert_int_equal(n_lines(rig->sink), 2);
        for (size_t i = 0; i < 2; i++) {
                assert_argv(rig, i, "[\"a\",\"--password=<redacted>\"]", false);
                assert_line_value(rig->sink, i, "redacted", "[1]");
        }
        assert_null(memmem(text->data, text->size, "hunter22", 8));
        assert_null(memmem(people->data, people->size, "hunter22", 8));
        buf_append_char(people, '\0');
        assert_string_equal(people->data, "?: a '--password=<redacted>'\n"
                                          "2 more execs within 0us (rule s): ?: a "
                                          "'--password=<redacted>'\n");
        assert_int_equal(stats_of(rig).redacted, 2);
}

static void tags_are_those_of_all_rules_that_matched(void **state)
{
        struct rig *rig = *state;

        set_rules(rig,
                  "[Rule]\nArgument=a\nTag=one two\n[Rule]\nArgument=a\nTag=three\nAction=keep\n"
                  "[Rule]\nArgument=b\nTag=four\n");
        feed_exec(rig, SECOND, 0);
        end_round(rig, 2 * SECOND);
        assert_line_value(rig->sink, 0, "tags", "[\"one\",\"two\",\"three\"]");
}

static void count_event(void *userdata, const struct exec_event *event _unused_)
{
        (*(unsigned *)userdata)++;
}

static void observer_sees_also_what_rules_drop(void **state)
{
        struct rig *rig = *state;
        unsigned n = 0;

        flow_observe(rig->fixture.flow, &(struct pipeline_observer){ count_event, &n });
        set_rules(rig, "[Rule]\nArgument=a\nAction=drop\n");
        feed_exec(rig, SECOND, 0);
        end_round(rig, 2 * SECOND);
        assert_int_equal(n_lines(rig->sink), 0);
        assert_int_equal(n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PIPELINE_TEST(dropped_is_in_no_line_and_accounted_for),
                PIPELINE_TEST(dropped_goes_on_in_the_memory_of_the_next_run),
                PIPELINE_TEST(summary_comes_by_a_mark_though_nothing_happens),
                PIPELINE_TEST(summary_waits_for_room_in_each_sink),
                PIPELINE_TEST(rules_that_go_leave_their_summaries),
                PIPELINE_TEST(secrets_leave_neither_in_lines_nor_in_summaries),
                PIPELINE_TEST(tags_are_those_of_all_rules_that_matched),
                PIPELINE_TEST(observer_sees_also_what_rules_drop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
