/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A family as a picture: SVG 1.1, without scripts and without anything from elsewhere. A row for
 * each process, a bar from its exec to its end, over the time from left to right. Whatever the
 * arguments contain, it is well-formed XML 1.0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "view/family.h"

/* Execs and parents of one picture: beyond this nobody finds anything in it. */
#define PLOT_MEMBERS_MAX 6000

/* Times that are hatched; what is beyond is added to the last. */
#define PLOT_GAPS_MAX 1000

/* In which order rows are. */
enum plot_by {
        PLOT_PARENT, /* below the parent */
        PLOT_UNIT,   /* by these, each with a row of its own for its name */
        PLOT_SESSION,
        _PLOT_BY_MAX,
};

/* "parent" and so on: what --by= takes. Static. */
const char *plot_by_name(enum plot_by by);

/* A time of which something is missing. */
struct plot_gap {
        uint64_t from_ns, to_ns;
        uint64_t n;
        bool is_lines; /* of the log, by seq; else events that were lost */
        char where[16];
};

struct plot_config {
        enum plot_by by;
        bool utc;
        const struct plot_gap *gaps;
        size_t n_gaps;
};

/* Appends the picture. 0 or -ENOMEM. */
int plot_show(const struct plot_config *config, const struct family *f, struct buf *ret);
