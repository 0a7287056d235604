/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The columns of the table: which there are, and what an event has in each. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"

#define STATUS_COLUMNS 9
#define TOOK_COLUMNS 6
#define STATUS_SIZE 24
#define UID_TEXT_SIZE sizeof("4294967295")
#define NUMBER_COLUMNS 7 /* kernel.pid_max is at most 4194304 */
#define USER_COLUMNS 8

/* What a cell looks like. */
enum cell_look {
        CELL_PLAIN,
        CELL_ELEVATED, /* root, by a person */
        CELL_STRANGE,  /* a program that has no file any more */
        CELL_BAD,
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

/* Root, in the session of somebody else. */
bool event_is_elevated(const struct exec_event *e);

/* The name of its user, or the number, written to `uid`. */
struct span columns_user(const struct exec_event *e, char uid[static UID_TEXT_SIZE]);

/* A session, a service, or what a user's manager has started. */
struct span columns_unit(const struct exec_event *e);

/* How a process has ended, of its exit: an exit code or a signal; true: not well. */
bool columns_status(const struct event_line *line, char ret[static STATUS_SIZE]);
