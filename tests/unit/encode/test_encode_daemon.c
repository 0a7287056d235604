/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * encode: start, lost, stats and stop byte by byte: what is always there, what is left out, and
 * that the ledger's balance is shown as it is.
 */
#include "config/config.h"
#include "encode_line.h"
#include "event/stats.h"

static const struct sink_stats a_sink = {
        .name = "journal",
        .before = 25,
        .is_new = true,
        .written = 1,
        .lost = 2,
        .down = 1,
        .backlog = 3,
        .lines = 4,
        .bytes = 5,
        .retries = 6,
        .backlog_bytes = 7,
};

#define NO_LOSS "\"lost_by\":{\"ring\":0,\"recursion\":0,\"queue\":0,\"decode\":0,\"down\":0}"
#define PROGRAM_ZERO                                                                               \
        "{\"seen\":0,\"sent\":0,\"filtered\":0,\"lost_ring_full\":0,\"lost_no_ring\":0,"           \
        "\"lost_other\":0,\"recursion_misses\":0,\"bare\":0,\"lost_chunks\":0,\"faults\":0,"       \
        "\"untracked\":0}"
#define STATS_ZERO                                                                                 \
        "\"seen\":0,\"filtered\":0,\"filtered_by\":{},\"lost\":0," NO_LOSS                         \
        ",\"in_rings\":0,\"queued\":0,"                                                            \
        "\"queue_bytes\":0,\"wakeups\":0,\"cut\":0,\"redacted\":0,\"summing\":0,\"programs\":{"    \
        "\"exec\":" PROGRAM_ZERO "},\"sinks\":{},"                                                 \
        "\"unaccounted\":0"

static void lost_tells_where_when_and_how_many(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct loss loss = {
                .where = LOSS_RING,
                .cpu = 0,
                .count = UINT64_MAX,
                .from_ns = UINT64_C(999000000001),
                .to_ns = UINT64_C(1000000000000),
        };
        struct line line;

        (void)state;
        assert_int_equal(encode_lost(e, NOW_BOOT_NS, &loss, &line), 0);
        assert_line(&line, HEAD("lost") COMMON ",\"where\":\"ring\",\"count\":18446744073709551615,"
                                               "\"cpu\":0,"
                                               "\"from\":\"2026-11-22T17:29:59.000000001Z\","
                                               "\"to\":\"2026-11-22T17:30:00.000000000Z\"}");
}

static void lost_of_no_single_cpu_names_none(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct loss loss = { .where = LOSS_DOWN, .cpu = LOSS_ANY_CPU, .count = 1 };
        struct json_object *json;
        struct line line;

        (void)state;
        assert_int_equal(encode_lost(e, NOW_BOOT_NS, &loss, &line), 0);
        json = parse_line(&line);
        assert_string_equal(get_string(json, "where"), "down");
        assert_false(has(json, "cpu"));
        json_object_put(json);
}

static void lost_says_what_may_be_there_all_the_same(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        const struct loss loss = { .where = LOSS_DOWN,
                                   .cpu = LOSS_ANY_CPU,
                                   .count = 2,
                                   .uncertain = 1,
                                   .from_ns = NOW_BOOT_NS,
                                   .to_ns = NOW_BOOT_NS };
        struct line line;

        (void)state;
        assert_int_equal(encode_lost(e, NOW_BOOT_NS, &loss, &line), 0);
        assert_line(&line, HEAD("lost") COMMON ",\"where\":\"down\",\"count\":2,\"uncertain\":1,"
                                               "\"from\":\"" NOW "\",\"to\":\"" NOW "\"}");
}

static void stats_of_nothing_show_all_counters(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct stats stats = { 0 };
        struct line line;

        (void)state;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        assert_line(&line, HEAD("stats") COMMON "," STATS_ZERO "}");
        assert_int_equal(encode_stats(e, EVENT_STOP, NOW_BOOT_NS, &stats, 0, &line), 0);
        assert_line(&line, HEAD("stop") COMMON "," STATS_ZERO "}");
}

static void stats_show_files_if_they_are_hashed(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        const struct stats stats = {
                .files = { .is_on = true,
                           .hashed = 1,
                           .failed = 2,
                           .dropped = 3,
                           .waiting = 4,
                           .restarts = 5 },
        };
        struct json_object *json;
        struct line line;

        (void)state;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        json = parse_line(&line);
        assert_string_equal(
                json_object_to_json_string_ext(get(json, "files"), JSON_C_TO_STRING_PLAIN),
                "{\"hashed\":1,\"failed\":2,\"dropped\":3,\"waiting\":4,"
                "\"restarts\":5}");
        json_object_put(json);
}

static void stats_show_each_counter_in_its_place(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct stats stats = {
                .program = {
                        [PROGRAM_EXIT] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 },
                        [PROGRAM_FAILED_AT] = { .sent = 1 }, /* but never seen */
                },
                .recursion_misses = { [PROGRAM_EXIT] = 11, [PROGRAM_ATTEMPT] = 12 },
                .lost = { [LOSS_RING] = 13,
                          [LOSS_RECURSION] = 14,
                          [LOSS_QUEUE] = 15,
                          [LOSS_DECODE] = 16,
                          [LOSS_STDOUT] = 17,
                          [LOSS_DOWN] = 18 },
                .in_rings = 23,
                .queued = 19,
                .queue_bytes = 20,
                .wakeups = 21,
                .cut = 22,
                .n_sinks = 1,
                .sink = { a_sink },
        };
        struct line line;

        (void)state;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        assert_line(&line, HEAD("stats") COMMON
                    ",\"seen\":24,\"filtered\":3,\"filtered_by\":{\"FailedExecsIgnore=\":3},"
                    "\"lost\":58,"
                    "\"lost_by\":{\"ring\":13,\"recursion\":14,\"queue\":15,\"decode\":16,"
                    "\"stdout\":17,\"down\":18},"
                    "\"in_rings\":23,\"queued\":19,\"queue_bytes\":20,\"wakeups\":21,\"cut\":22,"
                    "\"redacted\":0,\"summing\":0,"
                    "\"programs\":{\"exec\":" PROGRAM_ZERO ","
                    "\"exit\":{\"seen\":1,\"sent\":2,\"filtered\":3,\"lost_ring_full\":4,"
                    "\"lost_no_ring\":5,\"lost_other\":6,\"recursion_misses\":11,\"bare\":7,"
                    "\"lost_chunks\":8,\"faults\":9,\"untracked\":10},"
                    "\"attempt\":{\"seen\":0,\"sent\":0,\"filtered\":0,\"lost_ring_full\":0,"
                    "\"lost_no_ring\":0,\"lost_other\":0,\"recursion_misses\":12,\"bare\":0,"
                    "\"lost_chunks\":0,\"faults\":0,\"untracked\":0}},"
                    "\"sinks\":{\"journal\":{\"before\":25,\"opened\":true,\"written\":1,\"lost\":"
                    "2,\"down\":1,"
                    "\"backlog\":3,\"lines\":4,"
                    "\"bytes\":5,\"retries\":6,\"backlog_bytes\":7,\"unaccounted\":-110}},"
                    "\"unaccounted\":-110}");
}

static void assert_line_has(const struct line *line, const char *text)
{
        assert_non_null(memmem(line->tail.data, line->tail.size, text, strlen(text)));
}

/* So that a reader knows of which time lines may be there at all. */
static void stats_tell_what_the_file_has_deleted(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct stats stats = { .n_sinks = 1, .sink = { { .name = "file", .has_files = true } } };
        struct line line;

        (void)state;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        assert_line_has(&line, "\"backlog_bytes\":0,\"deleted_files\":0,\"deleted_bytes\":0,"
                               "\"unaccounted\":0");
        stats.sink[0].deleted_files = 2;
        stats.sink[0].deleted_bytes = 3;
        stats.sink[0].deleted_to_ns = 86400 * NSEC_PER_SEC + 4;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        assert_line_has(&line, "\"deleted_files\":2,\"deleted_bytes\":3,"
                               "\"deleted_to\":\"1970-01-02T00:00:00.000000004Z\"");
}

static void stats_show_the_worst_balance_of_the_sinks(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct stats stats = { .n_sinks = 3 };
        struct json_object *json;
        struct line line;

        (void)state;
        stats.program[PROGRAM_EXEC].seen = 100;
        stats.sink[0] = (struct sink_stats){ .name = "journal", .written = 98 };
        stats.sink[1] = (struct sink_stats){ .name = "file", .written = 105 };
        stats.sink[2] = (struct sink_stats){ .name = "stdout", .written = 96 };
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        json = parse_line(&line);
        assert_value(json, "unaccounted", "-5");
        assert_value(get(get(json, "sinks"), "stdout"), "unaccounted", "4");
        json_object_put(json);

        stats.sink[2].written = (UINT64_C(1) << 63) + 100;
        assert_int_equal(encode_stats(e, EVENT_STATS, NOW_BOOT_NS, &stats, 0, &line), 0);
        json = parse_line(&line);
        assert_value(json, "unaccounted", "-9223372036854775808");
        json_object_put(json);
}

static void start_shows_settings_by_section(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(config_freep) struct config *config = NULL;
        struct start_info info = { .version = "1.2.3", .kernel = "6.1.0" };
        struct json_object *json, *settings;
        struct line line;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        info.config = config;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        settings = get(json, "settings");
        assert_string_equal(get_string(json, "version"), "1.2.3");
        assert_string_equal(get_string(json, "kernel"), "6.1.0");
        assert_value(json, "boot_age_ns", "1000123456789");
        assert_string_equal(get_string(get(settings, "Capture"), "Exits"), "no");
        assert_string_equal(get_string(get(settings, "File"), "Format"), "native");
        assert_string_equal(get_string(get(settings, "File"), "Enabled"), "no");
        assert_true(has(get(settings, "Queue"), "Backlog"));
        assert_true(has(get(settings, "Stats"), "Interval"));
        assert_false(has(json, "missing"));
        assert_false(has(json, "inherited"));
        json_object_put(json);
}

static void start_says_which_host_and_namespaces(void **state)
{
        static const uint32_t of_pid_1[_NAMESPACE_MAX] = {
                [NAMESPACE_IPC] = 4026531839, [NAMESPACE_PID] = 4026531836
        };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder_of("box", of_pid_1);
        _cleanup_(config_freep) struct config *config = NULL;
        struct start_info info = { .version = "1", .kernel = "6", .machine_id = BOOT_ID };
        struct json_object *json;
        struct line line;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        info.config = config;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        assert_string_equal(get_string(json, "machine_id"), BOOT_ID);
        assert_value(json, "namespaces", "{\"ipc\":4026531839,\"pid\":4026531836}");
        json_object_put(json);

        e = encoder_free(e);
        e = make_encoder("box");
        info.machine_id = "";
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        assert_false(has(json, "machine_id"));
        assert_false(has(json, "namespaces"));
        json_object_put(json);
}

static void start_makes_odd_settings_safe(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(config_freep) struct config *config = NULL;
        struct start_info info = { .version = "1", .kernel = "6\xff" };
        struct json_object *json, *file;
        struct line line;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        free(config->file.path);
        config->file.path = strdup("/\xff\x7f");
        info.config = config;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        file = get(get(json, "settings"), "File");
        assert_string_equal(get_string(file, "Path"), "/\xef\xbf\xbd\x7f");
        assert_string_equal(get_string(file, "Path_base64"), "L/9/");
        assert_string_equal(get_string(json, "kernel_base64"), "Nv8=");
        json_object_put(json);
}

static void start_shows_what_is_missing_and_inherited(void **state)
{
        static const char *const missing[] = { "cgroup", "tty", NULL };
        static const char *const none[] = { NULL };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(config_freep) struct config *config = NULL;
        struct stats stats = { .n_sinks = 1, .sink = { a_sink } };
        struct start_info info = { .version = "1", .kernel = "6", .missing = missing };
        struct json_object *json;
        struct line line;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        info.config = config;
        info.inherited = &stats;
        info.down = "counted";
        stats.program[PROGRAM_EXEC].seen = 31;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        assert_value(json, "missing", "[\"cgroup\",\"tty\"]");
        assert_string_equal(get_string(json, "down"), "counted");
        assert_value(get(json, "inherited"), "seen", "31");
        assert_value(get(json, "inherited"), "unaccounted", "0");
        json_object_put(json);

        info.missing = none;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        json = parse_line(&line);
        assert_false(has(json, "missing"));
        json_object_put(json);
}

static void start_leaves_out_what_does_not_fit(void **state)
{
        static const char *const parts[] = { "inherited", "settings" };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(config_freep) struct config *config = NULL;
        struct stats stats = { .n_sinks = 1, .sink = { a_sink } };
        struct start_info info = { .version = "1", .kernel = "6", .inherited = &stats };
        struct json_object *json;
        struct line line;
        size_t limit;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        info.config = config;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        limit = line_size_max(&line);
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, limit, &line), 0);
        json = parse_line(&line);
        assert_true(has(json, "inherited"));
        assert_false(has(json, "truncated"));
        json_object_put(json);

        for (unsigned i = 0; i < ELEMENTSOF(parts); i++) {
                limit = line_size_max(&line) - 1;
                assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, limit, &line), 0);
                assert_true(line_size_max(&line) <= limit);
                json = parse_line(&line);
                assert_false(has(json, parts[i]));
                assert_int_equal(has(json, "settings"), i == 0);
                assert_value(json, "truncated",
                             i == 0 ? "[\"inherited\"]" : "[\"inherited\",\"settings\"]");
                json_object_put(json);
        }
}

static void start_does_not_claim_to_leave_out_what_there_is_not(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(config_freep) struct config *config = NULL;
        struct start_info info = { .version = "1", .kernel = "6" };
        struct json_object *json;
        struct line line;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        info.config = config;
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, 0, &line), 0);
        assert_int_equal(encode_start(e, NOW_BOOT_NS, &info, line_size_max(&line) - 1, &line), 0);
        json = parse_line(&line);
        assert_false(has(json, "settings"));
        assert_value(json, "truncated", "[\"settings\"]");
        json_object_put(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lost_tells_where_when_and_how_many),
                cmocka_unit_test(lost_of_no_single_cpu_names_none),
                cmocka_unit_test(lost_says_what_may_be_there_all_the_same),
                cmocka_unit_test(stats_of_nothing_show_all_counters),
                cmocka_unit_test(stats_show_each_counter_in_its_place),
                cmocka_unit_test(stats_show_files_if_they_are_hashed),
                cmocka_unit_test(stats_tell_what_the_file_has_deleted),
                cmocka_unit_test(stats_show_the_worst_balance_of_the_sinks),
                cmocka_unit_test(start_shows_settings_by_section),
                cmocka_unit_test(start_says_which_host_and_namespaces),
                cmocka_unit_test(start_makes_odd_settings_safe),
                cmocka_unit_test(start_shows_what_is_missing_and_inherited),
                cmocka_unit_test(start_leaves_out_what_does_not_fit),
                cmocka_unit_test(start_does_not_claim_to_leave_out_what_there_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
