/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The shape of ECS: some lines byte by byte, for order and escapes; then what the schema asks for
 * otherwise than natively. That any line is valid, and says what the native one says, is shown by
 * test_shapes.c.
 */
#include "shape_line.h"

#include <errno.h>
#include <signal.h>

#define HEAD_OF(code, rest)                                                                        \
        "{\"@timestamp\":\"" NOW "\",\"event\":{\"code\":\"" code "\"," rest                       \
        ",\"module\":\"execsnoopd\",\"dataset\":\"execsnoopd.events\","                            \
        "\"provider\":\"execsnoopd\",\"sequence\":7},\"ecs\":{\"version\":\"9.0.0\"},"             \
        "\"host\":{\"hostname\":\"box\",\"name\":\"box\",\"id\":\"" MACHINE_ID "\","               \
        "\"boot\":{\"id\":\"" BOOT_ID "\"},\"os\":{\"type\":\"linux\"}"
#define PROCESS(action, type)                                                                      \
        "\"action\":\"" action "\",\"kind\":\"event\",\"category\":[\"process\"],"                 \
        "\"type\":[\"" type "\"]"
#define HOST(action, kind)                                                                         \
        "\"action\":\"" action "\",\"kind\":\"" kind "\",\"category\":[\"host\"],"                 \
        "\"type\":[\"info\"]"
#define ENTITY_ID "\"entity_id\":\"0123456789ab-3b9aca00-1092\""

static struct json_object *encode(const struct exec_event *event)
{
        return encode_as(FORMAT_ECS, "box", event, 0);
}

static void exec_has_all_facts_in_order(void **state)
{
        static const uint8_t sha256[SHA256_SIZE] = { 0xab };
        struct exec_event event;

        (void)state;
        make_full_event(&event);
        event.exe_sha256 = sha256;
        assert_event_as(
                FORMAT_ECS, &event,
                HEAD_OF("exec",
                        PROCESS("exec",
                                "start") ",\"outcome\":\"success\"") ","
                                                                     "\"pid_ns_ino\":"
                                                                     "\"4026532000\"},"
                                                                     "\"container\":{\"id\":"
                                                                     "\"c0ffee\"},"
                                                                     "\"user\":{\"id\":\"1000\","
                                                                     "\"name\":\"ann\"},"
                                                                     "\"process\":{\"pid\":4242,"
                                                                     "\"vpid\":2,\"thread\":{"
                                                                     "\"id\":4243,\"capabilities\":"
                                                                     "{"
                                                                     "\"effective\":[\"CAP_CHOWN\","
                                                                     "\"CAP_CHECKPOINT_RESTORE\","
                                                                     "\"63\"],"
                                                                     "\"permitted\":[]}}," ENTITY_ID
                                                                     ",\"name\":\"ls\","
                                                                     "\"executable\":\"/usr/bin/"
                                                                     "ls\","
                                                                     "\"args\":[\"ls\",\"-l\",\"a "
                                                                     "b\"],\"args_count\":3,"
                                                                     "\"command_line\":\"ls -l a "
                                                                     "b\","
                                                                     "\"working_directory\":\"/"
                                                                     "\",\"env_vars\":[\"A=b\",\"A="
                                                                     "\"],"
                                                                     "\"hash\":{\"sha256\":"
                                                                     "\"ab0000000000000000000000000"
                                                                     "00000"
                                                                     "00000000000000000000000000000"
                                                                     "000\"},"
                                                                     "\"real_user\":{\"id\":"
                                                                     "\"1000\",\"name\":\"ann\"},"
                                                                     "\"user\":{\"id\":\"0\","
                                                                     "\"name\":\"root\"},\"saved_"
                                                                     "user\":{\"id\":\"1003\"},"
                                                                     "\"real_group\":{\"id\":"
                                                                     "\"1001\",\"name\":\"staff\"},"
                                                                     "\"group\":{\"id\":\"1001\","
                                                                     "\"name\":\"staff\"},"
                                                                     "\"saved_group\":{\"id\":"
                                                                     "\"4294967295\"},"
                                                                     "\"parent\":{\"pid\":1,"
                                                                     "\"entity_id\":\"0123456789ab-"
                                                                     "1f-1\",\"name\":\"sh\","
                                                                     "\"executable\":\"/usr/bin/"
                                                                     "dash\",\"args\":[\"sh\",\"-"
                                                                     "c\",\"ls \\\"-l\\\"\"],"
                                                                     "\"args_count\":3,\"command_"
                                                                     "line\":\"sh -c ls "
                                                                     "\\\"-l\\\"\","
                                                                     "\"real_user\":{\"id\":\"33\"}"
                                                                     ",\"user\":{\"id\":\"33\"}},"
                                                                     "\"session_leader\":{\"pid\":"
                                                                     "40,\"name\":\"login\","
                                                                     "\"entity_id\":\"0123456789ab-"
                                                                     "1d-28\"},"
                                                                     "\"group_leader\":{\"pid\":"
                                                                     "4242," ENTITY_ID
                                                                     "}},\"tags\":[\"noise\"],"
                                                                     "\"execsnoopd\":{\"loginuid\":"
                                                                     "1004,\"session\":3,"
                                                                     "\"filename\":\"bin/ls\","
                                                                     "\"tty\":\"pts/"
                                                                     "0\",\"cgroup\":\"/"
                                                                     "user.slice\",\"unit\":\"cron."
                                                                     "service\","
                                                                     "\"namespaces\":{\"pid\":"
                                                                     "4026532000},"
                                                                     "\"exe_file\":{\"dev\":\"0:"
                                                                     "0\",\"ino\":131,\"mode\":"
                                                                     "\"4755\",\"uid\":0,\"gid\":0,"
                                                                     "\"size\":0,\"mtime\":\"1970-"
                                                                     "01-01T00:00:00.000000000Z\","
                                                                     "\"nlink\":1},"
                                                                     "\"flags\":[\"setuid\"],"
                                                                     "\"exec_id\":\"0123456789ab-"
                                                                     "3b9aca00-1092-12\","
                                                                     "\"parent_exec_id\":"
                                                                     "\"0123456789ab-1e-20-5\","
                                                                     "\"ancestors\":[{\"pid\":9,"
                                                                     "\"comm\":\"init\"}]}}");
}

static void what_is_absent_has_no_key(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_ATTEMPT);

        (void)state;
        event.comm = span_of("sh");
        assert_event_as(
                FORMAT_ECS, &event,
                HEAD_OF("exec_attempt",
                        PROCESS("exec_attempt",
                                "info") ",\"outcome\":\"unknown\"") "},\"process\":{\"pid\":"
                                                                    "4242,\"thread\":{\"id\":"
                                                                    "4243}," ENTITY_ID ","
                                                                    "\"name\":\"sh\"},"
                                                                    "\"execsnoopd\":{}}");
}

static void failure_says_why(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_FAILED);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_RETVAL;
        event.facts.retval = -ENOENT;
        json = encode(&event);
        assert_at(json, "event.outcome", "\"failure\"");
        assert_at(json, "event.action", "\"exec\"");
        assert_at(json, "event.code", "\"exec_failed\"");
        assert_at(json, "event.reason", "\"ENOENT\"");
        assert_at(json, "execsnoopd.retval", "-2");
        json_object_put(json);
}

static void exit_tells_how_and_when(void **state)
{
        struct exec_event event = make_event(EVENT_EXIT);
        struct json_object *json;

        (void)state;
        event.facts.uid = 1000;
        event.duration_ns = 12;
        event.status = 3 << 8;
        event.comm = span_of("ls");
        event.filename = span_of("/its/execs"); /* as exits have it that are screened */
        assert_event_as(
                FORMAT_ECS, &event,
                HEAD_OF("exit",
                        PROCESS("end",
                                "end") ",\"duration\":12") "},"
                                                           "\"user\":{\"id\":\"1000\"},\"process\":"
                                                           "{\"pid\":4242," ENTITY_ID ","
                                                           "\"name\":\"ls\",\"real_user\":{\"id\":"
                                                           "\"1000\"},\"exit_code\":3,"
                                                           "\"end\":\"" NOW
                                                           "\"},\"execsnoopd\":{}}");
        event.status = SIGSEGV | 0x80;
        json = encode(&event);
        assert_null(find(json, "process.exit_code"));
        assert_at(json, "execsnoopd",
                  "{\"signal\":11,\"signal_name\":\"SIGSEGV\","
                  "\"core_dumped\":true}");
        json_object_put(json);
}

static void lost_is_about_the_host(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(FORMAT_ECS, "box");
        const struct loss loss = {
                .where = LOSS_RING,
                .cpu = 0,
                .count = 5,
                .from_ns = NOW_BOOT_NS,
                .to_ns = NOW_BOOT_NS,
        };
        struct line line;

        (void)state;
        assert_int_equal(encode_lost(e, NOW_BOOT_NS, &loss, &line), 0);
        assert_line(
                &line,
                HEAD_OF("lost",
                        HOST("lost",
                             "metric")) "},"
                                        "\"execsnoopd\":{\"where\":\"ring\",\"count\":5,\"cpu\":0,"
                                        "\"from\":\"" NOW "\",\"to\":\"" NOW "\"}}");
}

/* Rules on process.name are written for names that are longer than comm. */
static void name_is_longer_than_comm_where_that_is_its_beginning(void **state)
{
        static const struct {
                const char *comm, *filename, *name;
        } cases[] = {
                { "systemd-tmpfile", "/usr/bin/systemd-tmpfiles", "\"systemd-tmpfiles\"" },
                { "systemd-tmpfile", "systemd-tmpfiles", "\"systemd-tmpfiles\"" },
                { "systemd-tmpfile", "/systemd-tmpfiles/", "\"systemd-tmpfile\"" },
                { "systemd-tmpfile", "/usr/bin/systemd-detect", "\"systemd-tmpfile\"" },
                { "systemd-tmpfile", "/usr/bin/systemd", "\"systemd-tmpfile\"" },
                { "sh", "/usr/bin/shutdown", "\"sh\"" }, /* which could not be executed */
                { "sh", "/usr/bin/sh", "\"sh\"" },
                { "3", "/dev/fd/3", "\"3\"" },
                { "", "/x", "\"\"" },
        };
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                event.comm = span_of(cases[i].comm);
                event.filename = span_of(cases[i].filename);
                json = encode(&event);
                assert_at(json, "process.name", cases[i].name);
                json_object_put(json);
        }
        event.comm = span_of("systemd-tmpfile");
        event.filename = span_of("/usr/bin/systemd-tmpfile");
        event.cut = EXEC_CUT(FIELD_FILENAME);
        json = encode(&event);
        assert_at(json, "process.name", "\"systemd-tmpfile\"");
        json_object_put(json);
}

static void command_line_is_joined_by_one_blank_and_never_quoted(void **state)
{
        static const struct {
                struct span argv;
                const char *joined, *count;
        } cases[] = {
                { { "", 0 }, "\"\"", "0" },
                { { "\0", 1 }, "\"\"", "1" },
                { { "\0\0", 2 }, "\" \"", "2" },
                { { "a\0\0b", 4 }, "\"a  b\"", "3" },
                { { "sh\0-c\0echo 'x y'\0", 17 }, "\"sh -c echo 'x y'\"", "3" },
                { { "\xe2\x82\0\xac\0", 5 }, "\"\xef\xbf\xbd \xef\xbf\xbd\"", "2" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(EVENT_EXEC);
                struct json_object *json;

                event.argv = cases[i].argv;
                json = encode(&event);
                assert_at(json, "process.command_line", cases[i].joined);
                assert_at(json, "process.args_count", cases[i].count);
                json_object_put(json);
        }
}

static void count_of_arguments_is_that_of_all_of_them(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_ARGC | FACT_ARGV_BYTES | FACT_PARENT;
        event.facts.argc = 5000;
        event.facts.argv_bytes = 70000;
        event.argv = event.parent_argv = (struct span){ "a\0b\0", 4 };
        event.cut = EXEC_CUT(FIELD_ARGV) | EVENT_CUT_PARENT_ARGV;
        json = encode(&event);
        assert_at(json, "process.args_count", "5000");
        assert_at(json, "execsnoopd.argv_truncated", "true");
        assert_at(json, "execsnoopd.argv_bytes", "70000");
        assert_null(find(json, "process.parent.args_count")); /* nobody knows */
        assert_at(json, "execsnoopd.truncated", "[\"parent_argv\"]");
        json_object_put(json);
}

static void exact_bytes_are_apart(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_SESSION_LEADER | FACT_SID;
        event.argv = (struct span){ "a\0\xff\0", 4 };
        event.env = (struct span){ "A=\xff\0B=b\0", 8 };
        event.exe = span_of("/\xff");
        event.comm = event.leader_comm = span_of("\x80");
        json = encode_as(FORMAT_ECS, "b\xffx", &event, 0);
        assert_at(json, "process.args", "[\"a\",\"\xef\xbf\xbd\"]");
        assert_at(json, "execsnoopd",
                  "{\"host_base64\":\"Yv94\",\"session_leader_comm_base64\":\"gA==\","
                  "\"name_base64\":\"gA==\",\"exe_base64\":\"L/8=\","
                  "\"env_base64\":[\"QT3/\",\"Qj1i\"],\"argv_base64\":[\"YQ==\",\"/w==\"]}");
        json_object_put(json);
}

static void command_line_and_arguments_share_the_room(void **state)
{
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json, *args, *joined;
        const char *text;
        size_t n;

        (void)state;
        append_args(&argv, 5000);
        event.argv = buf_span(&argv);
        json = encode_as(FORMAT_ECS, "box", &event, 8192);
        args = find(json, "process.args");
        joined = find(json, "process.command_line");
        n = json_object_array_length(args);
        assert_in_range(n, 200, 400);
        assert_string_equal(json_object_get_string(json_object_array_get_idx(args, n - 1)),
                            "arg-4999");
        assert_in_range(json_object_get_string_len(joined), 2500, 4000);
        text = json_object_get_string(joined);
        assert_int_equal(strncmp(text, "arg-0 arg-1 arg-2 ", 18), 0);
        assert_string_equal(text + strlen(text) - 18, " arg-4998 arg-4999");
        assert_non_null(strstr(text, "\xe2\x80\xa6"));
        assert_at(json, "process.args_count", "5000");
        assert_at(json, "execsnoopd.argv_truncated", "true");
        assert_at(json, "execsnoopd.truncated", "[\"command_line\"]");
        json_object_put(json);
}

/* Bytes, of which the JSON is longer, so that they would fit and it does not. */
static void cut_command_line_has_both_ends(void **state)
{
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;
        const char *text;

        (void)state;
        buf_append(&argv, "first", sizeof("first"));
        for (unsigned i = 0; i < 900; i++)
                buf_append(&argv, "\x1b", sizeof("\x1b"));
        buf_append(&argv, "last", sizeof("last"));
        event.argv = buf_span(&argv);
        json = encode_as(FORMAT_ECS, "box", &event, 4096);
        text = json_object_get_string(find(json, "process.command_line"));
        assert_int_equal(strncmp(text, "first \x1b", 7), 0);
        assert_string_equal(text + strlen(text) - 6, "\x1b last");
        json_object_put(json);
}

static void variables_keep_their_names_when_they_are_cut(void **state)
{
        _cleanup_(buf_done) struct buf env = { 0 };
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json, *all;
        const char *text;

        (void)state;
        buf_append_string(&env, "LD_PRELOAD=/evil.so:");
        for (unsigned i = 0; i < 10000; i++)
                buf_append_char(&env, 'x');
        buf_append(&env, "\0LD_AUDIT=a", sizeof("\0LD_AUDIT=a"));
        event.env = buf_span(&env);
        json = encode_as(FORMAT_ECS, "box", &event, 4096);
        all = find(json, "process.env_vars");
        assert_int_equal(json_object_array_length(all), 2);
        text = json_object_get_string(json_object_array_get_idx(all, 0));
        assert_int_equal(strncmp(text, "LD_PRELOAD=/evil.so:xxx", 23), 0);
        assert_non_null(strstr(text, "x\xe2\x80\xa6x"));
        assert_string_equal(json_object_get_string(json_object_array_get_idx(all, 1)),
                            "LD_AUDIT=a");
        assert_at(json, "execsnoopd.truncated", "[\"env\"]");
        json_object_put(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exec_has_all_facts_in_order),
                cmocka_unit_test(what_is_absent_has_no_key),
                cmocka_unit_test(failure_says_why),
                cmocka_unit_test(exit_tells_how_and_when),
                cmocka_unit_test(lost_is_about_the_host),
                cmocka_unit_test(name_is_longer_than_comm_where_that_is_its_beginning),
                cmocka_unit_test(command_line_is_joined_by_one_blank_and_never_quoted),
                cmocka_unit_test(count_of_arguments_is_that_of_all_of_them),
                cmocka_unit_test(exact_bytes_are_apart),
                cmocka_unit_test(command_line_and_arguments_share_the_room),
                cmocka_unit_test(cut_command_line_has_both_ends),
                cmocka_unit_test(variables_keep_their_names_when_they_are_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
