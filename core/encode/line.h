/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * An encoded line, as it goes from the encoder to the sinks.
 *
 * `seq` is counted by each sink for itself, so a line comes in two halves with the digits of `seq`
 * in between: a sink writes head, its own number, tail, and a newline.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct line {
        struct span head; /* {"event":"exec","time":"...","seq": */
        struct span tail; /* ,"boot_id":"...",...} */
};

/* The longest seq: UINT64_MAX in digits. */
#define LINE_SEQ_DIGITS_MAX 20

/* In bytes, with the longest seq and without the newline. */
static inline size_t line_size_max(const struct line *line)
{
        return line->head.size + LINE_SEQ_DIGITS_MAX + line->tail.size;
}
