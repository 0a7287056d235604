/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Strings up to the first that has to be looked at; texts among them are sifted by themselves. */
#include <string.h>

#include "base/macro.h"
#include "policy/name_list.h"
#include "policy/sieve.h"
#include "policy/sieve_internal.h"

const struct byte_classes sieve_classes = {
        .lower = {
                [0x0] = CLASS_DIGIT | CLASS_FROM_P | CLASS_SPACE | CLASS_NUL,
                [0x1 ... 0x8] = CLASS_ALNUM,
                [0x9] = CLASS_ALNUM | CLASS_OTHER_BLANK,
                [0xa] = CLASS_TO_O | CLASS_FROM_P | CLASS_COLON | CLASS_OTHER_BLANK,
                [0xb ... 0xc] = CLASS_TO_O | CLASS_OTHER_BLANK,
                [0xd] = CLASS_TO_O | CLASS_OTHER_BLANK | CLASS_DASH,
                [0xe ... 0xf] = CLASS_TO_O,
                },
        .upper = {
                [0x0] = CLASS_OTHER_BLANK | CLASS_NUL,
                [0x2] = CLASS_SPACE | CLASS_DASH,
                [0x3] = CLASS_DIGIT | CLASS_COLON,
                [0x4] = CLASS_TO_O,
                [0x5] = CLASS_FROM_P,
                [0x6] = CLASS_TO_O,
                [0x7] = CLASS_FROM_P,
                },
};

static void add_word(struct sieve *s, struct span word)
{
        const unsigned hash = sieve_word_hash(word.data);

        s->words[hash / 64] |= UINT64_C(1) << (hash % 64);
}

/* While the sieve is made. */
struct making {
        struct sieve *sieve;
        struct gram_buckets tokens;
};

static void on_prefix(void *userdata, struct span prefix)
{
        const unsigned hash = sieve_token_hash(prefix.data); /* three bytes, and a NUL at least */
        struct making *m = userdata;

        m->sieve->prefixes[hash / 64] |= UINT64_C(1) << (hash % 64);
        gram_buckets_add(&m->tokens, prefix.data, GRAM_SIZE, false);
        add_word(m->sieve, prefix);
        if (prefix.size > GRAM_SIZE)
                return;
        for (unsigned c = 'A'; c <= 'z'; c++) { /* any letter may follow */
                const char longer[] = { prefix.data[0], prefix.data[1], prefix.data[2], (char)c };

                add_word(m->sieve, (struct span){ longer, sizeof(longer) });
        }
}

static void on_name(void *userdata, struct span name, const struct program *p)
{
        if (name.size > 1 && program_takes_secrets(p)) /* its list has a blank or NUL behind it */
                add_word(userdata, name);
}

/* As the machine can. */
static void choose_sift(struct sieve *s, enum sieve_vectors vectors)
{
        s->sift = sift_with_any;
#ifdef __x86_64__
        if (vectors <= SIEVE_BY_64 && __builtin_cpu_supports("avx512bw"))
                s->sift = sift_with_avx512;
        else if (vectors <= SIEVE_BY_32 && __builtin_cpu_supports("avx2"))
                s->sift = sift_with_avx2;
        else if (vectors <= SIEVE_BY_16 && __builtin_cpu_supports("ssse3"))
                s->sift = sift_with_ssse3;
#else
        (void)vectors;
#endif
}

static void add_tokens(struct sieve *s)
{
        struct making m = { .sieve = s };

        token_each_prefix(on_prefix, &m);
        gram_buckets_filter(&m.tokens, &s->token_grams);
}

/* And of secrets in URLs, which are what they are whatever Names= says. */
static void add_names(struct sieve *s)
{
        struct gram_buckets buckets = { 0 };

        name_list_add_grams(s->names->names, &buckets);
        gram_buckets_add(&buckets, "key", GRAM_SIZE, true);
        gram_buckets_add(&buckets, "sig", GRAM_SIZE, true);
        gram_buckets_filter(&buckets, &s->name_grams);
}

void sieve_init(struct sieve *s, const struct secret_names *names,
                const struct program_index *programs, enum sieve_vectors vectors)
{
        *s = (struct sieve){ .names = names, .programs = programs };
        choose_sift(s, vectors);
        add_tokens(s);
        add_names(s);
        add_word(s, (struct span)SPAN_LITERAL("BEGIN"));
        add_word(s, (struct span)SPAN_LITERAL("echo"));
        add_word(s, (struct span)SPAN_LITERAL("printf"));
        add_word(s, (struct span)SPAN_LITERAL("yes"));
        add_word(s, (struct span)SPAN_LITERAL("send"));
        program_each_name(programs, on_name, s);
}

static bool text_is_harmless(const struct sift *strings, const char *end)
{
        struct sift text = *strings;

        text.end = end;
        text.is_text = true;
        text.is_cut = strings->is_cut && end == strings->end;
        return text.sieve->sift(&text) == end;
}

const char *sieve_strings(const struct sieve *s, const char *p, const char *end, bool heeds_options)
{
        struct sift strings = { .sieve = s,
                                .begin = p,
                                .end = end,
                                .heeds_options = heeds_options,
                                .is_cut = end > p && end[-1] != '\0' };
        const char *found, *nul;

        while ((found = s->sift(&strings)) < end) {
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
