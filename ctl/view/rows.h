/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The rows of a table on their way to the reader. They wait here, in their order, for what is still
 * to be told of them: how the process has ended. A log that has an end can wait; one that goes on
 * is shown at once, and rows are kept for a while, so that an end that comes later can be told with
 * the command that it is of.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "view/columns.h"

/* How far an exit may be behind its exec to be in the same row. */
#define ROWS_MAX 4096

/* Of their text: a log of long command lines waits less. */
#define ROWS_BYTES_MAX (8 * MIB)

#define ROW_ID_SIZE 64

enum row_tone {
        ROW_PLAIN,
        ROW_FAILED,
        ROW_NOTE, /* about the log, not an event */
        ROW_LOSS,
        ROW_AGAIN, /* what was shown, and has ended */
};

struct row {
        char process_id[ROW_ID_SIZE]; /* "": it has no end, or a later row will get it */
        struct buf left, right;       /* of what is known only at the end */
        unsigned left_columns;
        uint32_t pid;
        char status[STATUS_SIZE];
        bool is_bad; /* that status */
        bool has_ended;
        uint64_t took_ns;
        enum row_tone tone;
        bool is_shown;

        uint32_t next; /* rows.c: of the same place */
};

struct rows;

typedef void (*row_show)(void *userdata, const struct row *row);

/* `waits`: a row is shown when its place is needed for another; else as soon as it is there. */
int rows_new(bool waits, row_show show, void *userdata, struct rows **ret);
struct rows *rows_free(struct rows *r);
DEFINE_FREEP(struct rows, rows_free)

/* A new row, empty, the last; then, when it has all, rows_put(). */
struct row *rows_begin(struct rows *r);
void rows_put(struct rows *r, struct row *row);

/* The last row of that process; NULL: it is gone, or never was. */
struct row *rows_find(struct rows *r, struct span process_id);

/* Shows all that wait. */
void rows_flush(struct rows *r);
