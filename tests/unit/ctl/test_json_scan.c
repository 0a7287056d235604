/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* json_scan: what is JSON, what is not, and what a string says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "read/json_scan.h"

/* 0: an object, to its end. */
static int scan_all(const char *text)
{
        struct json_value value;
        struct json_scan scan;
        struct span key;
        int r;

        if (!json_scan_object(&scan, span_of(text)))
                return -EBADMSG;
        while ((r = json_next_member(&scan, &key, &value)) > 0)
                ;
        return r;
}

static void accepts_what_is_json(void **state)
{
        static const char *const texts[] = {
                "{}",
                " { } ",
                "{\"a\":1}",
                "{\"a\":-0.5e+7,\"b\":[],\"c\":{},\"d\":null,\"e\":true,\"f\":false}",
                "{\"a\":[1,[2,{\"b\":[[]]}],\"]\"],\"c\":\"}\"}",
                "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}\r\n",
                "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"}",
                "{\"\":0}",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (scan_all(texts[i]) != 0)
                        fail_msg("%s", texts[i]);
}

static void refuses_what_is_not(void **state)
{
        static const char *const texts[] = {
                "",
                "[]",
                "1",
                "{",
                "}",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\":1,}",
                "{,}",
                "{\"a\":1 \"b\":2}",
                "{a:1}",
                "{\"a\":01}",
                "{\"a\":+1}",
                "{\"a\":1.}",
                "{\"a\":.5}",
                "{\"a\":1e}",
                "{\"a\":nul}",
                "{\"a\":\"}",
                "{}x",
                "{\"a\":[1,]}",
                "{\"a\":[}",
                "{\"a\":[1}",
                "{\"a\":{1]}",
                "{\"a\":-}",
                "{\"a\":\"\\x\"}",
                "{\"a\":\"\\u12\"}",
                "{\"a\":\"\x01\"}",
                "{\"a\":\"\xff\"}",
                "{\"a\":\"\xed\xa0\x80\"}",
                "{\"a\":{\"b\":1,}}",
                "{\"a\":'b'}",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (scan_all(texts[i]) == 0)
                        fail_msg("%s", texts[i]);
}

static void refuses_what_is_too_deep(void **state)
{
        char text[200] = "{\"a\":";

        (void)state;
        for (int i = 0; i < JSON_DEPTH_MAX; i++)
                strcat(text, "[");
        for (int i = 0; i < JSON_DEPTH_MAX; i++)
                strcat(text, "]");
        strcat(text, "}");
        assert_int_equal(scan_all(text), 0);
        memcpy(text + 5, "[[", 2); /* one more, and its end is missing anyway */
        memmove(text + 6, text + 5, strlen(text + 5) + 1);
        assert_int_equal(scan_all(text), -EBADMSG);
}

static void gives_members_in_their_order(void **state)
{
        static const char text[] = "{\"a\":\"x\",\"b\":[1,\"]\"],\"c\":-7}";
        struct json_value value;
        struct json_scan scan;
        struct span key;
        int64_t number;

        (void)state;
        assert_true(json_scan_object(&scan, span_of(text)));
        assert_int_equal(json_next_member(&scan, &key, &value), 1);
        assert_true(span_is(key, "a") && value.kind == JSON_STRING && span_is(value.text, "x"));
        assert_int_equal(json_next_member(&scan, &key, &value), 1);
        assert_true(span_is(key, "b") && value.kind == JSON_ARRAY &&
                    span_is(value.text, "[1,\"]\"]"));
        assert_int_equal(json_next_member(&scan, &key, &value), 1);
        assert_true(span_is(key, "c") && json_to_i64(&value, &number));
        assert_int_equal(number, -7);
        assert_int_equal(json_next_member(&scan, &key, &value), 0);
}

static void strings_are_decoded(void **state)
{
        static const char *const cases[][2] = {
                { "plain", "plain" },
                { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
                { "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
                { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
                { "\\ud83d", "\xef\xbf\xbd" },
                { "\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd" },
                { "\\ud83d\\u0041", "\xef\xbf\xbd"
                                    "A" },
                { "a\\u0000b", "a\xef\xbf\xbd"
                               "b" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct json_value value = { .has_escapes = true,
                                                  .text = span_of(cases[i][0]) };
                struct buf text = { 0 };

                json_append_string(&value, &text);
                if (!span_is(buf_span(&text), cases[i][1]))
                        fail_msg("%s: %.*s", cases[i][0], (int)text.size, text.data);
                buf_done(&text);
        }
}

static void numbers_have_their_range(void **state)
{
        struct json_value v = { .kind = JSON_NUMBER };
        uint64_t u;
        int64_t i;

        (void)state;
        v.text = SPAN_LITERAL("18446744073709551615");
        assert_true(json_to_u64(&v, &u) && u == UINT64_MAX);
        assert_false(json_to_i64(&v, &i));
        v.text = SPAN_LITERAL("18446744073709551616");
        assert_false(json_to_u64(&v, &u));
        v.text = SPAN_LITERAL("99999999999999999999999");
        assert_false(json_to_u64(&v, &u));
        v.text = SPAN_LITERAL("-1");
        assert_false(json_to_u64(&v, &u));
        assert_true(json_to_i64(&v, &i) && i == -1);
        v.text = SPAN_LITERAL("1.0");
        assert_false(json_to_u64(&v, &u));
        v = (struct json_value){ .kind = JSON_STRING, .text = SPAN_LITERAL("1") };
        assert_false(json_to_u64(&v, &u));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_what_is_json),
                cmocka_unit_test(refuses_what_is_not),
                cmocka_unit_test(refuses_what_is_too_deep),
                cmocka_unit_test(gives_members_in_their_order),
                cmocka_unit_test(strings_are_decoded),
                cmocka_unit_test(numbers_have_their_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
