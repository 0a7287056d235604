/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/span.h"

static const struct span absent;

static void assert_span(struct span s, const char *expected)
{
        assert_int_equal(s.size, strlen(expected));
        assert_memory_equal(s.size > 0 ? s.data : "", expected, s.size);
}

static void equal_are_the_same_bytes(void **state _unused_)
{
        const struct span with_nul = SPAN_LITERAL("a\0b");

        assert_int_equal(with_nul.size, 3);
        assert_true(span_equal(with_nul, SPAN_LITERAL("a\0b")));
        assert_false(span_equal(with_nul, SPAN_LITERAL("a\0c")));
        assert_false(span_equal(with_nul, span_of("a")));
        assert_true(span_equal(absent, span_of("")));
        assert_true(span_is(absent, ""));
        assert_true(span_is(span_of("abc"), "abc"));
        assert_false(span_is(span_of("abc"), "ab"));
        assert_false(span_is(span_of("ab"), "abc"));
        assert_false(span_is(span_of("abc"), "abC"));
}

static void case_matters_only_where_asked(void **state _unused_)
{
        assert_true(span_is_nocase(span_of("YeS"), "yes"));
        assert_false(span_is_nocase(span_of("yes!"), "yes"));
        assert_false(span_is_nocase(span_of("no"), "on"));
        assert_true(span_is_nocase(absent, ""));
}

static void a_prefix_is_at_the_start_a_suffix_at_the_end(void **state _unused_)
{
        const struct span s = span_of("user@1.service");

        assert_true(span_starts_with(s, "user@"));
        assert_true(span_starts_with(s, ""));
        assert_true(span_starts_with(s, "user@1.service"));
        assert_false(span_starts_with(s, "ser@"));
        assert_false(span_starts_with(s, "user@1.service."));
        assert_true(span_ends_with(s, ".service"));
        assert_true(span_ends_with(s, ""));
        assert_true(span_ends_with(s, "user@1.service"));
        assert_false(span_ends_with(s, ".servic"));
        assert_false(span_ends_with(s, "_user@1.service"));
        assert_true(span_starts_with(absent, ""));
        assert_true(span_ends_with(absent, ""));
        assert_false(span_ends_with(absent, "x"));
}

static void strip_takes_off_what_is_there_and_nothing_else(void **state _unused_)
{
        struct span s = span_of("docker-x.scope");

        assert_false(span_strip_prefix(&s, "podman-"));
        assert_false(span_strip_suffix(&s, ".slice"));
        assert_span(s, "docker-x.scope");
        assert_true(span_strip_prefix(&s, "docker-"));
        assert_true(span_strip_suffix(&s, ".scope"));
        assert_span(s, "x");
        assert_true(span_strip_prefix(&s, "x"));
        assert_span(s, "");
        assert_false(span_strip_suffix(&s, "x")); /* not what lies before the span */
}

static void head_and_skip_share_a_span_between_them(void **state _unused_)
{
        const struct span s = span_of("abc");

        for (size_t n = 0; n <= s.size; n++) {
                assert_int_equal(span_head(s, n).size + span_skip(s, n).size, s.size);
                assert_ptr_equal(span_head(s, n).data + n, span_skip(s, n).data);
        }
        assert_null(span_skip(absent, 0).data);
}

static void count_ends_at_the_first_of_another_kind(void **state _unused_)
{
        assert_int_equal(span_count(span_of("12a3"), is_digit), 2);
        assert_int_equal(span_count(span_of("123"), is_digit), 3);
        assert_int_equal(span_count(span_of("/:"), is_digit), 0); /* beside 0 and 9 */
        assert_int_equal(span_count(span_of("09"), is_digit), 2);
        assert_int_equal(span_count(absent, is_digit), 0);
}

static void trim_takes_blanks_off_both_ends(void **state _unused_)
{
        assert_span(span_trim(span_of(" \t a b\r\n")), "a b");
        assert_span(span_trim(span_of(" \t\r\n ")), "");
        assert_int_equal(span_trim(SPAN_LITERAL("\0 ")).size, 1); /* a NUL is no blank */
        assert_span(span_trim_start(span_of(" a ")), "a ");
        assert_span(span_trim(absent), "");
}

static void split_is_at_the_first_separator(void **state _unused_)
{
        struct span before, behind;

        assert_true(span_split(span_of("A=b=c"), '=', &before, &behind));
        assert_span(before, "A");
        assert_span(behind, "b=c");
        assert_true(span_split(span_of("="), '=', &before, &behind));
        assert_span(before, "");
        assert_span(behind, "");
}

static void split_without_a_separator_has_all_before_it(void **state _unused_)
{
        struct span before, behind;

        assert_false(span_split(span_of("A"), '=', &before, &behind));
        assert_span(before, "A");
        assert_span(behind, "");
        assert_ptr_equal(behind.data, before.data + 1);
        assert_false(span_split(absent, '=', &before, &behind));
        assert_null(before.data);
        assert_null(behind.data);
}

/* A separator behind the span is none. */
static void split_looks_no_further_than_the_span(void **state _unused_)
{
        struct span before, behind;

        assert_false(span_split(span_head(span_of("ab:c"), 2), ':', &before, &behind));
        assert_span(before, "ab");
}

static void split_may_write_over_what_it_reads(void **state _unused_)
{
        struct span rest = span_of("a:b:c"), field;

        assert_true(span_split(rest, ':', &field, &rest));
        assert_span(field, "a");
        assert_true(span_split(rest, ':', &rest, &field));
        assert_span(rest, "b");
        assert_span(field, "c");
}

static void cut_gives_all_pieces_the_last_with_or_without_its_separator(void **state _unused_)
{
        static const struct {
                struct span whole;
                const char *pieces[4];
        } cases[] = {
                { SPAN_LITERAL("a\0b\0"), { "a", "b" } },
                { SPAN_LITERAL("a\0b"), { "a", "b" } },
                { SPAN_LITERAL("\0\0a"), { "", "", "a" } },
                { SPAN_LITERAL(""), { NULL } },
                { { NULL, 0 }, { NULL } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct span rest = cases[i].whole, piece;
                size_t n = 0;

                for (; span_cut(&rest, '\0', &piece); n++) {
                        assert_non_null(cases[i].pieces[n]);
                        assert_span(piece, cases[i].pieces[n]);
                }
                assert_null(cases[i].pieces[n]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(equal_are_the_same_bytes),
                cmocka_unit_test(case_matters_only_where_asked),
                cmocka_unit_test(a_prefix_is_at_the_start_a_suffix_at_the_end),
                cmocka_unit_test(strip_takes_off_what_is_there_and_nothing_else),
                cmocka_unit_test(head_and_skip_share_a_span_between_them),
                cmocka_unit_test(count_ends_at_the_first_of_another_kind),
                cmocka_unit_test(trim_takes_blanks_off_both_ends),
                cmocka_unit_test(split_is_at_the_first_separator),
                cmocka_unit_test(split_without_a_separator_has_all_before_it),
                cmocka_unit_test(split_looks_no_further_than_the_span),
                cmocka_unit_test(split_may_write_over_what_it_reads),
                cmocka_unit_test(cut_gives_all_pieces_the_last_with_or_without_its_separator),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
