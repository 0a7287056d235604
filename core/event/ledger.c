/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The ledger. Sequence numbers may only grow: a program never interrupts itself on a CPU, and a
 * ring keeps the order. Time spans of losses are as wide as what is known: from the last event that
 * came through to the one that revealed the hole.
 */
#include <errno.h>
#include <stdlib.h>

#include "event/ledger.h"

struct lane {
        uint64_t seq;     /* received or found lost */
        uint64_t last_ns; /* of the last event received, or reconciled */
};

/* The loss by one cause that is to be reported to one sink. */
struct report {
        struct loss open;   /* since it was closed last */
        struct loss closed; /* before that */
};

struct books {
        uint64_t lost; /* for this sink alone */
        uint64_t down; /* of them, before our time */
        struct report reports[_LOSS_WHERE_MAX];
};

struct ledger {
        unsigned n_cpus;
        uint64_t counted_ns;
        uint64_t missed[_PROGRAM_MAX]; /* runs that the kernel left out */
        uint64_t lost[_LOSS_WHERE_MAX];
        struct books books[_SINK_PLACE_MAX];
        struct lane lanes[]; /* n_cpus * _PROGRAM_MAX */
};

int ledger_new(unsigned n_cpus, struct ledger **ret)
{
        struct ledger *l;

        l = calloc(1, sizeof(*l) + sizeof(struct lane) * n_cpus * _PROGRAM_MAX);
        if (!l)
                return -ENOMEM;
        l->n_cpus = n_cpus;
        *ret = l;
        return 0;
}

struct ledger *ledger_free(struct ledger *l)
{
        free(l);
        return NULL;
}

static const struct lane *lane_of(const struct ledger *l, unsigned program, uint32_t cpu)
{
        if (program >= _PROGRAM_MAX || cpu >= l->n_cpus)
                return NULL;
        return &l->lanes[cpu * _PROGRAM_MAX + program];
}

/* A loss that is found now began no sooner. */
static uint64_t loss_begin(const struct ledger *l, const struct lane *lane, uint64_t now_ns)
{
        uint64_t known_ns = MAX(lane->last_ns, l->counted_ns);

        return known_ns ? known_ns : now_ns;
}

bool ledger_received(struct ledger *l, const struct exec_record_head *head)
{
        struct lane *lane = (struct lane *)lane_of(l, head->program, head->cpu);

        if (!lane || head->seq <= lane->seq)
                return false;
        if (head->seq > lane->seq + 1)
                ledger_add(l, LOSS_RING, head->cpu, head->seq - lane->seq - 1,
                           loss_begin(l, lane, head->boot_ns), head->boot_ns);
        lane->seq = head->seq;
        lane->last_ns = head->boot_ns;
        return true;
}

void ledger_reconcile(struct ledger *l, enum exec_program program, uint32_t cpu, uint64_t seq,
                      uint64_t now_ns)
{
        struct lane *lane = (struct lane *)lane_of(l, program, cpu);

        if (!lane || seq <= lane->seq)
                return;
        ledger_add(l, LOSS_RING, cpu, seq - lane->seq, loss_begin(l, lane, now_ns), now_ns);
        lane->seq = seq;
        lane->last_ns = now_ns;
}

void ledger_missed(struct ledger *l, enum exec_program program, uint64_t count, uint64_t now_ns)
{
        l->missed[program] += count;
        ledger_add(l, LOSS_RECURSION, LOSS_ANY_CPU, count, l->counted_ns ? l->counted_ns : now_ns,
                   now_ns);
}

void ledger_counted(struct ledger *l, uint64_t until_ns)
{
        l->counted_ns = MAX(l->counted_ns, until_ns);
}

uint64_t ledger_seq(const struct ledger *l, enum exec_program program, uint32_t cpu)
{
        const struct lane *lane = lane_of(l, program, cpu);

        return lane ? lane->seq : 0;
}

uint64_t ledger_misses(const struct ledger *l, enum exec_program program)
{
        return l->missed[program];
}

uint64_t ledger_total(const struct ledger *l)
{
        uint64_t total = 0;

        for (size_t i = 0; i < (size_t)l->n_cpus * _PROGRAM_MAX; i++)
                total += l->lanes[i].seq;
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                total += l->missed[i];
        return total;
}

static void loss_merge(struct loss *into, const struct loss *from)
{
        if (into->count == 0) {
                *into = *from;
                return;
        }
        if (into->cpu != from->cpu)
                into->cpu = LOSS_ANY_CPU;
        into->count += from->count;
        into->uncertain += from->uncertain;
        into->from_ns = MIN(into->from_ns, from->from_ns);
        into->to_ns = MAX(into->to_ns, from->to_ns);
}

void ledger_add(struct ledger *l, enum loss_where where, uint32_t cpu, uint64_t count,
                uint64_t from_ns, uint64_t to_ns)
{
        struct loss loss = {
                .where = where,
                .cpu = cpu,
                .count = count,
                .from_ns = MIN(from_ns, to_ns), /* clocks of a recording need not make sense */
                .to_ns = MAX(from_ns, to_ns),
        };

        if (count == 0)
                return;
        l->lost[where] += count;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (!loss_is_of_sink(where) || loss_concerns(where, i))
                        loss_merge(&l->books[i].reports[where].open, &loss);
}

void ledger_begin(struct ledger *l, enum exec_program program, uint32_t cpu, uint64_t seq)
{
        struct lane *lane = (struct lane *)lane_of(l, program, cpu);

        if (lane)
                lane->seq = seq;
}

void ledger_begin_missed(struct ledger *l, enum exec_program program, uint64_t count)
{
        l->missed[program] = count;
}

void ledger_sink_lost(struct ledger *l, enum sink_place place, uint64_t count, uint64_t now_ns)
{
        l->books[place].lost += count;
        ledger_add(l, LOSS_SINK + place, LOSS_ANY_CPU, count, now_ns, now_ns);
}

void ledger_sink_down(struct ledger *l, enum sink_place place, const struct loss *down)
{
        struct books *b = &l->books[place];

        if (down->count == 0)
                return;
        b->lost += down->count;
        b->down += down->count;
        loss_merge(&b->reports[down->where].open, down);
}

void ledger_fill_sink(const struct ledger *l, enum sink_place place, struct sink_stats *ret)
{
        ret->lost = l->books[place].lost;
        ret->down = l->books[place].down;
}

uint64_t ledger_lost(const struct ledger *l, enum loss_where where)
{
        return l->lost[where];
}

void ledger_close_ended(struct ledger *l, uint64_t moment_ns)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++) {
                        struct report *r = &l->books[i].reports[where];

                        if (r->open.count == 0 || r->open.to_ns > moment_ns)
                                continue;
                        loss_merge(&r->closed, &r->open);
                        r->open = (struct loss){};
                }
        }
}

uint64_t ledger_close(struct ledger *l, uint64_t now_ns)
{
        ledger_close_ended(l, UINT64_MAX);
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                        now_ns = MAX(now_ns, l->books[i].reports[where].closed.to_ns);
        return now_ns;
}

const struct loss *ledger_unreported(const struct ledger *l, enum sink_place place,
                                     enum loss_where where)
{
        const struct loss *loss = &l->books[place].reports[where].closed;

        return loss->count > 0 ? loss : NULL;
}

void ledger_reported(struct ledger *l, enum sink_place place, enum loss_where where, uint64_t count)
{
        struct loss *loss = &l->books[place].reports[where].closed;

        if (count >= loss->count)
                *loss = (struct loss){};
        loss->count -= MIN(count, loss->count);
        loss->uncertain = 0; /* reported with the first part */
}

bool ledger_has_unreported(const struct ledger *l, enum sink_place place)
{
        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++) {
                const struct report *r = &l->books[place].reports[where];

                if (r->open.count > 0 || r->closed.count > 0)
                        return true;
        }
        return false;
}

void ledger_reset_sink(struct ledger *l, enum sink_place place)
{
        l->books[place] = (struct books){};
}
