/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as a record: refused, or accepted, and then each line made of it is what another writer
 * of JSON would make of the same values (canonical_json.h), and says what the record says; the
 * whole line, and those with a limit, which keep to it.
 *
 * Bytes are tried as they are, and once more put right (record_input.h). What a string has to look
 * like is computed with text.h, which has its own tests; how fields are found in a record is
 * computed here once more.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "../unit/canonical_json.h"
#include "base/text.h"
#include "encode/describe.h"
#include "encode/encode.h"
#include "event/decode.h"
#include "record_input.h"

#define BOOT_ID "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record and its fields, found without the decoder. */
struct raw {
        struct exec_record record;
        struct span fields[_FIELD_MAX];
};

static struct json_object *get(struct json_object *json, const char *key)
{
        struct json_object *value = NULL;

        (void)json_object_object_get_ex(json, key, &value);
        return value;
}

static struct json_object *parse_line(const struct line *line)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct json_object *json;

        buf_append_span(&text, line->head);
        buf_append_u64(&text, UINT64_MAX);
        buf_append_span(&text, line->tail);
        assert(buf_error(&text) == 0);
        json = canonical_parse(buf_span(&text));
        assert(json);
        return json;
}

static void assert_u64(struct json_object *json, const char *key, bool is_there, uint64_t value)
{
        struct json_object *number = get(json, key);

        assert(!number == !is_there);
        if (!is_there)
                return;
        assert(json_object_is_type(number, json_type_int));
        assert(json_object_get_uint64(number) == value);
}

static bool equals(struct json_object *string, struct span expected)
{
        return json_object_is_type(string, json_type_string) &&
               (size_t)json_object_get_string_len(string) == expected.size &&
               memcmp(json_object_get_string(string), expected.data, expected.size) == 0;
}

/* True if the string shows these bytes, and, where they are not text, the other one exactly. */
static bool shows(struct json_object *string, struct json_object *base64, struct span bytes)
{
        _cleanup_(buf_done) struct buf text = { 0 }, exact = { 0 };

        /* never NULL, for memcmp() */
        (void)buf_reserve(&text, 1);
        (void)buf_reserve(&exact, 1);
        text_repair(bytes, &text);
        text_base64(bytes, &exact);
        return equals(string, buf_span(&text)) && (!base64 || equals(base64, buf_span(&exact)));
}

/* A string, or nothing if data is NULL. */
static void assert_text(struct json_object *json, const char *key, struct span bytes)
{
        struct json_object *string = get(json, key), *base64;
        char key_base64[64];

        (void)snprintf(key_base64, sizeof(key_base64), "%s_base64", key);
        base64 = get(json, key_base64);
        assert(!string == !bytes.data);
        if (!string) {
                assert(!base64);
                return;
        }
        assert(!base64 == text_is_valid(bytes));
        assert(shows(string, base64, bytes));
}

static bool next_string(struct span *rest, struct span *ret)
{
        const char *nul;

        if (rest->size == 0)
                return false;
        nul = memchr(rest->data, '\0', rest->size);
        ret->data = rest->data;
        ret->size = nul ? (size_t)(nul - rest->data) : rest->size;
        rest->data += ret->size + (nul != NULL);
        rest->size -= ret->size + (nul != NULL);
        return true;
}

static void assert_argv(struct json_object *json, const struct raw *raw)
{
        struct json_object *argv = get(json, "argv"), *base64 = get(json, "argv_base64");
        struct span rest = raw->fields[FIELD_ARGV], s;
        bool is_cut = raw->record.cut & EXEC_CUT(FIELD_ARGV), is_there = rest.size > 0 || !is_cut;
        size_t n = 0;

        if (exec_record_is_process(&raw->record.head) && !is_there) {
                assert(!argv && !get(json, "argv_truncated"));
                return;
        }
        assert(!argv == !is_there);
        while (next_string(&rest, &s)) {
                assert(shows(json_object_array_get_idx(argv, n),
                             base64 ? json_object_array_get_idx(base64, n) : NULL, s));
                assert(base64 || text_is_valid(s));
                n++;
        }
        assert(!argv || json_object_array_length(argv) == n);
        assert(!base64 || json_object_array_length(base64) == n);
        assert(!get(json, "argv_truncated") == !is_cut);
        if (raw->record.facts.present & FACT_ARGC)
                n = raw->record.facts.argc;
        else if (is_cut)
                assert(!get(json, "argc"));
        if ((raw->record.facts.present & FACT_ARGC) || !is_cut)
                assert_u64(json, "argc", true, n);
}

/* Components from the last one on. */
static void assert_path(struct json_object *json, const char *key, struct span field, bool cut)
{
        _cleanup_(buf_done) struct buf path = { 0 };
        const char *starts[EXEC_RECORD_SIZE_MAX];
        struct span rest = field, s;
        size_t n = 0;

        while (next_string(&rest, &s))
                starts[n++] = s.data;
        (void)buf_reserve(&path, 1);
        if (n == 0 && !cut)
                buf_append_char(&path, '/');
        while (n-- > 0) {
                if (!cut || path.size > 0)
                        buf_append_char(&path, '/');
                buf_append_string(&path, starts[n]);
        }
        assert_text(json, key, cut && field.size == 0 ? (struct span){ 0 } : buf_span(&path));
}

/* The first one of each name under its name; later ones elsewhere, but there. */
static void assert_env(struct json_object *json, const struct raw *raw)
{
        struct json_object *env = get(json, "env"), *base64 = get(json, "env_base64"), *value;
        struct span rest = raw->fields[FIELD_ENV], s;
        size_t n = 0, position = 0;

        assert(!env == (rest.size == 0));
        while (next_string(&rest, &s)) {
                const char *equal = memchr(s.data, '=', s.size);
                _cleanup_(buf_done) struct buf name = { 0 };
                struct span text;

                position++;
                if (!equal)
                        continue;
                n++;
                text = (struct span){ equal + 1, s.size - (size_t)(equal + 1 - s.data) };
                text_repair((struct span){ s.data, (size_t)(equal - s.data) }, &name);
                buf_append_char(&name, '\0');
                value = get(env, name.data);
                assert(value);
                if (shows(value, base64 ? get(base64, name.data) : NULL, text))
                        continue;
                name.size--;
                buf_printf(&name, "=%zu", position);
                buf_append_char(&name, '\0');
                assert(shows(get(env, name.data), base64 ? get(base64, name.data) : NULL, text));
        }
        assert(!env || (size_t)json_object_object_length(env) == n);
}

static struct span fixed(const char *s, size_t size, bool is_there)
{
        return is_there ? (struct span){ s, strnlen(s, size) } : (struct span){ 0 };
}

static void assert_ids(struct json_object *json, const struct exec_record *r)
{
        bool has_creds = r->facts.present & FACT_CREDS;

        assert_u64(json, "pid", true, r->facts.pid);
        assert_u64(json, "tid", true, r->facts.tid);
        assert_u64(json, "ppid", r->facts.present & FACT_PARENT, r->facts.ppid);
        assert_u64(json, "uid", has_creds, r->facts.uid);
        assert_u64(json, "gid", has_creds, r->facts.gid);
        assert_u64(json, "euid", has_creds, r->facts.euid);
        assert_u64(json, "egid", has_creds, r->facts.egid);
        assert_u64(json, "suid", has_creds, r->facts.suid);
        assert_u64(json, "sgid", has_creds, r->facts.sgid);
        assert_u64(json, "loginuid", r->facts.present & FACT_LOGINUID, r->facts.loginuid);
        assert_u64(json, "session", r->facts.present & FACT_SESSION, r->facts.session);
        assert_u64(json, "ns_pid", r->facts.present & FACT_NS_PID, r->facts.ns_pid);
        assert(!get(json, "caps") == !(r->facts.present & FACT_CAPS));
        assert(!get(json, "parent_process_id") == !(r->facts.present & FACT_PARENT));
        assert(!get(json, "parent_exec_id") == !(r->facts.present & FACT_PARENT_EXEC));
        assert_u64(json, "parent_uid", r->facts.present & FACT_PARENT_UID, r->facts.parent_uid);
        assert(!get(json, "exec_id") ==
               !((r->head.kind == RECORD_EXEC || exec_record_is_process(&r->head)) &&
                 !(r->facts.present & FACT_FORKED) && (r->facts.present & FACT_EXEC_COUNT)));
}

static void assert_session_leader(struct json_object *json, const struct exec_record *r)
{
        struct json_object *leader = get(json, "session_leader");

        assert(!leader == !(r->facts.present & FACT_SESSION_LEADER));
        if (!leader)
                return;
        assert_u64(leader, "pid", true, r->facts.sid);
        assert_text(leader, "comm", fixed(r->leader_comm, sizeof(r->leader_comm), true));
        assert(get(leader, "process_id"));
}

static void assert_file(struct json_object *json, const struct exec_record *r)
{
        struct json_object *file = get(json, "exe_file");

        assert(!file == !(r->facts.present & FACT_EXE_FILE));
        if (!file)
                return;
        assert_u64(file, "ino", true, r->facts.exe_file.ino);
        assert_u64(file, "uid", true, r->facts.exe_file.uid);
        assert_u64(file, "gid", true, r->facts.exe_file.gid);
        assert_u64(file, "size", true, r->facts.exe_file.size);
        assert_u64(file, "nlink", true, r->facts.exe_file.nlink);
}

static void assert_result(struct json_object *json, const struct exec_record *r)
{
        struct json_object *retval = get(json, "retval");
        bool is_failed = r->head.kind == RECORD_EXEC_FAILED && (r->facts.present & FACT_RETVAL);

        assert(!retval == !(is_failed || r->head.kind == RECORD_EXEC));
        if (retval)
                assert(json_object_get_int64(retval) == (is_failed ? r->facts.retval : 0));
        assert(!get(json, "error") == !(is_failed && r->facts.retval < 0));
}

static struct span terminal(const struct exec_record *r, char buf[static EXEC_TTY_SIZE + 1])
{
        struct span name = fixed(r->tty, sizeof(r->tty), r->facts.present & FACT_TTY);

        if (!name.data || name.size < 4 || strncmp(name.data, "pts", 3) != 0)
                return name;
        memcpy(buf + 1, name.data, name.size);
        memcpy(buf, "pts/", 4);
        for (size_t i = 4; i <= name.size; i++)
                if (!strchr("0123456789", buf[i]))
                        return name;
        return (struct span){ buf, name.size + 1 };
}

static void assert_exec(struct json_object *json, const struct raw *raw)
{
        const struct exec_record *r = &raw->record;
        const struct span *fields = raw->fields;
        struct span filename = fields[FIELD_FILENAME];
        struct json_object *ancestors = get(json, "ancestors");
        char tty[EXEC_TTY_SIZE + 1];

        if (filename.size == 0 && (r->cut & EXEC_CUT(FIELD_FILENAME)))
                filename.data = NULL;
        assert_ids(json, r);
        assert_session_leader(json, r);
        assert_text(json, "comm", fixed(r->comm, sizeof(r->comm), true));
        assert_text(json, "parent_comm",
                    fixed(r->parent_comm, sizeof(r->parent_comm), r->facts.present & FACT_PARENT));
        assert_text(json, "tty", terminal(r, tty));
        assert_text(json, "filename", filename);
        if (r->facts.present & FACT_EXE_FILE)
                assert_path(json, "exe", fields[FIELD_EXE], r->cut & EXEC_CUT(FIELD_EXE));
        if (r->facts.present & FACT_PARENT_EXE)
                assert_path(json, "parent_exe", fields[FIELD_PARENT_EXE],
                            r->cut & EXEC_CUT(FIELD_PARENT_EXE));
        else
                assert(!get(json, "parent_exe"));
        assert_path(json, "cwd", fields[FIELD_CWD], r->cut & EXEC_CUT(FIELD_CWD));
        assert_path(json, "cgroup", fields[FIELD_CGROUP], r->cut & EXEC_CUT(FIELD_CGROUP));
        assert_argv(json, raw);
        assert_env(json, raw);
        assert_file(json, r);
        assert_result(json, r);
        assert((ancestors ? json_object_array_length(ancestors) : 0) ==
               fields[FIELD_ANCESTORS].size / sizeof(struct exec_ancestor));
}

static void assert_exit(struct json_object *json, const struct exec_exit_record *r)
{
        assert_u64(json, "pid", true, r->pid);
        assert_u64(json, "uid", true, r->uid);
        assert_text(json, "comm", fixed(r->comm, sizeof(r->comm), true));
        assert_u64(json, "duration_ns", true, r->head.boot_ns - r->exec_ns);
}

/* The record was accepted, so its lengths are right. */
static struct raw take_apart(const char *data)
{
        const char *p = data + sizeof(struct exec_record);
        struct raw raw;

        memcpy(&raw.record, data, sizeof(raw.record));
        for (unsigned f = 0; f < _FIELD_MAX; f++) {
                raw.fields[f] = (struct span){ p, raw.record.len[f] };
                p += raw.record.len[f];
        }
        return raw;
}

/* A process has never had some of it, and of the rest what has been found to be sense. */
static void take_from_process(struct raw *raw, const struct exec_event *event)
{
        struct exec_record *r = &raw->record;

        raw->fields[FIELD_FILENAME].size = raw->fields[FIELD_ENV].size = 0;
        r->cut |= EXEC_CUT(FIELD_FILENAME);
        r->facts.present = event->facts.present;
        if (!event->argv.data)
                return;
        raw->fields[FIELD_ARGV] = event->argv;
        r->cut = (r->cut & ~EXEC_CUT(FIELD_ARGV)) | (event->cut & EXEC_CUT(FIELD_ARGV));
}

static void check_whole(struct encoder *e, const struct exec_event *event, const char *data)
{
        struct exec_exit_record exit;
        struct json_object *json;
        struct line line;
        struct raw raw;
        int r;

        r = encode_event(e, event, 0, &line);
        assert(r == 0);
        json = parse_line(&line);
        assert(equals(get(json, "event"), (struct span){ event_kind_name(event->kind),
                                                         strlen(event_kind_name(event->kind)) }));
        assert_u64(json, "seq", true, UINT64_MAX);
        if (event->kind == EVENT_EXIT) {
                memcpy(&exit, data, sizeof(exit));
                assert_exit(json, &exit);
        } else {
                raw = take_apart(data);
                if (event->kind == EVENT_PROCESS)
                        take_from_process(&raw, event);
                assert_exec(json, &raw);
        }
        json_object_put(json);
}

static void check_limit(struct encoder *e, const struct exec_event *event, size_t limit)
{
        struct json_object *json;
        struct line line;
        int r;

        r = encode_event(e, event, limit, &line);
        assert(r == 0);
        assert(line.head.size + LINE_SEQ_DIGITS_MAX + line.tail.size <= limit);
        json = parse_line(&line);
        assert_u64(json, "pid", true, event->facts.pid);
        assert(get(json, "process_id"));
        json_object_put(json);
}

/* A message of the journal: shown as it is, and whole. */
static void check_description(const struct exec_event *event)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        describe_event(event, &b);
        assert(buf_error(&b) == 0);
        assert(b.size > 0 && b.size <= DESCRIPTION_SIZE_MAX);
        assert(text_is_valid(buf_span(&b)));
        for (size_t i = 0; i < b.size; i++) {
                assert((uint8_t)b.data[i] >= ' ' && b.data[i] != 0x7f);
                assert((uint8_t)b.data[i] != 0xc2 || (uint8_t)b.data[i + 1] >= 0xa0);
        }
}

static void try_record(const char *data, size_t size)
{
        const struct encode_context context = { .boot_id = BOOT_ID, .host = "box" };
        _cleanup_(decoder_freep) struct decoder *d = NULL;
        _cleanup_(encoder_freep) struct encoder *e = NULL;
        struct exec_record_head head;
        struct exec_event event;
        struct span argv;
        int r;

        r = decoder_new(&d);
        assert(r == 0);
        if (decode_chunk(data, size, &head, &argv) == DECODE_OK)
                assert(argv.data + argv.size <= data + size);
        if (decode_record(d, data, size, &event) != DECODE_OK)
                return;
        r = encoder_new(&context, &e);
        assert(r == 0);
        check_whole(e, &event, data);
        check_limit(e, &event, 4087);
        check_limit(e, &event, 2560);
        check_description(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *copy = malloc(size); /* so that ASan sees reads beyond its end */

        assert(copy);
        memcpy(copy, data, size);
        try_record(copy, size);
        if (!record_input_has_size(size))
                return 0;
        record_input_put_right(copy, size);
        try_record(copy, size);
        return 0;
}
