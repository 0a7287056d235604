/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Of 64 bytes, a block, vectors make a bit per byte. Most blocks have no bit that matters: no
 * letter or digit begins a word as some token does, no '=' or NUL is in or soon behind a block with
 * a gram of a secret's name (gram.h), there is neither a colon, which may be that of a URL, nor a
 * blank. Of the others those bits are looked at one by one that may be where a secret begins or is
 * named:
 *
 *   '=' ':'             behind a name with such a gram, or in a URL
 *   a NUL               behind an option with such a name
 *   a letter or digit   where a word begins as a token; in a text, any word
 *   a blank             the string is a text, which is sifted by itself, to its end
 *
 * Each test is what its stage requires first, in a form that is cheap: sieve_place.c has them.
 *
 * This file is compiled once for any machine, and for those with more as well.
 */
#pragma once

#include <string.h>

#include "base/macro.h"
#include "policy/gram.h"
#include "policy/sieve.h"
#include "policy/sieve_internal.h"
#include "policy/vector.h"

#define BITS_ALL UINT64_MAX

/* Grams that begin in a block go on behind it. */
#define BLOCK_SIZE_READ (BLOCK_SIZE + GRAM_SIZE - 1)

/* For the test that most blocks of strings pass: nothing in them matters. */
struct outline {
        uint64_t tokens; /* where three bytes begin as some token does */
        uint64_t grams;  /* likewise, as somewhere in the name of a secret */
        bytes classes[BLOCK_SIZE / VECTOR_SIZE];
};

/* What may follow the name of a secret. */
static inline bytes is_pair(bytes v)
{
        return (bytes)(v == '=') | (bytes)(v == '>') | (bytes)(v == ':') | (bytes)(v == '(');
}

static inline bytes is_quote_byte(bytes v)
{
        return (bytes)(v == '"') | (bytes)(v == '\'');
}

/*
 * What a name has beside letters and digits. '_', '[' and ']' differ in bits that are set here; so
 * does 'Y'.
 */
static inline bytes is_name_mark(bytes v)
{
        return (bytes)((v | 6) == '_') | (bytes)(v == '-') | (bytes)(v == '.');
}

/* A bit for each byte of a block, as `is_wanted` says of a vector. */
#if VECTOR_SIZE == 64
#define BLOCK_MASK(p, is_wanted) bytes_mask(is_wanted(bytes_load(p)))
#else
#define BLOCK_HALF(p, is_wanted)                                                                   \
        (bytes_mask(is_wanted(bytes_load(p))) |                                                    \
         bytes_mask(is_wanted(bytes_load((p) + VECTOR_SIZE))) << VECTOR_SIZE)
#if VECTOR_SIZE == 32
#define BLOCK_MASK(p, is_wanted) BLOCK_HALF(p, is_wanted)
#else
#define BLOCK_MASK(p, is_wanted)                                                                   \
        (BLOCK_HALF(p, is_wanted) | BLOCK_HALF((p) + BLOCK_SIZE / 2, is_wanted) << BLOCK_SIZE / 2)
#endif
#endif

static inline bytes is_blank_byte(bytes v)
{
        return (bytes)(v == ' ') | (bytes)(v - '\t' < 5);
}

static inline bytes is_nul(bytes v)
{
        return (bytes)(v == '\0');
}

static inline bytes is_dash(bytes v)
{
        return (bytes)(v == '-');
}

static inline bytes is_colon(bytes v)
{
        return (bytes)(v == ':');
}

static inline bytes is_slash(bytes v)
{
        return (bytes)(v == '/');
}

/*
 * What may be between a name and its '=' or ':', or between one that is a value and that of the
 * next value (value_of_secret_name()).
 */
static inline bytes is_beside_name(bytes v)
{
        return is_blank_byte(v) | is_quote_byte(v) | (bytes)(v == '\\') | (bytes)(v == ',') |
               (bytes)(v == ';');
}

/* Before a colon: of a driver's name, "thin" or "oci", and the number of a token. */
static inline bytes is_before_colon(bytes v)
{
        return (bytes)(v - '0' < 10) | (bytes)(v == 'n') | (bytes)(v == 'i');
}

static inline _always_inline_ bytes find_classes(bytes v)
{
        return bytes_lookup(sieve_classes.lower, v & 0xf) &
               bytes_lookup(sieve_classes.upper, v >> 4);
}

/* The buckets of which a gram may begin with each of the bytes at `p`. */
static inline _always_inline_ bytes find_grams(const struct gram_filter *f, const char *p)
{
        const bytes v = bytes_load(p), next = bytes_load(p + 1), last = bytes_load(p + 2);

        return bytes_lookup(f->upper, v >> 4) & bytes_lookup(f->lower[0], v & 0xf) &
               bytes_lookup(f->lower[1], next & 0xf) & bytes_lookup(f->lower[2], last & 0xf);
}
_Static_assert(GRAM_SIZE == 3, "bytes of a gram");

static inline _always_inline_ struct outline outline_of(const struct sieve *s, const char *p)
{
        struct outline o = { 0 };

#pragma GCC unroll 4
        for (unsigned i = 0; i < BLOCK_SIZE / VECTOR_SIZE; i++) {
                const char *at = p + (size_t)i * VECTOR_SIZE;

                o.classes[i] = find_classes(bytes_load(at));
                o.tokens |= bytes_test(find_grams(&s->token_grams, at), UINT8_MAX)
                            << i * VECTOR_SIZE;
                o.grams |= bytes_test(find_grams(&s->name_grams, at), UINT8_MAX) << i * VECTOR_SIZE;
        }
        return o;
}

/* The bytes of some of these classes. */
static inline _always_inline_ uint64_t class_mask(const struct outline *o, uint8_t classes)
{
        uint64_t mask = 0;

#pragma GCC unroll 4
        for (unsigned i = 0; i < BLOCK_SIZE / VECTOR_SIZE; i++)
                mask |= bytes_test(o->classes[i], classes) << i * VECTOR_SIZE;
        return mask;
}

/* What is left of the bytes, and what stands for those that are missing. */
static _noinline_ const char *rest_at(const struct sift *s, const char *p,
                                      char rest[static BLOCK_SIZE_READ])
{
        memset(rest, s->is_cut ? 'x' : '\0', BLOCK_SIZE_READ); /* a cut word has any length */
        memcpy(rest, p, s->end - p);
        return rest;
}

static inline const char *block_at(const struct sift *s, const char *p,
                                   char rest[static BLOCK_SIZE_READ])
{
        return s->end - p >= BLOCK_SIZE_READ ? p : rest_at(s, p, rest);
}

static inline uint64_t bits_below(size_t n)
{
        return n < BLOCK_SIZE ? (UINT64_C(1) << n) - 1 : BITS_ALL;
}

static inline unsigned first_bit(uint64_t bits)
{
        return bits ? (unsigned)__builtin_ctzll(bits) : BLOCK_SIZE;
}

/* The first bit whose place is not harmless, or BLOCK_SIZE. */
static inline unsigned find_word(const struct sift *s, const char *p, uint64_t words)
{
        for (; words; words &= words - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(words);

                if ((s->is_text ? word_may_matter(s, p + bit) : token_may_begin(s, p + bit)) &&
                    !word_is_harmless(s, p + bit))
                        return bit;
        }
        return BLOCK_SIZE;
}

/* Where grams begin of which the name of a secret has one. */
static inline uint64_t grams_of_names(const struct sift *s, const char *block)
{
        uint64_t grams = 0;

#pragma GCC unroll 4
        for (unsigned at = 0; at < BLOCK_SIZE; at += VECTOR_SIZE)
                grams |= bytes_test(find_grams(&s->sieve->name_grams, block + at), UINT8_MAX) << at;
        return grams;
}

/*
 * The bits behind names with such a gram, or behind what may follow a name: of the bits in a row
 * that they are, one that is added in them is carried to the bit behind the last, and, if need be,
 * into the next block.
 */
static inline uint64_t behind_grams(struct sift *s, const char *block, uint64_t name,
                                    uint64_t grams)
{
        const uint64_t row = name | BLOCK_MASK(block, is_beside_name), carry = s->carry;
        uint64_t ends;

        s->carry = __builtin_add_overflow(row, grams & row, &ends);
        s->carry |= __builtin_add_overflow(ends, carry, &ends);
        return ends & ~row;
}

/* Of the colons those that may be more than the end of a name. */
static inline uint64_t special_colons(struct sift *s, const char *p, const char *block,
                                      uint64_t pairs)
{
        const uint64_t colons = pairs ? pairs & BLOCK_MASK(block, is_colon) : 0;
        const uint64_t first = 1, last = first << (BLOCK_SIZE - 1);

        if (colons == 0 || (s->heeds_options && !s->is_text) || colon_may_have_host(s, p))
                return colons;
        return colons & (first | BLOCK_MASK(block, is_before_colon) << 1 |
                         BLOCK_MASK(block, is_slash) >> 1 | last);
}

/* What has a name, likewise: pairs, and options whose value is the next string. */
static inline unsigned find_named(struct sift *s, const char *p, const char *block, uint64_t alnum,
                                  uint64_t grams, uint64_t here)
{
        const uint64_t name = alnum | BLOCK_MASK(block, is_name_mark);
        const uint64_t behind = behind_grams(s, block, name, grams);
        uint64_t pairs = BLOCK_MASK(block, is_pair) & here, ends = 0;
        const uint64_t colons = special_colons(s, p, block, pairs) & ~behind;
        unsigned pair, option;

        pairs &= behind;
        if (behind & here)
                ends = BLOCK_MASK(block, is_nul) & behind & here;
        pair = pairs ? find_pair(s, p, pairs, name) : BLOCK_SIZE;
        pair = MIN(pair, colons ? find_colon(s, p, colons, name) : BLOCK_SIZE);
        option = ends ? find_end_of_option(s, p, ends, name) : BLOCK_SIZE;
        return MIN(pair, option);
}

/* The first place of what is no word, or BLOCK_SIZE. `options` are the bits of their first '-'. */
static _noinline_ unsigned find_marked(struct sift *s, const char *p, uint64_t alnum,
                                       uint64_t grams, uint64_t options)
{
        char rest[BLOCK_SIZE_READ];
        const char *block = block_at(s, p, rest);
        uint64_t here = bits_below(s->end - p);
        unsigned stop, found;

        stop = first_bit(BLOCK_MASK(block, is_blank_byte) & here);
        found = s->heeds_options ? first_bit(options & here)
                                 : find_last_option(s, p, options & here);
        stop = MIN(stop, found);
        found = find_named(s, p, block, alnum, grams, here & bits_below(stop));
        return MIN(stop, found);
}

/* What the loop over blocks of strings knows of those before. */
struct before {
        uint64_t alnum;  /* 1: the last byte was one */
        bool has_option; /* the name of an option may go on */
};

/* Of the options that begin in the block those that matter whatever their names: any, or "--". */
static inline _always_inline_ uint64_t marked_options(const struct sift *s, uint64_t options,
                                                      uint64_t dashes, uint64_t nuls)
{
        const uint64_t last = UINT64_C(1) << (BLOCK_SIZE - 1); /* what is behind it isn't known */

        return s->heeds_options ? options
                                : options & (dashes >> 1 | last) & (nuls >> 2 | last | last >> 1);
}

/* The first place of what is no word, or BLOCK_SIZE. */
static inline _always_inline_ unsigned sift_marks(struct sift *s, const char *p, const char *block,
                                                  const struct outline *o, uint64_t alnum,
                                                  uint64_t marks, struct before *before)
{
        const uint64_t nuls = class_mask(o, CLASS_NUL), dashes = class_mask(o, CLASS_DASH);
        const bool is_first = p == s->begin || p[-1] == '\0';
        const uint64_t options = dashes & (nuls << 1 | is_first);
        const uint64_t marked = marked_options(s, options, dashes, nuls);
        const bool has_option = options || before->has_option;

        before->has_option = options || (before->has_option && nuls == 0);
        if ((marked | (marks & ~dashes)) == 0) {
                if (!o->grams && !s->carry)
                        return BLOCK_SIZE; /* as nearly always */
                if (!has_option && !BLOCK_MASK(block, is_pair)) {
                        s->carry = o->grams || nuls == 0; /* how far a name goes on isn't known */
                        return BLOCK_SIZE;
                }
        }
        return find_marked(s, p, alnum, o->grams, marked);
}

static inline _always_inline_ unsigned sift_block(struct sift *s, const char *p, const char *block,
                                                  struct before *before)
{
        const struct outline o = outline_of(s->sieve, block);
        const uint64_t alnum = class_mask(&o, CLASS_ALNUM);
        const uint64_t words = o.tokens & alnum & ~(alnum << 1 | before->alnum);
        const uint64_t marks = class_mask(&o, CLASS_MARK);
        unsigned word = BLOCK_SIZE, mark = BLOCK_SIZE;

        if (marks | o.grams | s->carry | before->has_option)
                mark = sift_marks(s, p, block, &o, alnum, marks, before);
        before->alnum = alnum >> (BLOCK_SIZE - 1);
        if (words)
                word = find_word(s, p, words & bits_below(s->end - p));
        return MIN(word, mark);
}

/* The first place that is not harmless, or the end. */
static inline const char *sift_strings(struct sift *s)
{
        struct before before = { 0 };
        char rest[BLOCK_SIZE_READ];
        unsigned found;

        for (const char *p = s->begin; p < s->end; p += MIN(BLOCK_SIZE, s->end - p)) {
                found = sift_block(s, p, block_at(s, p, rest), &before);
                if (found < BLOCK_SIZE)
                        return p + found;
        }
        return s->end;
}

/* The last letters of PASSWORD, BY, AS, USING (secret_code.h). */
static inline bytes is_end_of_clause(bytes v)
{
        const bytes small = v | 0x20;

        return (bytes)(small == 'd') | (bytes)(small == 'y') | (bytes)(small == 's') |
               (bytes)(small == 'g');
}

/* E'...', N'...' */
static inline bytes is_prefix_of_quote(bytes v)
{
        const bytes small = v | 0x20;

        return (bytes)(small == 'e') | (bytes)(small == 'n');
}

/* Of the quotes those with a prefix, or with a blank before them, and before that another, or such
 * a letter. */
static inline uint64_t quotes_behind_clause(const char *block, uint64_t quotes)
{
        const uint64_t blanks = BLOCK_MASK(block, is_blank_byte), unknown = 7;
        const uint64_t ends = BLOCK_MASK(block, is_end_of_clause);
        const uint64_t prefixes = BLOCK_MASK(block, is_prefix_of_quote) << 1 & blanks << 2;

        return quotes & (unknown | prefixes | (blanks << 1 & (blanks | ends) << 2));
}

static inline const char *examine_text(struct sift *s, const char *p)
{
        char rest[BLOCK_SIZE_READ];
        const char *block = block_at(s, p, rest);
        const uint64_t alnum = BLOCK_MASK(block, bytes_alnum);
        const uint64_t name = alnum | BLOCK_MASK(block, is_name_mark);
        const uint64_t behind_alnum = alnum << 1 | (p > s->begin && is_alnum(p[-1]));
        const uint64_t behind_name = name << 1 | (p > s->begin && is_name_part(p[-1]));
        uint64_t here = bits_below(s->end - p), pairs, options, quotes, behind, colons;
        unsigned word, pair, option;

        word = find_word(s, p, alnum & ~behind_alnum & here);
        here &= bits_below(word);
        pairs = BLOCK_MASK(block, is_pair) & here;
        behind = behind_grams(s, block, name, grams_of_names(s, block));
        colons = special_colons(s, p, block, pairs) & ~behind;
        pairs &= behind;
        pair = pairs ? find_pair(s, p, pairs, name) : BLOCK_SIZE;
        pair = MIN(pair, colons ? find_colon(s, p, colons, name) : BLOCK_SIZE);
        quotes = BLOCK_MASK(block, is_quote_byte) & here & bits_below(pair);
        quotes = quotes ? quotes_behind_clause(block, quotes) : 0;
        pair = MIN(pair, quotes ? find_quote(s, p, quotes) : BLOCK_SIZE);
        options = BLOCK_MASK(block, is_dash) & ~behind_name & here & bits_below(pair);
        option = options ? find_option_of_text(s, p, options, name) : BLOCK_SIZE;
        pair = MIN(pair, option);
        word = MIN(word, pair);
        return word < BLOCK_SIZE ? p + word : NULL;
}

static inline const char *sift_text(struct sift *s)
{
        const char *found;

        for (const char *p = s->begin; p < s->end; p += MIN(BLOCK_SIZE, s->end - p)) {
                found = examine_text(s, p);
                if (found)
                        return found;
        }
        return s->end;
}

static inline const char *sift(struct sift *s)
{
        s->carry = 0;
        return s->is_text ? sift_text(s) : sift_strings(s);
}
