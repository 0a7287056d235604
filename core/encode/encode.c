/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Events of the kernel → JSON lines. The order of the calls here is the order of the keys in
 * config/event.schema.json; a fact that the event does not have has no key.
 *
 * A line with a limit is first made whole, unless that is hopeless. If it is too long, everything
 * of fixed size is encoded alone, which tells the room there is for the rest; the room is dealt out
 * by plan_fit(), and the line made once more. The parts keep to their room, so there is no third
 * try and no event that fails: fixed keys take at most 1.7 KiB in the worst case (host name of 64
 * control characters, all numbers with all their digits), and the limit is at least 2 KiB.
 *
 * Nothing is decided here about whether an event is written, and nothing of it is changed.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "encode/encode.h"
#include "encode/encode_line.h"
#include "encode/encode_parts.h"

#define LIMIT_MIN 2048

/* Linux' __NEW_UTS_LEN: a longer host name cannot be set. */
#define HOST_SIZE_MAX 64

/* What each part keeps, if it has as much, before any gets more: a name and the start of a path. */
#define PART_FLOOR 256

int encoder_new(const struct encode_context *context, struct encoder **ret)
{
        _cleanup_(encoder_freep) struct encoder *e = NULL;
        struct span host = span_of(context->host);

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        memccpy(e->boot_prefix, context->boot_id, '\0', BOOT_PREFIX_DIGITS);
        host.size = MIN(host.size, (size_t)HOST_SIZE_MAX);
        buf_append_char(&e->common, ','); /* behind seq */
        json_put_string(&e->common, "boot_id", context->boot_id);
        json_put_text(&e->common, "host", host);
        if (buf_error(&e->common) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(e);
        return 0;
}

struct encoder *encoder_free(struct encoder *e)
{
        if (!e)
                return NULL;
        buf_done(&e->common);
        buf_done(&e->whole.head);
        buf_done(&e->whole.tail);
        buf_done(&e->brief.head);
        buf_done(&e->brief.tail);
        buf_done(&e->text);
        buf_done(&e->names);
        free(e);
        return NULL;
}

void encoder_set_clock(struct encoder *e, int64_t realtime_offset_ns)
{
        e->realtime_offset_ns = realtime_offset_ns;
}

/* boot, start and PID: what no two processes of a host share; PIDs alone come again. */
static void put_process_id(struct encoder *e, const char *key, uint64_t start_ns, uint32_t pid)
{
        char id[BOOT_PREFIX_DIGITS + 2 * TEXT_HEX_SIZE + 2], *p;

        p = stpcpy(id, e->boot_prefix);
        *p++ = '-';
        p += text_hex(start_ns, p);
        *p++ = '-';
        (void)text_hex(pid, p);
        json_put_string(e->out, key, id);
}

static void put_ids(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        json_put_u64(b, "pid", event->facts.pid);
        json_put_u64(b, "tid", event->facts.tid);
        if (event_has(event, FACT_PARENT))
                json_put_u64(b, "ppid", event->facts.ppid);
        if (event_has(event, FACT_CREDS)) {
                json_put_u64(b, "uid", event->facts.uid);
                json_put_u64(b, "gid", event->facts.gid);
                json_put_u64(b, "euid", event->facts.euid);
                json_put_u64(b, "egid", event->facts.egid);
                json_put_u64(b, "suid", event->facts.suid);
                json_put_u64(b, "sgid", event->facts.sgid);
        }
        encoder_put_part(e, event, PART_USER, plan);
        if (event_has(event, FACT_LOGINUID))
                json_put_u64(b, "loginuid", event->facts.loginuid);
        if (event_has(event, FACT_SESSION))
                json_put_u64(b, "session", event->facts.session);
}

static void put_argv(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        /* what the kernel gave is the original: what it did not tell can be counted */
        bool original = event->argv.data && !(event->cut & EXEC_CUT(FIELD_ARGV));
        struct buf *b = e->out;

        encoder_put_part(e, event, PART_ARGV, plan);
        if (event_has(event, FACT_ARGC))
                json_put_u64(b, "argc", event->facts.argc);
        else if (original)
                json_put_u64(b, "argc", strings_count(event->argv));
        if (!(plan->cut & PART_BIT(PART_ARGV)))
                return;
        json_put_true(b, "argv_truncated");
        if (event_has(event, FACT_ARGV_BYTES))
                json_put_u64(b, "argv_bytes", event->facts.argv_bytes);
        else if (original)
                json_put_u64(b, "argv_bytes", event->argv.size);
}

static void put_namespaces(struct buf *b, const struct exec_event *event)
{
        static const char *const names[_NAMESPACE_MAX] = {
                [NAMESPACE_CGROUP] = "cgroup", [NAMESPACE_IPC] = "ipc", [NAMESPACE_MNT] = "mnt",
                [NAMESPACE_NET] = "net",       [NAMESPACE_PID] = "pid", [NAMESPACE_TIME] = "time",
                [NAMESPACE_USER] = "user",     [NAMESPACE_UTS] = "uts",
        };
        bool any = false;

        for (int i = 0; i < _NAMESPACE_MAX; i++) {
                if (event->facts.namespaces[i] == 0)
                        continue;
                if (!any) {
                        json_key(b, "namespaces");
                        json_begin_object(b);
                        any = true;
                }
                json_put_u64(b, names[i], event->facts.namespaces[i]);
        }
        if (any)
                json_end_object(b);
}

static void put_hex(struct buf *b, const char *key, uint64_t value)
{
        char hex[2 + TEXT_HEX_SIZE] = "0x";

        text_hex(value, hex + 2);
        json_put_string(b, key, hex);
}

static void put_caps(struct buf *b, const struct exec_event *event)
{
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

static void put_dev(struct buf *b, const char *key, uint32_t dev)
{
        json_key(b, key);
        buf_append_char(b, '"');
        buf_append_u64(b, dev >> 20);
        buf_append_char(b, ':');
        buf_append_u64(b, dev & 0xfffff);
        buf_append_char(b, '"');
}

static void put_exe_file(struct buf *b, const struct exec_file *file)
{
        char mtime[TEXT_TIME_SIZE];

        json_key(b, "exe_file");
        json_begin_object(b);
        put_dev(b, "dev", file->dev);
        json_put_u64(b, "ino", file->ino);
        put_mode(b, "mode", file->mode);
        json_put_u64(b, "uid", file->uid);
        json_put_u64(b, "gid", file->gid);
        json_put_u64(b, "size", file->size);
        /* a file's owner can set times that no calendar has */
        if (text_time(file->mtime_sec, file->mtime_nsec, mtime))
                json_put_string(b, "mtime", mtime);
        json_put_u64(b, "nlink", file->nlink);
        json_end_object(b);
}

static void put_flags(struct buf *b, uint32_t traits)
{
        static const struct {
                enum exec_trait trait;
                const char *name;
        } flags[] = {
                { TRAIT_MEMFD, "memfd" },
                { TRAIT_DELETED, "deleted" },
                { TRAIT_OVERLAY_UPPER, "overlay_upper" },
                { TRAIT_SETUID, "setuid" },
                { TRAIT_SETGID, "setgid" },
                { TRAIT_FILECAPS, "filecaps" },
                { TRAIT_THREAD_EXEC, "thread_exec" },
                { TRAIT_KERNEL, "kernel" },
                { TRAIT_IMAGE32, "image32" },
                { TRAIT_SCRIPT, "script" },
                { TRAIT_EXECVEAT, "execveat" },
                { TRAIT_POINT_OF_NO_RETURN, "point_of_no_return" },
        };
        bool any = false;

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                if (!(traits & flags[i].trait))
                        continue;
                if (!any) {
                        json_key(b, "flags");
                        json_begin_array(b);
                        any = true;
                }
                json_string(b, flags[i].name);
        }
        if (any)
                json_end_array(b);
}

static void put_result(struct buf *b, const struct exec_event *event)
{
        char number[sizeof("2147483648")];
        const char *name;
        uint32_t error = -(uint32_t)event->facts.retval;

        if (event->kind == EVENT_EXEC)
                json_put_i64(b, "retval", 0);
        if (event->kind != EVENT_EXEC_FAILED || !event_has(event, FACT_RETVAL))
                return;
        json_put_i64(b, "retval", event->facts.retval);
        if (event->facts.retval >= 0)
                return;
        /* the kernel has errors of its own, from 512 on, that glibc cannot name */
        name = error <= INT32_MAX ? strerrorname_np((int)error) : NULL;
        (void)snprintf(number, sizeof(number), "%u", error);
        json_put_string(b, "error", name ? name : number);
}

static void put_exec(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;

        put_ids(e, event, plan);
        encoder_put_part(e, event, PART_COMM, plan);
        encoder_put_part(e, event, PART_PARENT_COMM, plan);
        encoder_put_part(e, event, PART_FILENAME, plan);
        encoder_put_part(e, event, PART_EXE, plan);
        put_argv(e, event, plan);
        encoder_put_part(e, event, PART_CWD, plan);
        encoder_put_part(e, event, PART_TTY, plan);
        encoder_put_part(e, event, PART_CGROUP, plan);
        encoder_put_part(e, event, PART_UNIT, plan);
        encoder_put_part(e, event, PART_SLICE, plan);
        encoder_put_part(e, event, PART_USER_UNIT, plan);
        encoder_put_part(e, event, PART_CONTAINER_ID, plan);
        if (event_has(event, FACT_NS_PID))
                json_put_u64(b, "ns_pid", event->facts.ns_pid);
        if (event_has(event, FACT_NAMESPACES))
                put_namespaces(b, event);
        if (event_has(event, FACT_CAPS))
                put_caps(b, event);
        if (event_has(event, FACT_EXE_FILE))
                put_exe_file(b, &event->facts.exe_file);
        put_flags(b, event->facts.traits);
        encoder_put_part(e, event, PART_ENV, plan);
        put_process_id(e, "process_id", event->facts.start_ns, event->facts.pid);
        if (event_has(event, FACT_PARENT))
                put_process_id(e, "parent_process_id", event->facts.parent_start_ns,
                               event->facts.ppid);
        encoder_put_part(e, event, PART_ANCESTORS, plan);
        put_result(b, event);
        encoder_put_truncated(e, plan);
}

static void put_exit(struct encoder *e, const struct exec_event *event, const struct plan *plan)
{
        struct buf *b = e->out;
        char name[sizeof("SIG") + 16];
        const char *abbreviation;
        int status = (int)event->status;

        json_put_u64(b, "pid", event->facts.pid);
        json_put_u64(b, "uid", event->facts.uid); /* every exit record has it */
        encoder_put_part(e, event, PART_COMM, plan);
        put_process_id(e, "process_id", event->facts.start_ns, event->facts.pid);
        if (WIFEXITED(status))
                json_put_i64(b, "exit_code", WEXITSTATUS(status));
        if (WIFSIGNALED(status)) {
                json_put_i64(b, "signal", WTERMSIG(status));
                abbreviation = sigabbrev_np(WTERMSIG(status));
                if (abbreviation) { /* real-time signals have none */
                        (void)snprintf(name, sizeof(name), "SIG%s", abbreviation);
                        json_put_string(b, "signal_name", name);
                }
                if (WCOREDUMP(status))
                        json_put_true(b, "core_dumped");
        }
        json_put_u64(b, "duration_ns", event->duration_ns);
        encoder_put_truncated(e, plan);
}

static int encode_planned(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan, bool is_brief, struct line *ret)
{
        (void)line_begin(e, event->kind, event->boot_ns, is_brief);
        if (event->kind == EVENT_EXIT)
                put_exit(e, event, plan);
        else
                put_exec(e, event, plan);
        return line_end(e, ret);
}

/*
 * Deals out `room` bytes: a floor for each part first, but never more than a quarter of what is
 * left, so that no part gets nothing; then the rest by precedence; what still remains is for exact
 * bytes.
 */
static struct plan plan_fit(const struct exec_event *event, size_t room)
{
        struct plan plan = plan_whole(event);
        struct part_size size[_PART_MAX];
        size_t more;

        for (enum part p = 0; p < _PART_MAX; p++) {
                size[p] = part_measure(event, p, room);
                plan.room[p] = MIN(MIN(size[p].data, (size_t)PART_FLOOR), room / 4);
                room -= plan.room[p];
        }
        for (enum part p = 0; p < _PART_MAX; p++) {
                more = MIN(size[p].data - plan.room[p], room);
                plan.room[p] += more;
                room -= more;
                if (plan.room[p] < size[p].data)
                        plan.cut |= PART_BIT(p);
                else
                        plan.room[p] = ROOM_WHOLE;
        }
        for (enum part p = 0; p < _PART_MAX; p++) {
                if (plan.room[p] != ROOM_WHOLE || size[p].base64 == 0)
                        continue;
                if (size[p].base64 <= room)
                        room -= size[p].base64;
                else
                        plan.no_base64 |= PART_BIT(p);
        }
        return plan;
}

/* The plan for a line without any of the parts, but with all the marks in `marks`. */
static struct plan plan_none(const struct exec_event *event, const struct plan *marks)
{
        struct plan plan = plan_whole(event);

        for (enum part p = 0; p < _PART_MAX; p++)
                plan.room[p] = 0;
        plan.cut |= marks->cut;
        plan.no_base64 |= marks->no_base64;
        return plan;
}

static int encode_within(struct encoder *e, const struct exec_event *event, size_t limit,
                         struct line *ret)
{
        uint32_t present = parts_present(event);
        /* First the usual case, only argv gives way; then room for marks on everything. */
        const struct plan marks[] = {
                { .cut = present & PART_BIT(PART_ARGV) },
                { .cut = present & (PART_BIT(PART_ARGV) | PART_BIT(PART_ANCESTORS)),
                  .no_base64 = present & ~PART_BIT(PART_ANCESTORS) },
        };
        struct plan plan;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(marks); i++) {
                struct plan none = plan_none(event, &marks[i]);

                r = encode_planned(e, event, &none, true, ret);
                if (r < 0)
                        return r;
                plan = plan_fit(event, limit - MIN(limit, line_size_max(ret)));
                if (((plan.cut & ~none.cut) | (plan.no_base64 & ~none.no_base64)) == 0)
                        break;
        }
        return encode_planned(e, event, &plan, true, ret);
}

int encode_event(struct encoder *e, const struct exec_event *event, size_t limit, struct line *ret)
{
        const struct plan whole = plan_whole(event);
        struct line line;
        int r;

        assert(event_kind_is_kernel(event->kind));
        assert(limit == 0 || limit >= LIMIT_MIN);

        if (limit == 0 || event->argv.size < limit) { /* JSON is never shorter than its bytes */
                r = encode_planned(e, event, &whole, limit > 0, &line);
                if (r < 0)
                        return r;
                if (limit == 0 || line_size_max(&line) <= limit) {
                        *ret = line;
                        return 0;
                }
        }
        r = encode_within(e, event, limit, &line);
        if (r < 0)
                return r;
        *ret = line;
        return 0;
}
