/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * pipeline: what each sink is told of losses, and when; how the stream of a sink that comes or goes
 * while the daemon runs begins and ends.
 */
#include "pipeline_fixture.h"

static int mark_lost(struct rig *rig, uint64_t now_ns)
{
        uint64_t mark_ns;

        return pipeline_mark_lost(rig->stages.pipeline, now_ns, &mark_ns);
}

static void mark_that_finds_no_room_is_refused(void **state)
{
        struct rig *rig = *state;

        for (unsigned i = 0; i < QUEUE_MARKS_MAX; i++)
                assert_int_equal(pipeline_mark_stats(rig->stages.pipeline, 10), 0);
        assert_int_equal(pipeline_mark_stats(rig->stages.pipeline, 10), -ENOBUFS);
        ledger_add(rig->stages.ledger, LOSS_QUEUE, 1, 5, 1, 2);
        assert_int_equal(mark_lost(rig, 10), -ENOBUFS);
        pass(rig, 20);
        assert_int_equal(n_lines(rig->sink), QUEUE_MARKS_MAX);
        assert_int_equal(mark_lost(rig, 20), 0); /* not thought to be in */
        pass(rig, 30);
        assert_line_value(rig->sink, QUEUE_MARKS_MAX, "count", "5");
}

static void lost_is_marked_once_at_a_time(void **state)
{
        struct rig *rig = *state;

        ledger_add(rig->stages.ledger, LOSS_QUEUE, 1, 5, 1, 2);
        assert_int_equal(mark_lost(rig, 10), 0);
        assert_int_equal(mark_lost(rig, 10), 0);
        assert_int_equal(queue_count(rig->stages.queue), 1);
        pass(rig, 20);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_int_equal(mark_lost(rig, 30), 0);
        assert_int_equal(queue_count(rig->stages.queue), 1);
}

static void each_sink_is_told_of_a_loss_once(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new(LOSS_FILE);
        struct json_object *json;

        ledger_add(rig->stages.ledger, LOSS_RING, 1, 1, 1, 2); /* before the file is there */
        pipeline_set_sink(rig->stages.pipeline, SINK_FILE, file);
        ledger_add(rig->stages.ledger, LOSS_RING, 1, 4, 3, NSEC_PER_SEC);
        ledger_add(rig->stages.ledger, LOSS_QUEUE, 0, 2, 5, 6);
        assert_true(pipeline_has_untold(rig->stages.pipeline));
        for (uint64_t i = 1; i <= 3; i++) {
                assert_int_equal(mark_lost(rig, i), 0);
                pass(rig, NSEC_PER_SEC + i); /* the loss ends late: the mark waits for that */
                assert_int_equal(n_lines(rig->sink), 2);
                assert_int_equal(n_lines(file), 2);
        }
        assert_false(pipeline_has_untold(rig->stages.pipeline));
        assert_line_value(rig->sink, 0, "count", "5");
        assert_line_value(rig->sink, 1, "where", "\"queue\"");
        json = memory_sink_line(file, 0);
        assert_value(json, "where", "\"ring\"");
        assert_value(json, "count", "4");
        assert_value(json, "cpu", "1");
        assert_value(json, "from", "\"1970-01-01T00:00:00.000000003Z\"");
        assert_value(json, "to", "\"1970-01-01T00:00:01.000000000Z\"");
        json_object_put(json);
}

static void sink_without_room_is_told_later(void **state)
{
        struct rig *rig = *state;

        memory_sink_of(rig->sink)->n_refusals = 2;
        (void)feed_exec(rig, 10, 0); /* lost by the sink: refused */
        pass(rig, 11);
        assert_int_equal(n_lines(rig->sink), 0);
        assert_accounts(rig);
        assert_true(pipeline_has_untold(rig->stages.pipeline));
        assert_int_equal(mark_lost(rig, 20), 0);
        pass(rig, 21); /* refused, too */
        assert_true(pipeline_has_untold(rig->stages.pipeline));
        assert_int_equal(mark_lost(rig, 30), 0);
        pass(rig, 31);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "where", "\"stdout\"");
        assert_line_value(rig->sink, 0, "count", "1");
        assert_line_value(rig->sink, 0, "seq", "1");
        assert_false(pipeline_has_untold(rig->stages.pipeline));
}

static void loss_of_one_sink_is_told_to_all(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new(LOSS_FILE);

        pipeline_set_sink(rig->stages.pipeline, SINK_FILE, file);
        memory_sink_of(file)->is_stuck = true;
        (void)feed_exec(rig, 10, 0);
        pass(rig, 11);
        memory_sink_give_up(file); /* while delivering: the pipeline has to ask */
        assert_false(pipeline_has_untold(rig->stages.pipeline));
        pipeline_note_losses(rig->stages.pipeline, 15);
        pipeline_note_losses(rig->stages.pipeline, 16);
        assert_int_equal(mark_lost(rig, 20), 0);
        pass(rig, 21);
        assert_line_value(rig->sink, 1, "where", "\"file\"");
        assert_line_value(rig->sink, 1, "count", "1");
        assert_line_value(file, 1, "where", "\"file\"");
        assert_int_equal(memory_sink_of(rig->sink)->lost, 0); /* which has it */
        assert_int_equal(memory_sink_of(file)->lost, 1);
        assert_accounts(rig);
        assert_int_equal(replay_stages_unaccounted(&rig->stages, SINK_FILE), 0);
}

static void loss_of_a_sink_that_goes_is_told_to_those_that_stay(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new(LOSS_FILE);
        const struct loss *loss;

        pipeline_set_sink(rig->stages.pipeline, SINK_FILE, file);
        memory_sink_of(file)->is_stuck = true;
        (void)feed_exec(rig, 10, 0);
        (void)feed_exec(rig, 20, 0);
        pass(rig, 21);
        memory_sink_give_up(file); /* not noticed yet */
        file = memory_sink_new(LOSS_FILE);
        pipeline_set_sink(rig->stages.pipeline, SINK_FILE, file);
        (void)ledger_close(rig->stages.ledger, 0);
        loss = ledger_untold(rig->stages.ledger, SINK_STDOUT, LOSS_FILE);
        assert_non_null(loss);
        assert_int_equal(loss->count, 2);
        assert_int_equal(loss->to_ns, 20);

        memory_sink_of(file)->is_stuck = true;
        (void)feed_exec(rig, 30, 0);
        pass(rig, 31);
        pipeline_set_sink(rig->stages.pipeline, SINK_FILE, NULL); /* with its backlog */
        (void)ledger_close(rig->stages.ledger, 0);
        assert_int_equal(loss->count, 3);
        assert_accounts(rig);
}

static void lost_event_is_not_sooner_than_what_it_tells(void **state)
{
        struct rig *rig = *state;
        struct ledger *l = rig->stages.ledger;
        uint64_t mark_ns = 0;

        ledger_add(l, LOSS_RING, 0, 1, 5, 30);
        assert_int_equal(pipeline_mark_lost(rig->stages.pipeline, 10, &mark_ns), 0);
        assert_int_equal(mark_ns, 30);
        ledger_add(l, LOSS_RING, 0, 2, 30, 50); /* found while the mark waits */
        pass(rig, 30);
        assert_int_equal(n_lines(rig->sink), 0);
        pass(rig, 31);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "count", "1");
        assert_line_value(rig->sink, 0, "time", "\"1970-01-01T00:00:00.000000030Z\"");
        assert_line_value(rig->sink, 0, "to", "\"1970-01-01T00:00:00.000000030Z\"");
        assert_true(pipeline_has_untold(rig->stages.pipeline));
        assert_int_equal(pipeline_stop(rig->stages.pipeline, 40), 0);
        assert_line_value(rig->sink, 1, "count", "2");
        assert_line_value(rig->sink, 1, "time", "\"1970-01-01T00:00:00.000000050Z\"");
        assert_line_value(rig->sink, 2, "time", "\"1970-01-01T00:00:00.000000050Z\"");
}

static void start_stream(struct rig *rig)
{
        const struct start_info info = { .version = "1",
                                         .kernel = "6.1",
                                         .config = rig->stages.config };

        assert_int_equal(pipeline_start(rig->stages.pipeline, 5, &info), 0);
}

static void sink_that_comes_later_begins_with_a_start_of_its_own(void **state)
{
        struct rig *rig = *state;
        struct pipeline *p = rig->stages.pipeline;
        struct sink *file = memory_sink_new(LOSS_FILE);
        _cleanup_(config_freep) struct config *config = NULL;
        struct json_object *json;

        pipeline_set_sink(p, SINK_FILE, file);
        assert_int_equal(pipeline_start_sink(p, SINK_FILE, rig->stages.config), 0);
        assert_int_equal(n_lines(file), 0); /* the start of the stream is still to come */
        start_stream(rig);
        (void)feed_exec(rig, 10, 0);
        (void)feed_exec(rig, 20, 0);
        pass(rig, 15);

        file = memory_sink_new(LOSS_FILE);
        pipeline_set_sink(p, SINK_FILE, file);
        assert_int_equal(config_new(&config), 0);
        config->capture.exits = true;
        assert_int_equal(pipeline_start_sink(p, SINK_FILE, config), 0);
        pass(rig, 21);
        assert_int_equal(n_lines(file), 2);
        json = memory_sink_line(file, 0);
        assert_value(json, "event", "\"start\"");
        assert_value(json, "seq", "1");
        assert_value(json, "version", "\"1\"");
        assert_value(json, "time", "\"1970-01-01T00:00:00.000000010Z\""); /* before the exec */
        assert_value(get(get(json, "settings"), "Capture"), "Exits", "\"yes\"");
        json_object_put(json);
        assert_line_value(file, 1, "seq", "2");
        assert_int_equal(n_lines(rig->sink), 3); /* which does not begin anew */
        assert_int_equal(replay_stages_unaccounted(&rig->stages, SINK_FILE), 0);
}

static void sink_that_goes_is_told_all_before(void **state)
{
        struct rig *rig = *state;
        struct pipeline *p = rig->stages.pipeline;
        struct sink *file = memory_sink_new(LOSS_FILE);
        struct json_object *json;

        pipeline_set_sink(p, SINK_FILE, file);
        start_stream(rig);
        ledger_add(rig->stages.ledger, LOSS_RING, 0, 3, 6, 9);
        (void)feed_exec(rig, 10, 0);
        pass(rig, 11);
        assert_int_equal(pipeline_end_sink(p, SINK_FILE), 0);
        assert_int_equal(n_lines(file), 4);
        assert_line_value(file, 2, "count", "3");
        json = memory_sink_line(file, 3);
        assert_value(json, "event", "\"stats\"");
        assert_value(json, "lost", "3");
        json_object_put(json);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_true(pipeline_has_untold(p)); /* stdout is told in its turn */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PIPELINE_TEST(mark_that_finds_no_room_is_refused),
                PIPELINE_TEST(lost_is_marked_once_at_a_time),
                PIPELINE_TEST(each_sink_is_told_of_a_loss_once),
                PIPELINE_TEST(sink_without_room_is_told_later),
                PIPELINE_TEST(loss_of_one_sink_is_told_to_all),
                PIPELINE_TEST(loss_of_a_sink_that_goes_is_told_to_those_that_stay),
                PIPELINE_TEST(lost_event_is_not_sooner_than_what_it_tells),
                PIPELINE_TEST(sink_that_comes_later_begins_with_a_start_of_its_own),
                PIPELINE_TEST(sink_that_goes_is_told_all_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
