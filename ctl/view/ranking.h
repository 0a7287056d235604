/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Names and how often each came up. There is room for RANKING_NAMES_MAX; when that is used up, the
 * rarer half is forgotten and summed up in one number, so what comes up often stays.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Of half of all PIDs another name: 2.3 MiB each. */
#define RANKING_NAMES_MAX 8192

/* Of a longer one the beginning. */
#define RANKING_NAME_SIZE 256

struct rank {
        char name[RANKING_NAME_SIZE];
        uint64_t count;
        uint64_t before; /* at the last ranking_mark() */
};

struct ranking;

int ranking_new(struct ranking **ret);
struct ranking *ranking_free(struct ranking *r);
DEFINE_FREEP(struct ranking, ranking_free)

void ranking_add(struct ranking *r, struct span name, uint64_t count);

/* The names, the most frequent first, and those of the same count by name; until the next call. */
const struct rank *ranking_sort(struct ranking *r, size_t *ret_n);

/* Of all that were added; of names that are forgotten. */
uint64_t ranking_total(const struct ranking *r);
uint64_t ranking_forgotten(const struct ranking *r);

/* From here on `before` counts. */
void ranking_mark(struct ranking *r);
