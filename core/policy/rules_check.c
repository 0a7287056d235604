/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Rules that do not do what their author believes: those that never match, and those that hide all.
 */
#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/config_report.h"
#include "policy/rules_internal.h"

/* Comparisons of words in all; a few milliseconds. A policy that takes more is checked in part. */
#define BUDGET 1000000

static void warn(struct config_report *report, const struct rule *r, const char *text)
{
        const struct config_position at = { .file = r->file,
                                            .line = r->line,
                                            .key = SPAN_LITERAL("[Rule]") };

        config_report_add(&report->warnings, &at, "%s", text);
}

/* Whether `earlier` decides all that `later` could. */
static bool leaves_nothing(const struct rule *earlier, const struct rule *later, size_t *budget)
{
        if (earlier->action == ACTION_NONE || earlier->is_inert)
                return false;
        /* An event that its flags protect from the one, may match the other. */
        if (rule_hides(earlier) && !earlier->has_flags && (!rule_hides(later) || later->has_flags))
                return false;
        if (later->sees_exits && !earlier->sees_exits)
                return false;
        return selection_is_within(later->selection, earlier->selection, budget);
}

static void warn_of_shadow(const struct rules *r, size_t i, struct config_report *report,
                           size_t *budget)
{
        const struct rule *later = &r->rules[i];
        const struct config_position at = { .file = later->file,
                                            .line = later->line,
                                            .key = SPAN_LITERAL("[Rule]") };

        for (size_t k = 0; k < i; k++)
                if (leaves_nothing(&r->rules[k], later, budget)) {
                        config_report_add(&report->warnings, &at,
                                          "can never match: the rule of %s:%u matches all of it "
                                          "before",
                                          r->rules[k].file, r->rules[k].line);
                        return;
                }
}

/* Of a word, if there is one. 0 or -ENOMEM. */
static int warn_of_word(struct config_report *report, const struct rule *r, const char *before,
                        struct span word, const char *behind)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        if (!word.data)
                return 0;
        buf_append_string(&text, before);
        config_append_visible(&text, word, 64);
        buf_append_string(&text, behind);
        buf_append_char(&text, '\0');
        if (buf_error(&text))
                return -ENOMEM;
        warn(report, r, text.data);
        return 0;
}

static int warn_of_words(const struct rule *r, const struct config *config,
                         struct config_report *report)
{
        int result;

        result = warn_of_word(report, r, "is about the variable ",
                              selection_unknown_variable(r->selection, config->capture.environment),
                              ", which is not in Environment= of [Capture]");
        if (result == 0)
                result = warn_of_word(report, r, "is about a process called ",
                                      selection_long_name(r->selection),
                                      ", but of such names there are the first 15 bytes only");
        if (result == 0)
                result = warn_of_word(report, r, "is about the path ",
                                      selection_relative_path(r->selection),
                                      ", but each begins with a slash");
        return result;
}

/* With a default that drops. */
static bool keeps_anything(const struct rules *r)
{
        for (size_t i = 0; i < r->n; i++)
                if (r->rules[i].action == ACTION_KEEP || r->rules[i].action == ACTION_SUMMARIZE)
                        return true;
        return false;
}

int rules_check(const struct rules *r, const struct config *config, struct config_report *report)
{
        size_t budget = BUDGET;
        int result;

        for (size_t i = 0; i < r->n; i++) {
                const struct rule *rule = &r->rules[i];

                if (rule->has_interval && rule->action != ACTION_SUMMARIZE)
                        warn(report, rule, "has SummaryInterval= without Action=summarize");
                if (selection_is_void(rule->selection))
                        warn(report, rule, "can never match: its words exclude each other");
                else
                        warn_of_shadow(r, i, report, &budget);
                if (rule_hides(rule) && !rule->is_inert && selection_is_all(rule->selection))
                        warn(report, rule, "hides everything");
                result = warn_of_words(rule, config, report);
                if (result < 0)
                        return result;
        }
        if (r->fallback == VERDICT_DROP && !keeps_anything(r)) {
                const struct config_position at = { .file = config->filter.origin ?: "[Filter]",
                                                    .key = SPAN_LITERAL("Default") };

                config_report_add(&report->warnings, &at, "hides everything: no rule keeps any");
        }
        return 0;
}
