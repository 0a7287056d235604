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
        struct audit_boot *b = at->boot;
        const size_t run = (size_t)(at->run - b->runs);
        struct audit_finding *findings;

        if (f->is_of_sink && !finding_is_explained(f->kind))
                b->n_sink[f->place]++;
        if (b->n_findings > 0 && b->findings[b->n_findings - 1].run == run &&
            joins(&b->findings[b->n_findings - 1], f)) {
                b->findings[b->n_findings - 1].b = f->b;
                return 0;
        }
        /* Those of the clock are no fault, and must not take the room of those that are. */
        if (at->audit->n_findings == AUDIT_FINDINGS_ALL_MAX ||
            b->n_findings >=
                    (f->kind == FINDING_CLOCK_BACK ? AUDIT_CLOCKS_MAX : AUDIT_FINDINGS_MAX)) {
                b->n_more += f->kind != FINDING_CLOCK_BACK;
                b->n_more_unexplained += !f->is_of_sink && !finding_is_explained(f->kind);
                return 0;
        }
        findings = reallocarray(b->findings, b->n_findings + 1, sizeof(*findings));
        if (!findings)
                return -ENOMEM;
        b->findings = findings;
        findings[b->n_findings] = *f;
        findings[b->n_findings].run = run;
        b->n_findings++;
        at->audit->n_findings++;
        return 0;
}

/* Of a host: counters that tell of each destination, and what speaks against it. */
static void weigh(const struct audit *a, size_t host, uint64_t ret_counters[static _SINK_PLACE_MAX],
                  uint64_t ret_against[static _SINK_PLACE_MAX])
{
        for (const struct audit_boot *b = a->boots; b < a->boots + a->n_boots; b++)
                for (unsigned p = 0; b->host == host && p < _SINK_PLACE_MAX; p++) {
                        ret_counters[p] += b->n_counters[p];
                        ret_against[p] += b->n_sink[p];
                }
}

enum sink_place audit_place(const struct audit *a, size_t host, enum sink_place hint)
{
        static const enum sink_place order[] = { SINK_FILE, SINK_STDOUT, SINK_JOURNAL };
        uint64_t n_counters[_SINK_PLACE_MAX] = { 0 }, n_against[_SINK_PLACE_MAX] = { 0 };
        uint64_t n_most = 0;
        enum sink_place best = hint;
        bool has_best;

        weigh(a, host, n_counters, n_against);
        /* A sink that only some counters know is in no contradiction with the lines of others. */
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                n_most = MAX(n_most, n_counters[order[i]]);
        has_best = n_most > 0 && hint < _SINK_PLACE_MAX && n_counters[hint] == n_most;
        for (size_t i = 0; n_most > 0 && i < ELEMENTSOF(order); i++) {
                if (n_counters[order[i]] < n_most)
                        continue;
                if (!has_best || n_against[order[i]] < n_against[best])
                        best = order[i];
                has_best = true;
        }
        return best < _SINK_PLACE_MAX ? best : SINK_FILE;
}

static enum audit_result verdict_of(const struct audit_boot *b, enum sink_place place)
{
        enum audit_result result = b->n_more > 0 ? AUDIT_EXPLAINED : AUDIT_COMPLETE;

        if (b->n_more_unexplained > 0 || b->n_sink[place] > 0)
                return AUDIT_UNEXPLAINED;
        for (const struct audit_finding *f = b->findings; f < b->findings + b->n_findings; f++) {
                if (!finding_counts(f, place) || f->kind == FINDING_CLOCK_BACK)
                        continue;
                result = MAX(result,
                             finding_is_explained(f->kind) ? AUDIT_EXPLAINED : AUDIT_UNEXPLAINED);
        }
        return result;
}

enum audit_result audit_verdict(const struct audit *a, size_t host, enum sink_place place)
{
        enum audit_result result = AUDIT_COMPLETE;

        for (const struct audit_boot *b = a->boots; b < a->boots + a->n_boots; b++)
                if (b->host == host)
                        result = MAX(result, verdict_of(b, place));
        return result;
}
