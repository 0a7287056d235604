/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The daemon's counters, of `stats` and `stop`, in words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"

/* Counters before these, of the same run; `time_ns` 0: there are none. */
struct counters_before {
        uint64_t time_ns, seen;
};

void counters_show(const struct event_line *line, const struct counters_before *before, bool utc,
                   bool has_colours, struct buf *ret);
