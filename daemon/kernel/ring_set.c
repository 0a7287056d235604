/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Rings of the previous image have their keeper until they are replaced: perf_mmap_close() takes
 * the locked memory off the account of the last process that unmaps a ring, not of the first that
 * mapped it. If that were us, it would drop below zero, and no ring could be opened any more (seen
 * on 6.18).
 */
#include <errno.h>
#include <stdlib.h>

#include "host/capabilities.h"
#include "host/handover.h"
#include "host/log.h"
#include "kernel/loader.h"
#include "kernel/ring_set.h"

/*
 * While programs are loaded: that took a second in a storm of 7,000 execs of 700 bytes per second,
 * and more on a slow host. All of it comes out of the rings in one round, and what the queue has no
 * room for then is lost there. The memory is for all CPUs.
 */
#define LOADING_RING_SIZE (16 * MIB)
#define LOADING_MEMORY_MAX (256 * MIB)

struct ring_set {
        struct cpu_config config;
        int keeper; /* -1, or closed when the rings of the previous image are not ours any more */
        unsigned n_cpus;
        struct cpu cpus[];
};

int ring_set_open(const struct cpu_config *config, unsigned n_cpus, struct handover *handover,
                  bool resume, struct ring_set **ret)
{
        _cleanup_(ring_set_freep) struct ring_set *s = NULL;
        unsigned n = 0;
        int r;

        s = calloc(1, sizeof(*s) + n_cpus * sizeof(s->cpus[0]));
        if (!s)
                return -ENOMEM;
        s->config = *config;
        s->keeper = -1;
        s->n_cpus = n_cpus;
        for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
                r = resume ? cpu_resume(config, cpu, handover, &s->cpus[cpu])
                           : cpu_open(config, cpu, &s->cpus[cpu]);
                if (r < 0)
                        return r;
                n += s->cpus[cpu].ring != NULL;
        }
        if (n == 0)
                return log_errno(LOG_ERR, -ENODEV, "Cannot open a ring on any CPU");
        s->keeper = handover_take(handover, HANDOVER_KEEPER);
        handover_forget(handover, HANDOVER_KEEPER);

        *ret = TAKE_PTR(s);
        return 0;
}

struct ring_set *ring_set_free(struct ring_set *s)
{
        if (!s)
                return NULL;
        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++)
                cpu_close(&s->cpus[cpu]);
        closep(&s->keeper);
        free(s);
        return NULL;
}

uint64_t ring_set_size(const struct ring_set *s)
{
        return s->config.ring.size;
}

bool ring_set_is_kept(const struct ring_set *s)
{
        return s->keeper >= 0;
}

int ring_set_drain(const struct ring_set *s)
{
        int r;

        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                if (!s->cpus[cpu].ring)
                        continue;
                r = ring_drain(s->cpus[cpu].ring);
                if (r < 0)
                        return log_errno(LOG_ERR, r, "Cannot read the ring of CPU %u", cpu);
        }
        return 0;
}

/* First what came first: the old rings are drained, and go, or come back if `error` is one. */
static void end_old_rings(struct ring_set *s, int error)
{
        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                if (!s->cpus[cpu].ring)
                        continue;
                (void)ring_drain(s->cpus[cpu].ring);
                if (error >= 0)
                        cpu_close(&s->cpus[cpu]);
                else
                        (void)ring_restore(s->cpus[cpu].ring, &s->config.ring);
        }
}

static void end_fresh_rings(struct ring_set *s, struct cpu *fresh)
{
        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                if (fresh[cpu].ring)
                        (void)ring_drain(fresh[cpu].ring);
                cpu_close(&fresh[cpu]);
        }
}

static void take_fresh_rings(struct ring_set *s, const struct cpu *fresh)
{
        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                uint64_t lost_no_ring = s->cpus[cpu].lost_no_ring;

                s->cpus[cpu] = fresh[cpu];
                s->cpus[cpu].lost_no_ring = lost_no_ring;
        }
        closep(&s->keeper);
        s->keeper = -1;
}

int ring_set_resize(struct ring_set *s, uint64_t size, int error_level)
{
        _cleanup_(freep) struct cpu *fresh = NULL;
        struct cpu_config config = s->config;
        int r = 0;

        config.ring.size = size;
        config.error_level = error_level;
        fresh = calloc(s->n_cpus, sizeof(*fresh));
        if (!fresh)
                return -ENOMEM;
        for (unsigned cpu = 0; cpu < s->n_cpus && r >= 0; cpu++)
                r = cpu_open(&config, cpu, &fresh[cpu]);

        loader_let_finish(); /* a program that found the old ring a moment ago still writes to it */
        end_old_rings(s, r);
        if (r < 0) {
                end_fresh_rings(s, fresh);
                return r;
        }
        take_fresh_rings(s, fresh);
        s->config.ring.size = size;
        return 0;
}

void ring_set_grow(struct ring_set *s)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_RINGS);
        uint64_t size = s->config.ring.size;

        while (size < LOADING_RING_SIZE && 2 * size * s->n_cpus <= LOADING_MEMORY_MAX)
                size *= 2;
        if (size > s->config.ring.size)
                (void)ring_set_resize(s, size, LOG_DEBUG);
}

bool ring_set_follow(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised = 0;
        struct cpu_config config = s->config;
        struct cpu *c = &s->cpus[cpu], fresh;

        if (lost_no_ring == c->lost_no_ring)
                return false;
        raised = capabilities_raise(CAPABILITIES_RINGS);
        config.error_level = c->has_failed ? LOG_DEBUG : LOG_ERR;
        c->has_failed = cpu_open(&config, cpu, &fresh) < 0;
        if (c->has_failed)
                return false; /* until the next time */
        if (c->ring)
                (void)ring_drain(c->ring);
        cpu_close(c);
        *c = fresh;
        if (c->ring)
                log_notice("Following CPU %u, which came online", cpu);
        return true;
}

void ring_set_note_lost(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring)
{
        s->cpus[cpu].lost_no_ring = lost_no_ring;
}

int ring_set_hand_over(const struct ring_set *s, struct handover *handover)
{
        int r;

        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                r = cpu_hand_over(&s->cpus[cpu], cpu, handover);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ring_set_keep(const struct ring_set *s)
{
        int r;

        for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                if (!s->cpus[cpu].ring)
                        continue;
                r = ring_map_again(s->cpus[cpu].ring);
                if (r < 0)
                        return r;
        }
        return 0;
}
