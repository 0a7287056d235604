/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What the parts of a plot share: plot.c lays out, plot_axis.c and plot_rows.c draw. */
#pragma once

#include "view/plot.h"

/* Pixels. */
#define PLOT_WIDTH 1400.0
#define PLOT_MARGIN 12.0
#define PLOT_LINE 18.0 /* of the head: title and legend */
#define PLOT_AXIS 22.0 /* labels of the time, above, between and below the rows */

#define NO_ROW UINT32_MAX

/* Units with a colour of their own; the others are grey. */
#define PLOT_COLOURS 9

struct plot_row {
        uint32_t member;   /* NO_MEMBER: a name */
        struct text group; /* in the order by unit: its name */
        uint32_t session;
        bool has_session;
};

struct plot {
        const struct plot_config *config;
        const struct family *family;
        const struct member *members;
        struct buf *out;
        struct buf scratch;

        struct plot_row *rows;
        uint32_t n_rows;
        uint32_t *row_of; /* of each member, or NO_ROW */
        double row_height;
        uint32_t band_rows, n_bands; /* rows between two lines of labels; the last has the rest */

        uint64_t from_ns, to_ns;
        double top, bottom; /* of the rows */

        char colour_of[PLOT_COLOURS][256]; /* units, the most frequent first */
        uint64_t count_of[PLOT_COLOURS];
        unsigned n_colours;
};

/* Where a moment is, from the left. */
double plot_x(const struct plot *p, uint64_t ns);

/* Where a row begins, from the top; the labels of its band are above that. */
static inline double plot_y(const struct plot *p, uint32_t row)
{
        const uint32_t band = MIN(row / p->band_rows, p->n_bands - 1);

        return p->top + p->row_height * row + PLOT_AXIS * band;
}

/* Text that can be shown, as XML has it. */
void plot_xml(struct span shown, struct buf *ret);

/* Bytes as they are in the log, likewise. */
void plot_text(struct plot *p, struct span bytes);

/* Colour of a unit, an index; PLOT_COLOURS: grey. */
unsigned plot_colour(const struct plot *p, struct span unit);

void plot_draw_axis(struct plot *p);
void plot_draw_gaps(struct plot *p);
void plot_draw_rows(struct plot *p);
