/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any rules against any events. The input is a configuration, a NUL, and bytes that events are made
 * of. The rules are refused with a message, or compile; what --cat-config shows of them compiles to
 * the same, which decides the same without the index of rules; and so does a matcher that is
 * written for its simplicity: it takes words apart anew for each event, and compares globs by
 * trying everything.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/config_report.h"
#include "policy/policy.h"
#include "policy/rules_internal.h"
#include "policy/selection.h"
#include "policy/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool number_of(_unused_ void *userdata, struct span name, uint32_t *ret)
{
        *ret = (uint32_t)name.size;
        return name.size > 0 && name.data[0] >= 'a' && name.data[0] <= 'm';
}

static const struct key_names names = { .user_number = number_of, .group_number = number_of };

/* Bytes to make an event of; zeros when they are used up. */
static uint32_t take_number(struct span *rest)
{
        const uint32_t n = rest->size > 0 ? (uint8_t)rest->data[0] : 0;

        if (rest->size > 0)
                *rest = (struct span){ rest->data + 1, rest->size - 1 };
        return n;
}

static struct span take_string(struct span *rest)
{
        const size_t wanted = take_number(rest) % 16, size = MIN(wanted, rest->size);
        const struct span s = { rest->data, size };

        *rest = (struct span){ rest->data + size, rest->size - size };
        return size == 0 && take_number(rest) % 2 ? (struct span){ 0 } : s;
}

static void make_event(struct span *rest, struct exec_event *e)
{
        *e = (struct exec_event){
                .kind = EVENT_EXEC + take_number(rest) % 4,
                .facts.present = take_number(rest) << 4 | take_number(rest),
                .cut = take_number(rest) % 8 ? 0 : take_number(rest),
                .facts.traits = take_number(rest) | take_number(rest) << 8,
                .facts.pid = 1 + take_number(rest) % 4,
                .facts.uid = take_number(rest),
                .facts.euid = take_number(rest),
                .facts.gid = take_number(rest),
                .facts.loginuid = take_number(rest),
                .facts.caps_effective = take_number(rest),
                .facts.retval = -(int32_t)take_number(rest),
                .exe = take_string(rest),
                .comm = take_string(rest),
                .filename = take_string(rest),
                .cwd = take_string(rest),
                .cgroup = take_string(rest),
                .argv = take_string(rest),
                .env = take_string(rest),
                .tty = take_string(rest),
                .parent_exe = take_string(rest),
                .parent_comm = take_string(rest),
                .parent_argv = take_string(rest),
                .n_ancestors = take_number(rest) % (EXEC_ANCESTORS_MAX + 1),
        };
        if (e->kind == EVENT_EXIT) /* what else it has, nobody gave it */
                e->facts.traits = 0;
        e->names = (struct cgroup_names){ take_string(rest), take_string(rest), take_string(rest),
                                          take_string(rest) };
        for (unsigned i = 0; i < e->n_ancestors; i++)
                e->ancestors[i] = (struct event_ancestor){ .pid = take_number(rest),
                                                           .comm = { (char)take_number(rest) },
                                                           .exe = take_string(rest) };
}

/* By the definition of fnmatch(3), but for what it takes as it comes: bytes, and odd sets. */
static bool glob_slowly(struct span p, struct span t);

static bool set_slowly(struct span *p, uint8_t c)
{
        size_t i = 1;
        bool found = false, negated = p->data[i] == '!' || p->data[i] == '^';
        uint8_t first, last;

        i += negated;
        for (bool is_first = true; is_first || p->data[i] != ']'; is_first = false) {
                i += p->data[i] == '\\';
                first = last = (uint8_t)p->data[i++];
                if (i + 1 < p->size && p->data[i] == '-' && p->data[i + 1] != ']') {
                        i++;
                        i += p->data[i] == '\\';
                        last = (uint8_t)p->data[i++];
                }
                found |= c >= first && c <= last;
        }
        *p = (struct span){ p->data + i + 1, p->size - i - 1 };
        return found != negated;
}

static bool glob_slowly(struct span p, struct span t)
{
        while (p.size > 0 && p.data[0] != '*') {
                if (t.size == 0)
                        return false;
                if (p.data[0] == '[') {
                        if (!set_slowly(&p, (uint8_t)t.data[0]))
                                return false;
                } else {
                        const bool escaped = p.data[0] == '\\' && p.size > 1;

                        if (p.data[escaped] != t.data[0] && (escaped || p.data[0] != '?'))
                                return false;
                        p = (struct span){ p.data + 1 + escaped, p.size - 1 - escaped };
                }
                t = (struct span){ t.data + 1, t.size - 1 };
        }
        if (p.size == 0)
                return t.size == 0;
        for (size_t i = 0; i <= t.size; i++)
                if (glob_slowly((struct span){ p.data + 1, p.size - 1 },
                                (struct span){ t.data + i, t.size - i }))
                        return true;
        return false;
}

/* A word that is a glob, of one key, against its value: what matters for globs alone. */
static bool key_word_matches_slowly(struct span pattern, const struct key *k,
                                    const struct value *value)
{
        struct span rest = value->text, one;
        const char *nul;

        if (k->type == KEY_STRING)
                return glob_slowly(pattern, rest);
        while (rest.size > 0) {
                nul = memchr(rest.data, '\0', rest.size);
                one = (struct span){ rest.data, nul ? (size_t)(nul - rest.data) : rest.size };
                if ((nul || !value->is_partial) && glob_slowly(pattern, one))
                        return true;
                rest = (struct span){ rest.data + one.size + (nul ? 1 : 0),
                                      rest.size - one.size - (nul ? 1 : 0) };
        }
        return false;
}

/* MATCH_LATER: nobody but the real one says what these words mean. */
static enum match key_slowly(const struct key *k, struct span words, struct event_view *v)
{
        const struct value value = *key_value(k, v);
        _cleanup_(buf_done) struct buf scratch = { 0 };
        bool has_positive = false, found = false, excluded = false, has_negated = false;
        struct word_text w;

        while (words_take(&words, &scratch, &w) > 0) {
                bool m;

                if (k->number_of || k->suffixed || span_is(w.pattern, "any") ||
                    span_is(w.pattern, "none"))
                        return MATCH_LATER;
                m = value.state == VALUE_KNOWN && key_word_matches_slowly(w.pattern, k, &value);
                has_positive |= !w.is_negated;
                has_negated |= w.is_negated;
                found |= !w.is_negated && m;
                excluded |= w.is_negated && m;
        }
        if (value.state == VALUE_UNFIT)
                return MATCH_NO;
        if (value.state == VALUE_UNKNOWN)
                return MATCH_UNKNOWN;
        if ((has_positive && !found && !value.is_partial) || excluded)
                return MATCH_NO;
        return value.is_partial && (has_negated || (has_positive && !found)) ? MATCH_UNKNOWN
                                                                             : MATCH_YES;
}

/* Every key of every rule on its own, in both ways. */
static void compare_matchers(const struct config *config, struct event_view *v)
{
        for (size_t i = 0; i < config->rules.n; i++)
                for (size_t k = 0; k < config->rules.items[i].n_entries; k++) {
                        const struct config_entry *e = &config->rules.items[i].entries[k];
                        const struct span words = { e->value, strlen(e->value) };
                        const struct span name = { e->key, strlen(e->key) };
                        const struct key *key = key_find(name);
                        _cleanup_(selection_freep) struct selection *s = NULL;
                        _cleanup_(buf_done) struct buf problem = { 0 };
                        enum match slow;
                        int r;

                        if (!key || words.size > 64) /* trying everything takes for ever */
                                continue;
                        r = selection_new(&s);
                        assert(r == 0);
                        r = selection_add(s, name, words, &names, &problem);
                        assert(r == 0);
                        slow = key_slowly(key, words, v);
                        assert(slow == MATCH_LATER || slow == selection_match(s, v));
                }
}

static struct rules *compile(const struct config *config)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        struct rules *rules = NULL;
        int r;

        r = rules_new(config, &names, &report, &rules);
        assert(r == 0 || r == -EINVAL);
        assert((r < 0) == (report.errors.size > 0));
        assert(text_is_valid(buf_span(&report.errors)));
        assert(text_is_valid(buf_span(&report.warnings)));
        return rules;
}

static struct rules *compile_shown(struct span text)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(buf_done) struct buf cat = { 0 };
        struct rules *rules;
        int r;

        r = config_cat_text("fuzz.conf", text, &report, &cat);
        assert(r == 0);
        r = config_parse("cat", buf_span(&cat), &report, &config);
        assert(r == 0);
        rules = compile(config);
        assert(rules);
        return rules;
}

/* All words of the one are in its index, none of the other: it asks rule after rule. */
static void index_one(struct rules *one, struct rules *other)
{
        int r;

        r = rules_set_index(one, 1);
        assert(r == 0);
        r = rules_set_index(other, SIZE_MAX);
        assert(r == 0);
}

static void assert_same(const struct rules *a, const struct rules *b)
{
        assert(rules_count(a) == rules_count(b));
        for (int i = RULE_DEFAULT; i < (int)rules_count(a); i++) {
                assert(strcmp(rules_name(a, i), rules_name(b, i)) == 0);
                assert(strcmp(rules_text(a, i), rules_text(b, i)) == 0);
                assert(rules_verdict(a, i) == rules_verdict(b, i));
        }
}

#define PROTECTED                                                                                  \
        (TRAIT_MEMFD | TRAIT_DELETED | TRAIT_OVERLAY_UPPER | TRAIT_SETUID | TRAIT_SETGID |         \
         TRAIT_FILECAPS | TRAIT_KERNEL | TRAIT_THREAD_EXEC)

static void decide(struct rules *a, struct rules *b, const struct exec_event *e)
{
        struct event_view view = { 0 };
        struct decision one = { 0 }, two = { 0 };
        bool is_decided;

        event_view_set(&view, e, true);
        is_decided = rules_decide(a, &view, &one);
        assert(is_decided);
        /* In two steps, as a pipeline does it. */
        event_view_set(&view, e, false);
        if (!rules_decide(b, &view, &two)) {
                view.is_enriched = true;
                is_decided = rules_decide(b, &view, &two);
                assert(is_decided);
        }
        assert(one.verdict == two.verdict && one.rule == two.rule && one.tags == two.tags);
        if (one.verdict != VERDICT_KEEP && (e->facts.traits & PROTECTED))
                assert(one.rule >= 0 && strstr(rules_text(a, one.rule), "Flags="));
        event_view_done(&view);
}

/* The account of a policy over all events, with the rules replaced in the middle. */
static void account(struct policy *p, struct rules *next, struct span rest)
{
        uint64_t n = 0, logged = 0, told = 0, dropped = policy_filtered(p), tags;
        struct summary summary;
        struct exec_event e;

        assert(dropped == 0);
        while (rest.size > 0) {
                enum policy_result result;

                make_event(&rest, &e);
                e.boot_ns = ++n * NSEC_PER_SEC;
                while (policy_take_summary(p, e.boot_ns, &summary))
                        told += summary.count;
                result = policy_decide(p, &e, false, &tags);
                if (result == POLICY_ENRICH)
                        result = policy_decide(p, &e, true, &tags);
                assert(result != POLICY_ENRICH);
                logged += result == POLICY_LOG;
                if (n != 8)
                        continue;
                while (policy_take_summary(p, UINT64_MAX, &summary))
                        told += summary.count;
                assert(policy_pending(p) == 0);
                policy_replace(p, TAKE_PTR(next), true);
        }
        assert(n == logged + policy_filtered(p));
        while (policy_take_summary(p, UINT64_MAX, &summary))
                told += summary.count;
        assert(policy_pending(p) == 0);
        assert(told <= policy_filtered(p));
        rules_free(next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(policy_freep) struct policy *policy = NULL;
        _cleanup_(rules_freep) struct rules *rules = NULL, *shown = NULL;
        const char *nul = size > 0 ? memchr(data, '\0', size) : NULL;
        const struct span text = { (const char *)data,
                                   nul ? (size_t)(nul - (const char *)data) : size };
        struct span rest = { nul ? nul + 1 : NULL, nul ? size - text.size - 1 : 0 };
        struct exec_event e;
        int r;

        if (config_parse("fuzz.conf", text, &report, &config) < 0)
                return 0;
        rules = compile(config);
        if (!rules)
                return 0;
        shown = compile_shown(text);
        assert_same(rules, shown);
        index_one(rules, shown);
        for (struct span left = rest; left.size > 0;) {
                struct event_view view = { 0 };

                make_event(&left, &e);
                decide(rules, shown, &e);
                event_view_set(&view, &e, true);
                compare_matchers(config, &view);
                event_view_done(&view);
        }
        r = policy_new(compile(config), true, &policy);
        assert(r == 0);
        account(policy, TAKE_PTR(shown), rest);
        return 0;
}
