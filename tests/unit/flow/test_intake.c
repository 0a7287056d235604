/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * intake: each record that arrives is counted exactly once, whatever it looks like; and a long
 * random walk through all stages in which everything fails that can, with the accounts of every
 * sink checked after each step.
 */
#include "encode_line.h"

#include <sys/mman.h>
#include <unistd.h>

#include "flow_fixture.h"
#include "memory_sink.h"
#include "record_builder.h"

#define N_CPUS 3

static struct record record;

struct rig {
        struct flow_fixture fixture;
        struct source_handler handler; /* of its source */
        struct sink *sink;             /* stdout */
        /* the kernel's side */
        uint64_t seq[N_CPUS * _PROGRAM_MAX];
        uint64_t missed;
        uint64_t now_ns;
        uint64_t seed;
};

static int setup(void **state)
{
        const struct recording_header header = { .n_cpus = N_CPUS,
                                                 .boot_id = BOOT_ID,
                                                 .host = "box" };
        struct rig *rig = calloc(1, sizeof(*rig));

        assert_non_null(rig);
        assert_int_equal(
                flow_fixture_init(&rig->fixture, spoken_source_new(&header, rig->seq), 64 * KIB),
                0);
        rig->handler = rig->fixture.source->handler;
        rig->sink = memory_sink_new();
        outputs_set_sink(rig->fixture.flow->outputs, SINK_STDOUT, rig->sink, FORMAT_NATIVE);
        *state = rig;
        return 0;
}

static int teardown(void **state)
{
        struct rig *rig = *state;

        flow_fixture_done(&rig->fixture);
        free(rig);
        return 0;
}

static void feed_bytes(struct rig *rig, const void *bytes, size_t size)
{
        _cleanup_(freep) char *block = malloc(size); /* exactly, for ASan */

        memcpy(block, bytes, size);
        rig->handler.on_record(rig->handler.userdata, block, size);
}

static void feed(struct rig *rig)
{
        feed_bytes(rig, &record, record.head.size);
}

/* The next number that the kernel gives. */
static uint64_t kernel_seq(struct rig *rig, enum exec_program program, uint32_t cpu)
{
        return ++rig->seq[cpu * _PROGRAM_MAX + program];
}

static void end_round(struct rig *rig, uint64_t now_ns)
{
        spoken_round(rig->fixture.source, now_ns);
        assert_int_equal(flow_fixture_run(&rig->fixture), 0);
}

/* The counters of the kernel, all rings being empty. */
static void reconcile(struct rig *rig)
{
        for (unsigned program = 0; program < _PROGRAM_MAX; program++)
                for (uint32_t cpu = 0; cpu < N_CPUS; cpu++)
                        rig->handler.on_drained(rig->handler.userdata, program, cpu,
                                                rig->seq[cpu * _PROGRAM_MAX + program]);
}

static uint64_t lost(const struct rig *rig, enum loss_where where)
{
        return ledger_lost(rig->fixture.flow->ledger, where);
}

static void assert_accounts(const struct rig *rig)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (outputs_sink(rig->fixture.flow->outputs, i))
                        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, i), 0);
}

static void event_waits_for_its_round(void **state)
{
        struct rig *rig = *state;

        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        feed(rig);
        end_round(rig, 10);
        assert_int_equal(memory_sink_of(rig->sink)->n_lines, 0);
        assert_accounts(rig);
        end_round(rig, 11);
        assert_int_equal(memory_sink_of(rig->sink)->n_lines, 1);
        assert_accounts(rig);
}

/* The record that it should have been is a hole in the numbers, and found as that. */
static void record_that_is_no_event_is_counted_as_a_hole(void **state)
{
        struct rig *rig = *state;

        for (size_t size = 0; size < sizeof(record.head); size++) {
                record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
                feed_bytes(rig, &record, size);
                assert_accounts(rig);
        }
        for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
                if ((kind >= RECORD_EXEC && kind <= RECORD_EXIT) || kind == RECORD_PROCESS ||
                    kind == RECORD_PROCESS_TOLD)
                        continue;
                record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
                record.head.kind = kind;
                feed(rig);
                assert_accounts(rig);
        }
        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        record.head.cpu = N_CPUS;
        feed(rig);
        assert_int_equal(lost(rig, LOSS_RING), 0);
        reconcile(rig);
        assert_int_equal(lost(rig, LOSS_RING), sizeof(record.head) + UINT8_MAX + 1 - 6 + 1);
        assert_accounts(rig);
        end_round(rig, 11);
        assert_int_equal(memory_sink_of(rig->sink)->n_lines, 0);
}

static void event_that_came_before_is_not_counted_again(void **state)
{
        struct rig *rig = *state;

        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        feed(rig);
        feed(rig);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 1);
        assert_accounts(rig);
}

static void event_whose_size_lies_does_not_decode(void **state)
{
        struct rig *rig = *state;

        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        feed_bytes(rig, &record, record.head.size - 1);
        assert_int_equal(lost(rig, LOSS_DECODE), 1);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 0);
        assert_accounts(rig);
}

static void event_without_room_in_the_queue_is_lost_with_its_place(void **state)
{
        struct rig *rig = *state;
        const struct loss *loss;
        uint64_t n = 0;

        while (lost(rig, LOSS_QUEUE) == 0) {
                record_make_exec(&record, 1, kernel_seq(rig, PROGRAM_EXEC, 1), ++n);
                feed(rig);
                assert_accounts(rig);
        }
        (void)ledger_close(rig->fixture.flow->ledger, 0);
        loss = ledger_unreported(rig->fixture.flow->ledger, SINK_STDOUT, LOSS_QUEUE);
        assert_int_equal(loss->count, 1);
        assert_int_equal(loss->cpu, 1);
        assert_int_equal(loss->from_ns, n);
        assert_int_equal(loss->to_ns, n);
        assert_int_equal(queue_events(rig->fixture.flow->queue), n - 1);
        end_round(rig, n + 1);
        assert_accounts(rig);
}

static void chunk_without_room_leaves_a_mark(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head event;
        struct json_object *json;

        assert_int_equal(queue_resize(rig->fixture.flow->queue, sizeof(struct exec_record) + 10),
                         0);
        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        record_add(&record, FIELD_ARGV, "a", 2);
        record.head.n_chunks = 1;
        event = record.head;
        feed(rig);
        record_make_chunk(&record, &event, 1, "b", 2);
        feed(rig);
        end_round(rig, 11);
        json = memory_sink_line(rig->sink, 0);
        assert_value(json, "argv", "[\"a\"]");
        assert_true(has(json, "argv_truncated"));
        json_object_put(json);
        assert_int_equal(lost(rig, LOSS_QUEUE), 0); /* the event is there */
        assert_accounts(rig);
}

static void missed_runs_are_losses_that_were_seen(void **state)
{
        struct rig *rig = *state;

        const struct loss *loss;

        rig->handler.on_counted(rig->handler.userdata, 10);
        end_round(rig, 20);
        rig->handler.on_missed(rig->handler.userdata, PROGRAM_EXIT, 3);
        rig->handler.on_missed(rig->handler.userdata, PROGRAM_EXIT, 2);
        assert_int_equal(lost(rig, LOSS_RECURSION), 5);
        (void)ledger_close(rig->fixture.flow->ledger, 0);
        loss = ledger_unreported(rig->fixture.flow->ledger, 0, LOSS_RECURSION);
        assert_int_equal(loss->from_ns, 10);
        assert_int_equal(loss->to_ns, 20);
        assert_int_equal(ledger_misses(rig->fixture.flow->ledger, PROGRAM_EXIT), 5);
        assert_accounts(rig);
}

static void losses_are_told_at_once_and_then_each_second(void **state)
{
        struct rig *rig = *state;
        const uint64_t start = 100 * NSEC_PER_SEC;
        static const struct {
                uint64_t after_ns;
                size_t n_lines;
        } rounds[] = {
                { 0, 1 },
                { 1, 1 },
                { NSEC_PER_SEC - 1, 1 },
                { NSEC_PER_SEC, 2 },
                { 2 * NSEC_PER_SEC - 1, 2 },
                { 5 * NSEC_PER_SEC, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rounds); i++) {
                (void)kernel_seq(rig, PROGRAM_EXEC, 0);
                reconcile(rig);
                end_round(rig, start + rounds[i].after_ns);
                assert_int_equal(memory_sink_of(rig->sink)->n_lines, rounds[i].n_lines);
        }
        end_round(rig, start + 100 * NSEC_PER_SEC); /* nothing new */
        assert_int_equal(memory_sink_of(rig->sink)->n_lines, 3);
}

static void loss_of_a_sink_is_reported_by_the_next_round(void **state)
{
        struct rig *rig = *state;
        struct json_object *json;

        memory_sink_of(rig->sink)->n_refusals = 1;
        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), 10);
        feed(rig);
        end_round(rig, 11);
        end_round(rig, NSEC_PER_SEC + 1);
        json = memory_sink_line(rig->sink, 0);
        assert_value(json, "where", "\"stdout\"");
        json_object_put(json);
        assert_accounts(rig);
}

/* Returns the descriptor of what is recorded from now on. */
static int start_recording(struct rig *rig)
{
        const struct recording_header header = { .n_cpus = N_CPUS };
        int fd = memfd_create("test_intake", MFD_CLOEXEC);
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        assert_int_equal(recorder_new(path, &header, &rig->fixture.flow->intake.recorder), 0);
        return fd;
}

static void assert_marks(struct rig *rig, int fd, off_t expected)
{
        const off_t mark = sizeof(struct recording_frame) + sizeof(struct recording_mark);

        assert_int_equal(recorder_flush(rig->fixture.flow->intake.recorder), 0);
        assert_int_equal(lseek(fd, 0, SEEK_END), sizeof(struct recording_header) + expected * mark);
}

static void recording_has_counters_only_if_they_show_a_loss(void **state)
{
        struct rig *rig = *state;
        _cleanup_(closep) int fd = start_recording(rig);

        reconcile(rig);
        assert_marks(rig, fd, 0);
        (void)kernel_seq(rig, PROGRAM_EXEC, 0);
        reconcile(rig);
        reconcile(rig);
        assert_marks(rig, fd, 1);
        recorder_free(rig->fixture.flow->intake.recorder);
}

static void recording_has_what_the_times_of_losses_come_from(void **state)
{
        struct rig *rig = *state;
        _cleanup_(closep) int fd = start_recording(rig);

        rig->handler.on_counted(rig->handler.userdata, 10);
        assert_marks(rig, fd, 1);
        end_round(rig, 20);
        assert_marks(rig, fd, 2);
        rig->handler.on_missed(rig->handler.userdata, PROGRAM_EXIT, 3);
        assert_marks(rig, fd, 3);
        recorder_free(rig->fixture.flow->intake.recorder);
}

static void assert_time(struct rig *rig, size_t line, const char *expected)
{
        struct json_object *json = memory_sink_line(rig->sink, line);

        assert_string_equal(get_string(json, "time"), expected);
        json_object_put(json);
}

/* Whenever it is encoded: what a round has collected before the step was noticed keeps its time. */
static void clock_step_is_for_the_round_that_saw_it_and_later_ones(void **state)
{
        struct rig *rig = *state;
        const uint64_t times[] = { 10, 20, 30, 31 }; /* seconds */

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0),
                                 times[i] * NSEC_PER_SEC);
                feed(rig);
                if (times[i] == 20) /* collected by the round that sees the step */
                        rig->handler.on_clock(rig->handler.userdata, 0,
                                              3600 * (int64_t)NSEC_PER_SEC);
                if (times[i] == 31)
                        rig->handler.on_clock(rig->handler.userdata, 0, -5 * (int64_t)NSEC_PER_SEC);
                if (times[i] != 30)
                        spoken_round(rig->fixture.source, times[i] * NSEC_PER_SEC + 1);
        }
        assert_int_equal(flow_fixture_run(&rig->fixture), 0);
        assert_time(rig, 0, "1970-01-01T00:00:10.000000000Z");
        assert_time(rig, 1, "1970-01-01T01:00:20.000000000Z");
        assert_time(rig, 2, "1970-01-01T00:00:25.000000000Z");
        assert_time(rig, 3, "1970-01-01T00:00:26.000000000Z");
        assert_accounts(rig);
}

/* Of what one round has collected, each event has the offset of its moment. */
static void clock_step_divides_what_a_round_collects(void **state)
{
        struct rig *rig = *state;

        for (uint64_t second = 10; second < 14; second++) {
                record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0),
                                 second * NSEC_PER_SEC);
                feed(rig);
        }
        rig->handler.on_clock(rig->handler.userdata, 12 * NSEC_PER_SEC,
                              3600 * (int64_t)NSEC_PER_SEC);
        rig->handler.on_clock(rig->handler.userdata, 13 * NSEC_PER_SEC, 5 * (int64_t)NSEC_PER_SEC);
        end_round(rig, 14 * NSEC_PER_SEC);
        assert_time(rig, 0, "1970-01-01T00:00:10.000000000Z");
        assert_time(rig, 1, "1970-01-01T00:00:11.000000000Z");
        assert_time(rig, 2, "1970-01-01T01:00:12.000000000Z");
        assert_time(rig, 3, "1970-01-01T00:00:18.000000000Z");
        assert_accounts(rig);
}

/* Better for some events too early than never. */
static void clock_step_needs_no_room_in_the_queue(void **state)
{
        struct rig *rig = *state;

        do {
                record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), NSEC_PER_SEC);
                feed(rig);
        } while (lost(rig, LOSS_QUEUE) == 0);
        while (pipeline_mark_stats(rig->fixture.flow->pipeline, 2 * NSEC_PER_SEC) == 0)
                ;
        rig->handler.on_clock(rig->handler.userdata, 0, 3600 * (int64_t)NSEC_PER_SEC);
        end_round(rig, NSEC_PER_SEC + 1);
        assert_time(rig, 0, "1970-01-01T01:00:01.000000000Z");
}

static void clock_of_the_source_is_the_encoders(void **state)
{
        struct rig *rig = *state;
        struct json_object *json;

        rig->handler.on_clock(rig->handler.userdata, 0, CLOCK_OFFSET);
        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), NOW_BOOT_NS);
        feed(rig);
        end_round(rig, NOW_BOOT_NS + 1);
        json = memory_sink_line(rig->sink, 0);
        assert_string_equal(get_string(json, "time"), NOW);
        json_object_put(json);
}

static void rounds_at_the_ends_of_time_do_no_harm(void **state)
{
        struct rig *rig = *state;

        (void)kernel_seq(rig, PROGRAM_EXEC, 0);
        reconcile(rig);
        end_round(rig, 0);
        end_round(rig, UINT64_MAX);
        end_round(rig, 1);
        record_make_exec(&record, 0, kernel_seq(rig, PROGRAM_EXEC, 0), UINT64_MAX);
        feed(rig);
        end_round(rig, UINT64_MAX);
        assert_int_equal(queue_events(rig->fixture.flow->queue), 0);
        assert_accounts(rig);
}

/* The walk: what the kernel and the sinks do to us. */

static uint64_t dice(struct rig *rig, uint64_t n)
{
        return random_next(&rig->seed) % n;
}

static void walk_chunks(struct rig *rig, const struct exec_record_head *event)
{
        static const char bytes[2000];

        for (uint32_t chunk = 1; chunk <= event->n_chunks; chunk++) {
                if (dice(rig, 8) == 0)
                        continue;
                record_make_chunk(&record, event, chunk, bytes, dice(rig, sizeof(bytes)));
                record.head.version -= dice(rig, 16) == 0;
                feed(rig);
        }
}

/* One event that the kernel counts; whether it arrives, and how, is another matter. */
static void walk_event(struct rig *rig)
{
        uint32_t cpu = dice(rig, N_CPUS);
        unsigned what = dice(rig, 16);
        struct exec_record_head event;

        rig->now_ns += dice(rig, 3);
        if (what == 0)
                record_make_exit(&record, cpu, kernel_seq(rig, PROGRAM_EXIT, cpu), rig->now_ns);
        else
                record_make_full(&record, cpu, kernel_seq(rig, PROGRAM_EXEC, cpu), rig->now_ns);
        if (what == 1) /* no room in the ring */
                return;
        if (what == 2)
                record.exec.len[dice(rig, _FIELD_MAX)] += 1 + dice(rig, 1000);
        if (what == 3)
                record.head.kind = dice(rig, 256);
        if (what == 4)
                record.head.size = dice(rig, 1000);
        if (what == 5)
                record.head.n_chunks = 1 + dice(rig, 4);
        event = record.head;
        feed_bytes(rig, &record, what == 6 ? dice(rig, 100) : record.head.size);
        if (what == 7)
                feed_bytes(rig, &record, record.head.size); /* twice */
        walk_chunks(rig, &event);
}

static void walk_sinks(struct rig *rig)
{
        unsigned place = dice(rig, _SINK_PLACE_MAX);
        struct sink *s = outputs_sink(rig->fixture.flow->outputs, place);

        if (!s || (place != SINK_STDOUT && dice(rig, 8) == 0)) {
                outputs_set_sink(rig->fixture.flow->outputs, place,
                                 dice(rig, 4) ? memory_sink_new() : NULL, FORMAT_NATIVE);
                return;
        }
        switch (dice(rig, 3)) {
        case 0:
                memory_sink_of(s)->n_refusals = dice(rig, 20);
                return;
        case 1:
                memory_sink_of(s)->is_stuck = !memory_sink_of(s)->is_stuck;
                return;
        default:
                (void)sink_flush(s);
        }
}

static void walk_step(struct rig *rig)
{
        struct pipeline *p = rig->fixture.flow->pipeline;

        switch (dice(rig, 64)) {
        case 0 ... 2:
                spoken_round(rig->fixture.source, rig->now_ns);
                return;
        case 3:
                spoken_round(rig->fixture.source, rig->now_ns);
                reconcile(rig);
                return;
        case 4:
                rig->handler.on_missed(rig->handler.userdata, dice(rig, _PROGRAM_MAX), 1);
                return;
        case 5:
                walk_sinks(rig);
                return;
        case 6:
                (void)pipeline_mark_stats(p, rig->now_ns);
                return;
        case 7:
                (void)queue_resize(rig->fixture.flow->queue, (8 + dice(rig, 64)) * KIB);
                return;
        case 8 ... 15:
                assert_true(pipeline_run(p, dice(rig, 12)) >= 0);
                return;
        case 16:
                rig->now_ns += NSEC_PER_SEC / 2;
                return;
        default:
                walk_event(rig);
        }
}

/* Checks every line; sums up what was reported to the sink of losses. */
static void read_lines(struct sink *s, uint64_t *ret_reported)
{
        const char *p = memory_sink_of(s)->text.data;

        for (uint64_t seq = 1; seq <= memory_sink_of(s)->n_lines; seq++) {
                struct json_object *json = memory_sink_next(&p);

                assert_int_equal(json_object_get_uint64(get(json, "seq")), seq);
                if (has(json, "unaccounted"))
                        assert_value(json, "unaccounted", "0");
                for (unsigned where = 0; has(json, "where") && where < _LOSS_WHERE_MAX; where++)
                        if (strcmp(get_string(json, "where"), loss_where_name(where)) == 0)
                                ret_reported[where] += json_object_get_uint64(get(json, "count"));
                json_object_put(json);
        }
}

static void walk_to_the_end(struct rig *rig)
{
        memory_sink_of(rig->sink)->n_refusals = 0;
        memory_sink_of(rig->sink)->is_stuck = false;
        reconcile(rig);
        queue_release(rig->fixture.flow->queue, UINT64_MAX);
        assert_int_equal(flow_fixture_run(&rig->fixture), 0);
        assert_accounts(rig);
        assert_int_equal(flow_fixture_stop(&rig->fixture), 0);
        assert_accounts(rig);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 0);
        assert_int_equal(rig->sink->stats.backlog, 0);
}

/* To the one sink that there is, what concerns it. */
static bool is_told(enum loss_where where)
{
        return !loss_is_of_sink(where) || loss_concerns(where, SINK_STDOUT);
}

static void accounts_are_right_after_every_step(void **state)
{
        struct rig *rig;
        uint64_t total[_LOSS_WHERE_MAX] = { 0 }, reported[_LOSS_WHERE_MAX];

        teardown(state);
        for (uint64_t walk = 1; walk <= 12; walk++) {
                assert_int_equal(setup(state), 0);
                rig = *state;
                rig->seed = walk;
                for (unsigned step = 0; step < 3000; step++) {
                        walk_step(rig);
                        assert_accounts(rig);
                }
                walk_to_the_end(rig);
                memset(reported, 0, sizeof(reported));
                read_lines(rig->sink, reported);
                for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++) {
                        assert_int_equal(reported[where], is_told(where) ? lost(rig, where) : 0);
                        total[where] += lost(rig, where);
                }
                teardown(state);
        }
        assert_int_equal(setup(state), 0);
        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                assert_true(total[where] > 20 || where >= LOSS_DOWN); /* the walks hit them all */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(event_waits_for_its_round),
                TEST(record_that_is_no_event_is_counted_as_a_hole),
                TEST(event_that_came_before_is_not_counted_again),
                TEST(event_whose_size_lies_does_not_decode),
                TEST(event_without_room_in_the_queue_is_lost_with_its_place),
                TEST(chunk_without_room_leaves_a_mark),
                TEST(missed_runs_are_losses_that_were_seen),
                TEST(losses_are_told_at_once_and_then_each_second),
                TEST(loss_of_a_sink_is_reported_by_the_next_round),
                TEST(recording_has_counters_only_if_they_show_a_loss),
                TEST(recording_has_what_the_times_of_losses_come_from),
                TEST(clock_of_the_source_is_the_encoders),
                TEST(clock_step_is_for_the_round_that_saw_it_and_later_ones),
                TEST(clock_step_divides_what_a_round_collects),
                TEST(clock_step_needs_no_room_in_the_queue),
                TEST(rounds_at_the_ends_of_time_do_no_harm),
                TEST(accounts_are_right_after_every_step),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
