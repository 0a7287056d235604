/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * buf: appended bytes come back unchanged, memory is reused, and an allocation that fails is
 * remembered without a hole in the content.
 *
 * Failing allocations are provoked by sizes that no address space has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>

#include "base/buf.h"

/* Does not overflow a size_t, but no machine has so much. */
#define TOO_MUCH (SIZE_MAX - 4096)

/* ASan's: malloc() is to return NULL, as without ASan, instead of ending the test. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
        return "allocator_may_return_null=1";
}

static void assert_content(const struct buf *b, const char *expected)
{
        assert_int_equal(buf_error(b), 0);
        assert_int_equal(b->size, strlen(expected));
        assert_memory_equal(b->data, expected, b->size);
}

static void buf_appends_in_order(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append(&b, "a\0b", 3);
        buf_append_char(&b, 'c');
        buf_append_string(&b, "def");
        buf_append_span(&b, SPAN_LITERAL("gh"));
        assert_int_equal(buf_error(&b), 0);
        assert_int_equal(buf_span(&b).size, 9);
        assert_memory_equal(buf_span(&b).data, "a\0bcdefgh", 9);
}

static void buf_appends_and_inserts_what_moves(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append_string(&b, "0123456789");
        for (size_t size = 10; size < 5000; size = b.size) {
                buf_append_again(&b, 0, size); /* which is where it was, until it has grown */
                assert_memory_equal(b.data + size, b.data, size);
        }
        buf_reset(&b);
        buf_append_string(&b, "ad");
        buf_insert_string(&b, 1, "bc");
        buf_insert_string(&b, 0, ">");
        buf_insert_string(&b, b.size, "<");
        assert_content(&b, ">abcd<");
}

static void buf_takes_nothing_from_null(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append(&b, NULL, 0);
        buf_append_span(&b, (struct span){ 0 });
        buf_append_string(&b, "");
        assert_int_equal(b.size, 0);
        assert_int_equal(buf_error(&b), 0);
}

static void buf_keeps_content_while_it_grows(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        size_t capacity;
        unsigned n_moves = 0;

        (void)state;
        for (unsigned i = 0; i < 100000; i++) {
                capacity = b.capacity;
                buf_append_char(&b, (char)(i % 251));
                n_moves += b.capacity != capacity;
        }
        assert_int_equal(b.size, 100000);
        for (unsigned i = 0; i < 100000; i++)
                assert_int_equal((unsigned char)b.data[i], i % 251);
        assert_true(b.capacity < 4 * b.size);
        assert_true(n_moves < 20); /* doubling, not byte by byte */
}

static void buf_reset_keeps_memory(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        const char *data;
        size_t capacity;

        (void)state;
        buf_append_string(&b, "something");
        data = b.data;
        capacity = b.capacity;
        buf_reset(&b);
        assert_int_equal(b.size, 0);
        buf_append_string(&b, "else");
        assert_ptr_equal(b.data, data);
        assert_int_equal(b.capacity, capacity);
        assert_content(&b, "else");
}

static void buf_is_usable_after_done(void **state)
{
        struct buf b = { 0 };

        (void)state;
        buf_append_string(&b, "first");
        buf_done(&b);
        assert_null(b.data);
        assert_int_equal(b.capacity, 0);
        buf_append_string(&b, "second");
        assert_content(&b, "second");
        buf_done(&b);
        buf_done(&b);
}

static void buf_reserve_gives_room_without_using_it(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        char *p;

        (void)state;
        assert_non_null(buf_reserve(&b, 0));
        buf_append_string(&b, "ab");
        p = buf_reserve(&b, 5000);
        assert_non_null(p);
        assert_ptr_equal(p, b.data + 2);
        assert_int_equal(b.size, 2);
        memset(p, 'x', 5000); /* ASan: it is really ours */
        b.size += 5000;
        assert_int_equal(b.data[5001], 'x');
}

static void buf_remembers_failed_allocation(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append_string(&b, "before");
        assert_null(buf_reserve(&b, TOO_MUCH));
        assert_int_equal(buf_error(&b), -ENOMEM);

        /* The next part must not look as if it came right after "before". */
        buf_append_string(&b, "after");
        buf_append_u64(&b, 1);
        buf_printf(&b, "%d", 2);
        assert_null(buf_reserve(&b, 1));
        assert_int_equal(b.size, strlen("before"));
        assert_memory_equal(b.data, "before", b.size);
        assert_int_equal(buf_error(&b), -ENOMEM);

        buf_reset(&b);
        buf_append_string(&b, "again");
        assert_content(&b, "again");
}

static void buf_refuses_size_that_overflows(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append_string(&b, "x");
        assert_null(buf_reserve(&b, SIZE_MAX));
        assert_int_equal(buf_error(&b), -ENOMEM);
}

static void buf_formats_numbers_as_printf_does(void **state)
{
        const uint64_t values[] = { 0,  1,   9,    10,         99,        100,
                                    42, 999, 1000, UINT32_MAX, INT64_MAX, UINT64_MAX };
        _cleanup_(buf_done) struct buf b = { 0 };
        char expected[32];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                buf_reset(&b);
                buf_append_u64(&b, values[i]);
                (void)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)values[i]);
                assert_content(&b, expected);
        }
}

static void buf_printf_appends(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_printf(&b, "%s=%d", "a", -1);
        buf_printf(&b, "%s", "");
        buf_printf(&b, ";%05.1f", 2.25);
        assert_content(&b, "a=-1;002.2");
}

/* Round the first guess at the size and round the capacity, every length. */
static void buf_printf_takes_any_length(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        char s[700];

        (void)state;
        for (size_t n = 0; n < sizeof(s); n++) {
                memset(s, 'y', n);
                s[n] = '\0';
                buf_done(&b);
                buf_append_char(&b, '<');
                buf_printf(&b, "%s", s);
                buf_append_char(&b, '>');
                assert_int_equal(buf_error(&b), 0);
                assert_int_equal(b.size, n + 2);
                assert_memory_equal(b.data + 1, s, n);
                assert_int_equal(b.data[n + 1], '>');
        }
}

static void buf_printf_remembers_what_cannot_be_formatted(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        volatile int width = INT_MAX; /* or the compiler finds out */

        (void)state;
        buf_append_string(&b, "before");
        buf_printf(&b, "%*d%*d", width, 1, width, 1); /* longer than an int can say */
        assert_int_equal(buf_error(&b), -ENOMEM);
        assert_int_equal(b.size, strlen("before"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(buf_appends_in_order),
                cmocka_unit_test(buf_appends_and_inserts_what_moves),
                cmocka_unit_test(buf_takes_nothing_from_null),
                cmocka_unit_test(buf_keeps_content_while_it_grows),
                cmocka_unit_test(buf_reset_keeps_memory),
                cmocka_unit_test(buf_is_usable_after_done),
                cmocka_unit_test(buf_reserve_gives_room_without_using_it),
                cmocka_unit_test(buf_remembers_failed_allocation),
                cmocka_unit_test(buf_refuses_size_that_overflows),
                cmocka_unit_test(buf_formats_numbers_as_printf_does),
                cmocka_unit_test(buf_printf_appends),
                cmocka_unit_test(buf_printf_takes_any_length),
                cmocka_unit_test(buf_printf_remembers_what_cannot_be_formatted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
