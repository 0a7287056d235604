/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * pipeline: what becomes of an event and of its continuations, however they arrive; what each sink
 * is given, and where in time the daemon's own events are; and that the numbers add up. Records
 * come in through the intake, as from a source.
 */
#include "pipeline_fixture.h"

static void event_goes_to_every_sink_with_its_own_seq(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new();

        (void)feed_exec(rig, 10, 0);
        end_round(rig, 11);
        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, file, FORMAT_NATIVE);
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 21);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_line_value(rig->sink, 1, "seq", "2");
        assert_int_equal(n_lines(file), 1);
        assert_line_value(file, 0, "seq", "1");
        assert_accounts(rig);
        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, SINK_FILE), 0);
}

static void chunks_are_joined(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head event = feed_exec(rig, 10, 3);

        feed_chunk(rig, &event, 1, "b", 1);
        feed_chunk(rig, &event, 2, "c\0", 2);
        feed_chunk(rig, &event, 3, "d", 2);
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 21);
        assert_argv(rig, 0, "[\"a\",\"bc\",\"d\"]", false);
        assert_argv(rig, 1, "[\"a\"]", false);
        assert_accounts(rig);
}

/* The argv of an event whose chunks 1 to n are "1" to "n", up to the first that is not there. */
static void expected_argv(const bool *there, unsigned n, char *ret, bool *ret_cut)
{
        unsigned i = 1;

        ret = stpcpy(ret, "[\"a\"");
        while (i <= n && there[i])
                ret += sprintf(ret, i == 1 ? ",\"%u" : "%u", i), i++;
        stpcpy(ret, i > 1 ? "\"]" : "]");
        *ret_cut = i <= n;
}

static void chunks_are_joined_up_to_the_first_hole_in_any_order(void **state)
{
        struct rig *rig = *state;
        uint64_t seed = 1;

        for (size_t n = 0; n < 3000; n++) {
                unsigned n_chunks = 1 + random_next(&seed) % 5;
                unsigned n_arrivals = random_next(&seed) % 12;
                struct exec_record_head event;
                bool there[6] = { false }, cut;
                char expected[64];

                record_make_exec(&record, 0, ++rig->seq, n);
                record_add(&record, FIELD_ARGV, "a\0", 2);
                record.head.n_chunks = n_chunks;
                event = record.head;
                for (unsigned i = 0; i < n_arrivals; i++) {
                        unsigned chunk = 1 + random_next(&seed) % n_chunks;
                        const char text = (char)('0' + chunk);

                        feed_chunk(rig, &event, chunk, &text, 1);
                        there[chunk] = true;
                }
                record_make_exec(&record, 0, rig->seq, n); /* last of all */
                record_add(&record, FIELD_ARGV, "a\0", 2);
                record.head.n_chunks = n_chunks;
                feed(rig, &record);
                end_round(rig, n + 1);
                assert_int_equal(n_lines(rig->sink), n + 1);
                expected_argv(there, n_chunks, expected, &cut);
                assert_argv(rig, n, expected, cut);
        }
        assert_accounts(rig);
}

static void orphaned_chunks_vanish(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head lost = record_head(RECORD_EXEC, PROGRAM_EXEC, 0, ++rig->seq, 10);
        struct exec_record_head event;

        feed_chunk(rig, &lost, 1, "x", 1);
        lost.boot_ns = 30;
        event = feed_exec(rig, 20, 1);
        feed_chunk(rig, &lost, 1, "x", 1);
        event.seq++;
        feed_chunk(rig, &event, 1, "x", 1); /* of the next event, which announces none */
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 40);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_argv(rig, 0, "[\"a\"]", true);
        assert_argv(rig, 1, "[\"a\"]", false);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 0);
        assert_accounts(rig);
}

static void chunks_of_other_events_are_not_ours(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head other;

        for (size_t i = 0; i < 3; i++) {
                other = feed_exec(rig, 10 * i, 1);
                other.program = i == 0 ? PROGRAM_FAILED : other.program;
                other.cpu += i == 1;
                other.seq += i == 2;
                feed_chunk(rig, &other, 1, "x", 1);
        }
        end_round(rig, 100);
        assert_int_equal(n_lines(rig->sink), 3);
        for (size_t i = 0; i < 3; i++)
                assert_argv(rig, i, "[\"a\"]", true);
}

static void chunk_that_does_not_decode_is_a_hole(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head event = feed_exec(rig, 10, 2);

        event.version++;
        feed_chunk(rig, &event, 1, "x", 1);
        event.version--;
        feed_chunk(rig, &event, 2, "y", 1);
        end_round(rig, 11);
        assert_argv(rig, 0, "[\"a\"]", true);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_accounts(rig);
}

/* The second event has nothing of the first one's in its buffer. */
static void event_without_argv_stays_without(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head event = feed_exec(rig, 10, 1);
        struct json_object *json;

        feed_chunk(rig, &event, 1, "b", 2);
        record_make_exec(&record, 0, ++rig->seq, 20);
        record.exec.cut = EXEC_CUT(FIELD_ARGV);
        record.head.n_chunks = 1;
        feed(rig, &record);
        end_round(rig, 21);
        assert_argv(rig, 0, "[\"a\",\"b\"]", false);
        json = memory_sink_line(rig->sink, 1);
        assert_false(has(json, "argv"));
        json_object_put(json);
}

static void event_that_does_not_decode_is_lost_once_with_its_chunks(void **state)
{
        struct rig *rig = *state;
        struct exec_record_head event;
        const struct loss *loss;

        record_make_exec(&record, 1, 1, 10);
        record.exec.len[FIELD_ARGV] = 1;
        record.head.n_chunks = 1;
        event = record.head;
        feed(rig, &record);
        feed_chunk(rig, &event, 1, "x", 1);
        (void)feed_exec(rig, 20, 0);
        assert_accounts(rig);
        end_round(rig, 21);
        assert_accounts(rig);
        assert_int_equal(n_lines(rig->sink), 1);
        (void)ledger_close(rig->fixture.flow->ledger, 0);
        loss = ledger_unreported(rig->fixture.flow->ledger, SINK_STDOUT, LOSS_DECODE);
        assert_non_null(loss);
        assert_int_equal(loss->count, 1);
        assert_int_equal(loss->cpu, 1);
        assert_int_equal(loss->from_ns, 10);
}

static void environment_is_filtered_by_the_settings(void **state)
{
        struct rig *rig = *state;

        record_make_exec(&record, 0, ++rig->seq, 10);
        record_add_strings(&record, FIELD_ENV, "LD_PRELOAD_X=1\0LD_PRELOAD=/x.so");
        feed(rig, &record);
        record_make_exec(&record, 0, ++rig->seq, 20);
        record_add_strings(&record, FIELD_ENV, "LD_PRELOAD_X=1");
        feed(rig, &record);
        end_round(rig, 21);
        assert_line_value(rig->sink, 0, "env", "{\"LD_PRELOAD\":\"/x.so\"}");
        struct json_object *json = memory_sink_line(rig->sink, 1);

        assert_false(has(json, "env"));
        json_object_put(json);
}

static void long_line_is_brief_for_the_journal_alone(void **state)
{
        struct rig *rig = *state;
        struct sink *journal = memory_sink_new();
        struct memory_sink *j = memory_sink_of(journal), *o = memory_sink_of(rig->sink);
        static char argument[20000];

        memset(argument, 'x', sizeof(argument) - 1);
        outputs_set_sink(rig->fixture.flow->outputs, SINK_JOURNAL, journal, FORMAT_NATIVE);
        record_make_exec(&record, 0, ++rig->seq, 10);
        record_add(&record, FIELD_ARGV, argument, sizeof(argument));
        feed(rig, &record);
        end_round(rig, 11);
        assert_true(j->line_size > sizeof(argument));
        assert_true(j->brief_size + LINE_SEQ_DIGITS_MAX <= BRIEF_LINE_MAX);
        assert_int_equal(o->text.size, j->text.size); /* the whole line is the same for both */
        assert_memory_equal(o->text.data, j->text.data, o->text.size);

        (void)feed_exec(rig, 20, 0);
        end_round(rig, 21);
        assert_int_equal(j->brief_size, j->line_size);
}

/* At the very limit, with the seq that has most digits. */
static void line_of_the_limit_is_not_cut(void **state)
{
        struct rig *rig = *state;
        struct sink *journal = memory_sink_new();
        struct memory_sink *j = memory_sink_of(journal);
        static char argument[BRIEF_LINE_MAX];
        size_t overhead;

        memset(argument, 'x', sizeof(argument));
        outputs_set_sink(rig->fixture.flow->outputs, SINK_JOURNAL, journal, FORMAT_NATIVE);
        record_make_exec(&record, 0, ++rig->seq, 10);
        record_add(&record, FIELD_ARGV, "", 1);
        feed(rig, &record);
        end_round(rig, 11);
        overhead = j->line_size + LINE_SEQ_DIGITS_MAX;
        for (size_t i = 0; i < 2; i++) {
                size_t size = BRIEF_LINE_MAX - overhead + i;

                record_make_exec(&record, 0, ++rig->seq, 20);
                record_add(&record, FIELD_ARGV, argument, size);
                record_add(&record, FIELD_ARGV, "", 1);
                feed(rig, &record);
                end_round(rig, 21);
                assert_int_equal(j->line_size + LINE_SEQ_DIGITS_MAX, BRIEF_LINE_MAX + i);
                assert_int_equal(j->brief_size == j->line_size, i == 0);
        }
}

static void marks_come_out_in_their_place_in_time(void **state)
{
        struct rig *rig = *state;
        struct json_object *json, *sink;

        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 20), 0);
        (void)feed_exec(rig, 10, 0);
        (void)feed_exec(rig, 20, 0); /* at the same time: before the mark */
        (void)feed_exec(rig, 30, 0);
        end_round(rig, 15);
        assert_int_equal(n_lines(rig->sink), 1);
        end_round(rig, 31);
        assert_int_equal(n_lines(rig->sink), 4);
        assert_line_value(rig->sink, 2, "event", "\"stats\"");
        assert_line_value(rig->sink, 3, "event", "\"exec\"");
        json = memory_sink_line(rig->sink, 2);
        assert_value(json, "seen", "3");
        assert_value(json, "queued", "1");
        assert_value(json, "unaccounted", "0");
        sink = get(get(json, "sinks"), "stdout");
        assert_value(sink, "written", "1");
        assert_value(sink, "backlog", "1"); /* accepted in this batch */
        json_object_put(json);
}

struct seen {
        struct pipeline *pipeline;
        unsigned n_events;
        uint64_t boot_ns; /* of the last one */
};

/* Looks at two events, and then no more. */
static void on_event(void *userdata, const struct exec_event *event)
{
        struct seen *seen = userdata;

        seen->boot_ns = event->boot_ns;
        if (++seen->n_events == 2)
                pipeline_observe(seen->pipeline, NULL);
}

static void observer_sees_what_leaves_for_the_sinks_until_it_ends(void **state)
{
        struct rig *rig = *state;
        struct seen seen = { .pipeline = rig->fixture.flow->pipeline };

        pipeline_observe(rig->fixture.flow->pipeline,
                         &(struct pipeline_observer){ on_event, &seen });
        record_make_exec(&record, 0, ++rig->seq, 10);
        record.exec.len[FIELD_ARGV]++; /* does not decode: it never leaves */
        feed(rig, &record);
        for (uint64_t i = 0; i < 3; i++)
                (void)feed_exec(rig, 11 + i, 0);
        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 15),
                         0); /* not the kernel's */
        end_round(rig, 20);
        assert_int_equal(n_lines(rig->sink), 5); /* with what does not decode */
        assert_int_equal(seen.n_events, 2);
        assert_int_equal(seen.boot_ns, 12);
}

static void stream_has_two_ends(void **state)
{
        struct rig *rig = *state;
        const struct start_info info = { .version = "1",
                                         .kernel = "6.1",
                                         .config = rig->fixture.config };
        struct json_object *json;

        assert_int_equal(outputs_start(rig->fixture.flow->outputs, &info), 0);
        (void)feed_exec(rig, 10, 2);
        rig->seq += 3; /* a hole, found by the next event */
        (void)feed_exec(rig, 20, 0);
        spoken_round(rig->fixture.source, 30);
        assert_int_equal(flow_fixture_stop(&rig->fixture), 0);

        assert_int_equal(n_lines(rig->sink), 5);
        assert_line_value(rig->sink, 0, "event", "\"start\"");
        assert_line_value(rig->sink, 0, "kernel", "\"6.1\"");
        assert_line_value(rig->sink, 3, "event", "\"lost\"");
        assert_line_value(rig->sink, 3, "count", "3");
        json = memory_sink_line(rig->sink, 4);
        assert_value(json, "event", "\"stop\"");
        assert_value(json, "seen", "5");
        assert_value(json, "lost", "3");
        assert_value(json, "cut", "1");
        assert_value(json, "unaccounted", "0");
        json_object_put(json);
}

static void run_takes_no_more_than_it_is_asked_for(void **state)
{
        struct rig *rig = *state;
        struct pipeline *p = rig->fixture.flow->pipeline;

        for (uint64_t i = 1; i <= 5; i++)
                (void)feed_exec(rig, i, 0);
        assert_int_equal(pipeline_run(p, 10), 0); /* nothing released */
        queue_release(rig->fixture.flow->queue, 5);
        assert_int_equal(pipeline_run(p, 0), 1);
        assert_int_equal(pipeline_run(p, 3), 1);
        assert_int_equal(n_lines(rig->sink), 3);
        assert_int_equal(pipeline_run(p, 3), 0);
        assert_int_equal(n_lines(rig->sink), 4);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 1);
}

static void run_of_long_lines_is_shorter(void **state)
{
        struct rig *rig = *state;
        static char argument[20 * KIB];

        memset(argument, 'x', sizeof(argument) - 1);
        for (uint64_t i = 1; i <= 5; i++) {
                record_make_exec(&record, 0, ++rig->seq, i);
                record_add(&record, FIELD_ARGV, argument, sizeof(argument));
                feed(rig, &record);
        }
        queue_release(rig->fixture.flow->queue, UINT64_MAX);
        assert_int_equal(pipeline_run(rig->fixture.flow->pipeline, 100), 1);
        assert_int_equal(n_lines(rig->sink), 4); /* beyond 64 KiB */
        assert_int_equal(pipeline_run(rig->fixture.flow->pipeline, 100), 0);
        assert_int_equal(n_lines(rig->sink), 5);
}

static int mark_lost(struct rig *rig, uint64_t now_ns)
{
        uint64_t mark_ns;

        return pipeline_mark_lost(rig->fixture.flow->pipeline, now_ns, &mark_ns);
}

static void mark_that_finds_no_room_is_refused(void **state)
{
        struct rig *rig = *state;

        for (unsigned i = 0; i < QUEUE_MARKS_MAX; i++)
                assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 10), 0);
        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 10), -ENOBUFS);
        ledger_add(rig->fixture.flow->ledger, LOSS_QUEUE, 1, 5, 11, 12);
        assert_int_equal(mark_lost(rig, 10), -ENOBUFS);
        end_round(rig, 20);
        assert_int_equal(n_lines(rig->sink), QUEUE_MARKS_MAX);
        assert_int_equal(mark_lost(rig, 20), 0); /* not thought to be in */
        end_round(rig, 30);
        assert_line_value(rig->sink, QUEUE_MARKS_MAX, "count", "5");
}

static void lost_is_marked_once_at_a_time(void **state)
{
        struct rig *rig = *state;

        ledger_add(rig->fixture.flow->ledger, LOSS_QUEUE, 1, 5, 1, 2);
        assert_int_equal(mark_lost(rig, 10), 0);
        assert_int_equal(mark_lost(rig, 10), 0);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 1);
        end_round(rig, 20);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_int_equal(mark_lost(rig, 30), 0);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 1);
}

static void lost_event_is_not_sooner_than_what_it_tells(void **state)
{
        struct rig *rig = *state;
        struct ledger *l = rig->fixture.flow->ledger;
        uint64_t mark_ns = 0;

        ledger_add(l, LOSS_RING, 0, 1, 5, 30);
        assert_int_equal(pipeline_mark_lost(rig->fixture.flow->pipeline, 10, &mark_ns), 0);
        assert_int_equal(mark_ns, 30);
        ledger_add(l, LOSS_RING, 0, 2, 30, 50); /* found while the mark waits */
        end_round(rig, 30);
        assert_int_equal(n_lines(rig->sink), 0);
        end_round(rig, 31);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "count", "1");
        assert_line_value(rig->sink, 0, "time", "\"1970-01-01T00:00:00.000000030Z\"");
        assert_line_value(rig->sink, 0, "to", "\"1970-01-01T00:00:00.000000030Z\"");
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
        assert_int_equal(pipeline_stop(rig->fixture.flow->pipeline, 40), 0);
        assert_line_value(rig->sink, 1, "count", "2");
        assert_line_value(rig->sink, 1, "time", "\"1970-01-01T00:00:00.000000050Z\"");
        assert_line_value(rig->sink, 2, "time", "\"1970-01-01T00:00:00.000000050Z\"");
}

static void assert_count(struct sink *s, size_t n, const char *event, const char *key,
                         const char *count)
{
        assert_line_value(s, n, "event", event);
        assert_line_value(s, n, key, count);
}

static void stats_come_behind_the_losses_that_they_count(void **state)
{
        struct rig *rig = *state;

        rig->seq = 2;
        (void)feed_exec(rig, 10, 0); /* reveals that two are missing */
        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 10), 0);
        end_round(rig, 11); /* so soon after the start that nothing is marked by itself */
        assert_int_equal(n_lines(rig->sink), 3);
        assert_count(rig->sink, 1, "\"lost\"", "count", "2");
        assert_count(rig->sink, 2, "\"stats\"", "lost", "2");
        assert_int_equal(mark_lost(rig, 20), 0);
        end_round(rig, 21);
        assert_int_equal(n_lines(rig->sink), 3); /* reported once */
        assert_accounts(rig);
}

static void stats_do_not_report_what_is_lost_later(void **state)
{
        struct rig *rig = *state;
        struct ledger *l = rig->fixture.flow->ledger;

        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 10), 0);
        ledger_add(l, LOSS_RING, 0, 2, 5, 30);
        assert_int_equal(mark_lost(rig, 11), 0); /* closes it: at 30 */
        ledger_add(l, LOSS_QUEUE, 0, 1, 12, 12);
        end_round(rig, 11);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "event", "\"stats\"");
        end_round(rig, 31);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_count(rig->sink, 1, "\"lost\"", "count", "2");
        assert_line_value(rig->sink, 1, "time", "\"1970-01-01T00:00:00.000000030Z\"");
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PIPELINE_TEST(event_goes_to_every_sink_with_its_own_seq),
                PIPELINE_TEST(chunks_are_joined),
                PIPELINE_TEST(chunks_are_joined_up_to_the_first_hole_in_any_order),
                PIPELINE_TEST(orphaned_chunks_vanish),
                PIPELINE_TEST(chunks_of_other_events_are_not_ours),
                PIPELINE_TEST(chunk_that_does_not_decode_is_a_hole),
                PIPELINE_TEST(event_without_argv_stays_without),
                PIPELINE_TEST(event_that_does_not_decode_is_lost_once_with_its_chunks),
                PIPELINE_TEST(environment_is_filtered_by_the_settings),
                PIPELINE_TEST(long_line_is_brief_for_the_journal_alone),
                PIPELINE_TEST(line_of_the_limit_is_not_cut),
                PIPELINE_TEST(marks_come_out_in_their_place_in_time),
                PIPELINE_TEST(observer_sees_what_leaves_for_the_sinks_until_it_ends),
                PIPELINE_TEST(stream_has_two_ends),
                PIPELINE_TEST(run_takes_no_more_than_it_is_asked_for),
                PIPELINE_TEST(run_of_long_lines_is_shorter),
                PIPELINE_TEST(mark_that_finds_no_room_is_refused),
                PIPELINE_TEST(lost_is_marked_once_at_a_time),
                PIPELINE_TEST(lost_event_is_not_sooner_than_what_it_tells),
                PIPELINE_TEST(stats_come_behind_the_losses_that_they_count),
                PIPELINE_TEST(stats_do_not_report_what_is_lost_later),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
