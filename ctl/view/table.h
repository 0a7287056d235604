/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The table of `log`: TIME PID PPID USER COMM ARGS, and more where there is room. A row for each
 * event; how a process has ended is in the row of its exec, or in one of its own if that has been
 * shown. What is about the log itself, a loss, a restart, a hole, is a line of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"
#include "read/streams.h"

struct table_config {
        unsigned width; /* of the terminal; 0: there is none, nothing is cut */
        bool cuts;      /* rows at that width */
        bool is_wide;   /* all columns */
        bool has_colours;
        bool utc;
        bool counts_seconds; /* since the first event, in place of the time */
        bool quotes_all;
        bool has_status; /* also where nothing ends: failed execs are shown */
        bool waits;      /* for ends: see rows.h */
};

struct table;

/* Appends to `out`, which the caller empties. */
int table_new(const struct table_config *config, struct buf *out, struct table **ret);
struct table *table_free(struct table *t);
DEFINE_FREEP(struct table, table_free)

/* Where the line is in its stream: a line for what is missing, or begins. */
void table_step(struct table *t, const struct event_line *line, enum stream_step step,
                uint64_t last);

/* An event of the kernel, or a summary, that has been chosen. */
void table_event(struct table *t, const struct event_line *line);

/* The end of a process whose row is here, chosen or not; false: it is not. */
bool table_exit(struct table *t, const struct event_line *line);

/* What the daemon says of itself. */
void table_daemon(struct table *t, const struct event_line *line);

/* All that waits. */
void table_flush(struct table *t);
