/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Text is read from its '=' and ':', of which each is looked at once: what is before may be a name,
 * what is behind the value; or it is the colon of a URL.
 *
 * Where a value ends is the hard part, because that depends on what the text is, and it doesn't say
 * so. In doubt more is hidden:
 *
 *   "name": "value"       to the quote that closes it; a quote may have a backslash before it
 *   x['name'] = 'value'   likewise
 *   'name=value ...'      to the quote that was opened before the name
 *   name=value            to the end of the argument, if it is in its first word; else to a blank;
 *   ...&name=value&...    there, and behind '?', to the next '&'
 *   name=value,name=...   to a ',', ';', '&' or blank that has another name behind it
 *   Name: value           of a header, to the end of the line or its quote
 *   name => "value"       likewise as with '='
 *   name=(...)            to its closing bracket
 *   <name>value</name>    to the next '<'
 *   "name": "NAME", "value": "value"       the second, where NAME is that of a secret
 *
 * Where the text is a command for a shell, its separators end a value, too.
 */
#include <strings.h>

#include "policy/command_value.h"
#include "policy/draft.h"
#include "policy/scan.h"
#include "policy/secret_code.h"
#include "policy/secret_text.h"
#include "policy/secret_url.h"
#include "policy/secret_value.h"
#include "policy/token.h"

/* A name, its separator, and what is known of the value behind it. */
struct pair {
        size_t name, name_end; /* without quotes */
        size_t value;
        char before;     /* the name, or NUL: it begins the text */
        char quote;      /* around name and value together, or NUL */
        bool has_quotes; /* the name alone is quoted: JSON */
        bool has_blank;  /* between separator and value */
        bool prints;     /* the value is a command that writes the secret */
        char separator;
};

static bool equals_any(struct span s, const char *const *words)
{
        for (; *words; words++)
                if (span_is_nocase(s, *words))
                        return true;
        return false;
}

static size_t count_backslashes(const struct draft *d, size_t at)
{
        size_t n = 0;

        while (n < at && n < 8 && d->text[at - n - 1] == '\\')
                n++;
        return n;
}

/* Where the quote that begins at `from` (it may have backslashes before it) is closed, or size. */
static size_t find_closing_quote(const struct draft *d, size_t from, size_t n_backslashes)
{
        const char quote = d->text[from];
        size_t at = from + 1, n;

        for (; at < d->size; at++) {
                at = find_char(d, at, d->size, quote);
                n = at < d->size ? count_backslashes(d, at) : 0;
                if (n == n_backslashes || (n_backslashes == 0 && n % 2 == 0))
                        return at - n * (n_backslashes > 0);
        }
        return d->size;
}

static bool is_bracket(char c)
{
        return c == '[' || c == ']';
}

/* The name that ends at `end`, or false: there is none. */
static bool find_name(const struct draft *d, size_t separator, struct pair *ret)
{
        size_t end = separator, at;

        while (end > 0 && separator - end < 4 && is_blank(d->text[end - 1]))
                end--;
        if (end > 1 && d->text[end - 1] == ']' && is_quote(d->text[end - 2]))
                end--; /* environ['NAME'] = value */
        ret->has_quotes = end > 0 && is_quote(d->text[end - 1]);
        if (end < separator && !ret->has_quotes && ret->separator == ':')
                return false;
        if (ret->has_quotes) {
                end--;
                end -= count_backslashes(d, end);
        }
        for (at = end; at > d->pairs_from && end - at < NAME_SIZE_MAX; at--)
                if (!is_name_char(d->text[at - 1]) && !is_bracket(d->text[at - 1]))
                        break;
        while (at < end && d->text[at] == '[')
                at++;
        ret->name = at;
        ret->name_end = end;
        ret->before = at > 0 ? d->text[at - 1] : '\0';
        ret->quote = !ret->has_quotes && is_quote(ret->before) ? ret->before : '\0';
        return at < end;
}

static size_t skip_blanks(const struct draft *d, size_t at)
{
        while (at < d->size && is_blank(d->text[at]))
                at++;
        return at;
}

static bool is_header_authorization(struct span name)
{
        static const char suffix[] = "authorization";
        const size_t n = sizeof(suffix) - 1;

        return name.size >= n && strncasecmp(name.data + name.size - n, suffix, n) == 0;
}

/* "Bearer X": the first word says only how it is a secret. */
static void skip_scheme(const struct draft *d, struct pair *p)
{
        static const char *const schemes[] = { "Basic", "Bearer", "Token",  "Digest", "Negotiate",
                                               "NTLM",  "ApiKey", "GitHub", NULL };
        size_t end = p->value;

        while (end < d->size && is_name_char(d->text[end]))
                end++;
        if (end == p->value || end == d->size || !is_blank(d->text[end]))
                return;
        if (equals_any(draft_span(d, p->value, end), schemes) ||
            is_header_authorization(draft_span(d, p->name, p->name_end))) {
                p->value = skip_blanks(d, end);
                p->has_blank = true;
        }
}

/* At `at` begins another pair: a name and '=' or ':'. */
static bool is_pair_at(const struct draft *d, size_t at)
{
        const size_t end = MIN(d->size, at + NAME_SIZE_MAX);
        size_t p = at;

        while (p < end && (is_name_char(d->text[p]) || is_bracket(d->text[p])))
                p++;
        return p > at && p < end && d->text[p] == '=';
}

static bool is_shell_separator(char c)
{
        return c == ';' || c == '|' || c == '&' || c == '(' || c == ')' || c == '<' || c == '>' ||
               c == '`';
}

/* MYSQL_PWD=..., --password=...: a whole argument, in which nothing else has a meaning. */
static bool is_only_pair(const struct draft *d, const struct pair *p)
{
        bool has_small = false;

        if (d->is_command || p->name > 0)
                return false;
        for (size_t i = p->name; i < p->name_end; i++)
                has_small |= d->text[i] >= 'a' && d->text[i] <= 'z';
        return d->text[p->name] == '-' || !has_small;
}

static bool is_header(const struct pair *p)
{
        return p->separator == ':' && p->has_blank && !p->has_quotes;
}

/* Headers have names of several words, or are known. */
static bool is_header_name(struct span name)
{
        static const char *const known[] = { "cookie", "-Hcookie", NULL };

        return memchr(name.data, '-', name.size) || is_header_authorization(name) ||
               equals_any(name, known);
}

static size_t end_of_line(const struct draft *d, const struct pair *p)
{
        size_t end = find_char(d, p->value, d->size, '\n');

        return p->quote ? find_char(d, p->value, end, p->quote) : end;
}

/* Where a value without quotes ends; each byte up to there is looked at once. */
static size_t find_end(const struct draft *d, const struct pair *p, bool is_whole)
{
        const bool is_query = p->before == '?' || p->before == '&';
        size_t at;

        for (at = p->value; at < d->size; at++) {
                const char c = d->text[at];

                if (p->quote ? c == p->quote : is_blank(c) && !is_whole)
                        break;
                if ((is_query && (c == '&' || c == '#')) ||
                    (p->has_quotes && (c == ',' || c == '}' || c == ']')))
                        break;
                if (!p->quote && d->is_command && is_shell_separator(c))
                        break;
                if (c == '\\' && at + 1 < d->size && is_blank(d->text[at + 1])) {
                        at++; /* for a shell no end of a word */
                        continue;
                }
                if ((c == '&' || c == ',' || c == ';' || is_blank(c)) && is_pair_at(d, at + 1))
                        break;
                if (!p->quote && !is_whole && is_quote(c))
                        at = find_closing_quote(d, at, count_backslashes(d, at));
        }
        return MIN(at, d->size);
}

static bool is_in_first_word(struct draft *d, size_t at)
{
        while (d->first_word < d->size && !is_blank(d->text[d->first_word]) &&
               !is_quote(d->text[d->first_word]) && d->first_word <= at)
                d->first_word++;
        return at <= d->first_word;
}

/* Hides the value; returns where the text goes on. `is_first`: the name is in the first word. */
static size_t hide_value(struct draft *d, struct pair *p, bool is_first)
{
        const bool is_whole = is_first && !d->is_command;
        size_t end, n, quote;

        skip_scheme(d, p);
        if (p->value == d->size)
                return d->size;
        if (p->quote && d->text[p->value] == p->quote)
                return p->value;
        quote = p->value;
        while (quote < d->size && quote - p->value < 8 && d->text[quote] == '\\')
                quote++;
        n = quote - p->value;
        if (d->ends_at_comma)
                end = find_char(d, p->value, d->size, ',');
        else if (is_only_pair(d, p))
                end = d->size;
        else if (quote < d->size && is_quote(d->text[quote]) && !(is_whole && !p->has_quotes)) {
                p->value = quote + 1;
                end = find_closing_quote(d, quote, n);
        } else if (p->has_quotes && d->text[p->value] == '[') {
                p->value++;
                end = find_char(d, p->value, d->size, ']');
        } else if (p->has_quotes && d->text[p->value] == '{')
                return p->value;
        else if (!is_whole && d->text[p->value] == '(')
                end = MIN(find_char(d, p->value, d->size, ')'), d->size);
        else if (is_header(p) && is_header_name(draft_span(d, p->name, p->name_end)))
                end = end_of_line(d, p);
        else
                end = find_end(d, p, is_whole && !is_header(p));
        if (p->prints)
                value_hide(d, VALUE_PRINTS, p->value, end);
        else if (!value_is_harmless(draft_span(d, p->name, p->name_end),
                                    draft_span(d, p->value, end)))
                value_hide(d, value_kind_of(draft_span(d, p->name, p->name_end)), p->value, end);
        return MAX(end, p->value);
}

/* The tag of an image: registry/auth:latest, auth:1.2. */
static bool is_tag(const char *value, size_t size)
{
        static const char latest[] = "latest";
        bool has_point = false;
        size_t n = 0;

        for (; n < size && (is_digit(value[n]) || value[n] == '.'); n++)
                has_point |= value[n] == '.';
        return (n == size && has_point) ||
               (size == sizeof(latest) - 1 && memcmp(value, latest, size) == 0);
}

/* -storepass:env NAME, -storepass:file NAME. */
static bool is_source(const struct draft *d, const struct pair *p)
{
        const struct span value = draft_span(d, p->value, d->size);

        return d->text[p->name] == '-' && (span_is(value, "env") || span_is(value, "file"));
}

/* "auth: add login": the title of a change, not a value that ends its line. */
static bool is_prose(const struct draft *d, const struct pair *p)
{
        size_t at = p->value;

        if (!p->has_blank || p->has_quotes ||
            !span_is_nocase(draft_span(d, p->name, p->name_end), "auth"))
                return false;
        while (at < d->size && is_alnum(d->text[at]))
                at++;
        return at + 1 < d->size && d->text[at] == ' ' && is_alnum(d->text[at + 1]);
}

/* PWD=/home, but not Pwd=secret; credentials=/file; volumes (secret:/run/secret:ro) and images. */
static bool is_no_value(const struct draft *d, const struct pair *p)
{
        const char *value = d->text + p->value;
        const size_t left = d->size - p->value;

        if (left == 0)
                return true;
        if (p->separator == ':')
                return value[0] == '/' || is_tag(value, left) || is_source(d, p) || is_prose(d, p);
        return value[0] == '/' && span_is_nocase(draft_span(d, p->name, p->name_end), "pwd");
}

/* Signatures and keys that are secrets in a URL alone. */
static bool is_secret_of_query(const struct draft *d, const struct pair *p)
{
        static const char *const words[] = {
                "sig", "signature", "x-amz-signature", "x-goog-signature", "key", NULL
        };

        return (p->before == '?' || p->before == '&') && p->separator == '=' &&
               equals_any(draft_span(d, p->name, p->name_end), words);
}

/* name:value begins a word; in arn:aws:secret:x or registry/auth:1 it is something else. */
static bool may_have_colon(const struct draft *d, const struct pair *p)
{
        if (p->before == '/')
                return p->name == 1 || is_blank(d->text[p->name - 2]);
        return p->before == '\0' || is_blank(p->before) || is_quote(p->before) ||
               strchr(",;&{=(", p->before);
}

/* Whether the value is a secret, because of the name or of what is before that. */
static bool is_secret_pair(const struct draft *d, const struct secret_names *names, struct pair *p)
{
        const struct span name = draft_span(d, p->name, p->name_end);

        if (is_secret_of_query(d, p) || name_is_secret(names, name) ||
            value_of_secret_name(names, d->text + d->pairs_from, name))
                return true;
        p->prints = name_prints_secret(names, name);
        return p->prints;
}

/* <name>value</name>, at the '>'; a tag that has more in it names nothing. */
static size_t examine_element(struct draft *d, const struct secret_names *names, size_t at)
{
        struct pair p = { .separator = '>' };
        size_t end;

        if (!find_name(d, at, &p) || p.name_end != at || p.before != '<')
                return at + 1;
        end = find_char(d, at + 1, d->size, '<');
        if (name_is_secret(names, draft_span(d, p.name, at)) &&
            !value_is_harmless(draft_span(d, p.name, at), draft_span(d, at + 1, end)))
                draft_hide(d, at + 1, end);
        return MAX(end, at + 1);
}

static size_t examine_pair(struct draft *d, const struct secret_names *names, size_t at)
{
        struct pair p = { .separator = d->text[at], .value = at + 1 };
        size_t end;

        if (p.separator == '>')
                return examine_element(d, names, at);
        if (!find_name(d, at, &p) || (p.separator == ':' && !may_have_colon(d, &p)))
                return at + 1;
        while (p.value < d->size && (d->text[p.value] == '=' || d->text[p.value] == '>'))
                p.value++;
        if (p.separator == ':' && p.value < d->size && d->text[p.value] == ':')
                return at + 1;
        if (p.has_quotes || p.separator == ':' || is_blank(d->text[at - 1])) {
                size_t value = skip_blanks(d, p.value);

                p.has_blank = value > p.value;
                p.value = value;
        }
        if (is_no_value(d, &p))
                return at + 1;
        if (!is_secret_pair(d, names, &p))
                return at + 1;
        end = hide_value(d, &p, is_in_first_word(d, p.name));
        return MAX(end, at + 1);
}

static void hide_pairs(struct draft *d, const struct secret_names *names)
{
        const char *end = d->text + d->size;
        size_t at = d->pairs_from;

        while (at < d->size) {
                at = scan_pair(d->text + at, end) - d->text;
                if (at == d->size)
                        break;
                if (d->size - at > 3 && memcmp(d->text + at, "://", 3) == 0) {
                        at = secret_url_hide(d, at + 3);
                        continue;
                }
                if (d->text[at] == ':') {
                        secret_colon_hide(d, at);
                }
                at = examine_pair(d, names, at);
        }
}

static void hide_tokens(struct draft *d)
{
        size_t at = 0, end;

        while (at < d->size) {
                at = token_find(d->text, at, d->size, d->is_cut, &end);
                if (at == d->size)
                        break;
                draft_hide(d, at, end);
                at = end;
        }
}

/* -----BEGIN RSA PRIVATE KEY----- and so on, to the end of its END line, or of the text. */
static void hide_private_keys(struct draft *d)
{
        static const char begin[] = "-----BEGIN ", kind[] = "PRIVATE KEY", stop[] = "-----END ";
        const char *p = d->text, *end = p + d->size, *found, *line;
        const size_t kind_max = 64; /* "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK" */

        while ((found = memmem(p, end - p, begin, sizeof(begin) - 1))) {
                p = found + sizeof(begin) - 1;
                if (!memmem(p, MIN((size_t)(end - p), kind_max), kind, sizeof(kind) - 1))
                        continue;
                line = memmem(p, end - p, stop, sizeof(stop) - 1);
                p = line ? line + sizeof(stop) - 1 : end;
                line = memmem(p, end - p, "-----", 5);
                p = line ? line + 5 : end;
                draft_hide(d, found - d->text, p - d->text);
        }
}

void secret_text_hide(struct draft *d, const struct secret_names *names)
{
        if (d->size >= TOKEN_SIZE_MIN || d->is_cut)
                hide_tokens(d);
        if (d->marks & SCAN_BLANK)
                hide_private_keys(d);
        if (d->marks & SCAN_QUOTE)
                secret_code_hide(d, names);
        if (d->marks & SCAN_PAIR)
                hide_pairs(d, names);
}
