/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * flow: the counters of the source and the numbers in the ledger give one account, wherever the
 * stream begins and whichever of the two is ahead; and settings that could not be taken change
 * nothing.
 */
#include "pipeline_fixture.h"

#define N_CPUS 2

/* Before the stream: five execs on CPU 1, two runs that were left out. */
static int open_in_the_middle(struct source *source)
{
        ledger_begin(source->ledger, PROGRAM_EXEC, 1, 5);
        ledger_begin_missed(source->ledger, PROGRAM_EXEC, 2);
        source->watermark_ns = 40;
        source->past = SOURCE_PAST_COUNTED;
        return 0;
}

static struct source *source_in_the_middle(const uint64_t *seen)
{
        static const struct recording_header header = {
                .n_cpus = N_CPUS, .start_ns = 50, .boot_id = BOOT_ID, .host = "box"
        };
        static struct source_ops ops;
        struct source *source = spoken_source_new(&header, seen);

        ops = *source->ops;
        ops.open = open_in_the_middle;
        source->ops = &ops;
        return source;
}

static void stream_begins_behind_what_was_numbered_before(void **state _unused_)
{
        _cleanup_(flow_fixture_done) struct flow_fixture fixture = { 0 };
        const uint64_t seen[N_CPUS * _PROGRAM_MAX] = { [_PROGRAM_MAX + PROGRAM_EXEC] = 6 };
        struct sink *sink = memory_sink_new();
        struct json_object *json;
        struct stats stats;

        assert_int_equal(flow_fixture_init(&fixture, source_in_the_middle(seen), MIB), 0);
        outputs_set_sink(flow_outputs(fixture.flow), SINK_STDOUT, sink, FORMAT_NATIVE);
        assert_int_equal(flow_start(fixture.flow, "1"), 0);
        flow_stats(fixture.flow, &stats);
        assert_int_equal(stats.program[PROGRAM_EXEC].seen, 6);
        assert_int_equal(stats.recursion_misses[PROGRAM_EXEC], 2);
        assert_int_equal(stats.in_rings, 1);
        assert_int_equal(stats.sink[0].before, 7);
        assert_int_equal(flow_fixture_unaccounted(&fixture, SINK_STDOUT), 0);

        json = memory_sink_line(sink, 0);
        assert_value(json, "down", "\"counted\"");
        assert_true(has(json, "inherited"));
        json_object_put(json);
}

/* The last word of the counters is older than what came out of the ring. */
static void event_that_was_not_counted_yet_was_seen(void **state _unused_)
{
        _cleanup_(flow_fixture_done) struct flow_fixture fixture = { 0 };
        const uint64_t seen[N_CPUS * _PROGRAM_MAX] = { [_PROGRAM_MAX + PROGRAM_EXEC] = 6 };
        const struct source_handler *h;
        struct stats stats;

        assert_int_equal(flow_fixture_init(&fixture, source_in_the_middle(seen), MIB), 0);
        outputs_set_sink(flow_outputs(fixture.flow), SINK_STDOUT, memory_sink_new(), FORMAT_NATIVE);
        h = &fixture.source->handler;
        for (uint64_t seq = 6; seq <= 8; seq++) {
                record_make_exec(&record, 1, seq, 50 + seq);
                h->on_record(h->userdata, &record, record.head.size);
        }
        flow_stats(fixture.flow, &stats);
        assert_int_equal(stats.program[PROGRAM_EXEC].seen, 8);
        assert_int_equal(stats.program[PROGRAM_EXEC].sent, 2); /* what the counters lack */
        assert_int_equal(stats.in_rings, 0);
        assert_int_equal(flow_fixture_unaccounted(&fixture, SINK_STDOUT), 0);
}

static void source_without_counters_has_seen_what_came(void **state)
{
        struct rig *rig = *state;
        struct stats stats;

        (void)feed_exec(rig, 10, 0);
        rig->seq += 3; /* a hole */
        (void)feed_exec(rig, 20, 0);
        flow_stats(rig->fixture.flow, &stats);
        assert_int_equal(stats.program[PROGRAM_EXEC].seen, 5);
        assert_int_equal(stats.program[PROGRAM_EXEC].sent, 0);
        assert_int_equal(stats.lost[LOSS_RING], 3);
        assert_accounts(rig);
}

static void what_the_caller_has_lost_is_reported(void **state)
{
        struct rig *rig = *state;

        flow_lose(rig->fixture.flow, LOSS_BLIND, 1, 5, 9);
        flow_mark_lost(rig->fixture.flow);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 1);
        flow_release_all(rig->fixture.flow);
        assert_int_equal(flow_fixture_run(&rig->fixture), 0);
        assert_true(flow_is_idle(rig->fixture.flow));
        assert_line_value(rig->sink, 0, "where", "\"blind\"");
}

/* Settings that are too small for what is in the queue. */
static void settings_that_are_reverted_leave_no_trace(void **state)
{
        struct flow *f = ((struct rig *)*state)->fixture.flow;
        struct config *other = NULL;

        (void)feed_exec(*state, 10, 0);
        assert_int_equal(config_new(&other), 0);
        other->queue.size = 64;
        assert_int_equal(flow_prepare(f, other, NULL), -ENOBUFS);
        other->queue.size = 4 * KIB;
        assert_int_equal(flow_prepare(f, other, NULL), 0);
        flow_revert(f);
        config_free(other);
        for (unsigned i = 0; i < 100; i++) /* more than would fit into the other */
                (void)feed_exec(*state, 20, 0);
        assert_int_equal(ledger_lost(f->ledger, LOSS_QUEUE), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stream_begins_behind_what_was_numbered_before),
                cmocka_unit_test(event_that_was_not_counted_yet_was_seen),
                PIPELINE_TEST(source_without_counters_has_seen_what_came),
                PIPELINE_TEST(what_the_caller_has_lost_is_reported),
                PIPELINE_TEST(settings_that_are_reverted_leave_no_trace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
