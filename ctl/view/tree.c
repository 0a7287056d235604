/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "view/tree.h"
#include "base/show.h"
#include "view/moment.h"
#include "view/width.h"

/* What spans more than this needs the date in each row. */
#define DATE_NS (20 * 3600 * NSEC_PER_SEC)

/* Levels whose lines are drawn; of what is deeper the nearest ones. */
#define LEVELS_MAX 40
#define LEVELS_MIN 4
#define LEVEL_COLUMNS 2

/* As in the table. */
#define MSEC_WIDTH 100
#define UNIT_WIDTH 140
#define UNIT_COLUMNS 20

#define SGR_DIM "\x1b[2m"

/* The head line of a boot. */
#define SGR_NOTE "\x1b[36m"

static bool has_date(const struct family *f)
{
        uint64_t from_ns, to_ns;

        family_span(f, &from_ns, &to_ns);
        return to_ns - from_ns > DATE_NS;
}

static bool has_msec(const struct tree_config *config)
{
        return config->width >= MSEC_WIDTH;
}

static unsigned time_columns(const struct tree_config *config, const struct family *f)
{
        return (has_date(f) ? sizeof("2026-11-22") : 0) + (has_msec(config) ? 12 : 8);
}

void tree_show_titles(const struct tree_config *config, const struct family *f, struct buf *ret)
{
        struct cells c = { .out = ret };

        cell_put(&c, SPAN_LITERAL("TIME"), time_columns(config, f), false, CELL_PLAIN);
        cell_put(&c, SPAN_LITERAL("PID"), NUMBER_COLUMNS, true, CELL_PLAIN);
        cell_put(&c, SPAN_LITERAL("USER"), USER_COLUMNS, false, CELL_PLAIN);
        cell_put(&c, SPAN_LITERAL("STATUS"), STATUS_COLUMNS, true, CELL_PLAIN);
        cell_put(&c, SPAN_LITERAL("TOOK"), TOOK_COLUMNS, true, CELL_PLAIN);
        if (config->width >= UNIT_WIDTH)
                cell_put(&c, SPAN_LITERAL("UNIT"), UNIT_COLUMNS, false, CELL_PLAIN);
        buf_append_string(ret, "COMMAND\n");
        cells_done(&c);
}

static void put_left(const struct tree_config *config, const struct family *f,
                     const struct member *m, struct cells *c)
{
        _cleanup_(buf_done) struct buf time = { 0 }, took = { 0 };
        const bool is_known = m->kind != MEMBER_UNLOGGED;

        if (is_known)
                moment_show(m->begin_ns, config->utc, has_date(f), has_msec(config) ? 3 : 0, &time);
        if (m->is_replaced)
                show_duration(m->end_ns - MIN(m->begin_ns, m->end_ns), &took);
        else if (m->has_ended)
                show_duration(m->took_ns, &took);
        cell_put(c, buf_span(&time), time_columns(config, f), false, CELL_PLAIN);
        if (m->pid > 0)
                cell_put_number(c, m->pid, NUMBER_COLUMNS);
        else
                cell_put(c, (struct span){ 0 }, NUMBER_COLUMNS, true, CELL_PLAIN);
        cell_put(c, family_text(f, m->user), USER_COLUMNS, false,
                 m->is_elevated ? CELL_ELEVATED : CELL_PLAIN);
        cell_put(c, m->is_replaced ? SPAN_LITERAL("exec") : span_of(m->status), STATUS_COLUMNS,
                 true, m->is_bad && m->kind == MEMBER_EXEC ? CELL_BAD : CELL_PLAIN);
        cell_put(c, is_known ? buf_span(&took) : (struct span){ 0 }, TOOK_COLUMNS, true,
                 CELL_PLAIN);
        if (config->width < UNIT_WIDTH)
                return;
        c->cuts = true;
        cell_put(c, family_text(f, m->unit), UNIT_COLUMNS, false, CELL_PLAIN);
        c->cuts = false;
}

/* At most half of what the other columns leave: the command is what it is about. */
static unsigned levels_of(const struct tree_config *config, unsigned used)
{
        const unsigned left = config->width > used ? config->width - used : 0;

        return config->cuts ? MIN(MAX(left / 2 / LEVEL_COLUMNS, LEVELS_MIN), LEVELS_MAX)
                            : LEVELS_MAX;
}

/* The lines from its ancestors, so many. */
static void append_lines(const struct family *f, uint32_t at, unsigned n_max, struct buf *ret)
{
        const struct member *members, *m;
        bool goes_on[LEVELS_MAX];
        unsigned n = 0;
        uint32_t n_all;

        members = family_members(f, &n_all);
        m = &members[at];
        for (uint32_t up = m->parent; members[up].depth > 1 && n < n_max; up = members[up].parent)
                goes_on[n++] = members[up].next != NO_MEMBER;
        if (m->depth > n_max + 2)
                buf_append_string(ret, "… ");
        while (n-- > 0)
                buf_append_string(ret, goes_on[n] ? "│ " : "  ");
        if (m->depth <= 1)
                buf_append_string(ret, m->is_again ? "→ " : "");
        else if (m->is_again)
                buf_append_string(ret, m->next != NO_MEMBER ? "├→" : "└→");
        else
                buf_append_string(ret, m->next != NO_MEMBER ? "├─" : "└─");
}

static void put_cut(const struct tree_config *config, struct span text, unsigned used,
                    struct buf *ret)
{
        if (!config->cuts || used + 1 >= config->width ||
            used + width_columns(text) <= config->width) {
                buf_append_span(ret, text);
                return;
        }
        buf_append_span(ret, width_head(text, config->width - used - 1));
        buf_append_string(ret, "…");
}

static void show_boot(const struct tree_config *config, const struct family *f,
                      const struct member *m, struct buf *ret)
{
        buf_append_string(ret, config->has_colours ? SGR_NOTE "-- " : "-- ");
        buf_append_span(ret, family_text(f, m->command));
        buf_append_string(ret, ", ");
        moment_show(m->begin_ns, config->utc, true, 0, ret);
        buf_append_string(ret, config->has_colours ? " --" SGR_RESET "\n" : " --\n");
}

static const char *colour_of(const struct member *m)
{
        switch (m->kind) {
        case MEMBER_UNLOGGED:
                return SGR_DIM;
        case MEMBER_FAILED:
                return SGR_BAD;
        default:
                return "";
        }
}

void tree_show_row(const struct tree_config *config, const struct family *f, uint32_t at,
                   struct buf *ret)
{
        _cleanup_(buf_done) struct buf command = { 0 };
        const struct member *m;
        const char *colour;
        struct cells c = { .out = ret };
        uint32_t n;

        m = &family_members(f, &n)[at];
        if (m->kind == MEMBER_BOOT) {
                show_boot(config, f, m, ret);
                return;
        }
        colour = config->has_colours ? colour_of(m) : "";
        c.has_colours = config->has_colours && m->kind != MEMBER_FAILED;
        buf_append_string(ret, colour);
        put_left(config, f, m, &c);
        append_lines(f, at, levels_of(config, c.columns), &command);
        buf_append_span(&command, family_text(f, m->command));
        put_cut(config, buf_span(&command), c.columns, ret);
        buf_append_string(ret, *colour ? SGR_RESET "\n" : "\n");
        cells_done(&c);
}
