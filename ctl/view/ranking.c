/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>

#include "view/ranking.h"

#define PLACES (2 * RANKING_NAMES_MAX)

struct ranking {
        struct rank *ranks;
        size_t n;
        uint32_t *places; /* index + 1, or 0 */
        uint64_t total, forgotten;
};

struct ranking *ranking_free(struct ranking *r)
{
        if (!r)
                return NULL;
        free(r->ranks);
        free(r->places);
        free(r);
        return NULL;
}

int ranking_new(struct ranking **ret)
{
        _cleanup_(ranking_freep) struct ranking *r = NULL;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->ranks = calloc(RANKING_NAMES_MAX, sizeof(*r->ranks));
        r->places = calloc(PLACES, sizeof(*r->places));
        if (!r->ranks || !r->places)
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

/* Where the name is, or would be. */
static uint32_t *find(const struct ranking *r, struct span name)
{
        uint32_t hash = 2166136261; /* FNV-1a */
        size_t i;

        for (size_t at = 0; at < name.size; at++)
                hash = (hash ^ (uint8_t)name.data[at]) * 16777619;
        for (i = hash % PLACES; r->places[i] > 0; i = (i + 1) % PLACES)
                if (span_is(name, r->ranks[r->places[i] - 1].name))
                        break;
        return &r->places[i];
}

static void place_all(struct ranking *r)
{
        memset(r->places, 0, PLACES * sizeof(*r->places));
        for (size_t i = 0; i < r->n; i++)
                *find(r, span_of(r->ranks[i].name)) = (uint32_t)i + 1;
}

static int most_first(const void *a, const void *b)
{
        const struct rank *x = a, *y = b;

        if (x->count != y->count)
                return x->count < y->count ? 1 : -1;
        return strcmp(x->name, y->name);
}

const struct rank *ranking_sort(struct ranking *r, size_t *ret_n)
{
        qsort(r->ranks, r->n, sizeof(*r->ranks), most_first);
        place_all(r);
        *ret_n = r->n;
        return r->ranks;
}

static void forget_half(struct ranking *r)
{
        size_t n;

        (void)ranking_sort(r, &n);
        while (r->n > RANKING_NAMES_MAX / 2)
                r->forgotten += r->ranks[--r->n].count;
        place_all(r);
}

void ranking_add(struct ranking *r, struct span name, uint64_t count)
{
        const size_t size = MIN(name.size, (size_t)RANKING_NAME_SIZE - 1);
        uint32_t *place;

        r->total += count;
        name = span_head(name, name.data ? strnlen(name.data, size) : 0);
        place = find(r, name);
        if (*place == 0) {
                if (r->n == RANKING_NAMES_MAX) {
                        forget_half(r);
                        place = find(r, name);
                }
                r->ranks[r->n] = (struct rank){ .count = 0 };
                if (name.size > 0)
                        memcpy(r->ranks[r->n].name, name.data, name.size);
                *place = (uint32_t)++r->n;
        }
        r->ranks[*place - 1].count += count;
}

uint64_t ranking_total(const struct ranking *r)
{
        return r->total;
}

uint64_t ranking_forgotten(const struct ranking *r)
{
        return r->forgotten;
}

void ranking_mark(struct ranking *r)
{
        for (size_t i = 0; i < r->n; i++)
                r->ranks[i].before = r->ranks[i].count;
}
