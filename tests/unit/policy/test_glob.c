/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* glob: what patterns mean, against a list and against a matcher that tries everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>

#include "policy/glob.h"
#include "record_builder.h"

static struct glob *compile(struct span pattern)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        struct glob *g;

        assert_int_equal(glob_new(pattern, &problem, &g), 0);
        return g;
}

static bool matches(const char *pattern, const char *text)
{
        _cleanup_(glob_freep) struct glob *g = compile((struct span){ pattern, strlen(pattern) });
        const size_t size = strlen(text);
        _cleanup_(freep) char *exact = malloc(size); /* for ASan */

        memcpy(exact, text, size);
        return glob_match(g, (struct span){ exact, size });
}

static void globs_match_what_they_say(void **state)
{
        static const struct {
                const char *pattern, *text;
        } cases[] = {
                { "", "" },
                { "*", "" },
                { "*", "/a/b" },
                { "***", "a" },
                { "/usr/bin/ls", "/usr/bin/ls" },
                { "/usr/lib/nagios/plugins/*", "/usr/lib/nagios/plugins/contrib/check_x" },
                { "/usr/*/ls", "/usr/local/bin/ls" },
                { "*.sh", ".sh" },
                { "a*a", "aa" },
                { "a*b*c", "axbxbxc" },
                { "*ab*ab*", "abab" },
                { "?", "\xc3" },
                { "a?c", "a/c" },
                { "[abc]", "b" },
                { "[a-c][!a-c]", "bd" },
                { "[^x]", "y" },
                { "[]]", "]" },
                { "[!]]", "a" },
                { "[]-]", "-" },
                { "[a-]", "-" },
                { "[--/]", "." },
                { "[\\]]", "]" },
                { "[a\\-c]", "-" },
                { "\\*", "*" },
                { "\\\\", "\\" },
                { "a\\?b*", "a?bc" },
                { "python3.[0-9]*", "python3.11" },
                { "[\x80-\xff]*", "\xc3\xa9" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (!matches(cases[i].pattern, cases[i].text))
                        fail_msg("%s does not match %s", cases[i].pattern, cases[i].text);
}

static void globs_match_nothing_else(void **state)
{
        static const struct {
                const char *pattern, *text;
        } cases[] = {
                { "", "a" },
                { "a", "" },
                { "?", "" },
                { "ls", "/usr/bin/ls" },
                { "/usr/bin/ls", "/usr/bin/lsblk" },
                { "/usr/lib/nagios/plugins/*", "/usr/lib/nagios/plugins" },
                { "a*a", "a" },
                { "aba*aba", "ababa" },
                { "*ab*ab*", "aba" },
                { "[a-c]", "d" },
                { "[!a-c]", "b" },
                { "[a\\-c]", "b" },
                { "\\*", "a" },
                { "a[*]", "ab" },
                { "LS", "ls" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (matches(cases[i].pattern, cases[i].text))
                        fail_msg("%s matches %s", cases[i].pattern, cases[i].text);
}

static void globs_that_are_odd_are_refused(void **state)
{
        static const char *const odd[] = {
                "[", "[a", "[]", "[!]", "a[b-", "[z-a]", "[\\", "x[a\\]"
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
                _cleanup_(buf_done) struct buf problem = { 0 };
                struct glob *g = NULL;

                assert_int_equal(glob_new((struct span){ odd[i], strlen(odd[i]) }, &problem, &g),
                                 -EINVAL);
                assert_null(g);
                assert_true(problem.size > 0);
        }
}

static void globs_have_a_longest(void **state)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        static char text[GLOB_SIZE_MAX + 1];
        struct glob *g = NULL;

        (void)state;
        memset(text, '[', 1);
        memset(text + 1, 'a', sizeof(text) - 1);
        text[GLOB_SIZE_MAX - 1] = ']';
        assert_int_equal(glob_new((struct span){ text, GLOB_SIZE_MAX }, &problem, &g), 0);
        glob_free(g);
        assert_int_equal(glob_new((struct span){ text, sizeof(text) }, &problem, &g), -EINVAL);
}

/* Tries everything: the definition. Of patterns of a, b, ?, * and [ab] alone. */
static bool matches_slowly(struct span p, struct span t)
{
        size_t n = 1;

        if (p.size == 0)
                return t.size == 0;
        if (p.data[0] == '*') {
                for (size_t i = 0; i <= t.size; i++)
                        if (matches_slowly((struct span){ p.data + 1, p.size - 1 },
                                           (struct span){ t.data + i, t.size - i }))
                                return true;
                return false;
        }
        if (t.size == 0)
                return false;
        if (p.data[0] == '[')
                n = 4;
        else if (p.data[0] != '?' && p.data[0] != t.data[0])
                return false;
        if (p.data[0] == '[' && t.data[0] == 'c')
                return false;
        return matches_slowly((struct span){ p.data + n, p.size - n },
                              (struct span){ t.data + 1, t.size - 1 });
}

/* Each gram of a glob is one of the text that it matches. */
static void assert_gram(void *userdata, uint32_t gram)
{
        const struct span *text = userdata;
        uint32_t other = 0;
        bool found = false;

        for (size_t i = 0; i <= text->size; i++) {
                other = gram_next(other, i < text->size ? text->data[i] : '\0');
                found |= other == gram;
        }
        assert_true(found);
}

static void globs_match_as_by_definition(void **state)
{
        static const char *const parts[] = { "a", "b", "?", "*", "[ab]", "c" };
        uint64_t seed = 1;
        unsigned n_matches = 0;

        (void)state;
        for (unsigned i = 0; i < 100000; i++) {
                _cleanup_(glob_freep) struct glob *g = NULL;
                char pattern[64] = "", text[16];
                const size_t n_parts = random_next(&seed) % 8, size = random_next(&seed) % 10;
                bool expected;

                for (size_t k = 0; k < n_parts; k++)
                        strcat(pattern, parts[random_next(&seed) % ELEMENTSOF(parts)]);
                for (size_t k = 0; k < size; k++)
                        text[k] = "abc"[random_next(&seed) % 3];
                g = compile((struct span){ pattern, strlen(pattern) });
                expected = matches_slowly((struct span){ pattern, strlen(pattern) },
                                          (struct span){ text, size });
                n_matches += expected;
                if (expected)
                        glob_each_gram(g, assert_gram, &(struct span){ text, size });
                if (glob_match(g, (struct span){ text, size }) != expected)
                        fail_msg("%s and %.*s", pattern, (int)size, text);
        }
        assert_in_range(n_matches, 5000, 95000); /* both are tried */
}

/* With backtracking this takes longer than the universe is old. */
static void globs_do_not_explode(void **state)
{
        _cleanup_(glob_freep) struct glob *g =
                compile(SPAN_LITERAL("*a*a*a*a*a*a*a*a*a*a*a*a*a*b"));
        _cleanup_(glob_freep) struct glob *h =
                compile(SPAN_LITERAL("*?a*[a]a*?a*[a]a*?a*[a]a*?a*[a]ab*b"));
        static char text[1024 * 1024];
        const clock_t start = clock();

        (void)state;
        memset(text, 'a', sizeof(text));
        assert_false(glob_match(g, (struct span){ text, sizeof(text) }));
        assert_false(glob_match(h, (struct span){ text, sizeof(text) }));
        text[sizeof(text) - 1] = 'b';
        assert_true(glob_match(g, (struct span){ text, sizeof(text) }));
        assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, 10);
}

static void globs_know_when_they_are_plain(void **state)
{
        static const struct {
                const char *pattern, *literal; /* or NULL */
                bool is_any;
        } cases[] = {
                { "abc", "abc", false }, { "a\\*", "a*", false }, { "", "", false },
                { "a*", NULL, false },   { "?", NULL, false },    { "[a]", NULL, false },
                { "*", NULL, true },     { "**", NULL, true },    { "*?", NULL, false },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *pattern = cases[i].pattern;
                _cleanup_(glob_freep) struct glob *g =
                        compile((struct span){ pattern, strlen(pattern) });
                const struct span literal = glob_literal(g);

                assert_int_equal(glob_is_any(g), cases[i].is_any);
                assert_int_equal(literal.data != NULL, cases[i].literal != NULL);
                if (!cases[i].literal)
                        continue;
                assert_int_equal(literal.size, strlen(cases[i].literal));
                assert_memory_equal(literal.data, cases[i].literal, literal.size);
        }
}

static void append_gram(void *userdata, uint32_t gram)
{
        for (unsigned i = 0; i < 3; i++) {
                const char c = (char)(gram >> (16 - 8 * i) & 0xff);

                buf_append_char(userdata, c ? c : '|');
        }
        buf_append_char(userdata, ' ');
}

static void globs_have_grams(void **state)
{
        static const struct {
                const char *pattern, *grams;
        } cases[] = {
                { "", "" },
                { "*", "" },
                { "a", "|a| " },
                { "a*", "" },
                { "*a", "" },
                { "ab", "|ab ab| " },
                { "ab*", "|ab " },
                { "*ab", "ab| " },
                { "*ab*", "" },
                { "*abcd*", "abc bcd " },
                { "a*b", "" },
                { "/bin/g?ep*x", "|/b /bi bin in/ n/g " },
                { "[a]bcd[e]f", "bcd " },
                { "abc\\*", "|ab abc bc* c*| " },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *pattern = cases[i].pattern;
                _cleanup_(glob_freep) struct glob *g =
                        compile((struct span){ pattern, strlen(pattern) });
                _cleanup_(buf_done) struct buf grams = { 0 };

                glob_each_gram(g, append_gram, &grams);
                buf_append_char(&grams, '\0');
                assert_string_equal(grams.data, cases[i].grams);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(globs_match_what_they_say),
                cmocka_unit_test(globs_match_nothing_else),
                cmocka_unit_test(globs_that_are_odd_are_refused),
                cmocka_unit_test(globs_have_a_longest),
                cmocka_unit_test(globs_match_as_by_definition),
                cmocka_unit_test(globs_do_not_explode),
                cmocka_unit_test(globs_have_grams),
                cmocka_unit_test(globs_know_when_they_are_plain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
