/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The shape of the Open Cybersecurity Schema Framework: execsnoopd-shapes(7) has the table of what
 * is where. Its objects have no members but those that it names, so all that it has no attribute
 * for is in `unmapped`, with native keys: exact bytes of what is no text and the names of what is
 * cut, too.
 *
 * It has classes for processes that start and end, and for applications that do, which is what the
 * daemon itself is. All else is a base event, which says nothing but what is native.
 *
 * An actor is asked for. It is the parent of what is executed; and where that is not known, as of
 * processes that end, the process itself.
 */
#include <string.h>
#include <sys/wait.h>

#include "encode/encode_context.h"
#include "encode/encode_forms.h"
#include "encode/encode_line.h"
#include "encode/encode_parts.h"
#include "encode/native.h"

#define OCSF_VERSION "1.8.0"

#define PREFIX "{\"metadata\":{\"product\":{\"name\":\"execsnoopd\"},\"event_code\":\""

#define TYPE_LINUX 200
#define TYPE_REGULAR_FILE 1
#define ALGORITHM_SHA_256 3

/* The type is the class with two digits of the activity. */
#define PROCESS_EVENT(activity, status)                                                            \
        ",\"category_uid\":1,\"class_uid\":1007,\"activity_id\":" #activity                        \
        ",\"type_uid\":10070" #activity ",\"severity_id\":1" status
#define LAUNCH(status) PROCESS_EVENT(1, ",\"launch_type_id\":3,\"status_id\":" #status)
#define LIFECYCLE_EVENT(activity)                                                                  \
        ",\"category_uid\":6,\"class_uid\":6002,\"activity_id\":" #activity                        \
        ",\"type_uid\":60020" #activity ",\"severity_id\":1,\"app\":{\"name\":\"execsnoopd\"}"
#define BASE_EVENT(activity, severity)                                                             \
        ",\"category_uid\":0,\"class_uid\":0,\"activity_id\":99,\"activity_name\":\"" activity     \
        "\",\"type_uid\":99,\"severity_id\":" #severity

/* What the kind alone says, behind the time. */
static const char *const kinds[_EVENT_KIND_MAX] = {
        [EVENT_START] = LIFECYCLE_EVENT(3),
        [EVENT_EXEC] = LAUNCH(1),
        [EVENT_EXEC_FAILED] = LAUNCH(2),
        [EVENT_EXEC_ATTEMPT] = LAUNCH(0),
        [EVENT_EXIT] = PROCESS_EVENT(2, ""),
        [EVENT_PROCESS] = BASE_EVENT("process", 1),
        [EVENT_SUMMARY] = BASE_EVENT("summary", 1),
        [EVENT_FILE] = BASE_EVENT("file", 1),
        [EVENT_LOST] = BASE_EVENT("lost", 3),
        [EVENT_STATS] = BASE_EVENT("stats", 1),
        [EVENT_STOP] = LIFECYCLE_EVENT(4),
};

#define PROFILES(names) ",\"profiles\":[" names "]"
#define CONTAINER "\"container\""
#define LINUX_USERS "\"linux/linux_users\""

/* Attributes are of the class itself, or of profiles, which have to be named. */
static const char *profiles_of(enum event_kind kind, const struct exec_event *event)
{
        bool has_container, has_users;

        if (!event_kind_is_kernel(kind)) /* for the device */
                return PROFILES("\"host\"");
        if (kind == EVENT_EXIT)
                return "";
        has_container = event->names.container_id.data || event_has(event, FACT_NS_PID);
        has_users = event->facts.present & (FACT_CREDS | FACT_LOGINUID);
        if (has_container)
                return has_users ? PROFILES(CONTAINER "," LINUX_USERS) : PROFILES(CONTAINER);
        return has_users ? PROFILES(LINUX_USERS) : "";
}

static void put_head(struct encoder *e, struct buf *head, enum event_kind kind,
                     const struct exec_event *event, uint64_t boot_ns)
{
        char time[TEXT_TIME_SIZE];

        encoder_time(e, boot_ns, time);
        buf_append_string(head, PREFIX);
        buf_append_string(head, event_kind_name(kind));
        buf_append_string(head, "\",\"original_time\":\"");
        buf_append_string(head, time);
        buf_append_char(head, '"');
        buf_append_string(head, profiles_of(kind, event));
        buf_append_string(head, ",\"sequence\":");
}

static void put_common(struct encoder *e, struct buf *b, const struct encode_context *context)
{
        const struct span host = span_of(context->host);

        buf_append_char(b, ','); /* behind seq */
        json_put_string(b, "version", OCSF_VERSION);
        json_end_object(b);
        json_key(b, "device");
        json_begin_object(b);
        json_key(b, "hostname");
        if (!json_text(b, host)) {
                json_key(&e->apart, "host_base64");
                json_base64(&e->apart, host);
        }
        if (context->machine_id && context->machine_id[0] != '\0')
                json_put_string(b, "uid", context->machine_id);
        json_put_string(b, "boot_uid", context->boot_id);
        json_put_u64(b, "type_id", 0); /* a server, a laptop, a virtual machine: who knows */
        json_key(b, "os");
        json_begin_object(b);
        json_put_string(b, "name", "Linux");
        json_put_u64(b, "type_id", TYPE_LINUX);
        json_end_object(b);
        json_end_object(b);
}

static void put_next(struct encoder *e, enum event_kind kind,
                     const struct exec_event *event _unused_, uint64_t boot_ns)
{
        json_put_i64(e->out, "time", encoder_time_ms(e, boot_ns));
        buf_append_string(e->out, kinds[kind]);
}

static void begin_own(struct encoder *e, const struct exec_event *event _unused_)
{
        json_key(e->out, "unmapped");
        json_begin_object(e->out);
        buf_append_span(e->out, buf_span(&e->apart));
}

/* Known when all is there; its place is in the metadata, behind seq. */
static void end(struct encoder *e)
{
        if (e->is_cut)
                buf_insert_string(e->out, 0, ",\"is_truncated\":true");
}

/* A text that an object has to have, if need be an empty one. */
static void put_required(struct encoder *e, const struct exec_event *event, enum part part,
                         const struct plan *plan)
{
        const size_t start = e->out->size;

        encoder_put_part(e, event, part, plan);
        if (e->out->size == start)
                json_put_string(e->out, e->shape->parts[part].key, "");
}

/* What a process is known by, of whichever there is no more. */
static void put_identity(struct encoder *e, uint64_t start_ns, uint32_t pid)
{
        json_put_u64(e->out, "pid", pid);
        encoder_put_process_id(e, "uid", start_ns, pid);
}

/* A user or a group, of which the name may be absent. */
static void put_owner(struct encoder *e, const struct exec_event *event, const struct plan *plan,
                      const char *key, uint32_t id, enum part name)
{
        encoder_put_owner(e, event, plan, &(struct owner){ key, "uid", id, name });
}

static void put_owners(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const struct exec_facts *f = &event->facts;

        if (event_has(event, FACT_CREDS)) {
                put_owner(e, event, plan, "user", f->uid, PART_USER);
                put_owner(e, event, plan, "group", f->gid, PART_GROUP);
                json_put_u64(e->out, "euid", f->euid);
                json_put_u64(e->out, "egid", f->egid);
        }
        if (event_has(event, FACT_LOGINUID))
                json_put_u64(e->out, "auid", f->loginuid);
}

/* A file has more facts than there are attributes: all of them are once more in exe_file. */
static void put_file_facts(struct encoder *e, const struct exec_event *event,
                           const struct plan *plan)
{
        const struct exec_file *file = &event->facts.exe_file;
        struct buf *b = e->out;

        json_put_u64(b, "size", MIN(file->size, (uint64_t)INT64_MAX));
        put_owner(e, event, plan, "owner", file->uid, _PART_MAX);
        if (text_has_time(file->mtime_sec, file->mtime_nsec))
                json_put_i64(b, "modified_time", time_ms(file->mtime_sec, file->mtime_nsec));
        if (file->nlink == 0)
                json_put_true(b, "is_deleted");
        encoder_put_file_id(e, "uid", file->dev, file->ino);
        json_put_u64(b, "attributes", file->mode & 07777);
}

static void put_hash(struct buf *b, const uint8_t sha256[static SHA256_SIZE])
{
        json_key(b, "hashes");
        json_begin_array(b);
        json_begin_object(b);
        json_put_u64(b, "algorithm_id", ALGORITHM_SHA_256);
        native_put_sha256(b, "value", sha256);
        json_end_object(b);
        json_end_array(b);
}

static void put_file(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        json_key(e->out, "file");
        json_begin_object(e->out);
        put_required(e, event, PART_EXE_NAME, plan);
        encoder_put_part(e, event, PART_EXE_AGAIN, plan);
        json_put_u64(e->out, "type_id", TYPE_REGULAR_FILE);
        if (event_has(event, FACT_EXE_FILE))
                put_file_facts(e, event, plan);
        if (event->exe_sha256)
                put_hash(e->out, event->exe_sha256);
        json_end_object(e->out);
}

static void put_parent_file(struct encoder *e, const struct exec_event *event,
                            const struct plan *plan)
{
        json_key(e->out, "file");
        json_begin_object(e->out);
        put_required(e, event, PART_PARENT_EXE_NAME, plan);
        encoder_put_part(e, event, PART_PARENT_EXE, plan);
        json_put_u64(e->out, "type_id", TYPE_REGULAR_FILE);
        json_end_object(e->out);
}

static void put_parent(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        json_begin_object(e->out);
        put_identity(e, event->facts.parent_start_ns, event->facts.ppid);
        encoder_put_part(e, event, PART_PARENT_COMM, plan);
        encoder_put_part(e, event, PART_PARENT_COMMAND_LINE, plan);
        if (event->parent_exe.data)
                put_parent_file(e, event, plan);
        if (event_has(event, FACT_PARENT_UID))
                put_owner(e, event, plan, "user", event->facts.parent_uid, _PART_MAX);
        json_end_object(e->out);
}

/* Where its process is, to be repeated. */
struct place {
        size_t start, size;
};

static struct place put_actor(struct encoder *e, const struct exec_event *event,
                              const struct plan *plan)
{
        struct buf *b = e->out;
        struct place place;

        json_key(b, "actor");
        json_begin_object(b);
        json_key(b, "process");
        place.start = b->size;
        if (event->kind != EVENT_EXIT && event_has(event, FACT_PARENT)) {
                put_parent(e, event, plan);
        } else {
                json_begin_object(b);
                put_identity(e, event->facts.start_ns, event->facts.pid);
                json_end_object(b);
        }
        place.size = b->size - place.start;
        json_end_object(b);
        return place;
}

static void put_container(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan)
{
        size_t start;

        if (event_has(event, FACT_NS_PID))
                json_put_u64(e->out, "namespace_pid", event->facts.ns_pid);
        start = json_begin_member(e->out, "container");
        encoder_put_part(e, event, PART_CONTAINER_ID, plan);
        json_end_member(e->out, start);
}

static void put_session(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const size_t start = json_begin_member(e->out, "session");

        if (event_has(event, FACT_SESSION))
                json_put_id(e->out, "uid", event->facts.session);
        encoder_put_part(e, event, PART_TTY, plan);
        json_end_member(e->out, start);
}

static void put_exec_process(struct encoder *e, const struct exec_event *event,
                             const struct plan *plan, const struct place *parent)
{
        struct buf *b = e->out;

        json_key(b, "process");
        json_begin_object(b);
        put_identity(e, event->facts.start_ns, event->facts.pid);
        json_put_u64(b, "ptid", event->facts.tid);
        encoder_put_part(e, event, PART_NAME, plan);
        encoder_put_part(e, event, PART_EXE, plan);
        put_required(e, event, PART_COMMAND_LINE, plan);
        encoder_put_part(e, event, PART_CWD, plan);
        if (event->exe.data)
                put_file(e, event, plan);
        put_owners(e, event, plan);
        put_session(e, event, plan);
        put_container(e, event, plan);
        if (event_has(event, FACT_PARENT)) {
                json_key(b, "parent_process");
                buf_append_again(b, parent->start, parent->size);
        }
        encoder_put_part(e, event, PART_ANCESTORS, plan);
        encoder_put_part(e, event, PART_ENV, plan);
        json_end_object(b);
}

static void put_ids(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        native_put_session(e, event);
        if (event_has(event, FACT_CREDS)) {
                json_put_u64(e->out, "suid", event->facts.suid);
                json_put_u64(e->out, "sgid", event->facts.sgid);
        }
        encoder_put_part(e, event, PART_EUSER, plan);
        native_put_exec_id(e, event);
        native_put_parent_exec_id(e, event);
}

static void put_exec_rest(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan)
{
        static const enum part parts[] = { PART_STDIN, PART_STDOUT, PART_STDERR,   PART_CGROUP,
                                           PART_UNIT,  PART_SLICE,  PART_USER_UNIT };
        struct buf *b = e->out;

        begin_own(e, event);
        put_ids(e, event, plan);
        encoder_put_part(e, event, PART_FILENAME, plan);
        native_put_argv(e, event, plan);
        encoder_put_part(e, event, PART_PARENT_ARGV, plan);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                encoder_put_part(e, event, parts[i], plan);
        if (event_is_interactive(event))
                json_put_true(b, "interactive");
        if (event_has(event, FACT_NAMESPACES))
                native_put_namespaces(b, event->facts.namespaces, e->namespaces);
        native_put_caps(b, event);
        if (event_has(event, FACT_EXE_FILE))
                native_put_exe_file(e, event, !event->exe.data);
        native_put_flags(b, event->facts.traits);
        if (event->kind == EVENT_EXEC_FAILED && event_has(event, FACT_RETVAL))
                json_put_i64(b, "retval", event->facts.retval);
        encoder_put_part(e, event, PART_TAGS, plan);
        encoder_put_part(e, event, PART_REDACTED, plan);
        encoder_end_own(e, event);
}

static void put_exec(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        char error[NATIVE_ERROR_SIZE];
        struct place parent;

        if (event->kind == EVENT_EXEC_FAILED && event_has(event, FACT_RETVAL) &&
            event->facts.retval < 0) {
                native_error(-(uint32_t)event->facts.retval, error);
                json_put_string(e->out, "status_code", error);
        }
        parent = put_actor(e, event, plan);
        put_exec_process(e, event, plan, &parent);
        put_exec_rest(e, event, plan);
}

static void put_exit(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        const int status = (int)event->status;
        struct buf *b = e->out;

        if (WIFEXITED(status))
                json_put_i64(b, "exit_code", WEXITSTATUS(status));
        (void)put_actor(e, event, plan);
        json_key(b, "process");
        json_begin_object(b);
        put_identity(e, event->facts.start_ns, event->facts.pid);
        encoder_put_part(e, event, PART_NAME, plan);
        put_owner(e, event, plan, "user", event->facts.uid, _PART_MAX);
        json_end_object(b);
        begin_own(e, event);
        native_put_signal(b, status);
        json_put_u64(b, "duration_ns", event->duration_ns);
        encoder_put_part(e, event, PART_TAGS, plan);
        encoder_end_own(e, event);
}

static const struct shape_part parts[_PART_MAX] = {
        [PART_NAME] = { PART_RENAMED("name", "name", form_text) },
        [PART_USER] = { PART_RENAMED("name", "user", form_text) },
        [PART_EUSER] = { PART_NATIVE("euser", form_text) },
        [PART_GROUP] = { PART_RENAMED("name", "group", form_text) },
        [PART_UNIT] = { PART_NATIVE("unit", form_text) },
        [PART_CONTAINER_ID] = { PART_RENAMED("uid", "container_id", form_text) },
        [PART_PARENT_COMM] = { PART_RENAMED("name", "parent_comm", form_text), .is_copied = true },
        [PART_TTY] = { PART_RENAMED("terminal", "tty", form_text) },
        [PART_CGROUP] = { PART_NATIVE("cgroup", form_text) },
        [PART_EXE] = { PART_RENAMED("path", "exe", form_text) },
        [PART_EXE_AGAIN] = { PART_AGAIN("path", "exe", form_text) },
        [PART_EXE_NAME] = { PART_AGAIN("name", "exe", form_text) },
        [PART_FILENAME] = { PART_NATIVE("filename", form_text) },
        [PART_CWD] = { PART_RENAMED("working_directory", "cwd", form_text) },
        [PART_PARENT_EXE] = { PART_RENAMED("path", "parent_exe", form_text), .is_copied = true },
        [PART_PARENT_EXE_NAME] = { PART_AGAIN("name", "parent_exe", form_text), .is_copied = true },
        [PART_USER_UNIT] = { PART_NATIVE("user_unit", form_text) },
        [PART_SLICE] = { PART_NATIVE("slice", form_text) },
        [PART_STDIN] = { .key = "stdin", .form = &form_descriptor },
        [PART_STDOUT] = { .key = "stdout", .form = &form_descriptor },
        [PART_STDERR] = { .key = "stderr", .form = &form_descriptor },
        [PART_TAGS] = { .key = "tags", .form = &form_words },
        [PART_REDACTED] = { .key = "redacted", .form = &form_numbers },
        [PART_ANCESTORS] = { .key = "ancestry",
                             .key_base64 = "ancestors",
                             .mark = "ancestors",
                             .form = &form_ancestry,
                             .is_exact_apart = true },
        [PART_ENV] = { PART_RENAMED("environment_variables", "env", form_pairs) },
        [PART_COMMAND_LINE] = { PART_AGAIN("cmd_line", "command_line", form_joined) },
        [PART_ARGV] = { PART_NATIVE("argv", form_strings), .has_own_mark = true },
        [PART_PARENT_COMMAND_LINE] = { PART_AGAIN("cmd_line", "parent_command_line", form_joined),
                                       .is_copied = true },
        [PART_PARENT_ARGV] = { PART_NATIVE("parent_argv", form_strings) },
};

const struct shape shape_ocsf = {
        .prefix = PREFIX,
        .limit_min = 3584, /* 3.1 KiB are of fixed size */
        .parts = parts,
        .own_parts = native_parts,
        .put_common = put_common,
        .put_head = put_head,
        .put_next = put_next,
        .put_exec = put_exec,
        .put_exit = put_exit,
        .begin_own = begin_own,
        .end = end,
};
