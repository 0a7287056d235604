/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The tests of the sieve (sieve.h): whether at this place a secret can begin or be named. False is
 * no more than a suspicion; true is certain.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/sieve.h"
#include "policy/token.h"

/* The input: strings up to the first that is a text, or one text alone. */
struct sift {
        const struct sieve *sieve;
        const char *begin, *end; /* `begin` begins a string */
        bool is_text;
        bool heeds_options;
        bool is_cut;    /* the bytes at `end` are missing */
        uint64_t carry; /* 1: a name with a gram of a secret's may go on in the next block */
        const char *no_at_before; /* from where has been looked on, there is no '@' */
        struct span harmless;     /* the last name that was, and a byte before: lists repeat them */
};

/* So many bytes are decided at once. */
#define BLOCK_SIZE 64

/* Classes of bytes. */
enum {
        CLASS_DIGIT = 1 << 0,
        CLASS_TO_O = 1 << 1, /* letters, large and small, up to this one */
        CLASS_FROM_P = 1 << 2,
        CLASS_COLON = 1 << 3,
        CLASS_SPACE = 1 << 4,
        CLASS_OTHER_BLANK = 1 << 5,
        CLASS_DASH = 1 << 6,
        CLASS_NUL = 1 << 7,
        CLASS_ALNUM = CLASS_DIGIT | CLASS_TO_O | CLASS_FROM_P,
        CLASS_MARK = CLASS_SPACE | CLASS_OTHER_BLANK | CLASS_COLON | CLASS_DASH,
};

/* By the halves of a byte: those that both say. */
struct byte_classes {
        uint8_t lower[16], upper[16];
};

extern const struct byte_classes sieve_classes;

/* The characters of the name of a pair. */
static inline bool is_name_part(char c)
{
        return is_name_char(c) || c == '[' || c == ']';
}

/* Of four bytes; from the third on what is no letter may end the name of a program. */
static inline unsigned sieve_word_hash(const char *p)
{
        const uint8_t *b = (const uint8_t *)p;
        const uint32_t third = (b[2] | 0x20U) - 'a' < 26 ? b[2] : 0;
        const uint32_t fourth = third && (b[3] | 0x20U) - 'a' < 26 ? b[3] : 0;
        const uint32_t x = b[0] | (uint32_t)b[1] << 8 | third << 16 | fourth << 24;

        return (x * UINT32_C(0x9e3779b1)) >> 17;
}
_Static_assert(SIEVE_WORDS == 1 << (32 - 17), "bits of the hash");

/* Of the same bytes as they are, of which four can be read. */
static inline unsigned sieve_token_hash(const char *p)
{
        uint32_t x;

        memcpy(&x, p, sizeof(x));
        return ((le32toh(x) & 0xffffff) * UINT32_C(0x9e3779b1)) >> 19;
}
_Static_assert(SIEVE_PREFIXES == 1 << (32 - 19), "bits of the hash");

/* Both are false of nearly all words, and then the word is harmless: of a string, of a text. */
static inline bool token_may_begin(const struct sift *s, const char *p)
{
        const unsigned hash = s->end - p >= 4 ? sieve_token_hash(p) : 0;

        return s->end - p < 4 || (s->sieve->prefixes[hash / 64] >> (hash % 64) & 1);
}

static inline bool word_may_matter(const struct sift *s, const char *p)
{
        const unsigned hash = s->end - p >= 4 ? sieve_word_hash(p) : 0;

        return s->end - p < 4 || (s->sieve->words[hash / 64] >> (hash % 64) & 1);
}

/* At '=', with so many bytes of a name before it. */
bool pair_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At ':', likewise. */
bool colon_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At '-', of so many bytes that may be its name; "--" alone is up to the caller. */
bool option_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At a quote of a text or of a string, with a blank or a bracket before it. */
bool quote_is_harmless(const struct sift *s, const char *p);

/* At the letter or digit that begins a word. */
bool word_is_harmless(const struct sift *s, const char *p);

/* False: behind no colon of the block at `p` an '@' is near. */
bool colon_may_have_host(struct sift *s, const char *p);

/*
 * In the block at `p`, of these bits: the first whose place is not harmless, or BLOCK_SIZE. `name`
 * are the bits that may be parts of names. Of pairs; of colons whose names
 * are harmless; of quotes behind a blank; of options that may
 * be "--"; of what is behind the name of an option, and ends its string; of options in a text.
 */
unsigned find_pair(struct sift *s, const char *p, uint64_t pairs, uint64_t name);
unsigned find_colon(const struct sift *s, const char *p, uint64_t colons, uint64_t name);
unsigned find_quote(const struct sift *s, const char *p, uint64_t quotes);
unsigned find_last_option(const struct sift *s, const char *p, uint64_t options);
unsigned find_end_of_option(struct sift *s, const char *p, uint64_t ends, uint64_t name);
unsigned find_option_of_text(const struct sift *s, const char *p, uint64_t options, uint64_t name);

/* The first place that is not harmless, or the end. For any machine, and those that have it. */
const char *sift_with_any(struct sift *s);
const char *sift_with_ssse3(struct sift *s);
const char *sift_with_avx2(struct sift *s);
const char *sift_with_avx512(struct sift *s);
