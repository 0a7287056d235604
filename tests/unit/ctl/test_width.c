/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* width: columns of a terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "view/width.h"

static void columns_are_those_of_a_terminal(void **state)
{
        (void)state;
        assert_int_equal(width_columns(SPAN_LITERAL("ab\xc3\xa9")), 3);
        assert_int_equal(width_columns(SPAN_LITERAL("\xe6\xbc\xa2")), 2);
        assert_int_equal(width_head(SPAN_LITERAL("a\xe6\xbc\xa2z"), 2).size, 1);
        assert_int_equal(width_head(SPAN_LITERAL("a\xe6\xbc\xa2z"), 3).size, 4);
        assert_int_equal(width_head(SPAN_LITERAL("a"), 0).size, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_those_of_a_terminal),
        };

        (void)setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
