/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * For tests of the encoder: puts the halves of a line together as a sink does, checks what has to
 * be true of every line, and reads it back.
 *
 * With TEST_LINES=FILE in the environment all lines go there, too, for tests/validate.py; those of
 * another shape to FILE.ecs and so on, for tests/shapes/check_shape.py.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/text.h"
#include "canonical_json.h"
#include "encode/encode.h"

#define BOOT_ID "0123456789abcdef0123456789abcdef"

/* 2026-11-22T17:30:00Z - 1000 s: boot_ns of 1000 s is then. */
#define CLOCK_OFFSET (INT64_C(1795368600) * 1000000000 - INT64_C(1000) * 1000000000)
#define NOW_BOOT_NS (UINT64_C(1000) * 1000000000 + 123456789)
#define NOW "2026-11-22T17:30:00.123456789Z"

#define HEAD(kind) "{\"event\":\"" kind "\",\"time\":\"" NOW "\",\"seq\":7"
#define COMMON ",\"boot_id\":\"" BOOT_ID "\",\"host\":\"box\""

static inline const char *format_name(enum config_format format)
{
#define CASE_FORMAT(NAME, name)                                                                    \
        case FORMAT_##NAME:                                                                        \
                return #name;
        switch (format) {
                FORMATS(CASE_FORMAT)
        default:
                fail();
        }
        return NULL;
#undef CASE_FORMAT
}

static inline struct encoder *make_encoder_as(enum config_format format, const char *host,
                                              const uint32_t *namespaces)
{
        struct encode_context context = { .format = format,
                                          .boot_id = BOOT_ID,
                                          .host = host,
                                          .machine_id = "fedcba9876543210fedcba9876543210",
                                          .namespaces = namespaces };
        struct encoder *e = NULL;

        assert_int_equal(encoder_new(&context, &e), 0);
        encoder_set_clock(e, CLOCK_OFFSET);
        return e;
}

/* PID 1 of whose host is in these namespaces. */
static inline struct encoder *make_encoder_of(const char *host, const uint32_t *namespaces)
{
        return make_encoder_as(FORMAT_NATIVE, host, namespaces);
}

static inline struct encoder *make_encoder(const char *host)
{
        return make_encoder_of(host, NULL);
}

/* The bytes of the line with its seq, checked; and a NUL. */
static inline void assemble(const struct line *line, uint64_t seq, struct buf *ret)
{
        buf_reset(ret);
        buf_append_span(ret, line->head);
        buf_append_u64(ret, seq);
        buf_append_span(ret, line->tail);
        buf_append_char(ret, '\0');
        assert_int_equal(buf_error(ret), 0);
        ret->size--;

        assert_int_equal(strlen(ret->data), ret->size);
        assert_true(text_is_valid(buf_span(ret)));
        for (size_t i = 0; i < ret->size; i++) {
                assert_true((uint8_t)ret->data[i] >= 0x20 && ret->data[i] != 0x7f);
                if ((uint8_t)ret->data[i] == 0xc2)
                        assert_true((uint8_t)ret->data[i + 1] >= 0xa0);
        }
}

static inline void record_line(const struct line *line)
{
        static uint64_t seq[_FORMAT_MAX];
        const char *name = getenv("TEST_LINES");
        _cleanup_(buf_done) struct buf text = { 0 };
        enum config_format format = FORMAT_NATIVE;
        char path[4096];
        FILE *f;

        if (!name)
                return;
        assert_true(encoded_format(line->head, &format));
        (void)snprintf(path, sizeof(path), "%s%s%s", name, format == FORMAT_NATIVE ? "" : ".",
                       format == FORMAT_NATIVE ? "" : format_name(format));
        assemble(line, ++seq[format], &text);
        f = fopen(path, seq[format] == 1 ? "w" : "a");
        assert_non_null(f);
        assert_true(fprintf(f, "%s\n", text.data) > 0);
        assert_int_equal(fclose(f), 0);
}

static inline void assert_line(const struct line *line, const char *expected)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        assemble(line, 7, &text);
        assert_string_equal(text.data, expected);
        record_line(line);
}

/* To be given back with json_object_put(). */
static inline struct json_object *parse_line(const struct line *line)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct json_object *json;

        assemble(line, UINT64_MAX, &text);
        json = canonical_parse(buf_span(&text));
        assert_non_null(json);
        record_line(line);
        return json;
}

static inline bool has(struct json_object *json, const char *key)
{
        return json_object_object_get_ex(json, key, NULL);
}

static inline struct json_object *get(struct json_object *json, const char *key)
{
        struct json_object *value = NULL;

        assert_true(json_object_object_get_ex(json, key, &value));
        return value;
}

static inline const char *get_string(struct json_object *json, const char *key)
{
        return json_object_get_string(get(json, key));
}

/* Text of any JSON value, as it stands in a line. */
static inline void assert_value(struct json_object *json, const char *key, const char *expected)
{
        assert_string_equal(json_object_to_json_string_ext(get(json, key),
                                                           JSON_C_TO_STRING_PLAIN |
                                                                   JSON_C_TO_STRING_NOSLASHESCAPE),
                            expected);
}

static inline bool array_has(struct json_object *array, const char *string)
{
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), string) ==
                    0)
                        return true;
        return false;
}
