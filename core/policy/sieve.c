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

/*
 * What a name has beside letters and digits. '_', '[' and ']' differ in bits that are set here; so
 * does 'Y'.
 */
static inline bytes is_name_mark(bytes v)
{
        return (bytes)((v | 6) == '_') | (bytes)(v == '-') | (bytes)(v == '.');
}

/* A bit for each byte of a block, as `is_wanted` says of a vector. */
#define BLOCK_MASK(p, is_wanted)                                                                   \
        (bytes_mask(is_wanted(bytes_load(p))) |                                                    \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + VECTOR_SIZE))) << VECTOR_SIZE |           \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + 2 * VECTOR_SIZE))) << 2 * VECTOR_SIZE |   \
         (uint64_t)bytes_mask(is_wanted(bytes_load((p) + 3 * VECTOR_SIZE))) << 3 * VECTOR_SIZE)
_Static_assert(BLOCK_SIZE == 4 * VECTOR_SIZE, "vectors of a block");

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

static inline bytes is_base64_only(bytes v)
{
        return (bytes)(v == '/') | (bytes)(v == '+');
}

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
#pragma GCC unroll 4
        for (size_t i = 0; i < ELEMENTSOF(token_shifts); i++) {
                word &= word >> token_shifts[i] | next << (BLOCK_SIZE - token_shifts[i]);
                next &= next >> token_shifts[i];
        }
        return word;
}

/* All bits of those runs, of which some began in the block before. */
static uint64_t part_of_tokens(uint64_t begin, uint64_t before)
{
#pragma GCC unroll 4
        for (size_t i = 0; i < ELEMENTSOF(token_shifts); i++) {
                begin |= begin << token_shifts[i] | before >> (BLOCK_SIZE - token_shifts[i]);
                before |= before << token_shifts[i];
        }
        return begin;
}

static uint64_t bits_below(size_t n)
{
        return n < BLOCK_SIZE ? (UINT64_C(1) << n) - 1 : BITS_ALL;
}

static unsigned first_bit(uint64_t bits)
{
        return bits ? (unsigned)__builtin_ctzll(bits) : BLOCK_SIZE;
}

/* How many bytes before `p` are a name. */
static inline size_t name_before(const struct sift *s, const char *p, uint64_t name, unsigned bit)
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

                if ((s->is_text ? word_may_matter(s, p + bit) : token_may_begin(s, p + bit)) &&
                    !word_is_harmless(s, p + bit))
                        return bit;
        }
        return BLOCK_SIZE;
}

/* The name of a pair, with the byte before it, is the last that was harmless. */
static bool is_known(const struct sift *s, struct span name)
{
        return name.size == s->harmless.size && memcmp(name.data, s->harmless.data, name.size) == 0;
}

static unsigned find_pair(struct sift *s, const char *p, uint64_t pairs, uint64_t name)
{
        for (; pairs; pairs &= pairs - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(pairs);
                const char *pair = p + bit;
                const size_t n = name_before(s, pair, name, bit);
                const struct span known = { pair - n - 1, n + 1 };
                /* In brackets the name is more than what it ends with. */
                const bool has_name =
                        *pair == '=' && n > 0 && pair - n > s->begin && pair[-1] != ']';

                if (has_name && is_known(s, known))
                        continue;
                if (*pair == '=' ? !pair_is_harmless(s, pair, n) : !colon_is_harmless(s, pair, n))
                        return bit;
                if (has_name)
                        s->harmless = known;
        }
        return BLOCK_SIZE;
}

/* The option of a string, all of it, that ends at the NUL `p` with so many bytes of a name. */
static bool option_is_known(struct sift *s, const char *p, size_t name_size)
{
        const struct span known = { p - name_size - 1, name_size + 1 };
        const bool is_dashes = name_size == 2 && p[-1] == '-' && p[-2] == '-';

        if (is_dashes || p - name_size == s->begin)
                return !is_dashes && option_is_harmless(s, p - name_size, name_size);
        if (is_known(s, known))
                return true;
        if (!option_is_harmless(s, p - name_size, name_size))
                return false;
        s->harmless = known;
        return true;
}

/*
 * Of options in strings those matter that have no value behind their name, but a NUL. A bit that is
 * added at the first byte of a name is carried to the byte behind the last; and, if need be, into
 * the next block.
 */
static unsigned find_option(struct sift *s, const char *p, const char *block, uint64_t options,
                            uint64_t name)
{
        const uint64_t nul = BLOCK_MASK(block, is_nul);
        const uint64_t carry = s->carry;
        uint64_t ends;

        options &= nul << 1 | (p == s->begin || p[-1] == '\0');
        if (s->heeds_options)
                return first_bit(options);
        s->carry = __builtin_add_overflow(name, options, &ends);
        s->carry |= __builtin_add_overflow(ends, carry, &ends);
        for (ends &= ~name & nul; ends; ends &= ends - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(ends);

                if (!option_is_known(s, p + bit, name_before(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}

static unsigned find_option_of_text(const struct sift *s, const char *p, uint64_t options,
                                    uint64_t name)
{
        for (; options; options &= options - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(options);

                if (!option_is_harmless(s, p + bit, name_after(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}

/* `alnum` and `behind_alnum` are letters and digits, and what is behind one. */
static unsigned find_named(struct sift *s, const char *p, const char *block, uint64_t pairs,
                           uint64_t dashes, uint64_t alnum, uint64_t behind_alnum)
{
        uint64_t options = dashes & ~behind_alnum, name;
        unsigned pair, option;

        if ((pairs | options | s->carry) == 0)
                return BLOCK_SIZE;
        name = alnum | BLOCK_MASK(block, is_name_mark);
        options &= ~(name << 1 | (p > s->begin && is_name_part(p[-1])));
        pair = find_pair(s, p, pairs, name);
        option = s->is_text ? find_option_of_text(s, p, options & bits_below(pair), name)
                            : find_option(s, p, block, options, name);
        return MIN(pair, option);
}

/*
 * Of bits that are parts of tokens those where one may begin: not too near to the end, unless that
 * is not known, or is a character that some tokens have, too.
 */
static uint64_t where_tokens_begin(const char *block, uint64_t begins, uint64_t parts)
{
        const uint64_t ends = parts << 1 & ~parts;
        const unsigned n = ~parts ? (unsigned)__builtin_clzll(~parts) : BLOCK_SIZE;

        if (ends & BLOCK_MASK(block, is_base64_only))
                return parts;
        return begins | (parts & ~bits_below(BLOCK_SIZE - n));
}

/* The first place in the block that is not harmless, or NULL. */
static const char *examine_block(struct sift *s, const char *p, uint64_t marks, uint64_t begins,
                                 uint64_t parts)
{
        char rest[BLOCK_SIZE];
        const char *block = block_at(s, p, rest);
        const uint64_t alnum = BLOCK_MASK(block, bytes_alnum);
        const uint64_t behind_alnum = alnum << 1 | (p > s->begin && is_alnum(p[-1]));
        const uint64_t pairs = marks ? BLOCK_MASK(block, is_pair) : 0;
        const uint64_t dashes = marks ? BLOCK_MASK(block, is_dash) : 0;
        uint64_t here = bits_below(s->end - p), words = alnum & ~behind_alnum & parts;
        unsigned blank = BLOCK_SIZE, word, named;

        if (!s->is_text) {
                if (marks & ~pairs & ~dashes)
                        blank = first_bit(BLOCK_MASK(block, is_blank_byte) & here);
                if (words & ~begins)
                        words &= where_tokens_begin(block, begins, parts);
        }
        here &= bits_below(blank);
        word = find_word(s, p, words & here);
        here &= bits_below(word);
        named = find_named(s, p, block, pairs & here, dashes & here, alnum, behind_alnum);
        word = MIN(word, named);
        blank = MIN(blank, word);
        return blank < BLOCK_SIZE ? p + blank : NULL;
}

/* The first place that is not harmless, or the end. */
static const char *sift(struct sift *s)
{
        struct outline o = outline_at(s, s->begin), next;
        uint64_t begins, before = 0, parts;
        const char *found;

        s->carry = 0;
        for (const char *p = s->begin, *behind; p < s->end; p = behind) {
                behind = s->end - p > BLOCK_SIZE ? p + BLOCK_SIZE : s->end;
                next = outline_at(s, behind);
                begins = begin_tokens(o.word, next.word);
                parts = s->is_text ? BITS_ALL
                                   : (begins | before ? part_of_tokens(begins, before) : 0);
                found = o.marks | parts | s->carry ? examine_block(s, p, o.marks, begins, parts)
                                                   : NULL;
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
