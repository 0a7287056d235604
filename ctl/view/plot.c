/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/show.h"
#include "view/moment.h"
#include "view/plot_internal.h"
#include "view/ranking.h"
#include "view/width.h"

/*
 * A row is as high as there is room for in a picture that common programs still turn into pixels
 * (32767), and never so low that it can't be seen in one that is magnified.
 */
#define ROWS_PIXELS 30000.0
#define ROW_PIXELS_MIN 5.0
#define ROW_PIXELS_MAX 18.0

/* Labels come again in a picture that is higher than what a screen shows. */
#define BAND_PIXELS 900.0

/* What the legend takes for each entry. */
#define LEGEND_PIXELS 280.0

/* Of the first boot's host and ID: names of hosts have up to 64 bytes. */
#define TITLE_COLUMNS 100

const char *plot_by_name(enum plot_by by)
{
        static const char *const names[_PLOT_BY_MAX] = {
                [PLOT_PARENT] = "parent", [PLOT_UNIT] = "unit", [PLOT_SESSION] = "session"
        };

        return names[by];
}

/* Light, so that text on them can be read; told apart also by those who see fewer colours. */
static const char *const colours[PLOT_COLOURS + 1] = {
        "#9ecae9", "#ffbf79", "#a5d6a0", "#d9bce8", "#f2d46b",
        "#88d8cf", "#f7b6c9", "#c9b79c", "#b7c5f5", "#d5d5d5",
};

double plot_x(const struct plot *p, uint64_t ns)
{
        const uint64_t at = MIN(MAX(ns, p->from_ns), p->to_ns);

        return PLOT_MARGIN +
               PLOT_WIDTH * (double)(at - p->from_ns) / (double)(p->to_ns - p->from_ns);
}

void plot_xml(struct span shown, struct buf *ret)
{
        for (size_t i = 0; i < shown.size; i++) {
                switch (shown.data[i]) {
                case '&':
                        buf_append_string(ret, "&amp;");
                        break;
                case '<':
                        buf_append_string(ret, "&lt;");
                        break;
                case '>':
                        buf_append_string(ret, "&gt;");
                        break;
                default:
                        buf_append_char(ret, shown.data[i]);
                        break;
                }
        }
}

void plot_text(struct plot *p, struct span bytes)
{
        buf_reset(&p->scratch);
        show_text(bytes, &p->scratch);
        plot_xml(buf_span(&p->scratch), p->out);
}

unsigned plot_colour(const struct plot *p, struct span unit)
{
        for (unsigned i = 0; i < p->n_colours; i++)
                if (span_is(unit, p->colour_of[i]))
                        return i;
        return PLOT_COLOURS;
}

static bool is_exec(const struct member *m)
{
        return m->kind == MEMBER_EXEC || m->kind == MEMBER_FAILED || m->kind == MEMBER_SUMMARY;
}

static int choose_colours(struct plot *p, uint32_t n_members)
{
        _cleanup_(ranking_freep) struct ranking *ranking = NULL;
        const struct rank *ranks;
        size_t n;
        int r;

        r = ranking_new(&ranking);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < n_members; i++)
                if (is_exec(&p->members[i]) && p->members[i].unit.size > 0)
                        ranking_add(ranking, family_text(p->family, p->members[i].unit), 1);
        ranks = ranking_sort(ranking, &n);
        for (size_t i = 0; i < n && i < PLOT_COLOURS; i++) {
                (void)snprintf(p->colour_of[i], sizeof(p->colour_of[i]), "%s", ranks[i].name);
                p->count_of[i] = ranks[i].count;
                p->n_colours++;
        }
        return 0;
}

/* A parent of parents alone says nothing that its children don't. */
static bool has_exec_below(const struct plot *p, const struct member *m)
{
        for (uint32_t at = m->first_child; at != NO_MEMBER; at = p->members[at].next)
                if (is_exec(&p->members[at]))
                        return true;
        return false;
}

static void add_row(struct plot *p, uint32_t at)
{
        const struct member *m = &p->members[at];

        p->rows[p->n_rows++] = (struct plot_row){
                .member = at, .group = m->unit, .session = m->session, .has_session = m->has_session
        };
}

static int compare_groups(const struct plot *p, const struct plot_row *a, const struct plot_row *b)
{
        const struct span x = family_text(p->family, a->group),
                          y = family_text(p->family, b->group);
        int r;

        if (p->config->by == PLOT_SESSION && a->has_session && b->has_session)
                return (a->session > b->session) - (a->session < b->session);
        if (p->config->by == PLOT_SESSION)
                return a->has_session - b->has_session;
        if (x.size == 0 || y.size == 0)
                return (x.size > 0) - (y.size > 0);
        r = memcmp(x.data, y.data, MIN(x.size, y.size));
        return r != 0 ? r : (x.size > y.size) - (x.size < y.size);
}

static int compare_rows(const void *a, const void *b, void *userdata)
{
        const struct plot_row *x = a, *y = b;
        const int r = compare_groups(userdata, x, y);

        return r != 0 ? r : (x->member > y->member) - (x->member < y->member);
}

/* A row with the name before each group; there is room behind the rows for as many. */
static void put_names(struct plot *p)
{
        struct plot_row *sorted = p->rows;
        const uint32_t n = p->n_rows;

        memmove(sorted + n, sorted, n * sizeof(*sorted));
        p->n_rows = 0;
        for (uint32_t i = n; i < 2 * n; i++) {
                const struct plot_row row = p->rows[i];

                if (i == n || compare_groups(p, &p->rows[p->n_rows - 1], &row) != 0) {
                        p->rows[p->n_rows] = row;
                        p->rows[p->n_rows++].member = NO_MEMBER;
                }
                p->rows[p->n_rows++] = row;
        }
}

static int lay_out(struct plot *p)
{
        const bool is_tree = p->config->by == PLOT_PARENT;
        uint32_t n_members;

        p->members = family_members(p->family, &n_members);
        p->rows = calloc(2 * (size_t)n_members, sizeof(*p->rows));
        p->row_of = malloc(n_members * sizeof(*p->row_of));
        if (!p->rows || !p->row_of)
                return -ENOMEM;
        memset(p->row_of, 0xff, n_members * sizeof(*p->row_of)); /* NO_ROW */
        for (uint32_t at = family_next(p->family, 0); at != NO_MEMBER;
             at = family_next(p->family, at)) {
                const struct member *m = &p->members[at];

                if (is_exec(m) || (is_tree && m->kind == MEMBER_UNLOGGED && has_exec_below(p, m)) ||
                    (is_tree && m->kind == MEMBER_BOOT &&
                     p->members[0].first_child != p->members[0].last_child))
                        add_row(p, at);
        }
        if (!is_tree) {
                qsort_r(p->rows, p->n_rows, sizeof(*p->rows), compare_rows, p);
                put_names(p);
        }
        for (uint32_t i = 0; i < p->n_rows; i++)
                if (p->rows[i].member != NO_MEMBER)
                        p->row_of[p->rows[i].member] = i;
        return choose_colours(p, n_members);
}

static void scale(struct plot *p)
{
        const double height = ROWS_PIXELS / (p->n_rows > 0 ? p->n_rows : 1);
        uint64_t margin_ns;

        family_span(p->family, &p->from_ns, &p->to_ns);
        for (size_t i = 0; i < p->config->n_gaps; i++) {
                p->from_ns = MIN(p->from_ns, p->config->gaps[i].from_ns);
                p->to_ns = MAX(p->to_ns, p->config->gaps[i].to_ns);
        }
        margin_ns = MAX((p->to_ns - p->from_ns) / 200, NSEC_PER_USEC);
        p->from_ns -= MIN(p->from_ns, margin_ns);
        p->to_ns += margin_ns;
        p->row_height = MIN(MAX(height, ROW_PIXELS_MIN), ROW_PIXELS_MAX);
        p->band_rows = (uint32_t)(BAND_PIXELS / p->row_height);
        p->n_bands = MAX((p->n_rows + p->band_rows / 2) / p->band_rows, 1u);
}

struct entry {
        const char *class;
        struct span text;
        uint64_t count;
};

static void draw_entry(struct plot *p, unsigned n, const struct entry *e, double y)
{
        const unsigned in_line = (unsigned)(PLOT_WIDTH / LEGEND_PIXELS);
        const unsigned line = n / in_line, column = n % in_line;
        const double x = PLOT_MARGIN + LEGEND_PIXELS * column;
        struct span head;

        y += PLOT_LINE * line;
        buf_printf(p->out,
                   "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"24\" height=\"11\"/>\n",
                   e->class, x, y);
        buf_printf(p->out, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\">", x + 30, y + 10);
        buf_reset(&p->scratch);
        show_text(e->text, &p->scratch);
        head = width_head(buf_span(&p->scratch), 34);
        plot_xml(head, p->out);
        buf_append_string(p->out, head.size < p->scratch.size ? "…" : "");
        if (e->count > 0)
                buf_printf(p->out, " (%" PRIu64 ")", e->count);
        buf_append_string(p->out, "</text>\n");
}

static unsigned legend_lines(const struct plot *p)
{
        const unsigned in_line = (unsigned)(PLOT_WIDTH / LEGEND_PIXELS);

        return (p->n_colours + 4 + in_line - 1) / in_line;
}

static void draw_legend(struct plot *p, double y)
{
        static const struct entry rest[] = {
                { "c9", { "other units, or none", 20 }, 0 },
                { "c9 b", { "failed, or ended by a signal", 28 }, 0 },
                { "o9", { "no end is logged", 16 }, 0 },
                { "h", { "something is missing", 20 }, 0 },
        };
        char class[sizeof("c4294967295")];
        unsigned n = 0;

        for (unsigned i = 0; i < p->n_colours; i++) {
                (void)snprintf(class, sizeof(class), "c%u", i);
                draw_entry(p, n++,
                           &(struct entry){ class, span_of(p->colour_of[i]), p->count_of[i] }, y);
        }
        for (size_t i = 0; i < ELEMENTSOF(rest); i++)
                draw_entry(p, n++, &rest[i], y);
}

static void draw_style(struct plot *p)
{
        buf_printf(
                p->out,
                "<style>text{font-family:'DejaVu Sans',Verdana,sans-serif;fill:#111}"
                ".t{font-size:11px;fill:#444}.l{font-size:%.1fpx}.n{fill:#888}.r{font-weight:bold}"
                ".e{text-anchor:end}.g{stroke:#ddd}.k{stroke:#bbb;stroke-width:.6}"
                ".u{stroke:#bbb;stroke-width:2;stroke-dasharray:2 3}.h{fill:url(#h)}"
                ".x{stroke:#c00;stroke-width:1.6}.b{stroke:#c00}.s{stroke:#666}",
                p->row_height * 0.6);
        for (unsigned i = 0; i <= PLOT_COLOURS; i++)
                buf_printf(p->out, ".c%u{fill:%s}.o%u{fill:url(#o%u)}", i, colours[i], i, i);
        buf_append_string(p->out, "</style>\n<defs>\n"
                                  "<pattern id=\"h\" width=\"7\" height=\"7\" "
                                  "patternUnits=\"userSpaceOnUse\" "
                                  "patternTransform=\"rotate(45)\"><rect width=\"7\" height=\"7\" "
                                  "fill=\"#fdeaea\"/><rect width=\"2\" height=\"7\" "
                                  "fill=\"#e08080\"/></pattern>\n");
        for (unsigned i = 0; i <= PLOT_COLOURS; i++)
                buf_printf(p->out,
                           "<linearGradient id=\"o%u\"><stop offset=\"0\" stop-color=\"%s\"/>"
                           "<stop offset=\"1\" stop-color=\"%s\" stop-opacity=\"0.08\"/>"
                           "</linearGradient>\n",
                           i, colours[i], colours[i]);
        buf_append_string(p->out, "</defs>\n");
}

static void draw_title(struct plot *p)
{
        uint64_t from_ns, to_ns;
        uint32_t n = 0, at;

        for (uint32_t i = 0; i < p->n_rows; i++)
                n += p->rows[i].member != NO_MEMBER && is_exec(&p->members[p->rows[i].member]);
        family_span(p->family, &from_ns, &to_ns);
        buf_printf(p->out, "<text class=\"r\" font-size=\"14\" x=\"%.1f\" y=\"%.1f\">", PLOT_MARGIN,
                   PLOT_LINE);
        at = p->members[0].first_child;
        plot_xml(width_head(family_text(p->family, p->members[at].command), TITLE_COLUMNS), p->out);
        if (at != p->members[0].last_child)
                buf_append_string(p->out, " and others");
        buf_printf(p->out, ": %" PRIu32 " exec%s, ", n, n == 1 ? "" : "s");
        moment_show(from_ns, p->config->utc, true, 3, p->out);
        buf_append_string(p->out, " to ");
        moment_show(to_ns, p->config->utc, true, 3, p->out);
        buf_append_string(p->out, "</text>\n");
}

static void draw(struct plot *p)
{
        const double legend = PLOT_LINE * 1.5;
        const double width = PLOT_WIDTH + 2 * PLOT_MARGIN;
        double height;

        p->top = legend + PLOT_LINE * legend_lines(p) + PLOT_AXIS;
        p->bottom = plot_y(p, p->n_rows);
        height = p->bottom + PLOT_AXIS + PLOT_MARGIN;
        buf_printf(p->out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
                   "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n",
                   width, height, width, height);
        draw_style(p);
        buf_printf(p->out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n", width, height);
        draw_title(p);
        draw_legend(p, legend);
        plot_draw_gaps(p);
        plot_draw_axis(p);
        plot_draw_rows(p);
        buf_append_string(p->out, "</svg>\n");
}

int plot_show(const struct plot_config *config, const struct family *f, struct buf *ret)
{
        struct plot p = { .config = config, .family = f, .out = ret };
        int r;

        r = lay_out(&p);
        if (r >= 0) {
                scale(&p);
                draw(&p);
                r = buf_error(ret);
        }
        free(p.rows);
        free(p.row_of);
        buf_done(&p.scratch);
        return r;
}
