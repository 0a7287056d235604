/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A bucket finds every mixture of the halves of its grams. So those two are put together, again and
 * again, that find the least together which they don't find apart; what comes in the order in which
 * it is added finds three times as much in the end.
 */
#include <string.h>

#include "base/macro.h"
#include "policy/gram.h"

#define N_BUCKETS 8
#define ANY_HALF UINT16_MAX

static struct gram_bucket joined(const struct gram_bucket *a, const struct gram_bucket *b)
{
        struct gram_bucket both = *a;

        for (unsigned i = 0; i < ELEMENTSOF(both.lower); i++)
                both.lower[i] |= b->lower[i];
        both.upper |= b->upper;
        return both;
}

/*
 * How much it finds: the number of mixtures, but that a byte with many halves counts more than two
 * with few. By these weights 3 of 100 words in texts and names of files are found for tokens that
 * begin none; all alike, it would be 5.
 */
static int64_t bucket_size(const struct gram_bucket *b)
{
        const int64_t upper = __builtin_popcount(b->upper);
        const int64_t first = __builtin_popcount(b->lower[0]);
        const int64_t second = __builtin_popcount(b->lower[1]);
        const int64_t third = __builtin_popcount(b->lower[2]);

        return upper * upper * first * first * second * second * second * third * third;
}
_Static_assert(GRAM_SIZE == 3, "bytes of a gram");

static int64_t cost_of(const struct gram_bucket *a, const struct gram_bucket *b)
{
        const struct gram_bucket both = joined(a, b);

        return bucket_size(&both) - bucket_size(a) - bucket_size(b);
}

/* The two that cost the least, of two at least. */
static void join_two(struct gram_buckets *b)
{
        unsigned first = 0, second = 1;
        int64_t least = INT64_MAX;

        for (unsigned i = 0; i < b->n; i++)
                for (unsigned j = i + 1; j < b->n; j++) {
                        const int64_t cost = cost_of(&b->buckets[i], &b->buckets[j]);

                        if (cost < least) {
                                least = cost;
                                first = i;
                                second = j;
                        }
                }
        b->buckets[first] = joined(&b->buckets[first], &b->buckets[second]);
        b->buckets[second] = b->buckets[--b->n];
}

static struct gram_bucket bucket_of(const char *gram, unsigned size, bool folds)
{
        const uint8_t first = (uint8_t)gram[0];
        struct gram_bucket bucket = { .upper = (uint16_t)(1U << (first >> 4)) };

        if (folds && first >= 'a' && first <= 'z')
                bucket.upper |= (uint16_t)(1U << ((first ^ 0x20) >> 4));
        for (unsigned i = 0; i < GRAM_SIZE; i++)
                bucket.lower[i] = i < size ? (uint16_t)(1U << (gram[i] & 0xf)) : ANY_HALF;
        return bucket;
}

static bool has_bucket(const struct gram_buckets *b, const struct gram_bucket *bucket)
{
        for (unsigned i = 0; i < b->n; i++) {
                const struct gram_bucket both = joined(&b->buckets[i], bucket);

                if (memcmp(&both, &b->buckets[i], sizeof(both)) == 0)
                        return true;
        }
        return false;
}

void gram_buckets_add(struct gram_buckets *b, const char *gram, unsigned size, bool folds)
{
        const struct gram_bucket bucket = bucket_of(gram, size, folds);

        if (has_bucket(b, &bucket))
                return;
        if (b->n == GRAM_BUCKETS_MAX)
                join_two(b);
        b->buckets[b->n++] = bucket;
}

static void add_to_filter(struct gram_filter *f, unsigned bit, const struct gram_bucket *bucket)
{
        for (unsigned half = 0; half < 16; half++) {
                for (unsigned i = 0; i < ELEMENTSOF(f->lower); i++)
                        f->lower[i][half] |= (bucket->lower[i] >> half & 1U) << bit;
                f->upper[half] |= (bucket->upper >> half & 1U) << bit;
        }
}

void gram_buckets_filter(struct gram_buckets *b, struct gram_filter *ret)
{
        while (b->n > N_BUCKETS)
                join_two(b);
        memset(ret, b->has_any ? 0xff : 0, sizeof(*ret));
        for (unsigned i = 0; i < b->n; i++)
                add_to_filter(ret, i, &b->buckets[i]);
}
