/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * From the [Rule] sections to rules; all or nothing.
 *
 * Refuses every word that is not understood, a rule that does nothing, and two rules of the same
 * name, which would share a counter. A key that is not known is a warning, as in all sections, so
 * that one configuration serves several versions; such a rule then errs on the side of logging.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_report.h"
#include "policy/rules_internal.h"
#include "policy/selection_index.h"
#include "policy/words.h"

#define TAG_SIZE_MAX 64

#define INTERVAL_DEFAULT_NS (60 * NSEC_PER_SEC)
#define INTERVAL_MIN_NS NSEC_PER_SEC
#define INTERVAL_MAX_NS (24 * 3600 * NSEC_PER_SEC)

struct compiler {
        struct rules *rules;
        struct rule *rule;
        const struct key_names *names;
        struct config_report *report;
        struct buf problem;
};

struct rules *rules_free(struct rules *r)
{
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n; i++) {
                free(r->rules[i].name);
                free(r->rules[i].text);
                free(r->rules[i].file);
                selection_free(r->rules[i].selection);
        }
        free(r->rules);
        selection_index_free(r->index);
        for (unsigned i = 0; i < r->n_tags; i++)
                free(r->tags[i]);
        free(r);
        return NULL;
}

static int parse_action(struct compiler *c, struct span value)
{
        static const char *const words[] = {
                [ACTION_KEEP] = "keep",
                [ACTION_DROP] = "drop",
                [ACTION_SUMMARIZE] = "summarize",
        };

        for (unsigned i = ACTION_KEEP; i < ELEMENTSOF(words); i++)
                if (span_is(value, words[i])) {
                        c->rule->action = (enum rule_action)i;
                        return 0;
                }
        return config_refuse(&c->problem, value,
                             "is not an action, expected one of: keep drop summarize");
}

static bool is_plain(char ch)
{
        return (unsigned char)ch >= ' ' && ch != 0x7f;
}

static int parse_name(struct compiler *c, struct span value)
{
        if (span_count(value, is_plain) < value.size)
                return config_refuse(&c->problem, value,
                                     "is not plain, expected no control characters");
        if (value.size > RULE_NAME_SIZE_MAX)
                return config_refuse(&c->problem, value, "is too long, expected at most 256 bytes");
        return 0;
}

static int parse_interval(struct compiler *c, struct span value)
{
        uint64_t ns;
        int r;

        r = value_time.parse_number(value, &ns, &c->problem);
        if (r < 0)
                return r;
        if (ns < INTERVAL_MIN_NS || ns > INTERVAL_MAX_NS)
                return config_refuse(&c->problem, value, "is out of range, expected 1s to 1d");
        c->rule->interval_ns = ns;
        c->rule->has_interval = true;
        return 0;
}

static bool is_tag_char(char ch)
{
        return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
               (ch != '\0' && strchr("_-.:/", ch));
}

static int check_tag(struct compiler *c, struct span tag)
{
        if (span_count(tag, is_tag_char) < tag.size)
                return config_refuse(&c->problem, tag,
                                     "is not a tag, expected letters, digits and _-.:/");
        if (tag.size > TAG_SIZE_MAX)
                return config_refuse(&c->problem, tag, "is too long, expected at most 64 bytes");
        return 0;
}

static int add_tag(struct compiler *c, struct span tag)
{
        struct rules *rules = c->rules;
        unsigned bit = 0;
        int r;

        r = check_tag(c, tag);
        if (r < 0)
                return r;
        while (bit < rules->n_tags && !span_is(tag, rules->tags[bit]))
                bit++;
        if (bit == RULES_TAGS_MAX)
                return config_refuse(&c->problem, tag,
                                     "is one tag too many, expected at most 64 different ones in "
                                     "all rules");
        if (bit == rules->n_tags) {
                rules->tags[bit] = strndup(tag.data, tag.size);
                if (!rules->tags[bit])
                        return -ENOMEM;
                rules->n_tags++;
        }
        c->rule->tags |= UINT64_C(1) << bit;
        return 0;
}

static bool is_word(char ch)
{
        return ch != ' ' && ch != '\t';
}

static int parse_tags(struct compiler *c, struct span value)
{
        struct span tag;
        int r;

        for (value = span_trim(value); value.size > 0; value = span_trim(value)) {
                tag = span_head(value, span_count(value, is_word));
                value = span_skip(value, tag.size);
                r = add_tag(c, tag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct {
        const char *key;
        int (*parse)(struct compiler *c, struct span value);
} own_keys[] = {
        { "Name", parse_name },
        { "Action", parse_action },
        { "Tag", parse_tags },
        { "SummaryInterval", parse_interval },
};

static int parse_key(struct compiler *c, struct span key, struct span value)
{
        for (size_t i = 0; i < ELEMENTSOF(own_keys); i++)
                if (span_is(key, own_keys[i].key))
                        return own_keys[i].parse(c, value);
        return selection_add(c->rule->selection, key, value, c->names, &c->problem);
}

/* The key as it would have been right, or NULL. */
static const char *similar_key(const char *key)
{
        for (size_t i = 0; i < ELEMENTSOF(own_keys); i++)
                if (strcasecmp(key, own_keys[i].key) == 0)
                        return own_keys[i].key;
        for (const struct key *k = keys; k->name; k++)
                if (strcasecmp(key, k->name) == 0)
                        return k->name;
        return NULL;
}

static void warn_of_key(struct compiler *c, const struct config_position *at, const char *key)
{
        const char *similar = similar_key(key);

        c->rule->has_unknown = true;
        config_report_add(&c->report->warnings, at,
                          "unknown key, so that this rule hides and tags nothing%s%s%s",
                          similar ? "; there is " : "", similar ? similar : "", similar ? "=" : "");
}

static int compile_entry(struct compiler *c, const struct config_entry *e)
{
        const struct config_position at = { .file = e->file,
                                            .line = e->line,
                                            .key = span_of(e->key) };
        int r;

        buf_reset(&c->problem);
        r = parse_key(c, at.key, span_of(e->value));
        if (buf_error(&c->problem))
                return -ENOMEM;
        if (r == -ENOKEY) {
                warn_of_key(c, &at, e->key);
                return 0;
        }
        if (r == -EINVAL)
                config_report_add(&c->report->errors, &at, "%.*s", (int)c->problem.size,
                                  c->problem.data);
        return r;
}

static int describe(struct rule *rule, const struct config_section *section)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        for (size_t i = 0; i < section->n_entries; i++) {
                const struct config_entry *e = &section->entries[i];

                if (strcmp(e->key, "Name") == 0)
                        continue;
                if (text.size > 0)
                        buf_append_char(&text, ' ');
                buf_append_string(&text, e->key);
                buf_append_char(&text, '=');
                buf_append_string(&text, e->value);
        }
        buf_append_char(&text, '\0');
        if (buf_error(&text))
                return -ENOMEM;
        rule->text = TAKE_PTR(text.data);
        return 0;
}

static bool is_reserved(const char *name)
{
        static const char *const reserved[] = { NOT_A_RULE_DEFAULT, NOT_A_RULE_ERRNOS,
                                                NOT_A_RULE_REMOVED, NOT_A_RULE_EARLIER };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (strcmp(name, reserved[i]) == 0)
                        return true;
        return false;
}

static int check_rule(struct compiler *c, const struct config_section *section)
{
        const struct config_position at = { .file = section->file,
                                            .line = section->line,
                                            .key = SPAN_LITERAL("[Rule]") };
        const int other = rules_find(c->rules, section->name);
        bool fails = false;

        if (other != RULE_DEFAULT) {
                config_report_add(&c->report->errors, &at,
                                  "has the same name as the rule of %s:%u, expected another Name=",
                                  c->rules->rules[other].file, c->rules->rules[other].line);
                fails = true;
        }
        if (is_reserved(section->name)) {
                config_report_add(&c->report->errors, &at,
                                  "has the name of another counter, expected another Name=");
                fails = true;
        }
        if (c->rule->action == ACTION_NONE && c->rule->tags == 0) {
                config_report_add(&c->report->errors, &at,
                                  "does nothing, expected Action= or Tag=");
                fails = true;
        }
        return fails ? -EINVAL : 0;
}

static int begin_rule(struct compiler *c, const struct config_section *section)
{
        struct rule *rule = c->rule;
        int r;

        rule->line = section->line;
        rule->interval_ns = INTERVAL_DEFAULT_NS;
        rule->file = strdup(section->file);
        rule->name = strdup(section->name);
        if (!rule->file || !rule->name)
                return -ENOMEM;
        r = describe(rule, section);
        return r < 0 ? r : selection_new(&rule->selection);
}

/* All errors of the rule are reported; the first of them is returned. */
static int compile_rule(struct compiler *c, const struct config_section *section)
{
        struct rule *rule = c->rule;
        int error = 0, r;

        r = begin_rule(c, section);
        for (size_t i = 0; r != -ENOMEM && i < section->n_entries; i++) {
                r = compile_entry(c, &section->entries[i]);
                error = error < 0 ? error : r;
        }
        if (r == -ENOMEM)
                return r;
        r = error < 0 ? error : check_rule(c, section);
        rule->has_flags = selection_has(rule->selection, "Flags");
        rule->sees_exits = selection_kinds(rule->selection) & KEY_KIND_BIT(EVENT_EXIT);
        rule->is_inert = rule->has_unknown && rule->action != ACTION_KEEP;
        return r < 0 ? r : selection_pack(&rule->selection);
}

static int compile(struct compiler *c, const struct config *config)
{
        struct rules *rules = c->rules;
        int error = 0, r;

        rules->fallback = config->filter.fallback == FILTER_DROP ? VERDICT_DROP : VERDICT_KEEP;
        rules->rules = calloc(config->rules.n + 1, sizeof(*rules->rules));
        if (!rules->rules)
                return -ENOMEM;
        for (size_t i = 0; i < config->rules.n; i++) {
                c->rule = &rules->rules[i];
                r = compile_rule(c, &config->rules.items[i]);
                rules->n++; /* only now, so that it is not its own namesake */
                if (r == -ENOMEM)
                        return r;
                error = error < 0 ? error : r;
        }
        return error;
}

int rules_set_index(struct rules *r, size_t words_min)
{
        _cleanup_(freep) const struct selection **selections =
                calloc(r->n + 1, sizeof(*selections));

        if (!selections)
                return -ENOMEM;
        for (size_t i = 0; i < r->n; i++)
                selections[i] = r->rules[i].selection;
        r->index = selection_index_free(r->index);
        return selection_index_new(selections, r->n, words_min, &r->index);
}

int rules_new(const struct config *config, const struct key_names *names,
              struct config_report *report, struct rules **ret)
{
        _cleanup_(rules_freep) struct rules *rules = NULL;
        struct compiler c = { .names = names, .report = report };
        int r;

        rules = calloc(1, sizeof(*rules));
        if (!rules)
                return -ENOMEM;
        c.rules = rules;
        r = compile(&c, config);
        buf_done(&c.problem);
        if (r == 0)
                r = rules_check(rules, config, report);
        if (r == 0)
                r = rules_set_index(rules, SELECTION_INDEX_WORDS_MIN);
        if (buf_error(&report->errors) || buf_error(&report->warnings))
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rules);
        return 0;
}

int rules_new_empty(struct rules **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}
