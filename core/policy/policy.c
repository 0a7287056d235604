/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Ties rules, exits and summaries together.
 *
 * A process executes again and again, and its one exit belongs to the last of its execs: so each
 * exec that is logged takes its process out of the hidden ones, and each that is hidden puts it in.
 * Failed execs and attempts say nothing about an exit.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "policy/hidden.h"
#include "policy/policy.h"

struct policy {
        struct rules *rules;
        struct hidden *hidden;
        struct summaries *summaries;
        struct rule_counters gone;
        bool has_exits;
        struct event_view view;
        struct decision decision; /* as far as it has come, while the event is enriched */
        bool is_decided;
};

int policy_new(struct rules *rules, bool has_exits, struct policy **ret)
{
        _cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->has_exits = has_exits;
        r = hidden_new(&p->hidden);
        if (r < 0)
                return r;
        r = summaries_new(&p->summaries);
        if (r < 0)
                return r;
        p->rules = rules;
        *ret = TAKE_PTR(p);
        return 0;
}

struct policy *policy_free(struct policy *p)
{
        if (!p)
                return NULL;
        rules_free(p->rules);
        hidden_free(p->hidden);
        summaries_free(p->summaries);
        event_view_done(&p->view);
        free(p);
        return NULL;
}

static void counters_add(struct rule_counters *to, const struct rule_counters *from)
{
        to->matched += from->matched;
        to->dropped += from->dropped;
        to->summarized += from->summarized;
        to->spared += from->spared;
}

void policy_replace(struct policy *p, struct rules *rules, bool has_exits)
{
        rules_set_successors(p->rules, rules);
        *rules_counters(rules, RULE_DEFAULT) = *rules_counters(p->rules, RULE_DEFAULT);
        for (size_t i = 0; i < rules_count(p->rules); i++) {
                const int now = rules_successor(p->rules, (int)i);

                counters_add(now == RULE_GONE ? &p->gone : rules_counters(rules, now),
                             rules_counters(p->rules, (int)i));
        }
        summaries_renumber(p->summaries, rules_successor, p->rules);
        /* Without rules nobody keeps the table up to date, and every exit is logged. */
        if (has_exits && !rules_are_empty(rules))
                hidden_renumber(p->hidden, rules_successor, p->rules);
        else
                hidden_clear(p->hidden);
        rules_free(p->rules);
        p->rules = rules;
        p->has_exits = has_exits;
}

static enum policy_result drop(struct policy *p, int rule)
{
        rules_counters(p->rules, rule)->dropped++;
        return POLICY_DROP;
}

/* `follows`: an exit whose exec was not logged. */
static enum policy_result summarize(struct policy *p, int rule, const struct exec_event *event,
                                    bool follows)
{
        const uint64_t interval_ns = rules_interval_ns(p->rules, rule);

        if (summaries_add(p->summaries, rule, interval_ns, event, follows) != SUMMARIES_COUNTED)
                return POLICY_LOG;
        rules_counters(p->rules, rule)->summarized++;
        return POLICY_SUM;
}

/* The exit of a process whose exec was hidden: as that rule does now. */
static enum policy_result follow(struct policy *p, int rule, const struct exec_event *event)
{
        switch (rules_verdict(p->rules, rule)) {
        case VERDICT_DROP:
                return drop(p, rule);
        case VERDICT_SUMMARIZE:
                return summarize(p, rule, event, true);
        case VERDICT_KEEP: /* since a reload */
                break;
        }
        return POLICY_LOG;
}

static enum policy_result act(struct policy *p, const struct exec_event *event,
                              const struct decision *d)
{
        switch (d->verdict) {
        case VERDICT_DROP:
                return drop(p, d->rule);
        case VERDICT_SUMMARIZE:
                return summarize(p, d->rule, event, false);
        case VERDICT_KEEP:
                break;
        }
        return POLICY_LOG;
}

static void remember(struct policy *p, const struct exec_event *event, enum policy_result result,
                     int rule)
{
        int before;

        if (!p->has_exits || event->kind != EVENT_EXEC)
                return;
        if (result != POLICY_LOG)
                hidden_put(p->hidden, event->facts.pid, event->facts.start_ns, rule);
        else
                (void)hidden_take(p->hidden, event->facts.pid, event->facts.start_ns, &before);
}

/* False: it takes the enriched event, also for the facts of a summary. */
static bool decide(struct policy *p, const struct exec_event *event, bool is_enriched)
{
        if (p->view.event != event || !is_enriched) {
                event_view_set(&p->view, event, is_enriched);
                p->decision = (struct decision){ 0 };
                p->is_decided = false;
        }
        p->view.is_enriched = is_enriched;
        if (!p->is_decided)
                p->is_decided = rules_decide(p->rules, &p->view, &p->decision);
        return p->is_decided && (is_enriched || p->decision.verdict != VERDICT_SUMMARIZE);
}

enum policy_result policy_decide(struct policy *p, const struct exec_event *event, bool is_enriched,
                                 uint64_t *ret_tags)
{
        enum policy_result result;
        int rule;

        *ret_tags = 0;
        if (rules_are_empty(p->rules))
                return POLICY_LOG;
        if (event->kind == EVENT_EXIT &&
            hidden_take(p->hidden, event->facts.pid, event->facts.start_ns, &rule))
                return follow(p, rule, event);
        if (!decide(p, event, is_enriched))
                return POLICY_ENRICH;
        result = act(p, event, &p->decision);
        remember(p, event, result, p->decision.rule);
        *ret_tags = p->decision.tags;
        p->view.event = NULL; /* the next may be at the same place */
        return result;
}

bool policy_take_summary(struct policy *p, uint64_t now_ns, struct summary *ret)
{
        return summaries_take(p->summaries, now_ns, ret);
}

uint64_t policy_due_ns(const struct policy *p)
{
        return summaries_due_ns(p->summaries);
}

size_t policy_next_size(const struct policy *p)
{
        return summaries_next_size(p->summaries);
}

uint64_t policy_pending(const struct policy *p)
{
        return summaries_pending(p->summaries);
}

struct rules *policy_rules(struct policy *p)
{
        return p->rules;
}

const struct rule_counters *policy_gone(const struct policy *p)
{
        return &p->gone;
}

uint64_t policy_filtered(struct policy *p)
{
        const struct rule_counters *c = rules_counters(p->rules, RULE_DEFAULT);
        uint64_t sum = c->dropped + p->gone.dropped + p->gone.summarized;

        for (size_t i = 0; i < rules_count(p->rules); i++) {
                c = rules_counters(p->rules, (int)i);
                sum += c->dropped + c->summarized;
        }
        return sum;
}
