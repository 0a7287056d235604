/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as the arguments of any program, in every mode: number and positions of the strings
 * stay, those without a mark are the same to the byte, those with one say so. And with a secret
 * among them, in one of the ways in which there is one whatever is around it: no output has it.
 * What is passed over unseen has none: without that the result is the same.
 *
 * The first byte chooses the way, the second the program; the rest are strings. They are in memory
 * of exactly their size, so that ASan sees a look beside them.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "policy/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK "<redacted>"
#define SECRET "Zq9xWv7Ukp3"

/* Whole arguments. */
static const char *const ways[] = {
        "--password=" SECRET,
        "--db_Passwd:" SECRET,
        "-token=" SECRET,
        "API_KEY=" SECRET,
        "-DclientSecret=" SECRET,
        "scheme://user:" SECRET "@host/",
        "x=scheme://user:" SECRET "@host/ y",
        "Authorization: Bearer " SECRET,
        "X-Api-Key: " SECRET,
        "{\"a\":1,\"password\":\"" SECRET "\"}",
        "a=b&password=" SECRET "&c=d",
        "https://host/?token=" SECRET,
        "ghp_0123456789abcdefghij" SECRET,
        "x/glpat-0123456789" SECRET,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." SECRET,
        "-----BEGIN PRIVATE KEY-----\n" SECRET "\n-----END PRIVATE KEY-----",
        "text with --password=" SECRET " in it",
        "text with password=" SECRET " in it",
        "sh -c 'mysql -p" SECRET " db'",
        "cd /; sshpass -p " SECRET " ssh host",
        "true && curl -u bob:" SECRET " url | cat",
        "whsec_a/b+0123456789" SECRET,
        "ALTER USER bob PASSWORD '" SECRET "'",
        "create user bob identified by '" SECRET "'",
        "setPassword('bob', '" SECRET "')",
        "<a><password>" SECRET "</password></a>",
        "{\"name\":\"DB_PASSWORD\",\"value\":\"" SECRET "\"}",
        "x => 1, password => \"" SECRET "\"",
        "echo " SECRET " | passwd --stdin bob",
        "kinit bob <<< " SECRET,
        "RESTIC_PASSWORD_COMMAND='echo " SECRET "'",
        "scheme://0123456789" SECRET "@host/",
};

static const char *const programs[] = {
        "tool", "mysql",   "curl",  "docker",  "kubectl", "sudo",     "env",    "ssh",        "sh",
        "find", "openssl", "nmcli", "python3", "xargs",   "git",      "7z",     "htpasswd",   "net",
        "aws",  "openvpn", "psql",  "az",      "bundle",  "oathtool", "influx", "cryptsetup",
};

static struct redactor *redactors[_REDACT_MODE_MAX];
static struct redactor *by_sieve[_REDACT_SIEVE_MAX]; /* of REDACT_SECRETS */

static void make_redactors(void)
{
        _cleanup_(config_freep) struct config *c = NULL;
        int r;

        r = config_new(&c);
        assert(r == 0);
        for (enum redact_mode mode = 0; mode < _REDACT_MODE_MAX; mode++) {
                const struct redact_options options = { .arguments = mode,
                                                        .environment = mode,
                                                        .names = c->redact.names,
                                                        .keep_names = c->redact.keep_names };

                r = redactor_new(&options, &redactors[mode]);
                assert(r == 0);
        }
        for (enum redact_sieve sieve = 0; sieve < _REDACT_SIEVE_MAX; sieve++) {
                const struct redact_options options = { .arguments = REDACT_SECRETS,
                                                        .environment = REDACT_SECRETS,
                                                        .names = c->redact.names,
                                                        .keep_names = c->redact.keep_names,
                                                        .sieve = sieve };

                r = redactor_new(&options, &by_sieve[sieve]);
                assert(r == 0);
        }
}

static void assert_same(const struct redacted *a, const struct redacted *b)
{
        assert(span_equal(a->strings, b->strings));
        assert(a->n_indexes == b->n_indexes);
        assert(a->n_indexes == 0 ||
               memcmp(a->indexes, b->indexes, a->n_indexes * sizeof(*a->indexes)) == 0);
}

static void assert_misses_nothing(const struct redact_program *program, struct span strings)
{
        struct redacted quick, full;
        int r;

        for (enum redact_sieve sieve = 0; sieve < REDACT_SIEVE_NONE; sieve++) {
                r = redact_argv(by_sieve[sieve], program, strings, &quick);
                assert(r == 0);
                r = redact_argv(by_sieve[REDACT_SIEVE_NONE], program, strings, &full);
                assert(r == 0);
                assert_same(&quick, &full);
                r = redact_env(by_sieve[sieve], strings, &quick);
                assert(r == 0);
                r = redact_env(by_sieve[REDACT_SIEVE_NONE], strings, &full);
                assert(r == 0);
                assert_same(&quick, &full);
        }
}

static void assert_same_but_for_marks(struct span before, const struct redacted *after)
{
        struct span rest = after->strings, a, b;
        bool has_more;
        size_t n = 0;

        assert(text_count_nuls(before) == text_count_nuls(after->strings));
        for (uint32_t i = 0; before.size > 0; i++) {
                (void)span_cut(&before, '\0', &a);
                has_more = span_cut(&rest, '\0', &b);
                assert(has_more);
                if (n < after->n_indexes && after->indexes[n] == i) {
                        assert(memmem(b.data, b.size, MARK, sizeof(MARK) - 1));
                        n++;
                } else {
                        assert(span_equal(a, b));
                }
        }
        assert(rest.size == 0 && n == after->n_indexes);
}

static void redact_all(struct span strings, const char *name, bool has_secret)
{
        const struct redact_program program = { .exe = { name, strlen(name) },
                                                .filename = { name, strlen(name) } };
        struct redacted result;
        int r;

        assert_misses_nothing(&program, strings);
        for (enum redact_mode mode = 0; mode < _REDACT_MODE_MAX; mode++) {
                r = redact_argv(redactors[mode], &program, strings, &result);
                assert(r == 0);
                assert_same_but_for_marks(strings, &result);
                assert(mode == REDACT_CLEAR || !has_secret ||
                       !memmem(result.strings.data, result.strings.size, SECRET,
                               sizeof(SECRET) - 1));
                r = redact_env(redactors[mode], strings, &result);
                assert(r == 0);
                assert_same_but_for_marks(strings, &result);
        }
}

static void redact_exactly(const struct buf *b, const char *name, bool has_secret)
{
        _cleanup_(freep) char *copy = malloc(b->size);

        assert(copy && buf_error(b) == 0);
        memcpy(copy, b->data, b->size);
        redact_all((struct span){ copy, b->size }, name, has_secret);
}

/* After all strings of the input, or, as the input's last bit says, before them. */
static void plant(struct buf *b, const char *way, struct span strings, bool is_first)
{
        if (is_first)
                buf_append(b, way, strlen(way) + 1);
        buf_append_span(b, strings);
        if (is_first)
                return;
        if (strings.size > 0 && strings.data[strings.size - 1] != '\0')
                buf_append_char(b, '\0');
        buf_append(b, way, strlen(way) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(buf_done) struct buf plain = { 0 }, planted = { 0 };
        struct span strings;
        const char *name;

        if (size < 3)
                return 0;
        if (!redactors[0])
                make_redactors();
        strings = (struct span){ (const char *)data + 2, size - 2 };
        name = programs[data[1] % ELEMENTSOF(programs)];
        buf_append_span(&plain, strings);
        redact_exactly(&plain, name, false);

        if (memmem(strings.data, strings.size, SECRET, sizeof(SECRET) - 1))
                return 0; /* the fuzzer found the word itself */
        buf_append(&planted, name, strlen(name) + 1);
        plant(&planted, ways[data[0] % ELEMENTSOF(ways)], strings, data[0] & 0x80);
        redact_exactly(&planted, name, true);
        return 0;
}
