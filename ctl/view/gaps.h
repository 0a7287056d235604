/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What is not in a log though it should be, summed up: for views that have no place for each. */
#pragma once

#include "base/buf.h"
#include "read/event_line.h"

/* Where events were lost, in words; NULL: a place that only a later version knows. Static. */
const char *loss_explain(struct span where);

struct gaps;

int gaps_new(struct gaps **ret);
struct gaps *gaps_free(struct gaps *g);
DEFINE_FREEP(struct gaps, gaps_free)

/*
 * Each line in the order of the log. What is missing before it, by seq: so many lines, since the
 * moment of the line before.
 */
uint64_t gaps_take(struct gaps *g, const struct event_line *line, uint64_t *ret_since_ns);

/* A line of another time, which is not looked at: see streams_pass(). */
void gaps_pass(struct gaps *g, const struct event_line *line);

/* "12 events were lost (ring: 12), 3 lines are missing"; nothing if there are none. */
void gaps_show(const struct gaps *g, struct buf *ret);
