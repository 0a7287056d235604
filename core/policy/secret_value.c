/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * In doubt a value is a secret: what is here are words that no secret is, and files by where they
 * are or by what their names end with, where the name says that a file may be meant.
 */
#include <strings.h>

#include "policy/draft.h"
#include "policy/secret_value.h"

/* `s` is not empty. */
static bool equals_any(struct span s, const char *const *words)
{
        for (; *words; words++)
                if (((s.data[0] ^ **words) & ~0x20) == 0 && span_is_nocase(s, *words))
                        return true;
        return false;
}

static bool ends_with(struct span s, const char *end)
{
        const size_t n = strlen(end);

        return s.size >= n && ((s.data[s.size - 1] ^ end[n - 1]) & ~0x20) == 0 &&
               strncasecmp(s.data + s.size - n, end, n) == 0;
}

static bool ends_with_any(struct span s, const char *const *ends)
{
        for (; *ends; ends++)
                if (ends_with(s, *ends))
                        return true;
        return false;
}

/* Folders in which no secret but in a file begins, and beginnings of names of files. */
static bool is_path(struct span value)
{
        static const char *const begins[] = { "./",     "../",    "~/",     "/etc/",
                                              "/home/", "/root/", "/run/",  "/var/",
                                              "/usr/",  "/opt/",  "/srv/",  "/tmp/",
                                              "/mnt/",  "/dev/",  "/proc/", NULL };

        const char first = value.data[0];

        if ((first != '/' && first != '.' && first != '~') || memchr(value.data, ' ', value.size))
                return false;
        for (const char *const *begin = begins; *begin; begin++)
                if (span_starts_with(value, *begin))
                        return true;
        return false;
}

static bool is_file_of_key(struct span value)
{
        static const char *const ends[] = { ".pem", ".key", ".crt", ".p12", ".p8",   ".pfx",
                                            ".jks", ".der", ".asc", ".gpg", ".json", ".yaml",
                                            ".yml", ".ini", ".cfg", NULL };

        return !memchr(value.data, ' ', value.size) && ends_with_any(value, ends);
}

static bool is_method(struct span value)
{
        static const char *const words[] = { "basic",      "digest",
                                             "ntlm",       "negotiate",
                                             "kerberos",   "gssapi",
                                             "ldap",       "oauth",
                                             "oauth2",     "oidc",
                                             "saml",       "trust",
                                             "peer",       "md5",
                                             "ident",      "plain",
                                             "cram-md5",   "scram-sha-256",
                                             "password",   "mysql_native_password",
                                             "nointeract", "*",
                                             NULL };

        return value.size <= sizeof("mysql_native_password") && equals_any(value, words);
}

static const char *const names_of_keys[] = { "key", "credential", "credentials", "creds", NULL };
static const char *const names_of_methods[] = { "auth", "auth-local", "auth-host", NULL };

bool name_may_be_of_file(struct span name)
{
        return ends_with_any(name, names_of_keys) || ends_with_any(name, names_of_methods);
}

bool value_is_harmless(struct span name, struct span value)
{
        static const char *const words[] = { "true", "false", "yes",  "no",  "on",
                                             "off",  "none",  "null", "nil", NULL };

        if (value.size == 0 ||
            (value.size == 1 && (is_digit(value.data[0]) || is_quote(value.data[0]))))
                return true;
        if (value.size < sizeof("false") && equals_any(value, words))
                return true;
        if (is_path(value))
                return true;
        if (name.size == 0)
                return false;
        if (ends_with_any(name, names_of_methods))
                return value.data[0] == '/' || is_method(value) || is_file_of_key(value);
        if (!ends_with_any(name, names_of_keys))
                return false;
        return is_file_of_key(value) || (!ends_with(name, "key") && value.data[0] == '/');
}

enum value_kind value_kind_of(struct span name)
{
        return ends_with(name, "creds") ? VALUE_COLON_OR_ALL : VALUE_ALL;
}

bool name_prints_secret(const struct secret_names *names, struct span name)
{
        static const char *const ends[] = { "command", "cmd", "eval", NULL };

        for (const char *const *end = ends; *end; end++)
                if (ends_with(name, *end)) {
                        const size_t n = strlen(*end);

                        return name_is_secret(names, (struct span){ name.data, name.size - n });
                }
        return false;
}

static bool is_between(char c)
{
        return is_quote(c) || is_blank(c) || c == '\\';
}

static const char *skip_between(const char *begin, const char *p)
{
        for (unsigned n = 0; n < 8 && p > begin && is_between(p[-1]); n++)
                p--;
        return p;
}

bool value_of_secret_name(const struct secret_names *names, const char *begin, struct span name)
{
        static const char *const ends[] = { "name", "key", NULL };
        struct span value;
        const char *p;

        if (!ends_with(name, "value")) /* as nearly all */
                return false;
        p = skip_between(begin, name.data);
        if (p > begin && (p[-1] == ',' || p[-1] == ';'))
                p = skip_between(begin, p - 1);
        value = name_that_ends(begin, p);
        p = skip_between(begin, value.data);
        if (value.size == 0 || p == begin || (p[-1] != ':' && p[-1] != '='))
                return false;
        return ends_with_any(name_that_ends(begin, skip_between(begin, p - 1)), ends) &&
               name_is_secret(names, value);
}
