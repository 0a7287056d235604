/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Groups are found by a hash table whose hash nobody outside can foresee, and end in the order of a
 * heap. Equal means equal bytes, not equal hashes.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/siphash.h"
#include "policy/summaries.h"

/* As many as groups, so that a chain is short. A power of two. */
#define BUCKETS SUMMARIES_GROUPS_MAX

/* A group that would take more than a sixteenth of all room is not worth it. */
#define GROUP_BYTES_MAX (SUMMARIES_BYTES_MAX / 16)

struct group {
        struct group *next; /* in its bucket */
        uint64_t hash;
        uint64_t end_ns;
        uint64_t count, from_ns, to_ns;
        int rule;
        uint32_t size;
        char facts[];
};

struct summaries {
        uint8_t key[SIPHASH_KEY_SIZE];
        struct group *buckets[BUCKETS];
        struct group *heap[SUMMARIES_GROUPS_MAX]; /* the one that ends first is at the top */
        size_t n;
        size_t bytes; /* of all groups */
        uint64_t pending;
        struct buf packed;   /* the event that is being added */
        struct group *taken; /* by the caller, who may still look at it */
};

int summaries_new(struct summaries **ret)
{
        _cleanup_(summaries_freep) struct summaries *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        if (getrandom(s->key, sizeof(s->key), 0) != sizeof(s->key))
                return -EIO;
        *ret = TAKE_PTR(s);
        return 0;
}

struct summaries *summaries_free(struct summaries *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                free(s->heap[i]);
        free(s->taken);
        buf_done(&s->packed);
        free(s);
        return NULL;
}

static void heap_swap(struct summaries *s, size_t a, size_t b)
{
        struct group *g = s->heap[a];

        s->heap[a] = s->heap[b];
        s->heap[b] = g;
}

static void heap_push(struct summaries *s, struct group *g)
{
        size_t i = s->n++;

        s->heap[i] = g;
        for (; i > 0 && s->heap[(i - 1) / 2]->end_ns > g->end_ns; i = (i - 1) / 2)
                heap_swap(s, i, (i - 1) / 2);
}

static struct group *heap_pop(struct summaries *s)
{
        struct group *top = s->heap[0];
        size_t i = 0, least;

        s->heap[0] = s->heap[--s->n];
        for (;; i = least) {
                least = i;
                for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->n; child++)
                        if (s->heap[child]->end_ns < s->heap[least]->end_ns)
                                least = child;
                if (least == i)
                        return top;
                heap_swap(s, i, least);
        }
}

static struct group **bucket_of(struct summaries *s, uint64_t hash)
{
        return &s->buckets[hash % BUCKETS];
}

static struct group *find(struct summaries *s, int rule, uint64_t hash)
{
        struct group *g = *bucket_of(s, hash);

        while (g && (g->hash != hash || g->rule != rule || g->size != s->packed.size ||
                     memcmp(g->facts, s->packed.data, g->size) != 0))
                g = g->next;
        return g;
}

static void unlink_group(struct summaries *s, const struct group *g)
{
        struct group **p = bucket_of(s, g->hash);

        while (*p != g)
                p = &(*p)->next;
        *p = g->next;
}

/* The event that is packed begins it; NULL: no room. */
static struct group *begin(struct summaries *s, int rule, uint64_t hash, uint64_t end_ns)
{
        const size_t size = sizeof(struct group) + s->packed.size;
        struct group *g;

        if (s->n == SUMMARIES_GROUPS_MAX || size > GROUP_BYTES_MAX ||
            size > SUMMARIES_BYTES_MAX - s->bytes)
                return NULL;
        g = calloc(1, size);
        if (!g)
                return NULL;
        g->hash = hash;
        g->rule = rule;
        g->end_ns = end_ns;
        g->size = (uint32_t)s->packed.size;
        memcpy(g->facts, s->packed.data, g->size);
        g->next = *bucket_of(s, hash);
        *bucket_of(s, hash) = g;
        heap_push(s, g);
        s->bytes += size;
        return g;
}

enum summaries_result summaries_add(struct summaries *s, int rule, uint64_t interval_ns,
                                    const struct exec_event *event, bool counts_first)
{
        bool is_first = false;
        struct group *g;
        uint64_t hash;

        if (!group_pack(event, &s->packed))
                return SUMMARIES_FULL;
        hash = siphash(s->key, buf_span(&s->packed));
        g = find(s, rule, hash);
        if (!g) {
                is_first = true;
                g = begin(s, rule, hash, event->boot_ns + interval_ns);
        }
        if (!g)
                return SUMMARIES_FULL;
        if (is_first && !counts_first)
                return SUMMARIES_FIRST;
        if (g->count++ == 0)
                g->from_ns = event->boot_ns;
        g->to_ns = event->boot_ns;
        s->pending++;
        return SUMMARIES_COUNTED;
}

static void drop_taken(struct summaries *s)
{
        free(s->taken);
        s->taken = NULL;
}

bool summaries_take(struct summaries *s, uint64_t now_ns, struct summary *ret)
{
        struct group *g;

        drop_taken(s);
        while (s->n > 0 && s->heap[0]->end_ns <= now_ns) {
                g = heap_pop(s);
                unlink_group(s, g);
                s->bytes -= sizeof(*g) + g->size;
                s->taken = g;
                if (g->count > 0)
                        break;
                drop_taken(s); /* all that there was has been logged */
        }
        g = s->taken;
        if (!g)
                return false;
        assert(s->pending >= g->count);
        s->pending -= g->count;
        *ret = (struct summary){
                .rule = g->rule, .count = g->count, .from_ns = g->from_ns, .to_ns = g->to_ns
        };
        group_unpack((struct span){ g->facts, g->size }, &ret->facts);
        return true;
}

void summaries_renumber(struct summaries *s, int (*rule_of)(const void *userdata, int rule),
                        const void *userdata)
{
        for (size_t i = 0; i < s->n; i++)
                s->heap[i]->rule = rule_of(userdata, s->heap[i]->rule);
}

uint64_t summaries_due_ns(const struct summaries *s)
{
        return s->n > 0 ? s->heap[0]->end_ns : UINT64_MAX;
}

size_t summaries_next_size(const struct summaries *s)
{
        return s->n > 0 ? s->heap[0]->size : 0;
}

uint64_t summaries_pending(const struct summaries *s)
{
        return s->pending;
}
