/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * JSON is written straight into the line: encoding events is what this daemon does all day, and a
 * tree of objects in between cost four times as much as everything else together.
 *
 * The bytes of a string are looked at once, eight at a time, and those before the first that does
 * not stand for itself are copied; that one goes by a table of what becomes of it. Every byte
 * becomes six at most (a character beyond U+FFFF that is escaped has four and becomes twelve), so
 * room is reserved by the block, and not looked after by the byte.
 *
 * Escapes are those that other writers make: the short ones where JSON has them, else lower-case
 * \u00xx; "/" stays. Noncharacters are valid, but for systemd as unprintable as controls:
 * journalctl shows a field that has one as an array of numbers.
 *
 * Sizes are exact, not estimates: json_text_size() and json_text_cut() ask the same function that
 * writes.
 */
#include <endian.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/text.h"

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */
#define ELLIPSIS_SIZE (sizeof(ELLIPSIS) - 1)

/* What stands for the NUL between two strings; at most ESCAPED_PER_BYTE_MAX bytes. */
#define BETWEEN_NOTHING ((struct span){ 0 })
#define BETWEEN_ELEMENTS SPAN_LITERAL("\",\"")
#define BETWEEN_WORDS SPAN_LITERAL(" ")

/* Bytes per reservation: of a long string never more than six times that is reserved in vain. */
#define BLOCK_SIZE (size_t)512

#define ESCAPED_PER_BYTE_MAX 6
#define ESCAPED_MAX 12 /* two surrogates */

/* -9223372036854775808 */
#define NUMBER_SIZE_MAX 20

#define WORD_SIZE sizeof(uint64_t)

/* The form of a byte within a string: itself, \u00xx, a part of a sequence, or \letter. */
enum {
        CLASS_ITSELF = '\0',
        CLASS_HEX = 'u',
        CLASS_SEQUENCE = '?', /* NUL, too: no text */
};

static const char classes[256] = {
        ['\0'] = CLASS_SEQUENCE,
        [0x01 ... 0x07] = CLASS_HEX,
        ['\b'] = 'b',
        ['\t'] = 't',
        ['\n'] = 'n',
        [0x0b] = CLASS_HEX,
        ['\f'] = 'f',
        ['\r'] = 'r',
        [0x0e ... 0x1f] = CLASS_HEX,
        ['"'] = '"',
        ['\\'] = '\\',
        [0x7f] = CLASS_HEX,
        [0x80 ... 0xff] = CLASS_SEQUENCE,
};

/*
 * No comma at the start of an array or object, behind a key, or behind a comma. A string ends with
 * its quote, so the last byte is never one of a value.
 */
static bool is_comma_due(const struct buf *b)
{
        char last = b->size > 0 ? b->data[b->size - 1] : ',';

        return last != '{' && last != '[' && last != ':' && last != ',';
}

/* The place for `size` bytes of a value or a key, behind its comma; or NULL. */
static char *reserve_next(struct buf *b, size_t size)
{
        char *p = buf_reserve(b, size + 1);

        if (!p || !is_comma_due(b))
                return p;
        b->size++;
        *p = ',';
        return p + 1;
}

static void append_next(struct buf *b, const char *text, size_t size)
{
        char *p = reserve_next(b, size);

        if (!p)
                return;
        memcpy(p, text, size);
        b->size += size;
}

void json_begin_object(struct buf *b)
{
        append_next(b, "{", 1);
}

void json_end_object(struct buf *b)
{
        buf_append_char(b, '}');
}

size_t json_begin_member(struct buf *b, const char *plain)
{
        const size_t start = b->size;

        json_key(b, plain);
        json_begin_object(b);
        return start;
}

void json_end_member(struct buf *b, size_t start)
{
        if (b->size > start && b->data[b->size - 1] == '{')
                b->size = start;
        else
                json_end_object(b);
}

void json_begin_array(struct buf *b)
{
        append_next(b, "[", 1);
}

void json_end_array(struct buf *b)
{
        buf_append_char(b, ']');
}

void json_true(struct buf *b)
{
        append_next(b, "true", 4);
}

void json_u64(struct buf *b, uint64_t value)
{
        if (reserve_next(b, NUMBER_SIZE_MAX))
                buf_append_u64(b, value);
}

void json_i64(struct buf *b, int64_t value)
{
        if (!reserve_next(b, NUMBER_SIZE_MAX))
                return;
        if (value < 0)
                buf_append_char(b, '-');
        buf_append_u64(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json_put_id(struct buf *b, const char *key, uint64_t id)
{
        json_key(b, key);
        buf_append_char(b, '"');
        buf_append_u64(b, id);
        buf_append_char(b, '"');
}

void json_plain(struct buf *b, struct span plain)
{
        char *p = reserve_next(b, plain.size + 2);

        if (!p)
                return;
        *p++ = '"';
        memcpy(p, plain.data, plain.size);
        p[plain.size] = '"';
        b->size += plain.size + 2;
}

void json_plain_key(struct buf *b, struct span plain)
{
        char *p = reserve_next(b, plain.size + 3);

        if (!p)
                return;
        *p++ = '"';
        memcpy(p, plain.data, plain.size);
        memcpy(p + plain.size, "\":", 2);
        b->size += plain.size + 3;
}

/* U+FDD0..U+FDEF, and the last two of each plane. */
static bool is_noncharacter(uint32_t c)
{
        return (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* \uxxxx; returns the end. */
static char *escape_hex(char *out, uint32_t utf16)
{
        static const char digits[] = "0123456789abcdef";

        *out++ = '\\';
        *out++ = 'u';
        for (int shift = 12; shift >= 0; shift -= 4)
                *out++ = digits[utf16 >> shift & 0xf];
        return out;
}

/* escape_next() for all but ASCII characters. */
static char *escape_sequence(char *out, const uint8_t **p, size_t left, bool *bad)
{
        struct text_unit unit = text_unit(*p, left);

        if (!unit.is_valid) {
                *bad = true;
                memcpy(out, TEXT_REPLACEMENT, sizeof(TEXT_REPLACEMENT) - 1);
                out += sizeof(TEXT_REPLACEMENT) - 1;
        } else if (unit.character <= 0x9f || is_noncharacter(unit.character)) {
                if (unit.character > 0xffff) /* JSON has UTF-16 there */
                        out = escape_hex(out, 0xd7c0 + (unit.character >> 10));
                out = escape_hex(out, unit.character > 0xffff ? 0xdc00 | (unit.character & 0x3ff)
                                                              : unit.character);
        } else {
                memcpy(out, *p, unit.size);
                out += unit.size;
        }
        *p += unit.size;
        return out;
}

/*
 * One character, or what stands for bytes that are none, into at most ESCAPED_MAX bytes. Moves *p
 * behind it; returns the end of what was written; sets *bad if they are none.
 */
static inline char *escape_next(char *out, const uint8_t **p, size_t left, bool *bad)
{
        char class = classes[**p];

        if (class == CLASS_SEQUENCE)
                return escape_sequence(out, p, left, bad);
        if (class == CLASS_HEX) {
                out = escape_hex(out, **p);
        } else {
                if (class != CLASS_ITSELF)
                        *out++ = '\\';
                *out++ = class == CLASS_ITSELF ? (char)**p : class;
        }
        (*p)++;
        return out;
}

#define ONES UINT64_C(0x0101010101010101)

static inline uint64_t word_at(const uint8_t *p)
{
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return word;
}

/* With a character in place of each NUL: that has no bit of its lower ones, and not the highest. */
static inline uint64_t word_without_nuls(uint64_t word, char c)
{
        const uint64_t lows = ONES * 0x7f, nuls = ~(((word & lows) + lows) | word | lows);

        return word | (nuls >> 7) * (uint8_t)c;
}

/*
 * How many bytes of the word stand for themselves before the first that does not. A byte
 * that does not gets its high bit set: one that is not ASCII has it, DEL gets it by the sum, and by
 * the differences with their borrows what is below U+0020 and what is zero because it is equal.
 * Carries and borrows go up, so the lowest of the high bits is always true.
 */
static inline size_t count_plain(uint64_t word)
{
        const uint64_t ones = ONES, highs = ones << 7;
        uint64_t quote, backslash;

        word = le64toh(word); /* the first byte is the lowest */
        quote = word ^ (ones * '"');
        backslash = word ^ (ones * '\\');
        word |= (word + ones) | (word - ones * 0x20) | (quote - ones) | (backslash - ones);
        return word & highs ? (size_t)__builtin_ctzll(word & highs) / 8 : WORD_SIZE;
}

/*
 * The inside of a string, or of strings, each of which ends with a NUL, with `between` in place of
 * these unless it is empty. False: not all bytes were text. Inlined, so that for each `between` the
 * compiler makes a loop that knows its size.
 */
static inline _always_inline_ bool append_inside(struct buf *b, struct span bytes,
                                                 struct span between)
{
        const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.size, *stop;
        bool bad = false;
        uint64_t word;
        size_t plain;
        char *out;

        while (p < end) {
                stop = p + MIN((size_t)(end - p), BLOCK_SIZE);
                out = buf_reserve(b, ESCAPED_PER_BYTE_MAX * (size_t)(stop - p) + ESCAPED_MAX);
                if (!out)
                        return true;
                while (p < stop) { /* a sequence may end behind it */
                        if ((size_t)(stop - p) >= WORD_SIZE) {
                                word = word_at(p);
                                if (between.size == 1)
                                        word = word_without_nuls(word, between.data[0]);
                                memcpy(out, &word, WORD_SIZE);
                                plain = count_plain(word);
                                p += plain;
                                out += plain;
                                if (plain == WORD_SIZE)
                                        continue;
                        }
                        if (*p == '\0' && between.size > 0) {
                                memcpy(out, between.data, between.size);
                                out += between.size;
                                p++;
                        } else {
                                out = escape_next(out, &p, (size_t)(end - p), &bad);
                        }
                }
                b->size = (size_t)(out - b->data);
        }
        return !bad;
}

static bool append_plain_inside(struct buf *b, struct span bytes)
{
        return append_inside(b, bytes, BETWEEN_NOTHING);
}

bool json_text(struct buf *b, struct span bytes)
{
        bool exact;

        append_next(b, "\"", 1);
        exact = append_plain_inside(b, bytes);
        buf_append_char(b, '"');
        return exact;
}

void json_text_key(struct buf *b, struct span bytes)
{
        (void)json_text(b, bytes);
        buf_append_char(b, ':');
}

bool json_strings(struct buf *b, struct span strings)
{
        bool exact = true;

        json_begin_array(b);
        if (strings.size > 0) {
                if (strings.data[strings.size - 1] == '\0')
                        strings.size--;
                buf_append_char(b, '"');
                exact = append_inside(b, strings, BETWEEN_ELEMENTS);
                buf_append_char(b, '"');
        }
        json_end_array(b);
        return exact;
}

bool json_joined(struct buf *b, struct span strings)
{
        bool exact;

        if (strings.size > 0 && strings.data[strings.size - 1] == '\0')
                strings.size--;
        append_next(b, "\"", 1);
        exact = append_inside(b, strings, BETWEEN_WORDS);
        buf_append_char(b, '"');
        return exact;
}

void json_base64(struct buf *b, struct span bytes)
{
        append_next(b, "\"", 1);
        text_base64(bytes, b);
        buf_append_char(b, '"');
}

/* The size of one character within a string; moves *p behind it. */
static size_t escaped_size(const uint8_t **p, const uint8_t *end)
{
        char escaped[ESCAPED_MAX];
        bool bad;

        return (size_t)(escape_next(escaped, p, (size_t)(end - *p), &bad) - escaped);
}

size_t json_text_size(struct span bytes)
{
        const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.size;
        size_t sum = 0, plain;

        while (p < end) {
                if ((size_t)(end - p) >= WORD_SIZE) {
                        plain = count_plain(word_at(p));
                        p += plain;
                        sum += plain;
                        if (plain == WORD_SIZE)
                                continue;
                }
                sum += escaped_size(&p, end);
        }
        return sum;
}

/* The first or the last characters of valid text, as many as take at most `room`; what it takes. */
static size_t take_head(struct span valid, size_t room, struct span *ret)
{
        const uint8_t *start = (const uint8_t *)valid.data, *end = start + valid.size;
        const uint8_t *p = start, *next = start;
        size_t used = 0, size;

        while (p < end) {
                size = escaped_size(&next, end);
                if (used + size > room)
                        break;
                used += size;
                p = next;
        }
        *ret = (struct span){ valid.data, (size_t)(p - start) };
        return used;
}

static void take_tail(struct span valid, size_t room, struct span *ret)
{
        const uint8_t *start = (const uint8_t *)valid.data, *end = start + valid.size;
        const uint8_t *p = end, *previous, *next;
        size_t used = 0;

        while (p > start) {
                for (previous = p - 1; (*previous & 0xc0) == 0x80; previous--)
                        ;
                next = previous;
                used += escaped_size(&next, end);
                if (used > room)
                        break;
                p = previous;
        }
        *ret = (struct span){ (const char *)p, (size_t)(end - p) };
}

void json_text_cut(struct buf *b, struct span kept, struct span valid, size_t room)
{
        struct span head, tail;

        append_next(b, "\"", 1);
        if (kept.size > 0) /* else there may be none */
                (void)append_plain_inside(b, kept);
        if (room >= ELLIPSIS_SIZE) {
                room -= ELLIPSIS_SIZE;
                room -= take_head(valid, room / 2, &head);
                valid.data += head.size;
                valid.size -= head.size;
                take_tail(valid, room, &tail);
                (void)append_plain_inside(b, head);
                buf_append(b, ELLIPSIS, ELLIPSIS_SIZE);
                (void)append_plain_inside(b, tail);
        }
        buf_append_char(b, '"');
}
