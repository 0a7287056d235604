/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>

#include "view/audit.h"

/* Lines one behind the other with the same fault are one finding. */
static bool joins(const struct audit_finding *last, const struct audit_finding *f)
{
        return last->kind == f->kind && (f->kind == FINDING_DOUBLED || f->kind == FINDING_ORDER) &&
               f->a == last->b + 1;
}

int audit_find(const struct audit_at *at, const struct audit_finding *f)
{
        struct audit_host *h = at->host;
        const size_t boot = (size_t)(at->boot - h->boots);
        const size_t run = (size_t)(at->run - at->boot->runs);
        struct audit_finding *findings;
        void *where;

        if (f->is_of_sink && !finding_is_explained(f->kind))
                h->n_sink[f->place]++;
        if (h->n_findings > 0 && h->where[h->n_findings - 1].boot == boot &&
            h->where[h->n_findings - 1].run == run && joins(&h->findings[h->n_findings - 1], f)) {
                h->findings[h->n_findings - 1].b = f->b;
                return 0;
        }
        /* Those of the clock are no fault, and must not take the room of those that are. */
        if (h->n_findings >=
            (f->kind == FINDING_CLOCK_BACK ? AUDIT_CLOCKS_MAX : AUDIT_FINDINGS_MAX)) {
                h->n_more += f->kind != FINDING_CLOCK_BACK;
                h->n_more_unexplained += !f->is_of_sink && !finding_is_explained(f->kind);
                return 0;
        }
        findings = reallocarray(h->findings, h->n_findings + 1, sizeof(*findings));
        if (!findings)
                return -ENOMEM;
        h->findings = findings;
        where = reallocarray(h->where, h->n_findings + 1, sizeof(*h->where));
        if (!where)
                return -ENOMEM;
        h->where = where;
        findings[h->n_findings] = *f;
        h->where[h->n_findings].boot = boot;
        h->where[h->n_findings].run = run;
        h->n_findings++;
        return 0;
}

enum sink_place audit_place(const struct audit_host *h, enum sink_place hint)
{
        static const enum sink_place order[] = { SINK_FILE, SINK_STDOUT, SINK_JOURNAL };
        uint64_t n_most = 0;
        enum sink_place best = hint;
        bool has_best;

        /* A sink that only some counters know is in no contradiction with the lines of others. */
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                n_most = MAX(n_most, h->n_counters[order[i]]);
        has_best = n_most > 0 && hint < _SINK_PLACE_MAX && h->n_counters[hint] == n_most;
        for (size_t i = 0; n_most > 0 && i < ELEMENTSOF(order); i++) {
                if (h->n_counters[order[i]] < n_most)
                        continue;
                if (!has_best || h->n_sink[order[i]] < h->n_sink[best])
                        best = order[i];
                has_best = true;
        }
        return best < _SINK_PLACE_MAX ? best : SINK_FILE;
}

enum audit_result audit_verdict(const struct audit_host *h, enum sink_place place)
{
        enum audit_result result = h->n_more > 0 ? AUDIT_EXPLAINED : AUDIT_COMPLETE;

        if (h->n_more_unexplained > 0 || h->n_sink[place] > 0)
                return AUDIT_UNEXPLAINED;
        for (size_t i = 0; i < h->n_findings; i++) {
                const struct audit_finding *f = &h->findings[i];

                if (!finding_counts(f, place) || f->kind == FINDING_CLOCK_BACK)
                        continue;
                result = MAX(result,
                             finding_is_explained(f->kind) ? AUDIT_EXPLAINED : AUDIT_UNEXPLAINED);
        }
        return result;
}
