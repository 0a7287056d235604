/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * encode_event() with a limit: every line fits, whatever is in the event; what is cut is marked;
 * and what goes first is what matters least.
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "config/config.h"
#include "encode_line.h"
#include "exec_control.h"

#define LIMIT_MIN 2560
#define BRIEF 4087

/* The longest parts of an event of the kernel: a path, and one argument (MAX_ARG_STRLEN). */
#define PATH_SIZE 4096
#define ARG_SIZE (128 * 1024)

static struct exec_event make_event(void)
{
        return (struct exec_event){
                .kind = EVENT_EXEC,
                .boot_ns = NOW_BOOT_NS,
                .facts.present = FACT_CREDS | FACT_PARENT,
                .facts.pid = 4242,
                .facts.tid = 4242,
                .comm = span_of("cc1"),
                .parent_comm = span_of("make"),
                .filename = span_of("/usr/bin/cc"),
                .exe = span_of("/usr/bin/cc"),
                .cwd = span_of("/build"),
                .tty = span_of("pts/0"),
                .cgroup = span_of("/system.slice/build.service"),
        };
}

/* The line as JSON, after the check that it fits. */
static struct json_object *encode(const struct exec_event *event, size_t limit)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct line line;

        assert_int_equal(encode_event(e, event, limit, &line), 0);
        if (limit > 0)
                assert_true(line_size_max(&line) <= limit);
        return parse_line(&line);
}

static size_t whole_size(const struct exec_event *event)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct line line;

        assert_int_equal(encode_event(e, event, 0, &line), 0);
        return line_size_max(&line);
}

/* n strings "arg-0" to "arg-<n - 1>". */
static void append_args(struct buf *b, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                buf_append_string(b, "arg-");
                buf_append_u64(b, i);
                buf_append_char(b, '\0');
        }
}

static void append_many(struct buf *b, size_t size, const char *pattern)
{
        size_t end = b->size + size;

        while (b->size + strlen(pattern) <= end)
                buf_append_string(b, pattern);
}

static struct json_object *element(struct json_object *json, const char *key, size_t i)
{
        return json_object_array_get_idx(get(json, key), i);
}

static void line_that_fits_exactly_is_whole(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct json_object *json;
        size_t size;

        (void)state;
        append_args(&argv, 300);
        event.argv = buf_span(&argv);
        size = whole_size(&event);
        assert_true(size > LIMIT_MIN);

        json = encode(&event, size);
        assert_false(has(json, "argv_truncated"));
        assert_int_equal(json_object_array_length(get(json, "argv")), 300);
        json_object_put(json);

        json = encode(&event, size - 1);
        assert_value(json, "argv_truncated", "true");
        assert_value(json, "argc", "300");
        assert_int_equal(json_object_get_uint64(get(json, "argv_bytes")), argv.size);
        json_object_put(json);
}

static void argv_loses_its_middle_and_nothing_else_is_touched(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct json_object *whole, *json;
        size_t n;

        (void)state;
        append_args(&argv, 1000);
        event.argv = buf_span(&argv);
        whole = encode(&event, 0);
        json = encode(&event, BRIEF);
        n = json_object_array_length(get(json, "argv"));

        assert_string_equal(json_object_get_string(element(json, "argv", 0)), "arg-0");
        assert_string_equal(json_object_get_string(element(json, "argv", 1)), "arg-1");
        assert_string_equal(json_object_get_string(element(json, "argv", n - 1)), "arg-999");
        assert_string_equal(json_object_get_string(element(json, "argv", n - 2)), "arg-998");
        json_object_object_foreach(whole, key, value)
        {
                if (strcmp(key, "argv") != 0)
                        assert_value(json, key,
                                     json_object_to_json_string_ext(
                                             value, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
        }
        assert_false(has(json, "truncated"));
        json_object_put(whole);
        json_object_put(json);
}

/* Another string would have fitted into more than that. */
/* A sink gets both at once. */
static void line_with_a_limit_leaves_the_whole_one_as_it_is(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        _cleanup_(buf_done) struct buf argv = { 0 }, before = { 0 }, after = { 0 };
        struct exec_event event = make_event();
        struct line whole, brief;

        (void)state;
        append_args(&argv, 1000);
        event.argv = buf_span(&argv);
        assert_int_equal(encode_event(e, &event, 0, &whole), 0);
        assemble(&whole, 1, &before);
        assert_int_equal(encode_event(e, &event, BRIEF, &brief), 0);
        assemble(&whole, 1, &after);
        assert_string_equal(after.data, before.data);
        assert_true(line_size_max(&brief) <= BRIEF);
}

static void argv_uses_the_room_there_is(void **state)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct line line;

        (void)state;
        append_args(&argv, 1000);
        event.argv = buf_span(&argv);
        for (size_t limit = LIMIT_MIN; limit < BRIEF; limit += 7) {
                assert_int_equal(encode_event(e, &event, limit, &line), 0);
                assert_true(line_size_max(&line) <= limit);
                assert_true(limit - line_size_max(&line) < sizeof("\"arg-999\",") + 1);
        }
}

static void single_huge_string_keeps_head_and_tail(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct json_object *json;
        const char *arg;

        (void)state;
        buf_append_string(&argv, "HEAD");
        append_many(&argv, ARG_SIZE, "x");
        buf_append(&argv, "TAIL", sizeof("TAIL"));
        event.argv = buf_span(&argv);
        json = encode(&event, BRIEF);
        assert_int_equal(json_object_array_length(get(json, "argv")), 1);
        arg = json_object_get_string(element(json, "argv", 0));
        assert_int_equal(strncmp(arg, "HEADxxx", 7), 0);
        assert_string_equal(arg + strlen(arg) - 7, "xxxTAIL");
        assert_non_null(strstr(arg, "x\xe2\x80\xa6x"));
        assert_true(strlen(arg) > 2000);
        assert_value(json, "argc", "1");
        json_object_put(json);
}

static void huge_string_does_not_push_out_small_ones(void **state)
{
        static const size_t places[] = { 0, 1, 2 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct exec_event event = make_event();
                _cleanup_(buf_done) struct buf argv = { 0 };
                struct json_object *json;

                for (size_t k = 0; k < 3; k++) {
                        if (k == places[i])
                                append_many(&argv, ARG_SIZE, "x");
                        else
                                buf_append_string(&argv, "sh");
                        buf_append_char(&argv, '\0');
                }
                event.argv = buf_span(&argv);
                json = encode(&event, BRIEF);
                assert_int_equal(json_object_array_length(get(json, "argv")), 3);
                for (size_t k = 0; k < 3; k++) {
                        if (k == places[i])
                                assert_true(json_object_get_string_len(element(json, "argv", k)) >
                                            2000);
                        else
                                assert_string_equal(
                                        json_object_get_string(element(json, "argv", k)), "sh");
                }
                json_object_put(json);
        }
}

static void string_that_does_not_fit_leaves_the_room_to_the_other_end(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct json_object *json;
        size_t n;

        (void)state;
        buf_append(&argv, "first", sizeof("first"));
        append_many(&argv, 5000, "x");
        buf_append_char(&argv, '\0');
        append_many(&argv, 5000, "y");
        buf_append_char(&argv, '\0');
        append_args(&argv, 600);
        event.argv = buf_span(&argv);
        json = encode(&event, BRIEF);
        n = json_object_array_length(get(json, "argv"));
        assert_in_range(n, 100, 300);
        assert_string_equal(json_object_get_string(element(json, "argv", 0)), "first");
        assert_int_equal(json_object_get_string(element(json, "argv", 1))[0], 'x');
        assert_int_equal(json_object_get_string(element(json, "argv", 2))[0], 'a');
        json_object_put(json);
}

static void argv_cut_by_the_kernel_keeps_its_counts(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct json_object *json;

        (void)state;
        append_args(&argv, 1000);
        event.argv = buf_span(&argv);
        event.cut = EXEC_CUT(FIELD_ARGV) | EXEC_CUT(FIELD_EXE);
        json = encode(&event, BRIEF);
        assert_false(has(json, "argc"));
        assert_false(has(json, "argv_bytes"));
        assert_value(json, "truncated", "[\"exe\"]");
        json_object_put(json);

        event.facts.present |= FACT_ARGC | FACT_ARGV_BYTES;
        event.facts.argc = 5000;
        event.facts.argv_bytes = 5000000;
        json = encode(&event, BRIEF);
        assert_value(json, "argc", "5000");
        assert_value(json, "argv_bytes", "5000000");
        json_object_put(json);
}

static void exact_bytes_go_before_text(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 }, cwd = { 0 };
        struct json_object *json;

        (void)state;
        append_many(&argv, 700, "y\xff");
        buf_append_char(&argv, '\0');
        append_many(&cwd, 300, "/\xff");
        event.argv = buf_span(&argv);
        event.cwd = buf_span(&cwd);
        assert_true(whole_size(&event) < BRIEF);

        json = encode(&event, whole_size(&event) - 1);
        assert_false(has(json, "argv_truncated"));
        assert_false(has(json, "argv_base64"));
        assert_true(has(json, "cwd_base64"));
        assert_value(json, "truncated", "[\"argv_base64\"]");
        json_object_put(json);

        /* with room for the text alone */
        json = encode(&event, whole_size(&event) - 1150);
        assert_false(has(json, "argv_truncated"));
        assert_value(json, "truncated", "[\"argv_base64\",\"cwd_base64\"]");
        json_object_put(json);
}

static void long_paths_are_cut_after_argv_and_named(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf argv = { 0 }, path = { 0 };
        struct json_object *json;

        (void)state;
        append_args(&argv, 1000);
        append_many(&path, 1500, "/directory");
        event.argv = buf_span(&argv);
        event.cwd = event.filename = event.exe = buf_span(&path);
        json = encode(&event, BRIEF);
        assert_value(json, "truncated", "[\"filename\",\"cwd\"]");
        assert_int_equal(json_object_get_string_len(get(json, "exe")), 1500);
        assert_true(json_object_get_string_len(get(json, "cwd")) > 200);
        assert_true(json_object_get_string_len(get(json, "filename")) > 200);
        assert_int_equal(strncmp(get_string(json, "cwd"), "/directory/", 11), 0);
        assert_string_equal(json_object_get_string(element(json, "argv", 0)), "arg-0");
        json_object_put(json);
}

static void env_shortens_values_but_keeps_names(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf env = { 0 };
        struct json_object *json, *values;

        (void)state;
        buf_append_string(&env, "LD_PRELOAD=/evil.so:");
        append_many(&env, ARG_SIZE, "x");
        buf_append(&env, "\0LD_AUDIT=a", sizeof("\0LD_AUDIT=a"));
        event.env = buf_span(&env);
        json = encode(&event, BRIEF);
        values = get(json, "env");
        assert_int_equal(strncmp(get_string(values, "LD_PRELOAD"), "/evil.so:x", 10), 0);
        assert_string_equal(get_string(values, "LD_AUDIT"), "a");
        assert_value(json, "truncated", "[\"env\"]");
        assert_false(has(json, "argv_truncated"));
        json_object_put(json);
}

static void ancestors_give_way_from_the_far_end(void **state)
{
        struct exec_event event = make_event();
        _cleanup_(buf_done) struct buf path = { 0 };
        struct json_object *json;
        size_t n;

        (void)state;
        append_many(&path, PATH_SIZE, "/directory");
        event.exe = buf_span(&path);
        event.n_ancestors = EXEC_ANCESTORS_MAX;
        for (unsigned i = 0; i < EXEC_ANCESTORS_MAX; i++) {
                event.ancestors[i].pid = 100 + i;
                memset(event.ancestors[i].comm, 0x1b, EXEC_COMM_SIZE);
        }
        json = encode(&event, BRIEF);
        n = json_object_array_length(get(json, "ancestors"));
        assert_in_range(n, 1, EXEC_ANCESTORS_MAX - 1);
        assert_value(element(json, "ancestors", 0), "pid", "100");
        assert_true(array_has(get(json, "truncated"), "ancestors"));
        json_object_put(json);
}

/* Everything that can be long is, and all fixed keys are as long as they get. */
static void make_hostile(const char *pattern, size_t arg_size, unsigned n_args, struct buf *path,
                         struct buf *argv, struct buf *env, struct exec_event *ret)
{
        static const uint8_t sha256[SHA256_SIZE];
        struct exec_event event;

        append_many(path, PATH_SIZE, pattern);
        for (unsigned i = 0; i < n_args; i++) {
                append_many(argv, arg_size, pattern);
                buf_append_char(argv, '\0');
        }
        for (unsigned i = 0; i < 4; i++) {
                append_many(env, EXEC_ENV_NAME_SIZE, pattern);
                buf_append_char(env, '=');
                append_many(env, PATH_SIZE, pattern);
                buf_append_char(env, '\0');
        }
        /* all numbers have all digits, all facts are there, all fields are cut */
        memset(&event, 0xff, sizeof(event));
        event.exe_sha256 = sha256;
        event.hash_result = HASH_OK;
        event.facts.exe_file.ctime_sec = 0;
        event.facts.exe_file.ctime_nsec = 0;
        event.kind = EVENT_EXEC_FAILED;
        event.boot_ns = NOW_BOOT_NS;
        event.facts.retval = -131; /* ENOTRECOVERABLE: no other name is longer */
        event.facts.exe_file.mtime_sec = 0;
        event.facts.exe_file.mtime_nsec = 0;
        event.filename = event.exe = event.cwd = event.cgroup = buf_span(path);
        event.comm = event.parent_comm = event.leader_comm =
                (struct span){ path->data, MIN(path->size, (size_t)EXEC_COMM_SIZE) };
        event.tty = (struct span){ path->data, MIN(path->size, (size_t)EXEC_TTY_SIZE) };
        event.user = event.euser = event.group = event.names.unit = event.names.slice =
                event.names.user_unit = event.names.container_id = buf_span(path);
        event.argv = buf_span(argv);
        event.env = buf_span(env);
        event.tags = buf_span(argv);
        event.redacted = span_head(buf_span(path), path->size & ~3u);
        for (unsigned i = 0; i < EXEC_DESCRIPTORS; i++) {
                struct span name = { path->data, MIN(path->size, (size_t)EXEC_ADDRESS_SIZE_MAX) };

                event.descriptors[i] = (struct event_descriptor){ .type = DESCRIPTOR_SOCKET,
                                                                  .ino = UINT64_MAX,
                                                                  .dev = UINT32_MAX,
                                                                  .family = AF_NETLINK,
                                                                  .local = name,
                                                                  .peer = name };
        }
        event.summary = NULL;
        event.parent_exe = buf_span(path);
        event.parent_argv = buf_span(argv);
        event.parent_filename = (struct span){ 0 };
        event.n_ancestors = EXEC_ANCESTORS_MAX;
        for (unsigned i = 0; i < EXEC_ANCESTORS_MAX; i++) {
                memcpy(event.ancestors[i].comm, path->data, EXEC_COMM_SIZE);
                event.ancestors[i].exe = buf_span(path);
        }
        *ret = event;
}

static void assert_fits_as(enum config_format format, const char *host,
                           const struct exec_event *event)
{
        const size_t least = encode_limit_min(format);
        const size_t limits[] = { least, least + 1, least + 500, BRIEF, 8192, 65536 };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder_as(format, host, NULL);

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct json_object *json;
                struct line line;

                if (limits[i] < least)
                        continue;
                assert_int_equal(encode_event(e, event, limits[i], &line), 0);
                assert_true(line_size_max(&line) <= limits[i]);
                json = parse_line(&line);
                if (format == FORMAT_NATIVE && event->kind == EVENT_EXEC_FAILED &&
                    limits[i] == BRIEF)
                        assert_true(has(json, "exe") && has(json, "cgroup") && has(json, "comm") &&
                                    has(json, "filename") && has(json, "cwd"));
                json_object_put(json);
        }
}

static void assert_fits(const char *host, const struct exec_event *event)
{
        for (enum config_format f = 0; f < _FORMAT_MAX; f++)
                assert_fits_as(f, host, event);
}

static void hostile_events_always_fit(void **state)
{
        static const char *const patterns[] = {
                "\x1b",
                "\x7f",
                "\xff",
                "x",
                "\"",
                "\\",
                "/",
                "\n",
                "\xc2\x85",
                "\xc3\xa9",
                "\xe2\x82",
                "\xe2\x82\xac",
                "\xf0\x9f\x98",
                "\xf0\x9f\x98\x80",
                "\xff\x1b",
                "x\xff\x7f",
        };
        static const struct {
                size_t size;
                unsigned n;
        } args[] = {
                { 32 * 1024, 3 }, { 1000, 50 }, { 4, 5000 }, { 0, 3000 }, { 30, 1 }, { 0, 0 }
        };
        static const struct event_summary summary = {
                .rule = "one that has a name",
                .kind = EVENT_EXEC_FAILED,
                .count = LOSS_COUNT_MAX,
        };
        char host[65] = "";

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                for (size_t k = 0; k < ELEMENTSOF(args); k++) {
                        _cleanup_(buf_done) struct buf path = { 0 }, argv = { 0 }, env = { 0 };
                        struct exec_event event;

                        make_hostile(patterns[i], args[k].size, args[k].n, &path, &argv, &env,
                                     &event);
                        memset(host, k % 2 ? '\x7f' : patterns[i][0], sizeof(host) - 1);
                        assert_fits(host, &event);
                        event.kind = EVENT_SUMMARY;
                        event.summary = &summary;
                        assert_fits(host, &event);
                        event.kind = EVENT_FILE;
                        assert_fits(host, &event);
                        event.exe_sha256 = NULL;
                        event.hash_result = HASH_UNREADABLE;
                        event.hash_error = ENOTRECOVERABLE;
                        assert_fits(host, &event);
                        event.kind = EVENT_EXIT;
                        event.comm = event.exe; /* no process has so long a name */
                        assert_fits(host, &event);
                }
        }
}

static void assert_keeps_every_limit(enum config_format format, const struct exec_event *event)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder_as(format, "box\x7f\xff", NULL);
        struct line line;
        size_t whole;

        assert_int_equal(encode_event(e, event, 0, &line), 0);
        whole = line_size_max(&line);
        for (size_t limit = encode_limit_min(format); limit <= whole + 1; limit++) {
                _cleanup_(buf_done) struct buf text = { 0 };

                assert_int_equal(encode_event(e, event, limit, &line), 0);
                assert_true(line_size_max(&line) <= limit);
                assemble(&line, UINT64_MAX, &text);
                if (limit % 16 == 0)
                        json_object_put(parse_line(&line));
        }
}

/* Step by step through all limits, where the arithmetic has its edges. */
static void every_limit_is_kept(void **state)
{
        _cleanup_(buf_done) struct buf argv = { 0 }, path = { 0 };
        struct exec_event event = make_event();

        (void)state;
        for (unsigned i = 0; i < 40; i++) {
                append_many(&argv, i * 5 % 90, i % 3 ? "o\xc2\x85" : "a\xff");
                buf_append_char(&argv, '\0');
        }
        append_many(&path, 300, "/\x1b\xe2\x82");
        event.argv = buf_span(&argv);
        event.cwd = event.exe = event.filename = buf_span(&path);
        event.env = (struct span){ "A=\xff\0B=b\0A=\x7f\0", 13 };
        event.n_ancestors = 2;
        for (enum config_format f = 0; f < _FORMAT_MAX; f++)
                assert_keeps_every_limit(f, &event);
}

static void assert_fits_backlog(const struct config *config, const struct exec_event *event)
{
        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                _cleanup_(encoder_freep) struct encoder *e = make_encoder_as(f, "box", NULL);
                struct line line;

                assert_int_equal(encode_event(e, event, 0, &line), 0);
                assert_true(line_size_max(&line) <= config_backlog_min(config, f));
        }
}

/* Or it would be lost each time: the longest paths (bpf/path.bpf.h), and the rest is variables. */
static void largest_event_fits_the_least_backlog(void **state)
{
        static const char *const patterns[] = { "\x1b", "\x7f\xff", "x" };
        const size_t path_size = PATH_SIZE + NAME_MAX + 1;
        _cleanup_(config_freep) struct config *config = NULL;

        (void)state;
        assert_int_equal(config_new(&config), 0);
        config->capture.argv_max = 4 * KIB;
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                _cleanup_(buf_done) struct buf path = { 0 }, argv = { 0 }, text = { 0 };
                struct exec_event event = make_event();

                append_many(&path, path_size - NAME_MAX, patterns[i]);
                buf_append_char(&path, '/');
                append_many(&path, NAME_MAX, patterns[i]);
                for (size_t k = 0; k < config->capture.argv_max / 2; k++)
                        buf_append(&argv, patterns[i], 2); /* one byte and NUL, or no text */
                buf_append_string(&text, "A=");
                append_many(&text, EXEC_RECORD_SIZE_MAX - 5 * path_size, patterns[i]);
                event.filename = event.exe = event.cwd = event.cgroup = event.parent_exe =
                        buf_span(&path);
                event.argv = buf_span(&argv);
                event.env = buf_span(&text);
                event.parent_argv = span_head(buf_span(&text), 8 * KIB);
                assert_fits_backlog(config, &event);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(line_that_fits_exactly_is_whole),
                cmocka_unit_test(argv_loses_its_middle_and_nothing_else_is_touched),
                cmocka_unit_test(line_with_a_limit_leaves_the_whole_one_as_it_is),
                cmocka_unit_test(argv_uses_the_room_there_is),
                cmocka_unit_test(single_huge_string_keeps_head_and_tail),
                cmocka_unit_test(huge_string_does_not_push_out_small_ones),
                cmocka_unit_test(string_that_does_not_fit_leaves_the_room_to_the_other_end),
                cmocka_unit_test(argv_cut_by_the_kernel_keeps_its_counts),
                cmocka_unit_test(exact_bytes_go_before_text),
                cmocka_unit_test(long_paths_are_cut_after_argv_and_named),
                cmocka_unit_test(env_shortens_values_but_keeps_names),
                cmocka_unit_test(ancestors_give_way_from_the_far_end),
                cmocka_unit_test(hostile_events_always_fit),
                cmocka_unit_test(every_limit_is_kept),
                cmocka_unit_test(largest_event_fits_the_least_backlog),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
