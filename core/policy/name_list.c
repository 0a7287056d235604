/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A name has to be looked up at every '=' of an argument, in some hundred globs. So globs are found
 * by three letters that a name has to have: the first three of the longest piece between the glob's
 * stars. Of a name each three letters are looked up in a table; most lead to nothing. What is left
 * is compared by the glob, in a time that is bounded because names are.
 *
 * Before all that a name is asked for three bytes of a part of a glob, that is of letters and
 * digits between its stars and dashes: in the bytes as they are, so that nothing has to be copied,
 * in every second place, or at the end. Nearly all names have none.
 */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_value.h"
#include "policy/draft.h"
#include "policy/gram.h"
#include "policy/name_list.h"

#define N_BUCKETS 1024
#define N_GRAMS 32768 /* 4 KiB, of which the built-in list takes 3 in 100 */
#define NONE UINT32_MAX

struct glob {
        char *text;
        struct span piece; /* of it, the longest without a star */
        uint32_t next;     /* in its bucket, or NONE */
        bool has_gram;     /* one that has been added: name_list_add_grams() */
};

/* A set of three bytes each, which may have others as well. */
struct gram_set {
        uint64_t bits[N_GRAMS / 64];
};

struct name_list {
        struct glob *globs;
        uint32_t n_globs;
        uint32_t buckets[N_BUCKETS];
        uint32_t others; /* those without three letters that follow each other */
        struct gram_set within, ends;
        bool may_be_any; /* some glob has no part by which its names are known */
};

/* A name of NAME_SIZE_MAX bytes with a '-' before each. */
struct normal {
        char text[2 * NAME_SIZE_MAX];
        size_t size;
};

static char fold(char c)
{
        if (c >= 'a' && c <= 'z')
                return c;
        if (c >= 'A' && c <= 'Z')
                return (char)(c - 'A' + 'a');
        return c == '_' || c == '.' || c == '[' || c == ']' ? '-' : c;
}

static bool begins_word(char before, char c)
{
        return c >= 'A' && c <= 'Z' && ((before >= 'a' && before <= 'z') || is_digit(before));
}

/* `by_case`: a capital letter begins a word. */
static void normalize(struct span name, bool by_case, struct normal *ret)
{
        ret->size = 0;
        if (name.size > NAME_SIZE_MAX)
                name = (struct span){ name.data + name.size - NAME_SIZE_MAX, NAME_SIZE_MAX };
        for (size_t i = 0; i < name.size; i++) {
                if (by_case && i > 0 && begins_word(name.data[i - 1], name.data[i]))
                        ret->text[ret->size++] = '-';
                ret->text[ret->size] = fold(name.data[i]);
                if (ret->size > 0 || ret->text[0] != '-')
                        ret->size++;
        }
        while (ret->size > 1 &&
               (is_digit(ret->text[ret->size - 1]) || ret->text[ret->size - 1] == '-'))
                ret->size--;
}

static unsigned bucket_of(const char *gram)
{
        const uint8_t *p = (const uint8_t *)gram;

        return ((unsigned)p[0] * 0x9e5U ^ (unsigned)p[1] * 0x47U ^ p[2]) % N_BUCKETS;
}

/* The longest piece without a star. */
static struct span longest_piece(const char *glob)
{
        struct span longest = { .data = glob };
        size_t size;

        for (; *glob; glob += size + (glob[size] != '\0')) {
                size = strcspn(glob, "*?");
                if (size > longest.size)
                        longest = (struct span){ glob, size };
        }
        return longest;
}

/* Three bytes at `p`, of which four can be read; large and small letters alike. */
static unsigned gram_at(const char *p)
{
        uint32_t x;

        memcpy(&x, p, sizeof(x));
        x = (le32toh(x) | 0x202020) & 0xffffff;
        return (x * UINT32_C(0x9e3779b1)) >> 17;
}
_Static_assert(N_GRAMS == 1 << (32 - 17), "bits of the hash");

static void gram_add(struct gram_set *s, char a, char b, char c)
{
        const char text[] = { a, b, c, '\0' };
        const unsigned gram = gram_at(text);

        s->bits[gram / 64] |= UINT64_C(1) << (gram % 64);
}

static bool gram_is_in(const struct gram_set *s, const char *p)
{
        const unsigned gram = gram_at(p);

        return s->bits[gram / 64] >> (gram % 64) & 1;
}

/* The longest piece of letters and digits; of two that are as long the one at the end, if any. */
static struct span longest_part(const char *glob)
{
        struct span longest = { .data = glob };
        size_t size;

        for (; *glob; glob += size + (glob[size] != '\0')) {
                size = strcspn(glob, "*?-");
                if (size > longest.size || (size == longest.size && glob[size] == '\0'))
                        longest = (struct span){ glob, size };
        }
        return longest;
}

/*
 * Every second place of a name is looked at: one of two grams that follow each other is in such a
 * place. Of a part of three, the second of them has any byte at its end.
 */
static void name_list_add_parts(struct name_list *l, const char *glob)
{
        const struct span part = longest_part(glob);
        const char *p = part.data;
        const bool is_end = p[part.size] == '\0';

        if (part.size > GRAM_SIZE) {
                gram_add(&l->within, p[0], p[1], p[2]);
                gram_add(&l->within, p[1], p[2], p[3]);
        } else if (part.size == GRAM_SIZE && is_end) {
                gram_add(&l->ends, p[0], p[1], p[2]);
        } else if (part.size == GRAM_SIZE) {
                gram_add(&l->within, p[0], p[1], p[2]);
                for (unsigned c = 0; c <= UINT8_MAX; c++)
                        gram_add(&l->within, p[1], p[2], (char)c);
        } else if (part.size == 2 && is_end) {
                for (unsigned c = 0; c <= UINT8_MAX; c++)
                        gram_add(&l->ends, (char)c, p[0], p[1]);
        } else {
                l->may_be_any = true;
        }
}

static int name_list_add(struct name_list *l, struct span text)
{
        struct glob *globs = reallocarray(l->globs, l->n_globs + 1, sizeof(*globs)), *glob;
        uint32_t *head;

        if (!globs)
                return -ENOMEM;
        l->globs = globs;
        glob = &globs[l->n_globs];
        glob->text = strndup(text.data, text.size);
        if (!glob->text)
                return -ENOMEM;
        for (char *p = glob->text; *p; p++)
                *p = fold(*p);
        name_list_add_parts(l, glob->text);
        glob->piece = longest_piece(glob->text);
        head = glob->piece.size < GRAM_SIZE ? &l->others : &l->buckets[bucket_of(glob->piece.data)];
        glob->next = *head;
        *head = l->n_globs++;
        return 0;
}

static int name_list_add_words(struct name_list *l, const char *words)
{
        size_t size;
        int r;

        for (; *words; words += size + strspn(words + size, " ")) {
                size = strcspn(words, " ");
                r = name_list_add(l, (struct span){ words, size });
                if (r < 0)
                        return r;
        }
        return 0;
}

int name_list_new(char *const *globs, const char *builtin, struct name_list **ret)
{
        _cleanup_(name_list_freep) struct name_list *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->others = NONE;
        memset(l->buckets, 0xff, sizeof(l->buckets));
        for (; *globs; globs++) {
                r = strcmp(*globs, BUILTIN_GLOBS) == 0
                            ? name_list_add_words(l, builtin)
                            : name_list_add(l, (struct span){ *globs, strlen(*globs) });
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

struct name_list *name_list_free(struct name_list *l)
{
        if (!l)
                return NULL;
        for (uint32_t i = 0; i < l->n_globs; i++)
                free(l->globs[i].text);
        free(l->globs);
        free(l);
        return NULL;
}

/* After a mismatch only the last star is extended: earlier ones have matched as early as can be. */
static bool glob_matches(const char *glob, const struct normal *name)
{
        const char *p = name->text, *end = name->text + name->size, *star = NULL, *retry = NULL;

        while (p < end) {
                if (*glob == '*') {
                        star = ++glob;
                        retry = p;
                } else if (*glob == '?' || *glob == *p) {
                        glob++;
                        p++;
                } else if (star) {
                        glob = star;
                        p = ++retry;
                } else {
                        return false;
                }
        }
        while (*glob == '*')
                glob++;
        return *glob == '\0';
}

/* Globs of that bucket whose piece is at `at` of the name. */
static bool bucket_has(const struct name_list *l, uint32_t i, const struct normal *name, size_t at)
{
        for (; i != NONE; i = l->globs[i].next) {
                const struct span piece = l->globs[i].piece;

                if (piece.size <= name->size - at &&
                    memcmp(name->text + at, piece.data, piece.size) == 0 &&
                    glob_matches(l->globs[i].text, name))
                        return true;
        }
        return false;
}

static bool has_normal(const struct name_list *l, const struct normal *name)
{
        for (size_t i = 0; i + GRAM_SIZE <= name->size; i++)
                if (bucket_has(l, l->buckets[bucket_of(name->text + i)], name, i))
                        return true;
        for (uint32_t i = l->others; i != NONE; i = l->globs[i].next)
                if (glob_matches(l->globs[i].text, name))
                        return true;
        return false;
}

static bool has_humps(struct span name)
{
        for (size_t i = 1; i < name.size; i++)
                if (begins_word(name.data[i - 1], name.data[i]))
                        return true;
        return false;
}

bool name_list_has(const struct name_list *l, struct span name)
{
        struct normal folded, split;

        normalize(name, false, &folded);
        if (has_normal(l, &folded))
                return true;
        if (!has_humps(name))
                return false;
        normalize(name, true, &split);
        return has_normal(l, &split);
}

bool name_list_may_have(const struct name_list *l, struct span name)
{
        size_t n = name.size;

        while (n > GRAM_SIZE && (is_digit(name.data[n - 1]) || fold(name.data[n - 1]) == '-'))
                n--;
        if (n <= GRAM_SIZE || l->may_be_any || gram_is_in(&l->ends, name.data + n - GRAM_SIZE))
                return true;
        for (; n >= GRAM_SIZE; n -= 2)
                if (gram_is_in(&l->within, name.data + n - GRAM_SIZE))
                        return true;
        return false;
}

/* The next part of a glob, of letters and digits; false: there is none. */
static bool next_part(const char **rest, struct span *ret)
{
        *rest += strspn(*rest, "*?-");
        *ret = (struct span){ .data = *rest, .size = strcspn(*rest, "*?-") };
        *rest += ret->size;
        return ret->size > 0;
}

/* By its bytes, not by its hash: a glob that is held for one with the gram would be given none. */
static void note_gram(struct name_list *l, const char *gram)
{
        for (uint32_t i = 0; i < l->n_globs; i++) {
                struct glob *glob = &l->globs[i];

                glob->has_gram |= memmem(glob->text, strlen(glob->text), gram, GRAM_SIZE) != NULL;
        }
}

/* By the hashes of grams: how many there are in globs without an added one, up to 255. */
static void count_grams(const struct name_list *l, uint8_t counts[static N_GRAMS])
{
        memset(counts, 0, N_GRAMS);
        for (uint32_t i = 0; i < l->n_globs; i++) {
                const char *rest = l->globs[i].text;
                struct span part;

                if (l->globs[i].has_gram)
                        continue;
                while (next_part(&rest, &part))
                        for (size_t at = 0; at + GRAM_SIZE <= part.size; at++) {
                                uint8_t *count = &counts[gram_at(part.data + at)];

                                *count += *count < UINT8_MAX;
                        }
        }
}

/* The gram that most globs have; of a glob with none, two letters; NULL: it has not even those. */
static const char *best_gram(const char *glob, const uint8_t counts[static N_GRAMS],
                             unsigned *ret_size)
{
        const char *best = NULL;
        unsigned most = 0;
        struct span part;

        *ret_size = 0;
        while (next_part(&glob, &part)) {
                for (size_t at = 0; at + GRAM_SIZE <= part.size; at++) {
                        const unsigned n = counts[gram_at(part.data + at)];

                        if (n > most) {
                                best = part.data + at;
                                *ret_size = GRAM_SIZE;
                                most = n;
                        }
                }
                if (!best && part.size == 2) {
                        best = part.data;
                        *ret_size = 2;
                }
        }
        return best;
}

void name_list_add_grams(struct name_list *l, struct gram_buckets *ret)
{
        uint8_t counts[N_GRAMS];

        for (uint32_t i = 0; i < l->n_globs; i++)
                l->globs[i].has_gram = false;
        for (uint32_t i = 0; i < l->n_globs; i++) {
                const char *gram;
                unsigned size;

                if (l->globs[i].has_gram)
                        continue;
                count_grams(l, counts);
                gram = best_gram(l->globs[i].text, counts, &size);
                ret->has_any |= !gram;
                if (!gram)
                        continue;
                gram_buckets_add(ret, gram, size, true);
                if (size == GRAM_SIZE)
                        note_gram(l, gram);
        }
}
