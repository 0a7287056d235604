/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Each test repeats what its stage requires first, and leaves out what it requires then. To change
 * a stage so that it hides more is to look here, too; the fuzz target compares both.
 */
#include <string.h>

#include "policy/command.h"
#include "policy/secret_code.h"
#include "policy/secret_url.h"
#include "policy/secret_value.h"
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

        return !name_list_may_have(names->names, name) ||
               (!name_is_secret(names, name) && !name_prints_secret(names, name));
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
        return name.size == 0 || (name_is_harmless(s, name) && !may_be_of_query(s, name) &&
                                  !value_of_secret_name(s->sieve->names, s->begin, name));
}

/* Of colons in a block; the strings behind it are looked at once, a bit ahead. */
bool colon_may_have_host(struct sift *s, const char *p)
{
        const size_t left = s->end - p, ahead = 512;
        const char *end = p + MIN(left, (size_t)BLOCK_SIZE + NAME_SIZE_MAX), *at;

        if (s->no_at_before >= end)
                return false;
        at = memchr(p, '@', MIN(left, ahead));
        s->no_at_before = at ? at : p + MIN(left, ahead);
        return s->no_at_before < end;
}

static bool is_end_of_url(const struct sift *s, const char *p)
{
        static const bool ends[256] = {
                ['\0'] = true, ['\t' ... '\r'] = true, [' '] = true, ['"'] = true,
                ['\''] = true, ['<'] = true,           ['>'] = true, ['\\'] = true,
                ['/'] = true,  ['?'] = true,           ['#'] = true,
        };

        return p == s->end || ends[(uint8_t)*p];
}

/* Behind "://": a port may be, but no user with a password, and no address that is a secret. */
static bool url_is_harmless(const struct sift *s, const char *p)
{
        const char *begin = p;
        bool has_colon = false;

        if (starts_with(s, p, "hooks.") || starts_with(s, p, "discord"))
                return false;
        if (s->no_at_before > p && memchr(p, '\0', s->no_at_before - p))
                return true; /* nobody has a password without an '@' */
        for (; !is_end_of_url(s, p); p++) {
                if (has_colon && !is_digit(*p))
                        return false;
                if (*p == '@' && url_user_is_key(begin, p - begin))
                        return false;
                has_colon |= *p == ':';
        }
        return p < s->end || !s->is_cut || !has_colon;
}

/* At a ':' whose name, if it has one, is none of a secret. */
static bool nameless_colon_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        if (starts_with(s, p, "://"))
                return url_is_harmless(s, p + 3);
        if (s->heeds_options && !s->is_text) /* "/p:VALUE" */
                return false;
        /* Drivers of databases, user:password@tcp(...), and tokens with their number before them */
        if (p - s->begin >= 4 && (memcmp(p - 4, "thin", 4) == 0 || memcmp(p - 4, ":oci", 4) == 0))
                return false;
        if (p + NAME_SIZE_MAX > s->no_at_before &&
            memchr(p, '@', MIN((size_t)(s->end - p), (size_t)NAME_SIZE_MAX)))
                return false;
        return name_size < 8 || !is_digit(p[-1]) || !is_digit(p[-8]);
}

bool colon_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        return nameless_colon_is_harmless(s, p, name_size) &&
               (starts_with(s, p, "://") || pair_is_harmless(s, p, name_size));
}

bool option_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        const struct span name = { p, name_size };

        if (name_size < OPTION_NAME_MIN)
                return true;
        if (s->is_text && command_is_reading(name))
                return false;
        if (p + name_size == s->end || p[name_size] == '=')
                return true;
        return name_is_harmless(s, name);
}

static bool ends_name_of_program(char c)
{
        static const bool ends[256] = {
                ['\0'] = true, ['\t' ... '\r'] = true, [' '] = true, ['"'] = true, ['\''] = true,
                ['/'] = true,  ['\\'] = true,          [';'] = true, ['|'] = true, ['&'] = true,
                ['('] = true,  [')'] = true,           ['`'] = true,
        };

        return ends[(uint8_t)c];
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

/* echo and its like, which may write a secret into a pipe (command_text.c). */
static bool writes(const struct sift *s, const char *p)
{
        static const char *const words[] = { "echo", "printf", "yes", "send", NULL };

        for (const char *const *word = words; *word; word++) {
                const size_t n = strlen(*word);

                if (*p == **word && starts_with(s, p, *word) &&
                    (p + n == s->end || !is_alnum(p[n])))
                        return true;
        }
        return false;
}

bool quote_is_harmless(const struct sift *s, const char *p)
{
        return !secret_code_begin(s->sieve->names, s->begin, p);
}

/* At '(': with a quote behind it, it may be of a function that is given a secret. */
static bool bracket_is_harmless(const struct sift *s, const char *p)
{
        p++;
        for (unsigned n = 0; n < 8 && p < s->end && is_blank(*p); n++)
                p++;
        return p == s->end || !is_quote(*p) || quote_is_harmless(s, p);
}

static bool mark_is_harmless(const struct sift *s, const char *p, size_t name_size)
{
        switch (*p) {
        case ':':
                return colon_is_harmless(s, p, name_size);
        case '(':
                return bracket_is_harmless(s, p);
        default:
                return pair_is_harmless(s, p, name_size);
        }
}

/* Whether the same name is as harmless wherever it is. */
static bool may_be_known(struct span name)
{
        return name.data[name.size - 1] != 'e' && name.data[name.size - 1] != 'E'; /* "value" */
}

bool word_is_harmless(const struct sift *s, const char *p)
{
        if (token_begins(p, s->end, s->is_cut))
                return false;
        if (!s->is_text)
                return true;
        if (p > s->begin && p[-1] == '-' && starts_with(s, p, "BEGIN "))
                return false;
        if (writes(s, p))
                return false;
        return program_is_harmless(s, p);
}

/* How many bytes before `p` are a name. */
static size_t name_before(const struct sift *s, const char *p, uint64_t name, unsigned bit)
{
        const uint64_t others = bit > 0 ? ~(name << (BLOCK_SIZE - bit)) : UINT64_MAX;
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

/* The name of a pair, with the byte before it, is the last that was harmless. */
static bool is_known(const struct sift *s, struct span name)
{
        return name.size == s->harmless.size && memcmp(name.data, s->harmless.data, name.size) == 0;
}

unsigned find_pair(struct sift *s, const char *p, uint64_t pairs, uint64_t name)
{
        for (; pairs; pairs &= pairs - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(pairs);
                const char *pair = p + bit;
                const size_t n = name_before(s, pair, name, bit);
                const struct span known = { pair - n - 1, n + 1 };
                /* In brackets the name is more than what it ends with. */
                const bool has_name = (*pair == '=' || *pair == '>') && n > 0 &&
                                      pair - n > s->begin && pair[-1] != ']' && may_be_known(known);

                if (has_name && is_known(s, known))
                        continue;
                if (!mark_is_harmless(s, pair, n))
                        return bit;
                if (has_name)
                        s->harmless = known;
        }
        return BLOCK_SIZE;
}

/* At a NUL, with so many bytes of a name before it: that is no option, all of its string. */
static bool end_is_harmless(struct sift *s, const char *p, size_t name_size)
{
        const char *name = p - name_size;
        const struct span known = { name - 1, name_size + 1 };

        if (name_size < OPTION_NAME_MIN) /* though a pair may have such a name: not remembered */
                return true;
        if (name_size < NAME_SIZE_MAX && (*name != '-' || (name > s->begin && name[-1] != '\0')))
                return true;
        if (name == s->begin)
                return option_is_harmless(s, name, name_size);
        if (is_known(s, known))
                return true;
        if (!option_is_harmless(s, name, name_size))
                return false;
        s->harmless = known;
        return true;
}

unsigned find_colon(const struct sift *s, const char *p, uint64_t colons, uint64_t name)
{
        for (; colons; colons &= colons - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(colons);

                if (!nameless_colon_is_harmless(s, p + bit, name_before(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}

unsigned find_quote(const struct sift *s, const char *p, uint64_t quotes)
{
        for (; quotes; quotes &= quotes - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(quotes);

                if (!quote_is_harmless(s, p + bit))
                        return bit;
        }
        return BLOCK_SIZE;
}

unsigned find_last_option(const struct sift *s, const char *p, uint64_t options)
{
        for (; options; options &= options - 1) {
                const char *option = p + __builtin_ctzll(options);

                if (s->end - option >= 3 && memcmp(option, "--", 3) == 0)
                        return option - p;
        }
        return BLOCK_SIZE;
}

unsigned find_end_of_option(struct sift *s, const char *p, uint64_t ends, uint64_t name)
{
        for (; ends; ends &= ends - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(ends);

                if (!end_is_harmless(s, p + bit, name_before(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}

unsigned find_option_of_text(const struct sift *s, const char *p, uint64_t options, uint64_t name)
{
        for (; options; options &= options - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(options);

                if (!option_is_harmless(s, p + bit, name_after(s, p + bit, name, bit)))
                        return bit;
        }
        return BLOCK_SIZE;
}
