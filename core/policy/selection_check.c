/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Selections that cannot be meant: what is said here becomes a warning, so it is said only where it
 * is certain, and a selection that is strange in another way passes.
 */
#include <string.h>

#include "policy/selection_internal.h"

static const struct word *negated_words(const struct condition *c)
{
        return c->words + c->n_words - c->n_negated;
}

static const struct word *words_end(const struct condition *c)
{
        return c->words + c->n_words;
}

/* Whether whatever `part` is true for, `whole` is true for as well; negation apart. */
static bool word_covers(const struct key *k, const struct word *whole, const struct word *part)
{
        struct span literal;

        if (whole->kind != WORD_VALUE || part->kind != WORD_VALUE)
                return whole->kind == part->kind ||
                       (whole->kind == WORD_ANY && part->kind == WORD_VALUE);
        switch (k->type) {
        case KEY_NUMBER:
                return whole->low <= part->low && part->high <= whole->high;
        case KEY_BITS:
                return (part->low & ~whole->low) == 0;
        case KEY_STRING:
        case KEY_STRINGS:
                literal = glob_literal(part->glob);
                return glob_is_any(whole->glob) ||
                       span_equal(glob_pattern(whole->glob), glob_pattern(part->glob)) ||
                       (literal.data && glob_match(whole->glob, literal));
        }
        return false;
}

static bool is_covered(const struct key *k, const struct word *part, const struct word *begin,
                       const struct word *end)
{
        for (const struct word *w = begin; w < end; w++)
                if (word_covers(k, w, part))
                        return true;
        return false;
}

/* Whether one of the words is true for every value. */
static bool are_universal(const struct condition *c, const struct word *begin,
                          const struct word *end)
{
        bool any = false, none = !c->key->may_be_absent;

        for (const struct word *w = begin; w < end; w++) {
                none |= w->kind == WORD_NONE;
                any |= w->kind == WORD_ANY;
                if (w->kind != WORD_VALUE)
                        continue;
                any |= c->key->type == KEY_NUMBER && w->low == 0 && w->high == c->key->max;
                any |= c->key->type == KEY_STRING && glob_is_any(w->glob);
        }
        return any && none;
}

static bool condition_is_void(const struct condition *c)
{
        if (c->n_negated == c->n_words)
                return c->n_words > 0 && are_universal(c, c->words, words_end(c));
        for (const struct word *w = c->words; w < negated_words(c); w++)
                if (!is_covered(c->key, w, negated_words(c), words_end(c)))
                        return false;
        return true;
}

static bool is_event(const struct condition *c)
{
        return strcmp(c->key->name, "Event") == 0;
}

/* The kinds that a condition leaves. */
static uint64_t kinds_left(const struct condition *c)
{
        uint64_t kinds = 0, negated = 0;

        if (!is_event(c)) {
                kinds = c->key->is_of_exit ? KEY_KINDS : KEY_KINDS & ~KEY_KIND_BIT(EVENT_EXIT);
                return strcmp(c->key->name, "Error") == 0 ? KEY_KIND_BIT(EVENT_EXEC_FAILED) : kinds;
        }
        for (const struct word *w = c->words; w < negated_words(c); w++)
                kinds |= w->low;
        for (const struct word *w = negated_words(c); w < words_end(c); w++)
                negated |= w->low;
        return (kinds ? kinds : KEY_KINDS) & ~negated;
}

/* Two keys about the same number that have none in common. */
static bool are_apart(const struct condition *a, const struct condition *b)
{
        if (a->key->get != b->key->get || a->key->type != KEY_NUMBER)
                return false;
        for (const struct word *x = a->words; x < negated_words(a); x++)
                for (const struct word *y = b->words; y < negated_words(b); y++)
                        if (x->kind != y->kind || x->kind != WORD_VALUE ||
                            (x->low <= y->high && y->low <= x->high))
                                return false;
        return a->n_negated < a->n_words && b->n_negated < b->n_words;
}

bool selection_is_void(const struct selection *s)
{
        uint64_t kinds = KEY_KINDS;

        for (size_t i = 0; i < s->n_conditions; i++) {
                if (condition_is_void(&s->conditions[i]))
                        return true;
                kinds &= kinds_left(&s->conditions[i]);
                for (size_t k = 0; k < i; k++)
                        if (are_apart(&s->conditions[i], &s->conditions[k]))
                                return true;
        }
        return kinds == 0;
}

bool selection_is_all(const struct selection *s)
{
        const uint64_t wanted = KEY_KINDS & ~KEY_KIND_BIT(EVENT_EXIT);

        for (size_t i = 0; i < s->n_conditions; i++) {
                const struct condition *c = &s->conditions[i];

                if (is_event(c) ? (kinds_left(c) & wanted) != wanted
                                : c->n_negated > 0 || !are_universal(c, c->words, words_end(c)))
                        return false;
        }
        return true;
}

static bool spend(size_t *budget, size_t amount)
{
        if (amount > *budget)
                return false;
        *budget -= amount;
        return true;
}

static bool condition_is_within(const struct condition *c, const struct condition *other)
{
        const size_t n_positive = c->n_words - c->n_negated;

        for (const struct word *w = negated_words(other); w < words_end(other); w++)
                if (!is_covered(c->key, w, negated_words(c), words_end(c)))
                        return false;
        if (other->n_negated == other->n_words)
                return true;
        for (const struct word *w = c->words; w < negated_words(c); w++)
                if (!is_covered(c->key, w, other->words, negated_words(other)))
                        return false;
        return n_positive > 0;
}

static const struct condition *find_same(const struct selection *s, const struct key *k)
{
        for (size_t i = 0; i < s->n_conditions; i++)
                if (s->conditions[i].key == k)
                        return &s->conditions[i];
        return NULL;
}

bool selection_is_within(const struct selection *s, const struct selection *other, size_t *budget)
{
        for (size_t i = 0; i < other->n_conditions; i++) {
                const struct condition *theirs = &other->conditions[i];
                const struct condition *ours = find_same(s, theirs->key);

                if (!ours || !spend(budget, ours->n_words * theirs->n_words) ||
                    !condition_is_within(ours, theirs))
                        return false;
        }
        return spend(budget, 1);
}

static bool is_named(struct span name, char *const *names)
{
        for (; *names; names++)
                if (span_is(name, *names))
                        return true;
        return false;
}

struct span selection_unknown_variable(const struct selection *s, char *const *names)
{
        for (size_t i = 0; i < s->n_conditions; i++) {
                const struct condition *c = &s->conditions[i];

                for (const struct word *w = c->words; w < words_end(c); w++) {
                        struct span name, value;

                        if (!c->key->is_variable || w->kind != WORD_VALUE)
                                continue;
                        (void)span_split(glob_pattern(w->glob), '=', &name, &value);
                        if (!is_named(name, names))
                                return name;
                }
        }
        return (struct span){ 0 };
}

/* Of a comm. What has a slash may be meant for a path, where a key takes both. */
#define COMM_SIZE_MAX 15

struct span selection_long_name(const struct selection *s)
{
        for (size_t i = 0; i < s->n_conditions; i++) {
                const struct condition *c = &s->conditions[i];

                for (const struct word *w = c->words; w < words_end(c); w++) {
                        struct span pattern;

                        if (!c->key->is_comm || w->kind != WORD_VALUE)
                                continue;
                        pattern = glob_pattern(w->glob);
                        if (glob_size_min(w->glob) > COMM_SIZE_MAX &&
                            !memchr(pattern.data, '/', pattern.size))
                                return pattern;
                }
        }
        return (struct span){ 0 };
}

/* A path outside of the root begins with a parenthesis: "(unreachable)/x". */
static bool may_begin_path(struct span pattern)
{
        return pattern.size == 0 || strchr("/*?[\\(", pattern.data[0]);
}

struct span selection_relative_path(const struct selection *s)
{
        for (size_t i = 0; i < s->n_conditions; i++) {
                const struct condition *c = &s->conditions[i];

                for (const struct word *w = c->words; w < words_end(c); w++)
                        if (c->key->is_absolute && w->kind == WORD_VALUE &&
                            !may_begin_path(glob_pattern(w->glob)))
                                return glob_pattern(w->glob);
        }
        return (struct span){ 0 };
}
