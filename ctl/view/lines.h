/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Events one by one, in other forms than the table: each appends to `ret`, newline included. */
#pragma once

#include "base/buf.h"
#include "read/event_line.h"

/* The line as it is; for a terminal without what that would take for more than text. */
void line_show_json(const struct event_line *line, bool for_terminal, struct buf *ret);

/* RFC 4180, with a first line of titles. Arguments as a shell reads them. */
void line_show_csv_titles(struct buf *ret);
void line_show_csv(const struct event_line *line, struct buf *ret);

/* A line for each key. */
void line_show_verbose(const struct event_line *line, bool utc, struct buf *ret);
