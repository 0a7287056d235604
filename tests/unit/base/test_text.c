/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * text: what passes for UTF-8, how the rest is repaired (the table is Python's answer), and the
 * forms of exact bytes, times and numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/text.h"

#define R "\xef\xbf\xbd"

static void assert_buf(const struct buf *b, const char *expected)
{
        assert_int_equal(buf_error(b), 0);
        assert_int_equal(b->size, strlen(expected));
        assert_memory_equal(b->data, expected, b->size);
}

static const struct {
        const char *bytes, *repaired;
} ill_formed[] = {
        { "\xff", R },
        { "\xc0\x80", R R },
        { "\xc1\xbf", R R },
        { "\xc2", R },
        { "\xc2\x41", R "A" },
        { "\xc2\xc2\x80", R "\xc2\x80" },
        { "\x80", R },
        { "\xbf\xbf", R R },
        { "\xe0\x80\x80", R R R },
        { "\xe0\x9f\xbf", R R R },
        { "\xe0\xa0", R },
        { "\xe0\xa0\x41", R "A" },
        { "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf", R R R R },
        { "\xed\xa0\x80", R R R },
        { "\xed\xbf\xbf", R R R },
        { "\xed\x9f", R },
        { "\xee\x80", R },
        { "\xef\xbf", R },
        { "\xf0\x80\x80\x80", R R R R },
        { "\xf0\x8f\xbf\xbf", R R R R },
        { "\xf0\x90", R },
        { "\xf0\x90\x80", R },
        { "\xf0\x90\x80\x41", R "A" },
        { "\xf1\x80\x80\xc3\xa9", R "\xc3\xa9" },
        { "\xf3\xbf\xbf", R },
        { "\xf4\x8f\xbf", R },
        { "\xf4\x90\x80\x80", R R R R },
        { "\xf5\x80\x80\x80", R R R R },
        { "\xf8\x88\x80\x80\x80", R R R R R },
        { "\xfe\xfe\xff\xff", R R R R },
        { "\x61\x62\x63\xe2\x82\x64\x65\x66", "abc" R "def" },
        { "\xc3\xa9\xff\xc3\xa9", "\xc3\xa9" R "\xc3\xa9" },
        { "\x30\x31\x32\x33\x34\x35\x36\x37\xff", "01234567" R },
        { "\x30\x31\x32\x33\x34\x35\x36\xe2\x82\xac\xff\xe2\x82", "0123456\xe2\x82\xac" R R },
};

static void text_repairs_as_python_does(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(ill_formed); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };

                assert_false(text_is_valid(span_of(ill_formed[i].bytes)));
                text_repair(span_of(ill_formed[i].bytes), &b);
                assert_buf(&b, ill_formed[i].repaired);
                assert_true(text_is_valid(buf_span(&b)));
        }
}

static void text_accepts_the_edges_of_utf8(void **state)
{
        static const char *const valid[] = {
                "",
                "a",
                "\x01\x7f",
                "\xc2\x80",
                "\xdf\xbf",
                "\xe0\xa0\x80",
                "\xed\x9f\xbf",
                "\xee\x80\x80",
                "\xef\xbf\xbf",
                "\xf0\x90\x80\x80",
                "\xf4\x8f\xbf\xbf",
                "01234567",
                "0123456\xc3\xa9",
                "01234567\xc3\xa9 and more than a word",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(valid); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };

                assert_true(text_is_valid(span_of(valid[i])));
                text_repair(span_of(valid[i]), &b);
                assert_buf(&b, valid[i]);
        }
        assert_true(text_is_valid((struct span){ 0 }));
}

/* At every offset, so that both the word-wise and the byte-wise part of the check meet it. */
static void text_finds_a_bad_byte_anywhere(void **state)
{
        static const char bad[] = { '\0', '\x80', '\xff', '\xc3' };
        char bytes[40];

        (void)state;
        for (size_t i = 0; i < sizeof(bytes); i++) {
                for (size_t k = 0; k < sizeof(bad); k++) {
                        memset(bytes, 'x', sizeof(bytes));
                        assert_true(text_is_valid((struct span){ bytes, sizeof(bytes) }));
                        bytes[i] = bad[k];
                        assert_false(text_is_valid((struct span){ bytes, sizeof(bytes) }));
                }
        }
}

static void text_replaces_nul(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        text_repair((struct span){ "a\0b\0", 4 }, &b);
        assert_buf(&b, "a" R "b" R);
}

static void text_counts_nuls(void **state)
{
        char bytes[41];

        (void)state;
        for (size_t size = 0; size < sizeof(bytes); size++) {
                for (unsigned pattern = 0; pattern < 1024; pattern++) {
                        static const char kinds[] = { '\0', '\1', '\x80', '\xff' };
                        size_t n = 0;

                        for (size_t i = 0; i < size; i++) {
                                bytes[i] = kinds[pattern >> (i % 5 * 2) & 3];
                                n += bytes[i] == '\0';
                        }
                        assert_int_equal(text_count_nuls((struct span){ bytes, size }), n);
                }
        }
}

static void assert_base64(struct span s, const char *expected)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        text_base64(s, &b);
        assert_buf(&b, expected);
        assert_int_equal(b.size, text_base64_size(s.size));
}

static void text_base64_is_rfc4648(void **state)
{
        (void)state;
        assert_base64((struct span){ 0 }, "");
        assert_base64(span_of("f"), "Zg==");
        assert_base64(span_of("fo"), "Zm8=");
        assert_base64(span_of("foo"), "Zm9v");
        assert_base64(span_of("foob"), "Zm9vYg==");
        assert_base64(span_of("fooba"), "Zm9vYmE=");
        assert_base64(span_of("foobar"), "Zm9vYmFy");
        assert_base64((struct span){ "\xff\xfe\xfd\xfb\xef\xbe\0", 7 }, "//79++++AA==");
}

static void assert_time(int64_t sec, uint32_t nsec, const char *expected)
{
        char time[TEXT_TIME_SIZE] = "untouched";

        assert_int_equal(text_time(sec, nsec, time), expected != NULL);
        assert_string_equal(time, expected ? expected : "untouched");
}

static void text_time_knows_the_calendar(void **state)
{
        (void)state;
        assert_time(0, 0, "1970-01-01T00:00:00.000000000Z");
        assert_time(1795368600, 123456789, "2026-11-22T17:30:00.123456789Z");
        assert_time(-1, 999999999, "1969-12-31T23:59:59.999999999Z");
        assert_time(951782400, 1, "2000-02-29T00:00:00.000000001Z");
        assert_time(951868799, 0, "2000-02-29T23:59:59.000000000Z");
        assert_time(951868800, 0, "2000-03-01T00:00:00.000000000Z");
        assert_time(4107542399, 0, "2100-02-28T23:59:59.000000000Z");
        assert_time(4107542400, 0, "2100-03-01T00:00:00.000000000Z");
        assert_time(INT64_C(253402300799), 999999999, "9999-12-31T23:59:59.999999999Z");
        assert_time(INT64_C(-62167219200), 0, "0000-01-01T00:00:00.000000000Z");
}

static void text_time_agrees_with_gmtime(void **state)
{
        (void)state;
        /* a prime step of a good 37 days, from 1600 to 2600 */
        for (int64_t sec = INT64_C(-11676096000); sec < INT64_C(19880899200); sec += 3200003) {
                char expected[TEXT_TIME_SIZE + 4], time[TEXT_TIME_SIZE];
                time_t t = (time_t)sec;
                struct tm tm;

                assert_non_null(gmtime_r(&t, &tm));
                assert_int_equal(
                        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm),
                        30);
                assert_true(text_time(sec, 0, time));
                assert_string_equal(time, expected);
        }
}

static void text_time_refuses_what_has_no_form(void **state)
{
        (void)state;
        assert_time(INT64_C(253402300800), 0, NULL);
        assert_time(INT64_C(-62167219201), 0, NULL);
        assert_time(INT64_MAX, 0, NULL);
        assert_time(INT64_MIN, 0, NULL);
        assert_time(0, 1000000000, NULL);
        assert_time(0, UINT32_MAX, NULL);
}

static void assert_hex(uint64_t value, const char *expected)
{
        char hex[TEXT_HEX_SIZE];

        assert_int_equal(text_hex(value, hex), strlen(expected));
        assert_string_equal(hex, expected);
}

static void text_hex_has_no_leading_zeros(void **state)
{
        (void)state;
        assert_hex(0, "0");
        assert_hex(1, "1");
        assert_hex(15, "f");
        assert_hex(16, "10");
        assert_hex(0x100, "100");
        assert_hex(0xdeadbeef, "deadbeef");
        assert_hex(UINT64_C(0x8000000000000000), "8000000000000000");
        assert_hex(UINT64_MAX, "ffffffffffffffff");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_repairs_as_python_does),
                cmocka_unit_test(text_accepts_the_edges_of_utf8),
                cmocka_unit_test(text_finds_a_bad_byte_anywhere),
                cmocka_unit_test(text_replaces_nul),
                cmocka_unit_test(text_counts_nuls),
                cmocka_unit_test(text_base64_is_rfc4648),
                cmocka_unit_test(text_time_knows_the_calendar),
                cmocka_unit_test(text_time_agrees_with_gmtime),
                cmocka_unit_test(text_time_refuses_what_has_no_form),
                cmocka_unit_test(text_hex_has_no_leading_zeros),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
