/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Rules: the [Rule] sections of a configuration, compiled, and what they decide about an event. The
 * first rule that matches and has an Action= decides; those before it that only have a Tag= add
 * theirs. What no rule decides, [Filter] Default= does.
 *
 * When in doubt, an event is logged. A rule that hides (drops or summarizes) does not match an
 * event of which it cannot be sure, and never, unless it has Flags=, one with a flag that attackers
 * leave behind; nor does the default hide such. A rule that keeps matches what it cannot rule out.
 * A key that this version does not know cannot be sure of anything.
 *
 * An exit is decided by rules that ask for it by name (Event=exit) alone: others are about the
 * exec, which the caller has to follow, and so is the default.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "policy/keys.h"

struct config;
struct config_report;
struct rules;

enum verdict {
        VERDICT_KEEP,
        VERDICT_DROP,
        VERDICT_SUMMARIZE,
};

#define RULE_NAME_SIZE_MAX 256 /* a file's name and a line are less */

/* Beside the names of rules in counters: no rule may be called so. */
#define NOT_A_RULE_DEFAULT "Default="
#define NOT_A_RULE_ERRNOS "FailedExecsIgnore="
#define NOT_A_RULE_REMOVED "removed rules"
#define NOT_A_RULE_EARLIER "earlier runs"

/* In place of a rule's index: what no rule decided. */
#define RULE_DEFAULT (-1)

/* All tags of all rules; a bit for each. */
#define RULES_TAGS_MAX 64

struct decision {
        enum verdict verdict;
        int rule;      /* index, or RULE_DEFAULT */
        uint64_t tags; /* rules_tag() */
        size_t next;   /* the rule to go on with, for rules_decide() */
};

/* Of events. The default has these, too. */
struct rule_counters {
        uint64_t matched;    /* decided or tagged by the rule */
        uint64_t dropped;    /* exits that follow their exec included */
        uint64_t summarized; /* counted in place of being logged, likewise */
        uint64_t spared;     /* logged on account of their flags, though the rest matched */
};

/*
 * 0: *ret is the caller's, and keeps nothing of the others. -EINVAL: the errors are in the report;
 * all of them, as far as one can be told without the other. -ENOMEM. `names`: see selection_add().
 */
int rules_new(const struct config *config, const struct key_names *names,
              struct config_report *report, struct rules **ret);
/* No rule, and everything is kept. 0 or -ENOMEM. */
int rules_new_empty(struct rules **ret);

struct rules *rules_free(struct rules *r);
DEFINE_FREEP(struct rules, rules_free)

/*
 * Decides about a kernel event. `*d` is all zero at first. False: it takes enrich_event() to
 * decide; call again then with the same `*d`, and nothing has to be looked at twice. Counts in
 * `matched` and `spared`; what becomes of the event is up to the caller: rules_counters().
 */
bool rules_decide(struct rules *r, struct event_view *v, struct decision *d);

size_t rules_count(const struct rules *r);

/* Of a rule or of RULE_DEFAULT. Borrowed. */
const char *rules_name(const struct rules *r, int rule);     /* the default's is "default" */
const char *rules_text(const struct rules *r, int rule);     /* its keys and values in one line */
enum verdict rules_verdict(const struct rules *r, int rule); /* of a rule with Tag= only: keep */
uint64_t rules_interval_ns(const struct rules *r, int rule); /* of summaries */
struct rule_counters *rules_counters(struct rules *r, int rule);

/* The index of the rule of that name; RULE_DEFAULT if there is none. */
int rules_find(const struct rules *r, const char *name);

/* Before `r` is replaced: the rule of the same name in `by` takes on what one of `r` has begun. */
#define RULE_GONE (-2)
void rules_set_successors(struct rules *r, const struct rules *by);
int rules_successor(const void *rules, int rule); /* an index or RULE_GONE */

/* The tag of a bit; NULL: there are no more. */
const char *rules_tag(const struct rules *r, unsigned bit);

/* Whether there is nothing to decide: no rule, and everything is kept. */
bool rules_are_empty(const struct rules *r);
