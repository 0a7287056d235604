/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Most bytes of a line are in strings, and most of these are ASCII: that is the loop that has to be
 * fast. Everything else is looked at one byte at a time.
 */
#include <errno.h>

#include "base/text.h"
#include "read/json_scan.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct json_scan *s)
{
        while (s->p < s->end && is_blank(*s->p))
                s->p++;
}

static bool take(struct json_scan *s, char c)
{
        skip_blanks(s);
        if (s->p == s->end || *s->p != c)
                return false;
        s->p++;
        return true;
}

static int hex_digit(char c)
{
        if (is_digit(c))
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind `\u`. */
static bool hex_is_there(const char *p, const char *end)
{
        if (end - p < 4)
                return false;
        for (int i = 0; i < 4; i++)
                if (hex_digit(p[i]) < 0)
                        return false;
        return true;
}

/* At a backslash; moves behind what it begins. */
static bool skip_escape(const char **p, const char *end)
{
        if (end - *p < 2)
                return false;
        switch ((*p)[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
                *p += 2;
                return true;
        case 'u':
                if (!hex_is_there(*p + 2, end))
                        return false;
                *p += 6;
                return true;
        default:
                return false;
        }
}

static bool is_simple(char c)
{
        return c >= ' ' && c != '"' && c != '\\' && !(c & 0x80);
}

/* Eight bytes, none of which ends a run of simple ones: each test sets the top bit of a byte. */
static bool are_simple(const char *p)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
        uint64_t v, quote, backslash;

        memcpy(&v, p, sizeof(v));
        quote = v ^ (ones * '"');
        backslash = v ^ (ones * '\\');
        return !((v | (v - ones * ' ') | (quote - ones) | (backslash - ones)) & tops);
}

/* At a quote. */
static bool scan_string(struct json_scan *s, struct json_value *ret)
{
        const char *p = s->p + 1;
        struct text_unit unit;

        *ret = (struct json_value){ .kind = JSON_STRING };
        for (;;) {
                while (s->end - p >= 8 && are_simple(p))
                        p += 8;
                while (p < s->end && is_simple(*p))
                        p++;
                if (p == s->end)
                        return false;
                if (*p == '"')
                        break;
                if (*p == '\\') {
                        ret->has_escapes = true;
                        if (!skip_escape(&p, s->end))
                                return false;
                        continue;
                }
                unit = text_unit((const uint8_t *)p, (size_t)(s->end - p));
                if (!unit.is_valid || unit.character < ' ')
                        return false;
                p += unit.size;
        }
        ret->text = (struct span){ s->p + 1, (size_t)(p - s->p) - 1 };
        s->p = p + 1;
        return true;
}

static bool skip_digits(struct json_scan *s)
{
        const char *start = s->p;

        while (s->p < s->end && is_digit(*s->p))
                s->p++;
        return s->p > start;
}

static bool take_here(struct json_scan *s, char c)
{
        if (s->p == s->end || *s->p != c)
                return false;
        s->p++;
        return true;
}

static bool scan_number(struct json_scan *s, struct json_value *ret)
{
        const char *start = s->p;

        (void)take_here(s, '-');
        if (!take_here(s, '0') && !skip_digits(s))
                return false;
        if (take_here(s, '.') && !skip_digits(s))
                return false;
        if (take_here(s, 'e') || take_here(s, 'E')) {
                if (!take_here(s, '-'))
                        (void)take_here(s, '+');
                if (!skip_digits(s))
                        return false;
        }
        *ret = (struct json_value){ .kind = JSON_NUMBER,
                                    .text = { start, (size_t)(s->p - start) } };
        return true;
}

static bool scan_word(struct json_scan *s, struct json_value *ret)
{
        static const char *const words[] = { "true", "false", "null" };
        const struct span rest = { s->p, (size_t)(s->end - s->p) };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                if (!span_starts_with(rest, words[i]))
                        continue;
                *ret = (struct json_value){ .kind = JSON_WORD,
                                            .text = span_head(rest, strlen(words[i])) };
                s->p += strlen(words[i]);
                return true;
        }
        return false;
}

static bool scan_scalar(struct json_scan *s, struct json_value *ret)
{
        if (*s->p == '"')
                return scan_string(s, ret);
        if (*s->p == '-' || is_digit(*s->p))
                return scan_number(s, ret);
        return scan_word(s, ret);
}

/* Behind the comma that has to be between two; false: there is no more. */
static int begin_next(struct json_scan *s, char closing)
{
        const bool was_first = s->is_first;

        s->is_first = false;
        if (take(s, closing))
                return 0;
        if (!was_first && !take(s, ','))
                return -EBADMSG;
        skip_blanks(s);
        return s->p < s->end ? 1 : -EBADMSG;
}

static bool scan_key(struct json_scan *s, struct json_value *ret)
{
        return s->p < s->end && *s->p == '"' && scan_string(s, ret) && take(s, ':');
}

/*
 * An object or an array, at its bracket. No recursion: what it is in, from the outside to the
 * inside, is a bit each, 1 for an object.
 */
static bool scan_nested(struct json_scan *s, struct json_value *ret)
{
        const char *start = s->p;
        struct json_value ignored;
        uint64_t objects = 0;
        unsigned depth = 0;

        _Static_assert(JSON_DEPTH_MAX < 64, "a bit for each");
        do {
                if (*s->p == '{' || *s->p == '[') {
                        if (++depth > JSON_DEPTH_MAX)
                                return false;
                        objects = objects << 1 | (*s->p == '{');
                        s->p++;
                        s->is_first = true;
                } else if (!scan_scalar(s, &ignored)) {
                        return false;
                }
                for (;;) { /* up, as long as something ends here */
                        int r = begin_next(s, objects & 1 ? '}' : ']');

                        if (r < 0)
                                return false;
                        if (r > 0)
                                break;
                        objects >>= 1;
                        if (--depth == 0)
                                goto finish;
                }
                if (objects & 1 && !scan_key(s, &ignored))
                        return false;
                skip_blanks(s);
        } while (s->p < s->end);
        return false;

finish:
        *ret = (struct json_value){ .kind = *start == '{' ? JSON_OBJECT : JSON_ARRAY,
                                    .text = { start, (size_t)(s->p - start) } };
        return true;
}

static bool scan_value(struct json_scan *s, struct json_value *ret)
{
        skip_blanks(s);
        if (s->p == s->end)
                return false;
        return *s->p == '{' || *s->p == '[' ? scan_nested(s, ret) : scan_scalar(s, ret);
}

static bool begin(struct json_scan *s, struct span text, char opening)
{
        *s = (struct json_scan){ text.data, text.size ? text.data + text.size : text.data, true };
        return take(s, opening);
}

bool json_scan_object(struct json_scan *s, struct span text)
{
        return begin(s, text, '{');
}

bool json_scan_array(struct json_scan *s, struct span text)
{
        return begin(s, text, '[');
}

static int end_of_text(struct json_scan *s)
{
        skip_blanks(s);
        return s->p == s->end ? 0 : -EBADMSG;
}

int json_next_member(struct json_scan *s, struct span *ret_key, struct json_value *ret)
{
        struct json_value key;
        int r;

        r = begin_next(s, '}');
        if (r <= 0)
                return r < 0 ? r : end_of_text(s);
        if (!scan_key(s, &key) || !scan_value(s, ret))
                return -EBADMSG;
        s->is_first = false;
        *ret_key = key.text;
        return 1;
}

int json_next_element(struct json_scan *s, struct json_value *ret)
{
        int r;

        r = begin_next(s, ']');
        if (r <= 0)
                return r < 0 ? r : end_of_text(s);
        if (!scan_value(s, ret))
                return -EBADMSG;
        s->is_first = false;
        return 1;
}

static uint32_t hex4(const char *p)
{
        uint32_t value = 0;

        for (int i = 0; i < 4; i++)
                value = value << 4 | (uint32_t)hex_digit(p[i]);
        return value;
}

/* The character at `\u`, and how many bytes it takes; of a pair of surrogates both. */
static uint32_t escaped_character(struct span s, size_t *ret_size)
{
        uint32_t high = hex4(s.data + 2), low;

        *ret_size = 6;
        if (high < 0xd800 || high > 0xdbff || s.size < 12 || s.data[6] != '\\' || s.data[7] != 'u')
                return high;
        low = hex4(s.data + 8);
        if (low < 0xdc00 || low > 0xdfff)
                return high;
        *ret_size = 12;
        return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

static void append_character(struct buf *b, uint32_t c)
{
        if (c == 0 || (c >= 0xd800 && c <= 0xdfff)) {
                buf_append_string(b, TEXT_REPLACEMENT);
        } else if (c < 0x80) {
                buf_append_char(b, (char)c);
        } else if (c < 0x800) {
                buf_append_char(b, (char)(0xc0 | c >> 6));
                buf_append_char(b, (char)(0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                buf_append_char(b, (char)(0xe0 | c >> 12));
                buf_append_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
                buf_append_char(b, (char)(0x80 | (c & 0x3f)));
        } else {
                buf_append_char(b, (char)(0xf0 | c >> 18));
                buf_append_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
                buf_append_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
                buf_append_char(b, (char)(0x80 | (c & 0x3f)));
        }
}

/* At a backslash; how many bytes it takes. */
static size_t append_escape(struct buf *b, struct span s)
{
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *at;
        uint32_t c;
        size_t size;

        if (s.data[1] == 'u') {
                c = escaped_character(s, &size);
                append_character(b, c);
                return size;
        }
        at = strchr(from, s.data[1]);
        buf_append_char(b, at ? to[at - from] : s.data[1]);
        return 2;
}

void json_append_string(const struct json_value *v, struct buf *ret)
{
        struct span rest = v->text;

        if (!v->has_escapes) {
                buf_append_span(ret, rest);
                return;
        }
        while (rest.size > 0) {
                const char *at = memchr(rest.data, '\\', rest.size);
                const size_t plain = at ? (size_t)(at - rest.data) : rest.size;

                buf_append(ret, rest.data, plain);
                rest = span_skip(rest, plain);
                if (rest.size > 0)
                        rest = span_skip(rest, append_escape(ret, rest));
        }
}

bool json_to_u64(const struct json_value *v, uint64_t *ret)
{
        uint64_t value = 0;

        if (v->kind != JSON_NUMBER || span_count(v->text, is_digit) < v->text.size)
                return false;
        for (size_t i = 0; i < v->text.size; i++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(v->text.data[i] - '0'), &value))
                        return false;
        *ret = value;
        return true;
}

bool json_to_i64(const struct json_value *v, int64_t *ret)
{
        struct json_value positive = *v;
        bool is_negative;
        uint64_t value;

        if (v->kind != JSON_NUMBER)
                return false;
        is_negative = span_strip_prefix(&positive.text, "-");
        if (!json_to_u64(&positive, &value) || value > (uint64_t)INT64_MAX)
                return false;
        *ret = is_negative ? -(int64_t)value : (int64_t)value;
        return true;
}
