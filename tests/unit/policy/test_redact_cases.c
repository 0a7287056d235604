/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * redact: command lines of real programs, from the files *.cases beside this one.
 *
 * A line is a command as one would type it; what is between « and » is the secret, and the marks
 * are no part of the command. What has none has to stay as it is, to the byte. Single and double
 * quotes keep an argument together, within $'...' \n is a newline; nothing else is special. A line
 * that begins with "env " followed by ": " is a variable. Empty lines and those that begin with #
 * are for the reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redact_fixture.h"

#define FOLDER TESTS_DIR "/unit/policy/"
#define SECRET_BEGIN "«"
#define SECRET_END "»"
#define MARK "<redacted>"

struct command_case {
        struct buf input, expected; /* strings, each with its NUL */
};

static void case_done(struct command_case *c)
{
        buf_done(&c->input);
        buf_done(&c->expected);
}

static bool skip_text(const char **p, const char *prefix)
{
        if (strncmp(*p, prefix, strlen(prefix)) != 0)
                return false;
        *p += strlen(prefix);
        return true;
}

/* The characters of a line that are an argument's, into both strings. */
static void parse_argument(const char **p, struct command_case *ret)
{
        const char *quote = NULL;
        bool is_secret = false, has_escapes = false;

        for (; **p != '\0' && **p != '\n' && (quote || **p != ' '); (*p)++) {
                char c = **p;

                if (skip_text(p, SECRET_BEGIN) || skip_text(p, SECRET_END)) {
                        is_secret = !is_secret;
                        if (is_secret)
                                buf_append_string(&ret->expected, MARK);
                        (*p)--;
                        continue;
                }
                if (!quote && c == '$' && (*p)[1] == '\'') {
                        has_escapes = true;
                        continue;
                }
                if (quote ? c == *quote : c == '\'' || c == '"') {
                        quote = quote ? NULL : *p;
                        continue;
                }
                if (has_escapes && skip_text(p, "\\n")) {
                        c = '\n';
                        (*p)--;
                }
                buf_append_char(&ret->input, c);
                if (!is_secret)
                        buf_append_char(&ret->expected, c);
        }
        if (is_secret)
                fail_msg("a secret without its end");
        buf_append_char(&ret->input, '\0');
        buf_append_char(&ret->expected, '\0');
}

static void parse_case(const char *p, struct command_case *ret)
{
        for (;;) {
                while (*p == ' ')
                        p++;
                if (*p == '\0' || *p == '\n')
                        return;
                parse_argument(&p, ret);
        }
}

static void print_strings(const char *name, struct span s)
{
        (void)printf("  %s", name);
        for (size_t i = 0; i < s.size; i++)
                (void)putchar(s.data[i] == '\0' ? '|' : s.data[i]);
        (void)putchar('\n');
}

static bool passes(struct redactor *r, const char *line)
{
        _cleanup_(case_done) struct command_case c = { 0 };
        const bool is_env = skip_text(&line, "env : ");
        struct redact_program program;
        struct redacted result;

        parse_case(line, &c);
        program.filename = (struct span){ c.input.data, strlen(c.input.data) };
        program.exe = program.filename;
        if (is_env)
                assert_int_equal(redact_env(r, buf_span(&c.input), &result), 0);
        else
                assert_int_equal(redact_argv(r, &program, buf_span(&c.input), &result), 0);
        if (result.strings.size == c.expected.size &&
            memcmp(result.strings.data, c.expected.data, c.expected.size) == 0)
                return true;
        print_strings("is       ", result.strings);
        print_strings("should be", buf_span(&c.expected));
        return false;
}

static const char *const hidden_files[] = {
        FOLDER "hidden.cases",        FOLDER "hidden_data.cases",  FOLDER "hidden_systems.cases",
        FOLDER "hidden_clouds.cases", FOLDER "hidden_texts.cases", FOLDER "hidden_rest.cases",
};

static const char *const clear_files[] = {
        FOLDER "clear.cases",
        FOLDER "clear_systems.cases",
        FOLDER "clear_tools.cases",
        FOLDER "clear_rest.cases",
};

static void run_file(const char *path, bool has_secrets, enum redact_sieve sieve)
{
        _cleanup_(redactor_freep) struct redactor *r = NULL;
        unsigned n = 0, n_failed = 0;
        char line[4096];
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        assert_int_equal(redactor_for_test(REDACT_SECRETS, REDACT_SECRETS, sieve, &r), 0);
        while (fgets(line, sizeof(line), f)) {
                if (line[0] == '\n' || line[0] == '#')
                        continue;
                assert_int_equal(strstr(line, SECRET_BEGIN) != NULL, has_secrets);
                n++;
                n_failed += !passes(r, line);
        }
        (void)fclose(f);
        (void)printf("%s: %u cases, %u fail\n", path, n, n_failed);
        assert_true(n > 0);
        assert_int_equal(n_failed, 0);
}

static void secrets_are_hidden_and_nothing_else(void **state)
{
        (void)state;
        for (enum redact_sieve sieve = 0; sieve < _REDACT_SIEVE_MAX; sieve++)
                for (size_t i = 0; i < ELEMENTSOF(hidden_files); i++)
                        run_file(hidden_files[i], true, sieve);
}

static void what_only_looks_like_a_secret_stays(void **state)
{
        (void)state;
        for (enum redact_sieve sieve = 0; sieve < _REDACT_SIEVE_MAX; sieve++)
                for (size_t i = 0; i < ELEMENTSOF(clear_files); i++)
                        run_file(clear_files[i], false, sieve);
}

/* The strings of all cases in a row, from the second of each on. */
static void append_cases(const char *path, struct buf *ret)
{
        char line[4096];
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                _cleanup_(case_done) struct command_case c = { 0 };
                size_t first;

                if (line[0] == '\n' || line[0] == '#')
                        continue;
                parse_case(line, &c);
                first = strlen(c.input.data) + 1;
                buf_append(ret, c.input.data + first, c.input.size - first);
        }
        (void)fclose(f);
}

static void redact_as(enum redact_sieve sieve, const struct buf *argv, struct buf *ret)
{
        static const struct redact_program unknown = { .exe = SPAN_LITERAL("/bin/tool") };
        _cleanup_(redactor_freep) struct redactor *r = NULL;
        struct redacted result;

        assert_int_equal(redactor_for_test(REDACT_SECRETS, REDACT_SECRETS, sieve, &r), 0);
        assert_int_equal(redact_argv(r, &unknown, buf_span(argv), &result), 0);
        buf_append_span(ret, result.strings);
        assert_int_equal(redact_env(r, buf_span(argv), &result), 0);
        buf_append_span(ret, result.strings);
        assert_int_equal(buf_error(ret), 0);
}

/* Many bytes are looked at at once: wherever among those a secret begins, it is seen. */
static void nothing_is_passed_over_wherever_it_is(void **state)
{
        (void)state;
        for (unsigned before = 0; before < 64; before += 9) {
                _cleanup_(buf_done) struct buf argv = { 0 }, expected = { 0 };

                for (unsigned i = 0; i < before; i++)
                        buf_append_char(&argv, 'x');
                buf_append_char(&argv, '\0');
                for (size_t i = 0; i < ELEMENTSOF(hidden_files); i++)
                        append_cases(hidden_files[i], &argv);
                for (size_t i = 0; i < ELEMENTSOF(clear_files); i++)
                        append_cases(clear_files[i], &argv);
                redact_as(REDACT_SIEVE_NONE, &argv, &expected);
                for (enum redact_sieve sieve = 0; sieve < REDACT_SIEVE_NONE; sieve++) {
                        _cleanup_(buf_done) struct buf result = { 0 };

                        redact_as(sieve, &argv, &result);
                        assert_int_equal(result.size, expected.size);
                        assert_memory_equal(result.data, expected.data, expected.size);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(secrets_are_hidden_and_nothing_else),
                cmocka_unit_test(what_only_looks_like_a_secret_stays),
                cmocka_unit_test(nothing_is_passed_over_wherever_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
