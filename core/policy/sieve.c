/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Of 64 bytes, a block, vectors make a bit per byte. Most blocks have no bit that matters. Of the
 * others the bits are looked at one by one; each is a place where a secret may begin or be named:
 *
 *   '=' ':'             behind a name, or in a URL
 *   '-'                 where an option may begin
 *   a letter or digit   where a word begins that is long enough for a token; in a text, any word
 *   a blank             the string is a text, which is sifted by itself, to its end
 *
 * Each test is what its stage requires first, in a form that is cheap: sieve_place.c has them.
 */
#include <string.h>

#include "base/macro.h"
#include "policy/sieve.h"
#include "policy/sieve_internal.h"
#include "policy/vector.h"

#define BLOCK_SIZE 64
#define BITS_ALL UINT64_MAX

/* Each doubles how many bits in a row are combined in one, up to the bytes of the shortest token.
 */
static const uint8_t token_shifts[] = { 1, 2, 4, 4 };
_Static_assert(TOKEN_SIZE_MIN == 1 + 1 + 2 + 4 + 4, "shifts over a token");

/* The test that most blocks pass: nothing in them matters. */
struct outline {
        uint64_t word;  /* parts of words, and more: anything but NUL, blanks, '/', and so on */
        uint64_t marks; /* '=', ':', '-'; unless it is a text, blanks and controls */
};

static inline bytes is_pair(bytes v)
{
        return (bytes)(v == '=') | (bytes)(v == ':');
}

/* From '-' on but for '/': all that a token is made of. */
static inline bytes is_word(bytes v)
{
        return (bytes)(v >= '-') & ~(bytes)(v == '/');
}

/* '_', '[' and ']' differ in bits that are set here; so does 'Y'. */
static inline bytes is_name(bytes v)
{
        return bytes_alnum(v) | (bytes)((v | 6) == '_') | (bytes)(v == '-') | (bytes)(v == '.');
}

/* A bit for each byte of a block, as `is_wanted` says of a vector. */
#define BLOCK_MASK(p, is_wanted)                                                                   \
        (bytes_mask(is_wanted(bytes_load(p))) |                                                    \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + VECTOR_SIZE))) << VECTOR_SIZE |           \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + 2 * VECTOR_SIZE))) << 2 * VECTOR_SIZE |   \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + 3 * VECTOR_SIZE))) << 3 * VECTOR_SIZE)
_Static_assert(BLOCK_SIZE == 4 * VECTOR_SIZE, "vectors of a block");

static inline bytes is_mark(bytes v)
{
        return is_pair(v) | (bytes)(v == '-');
}

static inline bytes is_mark_or_control(bytes v)
{
        return is_mark(v) | (bytes)(v - 1 < ' ');
}

static struct outline outline_of(const char *p, bool is_text)
{
        return (struct outline){ .word = BLOCK_MASK(p, is_word),
                                 .marks = is_text ? BLOCK_MASK(p, is_mark)
                                                  : BLOCK_MASK(p, is_mark_or_control) };
}

/* A block of [.., end), of which bytes that are missing are filled up in `rest`. */
static const char *block_at(const struct sift *s, const char *p, char rest[static BLOCK_SIZE])
{
        const size_t left = s->end - p;

        if (left >= BLOCK_SIZE)
                return p;
        memset(rest, s->is_cut ? 'x' : '\0', BLOCK_SIZE); /* a word that was cut has any length */
        memcpy(rest, p, left);
        return rest;
}

static struct outline outline_at(const struct sift *s, const char *p)
{
        char rest[BLOCK_SIZE];

        return outline_of(block_at(s, p, rest), s->is_text);
}

/* The bits of `word` from which on all are set, so many that they may be a token. */
static uint64_t begin_tokens(uint64_t word, uint64_t next)
{
        for (size_t i = 0; i < ELEMENTSOF(token_shifts); i++) {
                word &= word >> token_shifts[i] | next << (BLOCK_SIZE - token_shifts[i]);
                next &= next >> token_shifts[i];
        }
        return word;
}

/* All bits of those runs, of which some began in the block before. */
static uint64_t part_of_tokens(uint64_t begin, uint64_t before)
{
        for (size_t i = 0; i < ELEMENTSOF(token_shifts); i++) {
                begin |= begin << token_shifts[i] | before >> (BLOCK_SIZE - token_shifts[i]);
                before |= before << token_shifts[i];
        }
        return begin;
}

/* How many bytes before `p` are a name. */
static size_t name_before(const struct sift *s, const char *p, uint64_t name, unsigned bit)
{
        const uint64_t others = bit > 0 ? ~(name << (BLOCK_SIZE - bit)) : BITS_ALL;
        size_t n = others ? (size_t)__builtin_clzll(others) : BLOCK_SIZE;
        const char *begin = p - n;

        if (n < bit)
                return n;
        while (p - begin < NAME_SIZE_MAX && begin > s->begin && is_name_part(begin[-1]))
                begin--; /* into the block before */
        return p - begin;
}

static size_t name_after(const struct sift *s, const char *p, uint64_t name, unsigned bit)
{
        const uint64_t others = ~(name >> bit);
        size_t n = others ? (size_t)__builtin_ctzll(others) : BLOCK_SIZE;

        if (bit + n >= BLOCK_SIZE)
                while (p + n < s->end && is_name_part(p[n]))
                        n++;
        return MIN(n, (size_t)(s->end - p));
}

/* Each of these: the first bit whose place is not harmless, or BLOCK_SIZE. */
static unsigned find_word(const struct sift *s, const char *p, uint64_t words)
{
        for (; words; words &= words - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(words);

                if (word_may_matter(s, p + bit) && !word_is_harmless(s, p + bit))
                        return bit;
        }
        return BLOCK_SIZE;
}

static unsigned find_pair(const struct sift *s, const char *p, uint64_t pairs, uint64_t name)
{
        for (; pairs; pairs &= pairs - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(pairs);
                const size_t n = name_before(s, p + bit, name, bit);

                if (p[bit] == '=' ? !pair_is_harmless(s, p + bit, n)
                                  : !colon_is_harmless(s, p + bit, n))
                        return bit;
        }
        return BLOCK_SIZE;
}

static unsigned find_option(const struct sift *s, const char *p, uint64_t dashes, uint64_t name)
{
        for (; dashes; dashes &= dashes - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(dashes);

                if (p[bit] == '-' &&
                    !option_is_harmless(s, p + bit, name_after(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}

static unsigned find_blank(const char *p, uint64_t controls)
{
        for (; controls; controls &= controls - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(controls);

                if (is_blank(p[bit]))
                        return bit;
        }
        return BLOCK_SIZE;
}

static uint64_t bits_below(size_t n)
{
        return n < BLOCK_SIZE ? (UINT64_C(1) << n) - 1 : BITS_ALL;
}

/* Of marks that are no blanks; `behind_alnum` are bits behind a letter or digit. */
static unsigned find_named(const struct sift *s, const char *p, const char *block, uint64_t marks,
                           uint64_t behind_alnum)
{
        const uint64_t pairs = BLOCK_MASK(block, is_pair) & marks;
        uint64_t options = marks & ~pairs & ~behind_alnum, name;
        unsigned pair, option;

        if ((pairs | options) == 0)
                return BLOCK_SIZE;
        name = BLOCK_MASK(block, is_name);
        options &= ~(name << 1 | (p > s->begin && is_name_part(p[-1])));
        pair = find_pair(s, p, pairs, name);
        option = find_option(s, p, options & bits_below(pair), name);
        return MIN(pair, option);
}

/* The first place in the block that is not harmless, or NULL. */
static const char *examine_block(const struct sift *s, const char *p, uint64_t marks,
                                 uint64_t words)
{
        char rest[BLOCK_SIZE];
        const char *block = block_at(s, p, rest);
        const uint64_t alnum = BLOCK_MASK(block, bytes_alnum);
        const uint64_t behind_alnum = alnum << 1 | (p > s->begin && is_alnum(p[-1]));
        uint64_t here = bits_below(s->end - p);
        unsigned blank = BLOCK_SIZE, word, first;

        if (!s->is_text)
                blank = find_blank(p, marks & here);
        here &= bits_below(blank);
        word = find_word(s, p, alnum & ~behind_alnum & here & words);
        here &= bits_below(word);
        first = MIN(blank, word);
        if (marks & here) {
                const unsigned named = find_named(s, p, block, marks & here, behind_alnum);

                first = MIN(first, named);
        }
        return first < BLOCK_SIZE ? p + first : NULL;
}

/* The first place that is not harmless, or the end. */
static const char *sift(const struct sift *s)
{
        struct outline o = outline_at(s, s->begin), next;
        uint64_t begins, before = 0, words;
        const char *found;

        for (const char *p = s->begin, *behind; p < s->end; p = behind) {
                behind = s->end - p > BLOCK_SIZE ? p + BLOCK_SIZE : s->end;
                next = outline_at(s, behind);
                begins = begin_tokens(o.word, next.word);
                words = s->is_text ? BITS_ALL : part_of_tokens(begins, before);
                found = o.marks | words ? examine_block(s, p, o.marks, words) : NULL;
                if (found)
                        return found;
                before = begins;
                o = next;
        }
        return s->end;
}

static bool text_is_harmless(const struct sift *strings, const char *end)
{
        struct sift text = *strings;

        text.end = end;
        text.is_text = true;
        text.is_cut = strings->is_cut && end == strings->end;
        return sift(&text) == end;
}

const char *sieve_strings(const struct sieve *s, const char *p, const char *end, bool heeds_options)
{
        struct sift strings = { .sieve = s,
                                .begin = p,
                                .end = end,
                                .heeds_options = heeds_options,
                                .is_cut = end > p && end[-1] != '\0' };
        const char *found, *nul;

        while ((found = sift(&strings)) < end) {
                nul = memrchr(strings.begin, '\0', found - strings.begin);
                strings.begin = nul ? nul + 1 : strings.begin;
                if (!is_blank(*found))
                        return strings.begin;
                nul = memchr(found, '\0', end - found);
                if (!text_is_harmless(&strings, nul ? nul : end))
                        return strings.begin;
                strings.begin = nul ? nul + 1 : end;
        }
        return end;
}
