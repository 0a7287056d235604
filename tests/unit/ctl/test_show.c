/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* show: what a terminal gets of bytes that somebody else has chosen; moments. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "view/moment.h"
#include "view/show.h"

#define SECOND NSEC_PER_SEC

static void assert_text(struct buf *b, const char *expected, const char *what)
{
        if (!span_is(b->data ? buf_span(b) : SPAN_LITERAL(""), expected))
                fail_msg("%s: '%.*s', expected '%s'", what, (int)b->size, b->data, expected);
        buf_done(b);
}

static void words_are_quoted_as_needed(void **state)
{
        static const struct {
                struct span word;
                const char *shown;
        } cases[] = {
                { SPAN_LITERAL("ls"), "ls" },
                { SPAN_LITERAL(""), "''" },
                { SPAN_LITERAL("a b"), "'a b'" },
                { SPAN_LITERAL("--x=/a/b.c,d:e@f%g+h_i"), "--x=/a/b.c,d:e@f%g+h_i" },
                { SPAN_LITERAL("it's"), "'it'\\''s'" },
                { SPAN_LITERAL("~"), "'~'" },
                { SPAN_LITERAL("$(id)"), "'$(id)'" },
                { SPAN_LITERAL("\xc3\xa9"), "'\xc3\xa9'" },
                { SPAN_LITERAL("a\nb\t\x1b[31m'\\"), "$'a\\nb\\t\\x1b[31m\\'\\\\'" },
                { SPAN_LITERAL("\xff"), "$'\\xff'" },
                { SPAN_LITERAL("\xc2\x9b"), "$'\\xc2\\x9b'" },          /* CSI */
                { SPAN_LITERAL("\xe2\x80\xae"), "$'\\xe2\\x80\\xae'" }, /* right to left */
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct buf b = { 0 };

                show_word(cases[i].word, false, false, &b);
                assert_text(&b, cases[i].shown, cases[i].shown);
        }
}

static void the_first_word_is_a_command(void **state)
{
        struct buf b = { 0 };

        (void)state;
        show_words(SPAN_LITERAL("if\0if\0a=b\0"), false, &b);
        assert_text(&b, "'if' if a=b", "reserved");
        show_words(SPAN_LITERAL("a=b\0x"), false, &b);
        assert_text(&b, "'a=b' x", "assignment");
        show_words(SPAN_LITERAL("a\0b\0"), true, &b);
        assert_text(&b, "'a' 'b'", "always");
}

static void names_have_no_control_characters(void **state)
{
        struct buf b = { 0 };

        (void)state;
        show_text(SPAN_LITERAL("a\x1b]0;x\x07\xc2\x85\xff\xef\xbb\xbf\xe2\x82\xac\x7f\0b"), &b);
        assert_text(&b, "a\\x1b]0;x\\x07\\xc2\\x85\\xff\\xef\\xbb\\xbf\xe2\x82\xac\\x7f\\x00b",
                    "text");
        show_json(SPAN_LITERAL("{\"a\":\"\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\xe2\x82\xac\"}"),
                  &b);
        assert_text(&b, "{\"a\":\"\\u007f\\u009b\\u202e\\udb40\\udc01\xe2\x82\xac\"}", "json");
}

static void columns_are_those_of_a_terminal(void **state)
{
        (void)state;
        assert_int_equal(show_columns(SPAN_LITERAL("ab\xc3\xa9")), 3);
        assert_int_equal(show_columns(SPAN_LITERAL("\xe6\xbc\xa2")), 2);
        assert_int_equal(show_head(SPAN_LITERAL("a\xe6\xbc\xa2z"), 2).size, 1);
        assert_int_equal(show_head(SPAN_LITERAL("a\xe6\xbc\xa2z"), 3).size, 4);
        assert_int_equal(show_head(SPAN_LITERAL("a"), 0).size, 0);
}

static void durations_are_short(void **state)
{
        static const struct {
                uint64_t ns;
                const char *shown;
        } cases[] = {
                { 0, "0us" },
                { 999999, "999us" },
                { 1000000, "1ms" },
                { 1250 * NSEC_PER_MSEC, "1.2s" },
                { 99 * SECOND, "99.0s" },
                { 100 * SECOND, "1min" },
                { 6000 * SECOND, "1h" },
                { UINT64_MAX, "213503d" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct buf b = { 0 };

                show_duration(cases[i].ns, &b);
                assert_text(&b, cases[i].shown, cases[i].shown);
        }
}

static void moments_are_as_of_journalctl(void **state)
{
        static const uint64_t now = UINT64_C(1795372267) * SECOND; /* 2026-11-22 18:31:07 */
        static const struct {
                const char *text;
                uint64_t second;
        } cases[] = {
                { "now", 1795372267 },
                { "today", 1795305600 },
                { "yesterday", 1795219200 },
                { "tomorrow", 1795392000 },
                { "2026-11-22", 1795305600 },
                { "2026-11-22 18:31", 1795372260 },
                { "2026-11-22 18:31:07", 1795372267 },
                { "2026-11-22T18:31:07Z", 1795372267 },
                { "18:31", 1795372260 },
                { "-1h", 1795368667 },
                { "-1h30min", 1795366867 },
                { "2 hours ago", 1795365067 },
                { "+5s", 1795372272 },
                { "-10", 1795372257 },
                { "@1700000000", 1700000000 },
                { "-100000days", 0 },
        };
        static const char *const bad[] = { "",      "soon",      "-",          "-1x",
                                           "25:00", "18:31:07x", "2026-13-01", "@",
                                           "@x",    "ago",       "1h",         "2026-11-22 x" };
        uint64_t ns;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (!moment_parse(span_of(cases[i].text), now, true, &ns) ||
                    ns != cases[i].second * SECOND)
                        fail_msg("%s", cases[i].text);
        assert_true(moment_parse(SPAN_LITERAL("18:31:07.25"), now, true, &ns));
        assert_int_equal(ns, now + 250 * NSEC_PER_MSEC);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (moment_parse(span_of(bad[i]), now, true, &ns))
                        fail_msg("%s", bad[i]);
}

static void moments_are_shown_in_utc(void **state)
{
        struct buf b = { 0 };

        (void)state;
        moment_show(UINT64_C(1795372267007654321), true, true, 9, &b);
        assert_text(&b, "2026-11-22 18:31:07.007654321", "all");
        moment_show(UINT64_C(1795372267007654321), true, false, 3, &b);
        assert_text(&b, "18:31:07.007", "three digits");
        moment_show(UINT64_C(1795372267007654321), true, false, 0, &b);
        assert_text(&b, "18:31:07", "none");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_quoted_as_needed),
                cmocka_unit_test(the_first_word_is_a_command),
                cmocka_unit_test(names_have_no_control_characters),
                cmocka_unit_test(columns_are_those_of_a_terminal),
                cmocka_unit_test(durations_are_short),
                cmocka_unit_test(moments_are_as_of_journalctl),
                cmocka_unit_test(moments_are_shown_in_utc),
        };

        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
