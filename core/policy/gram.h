/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A filter of grams: three bytes that follow each other, of which a name has to have one to be
 * matched by a list of globs. They are looked for at each byte of many at once.
 *
 * Grams are kept in eight buckets, a bit each. Of each of the three bytes a table has, by the lower
 * half of it, the buckets that have a gram with such a byte there; of the first also by the upper
 * half. Where all say the same bucket, one of its grams may be, or what is a mixture of them. A
 * machine that looks up many bytes at once in a table of sixteen needs a dozen instructions for all
 * their places; the other upper halves would cost more than what they rule out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GRAM_SIZE 3

struct gram_filter {
        uint8_t lower[GRAM_SIZE][16], upper[16];
};

/* A bucket by itself: each half of a byte that there is, as a bit. */
struct gram_bucket {
        uint16_t lower[GRAM_SIZE], upper;
};

/* While grams are collected, more buckets keep more of them apart; but bounded is the time. */
#define GRAM_BUCKETS_MAX 64

struct gram_buckets {
        struct gram_bucket buckets[GRAM_BUCKETS_MAX];
        unsigned n;
        bool has_any; /* there is something by which nothing can be filtered */
};

/* If it is shorter, with any byte behind it. `folds`: letters, which are small, of any size. */
void gram_buckets_add(struct gram_buckets *b, const char *gram, unsigned size, bool folds);

/* Fills in the filter, from nothing. */
void gram_buckets_filter(struct gram_buckets *b, struct gram_filter *ret);
