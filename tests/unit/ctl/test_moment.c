/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* moment: times as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "view/moment.h"

#define SECOND NSEC_PER_SEC

static void assert_text(struct buf *b, const char *expected, const char *what)
{
        if (!span_is(b->data ? buf_span(b) : SPAN_LITERAL(""), expected))
                fail_msg("%s: '%.*s', expected '%s'", what, (int)b->size, b->data, expected);
        buf_done(b);
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
                cmocka_unit_test(moments_are_as_of_journalctl),
                cmocka_unit_test(moments_are_shown_in_utc),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
