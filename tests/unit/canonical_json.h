/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What json-c, another implementation of JSON, makes of the same value: our lines have to be that,
 * byte for byte. So they mean what they were meant to, no key is there twice, numbers and escapes
 * have one form; and what json-c lets through though terminals and journalctl stumble over it (DEL,
 * C1, noncharacters), is escaped here by the book.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/buf.h"

static inline bool canonical_is_shown(uint32_t c)
{
        if (c == 0x7f || (c >= 0x80 && c < 0xa0) || (c >= 0xfdd0 && c < 0xfdf0))
                return false;
        return (c & 0xffff) != 0xfffe && (c & 0xffff) != 0xffff;
}

/* The character at *p of valid UTF-8. */
static inline uint32_t canonical_character(const uint8_t **p)
{
        uint32_t c = *(*p)++;
        unsigned n = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

        if (n > 0)
                c &= 0x3fU >> n;
        for (; n > 0; n--)
                c = c << 6 | (*(*p)++ & 0x3f);
        return c;
}

static inline void canonical_json(struct json_object *json, struct buf *ret)
{
        const uint8_t *p = (const uint8_t *)json_object_to_json_string_ext(
                json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        while (*p) {
                const uint8_t *start = p;
                uint32_t c = canonical_character(&p);

                if (canonical_is_shown(c))
                        buf_append(ret, start, (size_t)(p - start));
                else if (c < 0x10000)
                        buf_printf(ret, "\\u%04x", c);
                else
                        buf_printf(ret, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                   0xdc00 + ((c - 0x10000) & 0x3ff));
        }
}

/* Parses all of the text, strictly; NULL if it isn't canonical. For json_object_put(). */
static inline struct json_object *canonical_parse(struct span text)
{
        struct json_tokener *tokener = json_tokener_new();
        struct json_object *json;
        struct buf canonical = { 0 };
        bool ok;

        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        ok = json_tokener_get_error(tokener) == json_tokener_success &&
             json_tokener_get_parse_end(tokener) == text.size;
        json_tokener_free(tokener);
        if (ok) {
                canonical_json(json, &canonical);
                ok = buf_error(&canonical) == 0 && canonical.size == text.size &&
                     memcmp(canonical.data, text.data, text.size) == 0;
        }
        buf_done(&canonical);
        if (ok)
                return json;
        json_object_put(json);
        return NULL;
}
