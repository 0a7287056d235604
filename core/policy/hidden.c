/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A table of buckets by pid; in a bucket the newest come first, and what does not fit falls out at
 * its end. A pid is alive once: a new process replaces an entry of an older one with its number,
 * whose exit was lost.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/hidden.h"

/*
 * 65,536 processes that are alive at the same time and hidden: twice of all that a host has pids
 * for by the kernel's default. 1 MiB, of which pages that are not needed are not there.
 */
#define BUCKETS_BITS 13
#define BUCKET_SIZE 8

struct entry {
        uint32_t pid; /* 0: none; no process has it */
        int32_t rule;
        uint64_t start_ns;
};

struct bucket {
        struct entry entries[BUCKET_SIZE];
};

struct hidden {
        struct bucket buckets[1 << BUCKETS_BITS];
};

int hidden_new(struct hidden **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

struct hidden *hidden_free(struct hidden *h)
{
        free(h);
        return NULL;
}

static struct bucket *bucket_of(struct hidden *h, uint32_t pid)
{
        /* 2^32 / golden ratio: neighbours go far apart */
        return &h->buckets[pid * UINT32_C(0x9e3779b9) >> (32 - BUCKETS_BITS)];
}

/* Where the pid is, or else the place that is to be given up. */
static unsigned find(const struct bucket *b, uint32_t pid)
{
        unsigned i = 0;

        while (i < BUCKET_SIZE - 1 && b->entries[i].pid != pid)
                i++;
        return i;
}

void hidden_put(struct hidden *h, uint32_t pid, uint64_t start_ns, int rule)
{
        struct bucket *b = bucket_of(h, pid);

        if (pid == 0)
                return;
        memmove(b->entries + 1, b->entries, find(b, pid) * sizeof(b->entries[0]));
        b->entries[0] = (struct entry){ .pid = pid, .rule = rule, .start_ns = start_ns };
}

bool hidden_take(struct hidden *h, uint32_t pid, uint64_t start_ns, int *ret_rule)
{
        struct bucket *b = bucket_of(h, pid);
        const unsigned i = find(b, pid);
        const struct entry e = b->entries[i];

        if (pid == 0 || e.pid != pid)
                return false;
        memmove(b->entries + i, b->entries + i + 1, (BUCKET_SIZE - 1 - i) * sizeof(b->entries[0]));
        b->entries[BUCKET_SIZE - 1] = (struct entry){ 0 };
        if (e.start_ns != start_ns)
                return false;
        *ret_rule = e.rule;
        return true;
}

void hidden_renumber(struct hidden *h, int (*rule_of)(const void *userdata, int rule),
                     const void *userdata)
{
        for (size_t i = 0; i < ELEMENTSOF(h->buckets); i++)
                for (unsigned k = 0; k < BUCKET_SIZE; k++) {
                        struct entry *e = &h->buckets[i].entries[k];

                        if (e->pid == 0 || e->rule < 0)
                                continue;
                        e->rule = rule_of(userdata, e->rule);
                        if (e->rule < 0)
                                e->pid = 0;
                }
}

void hidden_clear(struct hidden *h)
{
        memset(h, 0, sizeof(*h));
}
