/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * redact: what it does with strings, whatever is in them: modes, marks, strings
 * that were cut, lists of names, and what is borrowed. Which command lines have
 * secrets is in test_redact_cases.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/name_list.h"
#include "redact_fixture.h"

static const struct redact_program unknown = { 0 };

/* The strings in memory of exactly their size, so that ASan sees a look behind
 * them. */
static void assert_redacts(struct redactor *r, bool is_env, const struct redact_program *program,
                           struct span strings, struct span wanted)
{
        _cleanup_(freep) char *copy = malloc(strings.size);
        struct redacted result;
        int error;

        assert_true(copy || strings.size == 0);
        if (strings.size > 0)
                memcpy(copy, strings.data, strings.size);
        strings.data = copy;
        error = is_env ? redact_env(r, strings, &result)
                       : redact_argv(r, program, strings, &result);
        assert_int_equal(error, 0);
        assert_int_equal(result.strings.size, wanted.size);
        if (wanted.size > 0)
                assert_memory_equal(result.strings.data, wanted.data, wanted.size);
}

#define assert_argv(mode, argv, wanted)                                                            \
        do {                                                                                       \
                _cleanup_(redactor_freep) struct redactor *r_ = NULL;                              \
                                                                                                   \
                assert_int_equal(redactor_by_default((mode), REDACT_CLEAR, &r_), 0);               \
                assert_redacts(r_, false, &unknown, SPAN_LITERAL(argv), SPAN_LITERAL(wanted));     \
        } while (0)

#define assert_env(mode, env, wanted)                                                              \
        do {                                                                                       \
                _cleanup_(redactor_freep) struct redactor *r_ = NULL;                              \
                                                                                                   \
                assert_int_equal(redactor_by_default(REDACT_CLEAR, (mode), &r_), 0);               \
                assert_redacts(r_, true, &unknown, SPAN_LITERAL(env), SPAN_LITERAL(wanted));       \
        } while (0)

static void clear_changes_nothing(void **state)
{
        (void)state;
        assert_argv(REDACT_CLEAR, "a\0--password=x\0", "a\0--password=x\0");
        assert_env(REDACT_CLEAR, "PASSWORD=x\0", "PASSWORD=x\0");
}

static void names_keeps_argv0_and_names_of_options(void **state)
{
        (void)state;
        assert_argv(REDACT_NAMES, "tool\0--user=bob\0--verbose\0file\0-v\0-psecret\0--\0--x\0\0-\0",
                    "tool\0--user=<redacted>\0--verbose\0<redacted>\0-v\0-p<redacted>\0--\0"
                    "<redacted>\0\0<redacted>\0");
        assert_argv(REDACT_NAMES, "tool\0--no name\0--a:b\0---\0=\0",
                    "tool\0<redacted>\0--a:<redacted>\0---\0<redacted>\0");
}

static void none_keeps_argv0_alone(void **state)
{
        (void)state;
        assert_argv(REDACT_NONE, "tool\0--user=bob\0-v\0--\0\0x",
                    "tool\0<redacted>\0<redacted>\0<redacted>\0\0<redacted>");
}

static void argv0_may_have_a_secret_too(void **state)
{
        (void)state;
        assert_argv(REDACT_NONE, "tool https://a:b1@h\0x\0",
                    "tool https://a:<redacted>@h\0<redacted>\0");
        assert_argv(REDACT_SECRETS, "mysql -psecret\0x\0", "mysql -p<redacted>\0x\0");
}

static void environment_has_its_own_mode(void **state)
{
        (void)state;
        assert_env(REDACT_SECRETS, "A=b\0TOKEN=x\0URL=http://a:b1@h/\0",
                   "A=b\0TOKEN=<redacted>\0URL=http://a:<redacted>@h/\0");
        assert_env(REDACT_NAMES, "A=b\0TOKEN=\0odd\0", "A=<redacted>\0TOKEN=\0<redacted>\0");
        assert_env(REDACT_NONE, "A=b\0TOKEN=x\0", "<redacted>\0<redacted>\0");
}

static void nothing_in_gives_nothing(void **state)
{
        (void)state;
        assert_argv(REDACT_SECRETS, "", "");
        assert_argv(REDACT_NAMES, "", "");
        assert_argv(REDACT_SECRETS, "\0", "\0");
        assert_argv(REDACT_SECRETS, "\0\0\0", "\0\0\0");
        assert_env(REDACT_SECRETS, "", "");
}

/* The last string lacks its NUL: what begins as a secret is one, and the result
 * lacks it, too. */
static void string_that_was_cut_is_hidden_as_far_as_it_goes(void **state)
{
        (void)state;
        assert_argv(REDACT_SECRETS, "t\0--password=x", "t\0--password=<redacted>");
        assert_argv(REDACT_SECRETS, "t\0--password\0x", "t\0--password\0<redacted>");
        assert_argv(REDACT_SECRETS, "t\0eyJhbGc", "t\0<redacted>");
        assert_argv(REDACT_SECRETS, "t\0eyJhbGciOi.eyJ", "t\0<redacted>");
        assert_argv(REDACT_SECRETS, "t\0x ghp_abc", "t\0x <redacted>");
        assert_argv(REDACT_SECRETS, "t\0AKIAIOSF", "t\0<redacted>");
        assert_argv(REDACT_SECRETS, "t\0-----BEGIN PRIVATE KEY-----\nMII", "t\0<redacted>");
        assert_argv(REDACT_SECRETS, "t\0https://bob:secr", "t\0https://bob:<redacted>");
        assert_argv(REDACT_SECRETS, "t\0{\"password\":\"x", "t\0{\"password\":\"<redacted>");
        assert_argv(REDACT_SECRETS, "t\0ghp_abc\0", "t\0ghp_abc\0");
        assert_argv(REDACT_SECRETS, "t\0a\0b", "t\0a\0b");
}

static void bytes_that_are_no_text_stay(void **state)
{
        (void)state;
        assert_argv(REDACT_SECRETS, "t\0\xff\xfe=\x80\0--token=\xff\0",
                    "t\0\xff\xfe=\x80\0--token=<redacted>\0");
}

static void marks_name_the_arguments_that_changed(void **state)
{
        _cleanup_(redactor_freep) struct redactor *r = NULL;
        struct redacted result;

        (void)state;
        assert_int_equal(redactor_by_default(REDACT_SECRETS, REDACT_SECRETS, &r), 0);
        assert_int_equal(redact_argv(r, &unknown,
                                     SPAN_LITERAL("t\0a\0b\0--token=x\0\0\0--token\0y\0"), &result),
                         0);
        assert_int_equal(result.n_indexes, 2);
        assert_int_equal(result.indexes[0], 3);
        assert_int_equal(result.indexes[1], 7);
}

static void what_has_no_secret_is_borrowed(void **state)
{
        static const char argv[] = "t\0a\0b";
        _cleanup_(redactor_freep) struct redactor *r = NULL;
        struct redacted result;

        (void)state;
        assert_int_equal(redactor_by_default(REDACT_SECRETS, REDACT_SECRETS, &r), 0);
        assert_int_equal(redact_argv(r, &unknown, (struct span){ argv, sizeof(argv) }, &result), 0);
        assert_ptr_equal(result.strings.data, argv);
        assert_int_equal(result.n_indexes, 0);
}

/* Of a script the kernel knows two names, and argv[0] is the interpreter's. */
static void script_and_interpreter_both_count(void **state)
{
        const struct redact_program script = { .exe = SPAN_LITERAL("/usr/bin/dash"),
                                               .filename = SPAN_LITERAL("/usr/bin/sshpass") };
        const struct redact_program renamed = { .exe = SPAN_LITERAL("/usr/bin/mariadb"),
                                                .filename = SPAN_LITERAL("/proc/self/fd/3") };
        _cleanup_(redactor_freep) struct redactor *r = NULL;

        (void)state;
        assert_int_equal(redactor_by_default(REDACT_SECRETS, REDACT_SECRETS, &r), 0);
        assert_redacts(r, false, &script, SPAN_LITERAL("/bin/sh\0/usr/bin/sshpass\0-p\0x1\0"),
                       SPAN_LITERAL("/bin/sh\0/usr/bin/sshpass\0-p\0<redacted>\0"));
        assert_redacts(r, false, &renamed, SPAN_LITERAL("anything\0-px1\0"),
                       SPAN_LITERAL("anything\0-p<redacted>\0"));
}

static void assert_with_names(const char *names, const char *keep, const char *argv,
                              const char *wanted)
{
        char *name_list[] = { (char *)names, NULL }, *keep_list[] = { (char *)keep, NULL };
        const struct redact_options options = { .arguments = REDACT_SECRETS,
                                                .names = name_list,
                                                .keep_names = keep_list };
        _cleanup_(redactor_freep) struct redactor *r = NULL;

        assert_int_equal(redactor_new(&options, &r), 0);
        assert_redacts(r, false, &unknown, (struct span){ argv, strlen(argv) },
                       (struct span){ wanted, strlen(wanted) });
}

static void names_are_globs_without_case_and_dashes(void **state)
{
        (void)state;
        assert_with_names("my-pin", NULL, "--my-pin=x", "--my-pin=<redacted>");
        assert_with_names("*my-pin", NULL, "t MY_PIN=x", "t MY_PIN=<redacted>");
        assert_with_names("my_pin", NULL, "t myPin=x", "t myPin=<redacted>");
        assert_with_names("p?n", NULL, "t pin=x pen=y pain=z",
                          "t pin=<redacted> pen=<redacted> pain=z");
        assert_with_names("*", "a*", "t a=x b=y", "t a=x b=<redacted>");
        assert_with_names("", NULL, "t password=x", "t password=x");
        assert_with_names(NULL, NULL, "t password=x https://a:b1@h",
                          "t password=x https://a:<redacted>@h");
}

/* Names that are sorted out before their globs are compared, with globs of all
 * kinds. */
static void no_name_is_sorted_out_that_a_glob_matches(void **state)
{
        static const char *const lists[] = { "*api-*key*", "pw", "*pw", "p?n", "*-pin", "pin-*",
                                             "*abcd*",     "x",  "*",   "",    "*PIN*", "a.b_c" };
        static const char *const parts[] = { "api", "Key", "key", "p",    "w", "Pw", "i",
                                             "n",   "Pin", "pin", "abcd", "x", "-",  "_",
                                             ".",   "1",   "22",  "a",    "b", "c" };
        unsigned seed = 1;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                char *globs[] = { (char *)lists[i], NULL };
                _cleanup_(name_list_freep) struct name_list *l = NULL;

                assert_int_equal(name_list_new(globs, "", &l), 0);
                for (unsigned n = 0; n < 20000; n++) {
                        char text[64] = "";
                        struct span name;

                        for (unsigned left = 1 + (unsigned)rand_r(&seed) % 6; left > 0; left--)
                                strcat(text, parts[(unsigned)rand_r(&seed) % ELEMENTSOF(parts)]);
                        name = (struct span){ text, strlen(text) };
                        if (name_list_has(l, name) && !name_list_may_have(l, name))
                                fail_msg("%s, of which %s is one", lists[i], text);
                }
        }
}

/* By the square of their length these would take minutes. */
static void words_that_almost_are_tokens_cost_what_others_cost(void **state)
{
        static const char *const parts[] = { "-eyJ",        "dapi-",  "AKIA-",
                                             "-----BEGIN ", "x://b:", "whsec_/." };
        _cleanup_(redactor_freep) struct redactor *r = NULL;
        struct redacted result;

        (void)state;
        assert_int_equal(redactor_by_default(REDACT_SECRETS, REDACT_SECRETS, &r), 0);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                _cleanup_(buf_done) struct buf argv = { 0 };

                buf_append(&argv, "t", sizeof("t"));
                while (argv.size < 2 * MIB)
                        buf_append_string(&argv, parts[i]);
                buf_append_char(&argv, '\0');
                assert_int_equal(buf_error(&argv), 0);
                assert_int_equal(redact_argv(r, &unknown, buf_span(&argv), &result), 0);
                assert_int_equal(result.n_indexes, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(clear_changes_nothing),
                cmocka_unit_test(names_keeps_argv0_and_names_of_options),
                cmocka_unit_test(none_keeps_argv0_alone),
                cmocka_unit_test(argv0_may_have_a_secret_too),
                cmocka_unit_test(environment_has_its_own_mode),
                cmocka_unit_test(nothing_in_gives_nothing),
                cmocka_unit_test(string_that_was_cut_is_hidden_as_far_as_it_goes),
                cmocka_unit_test(bytes_that_are_no_text_stay),
                cmocka_unit_test(marks_name_the_arguments_that_changed),
                cmocka_unit_test(what_has_no_secret_is_borrowed),
                cmocka_unit_test(script_and_interpreter_both_count),
                cmocka_unit_test(names_are_globs_without_case_and_dashes),
                cmocka_unit_test(no_name_is_sorted_out_that_a_glob_matches),
                cmocka_unit_test(words_that_almost_are_tokens_cost_what_others_cost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
