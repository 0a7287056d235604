/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The native shape, events of processes and files: config/event.schema.json. The order of the calls
 * here is the order of the keys there; a fact that is absent has no key.
 *
 * The events about the daemon itself are in native_daemon.c.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "encode/encode_context.h"
#include "encode/encode_forms.h"
#include "encode/encode_line.h"
#include "encode/encode_parts.h"
#include "encode/native.h"

#define PREFIX "{\"event\":\""

static void put_common(struct encoder *e _unused_, struct buf *b,
                       const struct encode_context *context)
{
        buf_append_char(b, ','); /* behind seq */
        json_put_string(b, "boot_id", context->boot_id);
        json_put_text(b, "host", span_of(context->host));
}

static void put_head(struct encoder *e, struct buf *head, enum event_kind kind,
                     const struct exec_event *event _unused_, uint64_t boot_ns)
{
        char time[TEXT_TIME_SIZE];

        encoder_time(e, boot_ns, time);
        buf_append_string(head, PREFIX);
        buf_append_string(head, event_kind_name(kind));
        buf_append_string(head, "\",\"time\":\"");
        buf_append_string(head, time);
        buf_append_string(head, "\",\"seq\":");
}

/* Whose process number is that of the session. */
static void put_session_leader(struct encoder *e, const struct exec_event *event)
{
        json_key(e->out, "session_leader");
        json_begin_object(e->out);
        json_put_u64(e->out, "pid", event->facts.sid);
        json_put_text(e->out, "comm", event->leader_comm);
        encoder_put_process_id(e, "process_id", event->facts.leader_start_ns, event->facts.sid);
        json_end_object(e->out);
}

void native_put_session(struct encoder *e, const struct exec_event *event)
{
        if (event_has(event, FACT_SID)) {
                json_put_u64(e->out, "sid", event->facts.sid);
                json_put_u64(e->out, "pgid", event->facts.pgid);
        }
        if (event_has(event, FACT_SESSION_LEADER))
                put_session_leader(e, event);
}

static void put_ids(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        json_put_u64(b, "pid", event->facts.pid);
        json_put_u64(b, "tid", event->facts.tid);
        if (event_has(event, FACT_PARENT))
                json_put_u64(b, "ppid", event->facts.ppid);
        native_put_session(e, event);
        if (event_has(event, FACT_CREDS)) {
                json_put_u64(b, "uid", event->facts.uid);
                json_put_u64(b, "gid", event->facts.gid);
                json_put_u64(b, "euid", event->facts.euid);
                json_put_u64(b, "egid", event->facts.egid);
                json_put_u64(b, "suid", event->facts.suid);
                json_put_u64(b, "sgid", event->facts.sgid);
        }
        encoder_put_part(e, event, PART_USER, plan);
        encoder_put_part(e, event, PART_EUSER, plan);
        encoder_put_part(e, event, PART_GROUP, plan);
        if (event_has(event, FACT_LOGINUID))
                json_put_u64(b, "loginuid", event->facts.loginuid);
        if (event_has(event, FACT_SESSION))
                json_put_u64(b, "session", event->facts.session);
}

/* What the kernel gave is the original: what it did not tell can be counted. */
static bool has_all_argv(const struct exec_event *event)
{
        return event->argv.data && !(event->cut & EXEC_CUT(FIELD_ARGV));
}

bool native_count_argv(const struct exec_event *event, uint64_t *ret)
{
        if (event_has(event, FACT_ARGC))
                *ret = event->facts.argc;
        else if (has_all_argv(event))
                *ret = strings_count(event->argv);
        else
                return false;
        return true;
}

void native_put_argv_marks(struct encoder *e, const struct exec_event *event,
                           const struct plan *plan)
{
        if (!(plan->cut & PART_BIT(PART_ARGV)))
                return;
        e->is_cut = true;
        json_put_true(e->out, "argv_truncated");
        if (event_has(event, FACT_ARGV_BYTES))
                json_put_u64(e->out, "argv_bytes", event->facts.argv_bytes);
        else if (has_all_argv(event))
                json_put_u64(e->out, "argv_bytes", event->argv.size);
}

void native_put_argv(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        uint64_t argc;

        encoder_put_part(e, event, PART_ARGV, plan);
        if (native_count_argv(event, &argc))
                json_put_u64(e->out, "argc", argc);
        native_put_argv_marks(e, event, plan);
}

static void put_hex(struct buf *b, const char *key, uint64_t value)
{
        char hex[2 + TEXT_HEX_SIZE] = "0x";

        text_hex(value, hex + 2);
        json_put_string(b, key, hex);
}

void native_put_caps(struct buf *b, const struct exec_event *event)
{
        if (!event_has(event, FACT_CAPS))
                return;
        json_key(b, "caps");
        json_begin_object(b);
        put_hex(b, "effective", event->facts.caps_effective);
        put_hex(b, "permitted", event->facts.caps_permitted);
        json_end_object(b);
}

static void put_mode(struct buf *b, const char *key, uint32_t mode)
{
        char octal[sizeof("7777")] = { 0 };

        for (int i = 0; i < 4; i++)
                octal[i] = (char)('0' + (mode >> (9 - 3 * i) & 7));
        json_put_string(b, key, octal);
}

/* A file's owner can set times that no calendar has. */
static void put_file_time(struct buf *b, const char *key, int64_t sec, uint32_t nsec)
{
        char time[TEXT_TIME_SIZE];

        if (text_time(sec, nsec, time))
                json_put_string(b, key, time);
}

void native_put_sha256(struct buf *b, const char *key, const uint8_t sha256[static SHA256_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        char hex[2 * SHA256_SIZE + 1] = { 0 };

        for (size_t i = 0; i < SHA256_SIZE; i++) {
                hex[2 * i] = digits[sha256[i] >> 4];
                hex[2 * i + 1] = digits[sha256[i] & 0xf];
        }
        json_put_string(b, key, hex);
}

void native_put_exe_file(struct encoder *e, const struct exec_event *event, bool with_sha256)
{
        struct buf *b = e->out;
        const struct exec_file *file = &event->facts.exe_file;

        json_key(b, "exe_file");
        json_begin_object(b);
        encoder_put_dev(e, "dev", file->dev);
        json_put_u64(b, "ino", file->ino);
        put_mode(b, "mode", file->mode);
        json_put_u64(b, "uid", file->uid);
        json_put_u64(b, "gid", file->gid);
        json_put_u64(b, "size", file->size);
        put_file_time(b, "mtime", file->mtime_sec, file->mtime_nsec);
        if (event_has(event, FACT_CTIME))
                put_file_time(b, "ctime", file->ctime_sec, file->ctime_nsec);
        json_put_u64(b, "nlink", file->nlink);
        if (event->exe_sha256 && with_sha256)
                native_put_sha256(b, "sha256", event->exe_sha256);
        json_end_object(b);
}

void native_put_flags(struct buf *b, uint32_t traits)
{
        const char *name;
        bool any = false;

        for (unsigned bit = 0; (name = event_trait_name(bit)); bit++) {
                if (!(traits >> bit & 1))
                        continue;
                if (!any) {
                        json_key(b, "flags");
                        json_begin_array(b);
                        any = true;
                }
                json_string(b, name);
        }
        if (any)
                json_end_array(b);
}

void native_error(uint32_t error, char ret[static NATIVE_ERROR_SIZE])
{
        const char *name;

        /* the kernel has errors of its own, from 512 on, that glibc cannot name */
        name = error <= INT32_MAX ? strerrorname_np((int)error) : NULL;
        if (name)
                (void)snprintf(ret, NATIVE_ERROR_SIZE, "%s", name);
        else
                (void)snprintf(ret, NATIVE_ERROR_SIZE, "%u", error);
}

static void put_errno(struct buf *b, uint32_t error)
{
        char text[NATIVE_ERROR_SIZE];

        native_error(error, text);
        json_put_string(b, "error", text);
}

static void put_error(struct buf *b, const struct exec_event *event)
{
        if (!event_has(event, FACT_RETVAL))
                return;
        json_put_i64(b, "retval", event->facts.retval);
        if (event->facts.retval < 0)
                put_errno(b, -(uint32_t)event->facts.retval);
}

static void put_result(struct buf *b, const struct exec_event *event)
{
        if (event->kind == EVENT_EXEC)
                json_put_i64(b, "retval", 0);
        else if (event->kind == EVENT_EXEC_FAILED)
                put_error(b, event);
        else if (event->kind == EVENT_PROCESS)
                json_put_string(b, "source", "snapshot");
}

static void put_parent(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        encoder_put_part(e, event, PART_PARENT_COMM, plan);
        if (event_has(event, FACT_PARENT_UID))
                json_put_u64(e->out, "parent_uid", event->facts.parent_uid);
        encoder_put_part(e, event, PART_PARENT_EXE, plan);
        encoder_put_part(e, event, PART_PARENT_ARGV, plan);
}

void native_put_exec_id(struct encoder *e, const struct exec_event *event)
{
        const struct exec_facts *f = &event->facts;

        if ((event->kind == EVENT_EXEC || event->kind == EVENT_PROCESS) &&
            event_has(event, FACT_EXEC_COUNT) && !event_has(event, FACT_FORKED))
                encoder_put_exec_id(e, "exec_id", f->start_ns, f->pid, f->exec_count);
}

void native_put_parent_exec_id(struct encoder *e, const struct exec_event *event)
{
        const struct exec_facts *f = &event->facts;

        if (event_has(event, FACT_PARENT_EXEC))
                encoder_put_exec_id(e, "parent_exec_id", f->parent_exec_start_ns,
                                    f->parent_exec_pid, f->parent_exec_count);
}

/* The names of process and exec, its own and its parent's, and the chain of parents. */
static void put_relations(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan)
{
        const struct exec_facts *f = &event->facts;

        encoder_put_process_id(e, "process_id", f->start_ns, f->pid);
        native_put_exec_id(e, event);
        if (event_has(event, FACT_PARENT))
                encoder_put_process_id(e, "parent_process_id", f->parent_start_ns, f->ppid);
        native_put_parent_exec_id(e, event);
        encoder_put_part(e, event, PART_ANCESTORS, plan);
}

static void put_exec(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        put_ids(e, event, plan);
        encoder_put_part(e, event, PART_COMM, plan);
        put_parent(e, event, plan);
        encoder_put_part(e, event, PART_FILENAME, plan);
        encoder_put_part(e, event, PART_EXE, plan);
        native_put_argv(e, event, plan);
        encoder_put_part(e, event, PART_CWD, plan);
        encoder_put_part(e, event, PART_TTY, plan);
        encoder_put_part(e, event, PART_STDIN, plan);
        encoder_put_part(e, event, PART_STDOUT, plan);
        encoder_put_part(e, event, PART_STDERR, plan);
        if (event_is_interactive(event))
                json_put_true(b, "interactive");
        encoder_put_part(e, event, PART_CGROUP, plan);
        encoder_put_part(e, event, PART_UNIT, plan);
        encoder_put_part(e, event, PART_SLICE, plan);
        encoder_put_part(e, event, PART_USER_UNIT, plan);
        encoder_put_part(e, event, PART_CONTAINER_ID, plan);
        if (event_has(event, FACT_NS_PID))
                json_put_u64(b, "ns_pid", event->facts.ns_pid);
        if (event_has(event, FACT_NAMESPACES))
                native_put_namespaces(b, event->facts.namespaces, e->namespaces);
        native_put_caps(b, event);
        if (event_has(event, FACT_EXE_FILE))
                native_put_exe_file(e, event, true);
        native_put_flags(b, event->facts.traits);
        encoder_put_part(e, event, PART_ENV, plan);
        put_relations(e, event, plan);
        put_result(b, event);
        encoder_put_part(e, event, PART_TAGS, plan);
        encoder_put_part(e, event, PART_REDACTED, plan);
        encoder_put_truncated(e, "truncated"); /* behind all parts: it has their names */
}

void native_put_signal(struct buf *b, int status)
{
        char name[sizeof("SIG") + 16];
        const char *abbreviation;

        if (!WIFSIGNALED(status))
                return;
        json_put_i64(b, "signal", WTERMSIG(status));
        abbreviation = sigabbrev_np(WTERMSIG(status));
        if (abbreviation) { /* real-time signals have none */
                (void)snprintf(name, sizeof(name), "SIG%s", abbreviation);
                json_put_string(b, "signal_name", name);
        }
        if (WCOREDUMP(status))
                json_put_true(b, "core_dumped");
}

/* How a process ended, as from wait(2). */
static void put_status(struct buf *b, int status)
{
        if (WIFEXITED(status))
                json_put_i64(b, "exit_code", WEXITSTATUS(status));
        native_put_signal(b, status);
}

static void put_exit(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        json_put_u64(b, "pid", event->facts.pid);
        json_put_u64(b, "uid", event->facts.uid); /* every exit record has it */
        encoder_put_part(e, event, PART_COMM, plan);
        encoder_put_process_id(e, "process_id", event->facts.start_ns, event->facts.pid);
        put_status(b, (int)event->status);
        json_put_u64(b, "duration_ns", event->duration_ns);
        encoder_put_part(e, event, PART_TAGS, plan);
        encoder_put_truncated(e, "truncated");
}

/* The facts that the events have in common: see policy/group.h. */
static void put_summary_facts(struct encoder *e, const struct exec_event *event,
                              const struct plan *plan)
{
        static const enum part parts[] = { PART_PARENT_EXE, PART_FILENAME, PART_EXE };
        static const enum part places[] = { PART_CWD, PART_UNIT, PART_SLICE, PART_USER_UNIT,
                                            PART_CONTAINER_ID };
        struct buf *b = e->out;

        if (event_has(event, FACT_CREDS)) {
                json_put_u64(b, "uid", event->facts.uid);
                json_put_u64(b, "gid", event->facts.gid);
                json_put_u64(b, "euid", event->facts.euid);
        }
        encoder_put_part(e, event, PART_USER, plan);
        if (event_has(event, FACT_LOGINUID))
                json_put_u64(b, "loginuid", event->facts.loginuid);
        encoder_put_part(e, event, PART_COMM, plan);
        encoder_put_part(e, event, PART_PARENT_COMM, plan);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                encoder_put_part(e, event, parts[i], plan);
        if (event->argv.data)
                native_put_argv(e, event, plan);
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                encoder_put_part(e, event, places[i], plan);
        if (event_has(event, FACT_EXE_FILE))
                native_put_exe_file(e, event, true);
        native_put_flags(b, event->facts.traits);
        encoder_put_part(e, event, PART_ENV, plan);
}

static void put_summary(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const struct event_summary *s = event->summary;
        struct buf *b = e->out;

        json_put_string(b, "of", event_kind_name(s->kind));
        json_put_u64(b, "count", s->count);
        if (s->rule)
                json_put_text(b, "rule", span_of(s->rule));
        encoder_put_time(e, "from", s->from_ns);
        encoder_put_time(e, "to", s->to_ns);
        put_summary_facts(e, event, plan);
        if (s->kind == EVENT_EXIT)
                put_status(b, (int)event->status);
        if (s->kind == EVENT_EXEC_FAILED)
                put_error(b, event);
        encoder_put_part(e, event, PART_REDACTED, plan);
        encoder_put_truncated(e, "truncated");
}

/* What the file of an exec has in it, or why nobody knows. */
static void put_file(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        encoder_put_part(e, event, PART_EXE, plan);
        native_put_exe_file(e, event, false); /* here the hash is a key of its own */
        if (event->exe_sha256)
                native_put_sha256(b, "sha256", event->exe_sha256);
        else
                json_put_string(b, "reason", hash_result_name(event->hash_result));
        if (event->hash_result == HASH_UNREADABLE)
                put_errno(b, event->hash_error);
        encoder_put_truncated(e, "truncated");
}

void native_put_event(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        switch (event->kind) {
        case EVENT_EXIT:
                put_exit(e, event, plan);
                break;
        case EVENT_SUMMARY:
                put_summary(e, event, plan);
                break;
        case EVENT_FILE:
                put_file(e, event, plan);
                break;
        default:
                put_exec(e, event, plan);
                break;
        }
}

const struct shape_part native_parts[_PART_MAX] = {
        [PART_COMM] = { PART_NATIVE("comm", form_text) },
        [PART_USER] = { PART_NATIVE("user", form_text) },
        [PART_EUSER] = { PART_NATIVE("euser", form_text) },
        [PART_GROUP] = { PART_NATIVE("group", form_text) },
        [PART_UNIT] = { PART_NATIVE("unit", form_text) },
        [PART_CONTAINER_ID] = { PART_NATIVE("container_id", form_text) },
        [PART_PARENT_COMM] = { PART_NATIVE("parent_comm", form_text) },
        [PART_TTY] = { PART_NATIVE("tty", form_text) },
        [PART_CGROUP] = { PART_NATIVE("cgroup", form_text) },
        [PART_EXE] = { PART_NATIVE("exe", form_text) },
        [PART_FILENAME] = { PART_NATIVE("filename", form_text) },
        [PART_CWD] = { PART_NATIVE("cwd", form_text) },
        [PART_PARENT_EXE] = { PART_NATIVE("parent_exe", form_text) },
        [PART_USER_UNIT] = { PART_NATIVE("user_unit", form_text) },
        [PART_SLICE] = { PART_NATIVE("slice", form_text) },
        [PART_STDIN] = { .key = "stdin", .form = &form_descriptor },
        [PART_STDOUT] = { .key = "stdout", .form = &form_descriptor },
        [PART_STDERR] = { .key = "stderr", .form = &form_descriptor },
        [PART_TAGS] = { .key = "tags", .form = &form_words },
        [PART_REDACTED] = { .key = "redacted", .form = &form_numbers },
        [PART_ANCESTORS] = { .key = "ancestors", .form = &form_ancestors },
        [PART_ENV] = { PART_NATIVE("env", form_variables) },
        [PART_ARGV] = { PART_NATIVE("argv", form_strings), .has_own_mark = true },
        [PART_PARENT_ARGV] = { PART_NATIVE("parent_argv", form_strings) },
};

const struct shape shape_native = {
        .prefix = PREFIX,
        .limit_min = 2560, /* 2.3 KiB are of fixed size */
        .parts = native_parts,
        .own_parts = native_parts,
        .put_common = put_common,
        .put_head = put_head,
        .put_exec = put_exec,
        .put_exit = put_exit,
};
