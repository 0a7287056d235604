/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What is behind the rows: lines of the time, and times of which something is missing. */
#include <inttypes.h>

#include "view/gaps.h"
#include "view/moment.h"
#include "view/plot_internal.h"

/* Between two lines of the time there is room for a label. */
#define TICK_PIXELS 110.0

/* From here on the time of day does not tell two lines apart. */
#define DATE_STEP (21600 * NSEC_PER_SEC)

/* A time that is too short to be seen is as wide as that. */
#define GAP_PIXELS 3.0

static uint64_t tick_step(const struct plot *p)
{
        static const uint64_t seconds[] = {
                1,   2,   5,    10,   15,   30,    60,    120,   300,
                600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400
        };
        const double least = (double)(p->to_ns - p->from_ns) * TICK_PIXELS / PLOT_WIDTH;
        uint64_t step;

        for (uint64_t ten = 1; ten < NSEC_PER_SEC; ten *= 10)
                for (uint64_t n = 1; n <= 5; n += n == 1 ? 1 : 3) /* 1, 2, 5 */
                        if ((double)(n * ten) >= least)
                                return n * ten;
        for (size_t i = 0; i < ELEMENTSOF(seconds); i++)
                if ((double)(seconds[i] * NSEC_PER_SEC) >= least)
                        return seconds[i] * NSEC_PER_SEC;
        for (step = 86400 * NSEC_PER_SEC; (double)step < least;)
                step *= 2;
        return step;
}

static unsigned digits_of(uint64_t step)
{
        unsigned n = 9;

        if (step >= NSEC_PER_SEC)
                return 0;
        for (; step % 1000 == 0; step /= 1000)
                n -= 3;
        return n;
}

/* With its date at most. */
#define LABEL_PIXELS 65.0
#define LABEL_DATE_PIXELS 130.0

static void draw_label(struct plot *p, uint64_t ns, uint64_t step, double y)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        const bool has_date = step >= DATE_STEP;

        if (plot_x(p, ns) + (has_date ? LABEL_DATE_PIXELS : LABEL_PIXELS) >
            PLOT_MARGIN + PLOT_WIDTH)
                return;
        moment_show(ns, p->config->utc, has_date, digits_of(step), &text);
        buf_printf(p->out, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\">", plot_x(p, ns) + 3, y);
        plot_xml(buf_span(&text), p->out);
        buf_append_string(p->out, "</text>\n");
}

void plot_draw_axis(struct plot *p)
{
        const uint64_t step = tick_step(p);
        uint64_t ns = p->from_ns + step - 1;

        for (ns -= ns % step; ns <= p->to_ns; ns += step) {
                const double x = plot_x(p, ns);

                buf_printf(p->out,
                           "<line class=\"g\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                           x, p->top - PLOT_AXIS, x, p->bottom + PLOT_AXIS);
                for (uint32_t i = 0; i < p->n_bands; i++)
                        draw_label(p, ns, step, plot_y(p, i * p->band_rows) - 7);
                draw_label(p, ns, step, p->bottom + PLOT_AXIS - 7);
        }
}

static void describe_gap(struct plot *p, const struct plot_gap *gap)
{
        const char *text = gap->is_lines ? NULL : loss_explain(span_of(gap->where));

        if (gap->is_lines)
                buf_printf(p->out, "%" PRIu64 " %s missing here", gap->n,
                           gap->n == 1 ? "line of the log is" : "lines of the log are");
        else
                buf_printf(p->out, "LOST: %" PRIu64 " event%s, ", gap->n, gap->n == 1 ? "" : "s");
        plot_text(p, span_of(gap->where));
        if (text)
                buf_printf(p->out, " (%s)", text);
        buf_append_char(p->out, '\n');
        moment_show(gap->from_ns, p->config->utc, true, 3, p->out);
        buf_append_string(p->out, " to ");
        moment_show(gap->to_ns, p->config->utc, true, 3, p->out);
}

void plot_draw_gaps(struct plot *p)
{
        for (size_t i = 0; i < p->config->n_gaps; i++) {
                const struct plot_gap *gap = &p->config->gaps[i];
                const double from = plot_x(p, gap->from_ns), to = plot_x(p, gap->to_ns);

                buf_printf(p->out,
                           "<rect class=\"h\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                           "<title>",
                           from, p->top, MAX(to - from, GAP_PIXELS), p->bottom - p->top);
                describe_gap(p, gap);
                buf_append_string(p->out, "</title></rect>\n");
        }
}
