/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Selections: from words to conditions, and conditions against events.
 *
 * Words are compiled when they are read, so that matching neither parses nor allocates, but for
 * what a view joins once for an event. Packed, conditions are tried in order of what they cost.
 *
 * Refuses what is not understood: whatever is left out of a selection makes it match more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_report.h"
#include "config/config_value.h"
#include "policy/selection_internal.h"
#include "policy/words.h"

static void word_done(struct word *w, const struct key *k)
{
        if (word_has_glob(w, k))
                glob_free(w->glob);
}

int selection_new(struct selection **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

static void conditions_done(struct condition *conditions, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < conditions[i].n_words; k++)
                        word_done(&conditions[i].words[k], conditions[i].key);
}

/* The memory of conditions and words, but not what words refer to. */
static void free_pieces(struct selection *s)
{
        for (size_t i = 0; i < s->n_conditions; i++)
                free(s->conditions[i].words);
        free(s->conditions);
}

struct selection *selection_free(struct selection *s)
{
        if (!s)
                return NULL;
        conditions_done(s->conditions, s->n_conditions);
        if (!s->is_packed)
                free_pieces(s);
        free(s);
        return NULL;
}

/* The cost of finding that it does not match: a number, a name, a glob, several of them. */
static unsigned cost(const struct condition *c)
{
        if (c->key->type == KEY_STRINGS)
                return 3;
        if (c->key->type != KEY_STRING)
                return 0;
        for (size_t i = 0; i < c->n_words; i++)
                if (c->words[i].kind == WORD_VALUE && !glob_literal(c->words[i].glob).data)
                        return 2;
        return 1;
}

/* The cheap ones first. */
static void sort_conditions(struct condition *conditions, size_t n)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && cost(&conditions[k]) < cost(&conditions[k - 1]); k--) {
                        const struct condition c = conditions[k];

                        conditions[k] = conditions[k - 1];
                        conditions[k - 1] = c;
                }
}

int selection_pack(struct selection **s)
{
        struct selection *old = *s, *fresh;
        size_t n_words = 0;
        struct word *words;

        for (size_t i = 0; i < old->n_conditions; i++)
                n_words += old->conditions[i].n_words;
        fresh = malloc(sizeof(*fresh) + old->n_conditions * sizeof(*old->conditions) +
                       n_words * sizeof(*words));
        if (!fresh)
                return -ENOMEM;
        *fresh = (struct selection){ .conditions = (struct condition *)(fresh + 1),
                                     .n_conditions = old->n_conditions,
                                     .is_packed = true };
        words = (struct word *)(fresh->conditions + fresh->n_conditions);
        sort_conditions(old->conditions, old->n_conditions);
        for (size_t i = 0; i < old->n_conditions; i++) {
                struct condition *c = &fresh->conditions[i];

                *c = old->conditions[i];
                memcpy(words, c->words, c->n_words * sizeof(*words));
                c->words = words;
                words += c->n_words;
        }
        free_pieces(old);
        free(old);
        *s = fresh;
        return 0;
}

/* Digits alone; saturates. */
static bool parse_digits(struct span text, uint64_t *ret)
{
        uint64_t value = 0;

        if (text.size == 0 || span_count(text, is_digit) < text.size)
                return false;
        for (size_t i = 0; i < text.size && value <= UINT32_MAX; i++)
                value = value * 10 + (uint64_t)(text.data[i] - '0');
        *ret = value;
        return true;
}

/* 1000, 1000-60000, 1000- */
static bool parse_range(struct span text, uint64_t max, uint64_t *ret_low, uint64_t *ret_high)
{
        struct span low, high;
        const bool is_range = span_split(text, '-', &low, &high);

        if (!parse_digits(low, ret_low))
                return false;
        *ret_high = is_range ? max : *ret_low;
        return high.size == 0 || parse_digits(high, ret_high);
}

/* The name of audit tools for a login user that is not set. */
static bool is_unset(struct span text)
{
        return span_is(text, "unset") || span_is(text, "-1") || span_is(text, "4294967295");
}

static int parse_number_word(const struct key *k, struct span text, const struct key_names *names,
                             struct buf *problem, struct word *ret)
{
        if (!parse_range(text, k->max, &ret->low, &ret->high)) {
                if (!k->number_of(names, text, &ret->low))
                        return config_refuse(problem, text, k->expected);
                ret->high = ret->low;
        }
        if (ret->low > ret->high)
                return config_refuse(problem, text,
                                     "is a range that ends before it begins, expected one like "
                                     "1000-60000");
        if (ret->high <= k->max)
                return 0;
        (void)config_refuse(problem, text, "is too large, expected at most ");
        buf_append_u64(problem, k->max);
        return -EINVAL;
}

static int parse_plain_word(const struct key *k, struct span pattern, const struct key_names *names,
                            struct buf *problem, struct word *ret)
{
        _cleanup_(buf_done) struct buf plain = { 0 };
        struct span text;

        word_append_plain(&plain, pattern);
        if (buf_error(&plain))
                return -ENOMEM;
        text = plain.data ? buf_span(&plain) : SPAN_LITERAL("");
        if (k->type == KEY_NUMBER && k->max < UINT32_MAX && is_unset(text)) {
                ret->kind = WORD_NONE;
                return 0;
        }
        if (k->type == KEY_NUMBER)
                return parse_number_word(k, text, names, problem, ret);
        if (!k->number_of(names, text, &ret->low))
                return config_refuse(problem, text, k->expected);
        return 0;
}

static bool has_unit_suffix(struct span name)
{
        static const char *const suffixes[] = { ".service", ".scope",  ".slice",    ".socket",
                                                ".mount",   ".swap",   ".timer",    ".target",
                                                ".path",    ".device", ".automount" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (name.size > strlen(suffixes[i]) && span_ends_with(name, suffixes[i]))
                        return true;
        return false;
}

static bool is_name_char(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_';
}

/* NAME=GLOB, where the name is one. */
static bool is_variable(struct span pattern)
{
        size_t n = 0;

        while (n < pattern.size && is_name_char(pattern.data[n]))
                n++;
        return n > 0 && n < pattern.size && pattern.data[n] == '=';
}

/* The pattern, with the suffix of a unit if it is a name without one. */
static int compile_glob(const struct key *k, struct span pattern, struct buf *problem,
                        struct glob **ret)
{
        _cleanup_(glob_freep) struct glob *g = NULL;
        _cleanup_(buf_done) struct buf suffixed = { 0 };
        struct span literal;
        int r;

        r = glob_new(pattern, problem, &g);
        if (r < 0)
                return r;
        literal = glob_literal(g);
        if (!k->suffixed || !literal.data || has_unit_suffix(literal)) {
                *ret = TAKE_PTR(g);
                return 0;
        }
        buf_append_span(&suffixed, pattern);
        buf_append_string(&suffixed, k->suffixed);
        return buf_error(&suffixed) ? -ENOMEM : glob_new(buf_span(&suffixed), problem, ret);
}

static int parse_glob_word(const struct key *k, struct span pattern, struct buf *problem,
                           struct word *ret)
{
        struct glob *g;
        int r;

        if (k->is_variable && !is_variable(pattern))
                return config_refuse(problem, pattern,
                                     "is not a variable, expected NAME=GLOB, as in LD_PRELOAD=*");
        r = compile_glob(k, pattern, problem, &g);
        if (r < 0)
                return r;
        ret->glob = g;
        return 0;
}

static int parse_word(const struct key *k, const struct word_text *text,
                      const struct key_names *names, struct buf *problem, struct word *ret)
{
        *ret = (struct word){ .is_negated = text->is_negated };
        if (k->may_be_absent && span_is(text->pattern, "any"))
                ret->kind = WORD_ANY;
        else if (k->may_be_absent && span_is(text->pattern, "none"))
                ret->kind = WORD_NONE;
        else if (k->number_of)
                return parse_plain_word(k, text->pattern, names, problem, ret);
        else
                return parse_glob_word(k, text->pattern, problem, ret);
        return 0;
}

static int condition_add(struct condition *c, const struct word *w)
{
        const uint32_t n = c->n_words, n_positive = n - c->n_negated;
        struct word *words;

        if ((n & (n - 1)) == 0) { /* as many as there is room for: 0, or a power of two */
                words = reallocarray(c->words, n > 0 ? 2 * (size_t)n : 1, sizeof(*words));
                if (!words)
                        return -ENOMEM;
                c->words = words;
        }
        c->words[n] = *w;
        if (w->is_negated) {
                c->n_negated++;
        } else { /* the first of the negated ones makes room */
                c->words[n] = c->words[n_positive];
                c->words[n_positive] = *w;
        }
        c->n_words++;
        return 0;
}

static int selection_condition(struct selection *s, const struct key *k, struct condition **ret)
{
        struct condition *conditions;

        for (size_t i = 0; i < s->n_conditions; i++)
                if (s->conditions[i].key == k) {
                        *ret = &s->conditions[i];
                        return 0;
                }
        conditions = reallocarray(s->conditions, s->n_conditions + 1, sizeof(*conditions));
        if (!conditions)
                return -ENOMEM;
        s->conditions = conditions;
        *ret = &conditions[s->n_conditions++];
        **ret = (struct condition){ .key = k };
        return 0;
}

static int selection_add_word(struct selection *s, const struct key *k,
                              const struct word_text *text, const struct key_names *names,
                              struct buf *problem)
{
        struct condition *c;
        struct word w;
        int r;

        r = selection_condition(s, k, &c);
        if (r < 0)
                return r;
        r = parse_word(k, text, names, problem, &w);
        if (r < 0)
                return r;
        r = condition_add(c, &w);
        if (r < 0)
                word_done(&w, k);
        return r;
}

static int take_word(struct span *text, struct buf *scratch, struct word_text *ret,
                     struct buf *problem)
{
        int r;

        r = words_take(text, scratch, ret);
        if (r > 0 && !ret->pattern.data)
                ret->pattern = SPAN_LITERAL("");
        if (r == -EINVAL)
                return config_refuse(problem, ret->raw, "has an odd quote, expected \"...\"");
        if (r > 0 && span_is(ret->raw, "!"))
                return config_refuse(problem, ret->raw, "negates nothing, expected !WORD");
        return r;
}

static int no_such_key(struct span key, struct buf *problem)
{
        (void)config_refuse(problem, key, "is not a key, expected one of:");
        for (const struct key *k = keys; k->name; k++)
                buf_printf(problem, " %s", k->name);
        return -ENOKEY;
}

int selection_add(struct selection *s, struct span key, struct span words,
                  const struct key_names *names, struct buf *problem)
{
        _cleanup_(buf_done) struct buf scratch = { 0 };
        const struct key *k = key_find(key);
        struct word_text word;
        int r;

        if (!k)
                return no_such_key(key, problem);
        while ((r = take_word(&words, &scratch, &word, problem)) > 0) {
                r = selection_add_word(s, k, &word, names, problem);
                if (r < 0)
                        return r;
        }
        return r;
}

/* The key that the text begins with, which is then cut off, or NULL. */
static const struct key *take_key(struct span *text)
{
        struct span name, rest;
        const struct key *k = NULL;

        if (span_split(*text, '=', &name, &rest))
                k = key_find(name);
        if (k)
                *text = rest;
        return k;
}

int selection_parse(struct selection *s, struct span text, const struct key_names *names,
                    struct buf *problem)
{
        _cleanup_(buf_done) struct buf scratch = { 0 };
        const struct key *k = NULL, *next;
        struct word_text word;
        int r;

        for (text = span_trim_start(text); text.size > 0; text = span_trim_start(text)) {
                next = take_key(&text);
                k = next ? next : k;
                if (!k)
                        return no_such_key(text, problem);
                if (next && (text.size == 0 || text.data[0] == ' ' || text.data[0] == '\t'))
                        continue; /* no word at once */
                r = take_word(&text, &scratch, &word, problem);
                if (r < 0)
                        return r;
                r = r > 0 ? selection_add_word(s, k, &word, names, problem) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool strings_match(const struct glob *g, const struct value *value)
{
        const char *p = value->text.data, *end = p + value->text.size, *nul;

        for (; p < end; p = nul + 1) {
                nul = memchr(p, '\0', (size_t)(end - p));
                if (!nul && value->is_partial)
                        return false; /* this one was cut */
                if (!nul)
                        nul = end;
                if (glob_match(g, (struct span){ p, (size_t)(nul - p) }))
                        return true;
        }
        return false;
}

/* Whether the word, but for its negation, is true for a value that is known or absent. */
static bool word_matches(const struct word *w, enum key_type type, const struct value *value)
{
        if (w->kind != WORD_VALUE || value->state == VALUE_ABSENT)
                return w->kind == (value->state == VALUE_ABSENT ? WORD_NONE : WORD_ANY);
        switch (type) {
        case KEY_NUMBER:
                return value->number >= w->low && value->number <= w->high;
        case KEY_BITS:
                return value->number & w->low;
        case KEY_STRING:
                return glob_match(w->glob, value->text);
        case KEY_STRINGS:
                return strings_match(w->glob, value);
        }
        return false;
}

/* Whether what the word is about may be in what is not there. */
static bool may_be_missing(const struct word *w, const struct value *value)
{
        return value->is_partial || (value->lacks_paths && glob_may_begin_with(w->glob, '/'));
}

static enum match condition_match(const struct condition *c, struct event_view *v)
{
        const struct value *value = key_value(c->key, v);
        const struct word *w = c->words, *negated = w + c->n_words - c->n_negated;
        const enum key_type type = c->key->type;
        bool is_missing = false; /* what is asked for may be in what is not there */

        if (value->state == VALUE_UNFIT)
                return MATCH_NO;
        if (value->state == VALUE_UNKNOWN)
                return MATCH_UNKNOWN;
        for (; w < negated && !word_matches(w, type, value); w++)
                is_missing |= w->kind == WORD_VALUE && may_be_missing(w, value);
        if (w == negated && negated > c->words && !is_missing)
                return MATCH_NO;
        is_missing &= w == negated;
        for (w = negated; w < c->words + c->n_words; w++) {
                if (word_matches(w, type, value))
                        return MATCH_NO;
                is_missing |=
                        value->is_partial || (w->kind == WORD_VALUE && may_be_missing(w, value));
        }
        return is_missing ? MATCH_UNKNOWN : MATCH_YES;
}

enum match selection_match(const struct selection *s, struct event_view *v)
{
        enum match all = MATCH_YES;

        for (size_t i = 0; i < s->n_conditions; i++) {
                enum match m = MATCH_LATER;

                if (v->is_enriched || !s->conditions[i].key->is_late)
                        m = condition_match(&s->conditions[i], v);
                if (m == MATCH_NO)
                        return MATCH_NO;
                if (m == MATCH_LATER || (m == MATCH_UNKNOWN && all == MATCH_YES))
                        all = m;
        }
        return all;
}

static const struct condition *find_condition(const struct selection *s, const char *key)
{
        for (size_t i = 0; i < s->n_conditions; i++)
                if (strcmp(s->conditions[i].key->name, key) == 0)
                        return &s->conditions[i];
        return NULL;
}

bool selection_has(const struct selection *s, const char *key)
{
        return find_condition(s, key) != NULL;
}

uint64_t selection_kinds(const struct selection *s)
{
        const struct condition *c = find_condition(s, "Event");
        uint64_t kinds = 0;

        for (size_t i = 0; c && i < c->n_words - c->n_negated; i++)
                kinds |= c->words[i].low;
        return kinds;
}
