/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/message_id.h"
#include "event/stats.h"
#include "host/log.h"
#include "kernel/guard.h"

/*
 * While one generation of programs takes over from another, both are attached, and each lets pass
 * what the other handles. A program that read the page before it was changed has counted by then,
 * unless it was preempted for so long.
 */
#define SETTLE_NS NSEC_PER_SEC

void guard_set(struct guard *g, const struct exec_control *control, uint64_t now_ns)
{
        g->wanted = *control;
        g->set_ns = g->good_ns = now_ns;
        g->is_settled = false;
}

/* What the daemon and its programs change all the time is nothing that was set. */
static struct exec_control settings_of(const struct exec_control *control)
{
        struct exec_control settings = *control;

        settings.armed = 0;
        memset(settings.running, 0, sizeof(settings.running));
        memset(settings.before, 0, sizeof(settings.before));
        return settings;
}

static bool check_running(const struct guard *g, struct exec_control *control, unsigned program)
{
        const uint32_t wanted = g->wanted.running[program];

        if (__atomic_load_n(&control->running[program], __ATOMIC_RELAXED) == wanted &&
            control->before[program] == g->wanted.before[program])
                return false;
        control->before[program] = g->wanted.before[program];
        __atomic_store_n(&control->running[program], wanted, __ATOMIC_SEQ_CST);
        return true;
}

static bool check_settings(const struct guard *g, struct exec_control *control)
{
        const struct exec_control wanted = settings_of(&g->wanted), found = settings_of(control);

        if (memcmp(&found, &wanted, sizeof(found)) == 0)
                return false;
        control->track_exits = wanted.track_exits;
        control->descriptors = wanted.descriptors;
        control->parents = wanted.parents;
        control->argv_max = wanted.argv_max;
        control->caps_full = wanted.caps_full;
        control->env_bloom = wanted.env_bloom;
        memcpy(control->ignore_errnos, wanted.ignore_errnos, sizeof(control->ignore_errnos));
        return true;
}

static uint64_t count_passed(const struct guard *g, const struct exec_inflight *inflight,
                             unsigned n_cpus, unsigned program)
{
        const unsigned parity = g->wanted.running[program] % 2;
        uint64_t n = 0;

        for (unsigned cpu = 0; cpu < n_cpus; cpu++)
                n += __atomic_load_n(&inflight[cpu].passed[parity][program], __ATOMIC_RELAXED);
        return n;
}

/* Events that passed since the last time. */
static uint64_t check_passed(struct guard *g, const struct exec_inflight *inflight, unsigned n_cpus,
                             unsigned program)
{
        const uint64_t before = g->passed[program];

        if (g->wanted.running[program] == 0)
                return 0;
        g->passed[program] = count_passed(g, inflight, n_cpus, program);
        return g->is_settled && g->passed[program] > before ? g->passed[program] - before : 0;
}

bool guard_check(struct guard *g, struct exec_control *control,
                 const struct exec_inflight *inflight, unsigned n_cpus, uint64_t now_ns,
                 struct guard_findings *ret)
{
        struct guard_findings f = { .from_ns = g->good_ns };
        bool found;

        f.settings = found = check_settings(g, control);
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                const bool was_stopped = check_running(g, control, i);
                const uint64_t n = check_passed(g, inflight, n_cpus, i);

                f.is_stopped[i] = was_stopped || n > 0;
                f.n_passed += n;
                found |= f.is_stopped[i];
        }
        g->is_settled |= now_ns - g->set_ns >= SETTLE_NS;
        g->good_ns = now_ns;
        *ret = f;
        return found;
}

void guard_explain(const struct guard_findings *f)
{
        _cleanup_(buf_done) struct buf text = {};

        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                if (!f->is_stopped[i])
                        continue;
                buf_append_string(&text, text.size > 0 ? ", " : "");
                buf_append_string(&text, exec_program_name(i));
        }
        buf_append_string(&text, text.size > 0 ? "" : "none");
        buf_append_char(&text, '\0');
        log_catalog(LOG_ERR, MESSAGE_ID_BLIND,
                    "Somebody has changed what controls the BPF programs, which is put right. "
                    "Stopped: %s; events that passed unseen: %" PRIu64 "; other settings: %s",
                    buf_error(&text) < 0 ? "unknown" : text.data, f->n_passed,
                    f->settings ? "changed" : "unchanged");
}
