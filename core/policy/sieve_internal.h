/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The tests of the sieve (sieve.h): whether at this place a secret can begin or be named. False is
 * no more than a suspicion; true is certain.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/draft.h"
#include "policy/sieve.h"
#include "policy/token.h"

/* The input: strings up to the first that is a text, or one text alone. */
struct sift {
        const struct sieve *sieve;
        const char *begin, *end; /* `begin` begins a string */
        bool is_text;
        bool heeds_options;
        bool is_cut; /* the bytes at `end` are missing */
};

/* The characters of the name of a pair. */
static inline bool is_name_part(char c)
{
        return is_name_char(c) || c == '[' || c == ']';
}

/* Of three bytes; what is no letter may end the name of a program, or be its version. */
static inline unsigned sieve_word_hash(const char *p)
{
        const uint8_t *b = (const uint8_t *)p;
        const uint32_t third = (b[2] | 0x20U) - 'a' < 26 ? b[2] : 0;

        return ((b[0] | (uint32_t)b[1] << 8 | third << 16) * UINT32_C(0x9e3779b1)) >> 17;
}
_Static_assert(SIEVE_WORDS == 1 << (32 - 17), "bits of the hash");

/* False of nearly all words, and then the word is harmless. */
static inline bool word_may_matter(const struct sift *s, const char *p)
{
        unsigned hash;

        if (s->end - p < 3)
                return true;
        hash = sieve_word_hash(p);
        return s->sieve->words[hash / 64] >> (hash % 64) & 1;
}

/* At '=', with so many bytes of a name before it. */
bool pair_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At ':', likewise. */
bool colon_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At '-', of so many bytes that may be its name. */
bool option_is_harmless(const struct sift *s, const char *p, size_t name_size);

/* At the letter or digit that begins a word. */
bool word_is_harmless(const struct sift *s, const char *p);
