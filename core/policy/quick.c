/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The conditions are those of secret_text.c and command.c for what is hidden to the end of the
 * string; test_sieve compares the results.
 */
#include "policy/quick.h"
#include "policy/command.h"
#include "policy/scan.h"
#include "policy/secret_value.h"
#include "policy/token.h"

static size_t name_size(const char *p, const char *end)
{
        const char *name_end = p;

        while (name_end < end && name_end - p < NAME_SIZE_MAX && is_name_char(*name_end))
                name_end++;
        return name_end - p;
}

/* An option, or a variable: a word in small letters may be the beginning of a list of pairs. */
static bool is_alone(struct span name)
{
        if (name.data[0] == '-')
                return true;
        for (size_t i = 0; i < name.size; i++)
                if (name.data[i] >= 'a' && name.data[i] <= 'z')
                        return false;
        return true;
}

static bool may_have_token(struct span name)
{
        const char *end = name.data + name.size;

        for (const char *p = name.data; p < end; p++)
                if ((p == name.data || !is_alnum(p[-1])) && token_begins(p, end, true))
                        return true;
        return false;
}

/* Nothing of the name but all of the value is a secret. */
static bool is_plain_name(const struct secret_names *names, struct span name)
{
        return is_alone(name) && name_is_secret(names, name) && value_kind_of(name) == VALUE_ALL &&
               !may_have_token(name);
}

static bool is_harmless(struct span name, bool has_files, struct span value)
{
        return value_is_harmless(has_files ? name : (struct span){ 0 }, value);
}

static bool has_blank(const char *p, const char *end)
{
        if (end - p > 16)
                return scan_marks(p, end) & SCAN_BLANK;
        while (p < end && !is_blank(*p))
                p++;
        return p < end;
}

static bool begins_with(struct span s, const char *p, const char *end)
{
        return s.size > 0 && (size_t)(end - p) >= s.size && memcmp(p, s.data, s.size) == 0;
}

size_t quick_pair(struct quick *q, const struct secret_names *names, const char *p, const char *end)
{
        const bool is_known = begins_with(q->pair, p, end);
        const size_t n = is_known ? q->pair.size - 1 : name_size(p, end);
        const struct span name = { p, n }, value = { p + n + 1, end - p - n - 1 };

        if (n == 0 || p + n == end || p[n] != '=' || value.size == 0)
                return 0;
        if (value.data[0] == '=' || value.data[0] == '>' || value.data[0] == '/')
                return 0;
        if (!is_known && !is_plain_name(names, name))
                return 0;
        if (!is_known)
                q->pair_has_files = name_may_be_of_file(name);
        q->pair = (struct span){ p, n + 1 };
        if (is_harmless(name, q->pair_has_files, value) || has_blank(value.data, end))
                return 0;
        return n + 1;
}

bool quick_option(struct quick *q, const struct secret_names *names, const char *p, const char *end)
{
        const struct span name = { p, end - p };

        if (begins_with(q->option, p, end + 1))
                return true;
        if (name.size < OPTION_NAME_MIN || name.size > NAME_SIZE_MAX || *p != '-' ||
            name_size(p, end) < name.size || !is_plain_name(names, name))
                return false;
        q->option = (struct span){ p, name.size + 1 };
        q->option_has_files = name_may_be_of_file(name);
        return true;
}

bool quick_value(const struct quick *q, const char *p, const char *end)
{
        const struct span name = { q->option.data, q->option.size - 1 };
        const struct span value = { p, end - p };

        return value.size > 0 && *p != '-' && !is_harmless(name, q->option_has_files, value);
}

bool quick_repeats(const struct quick *q, const char *p, const char *end)
{
        return begins_with(q->pair, p, end) || begins_with(q->option, p, end);
}
