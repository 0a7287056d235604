/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Of a URL the password, or what is as good as one; and what else has a colon and is none. */
#include <string.h>

#include "policy/name_list.h"
#include "policy/secret_url.h"

/* Of a password behind what should have ended it: each URL is looked at in bounded time. */
#define PASSWORD_TAIL_MAX 64

static bool ends_authority(char c)
{
        return c == '/' || c == '?' || c == '#';
}

static bool ends_url(char c)
{
        static const bool ends[256] = {
                ['\t' ... '\r'] = true, [' '] = true, ['"'] = true,  ['\''] = true,
                ['<'] = true,           ['>'] = true, ['\\'] = true,
        };

        return ends[(uint8_t)c];
}

static bool is_number(const struct draft *d, size_t from, size_t to)
{
        while (from < to && is_digit(d->text[from]))
                from++;
        return from == to;
}

/* Addresses to which whoever knows them may post: what is behind these is the secret. */
static void hide_webhook(struct draft *d, size_t at)
{
        static const char *const places[] = {
                "hooks.slack.com/services/",    "discord.com/api/webhooks/",
                "discordapp.com/api/webhooks/", "hooks.slack.com/workflows/",
                "hooks.slack.com/triggers/",    NULL
        };

        const struct span url = draft_span(d, at, d->size);
        size_t begin, end;

        for (const char *const *place = places; *place; place++) {
                if (!span_starts_with(url, *place))
                        continue;
                begin = at + strlen(*place);
                for (end = begin; end < d->size && !ends_url(d->text[end]);)
                        end++;
                draft_hide(d, begin, end);
        }
}

bool url_user_is_key(const char *user, size_t size)
{
        bool has_digit = false, has_letter = false;

        if (size < URL_KEY_SIZE_MIN)
                return false;
        for (size_t i = 0; i < size; i++) {
                if (!is_alnum(user[i]) && user[i] != '_' && user[i] != '-')
                        return false;
                has_digit |= is_digit(user[i]);
                has_letter |= user[i] > '9';
        }
        return has_digit && has_letter;
}

/*
 * Behind "://". A password may have any character in it, as people write it: an '@', of which the
 * last one counts, and even what ends an authority, if what is before that is no port.
 */
size_t secret_url_hide(struct draft *d, size_t at)
{
        size_t end, host = 0, colon = 0, authority = 0;

        hide_webhook(d, at);
        for (end = at; end < d->size && !ends_url(d->text[end]); end++) {
                const char c = d->text[end];

                if (c == ':' && colon == 0 && d->text[at] != '[')
                        colon = end;
                if (authority == 0 && ends_authority(c)) {
                        authority = end;
                        if (host > 0 || colon == 0 || is_number(d, colon + 1, end))
                                break;
                }
                if (c == '@')
                        host = end;
                if (authority > 0 && (c == '@' || end - authority > PASSWORD_TAIL_MAX))
                        break;
        }
        if (host > colon && colon > 0)
                draft_hide(d, colon + 1, host);
        else if (host > 0 && colon == 0 && url_user_is_key(d->text + at, host - at))
                draft_hide(d, at, host);
        else if (colon > 0 && host == 0 && d->is_cut && end == d->size)
                draft_hide(d, colon + 1, end);
        return MAX(host, at);
}

/* bot123456789:TOKEN, of Telegram: a number, and 35 characters or a few more. */
static void examine_bot(struct draft *d, size_t colon)
{
        const size_t size_min = 34, size_max = 40;
        size_t begin = colon, end = colon + 1;

        while (begin > 0 && colon - begin < 12 && is_digit(d->text[begin - 1]))
                begin--;
        if (colon - begin < 8)
                return;
        while (end < d->size && end - colon <= size_max + 1 && is_name_char(d->text[end]))
                end++;
        if (end - colon > size_min && end - colon <= size_max + 1)
                draft_hide(d, begin, end);
}

/* user:PASSWORD@tcp(...), a data source in Go. */
static void examine_go_dsn(struct draft *d, size_t colon)
{
        const size_t host = find_char(d, colon, MIN(d->size, colon + NAME_SIZE_MAX), '@');
        const char *network = d->text + host + 1;

        if (host + 5 < d->size && d->text[host] == '@' &&
            (memcmp(network, "tcp(", 4) == 0 || memcmp(network, "unix(", 5) == 0))
                draft_hide(d, colon + 1, host);
}

/* jdbc:oracle:thin:USER/PASSWORD@... */
static void examine_oracle(struct draft *d, size_t at)
{
        static const char *const drivers[] = { ":oracle:thin", ":oracle:oci", NULL };
        size_t slash, host;

        for (const char *const *driver = drivers; *driver; driver++) {
                size_t n = strlen(*driver);

                if (at < n || memcmp(d->text + at - n, *driver, n) != 0)
                        continue;
                host = find_char(d, at, MIN(d->size, at + 256), '@');
                slash = find_char(d, at, host, '/');
                if (host < d->size && d->text[host] == '@' && slash < host)
                        draft_hide(d, slash + 1, host);
        }
}

void secret_colon_hide(struct draft *d, size_t at)
{
        examine_oracle(d, at);
        examine_go_dsn(d, at);
        examine_bot(d, at);
}
