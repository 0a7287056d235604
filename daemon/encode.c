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
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "encode_parts.h"
#include "text.h"

#define LIMIT_MIN 2048

/* What each part keeps, if it has as much, before any gets more: a name and the start of a path. */
#define PART_FLOOR 256

static bool event_has(const struct exec_event *event, enum exec_fact fact)
{
        return event->present & fact;
}

/* boot, start and PID: what no two processes of a host share; PIDs alone come again. */
static void put_process_id(struct object *o, const char *key, uint64_t start_ns, uint32_t pid)
{
        char start[TEXT_HEX_SIZE], number[TEXT_HEX_SIZE];
        char id[BOOT_PREFIX_DIGITS + 2 * TEXT_HEX_SIZE + 2];

        text_hex(start_ns, start);
        text_hex(pid, number);
        (void)snprintf(id, sizeof(id), "%s-%s-%s", o->encoder->boot_prefix, start, number);
        object_put_string(o, key, id);
}

static void put_ids(struct object *o, const struct exec_event *event, const struct plan *plan)
{
        object_put_u64(o, "pid", event->pid);
        object_put_u64(o, "tid", event->tid);
        if (event_has(event, FACT_PARENT))
                object_put_u64(o, "ppid", event->ppid);
        if (event_has(event, FACT_CREDS)) {
                object_put_u64(o, "uid", event->uid);
                object_put_u64(o, "gid", event->gid);
                object_put_u64(o, "euid", event->euid);
                object_put_u64(o, "egid", event->egid);
                object_put_u64(o, "suid", event->suid);
                object_put_u64(o, "sgid", event->sgid);
        }
        object_put_part(o, event, PART_USER, plan);
        if (event_has(event, FACT_LOGINUID))
                object_put_u64(o, "loginuid", event->loginuid);
        if (event_has(event, FACT_SESSION))
                object_put_u64(o, "session", event->session);
}

static uint64_t strings_count(struct span rest)
{
        struct span s;
        uint64_t n = 0;

        while (strings_take_first(&rest, &s))
                n++;
        return n;
}

static void put_argv(struct object *o, const struct exec_event *event, const struct plan *plan)
{
        /* what the kernel gave is the original: what it did not tell can be counted */
        bool original = event->argv.data && !(event->cut & EXEC_CUT(FIELD_ARGV));

        object_put_part(o, event, PART_ARGV, plan);
        if (event_has(event, FACT_ARGC))
                object_put_u64(o, "argc", event->argc);
        else if (original)
                object_put_u64(o, "argc", strings_count(event->argv));
        if (!(plan->cut & PART_BIT(PART_ARGV)))
                return;
        object_put(o, "argv_truncated", json_object_new_boolean(1));
        if (event_has(event, FACT_ARGV_BYTES))
                object_put_u64(o, "argv_bytes", event->argv_bytes);
        else if (original)
                object_put_u64(o, "argv_bytes", event->argv.size);
}

static void put_namespaces(struct object *o, const struct exec_event *event)
{
        static const char *const names[_NAMESPACE_MAX] = {
                [NAMESPACE_CGROUP] = "cgroup", [NAMESPACE_IPC] = "ipc", [NAMESPACE_MNT] = "mnt",
                [NAMESPACE_NET] = "net",       [NAMESPACE_PID] = "pid", [NAMESPACE_TIME] = "time",
                [NAMESPACE_USER] = "user",     [NAMESPACE_UTS] = "uts",
        };
        _cleanup_(object_done) struct object child = object_new(o->encoder);
        bool any = false;

        for (int i = 0; i < _NAMESPACE_MAX; i++) {
                if (event->namespaces[i] == 0)
                        continue;
                object_put_u64(&child, names[i], event->namespaces[i]);
                any = true;
        }
        if (any)
                object_put_object(o, "namespaces", &child);
}

static void put_hex(struct object *o, const char *key, uint64_t value)
{
        char hex[2 + TEXT_HEX_SIZE] = "0x";

        text_hex(value, hex + 2);
        object_put_string(o, key, hex);
}

static void put_caps(struct object *o, const struct exec_event *event)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        put_hex(&child, "effective", event->caps_effective);
        put_hex(&child, "permitted", event->caps_permitted);
        object_put_object(o, "caps", &child);
}

static void put_exe_file(struct object *o, const struct exec_file *file)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);
        char dev[sizeof("4095:1048575")], mode[sizeof("7777")], mtime[TEXT_TIME_SIZE];

        (void)snprintf(dev, sizeof(dev), "%u:%u", file->dev >> 20, file->dev & 0xfffff);
        (void)snprintf(mode, sizeof(mode), "%04o", file->mode & 07777u);
        object_put_string(&child, "dev", dev);
        object_put_u64(&child, "ino", file->ino);
        object_put_string(&child, "mode", mode);
        object_put_u64(&child, "uid", file->uid);
        object_put_u64(&child, "gid", file->gid);
        object_put_u64(&child, "size", file->size);
        /* a file's owner can set times that no calendar has */
        if (text_time(file->mtime_sec, file->mtime_nsec, mtime))
                object_put_string(&child, "mtime", mtime);
        object_put_u64(&child, "nlink", file->nlink);
        object_put_object(o, "exe_file", &child);
}

static void put_flags(struct object *o, uint32_t traits)
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
        struct json_object *array = NULL;

        for (size_t i = 0; o->error == 0 && i < ELEMENTSOF(flags); i++) {
                if (!(traits & flags[i].trait))
                        continue;
                if (!array) {
                        array = json_object_new_array();
                        object_put(o, "flags", array);
                }
                if (o->error == 0)
                        o->error = array_put(array, json_object_new_string(flags[i].name));
        }
}

static void put_result(struct object *o, const struct exec_event *event)
{
        char number[sizeof("2147483648")];
        const char *name;
        uint32_t error = -(uint32_t)event->retval;

        if (event->kind == EVENT_EXEC)
                object_put_i64(o, "retval", 0);
        if (event->kind != EVENT_EXEC_FAILED || !event_has(event, FACT_RETVAL))
                return;
        object_put_i64(o, "retval", event->retval);
        if (event->retval >= 0)
                return;
        /* the kernel has errors of its own, from 512 on, that glibc cannot name */
        name = error <= INT32_MAX ? strerrorname_np((int)error) : NULL;
        (void)snprintf(number, sizeof(number), "%u", error);
        object_put_string(o, "error", name ? name : number);
}

static void put_exec(struct object *o, const struct exec_event *event, const struct plan *plan)
{
        put_ids(o, event, plan);
        object_put_part(o, event, PART_COMM, plan);
        object_put_part(o, event, PART_PARENT_COMM, plan);
        object_put_part(o, event, PART_FILENAME, plan);
        object_put_part(o, event, PART_EXE, plan);
        put_argv(o, event, plan);
        object_put_part(o, event, PART_CWD, plan);
        object_put_part(o, event, PART_TTY, plan);
        object_put_part(o, event, PART_CGROUP, plan);
        object_put_part(o, event, PART_UNIT, plan);
        object_put_part(o, event, PART_SLICE, plan);
        object_put_part(o, event, PART_USER_UNIT, plan);
        object_put_part(o, event, PART_CONTAINER_ID, plan);
        if (event_has(event, FACT_NS_PID))
                object_put_u64(o, "ns_pid", event->ns_pid);
        if (event_has(event, FACT_NAMESPACES))
                put_namespaces(o, event);
        if (event_has(event, FACT_CAPS))
                put_caps(o, event);
        if (event_has(event, FACT_EXE_FILE))
                put_exe_file(o, &event->exe_file);
        put_flags(o, event->traits);
        object_put_part(o, event, PART_ENV, plan);
        put_process_id(o, "process_id", event->start_ns, event->pid);
        if (event_has(event, FACT_PARENT))
                put_process_id(o, "parent_process_id", event->parent_start_ns, event->ppid);
        object_put_part(o, event, PART_ANCESTORS, plan);
        put_result(o, event);
        object_put_truncated(o, plan);
}

static void put_exit(struct object *o, const struct exec_event *event, const struct plan *plan)
{
        char name[sizeof("SIG") + 16];
        const char *abbreviation;
        int status = (int)event->status;

        object_put_u64(o, "pid", event->pid);
        object_put_u64(o, "uid", event->uid); /* every exit record has it */
        object_put_part(o, event, PART_COMM, plan);
        put_process_id(o, "process_id", event->start_ns, event->pid);
        if (WIFEXITED(status))
                object_put_i64(o, "exit_code", WEXITSTATUS(status));
        if (WIFSIGNALED(status)) {
                object_put_i64(o, "signal", WTERMSIG(status));
                abbreviation = sigabbrev_np(WTERMSIG(status));
                if (abbreviation) { /* real-time signals have none */
                        (void)snprintf(name, sizeof(name), "SIG%s", abbreviation);
                        object_put_string(o, "signal_name", name);
                }
                if (WCOREDUMP(status))
                        object_put(o, "core_dumped", json_object_new_boolean(1));
        }
        object_put_u64(o, "duration_ns", event->duration_ns);
        object_put_truncated(o, plan);
}

static int encode_planned(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan, struct line *ret)
{
        _cleanup_(object_done) struct object o = object_new(e);

        if (event->kind == EVENT_EXIT)
                put_exit(&o, event, plan);
        else
                put_exec(&o, event, plan);
        return line_finish(e, event->kind, event->boot_ns, &o, ret);
}

static size_t line_size(const struct line *line)
{
        return line->head.size + LINE_SEQ_DIGITS_MAX + line->tail.size;
}

/*
 * Deals out `room` bytes: a floor for each part first, but never more than a quarter of what is
 * left, so that no part gets nothing; then the rest by precedence; what still remains is for exact
 * bytes.
 */
static struct plan plan_fit(struct encoder *e, const struct exec_event *event, size_t room)
{
        struct plan plan = plan_whole(event);
        struct part_size size[_PART_MAX];
        size_t more;

        for (enum part p = 0; p < _PART_MAX; p++) {
                size[p] = part_measure(e, event, p, room);
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

                r = encode_planned(e, event, &none, ret);
                if (r < 0)
                        return r;
                plan = plan_fit(e, event, limit - MIN(limit, line_size(ret)));
                if (((plan.cut & ~none.cut) | (plan.no_base64 & ~none.no_base64)) == 0)
                        break;
        }
        return encode_planned(e, event, &plan, ret);
}

int encode_event(struct encoder *e, const struct exec_event *event, size_t limit, struct line *ret)
{
        const struct plan whole = plan_whole(event);
        struct line line;
        int r;

        assert(event_kind_is_kernel(event->kind));
        assert(limit == 0 || limit >= LIMIT_MIN);

        line_start(e);
        if (limit == 0 || event->argv.size < limit) { /* JSON is never shorter than its bytes */
                r = encode_planned(e, event, &whole, &line);
                if (r < 0)
                        return r;
                if (limit == 0 || line_size(&line) <= limit) {
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
