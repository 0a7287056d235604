/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * outputs: what is reported to each sink of losses, and when; how the stream of a sink begins and
 * ends that comes or goes while the daemon runs, or goes on from the previous run.
 */
#include "pipeline_fixture.h"

static int mark_lost(struct rig *rig, uint64_t now_ns)
{
        uint64_t mark_ns;

        return pipeline_mark_lost(rig->fixture.flow->pipeline, now_ns, &mark_ns);
}

static void each_sink_gets_one_report_of_a_loss(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new();
        struct json_object *json;

        ledger_add(rig->fixture.flow->ledger, LOSS_RING, 1, 1, 1, 2); /* before the file is there */
        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, file, FORMAT_NATIVE);
        ledger_add(rig->fixture.flow->ledger, LOSS_RING, 1, 4, 3, NSEC_PER_SEC);
        ledger_add(rig->fixture.flow->ledger, LOSS_QUEUE, 0, 2, 5, 6);
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
        for (uint64_t i = 1; i <= 3; i++) {
                assert_int_equal(mark_lost(rig, i), 0);
                end_round(rig, NSEC_PER_SEC + i); /* the loss ends late: the mark waits for that */
                assert_int_equal(n_lines(rig->sink), 2);
                assert_int_equal(n_lines(file), 2);
        }
        assert_false(outputs_has_unreported(rig->fixture.flow->outputs));
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

static void sink_without_room_gets_its_report_later(void **state)
{
        struct rig *rig = *state;

        memory_sink_of(rig->sink)->n_refusals = 2;
        (void)feed_exec(rig, 10, 0); /* lost by the sink: refused */
        end_round(rig, 11);
        assert_int_equal(n_lines(rig->sink), 0);
        assert_accounts(rig);
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
        assert_int_equal(mark_lost(rig, 20), 0);
        end_round(rig, 21); /* refused, too */
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
        assert_int_equal(mark_lost(rig, 30), 0);
        end_round(rig, 31);
        assert_int_equal(n_lines(rig->sink), 1);
        assert_line_value(rig->sink, 0, "where", "\"stdout\"");
        assert_line_value(rig->sink, 0, "count", "1");
        assert_line_value(rig->sink, 0, "seq", "1");
        assert_false(outputs_has_unreported(rig->fixture.flow->outputs));
}

static void loss_of_one_sink_is_reported_to_it_alone(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new();

        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, file, FORMAT_NATIVE);
        memory_sink_of(file)->n_refusals = 1;
        (void)feed_exec(rig, 10, 0);
        end_round(rig, 11);
        assert_true(outputs_has_unreported(rig->fixture.flow->outputs));
        assert_int_equal(mark_lost(rig, 20), 0);
        end_round(rig, 21);
        assert_int_equal(n_lines(rig->sink), 1); /* the exec, and nothing else */
        assert_line_value(file, 0, "where", "\"file\"");
        assert_line_value(file, 0, "count", "1");
        assert_int_equal(memory_sink_of(rig->sink)->lost, 0);
        assert_int_equal(memory_sink_of(file)->lost, 1);
        assert_accounts(rig);
        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, SINK_FILE), 0);
}

static void loss_of_a_sink_that_goes_is_in_the_counters_of_those_that_stay(void **state)
{
        struct rig *rig = *state;
        struct sink *file = memory_sink_new();
        const struct ledger *ledger = rig->fixture.flow->ledger;

        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, file, FORMAT_NATIVE);
        memory_sink_of(file)->n_refusals = 1;
        memory_sink_of(file)->is_stuck = true; /* what it has accepted goes with it */
        (void)feed_exec(rig, 10, 0);
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 21);
        file = memory_sink_new();
        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, file, FORMAT_NATIVE);
        assert_int_equal(ledger_lost(ledger, LOSS_FILE), 2);

        memory_sink_of(file)->is_stuck = true;
        (void)feed_exec(rig, 30, 0);
        end_round(rig, 31);
        outputs_set_sink(rig->fixture.flow->outputs, SINK_FILE, NULL,
                         FORMAT_NATIVE); /* with its backlog */
        assert_int_equal(ledger_lost(ledger, LOSS_FILE), 3);
        assert_false(ledger_has_unreported(ledger, SINK_STDOUT));
        assert_accounts(rig);
}

static void start_stream(struct rig *rig)
{
        const struct start_info info = { .version = "1",
                                         .kernel = "6.1",
                                         .config = rig->fixture.config };

        outputs_advance(rig->fixture.flow->outputs, 5);
        assert_int_equal(outputs_start(rig->fixture.flow->outputs, &info), 0);
}

static void sink_that_comes_later_begins_with_a_start_of_its_own(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct sink *file = memory_sink_new();
        _cleanup_(config_freep) struct config *config = NULL;
        struct json_object *json;

        outputs_set_sink(o, SINK_FILE, file, FORMAT_NATIVE);
        assert_int_equal(outputs_start_sink(o, SINK_FILE, rig->fixture.config), 0);
        assert_int_equal(n_lines(file), 0); /* the start of the stream is still to come */
        start_stream(rig);
        (void)feed_exec(rig, 10, 0);
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 15);

        file = memory_sink_new();
        outputs_set_sink(o, SINK_FILE, file, FORMAT_NATIVE);
        assert_int_equal(config_new(&config), 0);
        config->capture.exits = true;
        assert_int_equal(outputs_start_sink(o, SINK_FILE, config), 0);
        end_round(rig, 21);
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
        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, SINK_FILE), 0);
}

static void sink_that_goes_gets_its_reports_first(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct pipeline *p = rig->fixture.flow->pipeline;
        struct sink *file = memory_sink_new();
        struct json_object *json;

        outputs_set_sink(o, SINK_FILE, file, FORMAT_NATIVE);
        start_stream(rig);
        ledger_add(rig->fixture.flow->ledger, LOSS_RING, 0, 3, 6, 9);
        (void)feed_exec(rig, 10, 0);
        end_round(rig, 11);
        assert_int_equal(pipeline_end_sink(p, SINK_FILE), 0);
        assert_int_equal(n_lines(file), 4);
        assert_line_value(file, 2, "count", "3");
        json = memory_sink_line(file, 3);
        assert_value(json, "event", "\"stats\"");
        assert_value(json, "lost", "3");
        json_object_put(json);
        assert_int_equal(n_lines(rig->sink), 2);
        assert_true(outputs_has_unreported(o)); /* stdout gets its report in its turn */
}

/* Counts by format, and asks for a brief line wherever there is a limit. */
struct encodings {
        unsigned n_whole, n_brief;
        struct encoder *last;
};

static int encode_counting(struct encoder *e, const void *what, size_t limit, struct line *ret)
{
        struct encodings *n = (struct encodings *)what;
        const struct stats stats = { 0 };

        n->n_whole += limit == 0;
        n->n_brief += limit > 0;
        n->last = e;
        return encode_stats(e, EVENT_STATS, 1, &stats, 0, ret);
}

static void event_is_encoded_once_for_each_shape_in_use(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct offer offer = { .message.kind = EVENT_STATS };
        struct encodings n = { 0 };

        assert_int_equal(outputs_encode(o, encode_counting, &n, &offer), 0);
        assert_int_equal(n.n_whole, 1); /* stdout alone */
        outputs_set_sink(o, SINK_FILE, memory_sink_new(), FORMAT_NATIVE);
        n = (struct encodings){ 0 };
        assert_int_equal(outputs_encode(o, encode_counting, &n, &offer), 0);
        assert_int_equal(n.n_whole, 1);
        outputs_set_sink(o, SINK_FILE, memory_sink_new(), FORMAT_ECS);
        n = (struct encodings){ 0 };
        assert_int_equal(outputs_encode(o, encode_counting, &n, &offer), 0);
        assert_int_equal(n.n_whole, 2);
        outputs_set_sink(o, SINK_STDOUT, NULL, FORMAT_NATIVE);
        rig->sink = NULL;
        n = (struct encodings){ 0 };
        assert_int_equal(outputs_encode(o, encode_counting, &n, &offer), 0);
        assert_int_equal(n.n_whole, 1);
        assert_ptr_equal(n.last, rig->fixture.flow->encoders.of[FORMAT_ECS]);
        assert_int_equal(n.n_brief, 0);
}

static void each_sink_gets_the_lines_of_its_shape(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct sink *file = memory_sink_new();

        outputs_set_sink(o, SINK_FILE, file, FORMAT_ECS);
        start_stream(rig);
        (void)feed_exec(rig, 10, 0);
        ledger_add(rig->fixture.flow->ledger, LOSS_RING, 0, 3, 6, 9);
        end_round(rig, 11);
        assert_int_equal(pipeline_stop(rig->fixture.flow->pipeline, 12), 0);
        assert_int_equal(n_lines(rig->sink), 4);
        assert_int_equal(n_lines(file), 4);
        for (size_t i = 0; i < 4; i++) {
                static const char *const kinds[] = { "\"start\"", "\"exec\"", "\"lost\"",
                                                     "\"stop\"" };
                struct json_object *json = memory_sink_line(file, i);

                assert_line_value(rig->sink, i, "event", kinds[i]);
                assert_value(get(json, "event"), "code", kinds[i]);
                assert_int_equal(json_object_get_int(get(get(json, "event"), "sequence")), i + 1);
                json_object_put(json);
        }
        assert_int_equal(memory_sink_of(file)->lost, 3);
        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, SINK_FILE),
                         flow_fixture_unaccounted(&rig->fixture, SINK_STDOUT));
}

/* The journal shows no more, and is the only one that has a limit. */
static void line_is_made_brief_for_the_shape_that_has_a_limit(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct sink *journal = memory_sink_new(), *file = memory_sink_new();
        char argument[BRIEF_LINE_MAX];

        memset(argument, 'x', sizeof(argument));
        outputs_set_sink(o, SINK_JOURNAL, journal, FORMAT_NATIVE);
        outputs_set_sink(o, SINK_FILE, file, FORMAT_ECS);
        record_make_exec(&record, 0, ++rig->seq, 10);
        record_add(&record, FIELD_ARGV, argument, sizeof(argument));
        feed(rig, &record);
        end_round(rig, 11);
        assert_true(memory_sink_of(journal)->brief_size < memory_sink_of(journal)->line_size);
        assert_true(memory_sink_of(file)->line_size > 2 * sizeof(argument));
        assert_int_equal(memory_sink_of(file)->brief_size, memory_sink_of(file)->line_size);
}

/* An event's alone, and no other sink's: the file's room is at the mercy of who executes. */
static void line_is_bounded_for_the_sink_that_wants_it(void **state)
{
        const size_t max = 8 * KIB;
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct sink *file = memory_sink_new(), *journal = memory_sink_new();
        struct json_object *json;
        char argument[4 * KIB];

        memset(argument, 1, sizeof(argument)); /* six bytes each in JSON, and again in base64 */
        file->line_max = max;
        outputs_set_sink(o, SINK_JOURNAL, journal, FORMAT_NATIVE);
        outputs_set_sink(o, SINK_FILE, file, FORMAT_NATIVE);
        start_stream(rig);
        for (unsigned i = 0; i < 2; i++) {
                record_make_exec(&record, 0, ++rig->seq, 10 + i);
                record_add(&record, FIELD_ARGV, argument, i > 0 ? sizeof(argument) : 100);
                feed(rig, &record);
                end_round(rig, 20 + i);
                assert_true(memory_sink_of(file)->line_size <= max);
                assert_int_equal(
                        memory_sink_of(file)->line_size<memory_sink_of(journal)->line_size, i> 0);
        }
        assert_true(memory_sink_of(file)->line_size > max / 2); /* no more is cut than has to be */
        json = memory_sink_line(file, 2);
        assert_true(json_object_get_boolean(get(json, "argv_truncated")));
        json_object_put(json);
        json = memory_sink_line(journal, 2);
        assert_null(json_object_object_get(json, "argv_truncated"));
        json_object_put(json);

        file->line_max = 0; /* by a reload */
        record_make_exec(&record, 0, ++rig->seq, 30);
        record_add(&record, FIELD_ARGV, argument, sizeof(argument));
        feed(rig, &record);
        end_round(rig, 31);
        assert_int_equal(memory_sink_of(file)->line_size, memory_sink_of(journal)->line_size);
}

static void sinks_can_be_replaced_and_taken_away(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;

        assert_ptr_equal(outputs_sink(o, SINK_STDOUT), rig->sink);
        rig->sink = memory_sink_new();
        outputs_set_sink(o, SINK_STDOUT, rig->sink,
                         FORMAT_NATIVE); /* ASan tells if the old one stays */
        (void)feed_exec(rig, 10, 0);
        end_round(rig, 11);
        assert_int_equal(n_lines(rig->sink), 1);
        outputs_set_sink(o, SINK_STDOUT, NULL, FORMAT_NATIVE);
        assert_null(outputs_sink(o, SINK_STDOUT));
        (void)feed_exec(rig, 20, 0);
        end_round(rig, 21);
        assert_int_equal(queue_count(rig->fixture.flow->queue), 0);
}

/* A sink that the previous run has left behind with so much accounted for. */
static struct sink *resumed_sink(uint64_t accounted, uint64_t sending)
{
        struct sink *s = memory_sink_new();

        account_write(s->account,
                      &(struct account_state){ .accounted = accounted, .sending = sending });
        s->account->is_open = true;
        return s;
}

static void what_a_sink_of_the_run_before_lacks_is_reported(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct pipeline *p = rig->fixture.flow->pipeline;
        struct json_object *json;
        struct stats stats;
        struct sink *s;

        outputs_begin(o, 100, 1000, 2000);
        s = resumed_sink(70, 1);
        outputs_set_sink(o, SINK_FILE, s, FORMAT_NATIVE);
        pipeline_stats(p, &stats);
        assert_int_equal(stats.sink[0].down, 30);
        assert_int_equal(stats.sink[0].lost, 30);
        assert_int_equal(stats.sink[0].before, 70);
        assert_false(stats.sink[0].is_new);
        assert_int_equal(account_read(s->account).sending, 0);
        assert_int_equal(account_read(s->account).uncertain, 1); /* until that is reported */
        assert_true(outputs_has_unreported(o));
        assert_int_equal(pipeline_stop(p, 3000), 0);
        json = memory_sink_line(s, 0);
        assert_string_equal(json_object_get_string(json_object_object_get(json, "where")), "down");
        assert_int_equal(json_object_get_int(json_object_object_get(json, "count")), 30);
        assert_int_equal(json_object_get_int(json_object_object_get(json, "uncertain")), 1);
        json_object_put(json);
}

/* It was killed before it could report it. */
static void what_was_uncertain_before_the_run_before_still_is(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct pipeline *p = rig->fixture.flow->pipeline;
        struct sink *s = resumed_sink(70, 2);
        struct account_state account = account_read(s->account);

        account.uncertain = 3;
        account_write(s->account, &account);
        outputs_begin(o, 100, 1000, 2000);
        outputs_set_sink(o, SINK_FILE, s, FORMAT_NATIVE);
        assert_int_equal(account_read(s->account).uncertain, 5);
        assert_int_equal(pipeline_stop(p, 3000), 0);
        assert_line_value(s, 0, "uncertain", "5");
        assert_true(memory_sink_of(s)->settled);
}

static void sink_that_lacks_nothing_gets_no_report(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;

        outputs_begin(o, 100, 1000, 2000);
        outputs_set_sink(o, SINK_FILE, resumed_sink(100, 0), FORMAT_NATIVE);
        assert_false(outputs_has_unreported(o));
        outputs_set_sink(o, SINK_FILE, resumed_sink(101, 0),
                         FORMAT_NATIVE); /* as if somebody could not count */
        assert_false(outputs_has_unreported(o));
}

static void new_sink_begins_behind_all_that_was(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct pipeline *p = rig->fixture.flow->pipeline;
        struct sink *s = memory_sink_new();
        struct stats stats;

        outputs_begin(o, 100, 1000, 2000);
        ledger_add(rig->fixture.flow->ledger, LOSS_RING, 0, 5, 1, 1);
        outputs_set_sink(o, SINK_FILE, s, FORMAT_NATIVE);
        assert_true(s->account->is_open);
        assert_int_equal(account_read(s->account).accounted, 105);
        assert_false(ledger_has_unreported(rig->fixture.flow->ledger, SINK_FILE));
        pipeline_stats(p, &stats);
        assert_int_equal(stats.sink[0].before, 100);
        assert_true(stats.sink[0].is_new);
        assert_int_equal(stats.sink[0].down, 0);
}

/* Also where only one of several sinks shows it. */
static void each_message_has_a_text_if_a_sink_shows_one(void **state)
{
        struct rig *rig = *state;
        struct outputs *o = rig->fixture.flow->outputs;
        struct sink *file = memory_sink_new();
        struct buf *people = &memory_sink_of(file)->people;

        assert_null(outputs_text(o));
        file->wants_text = true;
        outputs_set_sink(o, SINK_FILE, file, FORMAT_NATIVE);
        start_stream(rig);
        rig->seq += 3;
        (void)feed_exec(rig, 10, 0);
        end_round(rig, 11);
        assert_int_equal(pipeline_mark_stats(rig->fixture.flow->pipeline, 12), 0);
        end_round(rig, 13);
        assert_int_equal(pipeline_stop(rig->fixture.flow->pipeline, 20), 0);
        buf_append_char(people, '\0');
        assert_string_equal(people->data,
                            "execsnoopd 1 begins to log, 0us after boot: kernel 6.1\n"
                            "?: a\n"
                            "LOST: 3 events, ring (no room between kernel and daemon), "
                            "CPU 0\n"
                            "so far: 4 events seen, 3 lost; file: 1 written; stdout: 1 written; "
                            "all accounted for\n"
                            "execsnoopd stops: 4 events seen, 3 lost; file: 1 written; stdout: 1 "
                            "written; all accounted for\n");
        assert_int_equal(n_lines(file), 5);
        outputs_set_sink(o, SINK_FILE, NULL, FORMAT_NATIVE);
        assert_null(outputs_text(o));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PIPELINE_TEST(each_sink_gets_one_report_of_a_loss),
                PIPELINE_TEST(sink_without_room_gets_its_report_later),
                PIPELINE_TEST(loss_of_one_sink_is_reported_to_it_alone),
                PIPELINE_TEST(loss_of_a_sink_that_goes_is_in_the_counters_of_those_that_stay),
                PIPELINE_TEST(sink_that_comes_later_begins_with_a_start_of_its_own),
                PIPELINE_TEST(sink_that_goes_gets_its_reports_first),
                PIPELINE_TEST(event_is_encoded_once_for_each_shape_in_use),
                PIPELINE_TEST(each_sink_gets_the_lines_of_its_shape),
                PIPELINE_TEST(line_is_made_brief_for_the_shape_that_has_a_limit),
                PIPELINE_TEST(line_is_bounded_for_the_sink_that_wants_it),
                PIPELINE_TEST(sinks_can_be_replaced_and_taken_away),
                PIPELINE_TEST(what_a_sink_of_the_run_before_lacks_is_reported),
                PIPELINE_TEST(what_was_uncertain_before_the_run_before_still_is),
                PIPELINE_TEST(sink_that_lacks_nothing_gets_no_report),
                PIPELINE_TEST(new_sink_begins_behind_all_that_was),
                PIPELINE_TEST(each_message_has_a_text_if_a_sink_shows_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
