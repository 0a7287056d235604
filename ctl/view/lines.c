/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <inttypes.h>
#include <sys/wait.h>

#include "base/show.h"
#include "view/columns.h"
#include "view/lines.h"
#include "view/moment.h"

void line_show_json(const struct event_line *line, bool for_terminal, struct buf *ret)
{
        if (for_terminal)
                show_json(line->text, ret);
        else
                buf_append_span(ret, line->text);
        buf_append_char(ret, '\n');
}

static bool needs_quotes(struct span s)
{
        return s.size > 0 && (memchr(s.data, ',', s.size) || memchr(s.data, '"', s.size) ||
                              s.data[0] == ' ' || s.data[s.size - 1] == ' ');
}

/* Text that is harmless by now. */
static void append_field(struct span s, struct buf *ret)
{
        struct span part;

        if (!needs_quotes(s)) {
                buf_append_span(ret, s);
                return;
        }
        buf_append_char(ret, '"');
        while (span_split(s, '"', &part, &s)) {
                buf_append_span(ret, part);
                buf_append_string(ret, "\"\"");
        }
        buf_append_span(ret, part);
        buf_append_char(ret, '"');
}

enum field {
        CSV_TIME,
        CSV_HOST,
        CSV_BOOT_ID,
        CSV_SEQ,
        CSV_EVENT,
        CSV_PID,
        CSV_PPID,
        CSV_UID,
        CSV_USER,
        CSV_EUID,
        CSV_LOGINUID,
        CSV_COMM,
        CSV_EXE,
        CSV_ARGS,
        CSV_CWD,
        CSV_TTY,
        CSV_UNIT,
        CSV_CONTAINER_ID,
        CSV_PROCESS_ID,
        CSV_PARENT_PROCESS_ID,
        CSV_ERROR,
        CSV_EXIT_CODE,
        CSV_SIGNAL,
        CSV_DURATION_NS,
        CSV_FLAGS,
        CSV_WHERE,
        CSV_COUNT,
        _CSV_MAX,
};

static const char *const titles[_CSV_MAX] = {
        [CSV_TIME] = "time",
        [CSV_HOST] = "host",
        [CSV_BOOT_ID] = "boot_id",
        [CSV_SEQ] = "seq",
        [CSV_EVENT] = "event",
        [CSV_PID] = "pid",
        [CSV_PPID] = "ppid",
        [CSV_UID] = "uid",
        [CSV_USER] = "user",
        [CSV_EUID] = "euid",
        [CSV_LOGINUID] = "loginuid",
        [CSV_COMM] = "comm",
        [CSV_EXE] = "exe",
        [CSV_ARGS] = "args",
        [CSV_CWD] = "cwd",
        [CSV_TTY] = "tty",
        [CSV_UNIT] = "unit",
        [CSV_CONTAINER_ID] = "container_id",
        [CSV_PROCESS_ID] = "process_id",
        [CSV_PARENT_PROCESS_ID] = "parent_process_id",
        [CSV_ERROR] = "error",
        [CSV_EXIT_CODE] = "exit_code",
        [CSV_SIGNAL] = "signal",
        [CSV_DURATION_NS] = "duration_ns",
        [CSV_FLAGS] = "flags",
        [CSV_WHERE] = "where",
        [CSV_COUNT] = "count",
};

static void append_number(const struct exec_event *e, enum exec_fact fact, uint32_t value,
                          struct buf *ret)
{
        if (event_has(e, fact))
                buf_append_u64(ret, value);
}

static void append_status(const struct event_line *line, enum field field, struct buf *ret)
{
        const int status = (int)line->event.status;

        if (!line->has_status)
                return;
        if (field == CSV_EXIT_CODE && WIFEXITED(status))
                buf_append_u64(ret, (uint64_t)WEXITSTATUS(status));
        if (field == CSV_SIGNAL && WIFSIGNALED(status))
                buf_append_u64(ret, (uint64_t)WTERMSIG(status));
}

static bool append_event_number(const struct event_line *line, enum field field, struct buf *ret)
{
        const struct exec_event *e = &line->event;
        const bool is_daemon = !event_kind_is_kernel(e->kind) && e->kind != EVENT_PROCESS;

        switch (field) {
        case CSV_SEQ:
                buf_append_u64(ret, line->seq);
                return true;
        case CSV_PID:
                if (!is_daemon)
                        buf_append_u64(ret, e->facts.pid);
                return true;
        case CSV_PPID:
                append_number(e, FACT_PARENT, e->facts.ppid, ret);
                return true;
        case CSV_UID:
                append_number(e, FACT_CREDS, e->facts.uid, ret);
                return true;
        case CSV_EUID:
                if (e->kind != EVENT_EXIT)
                        append_number(e, FACT_CREDS, e->facts.euid, ret);
                return true;
        case CSV_LOGINUID:
                append_number(e, FACT_LOGINUID, e->facts.loginuid, ret);
                return true;
        case CSV_EXIT_CODE:
        case CSV_SIGNAL:
                append_status(line, field, ret);
                return true;
        case CSV_DURATION_NS:
                if (e->kind == EVENT_EXIT)
                        buf_append_u64(ret, e->duration_ns);
                return true;
        case CSV_COUNT:
                if (event_line_has(line, LINE_HAS(count)))
                        buf_append_u64(ret, line->counters.count);
                return true;
        default:
                return false;
        }
}

static struct span event_text(const struct event_line *line, enum field field)
{
        const struct exec_event *e = &line->event;

        switch (field) {
        case CSV_HOST:
                return line->host;
        case CSV_BOOT_ID:
                return line->boot_id;
        case CSV_EVENT:
                return line->kind;
        case CSV_USER:
                return e->user;
        case CSV_COMM:
                return e->comm;
        case CSV_EXE:
                return e->exe;
        case CSV_CWD:
                return e->cwd;
        case CSV_TTY:
                return e->tty;
        case CSV_UNIT:
                return e->names.unit;
        case CSV_CONTAINER_ID:
                return e->names.container_id;
        case CSV_PROCESS_ID:
                return line->process_id;
        case CSV_PARENT_PROCESS_ID:
                return line->parent_process_id;
        case CSV_ERROR:
                return line->error;
        case CSV_WHERE:
                return line->where;
        default:
                return (struct span){ 0 };
        }
}

static void append_value(const struct event_line *line, enum field field, struct buf *ret)
{
        switch (field) {
        case CSV_TIME:
                moment_show(line->time_ns, true, true, 9, ret);
                buf_append_char(ret, 'Z');
                if (!buf_error(ret))
                        ret->data[ret->size - strlen(" 00:00:00.000000000Z")] = 'T';
                break;
        case CSV_ARGS:
                show_words(line->event.argv, false, ret);
                break;
        case CSV_FLAGS:
                event_append_traits(line->event.facts.traits, ret);
                break;
        default:
                show_text(event_text(line, field), ret);
                break;
        }
}

void line_show_csv_titles(struct buf *ret)
{
        for (enum field i = 0; i < _CSV_MAX; i++) {
                if (i > 0)
                        buf_append_char(ret, ',');
                buf_append_string(ret, titles[i]);
        }
        buf_append_string(ret, "\r\n");
}

void line_show_csv(const struct event_line *line, struct buf *ret)
{
        _cleanup_(buf_done) struct buf value = { 0 };

        for (enum field i = 0; i < _CSV_MAX; i++) {
                if (i > 0)
                        buf_append_char(ret, ',');
                if (append_event_number(line, i, ret))
                        continue;
                buf_reset(&value);
                append_value(line, i, &value);
                if (value.size > 0)
                        append_field(buf_span(&value), ret);
        }
        buf_append_string(ret, "\r\n");
}

void line_show_verbose(const struct event_line *line, bool utc, struct buf *ret)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct json_value value;
        struct json_scan scan;
        struct span key;

        moment_show(line->time_ns, utc, true, 9, ret);
        buf_append_char(ret, ' ');
        show_text(line->host, ret);
        buf_append_char(ret, ' ');
        show_text(line->kind, ret);
        buf_append_char(ret, '\n');
        (void)json_scan_object(&scan, line->text);
        while (json_next_member(&scan, &key, &value) > 0) {
                buf_append_string(ret, "    ");
                show_text(key, ret);
                buf_append_char(ret, '=');
                buf_reset(&text);
                if (value.kind == JSON_STRING)
                        json_append_string(&value, &text);
                else
                        buf_append_span(&text, value.text);
                show_text(buf_span(&text), ret);
                buf_append_char(ret, '\n');
        }
}
