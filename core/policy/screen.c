/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Arguments, variables and the arguments of the parent have a redactor each: what it gives is valid
 * until its next call, and a line has all three.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "policy/redact.h"
#include "policy/screen.h"

enum redactee {
        REDACT_ARGV,
        REDACT_ENV,
        REDACT_PARENT,
        _REDACTEE_MAX,
};

/* Everything that changes with the settings. */
struct screen_settings {
        struct rules *rules; /* only while it is prepared: then the policy's */
        struct rule_stats *rule_stats;
        struct redactor *redactors[_REDACTEE_MAX];
        bool has_exits;
};

struct screen {
        struct policy *policy;
        struct screen_settings now, next;
        uint64_t redacted; /* arguments and variables */
        struct buf tags;
        struct event_summary summary;
};

static void settings_done(struct screen_settings *s)
{
        rules_free(s->rules);
        free(s->rule_stats);
        for (unsigned i = 0; i < _REDACTEE_MAX; i++)
                redactor_free(s->redactors[i]);
        *s = (struct screen_settings){ 0 };
}

static int settings_init(struct screen_settings *s, const struct config *config,
                         struct rules *rules)
{
        const struct redact_options options = {
                .arguments = config->redact.arguments,
                .environment = config->redact.environment,
                .names = config->redact.names,
                .keep_names = config->redact.keep_names,
        };
        int r;

        if (!rules) {
                r = rules_new_empty(&rules);
                if (r < 0)
                        return r;
        }
        s->rules = rules;
        s->has_exits = config->capture.exits;
        s->rule_stats = calloc(rules_count(s->rules) + 1, sizeof(*s->rule_stats));
        if (!s->rule_stats)
                return -ENOMEM;
        for (unsigned i = 0; i < _REDACTEE_MAX; i++) {
                r = redactor_new(&options, &s->redactors[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int screen_new(const struct config *config, struct rules *rules, struct screen **ret)
{
        _cleanup_(screen_freep) struct screen *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                rules_free(rules);
                return -ENOMEM;
        }
        r = settings_init(&s->now, config, rules);
        if (r < 0)
                return r;
        r = policy_new(s->now.rules, s->now.has_exits, &s->policy);
        if (r < 0)
                return r;
        s->now.rules = NULL;
        *ret = TAKE_PTR(s);
        return 0;
}

struct screen *screen_free(struct screen *s)
{
        if (!s)
                return NULL;
        policy_free(s->policy);
        settings_done(&s->now);
        settings_done(&s->next);
        buf_done(&s->tags);
        free(s);
        return NULL;
}

int screen_prepare(struct screen *s, const struct config *config, struct rules *rules)
{
        settings_done(&s->next);
        return settings_init(&s->next, config, rules);
}

void screen_commit(struct screen *s)
{
        policy_replace(s->policy, TAKE_PTR(s->next.rules), s->next.has_exits);
        settings_done(&s->now);
        s->now = s->next;
        s->next = (struct screen_settings){ 0 };
}

void screen_revert(struct screen *s)
{
        settings_done(&s->next);
}

static void put_tags(struct screen *s, struct exec_event *event, uint64_t tags)
{
        const struct rules *rules = policy_rules(s->policy);

        event->tags = (struct span){ 0 };
        if (tags == 0)
                return;
        buf_reset(&s->tags);
        for (unsigned bit = 0; bit < RULES_TAGS_MAX; bit++)
                if (tags >> bit & 1) {
                        buf_append_string(&s->tags, rules_tag(rules, bit));
                        buf_append_char(&s->tags, '\0');
                }
        if (buf_error(&s->tags) == 0) /* no memory: without, rather than not at all */
                event->tags = buf_span(&s->tags);
}

enum policy_result screen_decide(struct screen *s, struct exec_event *event, bool is_enriched)
{
        enum policy_result result;
        uint64_t tags;

        result = policy_decide(s->policy, event, is_enriched, &tags);
        if (result == POLICY_LOG)
                put_tags(s, event, tags);
        return result;
}

static int redact_arguments(struct screen *s, struct exec_event *event)
{
        const struct redact_program program = { .exe = event->exe, .filename = event->filename };
        struct redacted out;
        int r;

        if (!event->argv.data)
                return 0;
        r = redact_argv(s->now.redactors[REDACT_ARGV], &program, event->argv, &out);
        if (r < 0)
                return r;
        if (out.n_indexes == 0)
                return 0;
        /* The size that is logged is that of the original. */
        if (!event_has(event, FACT_ARGV_BYTES) && !(event->cut & EXEC_CUT(FIELD_ARGV))) {
                event->facts.argv_bytes = event->argv.size;
                event->facts.present |= FACT_ARGV_BYTES;
        }
        event->argv = out.strings;
        event->redacted =
                (struct span){ (const char *)out.indexes, out.n_indexes * sizeof(*out.indexes) };
        s->redacted += out.n_indexes;
        return 0;
}

static int redact_variables(struct screen *s, struct exec_event *event)
{
        struct redacted out;
        int r;

        if (!event->env.data)
                return 0;
        r = redact_env(s->now.redactors[REDACT_ENV], event->env, &out);
        if (r < 0)
                return r;
        event->env = out.strings;
        s->redacted += out.n_indexes;
        return 0;
}

static int redact_parent(struct screen *s, struct exec_event *event)
{
        const struct redact_program program = { .exe = event->parent_exe,
                                                .filename = event->parent_filename };
        struct redacted out;
        int r;

        if (!event->parent_argv.data)
                return 0;
        r = redact_argv(s->now.redactors[REDACT_PARENT], &program, event->parent_argv, &out);
        if (r < 0)
                return r;
        event->parent_argv = out.strings;
        s->redacted += out.n_indexes;
        return 0;
}

int screen_redact(struct screen *s, struct exec_event *event)
{
        int r;

        r = redact_arguments(s, event);
        if (r >= 0)
                r = redact_variables(s, event);
        if (r >= 0)
                r = redact_parent(s, event);
        return r;
}

int screen_take_summary(struct screen *s, uint64_t now_ns, struct exec_event *ret,
                        uint64_t *ret_count)
{
        const struct rules *rules = policy_rules(s->policy);
        struct summary summary;
        int r;

        if (!policy_take_summary(s->policy, now_ns, &summary))
                return 0;
        s->summary = (struct event_summary){
                .rule = summary.rule >= 0 ? rules_name(rules, summary.rule) : NULL,
                .kind = summary.facts.kind,
                .count = summary.count,
                .from_ns = summary.from_ns,
                .to_ns = summary.to_ns,
        };
        *ret_count = summary.count;
        summary.facts.kind = EVENT_SUMMARY;
        summary.facts.summary = &s->summary;
        r = screen_redact(s, &summary.facts);
        if (r < 0)
                return r;
        *ret = summary.facts;
        return 1;
}

uint64_t screen_due_ns(const struct screen *s)
{
        return policy_due_ns(s->policy);
}

size_t screen_next_size(const struct screen *s)
{
        return policy_next_size(s->policy);
}

const struct rules *screen_rules(const struct screen *s)
{
        return policy_rules(s->policy);
}

void screen_fill_stats(const struct screen *s, struct stats *stats)
{
        const struct rule_counters *removed = policy_gone(s->policy);
        struct rules *rules = policy_rules(s->policy);

        stats->hidden = policy_filtered(s->policy);
        stats->hidden_by_default = rules_counters(rules, RULE_DEFAULT)->dropped;
        stats->hidden_by_removed = removed->dropped + removed->summarized;
        stats->summing = policy_pending(s->policy);
        stats->redacted = s->redacted;
        stats->n_rules = rules_count(rules);
        stats->rules = s->now.rule_stats;
        for (size_t i = 0; i < stats->n_rules; i++) {
                const struct rule_counters *c = rules_counters(rules, (int)i);

                s->now.rule_stats[i] = (struct rule_stats){
                        .name = rules_name(rules, (int)i),
                        .matched = c->matched,
                        .dropped = c->dropped,
                        .summarized = c->summarized,
                        .spared = c->spared,
                };
        }
}
