/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* filter: exactly the variables that were asked for, byte by byte as they were, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/filter.h"

static char *const names[] = { "LD_PRELOAD", "A", "PATH_LONGER_THAN_EIGHT", NULL };

/* `wanted` with the NUL that the literal ends with, or NULL. */
static void assert_filtered(char *const *list, const char *env, size_t size, const char *wanted,
                            size_t wanted_size)
{
        _cleanup_(freep) char *block = malloc(size); /* exactly, for ASan */
        _cleanup_(buf_done) struct buf scratch = { 0 };
        struct span result;

        memcpy(block, env, size);
        result = filter_env(list, (struct span){ block, size }, &scratch);
        if (!wanted) {
                assert_null(result.data);
                assert_int_equal(result.size, 0);
                return;
        }
        assert_non_null(result.data);
        assert_int_equal(result.size, wanted_size);
        assert_memory_equal(result.data, wanted, wanted_size);
}

#define assert_keeps(env, wanted) assert_filtered(names, env, sizeof(env), wanted, sizeof(wanted))
#define assert_keeps_nothing(env) assert_filtered(names, env, sizeof(env), NULL, 0)

static void wanted_variables_pass_in_their_order(void **state)
{
        (void)state;
        assert_keeps("A=1", "A=1");
        assert_keeps("A=1\0B=2\0LD_PRELOAD=/x.so:/y", "A=1\0LD_PRELOAD=/x.so:/y");
        assert_keeps("LD_PRELOAD=x\0A=", "LD_PRELOAD=x\0A=");
        assert_keeps("PATH_LONGER_THAN_EIGHT=1", "PATH_LONGER_THAN_EIGHT=1");
}

static void value_may_have_any_bytes(void **state)
{
        (void)state;
        assert_keeps("A==B=\xff\n\x1b\"", "A==B=\xff\n\x1b\"");
}

static void variable_that_is_there_twice_passes_twice(void **state)
{
        (void)state;
        assert_keeps("A=1\0A=2", "A=1\0A=2");
}

/* The kernel side compares the first eight bytes only. */
static void names_match_as_a_whole(void **state)
{
        (void)state;
        assert_keeps_nothing("LD_PRELOAD_X=1");
        assert_keeps_nothing("LD_PRELO=1");
        assert_keeps_nothing("AA=1");
        assert_keeps_nothing("PATH_LON=1");
        assert_keeps_nothing("PATH_LONGER_THAN_EIGHTY=1");
        assert_keeps_nothing("a=1");
        assert_keeps_nothing("XA=1");
}

static void what_is_no_variable_is_dropped(void **state)
{
        (void)state;
        assert_keeps_nothing("A");
        assert_keeps_nothing("LD_PRELOAD");
        assert_keeps_nothing("=A=1");
        assert_keeps_nothing("");
        assert_keeps_nothing("\0\0");
        assert_keeps("\0A=1\0\0", "A=1");
}

/* A long value must not hide its variable. */
static void variable_that_was_cut_passes_as_far_as_it_goes(void **state)
{
        (void)state;
        assert_filtered(names, "A=1\0LD_PRELOAD=x", 16, "A=1\0LD_PRELOAD=x", 16);
        assert_filtered(names, "B=1\0A=", 6, "A=", 2);
        assert_filtered(names, "B=1\0A", 5, NULL, 0);
        assert_filtered(names, "B=1", 3, NULL, 0);
}

static void empty_environment_and_empty_list_give_nothing(void **state)
{
        static char *const none[] = { NULL };

        (void)state;
        assert_filtered(none, "A=1", 4, NULL, 0);
        assert_filtered(names, "", 0, NULL, 0);
}

static void scratch_is_used_anew(void **state)
{
        _cleanup_(buf_done) struct buf scratch = { 0 };
        struct span result;

        (void)state;
        (void)filter_env(names, SPAN_LITERAL("A=first\0"), &scratch);
        result = filter_env(names, SPAN_LITERAL("A=2\0"), &scratch);
        assert_int_equal(result.size, 4);
        assert_memory_equal(result.data, "A=2", 4);
        result = filter_env(names, SPAN_LITERAL("B=2\0"), &scratch);
        assert_null(result.data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wanted_variables_pass_in_their_order),
                cmocka_unit_test(value_may_have_any_bytes),
                cmocka_unit_test(variable_that_is_there_twice_passes_twice),
                cmocka_unit_test(names_match_as_a_whole),
                cmocka_unit_test(what_is_no_variable_is_dropped),
                cmocka_unit_test(variable_that_was_cut_passes_as_far_as_it_goes),
                cmocka_unit_test(empty_environment_and_empty_list_give_nothing),
                cmocka_unit_test(scratch_is_used_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
