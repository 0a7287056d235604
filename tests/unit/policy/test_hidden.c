/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* hidden: processes by pid and start, and what falls out when there are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/hidden.h"

static struct hidden *make(void)
{
        struct hidden *h;

        assert_int_equal(hidden_new(&h), 0);
        return h;
}

static void hidden_processes_are_found_once(void **state)
{
        _cleanup_(hidden_freep) struct hidden *h = make();
        int rule = 77;

        (void)state;
        hidden_put(h, 10, 100, 3);
        hidden_put(h, 11, 100, -1);
        assert_true(hidden_take(h, 10, 100, &rule));
        assert_int_equal(rule, 3);
        assert_false(hidden_take(h, 10, 100, &rule));
        assert_true(hidden_take(h, 11, 100, &rule));
        assert_int_equal(rule, -1);
        assert_false(hidden_take(h, 12, 100, &rule));
}

static void hidden_processes_are_not_their_namesakes(void **state)
{
        _cleanup_(hidden_freep) struct hidden *h = make();
        int rule = 77;

        (void)state;
        hidden_put(h, 10, 100, 3);
        assert_false(hidden_take(h, 10, 200, &rule)); /* another with that pid: the first is gone */
        assert_int_equal(rule, 77);
        assert_false(hidden_take(h, 10, 100, &rule));
        hidden_put(h, 10, 200, 3);
        hidden_put(h, 10, 300, 4);
        assert_true(hidden_take(h, 10, 300, &rule));
        assert_int_equal(rule, 4);
        assert_false(hidden_take(h, 10, 200, &rule));
        hidden_put(h, 0, 0, 1);
        assert_false(hidden_take(h, 0, 0, &rule));
}

static void hidden_keeps_the_newest(void **state)
{
        _cleanup_(hidden_freep) struct hidden *h = make();
        const uint32_t n = 1000000, room = 65536;
        uint32_t found = 0;
        int rule;

        (void)state;
        for (uint32_t pid = 1; pid <= n; pid++)
                hidden_put(h, pid, pid, 5);
        for (uint32_t pid = 1; pid <= n - room; pid++)
                found += hidden_take(h, pid, pid, &rule);
        assert_in_range(found, 0, room / 8);
        for (uint32_t pid = n - room / 2 + 1; pid <= n; pid++)
                assert_true(hidden_take(h, pid, pid, &rule));
}

static int moved(const void *userdata, int rule)
{
        return ((const int *)userdata)[rule];
}

static void hidden_follows_rules_that_move(void **state)
{
        _cleanup_(hidden_freep) struct hidden *h = make();
        const int rule_of[] = { 2, -2 };
        int rule = 77;

        (void)state;
        hidden_put(h, 10, 1, 0);
        hidden_put(h, 11, 1, 1);
        hidden_put(h, 12, 1, -1);
        hidden_renumber(h, moved, rule_of);
        assert_true(hidden_take(h, 10, 1, &rule));
        assert_int_equal(rule, 2);
        assert_false(hidden_take(h, 11, 1, &rule));
        assert_true(hidden_take(h, 12, 1, &rule));
        assert_int_equal(rule, -1);
        hidden_put(h, 10, 1, 0);
        hidden_clear(h);
        assert_false(hidden_take(h, 10, 1, &rule));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hidden_processes_are_found_once),
                cmocka_unit_test(hidden_processes_are_not_their_namesakes),
                cmocka_unit_test(hidden_keeps_the_newest),
                cmocka_unit_test(hidden_follows_rules_that_move),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
