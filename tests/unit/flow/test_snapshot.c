/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * snapshot: what runs already comes out before all that happens, in the order of time, without a
 * place in any counter; and nothing waits for it for long.
 */
#include "pipeline_fixture.h"

#include "flow/snapshot.h"

#define START_NS UINT64_C(1000000)
#define BEGIN_NS (START_NS + 500) /* programs ran by then */

/* A source that tells processes, a piece with each call. */
struct listing {
        struct rig rig;
        struct source_ops ops;
        struct record processes[4];
        unsigned n, n_told, n_again;
        int error; /* in place of the end */
};

static struct listing *listing; /* source_ops have no userdata */

static ssize_t list(struct source *source _unused_, void *buf, size_t size)
{
        const struct record *r = &listing->processes[listing->n_told];

        if (listing->n_again > 0) {
                listing->n_again--;
                return -EAGAIN;
        }
        if (listing->n_told == listing->n)
                return listing->error;
        listing->n_told++;
        assert_true(r->head.size <= size);
        memcpy(buf, r, r->head.size);
        return r->head.size;
}

static uint64_t now_ns(const struct source *source)
{
        return MAX(source->watermark_ns, BEGIN_NS);
}

/* As the kernel side writes it; `exec_ns`: when its exec was seen, or 0. */
static void add_process(uint32_t pid, uint64_t start_ns, uint64_t exec_ns)
{
        struct record *r = &listing->processes[listing->n++];

        record_make_exec(r, 0, exec_ns, START_NS + 700);
        r->head.kind = RECORD_PROCESS;
        r->exec.facts.pid = pid;
        r->exec.facts.start_ns = start_ns;
        r->exec.facts.exec_count = 1;
        r->exec.facts.present = FACT_EXEC_COUNT;
        r->exec.cut = EXEC_CUT(FIELD_FILENAME);
        record_add(r, FIELD_ARGV, "old\0--password=x", 17);
}

static int set_up(void **state)
{
        const struct recording_header header = {
                .n_cpus = 2, .start_ns = START_NS, .boot_id = BOOT_ID, .host = "box"
        };
        struct source *source = spoken_source_new(&header, NULL);

        listing = calloc(1, sizeof(*listing));
        assert_true(listing && source);
        listing->ops = *source->ops;
        listing->ops.list = list;
        source->ops = &listing->ops;
        assert_int_equal(flow_fixture_init(&listing->rig.fixture, source, MIB), 0);
        listing->ops.now_ns = now_ns;
        listing->rig.handler = source->handler;
        listing->rig.sink = memory_sink_new();
        outputs_set_sink(listing->rig.fixture.flow->outputs, SINK_STDOUT, listing->rig.sink,
                         FORMAT_NATIVE);
        *state = &listing->rig;
        return 0;
}

static int tear_down(void **state _unused_)
{
        flow_fixture_done(&listing->rig.fixture);
        free(listing);
        return 0;
}

static void take_all(struct flow *f)
{
        assert_int_equal(flow_begin_snapshot(f), 0);
        while (flow_take_snapshot(f))
                ;
        assert_false(flow_can_take_snapshot(f));
}

static void processes_come_before_what_has_happened_meanwhile(void **state)
{
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;

        add_process(10, 5, 0);
        add_process(11, 6, 0);
        assert_int_equal(flow_begin_snapshot(f), 0);
        (void)feed_exec(rig, START_NS + 600, 0);
        assert_true(flow_take_snapshot(f));
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), 1); /* the first process; the exec waits */
        assert_true(flow_take_snapshot(f));
        assert_false(flow_take_snapshot(f));
        end_round(rig, START_NS + 20000);
        assert_int_equal(n_lines(rig->sink), 3);
        for (unsigned i = 0; i < 2; i++) {
                assert_line_value(rig->sink, i, "event", "\"process\"");
                assert_line_value(rig->sink, i, "source", "\"snapshot\"");
                assert_line_value(rig->sink, i, "time", "\"1970-01-01T00:00:00.001000000Z\"");
        }
        assert_line_value(rig->sink, 2, "event", "\"exec\"");
        assert_accounts(rig);
}

static void secrets_of_processes_are_hidden(void **state)
{
        struct rig *rig = *state;

        add_process(10, 5, 0);
        take_all(rig->fixture.flow);
        end_round(rig, START_NS + 10000);
        assert_line_value(rig->sink, 0, "argv", "[\"old\",\"--password=<redacted>\"]");
}

/* Each is in the stream by itself. */
static void what_the_stream_tells_is_left_out(void **state)
{
        struct rig *rig = *state;

        add_process(10, BEGIN_NS + 1, 0); /* was forked meanwhile */
        add_process(11, 5, START_NS + 1); /* has executed meanwhile */
        add_process(12, BEGIN_NS, 0);     /* was started before the programs ran */
        add_process(13, 5, START_NS - 1); /* whose exec an earlier run has seen */
        take_all(rig->fixture.flow);
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 0, "pid", "13");
        assert_line_value(rig->sink, 1, "pid", "12"); /* not before it was started */
        assert_line_value(rig->sink, 1, "time", "\"1970-01-01T00:00:00.001000500Z\"");
}

static void what_an_earlier_run_has_told_is_only_remembered(void **state)
{
        struct rig *rig = *state;

        rig->fixture.source->past = SOURCE_PAST_COUNTED;
        add_process(10, 5, 0);
        take_all(rig->fixture.flow);
        record_make_exec(&record, 0, 1, START_NS + 600);
        record.exec.facts.present = FACT_PARENT | FACT_PARENT_EXEC;
        record.exec.facts.parent_exec_pid = 10;
        record.exec.facts.parent_exec_start_ns = 5;
        record.exec.facts.parent_exec_count = 1;
        feed(rig, &record);
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "parent_argv", "[\"old\",\"--password=<redacted>\"]");
}

static void nothing_waits_for_long(void **state)
{
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;
        const uint64_t late_ns = BEGIN_NS + SNAPSHOT_WAIT_NS;

        add_process(10, 5, 0);
        assert_int_equal(flow_begin_snapshot(f), 0);
        (void)feed_exec(rig, START_NS + 600, 0);
        end_round(rig, late_ns);
        assert_int_equal(n_lines(rig->sink), 0);
        end_round(rig, late_ns + 1);
        assert_int_equal(n_lines(rig->sink), 1);
        while (flow_take_snapshot(f))
                ;
        end_round(rig, late_ns + 2); /* of the moment when it is told: time goes on */
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 1, "event", "\"process\"");
        assert_line_value(rig->sink, 1, "time", "\"1970-01-01T00:00:05.001000501Z\"");
}

static void nothing_waits_in_a_queue_that_is_half_full(void **state)
{
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;

        add_process(10, 5, 0);
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_true(flow_can_take_snapshot(f));
        while (!queue_is_half_full(f->queue))
                (void)feed_exec(rig, START_NS + 600, 0);
        assert_false(flow_can_take_snapshot(f));
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), rig->seq);
        assert_true(flow_can_take_snapshot(f));
}

static void a_sink_that_is_half_full_is_waited_for(void **state)
{
        static const char half[MEMORY_SINK_BACKLOG / 2];
        const struct span part = { half, sizeof(half) };
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;

        rig->fixture.config->queue.backlog = MEMORY_SINK_BACKLOG;
        add_process(10, 5, 0);
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_true(flow_can_take_snapshot(f));
        assert_int_equal(backlog_push(rig->sink->backlog, &part, 1, 0), 0);
        assert_false(flow_can_take_snapshot(f));
        backlog_pop(rig->sink->backlog, 1);
        assert_true(flow_can_take_snapshot(f));
}

static void the_end_tells_what_there_is_room_for(void **state)
{
        struct rig *rig = *state;

        add_process(10, 5, 0);
        assert_int_equal(flow_begin_snapshot(rig->fixture.flow), 0);
        (void)feed_exec(rig, START_NS + 600, 0);
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), 0);
        assert_int_equal(flow_fixture_stop(&rig->fixture), 0);
        assert_int_equal(n_lines(rig->sink), 3);
        assert_line_value(rig->sink, 0, "event", "\"process\"");
        assert_line_value(rig->sink, 1, "event", "\"exec\"");
        assert_line_value(rig->sink, 2, "event", "\"stop\"");
}

static void settings_decide_whether_there_is_one(void **state)
{
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;

        add_process(10, 5, 0);
        rig->fixture.config->capture.parents = false;
        rig->fixture.source->past = SOURCE_PAST_COUNTED; /* for whom, then? */
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_false(flow_can_take_snapshot(f));
        rig->fixture.source->past = SOURCE_PAST_UNKNOWN;
        rig->fixture.config->capture.snapshot = false;
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_false(flow_can_take_snapshot(f));
        rig->fixture.config->capture.snapshot = true;
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_true(flow_can_take_snapshot(f));
}

static void errors_are_the_end_of_it(void **state)
{
        struct rig *rig = *state;
        struct flow *f = rig->fixture.flow;

        listing->n_again = 2;
        listing->error = -EIO;
        add_process(10, 5, 0);
        assert_int_equal(flow_begin_snapshot(f), 0);
        for (unsigned i = 0; i < 3; i++)
                assert_true(flow_take_snapshot(f)); /* -EAGAIN is none */
        assert_false(flow_take_snapshot(f));
        add_process(11, 5, 0);
        listing->processes[1].head.size = sizeof(struct exec_record) - 1; /* makes no sense */
        assert_int_equal(flow_begin_snapshot(f), 0);
        assert_false(flow_take_snapshot(f));
        end_round(rig, START_NS + 10000);
        assert_int_equal(n_lines(rig->sink), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(processes_come_before_what_has_happened_meanwhile),
                TEST(secrets_of_processes_are_hidden),
                TEST(what_the_stream_tells_is_left_out),
                TEST(what_an_earlier_run_has_told_is_only_remembered),
                TEST(nothing_waits_for_long),
                TEST(nothing_waits_in_a_queue_that_is_half_full),
                TEST(a_sink_that_is_half_full_is_waited_for),
                TEST(the_end_tells_what_there_is_room_for),
                TEST(settings_decide_whether_there_is_one),
                TEST(errors_are_the_end_of_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
