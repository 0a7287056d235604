/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Bars, their labels and their tooltips. */
#include <inttypes.h>

#include "base/show.h"
#include "view/moment.h"
#include "view/plot_internal.h"
#include "view/width.h"

/* Of a command, beside its bar; all of it is in the tooltip. */
#define LABEL_COLUMNS 70

/* From here on a label is to the left of its bar: there is more room. */
#define LABEL_TURNS 0.62

/* A bar without an end, where the log has no ends at all: only that it began is known. */
#define OPEN_PIXELS 40.0

#define BAR_SHARE 0.76 /* of a row's height */

/* A line to a parent that is further above leads nowhere, among all others. */
#define CONNECTOR_ROWS 30

static double row_middle(const struct plot *p, uint32_t row)
{
        return plot_y(p, row) + p->row_height * BAR_SHARE / 2;
}

static bool is_open(const struct member *m)
{
        return m->kind == MEMBER_EXEC && !m->has_ended;
}

static double bar_end(const struct plot *p, const struct member *m)
{
        const double begin = plot_x(p, m->begin_ns);

        if (!is_open(m))
                return MAX(plot_x(p, m->end_ns), begin + 1);
        if (family_has_exits(p->family))
                return PLOT_MARGIN + PLOT_WIDTH;
        return MIN(begin + OPEN_PIXELS, PLOT_MARGIN + PLOT_WIDTH);
}

static void append_fact(struct plot *p, const char *name, struct span bytes)
{
        if (bytes.size == 0)
                return;
        buf_printf(p->out, ", %s ", name);
        plot_text(p, bytes);
}

static void append_end(struct plot *p, const struct member *m)
{
        _cleanup_(buf_done) struct buf took = { 0 };

        if (m->kind == MEMBER_FAILED || m->kind == MEMBER_SUMMARY) {
                append_fact(p, m->kind == MEMBER_FAILED ? "not executed:" : "summed up:",
                            span_of(m->status));
                return;
        }
        if (!m->has_ended) {
                buf_append_string(p->out, ", no end is logged");
                return;
        }
        show_duration(m->is_replaced ? m->end_ns - MIN(m->begin_ns, m->end_ns) : m->took_ns, &took);
        append_fact(p, "took", buf_span(&took));
        if (m->is_replaced)
                buf_append_string(p->out, ", then executed the next");
        else
                append_fact(p, "status", span_of(m->status));
}

static void draw_tooltip(struct plot *p, const struct member *m)
{
        buf_append_string(p->out, "<title>");
        plot_xml(family_text(p->family, m->command), p->out);
        buf_printf(p->out, "\nPID %" PRIu32, m->pid);
        append_fact(p, "user", family_text(p->family, m->user));
        append_fact(p, "unit", family_text(p->family, m->unit));
        buf_append_char(p->out, '\n');
        moment_show(m->begin_ns, p->config->utc, true, 3, p->out);
        append_end(p, m);
        buf_append_string(p->out, "</title>");
}

/* What takes room before a bar, or is one that is narrow. */
static double mark_width(const struct plot *p, const struct member *m, bool is_right)
{
        if (m->kind == MEMBER_FAILED || m->kind == MEMBER_SUMMARY)
                return is_right ? p->row_height * BAR_SHARE : m->is_bad ? p->row_height * 0.5 : 0;
        return m->is_bad && !is_right ? p->row_height * 0.5 : 0;
}

static void draw_label(struct plot *p, const struct member *m, double y, const char *class)
{
        const struct span command = family_text(p->family, m->command);
        const struct span head = width_head(command, LABEL_COLUMNS);
        const double x = plot_x(p, m->begin_ns);
        const bool turns = x > PLOT_MARGIN + PLOT_WIDTH * LABEL_TURNS;

        buf_printf(p->out, "<text class=\"%s%s\" x=\"%.1f\" y=\"%.1f\">", class, turns ? " e" : "",
                   turns ? x - 3 - mark_width(p, m, false) : x + 3 + mark_width(p, m, true),
                   y + p->row_height * 0.62);
        if (m->kind == MEMBER_SUMMARY)
                buf_printf(p->out, "(%s) ", m->status);
        plot_xml(head, p->out);
        buf_append_string(p->out, head.size < command.size ? "…</text>\n" : "</text>\n");
}

/* A cross before what has failed. */
static void draw_cross(struct plot *p, double x, double y)
{
        const double half = p->row_height * 0.22;

        buf_printf(p->out, "<path class=\"x\" d=\"M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f\"/>\n",
                   x - half, y - half, x + half, y + half, x - half, y + half, x + half, y - half);
}

static void draw_process(struct plot *p, uint32_t row, const struct member *m)
{
        const unsigned colour = plot_colour(p, family_text(p->family, m->unit));
        const double x = plot_x(p, m->begin_ns), y = plot_y(p, row);
        const bool has_bar = m->kind == MEMBER_EXEC;
        const double width = has_bar ? bar_end(p, m) - x : p->row_height * BAR_SHARE;

        buf_printf(p->out,
                   "<rect class=\"%s%u%s%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
                   is_open(m) ? "o" : "c", colour, has_bar && m->is_bad ? " b" : "",
                   m->kind == MEMBER_SUMMARY ? " s" : "", x, y, width, p->row_height * BAR_SHARE);
        if (!has_bar)
                buf_printf(p->out, " rx=\"%.1f\"", width / 2);
        buf_append_char(p->out, '>');
        draw_tooltip(p, m);
        buf_append_string(p->out, "</rect>\n");
        if (m->is_bad)
                draw_cross(p, x - p->row_height * 0.3, row_middle(p, row));
        draw_label(p, m, y, "l");
}

/* A parent of which only its children tell: from the first to the last of them. */
static void draw_unlogged(struct plot *p, uint32_t row, const struct member *m)
{
        const double y = plot_y(p, row) + p->row_height * BAR_SHARE;
        uint64_t last_ns = m->has_ended ? m->end_ns : m->begin_ns;

        for (uint32_t at = m->first_child; at != NO_MEMBER; at = p->members[at].next)
                last_ns = MAX(last_ns, p->members[at].begin_ns);
        buf_printf(p->out, "<line class=\"u\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                   plot_x(p, m->begin_ns), y, plot_x(p, last_ns), y);
        draw_label(p, m, plot_y(p, row), "l n");
}

/* From the parent's row down to where it begins. */
static void draw_connector(struct plot *p, uint32_t row, const struct member *m)
{
        const uint32_t parent = p->row_of[m->parent];
        const double x = plot_x(p, m->begin_ns);

        if (parent == NO_ROW || row - parent > CONNECTOR_ROWS)
                return;
        buf_printf(p->out, "<line class=\"k\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                   x, row_middle(p, parent), x, row_middle(p, row));
}

static void draw_group(struct plot *p, uint32_t i)
{
        const struct plot_row *row = &p->rows[i];
        const double y = plot_y(p, i) + p->row_height * BAR_SHARE;

        buf_printf(p->out, "<line class=\"g\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                   PLOT_MARGIN, y, PLOT_MARGIN + PLOT_WIDTH, y);
        buf_printf(p->out, "<text class=\"l r\" x=\"%.1f\" y=\"%.1f\">", PLOT_MARGIN,
                   plot_y(p, i) + p->row_height * 0.62);
        if (p->config->by == PLOT_UNIT)
                plot_text(p, row->group.size > 0 ? family_text(p->family, row->group)
                                                 : SPAN_LITERAL("no unit"));
        else if (row->has_session)
                buf_printf(p->out, "session %" PRIu32, row->session);
        else
                buf_append_string(p->out, "no session");
        buf_append_string(p->out, "</text>\n");
}

void plot_draw_rows(struct plot *p)
{
        for (uint32_t i = 0; i < p->n_rows && p->config->by == PLOT_PARENT; i++)
                draw_connector(p, i, &p->members[p->rows[i].member]);
        for (uint32_t i = 0; i < p->n_rows; i++) {
                const struct member *m = &p->members[p->rows[i].member];

                if (p->rows[i].member == NO_MEMBER)
                        draw_group(p, i);
                else if (m->kind == MEMBER_BOOT || m->kind == MEMBER_UNLOGGED)
                        draw_unlogged(p, i, m);
                else
                        draw_process(p, i, m);
        }
}
