/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <stdio.h>
#include <sys/wait.h>

#include "base/show.h"
#include "view/columns.h"
#include "view/width.h"

#define SGR_YELLOW "\x1b[1;33m"
#define SGR_MAGENTA "\x1b[1;35m"

/* What has no name in the file system, or none that lasts. */
#define STRANGE_TRAITS (TRAIT_MEMFD | TRAIT_DELETED)

void cells_done(struct cells *c)
{
        buf_done(&c->scratch);
}

static void fill(struct cells *c, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                buf_append_char(c->out, ' ');
}

void cell_put(struct cells *c, struct span text, unsigned columns, bool to_the_right,
              enum cell_look look)
{
        static const char *const colours[] = { [CELL_PLAIN] = "",
                                               [CELL_ELEVATED] = SGR_YELLOW,
                                               [CELL_STRANGE] = SGR_MAGENTA,
                                               [CELL_BAD] = SGR_BAD };
        const bool has_colour = c->has_colours && look != CELL_PLAIN;
        struct span shown;
        unsigned n;

        buf_reset(&c->scratch);
        show_text(text, &c->scratch);
        shown = buf_span(&c->scratch);
        n = shown.size > 0 ? width_columns(shown) : 0;
        if (c->cuts && n > columns) {
                shown = width_head(shown, columns - 1);
                n = width_columns(shown) + 1;
        }
        if (to_the_right && n < columns)
                fill(c, columns - n);
        if (has_colour)
                buf_append_string(c->out, colours[look]);
        buf_append_span(c->out, shown);
        if (shown.size < c->scratch.size)
                buf_append_string(c->out, "…");
        if (has_colour)
                buf_append_string(c->out, SGR_RESET);
        if (!to_the_right && n < columns)
                fill(c, columns - n);
        buf_append_char(c->out, ' ');
        c->columns += MAX(n, columns) + 1;
}

void cell_put_number(struct cells *c, uint64_t value, unsigned columns)
{
        char text[sizeof("18446744073709551615")];
        const int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

        cell_put(c, (struct span){ text, (size_t)n }, columns, true, CELL_PLAIN);
}

static void put_pid(struct cells *c, uint32_t pid)
{
        if (pid > 0)
                cell_put_number(c, pid, NUMBER_COLUMNS);
        else
                cell_put(c, (struct span){ 0 }, NUMBER_COLUMNS, true, CELL_PLAIN);
}

bool event_is_elevated(const struct exec_event *e)
{
        return event_has(e, FACT_CREDS) && e->facts.euid == 0 && event_has(e, FACT_LOGINUID) &&
               e->facts.loginuid != 0;
}

struct span columns_user(const struct exec_event *e, char uid[static UID_TEXT_SIZE])
{
        if (e->user.size > 0 || !event_has(e, FACT_CREDS))
                return e->user;
        (void)snprintf(uid, UID_TEXT_SIZE, "%u", e->facts.uid);
        return span_of(uid);
}

struct span columns_unit(const struct exec_event *e)
{
        return e->names.user_unit.data ? e->names.user_unit : e->names.unit;
}

bool columns_status(const struct event_line *line, char ret[static STATUS_SIZE])
{
        const int status = (int)line->event.status;
        const struct span name = line->signal_name;

        ret[0] = '\0';
        if (!line->has_status)
                return false;
        if (WIFEXITED(status))
                (void)snprintf(ret, STATUS_SIZE, "%d", WEXITSTATUS(status));
        else if (name.size > 0 && name.size < STATUS_SIZE)
                (void)snprintf(ret, STATUS_SIZE, "%.*s", (int)name.size, name.data);
        else
                (void)snprintf(ret, STATUS_SIZE, "SIG%d", WTERMSIG(status));
        return status != 0;
}

static void put_user(struct cells *c, const struct exec_event *e)
{
        char uid[UID_TEXT_SIZE];

        cell_put(c, columns_user(e, uid), USER_COLUMNS, false,
                 event_is_elevated(e) ? CELL_ELEVATED : CELL_PLAIN);
}

void columns_put_left(struct cells *c, const struct event_line *line)
{
        const struct exec_event *e = line ? &line->event : NULL;

        if (!e) {
                cell_put(c, SPAN_LITERAL("PID"), NUMBER_COLUMNS, true, CELL_PLAIN);
                cell_put(c, SPAN_LITERAL("PPID"), NUMBER_COLUMNS, true, CELL_PLAIN);
                cell_put(c, SPAN_LITERAL("USER"), USER_COLUMNS, false, CELL_PLAIN);
                cell_put(c, SPAN_LITERAL("COMM"), EXEC_COMM_SIZE - 1, false, CELL_PLAIN);
                return;
        }
        put_pid(c, e->facts.pid);
        put_pid(c, event_has(e, FACT_PARENT) ? e->facts.ppid : 0);
        put_user(c, e);
        cell_put(c, e->comm, EXEC_COMM_SIZE - 1, false,
                 e->facts.traits & STRANGE_TRAITS ? CELL_STRANGE : CELL_PLAIN);
}

static struct span short_id(struct span id)
{
        return span_head(id, MIN(id.size, (size_t)12)); /* as docker shows it */
}

/* In the order of their use; each from so many columns of the terminal on. */
enum extra {
        EXTRA_UNIT,
        EXTRA_TTY,
        EXTRA_PARENT,
        EXTRA_FLAGS,
        EXTRA_CONTAINER,
        EXTRA_HOST,
        EXTRA_CWD,
        _EXTRA_MAX,
};

static const struct {
        const char *title;
        unsigned columns;
        unsigned from_width;
} extras[_EXTRA_MAX] = {
        [EXTRA_UNIT] = { "UNIT", 20, 120 },
        [EXTRA_TTY] = { "TTY", 7, 130 },
        [EXTRA_PARENT] = { "PARENT", 15, 150 },
        [EXTRA_FLAGS] = { "FLAGS", 12, 170 },
        [EXTRA_CONTAINER] = { "CONTAINER", 12, 190 },
        [EXTRA_HOST] = { "HOST", 12, 210 },
        [EXTRA_CWD] = { "CWD", 16, 230 },
};

static struct span extra_of(const struct event_line *line, enum extra which, struct buf *scratch)
{
        const struct exec_event *e = &line->event;

        switch (which) {
        case EXTRA_UNIT:
                return columns_unit(e);
        case EXTRA_TTY:
                return e->tty;
        case EXTRA_PARENT:
                return e->parent_comm;
        case EXTRA_FLAGS:
                event_append_traits(e->facts.traits, scratch);
                return buf_span(scratch);
        case EXTRA_CONTAINER:
                return short_id(e->names.container_id);
        case EXTRA_HOST:
                return line->host;
        case EXTRA_CWD:
                return e->cwd;
        case _EXTRA_MAX:
                break;
        }
        return (struct span){ 0 };
}

void columns_put_right(struct cells *c, const struct event_line *line, unsigned width, bool cuts)
{
        _cleanup_(buf_done) struct buf scratch = { 0 };

        c->cuts = cuts;
        for (enum extra i = 0; i < _EXTRA_MAX && width >= extras[i].from_width; i++) {
                buf_reset(&scratch);
                cell_put(c, line ? extra_of(line, i, &scratch) : span_of(extras[i].title),
                         extras[i].columns, false, CELL_PLAIN);
        }
        c->cuts = false;
}
