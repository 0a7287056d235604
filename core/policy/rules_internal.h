/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* How rules are kept: for rules.c, rules_compile.c and rules_check.c alone. */
#pragma once

#include "policy/rules.h"
#include "policy/selection_index.h"

/* Beside the verdicts: what a rule does. */
enum rule_action {
        ACTION_NONE, /* tags only */
        ACTION_KEEP,
        ACTION_DROP,
        ACTION_SUMMARIZE,
};

struct rule {
        struct selection *selection; /* first what each event needs */
        enum rule_action action;
        bool is_inert;    /* has a key that we do not know, and would hide or tag */
        bool sees_exits;  /* it asks for them by name */
        bool has_flags;   /* it says what of flags it wants */
        bool has_unknown; /* as is_inert, whatever it would do */
        bool has_interval;
        uint64_t tags;
        struct rule_counters counters;
        uint64_t interval_ns;
        char *name, *text;
        char *file;
        unsigned line;
        int successor; /* rules_set_successors() */
};

struct rules {
        struct rule *rules;
        size_t n;
        struct selection_index *index; /* NULL: each rule is asked */
        enum verdict fallback;
        struct rule_counters fallback_counters;
        char *tags[RULES_TAGS_MAX];
        unsigned n_tags;
};

static inline bool rule_hides(const struct rule *r)
{
        return r->action == ACTION_DROP || r->action == ACTION_SUMMARIZE;
}

/* Makes the index anew, see selection_index_new(). 0, or -ENOMEM, and there is none. */
int rules_set_index(struct rules *r, size_t words_min);

/* Warns of rules that cannot be meant. 0 or -ENOMEM. */
int rules_check(const struct rules *r, const struct config *config, struct config_report *report);
