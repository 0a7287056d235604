/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The shape of OCSF: some lines byte by byte, for order and escapes; then what the schema asks for
 * otherwise than natively. That any line is valid, and says what the native one says, is shown by
 * test_shapes.c.
 */
#include "shape_line.h"

#include <errno.h>
#include <signal.h>

/* clang-format off */
#define HEAD_OF(code, profiles, place)                                                             \
        "{\"metadata\":{\"product\":{\"name\":\"execsnoopd\"},\"event_code\":\"" code "\","        \
        "\"original_time\":\"" NOW "\"," profiles "\"sequence\":7,\"version\":\"1.8.0\"},"         \
        "\"device\":{\"hostname\":\"box\",\"uid\":\"" MACHINE_ID "\","                             \
        "\"boot_uid\":\"" BOOT_ID "\",\"type_id\":0,\"os\":{\"name\":\"Linux\",\"type_id\":200}}," \
        "\"time\":1795368600123," place
#define PROCESS(activity)                                                                          \
        "\"category_uid\":1,\"class_uid\":1007,\"activity_id\":" activity                          \
        ",\"type_uid\":10070" activity ",\"severity_id\":1"
#define LAUNCH(status) PROCESS("1") ",\"launch_type_id\":3,\"status_id\":" status
#define ITSELF "\"pid\":4242,\"uid\":\"0123456789ab-3b9aca00-1092\""
/* clang-format on */

static struct json_object *encode(const struct exec_event *event)
{
        return encode_as(FORMAT_OCSF, "box", event, 0);
}

/* clang-format off */
#define PARENT                                                                                     \
        "{\"pid\":1,\"uid\":\"0123456789ab-1f-1\",\"name\":\"sh\",\"cmd_line\":\"sh -c ls "        \
        "\\\"-l\\\"\",\"file\":{\"name\":\"dash\",\"path\":\"/usr/bin/dash\",\"type_id\":1},"      \
        "\"user\":{\"uid\":\"33\"}}"

static const char full_line[] =
        HEAD_OF("exec", "\"profiles\":[\"container\",\"linux/linux_users\"],", LAUNCH("1"))
        ",\"actor\":{\"process\":" PARENT "},"
        "\"process\":{" ITSELF ",\"ptid\":4243,\"name\":\"ls\",\"path\":\"/usr/bin/ls\","
        "\"cmd_line\":\"ls -l a b\",\"working_directory\":\"/\",\"file\":{\"name\":\"ls\","
        "\"path\":\"/usr/bin/ls\",\"type_id\":1,\"size\":0,\"owner\":{\"uid\":\"0\"},"
        "\"modified_time\":0,\"uid\":\"0:0:131\",\"attributes\":2541,\"hashes\":["
        "{\"algorithm_id\":3,\"value\":\""
        "ab00000000000000000000000000000000000000000000000000000000000000\"}]},"
        "\"user\":{\"uid\":\"1000\",\"name\":\"ann\"},"
        "\"group\":{\"uid\":\"1001\",\"name\":\"staff\"},\"euid\":0,\"egid\":1001,\"auid\":1004,"
        "\"session\":{\"uid\":\"3\",\"terminal\":\"pts/0\"},\"namespace_pid\":2,"
        "\"container\":{\"uid\":\"c0ffee\"},\"parent_process\":" PARENT ","
        "\"ancestry\":[{\"pid\":9,\"name\":\"init\"}],"
        "\"environment_variables\":[{\"name\":\"A\",\"value\":\"b\"},{\"name\":\"A\","
        "\"value\":\"\"}]},"
        "\"unmapped\":{\"sid\":40,\"pgid\":4242,\"session_leader\":{\"pid\":40,\"comm\":\"login\","
        "\"process_id\":\"0123456789ab-1d-28\"},\"suid\":1003,\"sgid\":4294967295,"
        "\"euser\":\"root\",\"exec_id\":\"0123456789ab-3b9aca00-1092-12\","
        "\"parent_exec_id\":\"0123456789ab-1e-20-5\",\"filename\":\"bin/ls\","
        "\"argv\":[\"ls\",\"-l\",\"a b\"],\"argc\":3,\"parent_argv\":[\"sh\",\"-c\",\"ls \\\"-l\\\""
        "\"],\"cgroup\":\"/user.slice\",\"unit\":\"cron.service\","
        "\"namespaces\":{\"pid\":4026532000},\"caps\":{\"effective\":\"0x8000010000000001\","
        "\"permitted\":\"0x0\"},\"exe_file\":{\"dev\":\"0:0\",\"ino\":131,\"mode\":\"4755\","
        "\"uid\":0,\"gid\":0,\"size\":0,\"mtime\":\"1970-01-01T00:00:00.000000000Z\",\"nlink\":1},"
        "\"flags\":[\"setuid\"],\"tags\":[\"noise\"]}}";
/* clang-format on */

static void exec_has_all_facts_in_order(void **state)
{
        static const uint8_t sha256[SHA256_SIZE] = { 0xab };
        struct exec_event event;

        (void)state;
        make_full_event(&event);
        event.exe_sha256 = sha256;
        assert_event_as(FORMAT_OCSF, &event, full_line);
}

static void what_is_absent_has_no_key(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_ATTEMPT);

        (void)state;
        event.comm = span_of("sh");
        assert_event_as(FORMAT_OCSF, &event,
                        HEAD_OF("exec_attempt", "", LAUNCH("0")) ",\"actor\":{\"process\":{" ITSELF
                                                                 "}},\"process\":{" ITSELF
                                                                 ",\"ptid\":4243,\"name\":\"sh\","
                                                                 "\"cmd_line\":\"\"},"
                                                                 "\"unmapped\":{}}");
}

static void failure_says_why(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_FAILED);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_RETVAL;
        event.facts.retval = -ENOENT;
        json = encode(&event);
        assert_at(json, "type_uid", "100701");
        assert_at(json, "status_id", "2");
        assert_at(json, "status_code", "\"ENOENT\"");
        assert_at(json, "unmapped.retval", "-2");
        json_object_put(json);
}

/* Nobody knows who has ended it: then it is the process itself, by the schema's own words. */
static void exit_tells_how(void **state)
{
        struct exec_event event = make_event(EVENT_EXIT);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_PARENT | FACT_CREDS; /* as exits have it that are screened */
        event.facts.uid = 1000;
        event.duration_ns = 12;
        event.status = 3 << 8;
        event.comm = span_of("ls");
        assert_event_as(FORMAT_OCSF, &event,
                        HEAD_OF("exit", "", PROCESS("2")) ",\"exit_code\":3,\"actor\":{\"process\":"
                                                          "{" ITSELF "}},\"process\":{" ITSELF
                                                          ",\"name\":\"ls\",\"user\":{\"uid\":"
                                                          "\"1000\"}},\"unmapped\":{"
                                                          "\"duration_ns\":12}}");
        event.status = SIGSEGV | 0x80;
        json = encode(&event);
        assert_null(find(json, "exit_code"));
        assert_at(json, "unmapped",
                  "{\"signal\":11,\"signal_name\":\"SIGSEGV\",\"core_dumped\":true,"
                  "\"duration_ns\":12}");
        json_object_put(json);
}

static void lost_is_a_base_event(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(FORMAT_OCSF, "box");
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
        assert_line(&line, HEAD_OF("lost", "\"profiles\":[\"host\"],",
                                   "\"category_uid\":0,\"class_uid\":0,\"activity_id\":99,"
                                   "\"activity_name\":\"lost\",\"type_uid\":99,\"severity_id\":3,"
                                   "\"unmapped\":{\"where\":\"ring\",\"count\":5,\"cpu\":0,"
                                   "\"from\":\"" NOW "\",\"to\":\"" NOW "\"}}"));
}

static void time_before_1970_is_rounded_to_the_past(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(FORMAT_OCSF, "box");
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;
        struct line line;

        (void)state;
        event.boot_ns = 0;
        encoder_set_clock(e, -1);
        assert_int_equal(encode_event(e, &event, 0, &line), 0);
        json = parse_line(&line);
        assert_at(json, "metadata.original_time", "\"1969-12-31T23:59:59.999999999Z\"");
        assert_at(json, "time", "-1");
        json_object_put(json);
}

static void file_has_what_there_is_an_attribute_for(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_EXE_FILE;
        event.facts.exe_file = (struct exec_file){
                .dev = 8 << 20 | 1,
                .ino = UINT64_MAX,
                .size = UINT64_MAX,
                .mode = 0100755,
                .mtime_sec = INT64_MAX, /* no calendar has it */
        };
        event.exe = span_of("/memfd:x (deleted)");
        json = encode(&event);
        assert_at(json, "process.file",
                  "{\"name\":\"memfd:x (deleted)\",\"path\":\"/memfd:x (deleted)\",\"type_id\":1,"
                  "\"size\":9223372036854775807,\"owner\":{\"uid\":\"0\"},\"is_deleted\":true,"
                  "\"uid\":\"8:1:18446744073709551615\",\"attributes\":493}");
        json_object_put(json);

        event.exe = (struct span){ 0 };
        event.exe_sha256 = (const uint8_t[SHA256_SIZE]){ 0xab };
        json = encode(&event);
        assert_null(find(json, "process.file"));
        assert_non_null(find(json, "unmapped.exe_file.sha256"));
        json_object_put(json);
}

static void exact_bytes_are_unmapped(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_SESSION_LEADER | FACT_SID;
        event.argv = (struct span){ "a\0\xff\0", 4 };
        event.env = (struct span){ "A=\xff\0B=b\0", 8 };
        event.exe = span_of("/\xff");
        event.comm = event.leader_comm = span_of("\x80");
        event.n_ancestors = 1;
        event.ancestors[0] = (struct event_ancestor){ .pid = 9, .comm = "\xff", .exe = event.exe };
        json = encode_as(FORMAT_OCSF, "b\xffx", &event, 0);
        assert_at(json, "process.cmd_line", "\"a \xef\xbf\xbd\"");
        assert_at(json, "process.ancestry",
                  "[{\"pid\":9,\"name\":\"\xef\xbf\xbd\",\"path\":\"/\xef\xbf\xbd\"}]");
        assert_at(json, "process.environment_variables",
                  "[{\"name\":\"A\",\"value\":\"\xef\xbf\xbd\"},{\"name\":\"B\",\"value\":\"b\"}]");
        assert_at(json, "unmapped",
                  "{\"host_base64\":\"Yv94\",\"sid\":0,\"pgid\":0,\"session_leader\":{\"pid\":0,"
                  "\"comm\":\"\xef\xbf\xbd\",\"comm_base64\":\"gA==\","
                  "\"process_id\":\"0123456789ab-0-0\"},\"argv\":[\"a\",\"\xef\xbf\xbd\"],"
                  "\"argv_base64\":[\"YQ==\",\"/w==\"],\"argc\":2,\"name_base64\":\"gA==\","
                  "\"exe_base64\":\"L/8=\",\"ancestors\":[{\"pid\":9,\"comm\":\"\xef\xbf\xbd\","
                  "\"comm_base64\":\"/w==\",\"exe\":\"/\xef\xbf\xbd\",\"exe_base64\":\"L/8=\"}],"
                  "\"env_base64\":[\"QT3/\",\"Qj1i\"]}");
        json_object_put(json);
}

static void cut_line_says_so_where_the_schema_has_it(void **state)
{
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct exec_event event;
        struct json_object *json;
        struct json_object *joined;

        (void)state;
        make_full_event(&event);
        json = encode(&event);
        assert_null(find(json, "metadata.is_truncated"));
        json_object_put(json);

        append_args(&argv, 5000);
        event.argv = event.parent_argv = buf_span(&argv);
        json = encode_as(FORMAT_OCSF, "box", &event, 8192);
        assert_at(json, "metadata.is_truncated", "true");
        assert_at(json, "metadata.version", "\"1.8.0\"");
        assert_at(json, "unmapped.argv_truncated", "true");
        assert_at(json, "unmapped.argc", "5000");
        assert_at(json, "unmapped.truncated",
                  "[\"parent_command_line\",\"command_line\",\"parent_argv\"]");
        joined = find(json, "process.cmd_line");
        assert_in_range(json_object_get_string_len(joined), 1000, 4000);
        json_object_put(json);
}

/* It is there twice, and takes twice the room: no limit is broken by that. */
static void parent_is_the_same_in_both_places(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(FORMAT_OCSF, "box");
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct exec_event event;
        struct line line;

        (void)state;
        make_full_event(&event);
        append_args(&argv, 700);
        event.parent_argv = buf_span(&argv);
        for (size_t limit = encode_limit_min(FORMAT_OCSF); limit < 40000; limit += 777) {
                struct json_object *json;

                assert_int_equal(encode_event(e, &event, limit, &line), 0);
                assert_true(line_size_max(&line) <= limit);
                json = parse_line(&line);
                assert_true(json_object_equal(find(json, "actor.process"),
                                              find(json, "process.parent_process")));
                json_object_put(json);
        }
}

/* The schema has objects that must have a name, or a value: here all else takes all room. */
static void what_is_asked_for_is_there_without_room(void **state)
{
        char host[64 + 1] = "", path[1024];
        struct exec_event event = make_event(EVENT_EXEC_FAILED);
        struct span *texts[] = {
                &event.exe,   &event.parent_exe,  &event.filename,
                &event.cwd,   &event.cgroup,      &event.user,
                &event.euser, &event.group,       &event.names.unit,
                &event.tty,   &event.parent_comm, &event.names.container_id,
                &event.argv,  &event.parent_argv, &event.env,
                &event.comm,  &event.names.slice, &event.leader_comm,
        };
        struct json_object *json;

        (void)state;
        memset(host, 0x7f, sizeof(host) - 1);
        memset(path, 0x1b, sizeof(path));
        memset(&event.facts, 0xff, sizeof(event.facts));
        event.facts.retval = -ENOTRECOVERABLE;
        event.facts.exe_file.mtime_sec = event.facts.exe_file.ctime_sec = 0;
        event.facts.exe_file.mtime_nsec = event.facts.exe_file.ctime_nsec = 0;
        event.cut = UINT32_MAX;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                *texts[i] = (struct span){ path, sizeof(path) };
        event.leader_comm.size = 16;
        event.exe_sha256 = (const uint8_t[SHA256_SIZE]){ 0 };
        json = encode_as(FORMAT_OCSF, host, &event, encode_limit_min(FORMAT_OCSF));
        assert_at(json, "process.file.name", "\"\"");
        assert_at(json, "process.cmd_line", "\"\"");
        assert_at(json, "process.parent_process.file.name", "\"\"");
        assert_at(json, "actor.process.file.name", "\"\"");
        assert_at(json, "actor.process.pid", "4294967295");
        json_object_put(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exec_has_all_facts_in_order),
                cmocka_unit_test(what_is_absent_has_no_key),
                cmocka_unit_test(failure_says_why),
                cmocka_unit_test(exit_tells_how),
                cmocka_unit_test(lost_is_a_base_event),
                cmocka_unit_test(time_before_1970_is_rounded_to_the_past),
                cmocka_unit_test(file_has_what_there_is_an_attribute_for),
                cmocka_unit_test(exact_bytes_are_unmapped),
                cmocka_unit_test(cut_line_says_so_where_the_schema_has_it),
                cmocka_unit_test(parent_is_the_same_in_both_places),
                cmocka_unit_test(what_is_asked_for_is_there_without_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
