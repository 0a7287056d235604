/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The columns of the table: which there are, and what an event has in each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"

#define STATUS_COLUMNS 9
#define TOOK_COLUMNS 6

/* What a cell looks like. */
enum cell_look {
        CELL_PLAIN,
        CELL_ELEVATED, /* root, by a person */
        CELL_STRANGE,  /* a program that has no file any more */
};

struct cells {
        struct buf *out;
        bool has_colours;
        bool cuts;        /* what is longer than its column */
        unsigned columns; /* used so far */
        struct buf scratch;
};

void cells_done(struct cells *c);

/* Appends the text, filled up to `columns`, and a blank. */
void cell_put(struct cells *c, struct span text, unsigned columns, bool to_the_right,
              enum cell_look look);
void cell_put_number(struct cells *c, uint64_t value, unsigned columns);

#define SGR_RESET "\x1b[0m"
#define SGR_LOSS "\x1b[1;37;41m"
#define SGR_BAD "\x1b[31m"

/* Left of the status: all but the time. With no event, their titles. */
void columns_put_left(struct cells *c, const struct event_line *line);

/* Between the status and the arguments, as many as there is room for; without colours. */
void columns_put_right(struct cells *c, const struct event_line *line, unsigned width, bool cuts);

/* Flags as in the event, with commas. */
void columns_append_flags(uint32_t traits, struct buf *ret);
