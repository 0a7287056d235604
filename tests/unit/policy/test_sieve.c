/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * sieve: nothing that holds a secret is passed over. Redaction with each form of the sieve is
 * compared with redaction without it, of strings and of lists of names by chance.
 */
#include <assert.h>
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/redact.h"
#include "redact_fixture.h"

#define GLOBS_MAX 24

static const struct redact_program unknown = { 0 };

/* Words that stages look for, and their surroundings: all that can be put together of these. */
static const char *const pieces[] = {
        "password",
        "Pwd",
        "token",
        "api",
        "Key",
        "auth",
        "pin",
        "secret",
        "name",
        "file",
        "sig",
        "max",
        "mysql",
        "openssl",
        "-p",
        "-u",
        "sh",
        "sudo",
        "-c",
        "ghp_",
        "AKIA",
        "eyJhbGci",
        "glpat-",
        "0123456789abcdef",
        "x",
        "9",
        "/",
        "-",
        "--",
        "_",
        ".",
        "[",
        "]",
        "=",
        ":",
        "://",
        "@",
        "?",
        "&",
        ",",
        "\"",
        "'",
        "\\",
        " ",
        "\n",
        ";",
        "{",
        "}",
        "%",
        "\x01",
        "\xc3\xa9",
        "BEGIN ",
        "-----",
        "PRIVATE KEY",
        "pass:",
        "@tcp(",
        " mysql -p",
        "token\\\"",
        "['token']=",
        "12345678",
        ":oracle:thin",
        "hooks.slack.com/services/",
        "hooks.slack.com/workflows/",
        "value",
        "\"Value\":\"",
        "Name=",
        "{\"name\":\"",
        "<",
        ">",
        "=>",
        "(",
        ")",
        "('",
        "|",
        "<<<",
        "echo ",
        "printf x",
        "| passwd",
        "PASSWORD '",
        " identified",
        " BY \"",
        "Command",
        "send \"x\\r\"",
        "assword",
        "abcdefghij0123456789@",
        "dp.st.",
        "squ_",
};

/* The settings of a redactor, one for each form of the sieve. */
struct forms {
        struct redactor *redactors[_REDACT_SIEVE_MAX];
};

static void forms_done(struct forms *f)
{
        for (enum redact_sieve sieve = 0; sieve < _REDACT_SIEVE_MAX; sieve++)
                redactor_free(f->redactors[sieve]);
}

/* NULL: as by default. */
static void forms_init(struct forms *f, char *const *names, char *const *keep_names)
{
        const struct redact_options options = { .arguments = REDACT_SECRETS,
                                                .environment = REDACT_SECRETS,
                                                .names = names,
                                                .keep_names = keep_names };

        for (enum redact_sieve sieve = 0; sieve < _REDACT_SIEVE_MAX; sieve++) {
                struct redact_options with = options;
                int r;

                with.sieve = sieve;
                r = names ? redactor_new(&with, &f->redactors[sieve])
                          : redactor_for_test(REDACT_SECRETS, REDACT_SECRETS, sieve,
                                              &f->redactors[sieve]);
                assert_int_equal(r, 0);
        }
}

static void redact(struct redactor *r, bool is_env, struct span strings, struct redacted *ret)
{
        if (is_env)
                assert_int_equal(redact_env(r, strings, ret), 0);
        else
                assert_int_equal(redact_argv(r, &unknown, strings, ret), 0);
}

/* How many strings have a secret: as many whatever the sieve. */
static size_t count_secrets(const struct forms *f, bool is_env, struct span strings)
{
        struct redacted full, quick;

        redact(f->redactors[REDACT_SIEVE_NONE], is_env, strings, &full);
        for (enum redact_sieve sieve = 0; sieve < REDACT_SIEVE_NONE; sieve++) {
                redact(f->redactors[sieve], is_env, strings, &quick);
                assert_int_equal(quick.strings.size, full.strings.size);
                if (full.strings.size > 0)
                        assert_memory_equal(quick.strings.data, full.strings.data,
                                            full.strings.size);
                assert_int_equal(quick.n_indexes, full.n_indexes);
        }
        return full.n_indexes;
}

static unsigned below(unsigned n, unsigned *seed)
{
        assert(n > 0);
        return (unsigned)rand_r(seed) % n;
}

static void append_random(struct buf *b, unsigned *seed)
{
        const unsigned n = below(below(8, seed) ? 24 : 150, seed);

        buf_append(b, "tool", sizeof("tool"));
        for (unsigned i = 0; i < n; i++) {
                if (below(6, seed) == 0)
                        buf_append_char(b, '\0');
                else
                        buf_append_string(b, pieces[below(ELEMENTSOF(pieces), seed)]);
        }
        if (below(4, seed))
                buf_append_char(b, '\0');
        assert_int_equal(buf_error(b), 0);
}

static void nothing_with_a_secret_is_passed_over(void **state)
{
        _cleanup_(forms_done) struct forms forms = { 0 };
        unsigned seed = 1, n_secrets = 0;

        (void)state;
        forms_init(&forms, NULL, NULL);
        for (unsigned i = 0; i < 8000; i++) {
                _cleanup_(buf_done) struct buf argv = { 0 };

                append_random(&argv, &seed);
                n_secrets += count_secrets(&forms, false, buf_span(&argv)) > 0;
                n_secrets += count_secrets(&forms, true, buf_span(&argv)) > 0;
        }
        assert_true(n_secrets > 1000); /* or the pieces were the wrong ones */
}

/* Of few letters, so that names and globs meet. */
static void append_letters(struct buf *b, unsigned n, unsigned *seed)
{
        while (n-- > 0)
                buf_append_char(b, "abcdpw"[below(6, seed)]);
}

static void append_glob(struct buf *b, unsigned *seed)
{
        static const char *const stars[] = { "", "", "*", "*", "*-", "-", "?", "_", "." };

        for (unsigned n = 1 + below(3, seed); n > 0; n--) {
                buf_append_string(b, stars[below(ELEMENTSOF(stars), seed)]);
                append_letters(b, below(8, seed) ? 2 + below(4, seed) : below(2, seed), seed);
                if (below(8, seed) == 0)
                        buf_append_char(b, "07"[below(2, seed)]);
        }
        buf_append_string(b, stars[below(ELEMENTSOF(stars), seed)]);
        buf_append_char(b, '\0');
}

/* A name that the glob may match, with what is read over in names. */
static void append_name(struct buf *b, const char *glob, unsigned *seed)
{
        for (const char *p = glob; *p; p++) {
                const bool is_hump = p > glob && p[-1] == '-' && below(2, seed);

                if (*p == '*')
                        append_letters(b, below(below(8, seed) ? 5 : 90, seed), seed);
                else if (*p == '?')
                        append_letters(b, 1, seed);
                else if (strchr("-_.", *p))
                        buf_append_char(b, "-_."[below(3, seed)]);
                else
                        buf_append_char(b,
                                        is_hump || below(12, seed) == 0 ? (char)(*p & ~0x20) : *p);
        }
        if (below(6, seed) == 0)
                buf_append_string(b, "12");
}

/* A string with that name, or one that is like it and has none. */
static void append_named(struct buf *b, const char *glob, unsigned *seed)
{
        static const char *const befores[] = { "",  "-",   "--",  "--", "x ",   "a b --", "?a=b&",
                                               "[", "{\"", "x['", " -", "x;--", "\\\"" };
        static const char *const behinds[] = {
                "=hunter2", "=hunter2",        ":hunter2",     "",           "",
                " hunter2", "\":\"hunter2\"}", "']='hunter2'", " = hunter2", "]=hunter2"
        };
        const unsigned behind = below(ELEMENTSOF(behinds), seed);

        buf_append_string(b, befores[below(ELEMENTSOF(befores), seed)]);
        append_name(b, glob, seed);
        if (behind == 4)
                buf_append(b, "\0hunter2", sizeof("\0hunter2") - 1);
        else
                buf_append_string(b, behinds[behind]);
        buf_append_char(b, '\0');
}

/* Strings without names, of about a block: what is known of the last is forgotten, or isn't. */
static void append_filler(struct buf *b, unsigned *seed)
{
        unsigned size = below(4, seed) ? 0 : below(150, seed);

        while (size-- > 0)
                buf_append_char(b, below(9, seed) ? 'x' : '/');
        buf_append_char(b, '\0');
}

static void assert_list_misses_nothing(char **globs, unsigned n, unsigned *seed, size_t *n_secrets)
{
        char *keep[] = { globs[0], NULL };
        _cleanup_(forms_done) struct forms forms = { 0 };

        forms_init(&forms, globs, below(4, seed) ? (char *[]){ NULL } : keep);
        for (unsigned i = 0; i < 40; i++) {
                _cleanup_(buf_done) struct buf argv = { 0 };

                buf_append(&argv, "tool", sizeof("tool"));
                for (unsigned left = below(12, seed); left > 0; left--) {
                        append_named(&argv, globs[below(n, seed)], seed);
                        append_filler(&argv, seed);
                }
                if (below(4, seed) == 0)
                        argv.size -= below((unsigned)argv.size, seed); /* it was cut */
                assert_int_equal(buf_error(&argv), 0);
                *n_secrets += count_secrets(&forms, false, buf_span(&argv));
                *n_secrets += count_secrets(&forms, true, buf_span(&argv));
        }
}

static void nothing_is_passed_over_by_names_that_are_set(void **state)
{
        size_t n_secrets = 0;
        unsigned seed = 1;

        (void)state;
        for (unsigned i = 0; i < 150; i++) {
                const unsigned n = 1 + below(below(2, &seed) ? 3 : GLOBS_MAX, &seed);
                _cleanup_(buf_done) struct buf text = { 0 };
                char *globs[GLOBS_MAX + 1] = { NULL }, *p;

                for (unsigned k = 0; k < n; k++)
                        append_glob(&text, &seed);
                assert_int_equal(buf_error(&text), 0);
                p = text.data;
                for (unsigned k = 0; k < n; k++, p += strlen(p) + 1)
                        globs[k] = p;
                assert_list_misses_nothing(globs, n, &seed, &n_secrets);
        }
        assert_true(n_secrets > 10000);
}

/* As name_list.c hashes three letters. */
static unsigned hash_of(const char *gram)
{
        uint32_t x;

        memcpy(&x, gram, sizeof(x));
        return ((le32toh(x) & 0xffffff) * UINT32_C(0x9e3779b1)) >> 17;
}

static void make_gram(unsigned number, char ret[static 4])
{
        for (unsigned i = 0; i < 3; i++, number /= 26)
                ret[i] = (char)('a' + number % 26);
        ret[3] = '\0';
}

/* Of two names whose letters have the same hash the second is as well known as the first. */
static void names_with_the_same_hash_are_both_found(void **state)
{
        enum {
                N_GRAMS = 26 * 26 * 26
        };
        static uint16_t first[1 << 15]; /* with that hash: its number and one */
        unsigned n_pairs = 0;

        (void)state;
        for (unsigned number = 0; number < N_GRAMS; number++) {
                char a[4], b[4], argv[64], *globs[] = { a, b, NULL }, *keep[] = { NULL };
                _cleanup_(forms_done) struct forms forms = { 0 };
                uint16_t *other;
                int size;

                make_gram(number, b);
                other = &first[hash_of(b)];
                if (*other == 0)
                        *other = (uint16_t)(number + 1);
                if (*other == number + 1 || ++n_pairs > 100)
                        continue;
                make_gram(*other - 1U, a);
                forms_init(&forms, globs, keep);
                size = snprintf(argv, sizeof(argv), "tool%cx%c%s=hunter2%c", 0, 0, b, 0);
                assert_int_equal(count_secrets(&forms, false, (struct span){ argv, size }), 1);
        }
        assert_true(n_pairs > 0);
}

/* A letter or two are no option that takes a secret, but a pair may have such a name. */
static void short_option_says_nothing_of_a_pair(void **state)
{
        static const char *const names[] = { "-pw", "-p", "-k" };
        char *globs[] = { (char *)"pw", (char *)"p", (char *)"k", NULL }, *keep[] = { NULL };
        _cleanup_(forms_done) struct forms forms = { 0 };

        (void)state;
        forms_init(&forms, globs, keep);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                for (unsigned between = 0; between < 200; between++) {
                        _cleanup_(buf_done) struct buf argv = { 0 };

                        buf_append(&argv, "tool\0x", sizeof("tool\0x"));
                        buf_append(&argv, names[i], strlen(names[i]) + 1);
                        for (unsigned n = 0; n < between; n++)
                                buf_append_char(&argv, n % 16 ? 'f' : '\0');
                        buf_append_char(&argv, '\0');
                        buf_append_string(&argv, names[i]);
                        buf_append(&argv, "=hunter2", sizeof("=hunter2"));
                        assert_int_equal(buf_error(&argv), 0);
                        assert_int_equal(count_secrets(&forms, false, buf_span(&argv)), 1);
                        assert_int_equal(count_secrets(&forms, true, buf_span(&argv)), 1);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_with_a_secret_is_passed_over),
                cmocka_unit_test(nothing_is_passed_over_by_names_that_are_set),
                cmocka_unit_test(names_with_the_same_hash_are_both_found),
                cmocka_unit_test(short_option_says_nothing_of_a_pair),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
