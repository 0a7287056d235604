/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What was executed most: by program, unit, user and parent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"
#include "view/gaps.h"

enum top_by {
        TOP_EXE,
        TOP_UNIT,
        TOP_USER,
        TOP_PARENT,
        _TOP_BY_MAX,
};

/* "exe" and so on: what --by= takes. Static. */
const char *top_by_name(enum top_by by);

struct tops_config {
        unsigned by;     /* bits: 1 << enum top_by */
        uint64_t n_rows; /* of each */
        unsigned width;  /* to cut rows at; 0: they are whole */
        bool utc;
        bool has_colours;
};

struct tops;

int tops_new(const struct tops_config *config, struct tops **ret);
struct tops *tops_free(struct tops *t);
DEFINE_FREEP(struct tops, tops_free)

/* An exec or a summary that was chosen. */
void tops_event(struct tops *t, const struct event_line *line);

/*
 * Appends the tables. `elapsed_ns`: since the last time; then the rate since then is shown, too; 0:
 * it is not.
 */
void tops_show(struct tops *t, const struct gaps *gaps, uint64_t elapsed_ns, struct buf *ret);

/* The same as JSON, without a newline; `ret` is empty. */
void tops_show_json(struct tops *t, struct buf *ret);
