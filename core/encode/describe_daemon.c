/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Descriptions of the daemon's own events: start, lost, stats, stop. */
#include <inttypes.h>
#include <string.h>

#include "base/show.h"
#include "encode/describe.h"
#include "encode/encode.h"
#include "event/stats.h"
#include "policy/rules.h"

/* Capitals, as this is what nobody may overlook. */
void describe_lost(const struct loss *loss, struct buf *ret)
{
        buf_printf(ret, "LOST: %" PRIu64 " event%s", loss->count, loss->count == 1 ? "" : "s");
        if (loss->uncertain > 0)
                buf_printf(ret, " (%" PRIu64 " perhaps not)", loss->uncertain);
        if (loss->to_ns > loss->from_ns) {
                buf_append_string(ret, " within ");
                show_duration(loss->to_ns - loss->from_ns, ret);
        }
        buf_printf(ret, ", %s (%s)", loss_where_name(loss->where), loss_where_text(loss->where));
        if (loss->cpu != LOSS_ANY_CPU)
                buf_printf(ret, ", CPU %" PRIu32, loss->cpu);
}

static void append_past(const char *down, struct buf *ret)
{
        if (down && strcmp(down, "counted") == 0)
                buf_append_string(ret, "; execs before were counted");
        else if (down)
                buf_append_string(ret, "; nobody knows of execs before");
}

void describe_start(uint64_t boot_ns, const struct start_info *info, struct buf *ret)
{
        const size_t n_rules = info->rules ? rules_count(info->rules) : 0;

        buf_printf(ret, "execsnoopd %s begins to log, ", info->version);
        show_duration(boot_ns, ret);
        buf_append_string(ret, " after boot: kernel ");
        show_text(span_of(info->kernel), ret);
        if (n_rules > 0)
                buf_printf(ret, ", %zu rule%s", n_rules, n_rules == 1 ? "" : "s");
        append_past(info->down, ret);
}

void describe_stats(enum event_kind kind, const struct stats *stats, struct buf *ret)
{
        const int64_t worst = stats_worst_unaccounted(stats);

        buf_append_string(ret, kind == EVENT_STOP ? "execsnoopd stops: " : "so far: ");
        stats_describe(stats, 0, 0, ret);
        if (worst == 0)
                buf_append_string(ret, "; all accounted for");
        else
                buf_printf(ret, "; NOT ACCOUNTED FOR: %" PRId64, worst);
}
