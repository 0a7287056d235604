/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What rules have hidden, by their names, over the runs of a boot and the boots of a host. */
#include <errno.h>

#include "policy/rules.h"
#include "view/audit.h"

static struct audit_rule *find_named(const struct audit_boot *b, struct span name)
{
        for (size_t i = 0; i < b->n_rules; i++)
                if (span_is(name, b->rules[i].name))
                        return &b->rules[i];
        return NULL;
}

/* 0, and no rule: there is no room. */
static int find_rule(const struct audit_at *at, struct span name, struct audit_rule **ret)
{
        struct audit_boot *b = at->boot;
        struct audit_rule *rules;

        *ret = find_named(b, name);
        if (*ret)
                return 0;
        if (at->audit->n_rules == AUDIT_RULES_MAX) {
                at->audit->has_more_rules = true;
                return 0;
        }
        rules = reallocarray(b->rules, b->n_rules + 1, sizeof(*rules));
        if (!rules)
                return -ENOMEM;
        b->rules = rules;
        rules[b->n_rules] = (struct audit_rule){ .name = strndup(name.data, name.size) };
        if (!rules[b->n_rules].name)
                return -ENOMEM;
        *ret = &rules[b->n_rules++];
        at->audit->n_rules++;
        return 0;
}

/* Counters of rules begin anew with each run. */
static int note_rule(const struct audit_at *at, struct span name, uint64_t count)
{
        struct audit_rule *rule;
        int r;

        r = find_rule(at, span_head(name, MIN(name.size, (size_t)RULE_NAME_SIZE_MAX)), &rule);
        if (r < 0 || !rule)
                return r;
        if (count < rule->last || !at->run->has_counters)
                rule->count += rule->last;
        rule->last = count;
        return 0;
}

int audit_note_rules(const struct audit_at *at, const struct event_line *line)
{
        _cleanup_(buf_done) struct buf name = { 0 };
        struct json_value value;
        struct json_scan scan;
        struct span key;
        int r = 0;

        if (!json_scan_object(&scan, line->filtered_by.text))
                return 0;
        while (r >= 0 && json_next_member(&scan, &key, &value) > 0) {
                uint64_t count = 0;

                if (span_is(key, NOT_A_RULE_EARLIER)) /* they are in the lines before */
                        continue;
                (void)json_to_u64(&value, &count);
                buf_reset(&name);
                json_append_string(&(struct json_value){ .has_escapes = true, .text = key }, &name);
                r = buf_error(&name) < 0 ? -ENOMEM : note_rule(at, buf_span(&name), count);
        }
        return r;
}

static uint64_t sum_of(const struct audit *a, size_t host, struct span name)
{
        uint64_t sum = 0;

        for (const struct audit_boot *b = a->boots; b < a->boots + a->n_boots; b++) {
                const struct audit_rule *rule = b->host == host ? find_named(b, name) : NULL;

                sum += rule ? rule->count + rule->last : 0;
        }
        return sum;
}

/* Whether an earlier boot of the host had it, too. */
static bool was_named(const struct audit *a, const struct audit_boot *boot, struct span name)
{
        for (const struct audit_boot *b = a->boots; b < boot; b++)
                if (b->host == boot->host && find_named(b, name))
                        return true;
        return false;
}

bool audit_next_rule(const struct audit *a, size_t host, struct audit_rules_walk *walk,
                     const char **ret_name, uint64_t *ret_count)
{
        for (; walk->boot < a->n_boots; walk->boot++, walk->rule = 0) {
                const struct audit_boot *b = &a->boots[walk->boot];

                if (b->host != host)
                        continue;
                while (walk->rule < b->n_rules) {
                        const char *name = b->rules[walk->rule++].name;

                        if (was_named(a, b, span_of(name)))
                                continue;
                        *ret_name = name;
                        *ret_count = sum_of(a, host, span_of(name));
                        return true;
                }
        }
        return false;
}
