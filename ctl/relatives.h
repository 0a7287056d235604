/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What `tree` and `plot` have in common: all processes of the log that were chosen, in memory. */
#pragma once

#include "input.h"
#include "screen.h"
#include "view/family.h"
#include "view/gaps.h"

struct relatives {
        const struct options *o;
        struct input in;
        struct screen screen;
        struct family *family;
        struct gaps *gaps;

        /* A `lost` event, or lines that are missing since then; may be NULL. -errno ends it. */
        int (*on_gap)(void *userdata, const struct event_line *line, uint64_t n_missing,
                      uint64_t since_ns);
        void *userdata;
};

/* Reads all of it. 0; -errno; or > 0, an exit code, and it has been said why. */
int relatives_read(struct relatives *r, const struct options *o, uint32_t n_max);

/* What was not shown is said. */
void relatives_finish(struct relatives *r);
void relatives_done(struct relatives *r);
