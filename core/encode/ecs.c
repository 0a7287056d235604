/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The shape of the Elastic Common Schema: execsnoopd-shapes(7) has the table of what is where. Its
 * field sets have the facts that they have a field for; all others are under `execsnoopd`, with
 * their native keys. So are the exact bytes of what is no text, and the names of what is cut, which
 * are those of the native keys, too.
 *
 * Its categories know of processes that start and end, and nothing of a log. So of events of the
 * kernel the category is `process`, and everything else is about the host, is told from them by
 * that, and has all its facts as they are natively.
 */
#include <sys/wait.h>

#include "encode/encode_context.h"
#include "encode/encode_forms.h"
#include "encode/encode_line.h"
#include "encode/encode_parts.h"
#include "encode/native.h"

/* The first with all the fields that we use. */
#define ECS_VERSION "9.0.0"

#define PREFIX "{\"@timestamp\":\""
#define CODE "\",\"event\":{\"code\":\""

#define PROCESS_EVENT(action, type)                                                                \
        "\",\"action\":\"" action "\",\"kind\":\"event\",\"category\":[\"process\"],"              \
        "\"type\":[\"" type "\"]"
#define HOST_EVENT(action, kind)                                                                   \
        "\",\"action\":\"" action "\",\"kind\":\"" kind "\",\"category\":[\"host\"],"              \
        "\"type\":[\"info\"]"
#define OUTCOME(outcome) ",\"outcome\":\"" outcome "\""

/* What the kind alone says, behind its name. */
static const char *const kinds[_EVENT_KIND_MAX] = {
        [EVENT_START] = HOST_EVENT("start", "state"),
        [EVENT_EXEC] = PROCESS_EVENT("exec", "start") OUTCOME("success"),
        [EVENT_EXEC_FAILED] = PROCESS_EVENT("exec", "start") OUTCOME("failure"),
        [EVENT_EXEC_ATTEMPT] = PROCESS_EVENT("exec_attempt", "info") OUTCOME("unknown"),
        [EVENT_EXIT] = PROCESS_EVENT("end", "end"),
        [EVENT_PROCESS] = HOST_EVENT("process", "state"),
        [EVENT_SUMMARY] = HOST_EVENT("summary", "metric"),
        [EVENT_FILE] = HOST_EVENT("file", "state"),
        [EVENT_LOST] = HOST_EVENT("lost", "metric"),
        [EVENT_STATS] = HOST_EVENT("stats", "metric"),
        [EVENT_STOP] = HOST_EVENT("stop", "metric"),
};

/* What is behind the numbers and before that of the line. */
#define ORIGIN                                                                                     \
        ",\"module\":\"execsnoopd\",\"dataset\":\"execsnoopd.events\","                            \
        "\"provider\":\"execsnoopd\",\"sequence\":"

static void put_head(struct encoder *e, struct buf *head, enum event_kind kind,
                     const struct exec_event *event, uint64_t boot_ns)
{
        char time[TEXT_TIME_SIZE], error[NATIVE_ERROR_SIZE];

        encoder_time(e, boot_ns, time);
        buf_append_string(head, PREFIX);
        buf_append_string(head, time);
        buf_append_string(head, CODE);
        buf_append_string(head, event_kind_name(kind));
        buf_append_string(head, kinds[kind]);
        if (kind == EVENT_EXEC_FAILED && event_has(event, FACT_RETVAL) && event->facts.retval < 0) {
                native_error(-(uint32_t)event->facts.retval, error);
                json_put_string(head, "reason", error);
        }
        if (kind == EVENT_EXIT)
                json_put_u64(head, "duration", MIN(event->duration_ns, (uint64_t)INT64_MAX));
        buf_append_string(head, ORIGIN);
}

/* The host, to which an event may add something. */
static void put_common(struct encoder *e, struct buf *b, const struct encode_context *context)
{
        const struct span host = span_of(context->host);
        bool exact;

        json_end_object(b); /* of `event`, behind seq */
        json_key(b, "ecs");
        json_begin_object(b);
        json_put_string(b, "version", ECS_VERSION);
        json_end_object(b);
        json_key(b, "host");
        json_begin_object(b);
        json_key(b, "hostname");
        exact = json_text(b, host);
        json_key(b, "name");
        (void)json_text(b, host);
        if (context->machine_id && context->machine_id[0] != '\0')
                json_put_string(b, "id", context->machine_id);
        json_key(b, "boot");
        json_begin_object(b);
        json_put_string(b, "id", context->boot_id);
        json_end_object(b);
        json_key(b, "os");
        json_begin_object(b);
        json_put_string(b, "type", "linux");
        json_end_object(b);
        if (exact)
                return;
        json_key(&e->apart, "host_base64");
        json_base64(&e->apart, host);
}

/* The end of the host, which knows of PID namespaces. */
static void put_next(struct encoder *e, enum event_kind kind, const struct exec_event *event,
                     uint64_t boot_ns _unused_)
{
        const uint32_t usual = e->namespaces[NAMESPACE_PID];
        uint32_t pid_ns = 0;

        if (event_kind_is_kernel(kind) && kind != EVENT_EXIT && event_has(event, FACT_NAMESPACES))
                pid_ns = event->facts.namespaces[NAMESPACE_PID];
        if (pid_ns != 0 && pid_ns != usual)
                json_put_id(e->out, "pid_ns_ino", pid_ns);
        json_end_object(e->out);
}

/* Which process it is about: so it is found with the events that say whose parent it is. */
static void put_known_process(struct encoder *e, const struct exec_event *event)
{
        json_key(e->out, "process");
        json_begin_object(e->out);
        json_put_u64(e->out, "pid", event->facts.pid);
        encoder_put_process_id(e, "entity_id", event->facts.start_ns, event->facts.pid);
        json_end_object(e->out);
}

static void begin_own(struct encoder *e, const struct exec_event *event)
{
        if (event && event->kind == EVENT_PROCESS)
                put_known_process(e, event);
        json_key(e->out, "execsnoopd");
        json_begin_object(e->out);
        buf_append_span(e->out, buf_span(&e->apart));
}

/* Whose ID is known; `name` may be absent, and _PART_MAX is. */
static void put_owner(struct encoder *e, const struct exec_event *event, const struct plan *plan,
                      const char *key, uint32_t id, enum part name)
{
        encoder_put_owner(e, event, plan, &(struct owner){ key, "id", id, name });
}

static void put_owners(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const struct exec_facts *f = &event->facts;

        if (!event_has(event, FACT_CREDS))
                return;
        put_owner(e, event, plan, "real_user", f->uid, PART_USER_AGAIN);
        put_owner(e, event, plan, "user", f->euid, PART_EFFECTIVE_USER);
        put_owner(e, event, plan, "saved_user", f->suid, _PART_MAX);
        put_owner(e, event, plan, "real_group", f->gid, PART_GROUP);
        put_owner(e, event, plan, "group", f->egid, PART_EFFECTIVE_GROUP);
        put_owner(e, event, plan, "saved_group", f->sgid, _PART_MAX);
}

static void put_thread(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;
        size_t start;

        json_key(b, "thread");
        json_begin_object(b);
        json_put_u64(b, "id", event->facts.tid);
        start = json_begin_member(b, "capabilities");
        encoder_put_part(e, event, PART_CAPS_EFFECTIVE, plan);
        encoder_put_part(e, event, PART_CAPS_PERMITTED, plan);
        json_end_member(b, start);
        json_end_object(b);
}

static void put_program(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;
        uint64_t argc;

        encoder_put_part(e, event, PART_NAME, plan);
        encoder_put_part(e, event, PART_EXE, plan);
        encoder_put_part(e, event, PART_ARGV, plan);
        if (native_count_argv(event, &argc))
                json_put_u64(b, "args_count", argc);
        encoder_put_part(e, event, PART_COMMAND_LINE, plan);
        encoder_put_part(e, event, PART_CWD, plan);
        if (event_is_interactive(event))
                json_put_true(b, "interactive");
        encoder_put_part(e, event, PART_ENV, plan);
        if (!event->exe_sha256)
                return;
        json_key(b, "hash");
        json_begin_object(b);
        native_put_sha256(b, "sha256", event->exe_sha256);
        json_end_object(b);
}

/* Of its users the real one is known, and rules ask for the other. */
static void put_parent_user(struct encoder *e, const struct exec_event *event,
                            const struct plan *plan)
{
        if (!event_has(event, FACT_PARENT_UID))
                return;
        put_owner(e, event, plan, "real_user", event->facts.parent_uid, _PART_MAX);
        put_owner(e, event, plan, "user", event->facts.parent_uid, _PART_MAX);
}

static void put_parent(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const struct exec_facts *f = &event->facts;
        struct buf *b = e->out;
        size_t start;

        start = json_begin_member(b, "parent");
        if (event_has(event, FACT_PARENT)) {
                json_put_u64(b, "pid", f->ppid);
                encoder_put_process_id(e, "entity_id", f->parent_start_ns, f->ppid);
        }
        encoder_put_part(e, event, PART_PARENT_COMM, plan);
        encoder_put_part(e, event, PART_PARENT_EXE, plan);
        encoder_put_part(e, event, PART_PARENT_ARGV, plan);
        if (event->parent_argv.data && !(event->cut & EVENT_CUT_PARENT_ARGV))
                json_put_u64(b, "args_count", strings_count(event->parent_argv));
        encoder_put_part(e, event, PART_PARENT_COMMAND_LINE, plan);
        put_parent_user(e, event, plan);
        json_end_member(b, start);
}

static void put_session_leader(struct encoder *e, const struct exec_event *event)
{
        struct buf *b = e->out;

        json_key(b, "session_leader");
        json_begin_object(b);
        json_put_u64(b, "pid", event->facts.sid);
        if (event_has(event, FACT_SESSION_LEADER)) {
                json_key(b, "name");
                (void)json_text(b, event->leader_comm);
                encoder_put_process_id(e, "entity_id", event->facts.leader_start_ns,
                                       event->facts.sid);
        }
        json_end_object(b);
}

/* A process group has the number of its leader, as long as there is any process in it. */
static void put_group_leader(struct encoder *e, const struct exec_event *event)
{
        const struct exec_facts *f = &event->facts;

        json_key(e->out, "group_leader");
        json_begin_object(e->out);
        json_put_u64(e->out, "pid", f->pgid);
        if (f->pgid == f->pid)
                encoder_put_process_id(e, "entity_id", f->start_ns, f->pid);
        else if (f->pgid == f->sid && event_has(event, FACT_SESSION_LEADER))
                encoder_put_process_id(e, "entity_id", f->leader_start_ns, f->sid);
        json_end_object(e->out);
}

static void put_exec_process(struct encoder *e, const struct exec_event *event,
                             const struct plan *plan)
{
        struct buf *b = e->out;

        json_key(b, "process");
        json_begin_object(b);
        json_put_u64(b, "pid", event->facts.pid);
        if (event_has(event, FACT_NS_PID))
                json_put_u64(b, "vpid", event->facts.ns_pid);
        put_thread(e, event, plan);
        encoder_put_process_id(e, "entity_id", event->facts.start_ns, event->facts.pid);
        put_program(e, event, plan);
        put_owners(e, event, plan);
        put_parent(e, event, plan);
        if (event_has(event, FACT_SID)) {
                put_session_leader(e, event);
                put_group_leader(e, event);
        }
        json_end_object(b);
}

/* What there is no field for. */
static void put_exec_rest(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan)
{
        static const enum part parts[] = { PART_FILENAME, PART_TTY,    PART_STDIN,
                                           PART_STDOUT,   PART_STDERR, PART_CGROUP,
                                           PART_UNIT,     PART_SLICE,  PART_USER_UNIT };
        struct buf *b = e->out;

        begin_own(e, event);
        if (event_has(event, FACT_LOGINUID))
                json_put_u64(b, "loginuid", event->facts.loginuid);
        if (event_has(event, FACT_SESSION))
                json_put_u64(b, "session", event->facts.session);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                encoder_put_part(e, event, parts[i], plan);
        if (event_has(event, FACT_NAMESPACES))
                native_put_namespaces(b, event->facts.namespaces, e->namespaces);
        if (event_has(event, FACT_EXE_FILE))
                native_put_exe_file(e, event, false);
        native_put_flags(b, event->facts.traits);
        native_put_exec_id(e, event);
        native_put_parent_exec_id(e, event);
        encoder_put_part(e, event, PART_ANCESTORS, plan);
        if (event->kind == EVENT_EXEC_FAILED && event_has(event, FACT_RETVAL))
                json_put_i64(b, "retval", event->facts.retval);
        native_put_argv_marks(e, event, plan);
        encoder_put_part(e, event, PART_REDACTED, plan);
        if (event_has(event, FACT_SESSION_LEADER) && !text_is_valid(event->leader_comm)) {
                json_key(b, "session_leader_comm_base64");
                json_base64(b, event->leader_comm);
        }
        encoder_end_own(e, event);
}

static void put_exec(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        size_t start;

        start = json_begin_member(e->out, "container");
        encoder_put_part(e, event, PART_CONTAINER_ID, plan);
        json_end_member(e->out, start);
        if (event_has(event, FACT_CREDS))
                put_owner(e, event, plan, "user", event->facts.uid, PART_USER);
        put_exec_process(e, event, plan);
        encoder_put_part(e, event, PART_TAGS, plan);
        put_exec_rest(e, event, plan);
}

static void put_exit(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const int status = (int)event->status;
        struct buf *b = e->out;

        put_owner(e, event, plan, "user", event->facts.uid, _PART_MAX);
        json_key(b, "process");
        json_begin_object(b);
        json_put_u64(b, "pid", event->facts.pid);
        encoder_put_process_id(e, "entity_id", event->facts.start_ns, event->facts.pid);
        encoder_put_part(e, event, PART_NAME, plan);
        put_owner(e, event, plan, "real_user", event->facts.uid, _PART_MAX);
        if (WIFEXITED(status))
                json_put_i64(b, "exit_code", WEXITSTATUS(status));
        encoder_put_time(e, "end", event->boot_ns);
        json_end_object(b);
        encoder_put_part(e, event, PART_TAGS, plan);
        begin_own(e, event);
        native_put_signal(b, status);
        encoder_end_own(e, event);
}

static const struct shape_part parts[_PART_MAX] = {
        [PART_NAME] = { PART_RENAMED("name", "name", form_text) },
        [PART_USER] = { PART_RENAMED("name", "user", form_text) },
        [PART_USER_AGAIN] = { PART_AGAIN("name", "user", form_text) },
        [PART_EFFECTIVE_USER] = { PART_RENAMED("name", "euser", form_text) },
        [PART_GROUP] = { PART_RENAMED("name", "group", form_text) },
        [PART_EFFECTIVE_GROUP] = { PART_AGAIN("name", "group", form_text) },
        [PART_UNIT] = { PART_NATIVE("unit", form_text) },
        [PART_CONTAINER_ID] = { PART_RENAMED("id", "container_id", form_text) },
        [PART_PARENT_COMM] = { PART_RENAMED("name", "parent_comm", form_text) },
        [PART_TTY] = { PART_NATIVE("tty", form_text) },
        [PART_CGROUP] = { PART_NATIVE("cgroup", form_text) },
        [PART_EXE] = { PART_RENAMED("executable", "exe", form_text) },
        [PART_FILENAME] = { PART_NATIVE("filename", form_text) },
        [PART_CWD] = { PART_RENAMED("working_directory", "cwd", form_text) },
        [PART_PARENT_EXE] = { PART_RENAMED("executable", "parent_exe", form_text) },
        [PART_USER_UNIT] = { PART_NATIVE("user_unit", form_text) },
        [PART_SLICE] = { PART_NATIVE("slice", form_text) },
        [PART_STDIN] = { .key = "stdin", .form = &form_descriptor },
        [PART_STDOUT] = { .key = "stdout", .form = &form_descriptor },
        [PART_STDERR] = { .key = "stderr", .form = &form_descriptor },
        [PART_TAGS] = { .key = "tags", .form = &form_words },
        [PART_REDACTED] = { .key = "redacted", .form = &form_numbers },
        [PART_CAPS_EFFECTIVE] = { PART_AGAIN("effective", "caps", form_capabilities) },
        [PART_CAPS_PERMITTED] = { PART_AGAIN("permitted", "caps", form_capabilities) },
        [PART_ANCESTORS] = { .key = "ancestors", .form = &form_ancestors },
        [PART_ENV] = { PART_RENAMED("env_vars", "env", form_bindings) },
        [PART_COMMAND_LINE] = { PART_AGAIN("command_line", "command_line", form_joined) },
        [PART_ARGV] = { PART_RENAMED("args", "argv", form_strings), .has_own_mark = true },
        [PART_PARENT_COMMAND_LINE] = { PART_AGAIN("command_line", "parent_command_line",
                                                  form_joined) },
        [PART_PARENT_ARGV] = { PART_RENAMED("args", "parent_argv", form_strings) },
};

const struct shape shape_ecs = {
        .prefix = PREFIX,
        .code = CODE,
        .limit_min = 3584, /* 3.3 KiB are of fixed size */
        .parts = parts,
        .own_parts = native_parts,
        .put_common = put_common,
        .put_head = put_head,
        .put_next = put_next,
        .put_exec = put_exec,
        .put_exit = put_exit,
        .begin_own = begin_own,
};
