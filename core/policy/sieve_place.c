/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Each test repeats what its stage requires first, and leaves out what it requires then. To change
 * a stage so that it hides more is to look here, too; the fuzz target compares both.
 */
#include <string.h>

#include "policy/command.h"
#include "policy/secret_text.h"
#include "policy/sieve_internal.h"

/* Programs with longer names may be any. */
#define PROGRAM_SIZE_MAX 64

static bool starts_with(const struct sift *s, const char *p, const char *text)
{
        const size_t n = strlen(text);

        return (size_t)(s->end - p) >= n && memcmp(p, text, n) == 0;
}

/* `name` has a byte behind it. */
static bool name_is_harmless(const struct sift *s, struct span name)
{
        const struct secret_names *names = s->sieve->names;

        return !name_list_may_have(names->names, name) || !name_is_secret(names, name);
}

/* ?sig=, &key= and the like (secret_text.h): by the last letter. */
static bool may_be_of_query(const struct sift *s, struct span name)
{
        return name.data > s->begin && strchr("?&", name.data[-1]) && name.data[-1] != '\0' &&
               name.size > 0 && strchr("geyGEY", name.data[name.size - 1]);
}

/* The name in quotes, or with blanks behind it, that ends before `p`. */
static struct span find_name(const struct sift *s, const char *p)
{
        const char *end = p, *begin;

        while (end > s->begin && p - end < 4 && is_blank(end[-1]))
                end--;
        if (end - s->begin > 1 && end[-1] == ']' && is_quote(end[-2]))
                end--;
        if (end > s->begin && is_quote(end[-1])) {
                end--;
                for (unsigned n = 0; n < 8 && end > s->begin && end[-1] == '\\'; n++)
                        end--;
        }
        begin = end;
        while (begin > s->begin && end - begin < NAME_SIZE_MAX && is_name_part(begin[-1]))
                begin--;
        return (struct span){ begin, end - begin };
}

bool pair_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        const bool is_in_brackets = name_size == 1 && p[-1] == ']' && p - s->begin > 1;
        struct span name = { p - name_size, name_size };

        if (name_size == 0 && (p == s->begin || !(is_quote(p[-1]) || is_blank(p[-1]))))
                return true;
        if (name_size == 0 || (is_in_brackets && is_quote(p[-2])))
                name = find_name(s, p);
        while (name.size > 0 && name.data[0] == '[') {
                name.data++;
                name.size--;
        }
        return name.size == 0 || (name_is_harmless(s, name) && !may_be_of_query(s, name));
}

static bool is_end_of_url(const struct sift *s, const char *p)
{
        return p == s->end || *p == '\0' || is_blank(*p) || is_quote(*p) ||
               strchr("<>\\/?#", *p) != NULL;
}

/* Behind "://": a port may be, but no user with a password, and no address that is a secret. */
static bool url_is_harmless(const struct sift *s, const char *p)
{
        bool has_colon = false;

        if (starts_with(s, p, "hooks.") || starts_with(s, p, "discord"))
                return false;
        for (; !is_end_of_url(s, p); p++) {
                if (has_colon && !is_digit(*p))
                        return false;
                has_colon |= *p == ':';
        }
        return p < s->end || !s->is_cut || !has_colon;
}

bool colon_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        if (starts_with(s, p, "://"))
                return url_is_harmless(s, p + 3);
        if (s->heeds_options && !s->is_text) /* "/p:VALUE" */
                return false;
        /* Drivers of databases, user:password@tcp(...), and tokens with their number before them */
        if (p - s->begin >= 4 && (memcmp(p - 4, "thin", 4) == 0 || memcmp(p - 4, ":oci", 4) == 0))
                return false;
        if (memchr(p, '@', MIN((size_t)(s->end - p), (size_t)NAME_SIZE_MAX)))
                return false;
        if (name_size >= 8 && is_digit(p[-1]) && is_digit(p[-8]))
                return false;
        return pair_is_harmless(s, p, name_size);
}

bool option_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        if (name_size < OPTION_NAME_MIN || p + name_size == s->end || p[name_size] == '=')
                return true;
        return name_is_harmless(s, (struct span){ p, name_size });
}

static bool ends_name_of_program(char c)
{
        return is_blank(c) || is_quote(c) || strchr("/\\;|&()`", c) != NULL; /* or NUL */
}

static void add_word(struct sieve *s, struct span word)
{
        const unsigned hash = sieve_word_hash(word.data);

        s->words[hash / 64] |= UINT64_C(1) << (hash % 64);
}

static void on_prefix(void *userdata, struct span prefix)
{
        const unsigned hash = sieve_token_hash(prefix.data); /* three bytes, and a NUL at least */
        struct sieve *s = userdata;

        s->tokens[hash / 64] |= UINT64_C(1) << (hash % 64);
        add_word(s, prefix);
}

static void on_name(void *userdata, struct span name, const struct program *p)
{
        if (name.size > 1 && program_takes_secrets(p)) /* its list has a blank or NUL behind it */
                add_word(userdata, name);
}

void sieve_init(struct sieve *s, const struct secret_names *names,
                const struct program_index *programs)
{
        *s = (struct sieve){ .names = names, .programs = programs };
        add_word(s, (struct span)SPAN_LITERAL("BEGIN"));
        token_each_prefix(on_prefix, s);
        program_each_name(programs, on_name, s);
}

static bool program_is_harmless(const struct sift *s, const char *p)
{
        const size_t left = MIN((size_t)(s->end - p), (size_t)PROGRAM_SIZE_MAX);
        const struct program *program;
        size_t n = 0;

        while (n < left && !ends_name_of_program(p[n]))
                n++;
        program = program_find(s->sieve->programs, (struct span){ p, n });
        return n < PROGRAM_SIZE_MAX && (!program || !program_takes_secrets(program));
}

bool word_is_harmless(const struct sift *s, const char *p)
{
        if (token_begins(p, s->end, s->is_cut))
                return false;
        if (!s->is_text)
                return true;
        if (p > s->begin && p[-1] == '-' && starts_with(s, p, "BEGIN "))
                return false;
        return program_is_harmless(s, p);
}
