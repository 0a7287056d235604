/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* show: what a terminal or a message gets of bytes that somebody else has chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/show.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_quoted_as_needed),
                cmocka_unit_test(the_first_word_is_a_command),
                cmocka_unit_test(names_have_no_control_characters),
                cmocka_unit_test(durations_are_short),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
