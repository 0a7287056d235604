/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * json_writer: commas and nesting; numbers; each character, and each byte at each place, as another
 * implementation of JSON writes and reads it; and that sizes are exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "canonical_json.h"

#define R "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

static void assert_buf(const struct buf *b, const char *expected)
{
        assert_int_equal(buf_error(b), 0);
        assert_int_equal(b->size, strlen(expected));
        assert_memory_equal(b->data, expected, b->size);
}

static void commas_come_where_they_are_due(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        json_begin_object(&b);
        json_key(&b, "empty");
        json_begin_object(&b);
        json_end_object(&b);
        json_key(&b, "list");
        json_begin_array(&b);
        json_begin_array(&b);
        json_end_array(&b);
        json_begin_object(&b);
        json_put_true(&b, "a");
        json_put_u64(&b, "b", 1);
        json_end_object(&b);
        json_string(&b, "");
        json_string(&b, "s");
        (void)json_text(&b, span_of("t"));
        json_u64(&b, 2);
        json_i64(&b, -3);
        json_true(&b);
        json_base64(&b, span_of("f"));
        (void)json_strings(&b, (struct span){ 0 });
        json_end_array(&b);
        json_put_string(&b, "c", "d");
        json_end_object(&b);
        assert_buf(&b, "{\"empty\":{},\"list\":[[],{\"a\":true,\"b\":1},\"\",\"s\",\"t\",2,-3,true,"
                       "\"Zg==\",[]],\"c\":\"d\"}");
}

/* The end of a string or of a key is no bracket and no comma of ours. */
static void text_that_looks_like_json_changes_no_comma(void **state)
{
        static const char *const texts[] = { "[", "{", ":", ",", "\\", "\"", "]", "}" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };
                struct json_object *json;

                json_begin_object(&b);
                json_text_key(&b, span_of(texts[i]));
                (void)json_text(&b, span_of(texts[i]));
                json_put_text(&b, "next", span_of(texts[i]));
                json_end_object(&b);
                json = canonical_parse(buf_span(&b));
                assert_non_null(json);
                assert_int_equal(json_object_object_length(json), 2);
                json_object_put(json);
        }
}

static void comma_that_is_there_counts(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        buf_append_char(&b, ',');
        json_put_u64(&b, "a", 1);
        json_put_u64(&b, "b", 2);
        assert_buf(&b, ",\"a\":1,\"b\":2");
}

static void numbers_have_all_their_digits(void **state)
{
        static const int64_t edges[] = { INT64_MIN, -1, 0, 1, INT64_MAX };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(edges); i++) {
                for (int64_t d = -1; d <= 1; d++) {
                        _cleanup_(buf_done) struct buf b = { 0 };
                        uint64_t value = (uint64_t)edges[i] + (uint64_t)d;
                        char expected[64];

                        json_u64(&b, value);
                        json_i64(&b, (int64_t)value);
                        (void)snprintf(expected, sizeof(expected), "%llu,%lld",
                                       (unsigned long long)value, (long long)value);
                        assert_buf(&b, expected);
                }
        }
}

/* json-c's output for these bytes, repaired. */
static void expect_text(struct span bytes, struct buf *ret)
{
        _cleanup_(buf_done) struct buf repaired = { 0 };
        struct json_object *json;

        text_repair(bytes, &repaired);
        json = json_object_new_string_len(repaired.data ? repaired.data : "", (int)repaired.size);
        canonical_json(json, ret);
        json_object_put(json);
        buf_append_char(ret, '\0');
        assert_int_equal(buf_error(ret), 0);
}

static void assert_text(struct span bytes)
{
        _cleanup_(buf_done) struct buf b = { 0 }, expected = { 0 };

        expect_text(bytes, &expected);
        assert_int_equal(json_text(&b, bytes), text_is_valid(bytes));
        assert_buf(&b, expected.data);
        assert_int_equal(json_text_size(bytes) + 2, b.size);
}

/* UTF-8, also of what is no character; returns its size. */
static size_t put_character(uint32_t c, char utf8[static 4])
{
        if (c < 0x80) {
                utf8[0] = (char)c;
                return 1;
        }
        if (c < 0x800) {
                utf8[0] = (char)(0xc0 | c >> 6);
                utf8[1] = (char)(0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                utf8[0] = (char)(0xe0 | c >> 12);
                utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
                utf8[2] = (char)(0x80 | (c & 0x3f));
                return 3;
        }
        utf8[0] = (char)(0xf0 | c >> 18);
        utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
        utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[3] = (char)(0x80 | (c & 0x3f));
        return 4;
}

static void each_character_is_as_json_c_writes_it(void **state)
{
        char utf8[4];

        (void)state;
        for (uint32_t c = 0; c < 0x110800; c += c < 0x3000 || (c & 0xfff) > 0xfd0 ? 1 : 13)
                assert_text((struct span){ utf8, put_character(c, utf8) });
}

/* Words are looked at as one: each byte that needs more than a copy has to be seen at each place.
 */
static void each_byte_is_seen_at_each_place(void **state)
{
        (void)state;
        for (int c = 0; c < 0x100; c++) {
                for (size_t at = 0; at < 17; at++) {
                        char bytes[19];

                        memset(bytes, c % 2 ? ' ' : '~', sizeof(bytes));
                        bytes[at] = (char)c;
                        bytes[at + 1] = (char)(at % 2 ? 0x80 : 'x');
                        assert_text((struct span){ bytes, sizeof(bytes) });
                }
        }
}

static void sequences_are_whole_at_the_end_of_each_block(void **state)
{
        static const char *const ends[] = { "\xc3\xa9", "\xe2\x82\xac",     "\xf0\x9f\x98\x80",
                                            "\xc2\x85", "\xf0\x9f\xbf\xbf", "\xe2\x82",
                                            "\xff\x1b" };
        char bytes[1100];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                for (size_t at = 490; at < 530; at++) {
                        memset(bytes, '\x1b', sizeof(bytes)); /* the longest escape for a byte */
                        memcpy(bytes + at, ends[i], strlen(ends[i]));
                        assert_text((struct span){ bytes, at + strlen(ends[i]) });
                        assert_text((struct span){ bytes, sizeof(bytes) });
                }
        }
}

static void text_is_escaped_by_the_policy(void **state)
{
        static const struct {
                const char *bytes, *json;
        } cases[] = {
                { "", "\"\"" },
                { "/plain \xc3\xa9", "\"/plain \xc3\xa9\"" },
                { "\"\\\b\t\n\f\r\x0b\x1b", "\"\\\"\\\\\\b\\t\\n\\f\\r\\u000b\\u001b\"" },
                { "\x7f\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u007f\\u0080\\u009f\xc2\xa0\"" },
                { "\xef\xb7\x90\xef\xbf\xbf", "\"\\ufdd0\\uffff\"" },
                { "\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"" },
                { "a\xff\xe2\x82z", "\"a" R R "z\"" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };

                (void)json_text(&b, span_of(cases[i].bytes));
                assert_buf(&b, cases[i].json);
        }
}

static void exact_bytes_stand_beside_what_is_no_text(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        json_put_text(&b, "a", span_of("text"));
        json_put_text(&b, "b", ((struct span){ "\0", 1 }));
        assert_buf(&b, "\"a\":\"text\",\"b\":\"" R "\",\"b_base64\":\"AA==\"");
}

static void strings_are_split_at_each_nul(void **state)
{
        static const struct {
                struct span strings;
                const char *json;
        } cases[] = {
                { { "", 0 }, "[]" },
                { { "\0", 1 }, "[\"\"]" },
                { { "\0\0", 2 }, "[\"\",\"\"]" },
                { { "a", 1 }, "[\"a\"]" },
                { { "a\0", 2 }, "[\"a\"]" },
                { { "a\0\0b\0", 5 }, "[\"a\",\"\",\"b\"]" },
                { { "\xe2\x82\0\xac\0", 5 }, "[\"" R "\",\"" R "\"]" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };

                (void)json_strings(&b, cases[i].strings);
                assert_buf(&b, cases[i].json);
        }
}

/* Of any bytes: what json_text() writes of each string, and exact if all are. */
static void strings_are_the_texts_between_the_nuls(void **state)
{
        static const char likely[] =
                "\0\0\0ab\"\\\n\x1b\x7f\xc2\x85\xe2\x82\xac\xf0\x9f\x98\x80\xff";
        uint32_t seed = 1;

        (void)state;
        for (int round = 0; round < 20000; round++) {
                _cleanup_(buf_done) struct buf b = { 0 }, expected = { 0 };
                char bytes[64];
                size_t size, n = 0;
                bool exact = true;

                for (size = 0; size < sizeof(bytes) && (size < 2 || seed >> 24 > 4); size++) {
                        seed = seed * 1664525 + 1013904223;
                        bytes[size] = likely[(seed >> 8) % sizeof(likely)];
                }
                json_begin_array(&expected);
                while (n < size) {
                        size_t length = strnlen(bytes + n, size - n);

                        exact &= json_text(&expected, (struct span){ bytes + n, length });
                        n += length + 1;
                }
                json_end_array(&expected);
                buf_append_char(&expected, '\0');
                assert_int_equal(json_strings(&b, (struct span){ bytes, size }), exact);
                assert_buf(&b, expected.data);
        }
}

static void joined_strings_have_a_blank_in_between(void **state)
{
        static const struct {
                struct span strings;
                const char *json;
                bool exact;
        } cases[] = {
                { { "", 0 }, "\"\"", true },
                { { "\0", 1 }, "\"\"", true },
                { { "\0\0", 2 }, "\" \"", true },
                { { "a", 1 }, "\"a\"", true },
                { { "a\0", 2 }, "\"a\"", true },
                { { "sh\0-c\0a \"b\"\0", 12 }, "\"sh -c a \\\"b\\\"\"", true },
                { { "\xe2\x82\0\xac\0", 5 }, "\"" R " " R "\"", false },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buf_done) struct buf b = { 0 };

                assert_int_equal(json_joined(&b, cases[i].strings), cases[i].exact);
                assert_buf(&b, cases[i].json);
        }
}

/* They are read by the word, and so at each place of a NUL or of another byte in one. */
static void joined_strings_are_text_with_blanks_for_nuls(void **state)
{
        static const char likely[] = "\0\0\0a\x01\x7f\x80\xff\xc2\xa0\"\\ z";
        _cleanup_(buf_done) struct buf b = { 0 }, expected = { 0 };
        char bytes[40], blanks[sizeof(bytes)];
        uint32_t seed = 1;

        (void)state;
        for (unsigned i = 0; i < 20000; i++) {
                const size_t size = i % sizeof(bytes);

                for (size_t k = 0; k < size; k++) {
                        seed = seed * 1664525 + 1013904223;
                        bytes[k] = likely[(seed >> 8) % (sizeof(likely) - 1)];
                        blanks[k] = (char)(bytes[k] == '\0' ? ' ' : bytes[k]);
                }
                if (size > 0)
                        bytes[size - 1] = blanks[size - 1] = 'e';
                buf_reset(&b);
                buf_reset(&expected);
                assert_int_equal(json_joined(&b, (struct span){ bytes, size }),
                                 json_text(&expected, (struct span){ blanks, size }));
                buf_append_char(&expected, '\0');
                assert_buf(&b, expected.data);
        }
}

static void member_that_stays_empty_is_taken_back(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        size_t outer, inner;

        (void)state;
        json_begin_object(&b);
        outer = json_begin_member(&b, "outer");
        inner = json_begin_member(&b, "inner");
        json_end_member(&b, inner);
        json_end_member(&b, outer);
        outer = json_begin_member(&b, "outer");
        inner = json_begin_member(&b, "inner");
        json_put_string(&b, "key", "{");
        json_end_member(&b, inner);
        json_end_member(&b, outer);
        json_put_true(&b, "next");
        json_end_object(&b);
        assert_buf(&b, "{\"outer\":{\"inner\":{\"key\":\"{\"}},\"next\":true}");
}

static void assert_cut(const char *text, size_t room, const char *expected)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        json_text_cut(&b, (struct span){ 0 }, span_of(text), room);
        assert_buf(&b, expected);
}

static void cut_keeps_head_and_tail(void **state)
{
        (void)state;
        assert_cut("0123456789", 9, "\"012" ELLIPSIS "789\"");
        assert_cut("0123456789", 8, "\"01" ELLIPSIS "789\"");
        assert_cut("0123456789", 4, "\"" ELLIPSIS "9\"");
        assert_cut("0123456789", 3, "\"" ELLIPSIS "\"");
        assert_cut("0123456789", 2, "\"\"");
        assert_cut("0123456789", 0, "\"\"");
}

static void cut_leaves_what_is_kept(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        json_text_cut(&b, span_of("A\"="), span_of("0123456789"), 5);
        assert_buf(&b, "\"A\\\"=0" ELLIPSIS "9\"");
}

static void cut_never_splits_a_character(void **state)
{
        (void)state;
        assert_cut("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8, "\"\xc3\xa9" ELLIPSIS "\xc3\xa9\"");
        assert_cut("\xf0\x9f\x98\x80-\xf0\x9f\x98\x80", 8, "\"" ELLIPSIS "-\xf0\x9f\x98\x80\"");
        assert_cut("\xf0\x9f\x98\x80-\xf0\x9f\x98\x80", 6, "\"" ELLIPSIS "\"");
}

static void cut_counts_escapes(void **state)
{
        (void)state;
        assert_cut("\x1b\x1b\x1b\x1b", 15, "\"\\u001b" ELLIPSIS "\\u001b\"");
        assert_cut("\x1b\x1b\x1b\x1b", 14, "\"" ELLIPSIS "\\u001b\"");
        assert_cut("\"\"\"\"\"", 9, "\"\\\"" ELLIPSIS "\\\"\\\"\"");
}

static void cut_always_fits(void **state)
{
        static const char text[] =
                "a\x1b\xc3\xa9\x7f\"\xe2\x82\xac\xf0\x9f\x98\x80\\\n\xc2\x85\xf4\x8f\xbf\xbfz";
        size_t size = json_text_size(span_of(text));

        (void)state;
        for (size_t room = 0; room < size; room++) {
                _cleanup_(buf_done) struct buf b = { 0 };
                struct json_object *json;

                json_text_cut(&b, (struct span){ 0 }, span_of(text), room);
                assert_true(b.size - 2 <= room || (room < 3 && b.size == 2));
                json = canonical_parse(buf_span(&b));
                assert_non_null(json);
                json_object_put(json);
        }
}

static void failure_stays_and_nothing_is_written(void **state)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        (void)state;
        b.error = -ENOMEM;
        json_begin_object(&b);
        json_put_u64(&b, "a", 1);
        json_put_i64(&b, "b", -1);
        json_put_true(&b, "c");
        json_put_string(&b, "d", "e");
        json_put_text(&b, "f", span_of("g\xff"));
        json_key(&b, "h");
        (void)json_strings(&b, span_of("i"));
        json_text_cut(&b, (struct span){ 0 }, span_of("jjjjjjjjjj"), 5);
        json_end_object(&b);
        assert_int_equal(buf_error(&b), -ENOMEM);
        assert_int_equal(b.size, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(commas_come_where_they_are_due),
                cmocka_unit_test(text_that_looks_like_json_changes_no_comma),
                cmocka_unit_test(comma_that_is_there_counts),
                cmocka_unit_test(numbers_have_all_their_digits),
                cmocka_unit_test(each_character_is_as_json_c_writes_it),
                cmocka_unit_test(each_byte_is_seen_at_each_place),
                cmocka_unit_test(sequences_are_whole_at_the_end_of_each_block),
                cmocka_unit_test(text_is_escaped_by_the_policy),
                cmocka_unit_test(exact_bytes_stand_beside_what_is_no_text),
                cmocka_unit_test(strings_are_split_at_each_nul),
                cmocka_unit_test(strings_are_the_texts_between_the_nuls),
                cmocka_unit_test(joined_strings_have_a_blank_in_between),
                cmocka_unit_test(joined_strings_are_text_with_blanks_for_nuls),
                cmocka_unit_test(member_that_stays_empty_is_taken_back),
                cmocka_unit_test(cut_keeps_head_and_tail),
                cmocka_unit_test(cut_leaves_what_is_kept),
                cmocka_unit_test(cut_never_splits_a_character),
                cmocka_unit_test(cut_counts_escapes),
                cmocka_unit_test(cut_always_fits),
                cmocka_unit_test(failure_stays_and_nothing_is_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
