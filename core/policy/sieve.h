/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The sieve: which strings can't hold any secret, found in one pass over all of them.
 *
 * Nearly all strings are such, and most of their bytes are decided by 64 at once. It knows what the
 * stages that hide have in common: each needs a '=' or ':' behind a name that may be one of a
 * secret, an option with such a name, the beginning of a token, or, in a text, the name of a
 * program that takes secrets. It never passes over a string in which they would hide anything; it
 * may stop at one in which they find nothing.
 *
 * It knows nothing of what a string means to a program because of those before it: only strings may
 * be sifted of which command.h says that their words or options are ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/gram.h"
#include "policy/program.h"
#include "policy/secret_name.h"

/* 1 KiB and 4 KiB, of which what is in them takes less than 2 in 100. */
#define SIEVE_PREFIXES 8192
#define SIEVE_WORDS 32768

struct sift;

struct sieve {
        const char *(*sift)(struct sift *s);
        const struct secret_names *names;
        const struct program_index *programs;
        struct gram_filter token_grams;         /* how they begin */
        struct gram_filter name_grams;          /* of secrets: what is in them */
        uint64_t prefixes[SIEVE_PREFIXES / 64]; /* of tokens, hashed */
        uint64_t words[SIEVE_WORDS / 64];       /* likewise, of what may matter in a text */
};

/* With vectors of so many bytes at most; any machine has some of 16. */
enum sieve_vectors {
        SIEVE_BY_64,
        SIEVE_BY_32,
        SIEVE_BY_16,
        SIEVE_BY_ANY,
};

/* Both are borrowed. */
void sieve_init(struct sieve *s, const struct secret_names *names,
                const struct program_index *programs, enum sieve_vectors vectors);

/*
 * Where in the strings [p, end) the first one begins that has to be examined, or `end`. `p` begins
 * a string; the last one lacks its NUL if it was cut. `heeds_options`: any option may mean
 * something, whatever its name.
 */
const char *sieve_strings(const struct sieve *s, const char *p, const char *end,
                          bool heeds_options);
