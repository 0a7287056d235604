/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One row for each key, in the order in which lines have them: the search for a key begins behind
 * the one before, so that it finds most at once.
 *
 * What has to be decoded goes into memory that is reserved once for the line: nothing decoded is
 * longer than its text, so spans of it stay where they are.
 */
#include <errno.h>
#include <stddef.h>

#include "base/text.h"
#include "event/stats.h"
#include "read/base64.h"
#include "read/event_line.h"
#include "read/event_time.h"

enum take {
        TAKE_KIND,
        TAKE_TIME,
        TAKE_U32,
        TAKE_U64,
        TAKE_COUNTER,
        TAKE_TEXT,
        TAKE_STRINGS,
        TAKE_VARIABLES,
        TAKE_VALUE,
        TAKE_RETVAL,
        TAKE_CAPS,
        TAKE_FLAGS,
        TAKE_ANCESTORS,
        TAKE_TRUNCATED,
        TAKE_ARGV_TRUNCATED,
        TAKE_EXIT_CODE,
        TAKE_SIGNAL,
        TAKE_CORE,
        TAKE_NOTHING, /* known, and of no use to us */
};

struct row {
        const char *name;
        size_t size;
        size_t offset;
        enum take take;
        uint32_t fact; /* enum exec_fact */
};

#define ROW(key, how, ...)                                                                         \
        {                                                                                          \
                .name = (key), .size = sizeof(key) - 1, .take = (how), __VA_ARGS__                 \
        }
#define AT(member) .offset = offsetof(struct event_line, member)
#define U32(key, member, bit)                                                                      \
        ROW(key, TAKE_U32, .offset = offsetof(struct event_line, event.facts.member), .fact = (bit))
#define TEXT(key, member) ROW(key, TAKE_TEXT, AT(member))
#define FACT_TEXT(key, member) TEXT(key, event.member)
#define COUNTER(name_) ROW(#name_, TAKE_COUNTER, AT(counters.name_))
#define VALUE(name_) ROW(#name_, TAKE_VALUE, AT(name_))
#define NOTHING(key) ROW(key, TAKE_NOTHING)

static const struct row rows[] = {
        ROW("event", TAKE_KIND),
        ROW("time", TAKE_TIME, AT(time_ns)),
        ROW("seq", TAKE_U64, AT(seq)),
        TEXT("boot_id", boot_id),
        TEXT("host", host),

        U32("pid", pid, 0),
        U32("tid", tid, 0),
        U32("ppid", ppid, FACT_PARENT),
        U32("sid", sid, FACT_SID),
        U32("pgid", pgid, FACT_SID),
        NOTHING("session_leader"),
        U32("uid", uid, FACT_CREDS),
        U32("gid", gid, FACT_CREDS),
        U32("euid", euid, FACT_CREDS),
        U32("egid", egid, FACT_CREDS),
        U32("suid", suid, FACT_CREDS),
        U32("sgid", sgid, FACT_CREDS),
        FACT_TEXT("user", user),
        FACT_TEXT("euser", euser),
        FACT_TEXT("group", group),
        U32("loginuid", loginuid, FACT_LOGINUID),
        U32("session", session, FACT_SESSION),
        FACT_TEXT("comm", comm),
        FACT_TEXT("parent_comm", parent_comm),
        U32("parent_uid", parent_uid, FACT_PARENT_UID),
        FACT_TEXT("parent_exe", parent_exe),
        ROW("parent_argv", TAKE_STRINGS, AT(event.parent_argv)),
        FACT_TEXT("filename", filename),
        FACT_TEXT("exe", exe),
        ROW("argv", TAKE_STRINGS, AT(event.argv)),
        U32("argc", argc, FACT_ARGC),
        ROW("argv_truncated", TAKE_ARGV_TRUNCATED),
        ROW("argv_bytes", TAKE_U64, AT(event.facts.argv_bytes), .fact = FACT_ARGV_BYTES),
        FACT_TEXT("cwd", cwd),
        FACT_TEXT("tty", tty),
        FACT_TEXT("cgroup", cgroup),
        FACT_TEXT("unit", names.unit),
        FACT_TEXT("slice", names.slice),
        FACT_TEXT("user_unit", names.user_unit),
        FACT_TEXT("container_id", names.container_id),
        U32("ns_pid", ns_pid, FACT_NS_PID),
        NOTHING("namespaces"),
        ROW("caps", TAKE_CAPS),
        NOTHING("exe_file"),
        ROW("flags", TAKE_FLAGS),
        ROW("env", TAKE_VARIABLES, AT(event.env)),
        TEXT("process_id", process_id),
        NOTHING("exec_id"),
        TEXT("parent_process_id", parent_process_id),
        NOTHING("parent_exec_id"),
        ROW("ancestors", TAKE_ANCESTORS),
        ROW("exit_code", TAKE_EXIT_CODE),
        ROW("signal", TAKE_SIGNAL),
        TEXT("signal_name", signal_name),
        ROW("core_dumped", TAKE_CORE),
        ROW("duration_ns", TAKE_U64, AT(event.duration_ns)),
        ROW("retval", TAKE_RETVAL, .fact = FACT_RETVAL),
        TEXT("error", error),
        NOTHING("source"),
        ROW("tags", TAKE_STRINGS, AT(event.tags)),

        TEXT("of", of),
        COUNTER(count),
        TEXT("rule", rule),
        TEXT("where", where),
        COUNTER(uncertain),
        ROW("from", TAKE_TIME, AT(from_ns)),
        ROW("to", TAKE_TIME, AT(to_ns)),

        TEXT("version", version),
        TEXT("kernel", kernel),
        TEXT("machine_id", machine_id),
        COUNTER(boot_age_ns),
        VALUE(settings),
        VALUE(missing),
        TEXT("down", down),
        VALUE(inherited),

        COUNTER(seen),
        COUNTER(filtered),
        VALUE(filtered_by),
        COUNTER(lost),
        VALUE(lost_by),
        COUNTER(in_rings),
        COUNTER(queued),
        NOTHING("queue_bytes"),
        NOTHING("wakeups"),
        COUNTER(cut),
        COUNTER(redacted), /* of an exec: positions, an array */
        COUNTER(summing),
        VALUE(rules),
        VALUE(programs),
        VALUE(sinks),
        COUNTER(unaccounted),
        ROW("truncated", TAKE_TRUNCATED),
};

static const struct row *find_row(struct span name, const struct row *hint)
{
        for (size_t i = 0, at = (size_t)(hint - rows); i < ELEMENTSOF(rows); i++, at++) {
                const struct row *row = &rows[at % ELEMENTSOF(rows)];

                if (row->size == name.size && memcmp(row->name, name.data, name.size) == 0)
                        return row;
        }
        return NULL;
}

static bool take_time(const struct json_value *v, uint64_t *ret)
{
        return v->kind == JSON_STRING && event_time_parse(v->text, ret);
}

static bool take_u32(const struct json_value *v, uint32_t *ret)
{
        uint64_t value;

        if (!json_to_u64(v, &value) || value > UINT32_MAX)
                return false;
        *ret = (uint32_t)value;
        return true;
}

static bool take_text(struct event_line *l, const struct json_value *v, struct span *ret)
{
        const size_t start = l->memory.size;

        if (v->kind != JSON_STRING)
                return false;
        *ret = v->text;
        if (!v->has_escapes)
                return true;
        json_append_string(v, &l->memory);
        *ret = (struct span){ l->memory.data + start, l->memory.size - start };
        return true;
}

typedef bool (*append_string)(const struct json_value *v, struct buf *ret);

static bool append_plain(const struct json_value *v, struct buf *ret)
{
        json_append_string(v, ret);
        return true;
}

static bool append_base64(const struct json_value *v, struct buf *ret)
{
        return !v->has_escapes && base64_decode(v->text, ret);
}

static bool take_strings(struct event_line *l, const struct json_value *v, append_string append,
                         struct span *ret)
{
        const size_t start = l->memory.size;
        struct json_value element;
        struct json_scan scan;
        int r;

        if (v->kind != JSON_ARRAY)
                return false;
        (void)json_scan_array(&scan, v->text);
        while ((r = json_next_element(&scan, &element)) > 0) {
                if (element.kind != JSON_STRING || !append(&element, &l->memory))
                        return false;
                buf_append_char(&l->memory, '\0');
        }
        *ret = (struct span){ l->memory.data + start, l->memory.size - start };
        return r == 0;
}

static bool take_variables(struct event_line *l, const struct json_value *v, struct span *ret)
{
        const size_t start = l->memory.size;
        struct json_value element;
        struct json_scan scan;
        struct span name;

        if (v->kind != JSON_OBJECT)
                return false;
        (void)json_scan_object(&scan, v->text);
        while (json_next_member(&scan, &name, &element) > 0) {
                if (element.kind != JSON_STRING)
                        return false;
                json_append_string(&(struct json_value){ .has_escapes = true, .text = name },
                                   &l->memory);
                buf_append_char(&l->memory, '=');
                json_append_string(&element, &l->memory);
                buf_append_char(&l->memory, '\0');
        }
        *ret = (struct span){ l->memory.data + start, l->memory.size - start };
        return true;
}

static bool take_retval(struct event_line *l, const struct json_value *v)
{
        int64_t value;

        if (!json_to_i64(v, &value) || value > 0 || value < INT32_MIN)
                return false;
        l->event.facts.retval = (int32_t)value;
        return true;
}

static bool take_hex(const struct json_value *v, uint64_t *ret)
{
        struct span digits = v->text;
        uint64_t value = 0;

        if (v->kind != JSON_STRING || !span_strip_prefix(&digits, "0x") || digits.size == 0 ||
            digits.size > 16)
                return false;
        for (size_t i = 0; i < digits.size; i++) {
                const char c = digits.data[i];

                if (!is_digit(c) && (c < 'a' || c > 'f'))
                        return false;
                value = value << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        *ret = value;
        return true;
}

static bool take_caps(struct event_line *l, const struct json_value *v)
{
        struct exec_facts *f = &l->event.facts;
        struct json_value value;
        struct json_scan scan;
        struct span key;

        if (v->kind != JSON_OBJECT)
                return false;
        (void)json_scan_object(&scan, v->text);
        while (json_next_member(&scan, &key, &value) > 0) {
                uint64_t set;

                if (!take_hex(&value, &set))
                        return false;
                if (span_is(key, "effective"))
                        f->caps_effective = set;
                else if (span_is(key, "permitted"))
                        f->caps_permitted = set;
        }
        f->present |= FACT_CAPS;
        return true;
}

static bool take_flags(struct event_line *l, const struct json_value *v)
{
        struct json_value word;
        struct json_scan scan;
        const char *name;

        if (v->kind != JSON_ARRAY)
                return false;
        (void)json_scan_array(&scan, v->text);
        while (json_next_element(&scan, &word) > 0)
                for (unsigned bit = 0; (name = event_trait_name(bit)); bit++)
                        if (word.kind == JSON_STRING && span_is(word.text, name))
                                l->event.facts.traits |= UINT32_C(1) << bit;
        return true;
}

static bool take_ancestor(struct event_line *l, const struct json_value *v,
                          struct event_ancestor *ret)
{
        struct json_value value;
        struct json_scan scan;
        struct span key, comm = { 0 };

        if (v->kind != JSON_OBJECT)
                return false;
        *ret = (struct event_ancestor){ 0 };
        (void)json_scan_object(&scan, v->text);
        while (json_next_member(&scan, &key, &value) > 0) {
                if (span_is(key, "pid") && !take_u32(&value, &ret->pid))
                        return false;
                if (span_is(key, "comm") && !take_text(l, &value, &comm))
                        return false;
                if (span_is(key, "exe") && !take_text(l, &value, &ret->exe))
                        return false;
        }
        if (comm.size > 0)
                memcpy(ret->comm, comm.data, MIN(comm.size, sizeof(ret->comm)));
        return true;
}

static bool take_ancestors(struct event_line *l, const struct json_value *v)
{
        struct json_value element;
        struct json_scan scan;

        l->event.n_ancestors = 0;
        if (v->kind != JSON_ARRAY)
                return false;
        (void)json_scan_array(&scan, v->text);
        while (json_next_element(&scan, &element) > 0) {
                if (l->event.n_ancestors == EXEC_ANCESTORS_MAX)
                        return false;
                if (!take_ancestor(l, &element, &l->event.ancestors[l->event.n_ancestors]))
                        return false;
                l->event.n_ancestors++;
        }
        return true;
}

/* Names of keys, as bits of what the selection asks for. */
static bool take_truncated(struct event_line *l, const struct json_value *v)
{
        static const struct {
                const char *name;
                uint32_t cut;
        } fields[] = {
                { "filename", EXEC_CUT(FIELD_FILENAME) },
                { "exe", EXEC_CUT(FIELD_EXE) },
                { "cwd", EXEC_CUT(FIELD_CWD) },
                { "cgroup", EXEC_CUT(FIELD_CGROUP) },
                { "unit", EXEC_CUT(FIELD_CGROUP) },
                { "slice", EXEC_CUT(FIELD_CGROUP) },
                { "user_unit", EXEC_CUT(FIELD_CGROUP) },
                { "container_id", EXEC_CUT(FIELD_CGROUP) },
                { "env", EXEC_CUT(FIELD_ENV) },
                { "ancestors", EXEC_CUT(FIELD_ANCESTORS) },
                { "parent_exe", EXEC_CUT(FIELD_PARENT_EXE) },
                { "parent_argv", EVENT_CUT_PARENT_ARGV },
        };
        struct json_value word;
        struct json_scan scan;

        if (v->kind != JSON_ARRAY)
                return false;
        (void)json_scan_array(&scan, v->text);
        while (json_next_element(&scan, &word) > 0)
                for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                        if (word.kind == JSON_STRING && span_is(word.text, fields[i].name))
                                l->event.cut |= fields[i].cut;
        return true;
}

static bool is_true(const struct json_value *v)
{
        return v->kind == JSON_WORD && span_is(v->text, "true");
}

static bool take_status(struct event_line *l, const struct json_value *v, uint64_t max,
                        unsigned shift)
{
        uint64_t value;

        if (!json_to_u64(v, &value) || value > max)
                return false;
        l->event.status |= (uint32_t)value << shift;
        l->has_status = true;
        return true;
}

static bool take_counter(struct event_line *l, const struct row *row, const struct json_value *v)
{
        const size_t at = row->offset - offsetof(struct event_line, counters);
        void *counter = (char *)l + row->offset;

        if (v->kind != JSON_NUMBER) /* `redacted`: an array in an exec, a number in stats */
                return v->kind == JSON_ARRAY;
        if (at == offsetof(struct line_counters, unaccounted) ? !json_to_i64(v, counter)
                                                              : !json_to_u64(v, counter))
                return false;
        l->has_counters |= UINT32_C(1) << at / sizeof(uint64_t);
        return true;
}

static bool take_value(struct event_line *l, const struct row *row, const struct json_value *v)
{
        void *member = (char *)l + row->offset;

        switch (row->take) {
        case TAKE_KIND:
                return take_text(l, v, &l->kind);
        case TAKE_TIME:
                return take_time(v, member);
        case TAKE_U32:
                return take_u32(v, member);
        case TAKE_U64:
                return json_to_u64(v, member);
        case TAKE_COUNTER:
                return take_counter(l, row, v);
        case TAKE_TEXT:
                return take_text(l, v, member);
        case TAKE_STRINGS:
                return take_strings(l, v, append_plain, member);
        case TAKE_VARIABLES:
                return take_variables(l, v, member);
        case TAKE_VALUE:
                *(struct json_value *)member = *v;
                return true;
        case TAKE_RETVAL:
                return take_retval(l, v);
        case TAKE_CAPS:
                return take_caps(l, v);
        case TAKE_FLAGS:
                return take_flags(l, v);
        case TAKE_ANCESTORS:
                return take_ancestors(l, v);
        case TAKE_TRUNCATED:
                return take_truncated(l, v);
        case TAKE_ARGV_TRUNCATED:
                l->event.cut |= is_true(v) ? EXEC_CUT(FIELD_ARGV) : 0;
                return v->kind == JSON_WORD;
        case TAKE_EXIT_CODE:
                return take_status(l, v, 255, 8);
        case TAKE_SIGNAL:
                return take_status(l, v, 126, 0);
        case TAKE_CORE:
                l->event.status |= is_true(v) ? 0x80 : 0;
                return v->kind == JSON_WORD;
        case TAKE_NOTHING:
                return true;
        }
        return false;
}

/* The exact bytes of a text that is not UTF-8, behind the text. */
static bool take_exact(struct event_line *l, struct span name, const struct json_value *v)
{
        const struct row *row = find_row(name, rows);
        const size_t start = l->memory.size;
        struct span *member;

        if (!row || (row->take != TAKE_TEXT && row->take != TAKE_STRINGS))
                return true; /* of a later version, or of what is not looked at */
        member = (struct span *)((char *)l + row->offset);
        if (row->take == TAKE_STRINGS)
                return take_strings(l, v, append_base64, member);
        if (v->kind != JSON_STRING || !append_base64(v, &l->memory))
                return false;
        *member = (struct span){ l->memory.data + start, l->memory.size - start };
        return true;
}

static const struct row *take_member(struct event_line *l, struct span name,
                                     const struct json_value *v, const struct row *hint)
{
        const struct row *row;

        if (span_strip_suffix(&name, "_base64")) {
                l->n_strange += !take_exact(l, name, v);
                return hint;
        }
        if (span_is(name, "cpu")) {
                l->n_strange += !take_u32(v, &l->cpu);
                return hint;
        }
        row = find_row(name, hint);
        if (!row)
                return hint;
        if (take_value(l, row, v))
                l->event.facts.present |= row->fact;
        else
                l->n_strange++;
        return row + 1 < rows + ELEMENTSOF(rows) ? row + 1 : rows;
}

static bool is_boot_id(struct span s)
{
        if (s.size != BOOT_ID_SIZE)
                return false;
        for (size_t i = 0; i < s.size; i++)
                if (!is_digit(s.data[i]) && (s.data[i] < 'a' || s.data[i] > 'f'))
                        return false;
        return true;
}

/* Whether it has what every line of ours has. */
static enum line_kind classify(struct event_line *l)
{
        if (!l->kind.data || l->time_ns == TIME_UNKNOWN || l->seq == 0 || !l->host.data ||
            !is_boot_id(l->boot_id))
                return LINE_FOREIGN;
        for (unsigned k = 0; k < _EVENT_KIND_MAX; k++) {
                if (!span_is(l->kind, event_kind_name(k)))
                        continue;
                l->event.kind = k;
                return LINE_EVENT;
        }
        l->event.kind = _EVENT_KIND_MAX;
        return LINE_UNKNOWN;
}

/* What a line leaves out because it is as usual: see `caps` in the manual. */
static void complete(struct event_line *l)
{
        struct exec_facts *f = &l->event.facts;

        if ((event_kind_is_kernel(l->event.kind) || l->event.kind == EVENT_PROCESS) &&
            l->event.kind != EVENT_EXIT && !(f->present & FACT_CAPS) && f->present & FACT_CREDS) {
                f->caps_effective = f->caps_permitted = f->euid == 0 ? UINT64_MAX : 0;
                f->present |= FACT_CAPS;
        }
}

int event_line_read(struct event_line *l, struct span text)
{
        struct buf memory = l->memory;
        const struct row *hint = rows;
        struct json_value value;
        struct json_scan scan;
        enum line_kind kind;
        struct span name;
        int r;

        buf_reset(&memory);
        if (!buf_reserve(&memory, text.size + 1))
                return -ENOMEM;
        *l = (struct event_line){ .text = text,
                                  .memory = memory,
                                  .time_ns = TIME_UNKNOWN,
                                  .from_ns = TIME_UNKNOWN,
                                  .to_ns = TIME_UNKNOWN,
                                  .cpu = LOSS_ANY_CPU };
        if (!json_scan_object(&scan, text))
                return LINE_BAD;
        while ((r = json_next_member(&scan, &name, &value)) > 0)
                hint = take_member(l, name, &value, hint);
        if (r < 0)
                return LINE_BAD;
        if (buf_error(&l->memory))
                return -ENOMEM;
        kind = classify(l);
        complete(l);
        return (int)kind;
}

void event_line_done(struct event_line *l)
{
        buf_done(&l->memory);
}
