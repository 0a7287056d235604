/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * encode: events of the kernel → lines without a limit. Some lines byte by byte, for order and
 * escapes; then absence, invalid bytes, argv and environment in their odd forms.
 */
#include "encode_line.h"

#include <errno.h>
#include <signal.h>

#define EXEC_IDS "\"pid\":4242,\"tid\":4243"
#define PROCESS_ID "\"process_id\":\"0123456789ab-3b9aca00-1092\""

static struct exec_event make_event(enum event_kind kind)
{
        return (struct exec_event){
                .kind = kind,
                .boot_ns = NOW_BOOT_NS,
                .facts.pid = 4242,
                .facts.tid = 4243,
                .facts.start_ns = 1000000000,
        };
}

static struct json_object *encode(const struct exec_event *event)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct line line;

        assert_int_equal(encode_event(e, event, 0, &line), 0);
        return parse_line(&line);
}

static void assert_event(const struct exec_event *event, const char *expected)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct line line;

        assert_int_equal(encode_event(e, event, 0, &line), 0);
        assert_line(&line, expected);
}

static struct exec_event make_full_event(void)
{
        struct exec_event event = make_event(EVENT_EXEC);

        event.facts.present = FACT_CREDS | FACT_PARENT | FACT_RETVAL | FACT_ARGC | FACT_ARGV_BYTES |
                              FACT_EXE_FILE | FACT_TTY | FACT_LOGINUID | FACT_SESSION |
                              FACT_NS_PID | FACT_NAMESPACES | FACT_CAPS | FACT_SID | FACT_CTIME |
                              FACT_EXEC_COUNT | FACT_PARENT_UID | FACT_PARENT_EXEC |
                              FACT_PARENT_EXE | FACT_SESSION_LEADER;
        event.facts.traits = (TRAIT_POINT_OF_NO_RETURN << 1) - 1;
        event.facts.ppid = 1;
        event.facts.sid = 40;
        event.facts.pgid = 41;
        event.facts.ns_pid = 2;
        event.facts.uid = 1000;
        event.facts.gid = 1001;
        event.facts.euid = 0;
        event.facts.egid = 1002;
        event.facts.suid = 1003;
        event.facts.sgid = UINT32_MAX;
        event.facts.loginuid = 1004;
        event.facts.session = 3;
        event.facts.parent_start_ns = 31;
        event.facts.exec_count = 0x12;
        event.facts.parent_uid = 33;
        event.facts.parent_exec_start_ns = 30;
        event.facts.parent_exec_pid = 32;
        event.facts.parent_exec_count = 5;
        event.facts.leader_start_ns = 29;
        event.facts.caps_effective = UINT64_C(0x1ffffffffff);
        event.facts.argc = 2;
        event.facts.argv_bytes = 6;
        event.facts.namespaces[NAMESPACE_MNT] = 4026531841;
        event.facts.namespaces[NAMESPACE_UTS] = 4026531838;
        event.facts.exe_file = (struct exec_file){
                .ino = 131,
                .size = UINT64_MAX,
                .mtime_sec = 1,
                .mtime_nsec = 2,
                .ctime_sec = 3,
                .ctime_nsec = 4,
                .dev = 259 << 20 | 3,
                .mode = 0104755,
                .uid = 0,
                .gid = 5,
                .nlink = 1,
        };
        event.comm = span_of("ls");
        event.parent_comm = span_of("sh");
        event.leader_comm = span_of("login");
        event.parent_exe = span_of("/usr/bin/sh");
        event.parent_argv = (struct span){ "sh\0-x\0", 6 };
        event.tty = span_of("pts/0");
        event.filename = span_of("bin/ls");
        event.exe = span_of("/usr/bin/ls");
        event.cwd = span_of("/");
        event.cgroup = span_of("/user.slice");
        event.argv = (struct span){ "ls\0-l\0", 6 };
        event.env = (struct span){ "A=b\0", 4 };
        event.ancestors[0] = (struct event_ancestor){ .pid = 9, .comm = "init" };
        event.ancestors[0].exe = span_of("/sbin/init");
        event.n_ancestors = 1;
        return event;
}

static void exec_has_all_facts_in_order(void **state)
{
        struct exec_event event = make_full_event();

        (void)state;
        assert_event(
                &event, HEAD("exec") COMMON
                "," EXEC_IDS ",\"ppid\":1,\"sid\":40,\"pgid\":41,"
                "\"session_leader\":{\"pid\":40,\"comm\":\"login\","
                "\"process_id\":\"0123456789ab-1d-28\"},"
                "\"uid\":1000,\"gid\":1001,\"euid\":0,\"egid\":1002,\"suid\":1003,\"sgid\":"
                "4294967295,\"loginuid\":1004,\"session\":3,\"comm\":\"ls\","
                "\"parent_comm\":\"sh\",\"parent_uid\":33,\"parent_exe\":\"/usr/bin/sh\","
                "\"parent_argv\":[\"sh\",\"-x\"],\"filename\":\"bin/ls\",\"exe\":\"/usr/bin/ls\","
                "\"argv\":[\"ls\",\"-l\"],\"argc\":2,\"cwd\":\"/\",\"tty\":\"pts/0\","
                "\"cgroup\":\"/user.slice\",\"ns_pid\":2,"
                "\"namespaces\":{\"mnt\":4026531841,\"uts\":4026531838},"
                "\"caps\":{\"effective\":\"0x1ffffffffff\",\"permitted\":\"0x0\"},"
                "\"exe_file\":{\"dev\":\"259:3\",\"ino\":131,\"mode\":\"4755\",\"uid\":0,\"gid\":5,"
                "\"size\":18446744073709551615,\"mtime\":\"1970-01-01T00:00:01.000000002Z\","
                "\"ctime\":\"1970-01-01T00:00:03.000000004Z\","
                "\"nlink\":1},"
                "\"flags\":[\"memfd\",\"deleted\",\"overlay_upper\",\"setuid\",\"setgid\","
                "\"filecaps\",\"thread_exec\",\"kernel\",\"image32\",\"script\",\"execveat\","
                "\"point_of_no_return\"],"
                "\"env\":{\"A\":\"b\"}," PROCESS_ID
                ",\"exec_id\":\"0123456789ab-3b9aca00-1092-12\","
                "\"parent_process_id\":\"0123456789ab-1f-1\","
                "\"parent_exec_id\":\"0123456789ab-1e-20-5\","
                "\"ancestors\":[{\"pid\":9,\"comm\":\"init\",\"exe\":\"/sbin/init\"}],"
                "\"retval\":0}");
}

static void exec_without_facts_has_no_keys_for_them(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);

        (void)state;
        assert_event(&event, HEAD("exec") COMMON "," EXEC_IDS "," PROCESS_ID ",\"retval\":0}");
        /* known to be none */
        event.facts.present = FACT_NAMESPACES;
        event.env = (struct span){ "", 0 };
        assert_event(&event, HEAD("exec") COMMON "," EXEC_IDS "," PROCESS_ID ",\"retval\":0}");
}

static void namespaces_are_those_in_which_it_is_not_with_pid_1(void **state)
{
        static const uint32_t of_pid_1[_NAMESPACE_MAX] = { [NAMESPACE_MNT] = 4026531841,
                                                           [NAMESPACE_NET] = 4026531840,
                                                           [NAMESPACE_USER] = 4026531837 };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder_of("box", of_pid_1);
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;
        struct line line;

        (void)state;
        event.facts.present = FACT_NAMESPACES;
        event.facts.namespaces[NAMESPACE_MNT] = 4026531841;
        event.facts.namespaces[NAMESPACE_NET] = 4026532000;
        event.facts.namespaces[NAMESPACE_UTS] = 4026531838; /* of PID 1's, nothing is known */
        assert_int_equal(encode_event(e, &event, 0, &line), 0);
        json = parse_line(&line);
        assert_value(json, "namespaces", "{\"net\":4026532000,\"uts\":4026531838}");
        json_object_put(json);

        event.facts.namespaces[NAMESPACE_NET] = 4026531840;
        event.facts.namespaces[NAMESPACE_UTS] = 0;
        assert_int_equal(encode_event(e, &event, 0, &line), 0);
        json = parse_line(&line);
        assert_false(has(json, "namespaces"));
        json_object_put(json);
}

static void exec_failed_names_its_error(void **state)
{
        static const struct {
                int32_t retval;
                const char *json;
        } cases[] = {
                { -EACCES, "\"retval\":-13,\"error\":\"EACCES\"" },
                { -ENOTRECOVERABLE, "\"retval\":-131,\"error\":\"ENOTRECOVERABLE\"" },
                { -512, "\"retval\":-512,\"error\":\"512\"" },
                { INT32_MIN, "\"retval\":-2147483648,\"error\":\"2147483648\"" },
                { 0, "\"retval\":0" },
                { INT32_MAX, "\"retval\":2147483647" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(EVENT_EXEC_FAILED);
                char expected[512];

                event.facts.present = FACT_RETVAL;
                event.facts.retval = cases[i].retval;
                (void)snprintf(expected, sizeof(expected), "%s,%s,%s,%s}",
                               HEAD("exec_failed") COMMON, EXEC_IDS, PROCESS_ID, cases[i].json);
                assert_event(&event, expected);
        }
}

static void exec_failed_without_retval_claims_none(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_FAILED);

        (void)state;
        event.facts.retval = -EACCES;
        event.facts.traits = TRAIT_POINT_OF_NO_RETURN;
        assert_event(&event, HEAD("exec_failed") COMMON
                     "," EXEC_IDS ",\"flags\":[\"point_of_no_return\"]," PROCESS_ID "}");
}

static void exec_attempt_has_no_result(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC_ATTEMPT);

        (void)state;
        event.facts.present = FACT_RETVAL;
        event.filename = span_of("");
        assert_event(&event,
                     HEAD("exec_attempt") COMMON "," EXEC_IDS ",\"filename\":\"\"," PROCESS_ID "}");
}

static void exit_tells_how_the_process_ended(void **state)
{
        static const struct {
                uint32_t status;
                const char *json;
        } cases[] = {
                { 0, "\"exit_code\":0," },
                { 255 << 8, "\"exit_code\":255," },
                { SIGKILL, "\"signal\":9,\"signal_name\":\"SIGKILL\"," },
                { SIGSEGV | 0x80,
                  "\"signal\":11,\"signal_name\":\"SIGSEGV\",\"core_dumped\":true," },
                { 40, "\"signal\":40," },
                { 0x7f, "" }, /* stopped: not an end */
                { UINT32_MAX, "" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(EVENT_EXIT);
                char expected[512];

                event.status = cases[i].status;
                event.duration_ns = UINT64_MAX;
                (void)snprintf(
                        expected, sizeof(expected),
                        "%s,\"pid\":4242,\"uid\":0,%s,%s\"duration_ns\":18446744073709551615}",
                        HEAD("exit") COMMON, PROCESS_ID, cases[i].json);
                assert_event(&event, expected);
        }
}

static void exit_has_only_what_an_exit_has(void **state)
{
        struct exec_event event = make_full_event();

        (void)state;
        event.kind = EVENT_EXIT;
        event.cut = UINT32_MAX;
        assert_event(&event,
                     HEAD("exit") COMMON ",\"pid\":4242,\"uid\":1000,\"comm\":\"ls\"," PROCESS_ID
                                         ",\"exit_code\":0,\"duration_ns\":0}");
}

static void argv_is_split_at_each_nul(void **state)
{
        static const struct {
                struct span argv;
                const char *json;
        } cases[] = {
                { { "", 0 }, "\"argv\":[],\"argc\":0" },
                { { "\0", 1 }, "\"argv\":[\"\"],\"argc\":1" },
                { { "a\0\0b\0", 5 }, "\"argv\":[\"a\",\"\",\"b\"],\"argc\":3" },
                { { "\0\0", 2 }, "\"argv\":[\"\",\"\"],\"argc\":2" },
                { { "a\0b", 3 }, "\"argv\":[\"a\",\"b\"],\"argc\":2" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(EVENT_EXEC);
                char expected[512];

                event.argv = cases[i].argv;
                (void)snprintf(expected, sizeof(expected), "%s,%s,%s,%s,\"retval\":0}",
                               HEAD("exec") COMMON, EXEC_IDS, cases[i].json, PROCESS_ID);
                assert_event(&event, expected);
        }
}

static void argv_cut_by_the_kernel_is_marked(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);

        (void)state;
        event.cut = EXEC_CUT(FIELD_ARGV);
        event.argv = (struct span){ "cc\0-o", 5 };
        /* what is there is not what to count */
        assert_event(&event, HEAD("exec") COMMON
                     "," EXEC_IDS ",\"argv\":[\"cc\",\"-o\"],\"argv_truncated\":true," PROCESS_ID
                     ",\"retval\":0}");
        event.facts.present = FACT_ARGC | FACT_ARGV_BYTES;
        event.facts.argc = 900;
        event.facts.argv_bytes = 70000;
        event.argv = (struct span){ 0 };
        assert_event(&event, HEAD("exec") COMMON
                     "," EXEC_IDS
                     ",\"argc\":900,\"argv_truncated\":true,\"argv_bytes\":70000," PROCESS_ID
                     ",\"retval\":0}");
}

static void argv_with_invalid_bytes_has_all_elements_exact(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);

        (void)state;
        event.argv = (struct span){ "ok\0\0a\xff\xe2\x82z\0", 9 };
        assert_event(&event, HEAD("exec") COMMON
                     "," EXEC_IDS ",\"argv\":[\"ok\",\"\",\"a\xef\xbf\xbd\xef\xbf\xbdz\"],"
                     "\"argv_base64\":[\"b2s=\",\"\",\"Yf/igno=\"],\"argc\":3," PROCESS_ID
                     ",\"retval\":0}");
}

static void fields_cut_by_the_kernel_are_named(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.cut = UINT32_MAX;
        event.cwd = span_of("/deep");
        json = encode(&event);
        assert_value(json, "truncated",
                     "[\"parent_exe\",\"parent_argv\",\"filename\",\"exe\",\"cwd\",\"cgroup\","
                     "\"env\",\"ancestors\"]");
        assert_value(json, "argv_truncated", "true");
        assert_value(json, "cwd", "\"/deep\"");
        json_object_put(json);
}

static void env_shows_names_that_come_twice(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.env = (struct span){ "P=harmless\0Q==\0P=evil\0P=", 25 };
        json = encode(&event);
        assert_value(json, "env", "{\"P\":\"harmless\",\"Q\":\"=\",\"P=3\":\"evil\",\"P=4\":\"\"}");
        assert_false(has(json, "truncated"));
        json_object_put(json);
}

static void env_without_value_counts_as_cut(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.env = (struct span){ "A=1\0LD_PRE", 10 };
        json = encode(&event);
        assert_value(json, "env", "{\"A\":\"1\"}");
        assert_value(json, "truncated", "[\"env\"]");
        json_object_put(json);
}

static void env_with_invalid_bytes_has_all_values_exact(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.env = (struct span){ "A=1\0B=\xff\0A=\0\x7f\xff=\xc2\x85", 16 };
        json = encode(&event);
        assert_value(json, "env_base64",
                     "{\"A\":\"MQ==\",\"B\":\"/w==\",\"A=3\":\"\",\"\x7f\xef\xbf\xbd\":\"woU=\"}");
        assert_value(json, "env",
                     "{\"A\":\"1\",\"B\":\"\xef\xbf\xbd\",\"A=3\":\"\","
                     "\"\x7f\xef\xbf\xbd\":\"\xc2\x85\"}");
        json_object_put(json);
}

static void control_characters_leave_escaped(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);

        (void)state;
        event.comm = span_of("\x1b[2J\x7f");
        event.filename = span_of("/\xc2\x80\xc2\x9f\xc2\xa0\n\t\x01\"\\");
        event.argv = (struct span){ "\x7f\0", 2 };
        event.env = (struct span){ "\xc2\x9b=\x7f", 4 };
        assert_event(&event, HEAD("exec") COMMON
                     "," EXEC_IDS ",\"comm\":\"\\u001b[2J\\u007f\","
                     "\"filename\":\"/\\u0080\\u009f\xc2\xa0\\n\\t\\u0001\\\"\\\\\","
                     "\"argv\":[\"\\u007f\"],\"argc\":1,"
                     "\"env\":{\"\\u009b\":\"\\u007f\"}," PROCESS_ID ",\"retval\":0}");
}

static void nul_never_appears(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.filename = (struct span){ "a\0b", 3 };
        json = encode(&event);
        assert_string_equal(get_string(json, "filename"), "a\xef\xbf\xbd"
                                                          "b");
        assert_string_equal(get_string(json, "filename_base64"), "YQBi");
        json_object_put(json);
}

static void ancestors_are_bounded_and_safe(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json, *last;

        (void)state;
        for (unsigned i = 0; i < EXEC_ANCESTORS_MAX; i++)
                event.ancestors[i].pid = i;
        memset(event.ancestors[7].comm, 0xff, EXEC_COMM_SIZE); /* and no NUL */
        event.n_ancestors = UINT32_MAX;
        json = encode(&event);
        assert_int_equal(json_object_array_length(get(json, "ancestors")), EXEC_ANCESTORS_MAX);
        last = json_object_array_get_idx(get(json, "ancestors"), 7);
        assert_string_equal(get_string(last, "comm_base64"), "/////////////////////w==");
        json_object_put(json);
}

static const uint8_t sha256[SHA256_SIZE] = { 0x01, 0x23, [31] = 0xef };

#define SHA256_HEX "01230000000000000000000000000000000000000000000000000000000000ef"

static void a_hash_that_is_known_is_in_exe_file(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_EXE_FILE;
        event.exe_sha256 = sha256;
        json = encode(&event);
        assert_string_equal(get_string(get(json, "exe_file"), "sha256"), SHA256_HEX);
        json_object_put(json);
}

static void file_has_its_hash_or_a_reason(void **state)
{
        struct exec_event event = make_event(EVENT_FILE);

        (void)state;
        event.facts.present = FACT_EXE_FILE | FACT_CTIME;
        event.exe = SPAN_LITERAL("/bin/x");
        event.exe_sha256 = sha256;
#define FILE_HEAD                                                                                  \
        HEAD("file")                                                                               \
        COMMON ",\"exe\":\"/bin/"                                                                  \
               "x\",\"exe_file\":{\"dev\":\"0:0\",\"ino\":0,\"mode\":\"0000\",\"uid\":0,"          \
               "\"gid\":0,\"size\":0,\"mtime\":\"1970-01-01T00:00:00.000000000Z\","                \
               "\"ctime\":\"1970-01-01T00:00:00.000000000Z\",\"nlink\":0}"
        assert_event(&event, FILE_HEAD ",\"sha256\":\"" SHA256_HEX "\"}");
        event.exe_sha256 = NULL;
        event.hash_result = HASH_OTHER_FILE;
        assert_event(&event, FILE_HEAD ",\"reason\":\"other_file\"}");
        event.hash_result = HASH_UNREADABLE;
        event.hash_error = 13;
        assert_event(&event, FILE_HEAD ",\"reason\":\"unreadable\",\"error\":\"EACCES\"}");
        for (enum hash_result r = HASH_NO_NAME; r < _HASH_RESULT_MAX; r++) {
                event.hash_result = r;
                json_object_put(encode(&event)); /* by the schema: see TEST_LINES */
        }
}

static void exe_file_without_a_date_has_no_mtime(void **state)
{
        struct exec_event event = make_event(EVENT_EXEC);
        struct json_object *json;

        (void)state;
        event.facts.present = FACT_EXE_FILE;
        event.facts.exe_file.mtime_sec = INT64_MAX;
        event.facts.exe_file.dev = UINT32_MAX;
        event.facts.exe_file.mode = UINT32_MAX;
        json = encode(&event);
        assert_false(has(get(json, "exe_file"), "mtime"));
        assert_string_equal(get_string(get(json, "exe_file"), "dev"), "4095:1048575");
        assert_string_equal(get_string(get(json, "exe_file"), "mode"), "7777");
        json_object_put(json);
}

static void time_is_boot_time_plus_offset(void **state)
{
        static const struct {
                int64_t offset;
                uint64_t boot_ns;
                const char *time;
        } cases[] = {
                { 0, 0, "1970-01-01T00:00:00.000000000Z" },
                { -1, 0, "1969-12-31T23:59:59.999999999Z" },
                { -INT64_C(1000000000), 0, "1969-12-31T23:59:59.000000000Z" },
                { INT64_MIN, 0, "1677-09-21T00:12:43.145224192Z" },
                { INT64_MAX, UINT64_MAX, "2846-10-30T23:21:50.564327422Z" },
                { -2, 1, "1969-12-31T23:59:59.999999999Z" },
        };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(EVENT_EXIT);
                struct json_object *json;
                struct line line;

                event.boot_ns = cases[i].boot_ns;
                encoder_set_clock(e, cases[i].offset);
                assert_int_equal(encode_event(e, &event, 0, &line), 0);
                json = parse_line(&line);
                assert_string_equal(get_string(json, "time"), cases[i].time);
                json_object_put(json);
        }
}

static void host_is_made_safe(void **state)
{
        static const struct {
                const char *host, *json;
        } cases[] = {
                { "", "\"host\":\"\"" },
                { "\x1b\x7f", "\"host\":\"\\u001b\\u007f\"" },
                { "a\xff", "\"host\":\"a\xef\xbf\xbd\",\"host_base64\":\"Yf8=\"" },
                { "0123456789012345678901234567890123456789012345678901234567890123456789",
                  "\"host\":\"0123456789012345678901234567890123456789012345678901234567890123\"" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(encoder_freep) struct encoder *e = make_encoder(cases[i].host);
                struct exec_event event = make_event(EVENT_EXEC_ATTEMPT);
                struct line line;
                char expected[512];

                assert_int_equal(encode_event(e, &event, 0, &line), 0);
                (void)snprintf(expected, sizeof(expected), "%s,\"boot_id\":\"%s\",%s,%s,%s}",
                               HEAD("exec_attempt"), BOOT_ID, cases[i].json, EXEC_IDS, PROCESS_ID);
                assert_line(&line, expected);
        }
}

static void process_id_takes_the_largest_numbers(void **state)
{
        struct exec_event event = make_event(EVENT_EXIT);
        struct json_object *json;

        (void)state;
        event.facts.pid = UINT32_MAX;
        event.facts.start_ns = UINT64_MAX;
        json = encode(&event);
        assert_string_equal(get_string(json, "process_id"),
                            "0123456789ab-ffffffffffffffff-ffffffff");
        json_object_put(json);
}

static void lines_do_not_depend_on_the_ones_before(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct exec_event small = make_full_event(), large = make_full_event();
        _cleanup_(freep) char *bytes = malloc(1000000);
        _cleanup_(buf_done) struct buf first = { 0 }, second = { 0 };
        struct line line;

        (void)state;
        memset(bytes, 0xff, 1000000);
        large.argv = (struct span){ bytes, 1000000 };
        assert_int_equal(encode_event(e, &small, 0, &line), 0);
        assemble(&line, 7, &first);
        assert_int_equal(encode_event(e, &large, 0, &line), 0);
        assert_int_equal(encode_event(e, &small, 0, &line), 0);
        assemble(&line, 7, &second);
        assert_string_equal(first.data, second.data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exec_has_all_facts_in_order),
                cmocka_unit_test(exec_without_facts_has_no_keys_for_them),
                cmocka_unit_test(namespaces_are_those_in_which_it_is_not_with_pid_1),
                cmocka_unit_test(exec_failed_names_its_error),
                cmocka_unit_test(exec_failed_without_retval_claims_none),
                cmocka_unit_test(exec_attempt_has_no_result),
                cmocka_unit_test(exit_tells_how_the_process_ended),
                cmocka_unit_test(exit_has_only_what_an_exit_has),
                cmocka_unit_test(argv_is_split_at_each_nul),
                cmocka_unit_test(argv_cut_by_the_kernel_is_marked),
                cmocka_unit_test(argv_with_invalid_bytes_has_all_elements_exact),
                cmocka_unit_test(fields_cut_by_the_kernel_are_named),
                cmocka_unit_test(env_shows_names_that_come_twice),
                cmocka_unit_test(env_without_value_counts_as_cut),
                cmocka_unit_test(env_with_invalid_bytes_has_all_values_exact),
                cmocka_unit_test(control_characters_leave_escaped),
                cmocka_unit_test(nul_never_appears),
                cmocka_unit_test(ancestors_are_bounded_and_safe),
                cmocka_unit_test(exe_file_without_a_date_has_no_mtime),
                cmocka_unit_test(a_hash_that_is_known_is_in_exe_file),
                cmocka_unit_test(file_has_its_hash_or_a_reason),
                cmocka_unit_test(time_is_boot_time_plus_offset),
                cmocka_unit_test(host_is_made_safe),
                cmocka_unit_test(process_id_takes_the_largest_numbers),
                cmocka_unit_test(lines_do_not_depend_on_the_ones_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
