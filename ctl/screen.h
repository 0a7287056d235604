/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Standard output: a terminal with a width and colours, or not; behind a pager, or not. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "options.h"

/* What is written at once. */
#define SCREEN_OUT_BYTES (64 * KIB)

struct screen {
        bool is_terminal, has_colours;
        unsigned width, height; /* of a terminal; else 0 */
        pid_t pager;            /* > 0: behind it */
        struct buf out;         /* what is to be written */
        bool has_failed;        /* it could not be, and it has been said why */
};

/* `pages`: what is shown has an end, and may be longer than the terminal. */
void screen_open(const struct options *o, bool pages, struct screen *ret);

/*
 * Writes what is in `out`, and empties it. -EPIPE: nobody reads any more; or another -errno, and if
 * it is of the output, it has been said why.
 */
int screen_flush(struct screen *s);

/* Waits until the user has left the pager. */
void screen_close(struct screen *s);

/* The width to cut rows at; 0: they are shown whole. */
unsigned screen_cut(const struct screen *s, const struct options *o);
