/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Rules against an event: those that the index leaves, one after the other, and each key of them in
 * the order of its cost.
 */
#include <assert.h>
#include <string.h>

#include "policy/rules_internal.h"

/*
 * Programs that nobody can look at any more, or that were put into a container later; those with
 * more rights than their user has; what the kernel starts; and a thread that becomes a process.
 * Rarely noise, often an attack.
 */
#define PROTECTED_TRAITS                                                                           \
        (TRAIT_MEMFD | TRAIT_DELETED | TRAIT_OVERLAY_UPPER | TRAIT_SETUID | TRAIT_SETGID |         \
         TRAIT_FILECAPS | TRAIT_KERNEL | TRAIT_THREAD_EXEC)

static bool is_protected(const struct exec_event *event)
{
        return event->facts.traits & PROTECTED_TRAITS;
}

/* MATCH_YES, MATCH_NO or MATCH_LATER: what is not known has been settled. */
static enum match rule_match(struct rule *r, struct event_view *v)
{
        enum match m;

        if (r->is_inert || (v->event->kind == EVENT_EXIT && !r->sees_exits))
                return MATCH_NO;
        m = selection_match(r->selection, v);
        if (m == MATCH_UNKNOWN)
                m = r->action == ACTION_KEEP ? MATCH_YES : MATCH_NO;
        if (m == MATCH_YES && rule_hides(r) && !r->has_flags && is_protected(v->event)) {
                r->counters.spared++;
                m = MATCH_NO;
        }
        return m;
}

static enum verdict verdict_of(enum rule_action action)
{
        switch (action) {
        case ACTION_DROP:
                return VERDICT_DROP;
        case ACTION_SUMMARIZE:
                return VERDICT_SUMMARIZE;
        case ACTION_NONE:
        case ACTION_KEEP:
                break;
        }
        return VERDICT_KEEP;
}

static void decide_by_default(struct rules *r, const struct exec_event *event, struct decision *d)
{
        d->rule = RULE_DEFAULT;
        d->verdict = VERDICT_KEEP;
        if (event->kind == EVENT_EXIT)
                return;
        r->fallback_counters.matched++;
        if (r->fallback == VERDICT_KEEP)
                return;
        if (is_protected(event))
                r->fallback_counters.spared++;
        else
                d->verdict = r->fallback;
}

/* The first rule from `from` on that may match; `n`: none. */
static size_t next_rule(const uint64_t *may, size_t from, size_t n)
{
        uint64_t word;

        for (; may && from < n; from = (from / 64 + 1) * 64) {
                word = may[from / 64] >> from % 64;
                if (word)
                        return from + (size_t)__builtin_ctzll(word);
        }
        return MIN(from, n);
}

bool rules_decide(struct rules *r, struct event_view *v, struct decision *d)
{
        const uint64_t *may = r->index ? selection_index_find(r->index, v) : NULL;

        assert(event_kind_is_kernel(v->event->kind));
        for (; (d->next = next_rule(may, d->next, r->n)) < r->n; d->next++) {
                struct rule *rule = &r->rules[d->next];

                switch (rule_match(rule, v)) {
                case MATCH_LATER:
                        return false;
                case MATCH_YES:
                        break;
                default:
                        continue;
                }
                rule->counters.matched++;
                d->tags |= rule->tags;
                if (rule->action == ACTION_NONE)
                        continue;
                d->rule = (int)d->next;
                d->verdict = verdict_of(rule->action);
                return true;
        }
        decide_by_default(r, v->event, d);
        return true;
}

static const struct rule *rule_at(const struct rules *r, int rule)
{
        assert(rule >= 0 && (size_t)rule < r->n);
        return &r->rules[rule];
}

size_t rules_count(const struct rules *r)
{
        return r->n;
}

const char *rules_name(const struct rules *r, int rule)
{
        return rule == RULE_DEFAULT ? "default" : rule_at(r, rule)->name;
}

const char *rules_text(const struct rules *r, int rule)
{
        if (rule != RULE_DEFAULT)
                return rule_at(r, rule)->text;
        return r->fallback == VERDICT_KEEP ? "Default=keep" : "Default=drop";
}

enum verdict rules_verdict(const struct rules *r, int rule)
{
        return rule == RULE_DEFAULT ? r->fallback : verdict_of(rule_at(r, rule)->action);
}

uint64_t rules_interval_ns(const struct rules *r, int rule)
{
        return rule_at(r, rule)->interval_ns;
}

struct rule_counters *rules_counters(struct rules *r, int rule)
{
        assert(rule == RULE_DEFAULT || (size_t)rule < r->n);
        return rule == RULE_DEFAULT ? &r->fallback_counters : &r->rules[rule].counters;
}

int rules_find(const struct rules *r, const char *name)
{
        for (size_t i = 0; i < r->n; i++)
                if (strcmp(r->rules[i].name, name) == 0)
                        return (int)i;
        return RULE_DEFAULT;
}

void rules_set_successors(struct rules *r, const struct rules *by)
{
        for (size_t i = 0; i < r->n; i++) {
                const int now = rules_find(by, r->rules[i].name);

                r->rules[i].successor = now == RULE_DEFAULT ? RULE_GONE : now;
        }
}

int rules_successor(const void *rules, int rule)
{
        return rule < 0 ? RULE_GONE : rule_at(rules, rule)->successor;
}

const char *rules_tag(const struct rules *r, unsigned bit)
{
        return bit < r->n_tags ? r->tags[bit] : NULL;
}

bool rules_are_empty(const struct rules *r)
{
        return r->n == 0 && r->fallback == VERDICT_KEEP;
}
