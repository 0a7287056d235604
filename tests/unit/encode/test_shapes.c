/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What holds for every shape: any event of any kind becomes a line that is JSON, is known for its
 * shape by its beginning, and accounts for as many events as the native one.
 *
 * With TEST_LINES=PREFIX in the environment all lines go to PREFIX.FORMAT, for
 * tests/shapes/check_shape.py: whether they are valid, and say what the native ones say.
 */
#include "config/config.h"
#include "encode/encoders.h"
#include "encode_line.h"
#include "event/stats.h"
#include "random_event.h"

#define MACHINE_ID "fedcba9876543210fedcba9876543210"

struct shapes {
        struct encoders encoders;
        struct random_event random;
};

static FILE *files[_FORMAT_MAX]; /* or NULL */
static uint64_t seq;

static int files_open(void **state)
{
        const char *prefix = getenv("TEST_LINES");
        char path[4096];

        (void)state;
        for (enum config_format f = 0; f < _FORMAT_MAX && prefix; f++) {
                (void)snprintf(path, sizeof(path), "%s.%s", prefix, format_name(f));
                files[f] = fopen(path, "we");
                if (!files[f])
                        return -1;
        }
        return 0;
}

static int files_close(void **state)
{
        int r = 0;

        (void)state;
        for (enum config_format f = 0; f < _FORMAT_MAX; f++)
                if (files[f])
                        r |= fclose(files[f]);
        return r;
}

static void shapes_init(struct shapes *s, const char *host)
{
        static const uint32_t namespaces[_NAMESPACE_MAX] = { 1, 1, 1, 1, 1, 1, 1, 1 };
        const struct encode_context context = {
                .boot_id = BOOT_ID,
                .host = host,
                .machine_id = MACHINE_ID,
                .namespaces = namespaces,
        };

        *s = (struct shapes){ .random.seed = 1 };
        assert_int_equal(encoders_init(&s->encoders, &context), 0);
        encoders_set_clock(&s->encoders, CLOCK_OFFSET);
}

static void shapes_done(struct shapes *s)
{
        encoders_done(&s->encoders);
}

/* One of them; the last if there is none of the others. */
struct event_to_encode {
        const struct exec_event *event;
        const struct loss *loss;
        const struct stats *stats; /* of `kind` */
        const struct start_info *info;
        enum event_kind kind;
};

static int encode(struct encoder *e, const struct event_to_encode *what, size_t limit,
                  struct line *ret)
{
        if (what->event)
                return encode_event(e, what->event, limit, ret);
        if (what->loss)
                return encode_lost(e, NOW_BOOT_NS, what->loss, ret);
        if (what->stats)
                return encode_stats(e, what->kind, NOW_BOOT_NS, what->stats, limit, ret);
        return encode_start(e, NOW_BOOT_NS, what->info, limit, ret);
}

static void assert_is_of_format(const struct buf *text, enum config_format format)
{
        enum config_format found = _FORMAT_MAX;

        assert_true(encoded_format(span_head(buf_span(text), ENCODED_PREFIX_MAX), &found));
        assert_int_equal(found, format);
}

/* In all shapes: JSON of the same worth. */
static void check(struct shapes *s, const struct event_to_encode *what)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct json_object *json;
        uint64_t worth[_SINK_PLACE_MAX];
        struct line line;

        seq++;
        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                assert_int_equal(encode(s->encoders.of[f], what, 0, &line), 0);
                assemble(&line, seq, &text);
                json = canonical_parse(buf_span(&text));
                assert_non_null(json);
                json_object_put(json);
                assert_is_of_format(&text, f);
                for (enum sink_place p = 0; p < _SINK_PLACE_MAX; p++) {
                        if (f == FORMAT_NATIVE)
                                worth[p] = encoded_events(text.data, p);
                        assert_int_equal(encoded_events(text.data, p), worth[p]);
                }
                if (files[f])
                        assert_true(fprintf(files[f], "%s\n", text.data) > 0);
        }
}

static void any_event_is_a_line_of_each_shape(void **state)
{
        static const enum event_kind kinds[] = { EVENT_EXEC,    EVENT_EXEC_FAILED,
                                                 EVENT_EXIT,    EVENT_EXEC_ATTEMPT,
                                                 EVENT_PROCESS, EVENT_SUMMARY,
                                                 EVENT_FILE };
        _cleanup_(shapes_done) struct shapes s;

        (void)state;
        shapes_init(&s, "box");
        for (unsigned i = 0; i < 3000; i++) {
                const enum event_kind kind = kinds[random_next(&s.random, ELEMENTSOF(kinds))];
                const struct event_to_encode what = {
                        .event = random_event_make(&s.random, kind, NOW_BOOT_NS),
                };

                check(&s, &what);
        }
}

/* Of the kernel's own errors, from 512 on, glibc has no names. */
static void every_error_is_told(void **state)
{
        _cleanup_(shapes_done) struct shapes s;
        struct exec_event event = {
                .kind = EVENT_EXEC_FAILED,
                .boot_ns = NOW_BOOT_NS,
                .facts.present = FACT_RETVAL,
                .facts.pid = 1,
                .comm = span_of("true"),
        };

        (void)state;
        shapes_init(&s, "box");
        for (int error = 0; error <= 600; error++) {
                event.facts.retval = -error;
                check(&s, &(struct event_to_encode){ .event = &event });
        }
        event.facts.retval = INT32_MIN;
        check(&s, &(struct event_to_encode){ .event = &event });
}

static void every_way_to_end_is_told(void **state)
{
        _cleanup_(shapes_done) struct shapes s;
        struct exec_event event = {
                .kind = EVENT_EXIT,
                .boot_ns = NOW_BOOT_NS,
                .facts.pid = UINT32_MAX,
                .comm = span_of("true"),
                .duration_ns = UINT64_MAX,
        };

        (void)state;
        shapes_init(&s, "box");
        for (unsigned code = 0; code <= 255; code++) {
                event.status = code << 8;
                check(&s, &(struct event_to_encode){ .event = &event });
        }
        for (unsigned number = 1; number <= 64; number++) {
                event.status = number;
                check(&s, &(struct event_to_encode){ .event = &event });
                event.status = number | 0x80;
                check(&s, &(struct event_to_encode){ .event = &event });
        }
}

/* Each fact alone, and each missing: what a schema asks for does not hang on another one. */
static void each_fact_stands_alone(void **state)
{
        static const enum event_kind kinds[] = { EVENT_EXEC, EVENT_EXEC_FAILED,
                                                 EVENT_EXEC_ATTEMPT };
        _cleanup_(shapes_done) struct shapes s;
        struct exec_event event;

        (void)state;
        shapes_init(&s, "box");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                for (uint32_t fact = 1; fact <= FACT_FORKED; fact <<= 1) {
                        event = *random_event_make(&s.random, kinds[i], NOW_BOOT_NS);
                        random_event_keep(&event, fact);
                        check(&s, &(struct event_to_encode){ .event = &event });
                        event = *random_event_make(&s.random, kinds[i], NOW_BOOT_NS);
                        random_event_keep(&event, ~fact);
                        check(&s, &(struct event_to_encode){ .event = &event });
                }
}

static void check_losses(struct shapes *s)
{
        for (enum loss_where where = 0; where < _LOSS_WHERE_MAX; where++) {
                const struct loss loss = {
                        .where = where,
                        .cpu = where % 2 == 0 ? LOSS_ANY_CPU : where,
                        .count = 1000 + where,
                        .uncertain = where % 2 == 0 ? where : 0,
                        .from_ns = NOW_BOOT_NS - 1000,
                        .to_ns = NOW_BOOT_NS,
                };

                check(s, &(struct event_to_encode){ .loss = &loss });
        }
}

static void check_stats(struct shapes *s)
{
        struct stats stats = {
                .program = { [PROGRAM_EXIT] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } },
                .lost = { [LOSS_STDOUT] = 17 },
                .files.is_on = true,
                .n_sinks = 1,
                .sink = { { .name = "file", .written = UINT64_MAX } },
        };

        check(s, &(struct event_to_encode){ .stats = &stats, .kind = EVENT_STATS });
        check(s, &(struct event_to_encode){ .stats = &stats, .kind = EVENT_STOP });
}

static void check_start(struct shapes *s)
{
        static const char *const missing[] = { "caps", NULL };
        _cleanup_(config_freep) struct config *config = NULL;
        const struct stats inherited = { 0 };
        struct start_info info = {
                .version = "1",
                .kernel = "6.1\xff",
                .machine_id = MACHINE_ID,
                .missing = missing,
                .down = "counted",
                .inherited = &inherited,
        };

        assert_int_equal(config_new(&config), 0);
        info.config = config;
        check(s, &(struct event_to_encode){ .info = &info });
}

static void what_is_about_the_daemon_is_a_line_of_each_shape(void **state)
{
        _cleanup_(shapes_done) struct shapes s;

        (void)state;
        shapes_init(&s, "b\xff\x01x");
        check_start(&s);
        check_losses(&s);
        check_stats(&s);
        check(&s, &(struct event_to_encode){
                          .event = random_event_make(&s.random, EVENT_EXEC, NOW_BOOT_NS) });
}

static void line_of_somebody_else_has_no_format_and_no_worth(void **state)
{
        static const char *const lines[] = {
                "",
                "{}",
                "{\"event\":{\"code\":\"exec\"}}",
                "{\"@timestamp\":",
                "{\"time\":\"2026\",\"event\":\"exec\"}",
                "event exec",
        };
        enum config_format format;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                assert_false(encoded_format(span_of(lines[i]), &format));
                assert_int_equal(encoded_events(lines[i], SINK_FILE), 0);
        }
        assert_int_equal(encoded_events("{\"@timestamp\":\"x\",\"event\":{\"code\":\"x\"", 1), 0);
        assert_int_equal(encoded_events("{\"@timestamp\":\"x\",\"log\":1}", SINK_FILE), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_event_is_a_line_of_each_shape),
                cmocka_unit_test(every_error_is_told),
                cmocka_unit_test(every_way_to_end_is_told),
                cmocka_unit_test(each_fact_stands_alone),
                cmocka_unit_test(what_is_about_the_daemon_is_a_line_of_each_shape),
                cmocka_unit_test(line_of_somebody_else_has_no_format_and_no_worth),
        };

        return cmocka_run_group_tests(tests, files_open, files_close);
}
