/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The part of a value that is the secret, as the table of programs says by a kind. */
#include <string.h>

#include "policy/command_value.h"

static void hide_after(struct draft *d, size_t from, size_t to, char separator)
{
        draft_hide(d, find_char(d, from, to, separator) + 1, to);
}

/* Behind ":pserver:", which says how a repository is reached. */
static size_t skip_method(const struct draft *d, size_t from, size_t to)
{
        size_t at = from + 1;

        if (from == to || d->text[from] != ':')
                return from;
        while (at < to && is_alnum(d->text[at]))
                at++;
        return at < to && d->text[at] == ':' ? at + 1 : from;
}

/* user:PASSWORD@host; not host:port, and an '@' in what else it may be has no ':' before it. */
static void hide_before_at(struct draft *d, size_t from, size_t to)
{
        size_t colon = find_char(d, skip_method(d, from, to), to, ':');
        const char *at = memrchr(d->text + from, '@', to - from);

        if (at && colon < to && d->text + colon < at &&
            !(to - colon > 2 && d->text[colon + 1] == '/'))
                draft_hide(d, colon + 1, at - d->text);
}

/* user/PASSWORD, user/PASSWORD@database; no path, no @script. */
static void hide_after_slash(struct draft *d, size_t from, size_t to)
{
        size_t slash, at;

        if (from == to || strchr("/@.-~", d->text[from]))
                return;
        slash = find_char(d, from, to, '/');
        at = find_char(d, slash, to, '@');
        draft_hide(d, slash + 1, at);
}

static void hide_pass(struct draft *d, size_t from, size_t to)
{
        static const char prefix[] = "pass:";
        const size_t n = sizeof(prefix) - 1;

        if (to - from > n && memcmp(d->text + from, prefix, n) == 0)
                draft_hide(d, from + n, to);
}

static void hide_data(struct draft *d, size_t from, size_t to)
{
        static const char begin[] = "secret,", data[] = "data=";
        const char *found;

        if (to - from < sizeof(begin) - 1 || memcmp(d->text + from, begin, sizeof(begin) - 1) != 0)
                return;
        found = memmem(d->text + from, to - from, data, sizeof(data) - 1);
        if (found) {
                from = found - d->text + sizeof(data) - 1;
                draft_hide(d, from, find_char(d, from, to, ','));
        }
}

/* Of "username=user%PASSWORD,vers=3.0" the password, as mount.cifs takes it. */
static void hide_of_list(struct draft *d, size_t from, size_t to)
{
        static const char *const names[] = { "user=", "username=", NULL };
        size_t end;

        for (; from < to; from = end + 1) {
                const struct span member = draft_span(d, from, to);

                end = find_char(d, from, to, ',');
                for (const char *const *name = names; *name; name++)
                        if (span_starts_with(member, *name))
                                hide_after(d, from, end, '%');
        }
}

/* Of "h=host,u=user,p=PASSWORD" the member p. */
static void hide_dsn(struct draft *d, size_t from, size_t to)
{
        size_t end;

        for (; from < to; from = end + 1) {
                end = find_char(d, from, to, ',');
                if (end - from > 2 && d->text[from] == 'p' && d->text[from + 1] == '=')
                        draft_hide(d, from + 2, end);
        }
}

/* user:PASSWORD, with @host or without; the colon of a URL is another. */
static void hide_of_user(struct draft *d, size_t from, size_t to)
{
        const size_t colon = find_char(d, from, to, ':');

        if (to - colon > 1 && d->text[colon + 1] == '/')
                return;
        if (memchr(d->text + from, '@', to - from))
                hide_before_at(d, from, to);
        else
                hide_after(d, from, to, ':');
}

/* A command that writes the secret: of echo and printf all words, of others none. */
static void hide_printed(struct draft *d, size_t from, size_t to)
{
        static const char *const writers[] = { "echo ", "printf ", NULL };

        while (from < to && (is_blank(d->text[from]) || is_quote(d->text[from])))
                from++;
        for (const char *const *writer = writers; *writer; writer++) {
                const size_t n = strlen(*writer);

                if (to - from > n && memcmp(d->text + from, *writer, n) == 0)
                        draft_hide(d, from + n, to);
        }
}

void value_hide(struct draft *d, enum value_kind kind, size_t from, size_t to)
{
        switch (kind) {
        case VALUE_REST:
        case VALUE_ALL:
                draft_hide(d, from, to);
                break;
        case VALUE_ALL_BUT_PAIR:
                if (find_char(d, from, to, '=') == to)
                        draft_hide(d, from, to);
                break;
        case VALUE_AFTER_COLON:
                hide_after(d, from, to, ':');
                break;
        case VALUE_COLON_OR_ALL:
                if (find_char(d, from, to, ':') < to)
                        hide_after(d, from, to, ':');
                else
                        draft_hide(d, from, to);
                break;
        case VALUE_AFTER_COMMA:
                hide_after(d, from, to, ',');
                break;
        case VALUE_AFTER_PERCENT:
                hide_after(d, from, to, '%');
                break;
        case VALUE_AFTER_EQUALS:
                hide_after(d, from, to, '=');
                break;
        case VALUE_AFTER_GREATER:
                if (from < to && d->text[from] == '>')
                        draft_hide(d, from + 1, to);
                break;
        case VALUE_DSN:
                hide_dsn(d, from, to);
                break;
        case VALUE_OF_USER:
                hide_of_user(d, from, to);
                break;
        case VALUE_PRINTS:
                hide_printed(d, from, to);
                break;
        case VALUE_AFTER_SLASH:
                hide_after_slash(d, from, to);
                break;
        case VALUE_AFTER_DATA:
                hide_data(d, from, to);
                break;
        case VALUE_BEFORE_AT:
                hide_before_at(d, from, to);
                break;
        case VALUE_PASS:
                hide_pass(d, from, to);
                break;
        case VALUE_COOKIE:
                if (find_char(d, from, to, '=') < to)
                        draft_hide(d, from, to);
                break;
        case VALUE_COMMAND:
                d->is_command = true;
                break;
        case VALUE_LIST:
                d->ends_at_comma = true;
                hide_of_list(d, from, to);
                break;
        case VALUE_NONE:
        case VALUE_CLEAR:
        case VALUE_BEGINS_COMMAND:
                break;
        }
}
