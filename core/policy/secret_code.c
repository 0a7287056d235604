/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A quote is a secret behind the words that SQL has for one, with no '=' between, and in the
 * brackets of a function that is named like one:
 *
 *   ALTER USER bob PASSWORD 'X'             CREATE USER bob IDENTIFIED [WITH plugin] BY 'X'
 *   SET PASSWORD = PASSWORD('X')            db.changeUserPassword('bob', 'X')
 */
#include <strings.h>

#include "policy/secret_code.h"

/* Between IDENTIFIED and BY: the name of a plugin. */
#define CLAUSE_SIZE_MAX 64

static const char *skip_blanks(const char *begin, const char *p)
{
        for (unsigned n = 0; n < 8 && p > begin && is_blank(p[-1]); n++)
                p--;
        return p;
}

static bool is_identified(const char *begin, const char *p)
{
        static const char word[] = "identified";
        const size_t n = sizeof(word) - 1;

        for (unsigned left = CLAUSE_SIZE_MAX; left > 0 && p - begin >= (ptrdiff_t)n; left--, p--)
                if (strncasecmp(p - n, word, n) == 0)
                        return true;
        return false;
}

static bool is_clause(const char *begin, struct span word)
{
        if (span_is_nocase(word, "password"))
                return true;
        return (span_is_nocase(word, "by") || span_is_nocase(word, "as") ||
                span_is_nocase(word, "using")) &&
               is_identified(begin, word.data);
}

const char *secret_code_begin(const struct secret_names *names, const char *begin, const char *p)
{
        const bool has_prefix = p - begin > 1 && is_quote_prefix(p[-1]) && is_blank(p[-2]);
        const char *before = skip_blanks(begin, p - has_prefix);
        struct span word;

        if (before > begin && before[-1] == '(') {
                word = name_that_ends(begin, skip_blanks(begin, before - 1));
                return word.size > 0 && name_is_secret(names, word) ? before : NULL;
        }
        if (before == p - has_prefix)
                return NULL;
        word = name_that_ends(begin, before);
        return word.size > 0 && is_clause(begin, word) ? p : NULL;
}

/* The quote that closes the one at `at`; one that is doubled or has a backslash doesn't. */
static size_t closing_quote(const struct draft *d, size_t at)
{
        const char quote = d->text[at];

        for (at++; at < d->size; at++) {
                at = find_char(d, at, d->size, quote);
                if (at + 1 < d->size && d->text[at + 1] == quote)
                        at++;
                else if (at < d->size && d->text[at - 1] != '\\')
                        return at;
        }
        return d->size;
}

static size_t hide_at(struct draft *d, const struct secret_names *names, size_t at)
{
        const char prev = at > 0 ? d->text[at - 1] : 'x';
        const bool may_be = is_blank(prev) || prev == '(' || is_quote_prefix(prev);
        const char *begin = may_be ? secret_code_begin(names, d->text, d->text + at) : NULL;
        size_t end;

        if (!begin)
                return at + 1;
        end = closing_quote(d, at);
        if (begin < d->text + at || d->text[begin - d->text - 1] == '(') {
                end = find_char(d, end, d->size, ')'); /* all that the function is given */
                draft_hide(d, begin - d->text, end);
        } else {
                draft_hide(d, at + 1, end);
        }
        return end + 1;
}

void secret_code_hide(struct draft *d, const struct secret_names *names)
{
        static const char quotes[] = "'\"";

        for (const char *q = quotes; *q; q++)
                for (size_t at = find_char(d, 0, d->size, *q); at < d->size;
                     at = find_char(d, at, d->size, *q))
                        at = hide_at(d, names, at);
}
