/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Sums over the counters, and the identity between them.
 *
 * Counters only grow and wrap never in practice (2^64 events), but carried-over ones come from
 * outside: all arithmetic is modulo 2^64, and the difference is taken as signed at the very end, so
 * that no combination of values is undefined.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/macro.h"
#include "event/stats.h"

const char *exec_program_name(enum exec_program program)
{
        static const char *const names[_PROGRAM_MAX] = {
                [PROGRAM_EXEC] = "exec",       [PROGRAM_EXIT] = "exit",
                [PROGRAM_FAILED] = "failed",   [PROGRAM_FAILED_AT] = "failed_at",
                [PROGRAM_ATTEMPT] = "attempt", [PROGRAM_ATTEMPT_AT] = "attempt_at",
        };

        assert((unsigned)program < _PROGRAM_MAX);
        return names[program];
}

void stats_add_counters(struct exec_counters *sum, const struct exec_counters *counters)
{
        const uint64_t *from = (const uint64_t *)counters;
        uint64_t *to = (uint64_t *)sum;

        for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++) /* it has nothing else */
                to[i] += from[i];
}

uint64_t stats_seen(const struct stats *s)
{
        uint64_t sum = 0;

        for (int i = 0; i < _PROGRAM_MAX; i++)
                sum += s->program[i].seen + s->recursion_misses[i];
        return sum;
}

uint64_t stats_filtered(const struct stats *s)
{
        uint64_t sum = 0;

        for (int i = 0; i < _PROGRAM_MAX; i++)
                sum += s->program[i].filtered;
        return sum + s->hidden;
}

uint64_t stats_lost(const struct stats *s)
{
        /* those of sinks, and down, are each sink's own: sink_stats.lost */
        return s->lost[LOSS_RING] + s->lost[LOSS_RECURSION] + s->lost[LOSS_QUEUE] +
               s->lost[LOSS_DECODE];
}

int64_t stats_unaccounted(const struct stats *s, const struct sink_stats *sink)
{
        uint64_t seen = stats_seen(s);
        uint64_t known = stats_filtered(s) + stats_lost(s) + s->in_rings + s->queued +
                         sink->before + sink->written + sink->lost + sink->backlog;

        return (int64_t)(seen - known);
}

static uint64_t magnitude(int64_t value)
{
        return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

int64_t stats_worst_unaccounted(const struct stats *s)
{
        int64_t worst = 0;

        for (unsigned i = 0; i < s->n_sinks; i++) {
                const int64_t unaccounted = stats_unaccounted(s, &s->sink[i]);

                if (magnitude(unaccounted) > magnitude(worst))
                        worst = unaccounted;
        }
        return worst;
}

static bool has_own_losses(const struct stats *s)
{
        for (unsigned i = 0; i < s->n_sinks; i++)
                if (s->sink[i].lost > 0)
                        return true;
        return false;
}

/* `lost_before`: what no sink got, if it is part of what each of them has lost. */
static void describe_sink(const struct sink_stats *sink, const uint64_t *lost_before,
                          struct buf *ret)
{
        buf_printf(ret, "; %s: %" PRIu64 " written", sink->name, sink->written);
        if (sink->backlog > 0)
                buf_printf(ret, ", %" PRIu64 " waiting", sink->backlog);
        if (lost_before)
                buf_printf(ret, ", %" PRIu64 " lost", *lost_before + sink->lost);
        if (sink->error < 0)
                buf_printf(ret, ", cannot %s: %s", sink->error_what, strerror(-sink->error));
}

/* Losses are told once: of all, if all have lost the same, or else of each sink. */
void stats_describe(const struct stats *s, uint64_t seen, uint64_t elapsed_ns, struct buf *ret)
{
        const uint64_t lost = stats_lost(s);
        const uint64_t *lost_before = has_own_losses(s) ? &lost : NULL;
        double rate;

        buf_printf(ret, "%" PRIu64 " events seen", stats_seen(s));
        if (elapsed_ns > 0) {
                rate = (double)(stats_seen(s) - seen) * (double)NSEC_PER_SEC / (double)elapsed_ns;
                buf_printf(ret, rate < 10 ? " (%.1f/s)" : " (%.0f/s)", rate);
        }
        if (stats_filtered(s) > 0)
                buf_printf(ret, ", %" PRIu64 " filtered", stats_filtered(s));
        if (!lost_before)
                buf_printf(ret, ", %" PRIu64 " lost", lost);
        for (unsigned i = 0; i < s->n_sinks; i++)
                describe_sink(&s->sink[i], lost_before, ret);
}
