/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * For each key: the entries of its words, and the selections that these can't exclude. Found are
 * those that no key excludes.
 *
 * Of the grams of a glob the one is its entry that the fewest globs of that key have: in
 * /usr/bin/program-7 that is "-7" and the end, which hardly any other text has. A text that has it
 * need not match, and a hash may be that of another gram: both cost a question too many, no more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/selection_index.h"
#include "policy/selection_internal.h"

/* 1 KiB, which stays in the cache; some hundred globs leave most of it empty. */
#define HASH_BITS 13
#define N_HASHES (1U << HASH_BITS)
#define N_CHAINS 1024U

#define NONE UINT32_MAX

/* What a value is to have for this selection: a number or bits, or the gram of a glob. */
struct entry {
        uint64_t low, high;
        uint32_t gram;
        uint32_t selection;
        uint32_t next; /* in its chain, or NONE */
};

struct key_index {
        const struct key *key;
        struct entry *entries;
        size_t n_entries;
        uint64_t *open;   /* selections that no value excludes */
        uint64_t *absent; /* selections that the absence of one does not exclude */
        uint64_t hashes[N_HASHES / 64];
        uint32_t chains[N_CHAINS];
};

struct selection_index {
        struct key_index *keys; /* numbers first */
        size_t n_keys;
        size_t words_min;
        size_t n_words; /* of a set of selections */
        uint64_t *all;
        uint64_t *found;
        uint64_t *may;  /* of one key */
        uint64_t *sets; /* the memory of all sets */
};

static void set_add(uint64_t *set, uint32_t i)
{
        set[i / 64] |= UINT64_C(1) << i % 64;
}

static uint32_t gram_hash(uint32_t gram)
{
        return gram * UINT32_C(0x9e3779b1) >> (32 - HASH_BITS);
}

struct selection_index *selection_index_free(struct selection_index *x)
{
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n_keys; i++)
                free(x->keys[i].entries);
        free(x->keys);
        free(x->sets);
        free(x);
        return NULL;
}

static bool has_texts(const struct key *k)
{
        return k->type == KEY_STRING || k->type == KEY_STRINGS;
}

static const struct condition *condition_of(const struct selection *s, const struct key *k)
{
        for (size_t i = 0; i < s->n_conditions; i++)
                if (s->conditions[i].key == k)
                        return &s->conditions[i];
        return NULL;
}

static size_t count_words(const struct selection *const *selections, size_t n, const struct key *k)
{
        const struct condition *c;
        size_t n_words = 0;

        for (size_t i = 0; i < n; i++) {
                c = condition_of(selections[i], k);
                n_words += c ? c->n_words - c->n_negated : 0;
        }
        return n_words;
}

static void count_gram(void *userdata, uint32_t gram)
{
        uint32_t *counts = userdata;

        counts[gram_hash(gram)]++;
}

/* How often globs of this key have each gram, by its hash. */
static void count_grams(const struct selection *const *selections, size_t n, const struct key *k,
                        uint32_t counts[static N_HASHES])
{
        const struct condition *c;

        memset(counts, 0, N_HASHES * sizeof(*counts));
        for (size_t i = 0; i < n; i++) {
                c = condition_of(selections[i], k);
                for (size_t w = 0; c && w < c->n_words - c->n_negated; w++)
                        if (word_has_glob(&c->words[w], k))
                                glob_each_gram(c->words[w].glob, count_gram, counts);
        }
}

struct rarest {
        const uint32_t *counts;
        uint32_t gram, count; /* of it, or NONE: there is none */
};

/* Of those that are as rare the last: texts differ at their ends. */
static void on_gram(void *userdata, uint32_t gram)
{
        struct rarest *r = userdata;
        const uint32_t count = r->counts[gram_hash(gram)];

        if (count <= r->count) {
                r->count = count;
                r->gram = gram;
        }
}

static void chain(struct key_index *x, struct entry *e)
{
        const uint32_t hash = gram_hash(e->gram);
        uint32_t *head = &x->chains[hash % N_CHAINS];

        x->hashes[hash / 64] |= UINT64_C(1) << hash % 64;
        e->next = *head;
        *head = (uint32_t)(e - x->entries);
}

/* It matches everything, has nothing to be found by, or is about what may not be there. */
static bool is_open_word(const struct key *k, const struct word *w, const struct rarest *rarest)
{
        if (w->kind == WORD_ANY || (has_texts(k) && rarest->count == NONE))
                return true;
        return k->may_lack_paths && glob_may_begin_with(w->glob, '/');
}

static void add_word(struct key_index *x, uint32_t selection, const struct word *w,
                     const uint32_t *counts)
{
        struct rarest rarest = { .counts = counts, .count = NONE };
        struct entry *e = &x->entries[x->n_entries];

        if (w->kind == WORD_NONE) {
                set_add(x->absent, selection);
                return;
        }
        if (word_has_glob(w, x->key))
                glob_each_gram(w->glob, on_gram, &rarest);
        if (is_open_word(x->key, w, &rarest)) {
                set_add(x->open, selection);
                return;
        }
        *e = (struct entry){ .selection = selection, .low = w->low, .gram = rarest.gram };
        if (has_texts(x->key))
                chain(x, e);
        else
                e->high = w->high;
        x->n_entries++;
}

/* `counts`: of grams, if the key has texts. */
static int key_index_init(struct key_index *x, const struct selection *const *selections, size_t n,
                          size_t n_words, const uint32_t *counts)
{
        x->entries = calloc(MAX(n_words, (size_t)1), sizeof(*x->entries));
        if (!x->entries)
                return -ENOMEM;
        memset(x->chains, 0xff, sizeof(x->chains)); /* NONE */
        for (uint32_t i = 0; i < n; i++) {
                const struct condition *c = condition_of(selections[i], x->key);
                const size_t n_positive = c ? c->n_words - c->n_negated : 0;

                if (n_positive == 0) {
                        set_add(x->open, i);
                        set_add(x->absent, i);
                }
                for (size_t w = 0; w < n_positive; w++)
                        add_word(x, i, &c->words[w], counts);
        }
        return 0;
}

static int add_keys(struct selection_index *x, const struct selection *const *selections, size_t n,
                    bool of_texts, uint32_t *counts)
{
        for (const struct key *k = keys; k->name; k++) {
                const size_t n_words = count_words(selections, n, k);
                struct key_index *added = &x->keys[x->n_keys];
                int r;

                if (n_words < x->words_min || has_texts(k) != of_texts)
                        continue;
                if (of_texts)
                        count_grams(selections, n, k, counts);
                added->key = k;
                added->open = x->sets + (3 + 2 * x->n_keys) * x->n_words;
                added->absent = added->open + x->n_words;
                x->n_keys++;
                r = key_index_init(added, selections, n, n_words, counts);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int allocate(struct selection_index *x, const struct selection *const *selections, size_t n)
{
        size_t n_keys = 0;

        for (const struct key *k = keys; k->name; k++)
                n_keys += count_words(selections, n, k) >= x->words_min;
        x->n_words = n / 64 + 1;
        x->sets = calloc((3 + 2 * n_keys) * x->n_words, sizeof(*x->sets));
        x->keys = calloc(n_keys + 1, sizeof(*x->keys));
        if (!x->sets || !x->keys)
                return -ENOMEM;
        x->all = x->sets;
        x->found = x->all + x->n_words;
        x->may = x->found + x->n_words;
        for (uint32_t i = 0; i < n; i++)
                set_add(x->all, i);
        return 0;
}

int selection_index_new(const struct selection *const *selections, size_t n, size_t words_min,
                        struct selection_index **ret)
{
        _cleanup_(selection_index_freep) struct selection_index *x = calloc(1, sizeof(*x));
        _cleanup_(freep) uint32_t *counts = calloc(N_HASHES, sizeof(*counts));
        int r;

        if (!x || !counts)
                return -ENOMEM;
        x->words_min = words_min;
        r = allocate(x, selections, n);
        if (r == 0)
                r = add_keys(x, selections, n, false, counts);
        if (r == 0)
                r = add_keys(x, selections, n, true, counts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}

static void find_number(const struct key_index *x, uint64_t number, uint64_t *may)
{
        const bool is_range = x->key->type == KEY_NUMBER;

        for (const struct entry *e = x->entries; e < x->entries + x->n_entries; e++)
                if (is_range ? number >= e->low && number <= e->high : number & e->low)
                        set_add(may, e->selection);
}

static void find_gram(const struct key_index *x, uint32_t gram, uint64_t *may)
{
        uint32_t i = x->chains[gram_hash(gram) % N_CHAINS];

        for (; i != NONE; i = x->entries[i].next)
                if (x->entries[i].gram == gram)
                        set_add(may, x->entries[i].selection);
}

static void find_text(const struct key_index *x, struct span text, uint64_t *may)
{
        uint32_t gram = 0, hash;

        for (size_t i = 0; i <= text.size; i++) {
                gram = gram_next(gram, i < text.size ? text.data[i] : '\0');
                hash = gram_hash(gram);
                if (x->hashes[hash / 64] >> hash % 64 & 1)
                        find_gram(x, gram, may);
        }
}

/* Those that this key does not exclude, or NULL: all. */
static const uint64_t *find(const struct selection_index *x, const struct key_index *k,
                            struct event_view *v)
{
        const struct value *value = key_value(k->key, v);

        if (value->state == VALUE_ABSENT)
                return k->absent;
        if (value->state != VALUE_KNOWN || value->is_partial)
                return NULL;
        memcpy(x->may, k->open, x->n_words * sizeof(*x->may));
        if (has_texts(k->key))
                find_text(k, value->text, x->may);
        else
                find_number(k, value->number, x->may);
        return x->may;
}

static bool intersect(uint64_t *set, const uint64_t *other, size_t n_words)
{
        uint64_t left = 0;

        for (size_t i = 0; i < n_words; i++) {
                set[i] &= other[i];
                left |= set[i];
        }
        return left;
}

const uint64_t *selection_index_find(struct selection_index *x, struct event_view *v)
{
        const uint64_t *may;

        memcpy(x->found, x->all, x->n_words * sizeof(*x->found));
        for (const struct key_index *k = x->keys; k < x->keys + x->n_keys; k++) {
                may = k->key->is_late && !v->is_enriched ? NULL : find(x, k, v);
                if (may && !intersect(x->found, may, x->n_words))
                        break;
        }
        return x->found;
}
