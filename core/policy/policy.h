/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Policy: what becomes of each event. Rules decide, exits follow their exec, and what is summed up
 * is counted here until its summary is taken.
 *
 * It is for one thread and in the order of time: take the summaries that are due, then ask about
 * the event. Every event that is hidden is counted under the name of its rule, once, as dropped or
 * as summarized; and of those summarized each is in exactly one summary.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/rules.h"
#include "policy/summaries.h"

struct policy;

/* The rules are then the policy's. `has_exits`: exits are events; else nothing waits for them. */
int policy_new(struct rules *rules, bool has_exits, struct policy **ret);
struct policy *policy_free(struct policy *p);
DEFINE_FREEP(struct policy, policy_free)

/*
 * Other rules, which are then the policy's. Counters, and what is being summed up, go on under the
 * same name; the counters of rules that are gone are in policy_gone(), and what they have summed up
 * by now is still to be taken.
 */
void policy_replace(struct policy *p, struct rules *rules, bool has_exits);

enum policy_result {
        POLICY_LOG,
        POLICY_DROP,
        POLICY_SUM,    /* it will be in a summary */
        POLICY_ENRICH, /* call enrich_event(), then ask again about the same event */
};

/*
 * About a kernel event. POLICY_LOG: *ret_tags are its tags, policy_tag(). An event that is not
 * enriched may get POLICY_ENRICH, one that is never does.
 */
enum policy_result policy_decide(struct policy *p, const struct exec_event *event, bool is_enriched,
                                 uint64_t *ret_tags);

/* See summaries_take(), summaries_due_ns(), summaries_next_size() and summaries_pending(). */
bool policy_take_summary(struct policy *p, uint64_t now_ns, struct summary *ret);
uint64_t policy_due_ns(const struct policy *p);
size_t policy_next_size(const struct policy *p);
uint64_t policy_pending(const struct policy *p);

/* Those in force, with their counters. Borrowed. */
struct rules *policy_rules(struct policy *p);

/* The counters of rules that are no longer there. */
const struct rule_counters *policy_gone(const struct policy *p);

/* All events that were hidden, ever: of all rules, the default, and rules that are gone. */
uint64_t policy_filtered(struct policy *p);
