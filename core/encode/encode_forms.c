/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * JSON text is never shorter than the bytes it stands for (invalid ones become three for each one
 * to three), so a size in bytes is a lower bound that spares measuring what cannot fit anyway.
 */
#include <string.h>

#include "base/text.h"
#include "encode/encode_forms.h"
#include "encode/encode_forms_internal.h"

uint64_t strings_count(struct span strings)
{
        bool lacks_nul = strings.size > 0 && strings.data[strings.size - 1] != '\0';

        return text_count_nuls(strings) + lacks_nul;
}

static bool strings_take_last(struct span *rest, struct span *ret)
{
        size_t end = rest->size, start = 0;
        const char *nul;

        if (end == 0)
                return false;
        if (rest->data[end - 1] == '\0')
                end--;
        nul = memrchr(rest->data, '\0', end);
        if (nul)
                start = (size_t)(nul - rest->data) + 1;
        *ret = (struct span){ rest->data + start, end - start };
        rest->size = start;
        return true;
}

static struct part_size measure_text(const struct shape_part *part, struct span s, size_t max)
{
        struct part_size size = { .data = key_size(part->key) + 2 + text_size(s, max) };

        if (part->key_base64 && !text_is_valid(s))
                size.base64 = key_size(part->key_base64) + 2 + text_base64_size(s.size);
        return size;
}

void put_text_within(struct encoder *e, struct span s, size_t room)
{
        if (room == ROOM_WHOLE || json_text_size(s) <= room) {
                (void)json_text(e->out, s);
                return;
        }
        buf_reset(&e->text);
        text_repair(s, &e->text);
        if (buf_error(&e->text) < 0)
                e->out->error = buf_error(&e->text);
        else
                json_text_cut(e->out, (struct span){ 0 }, buf_span(&e->text), room);
}

/* The key, if there is room for something behind it; what is left. */
static bool put_text_key(struct encoder *e, const struct shape_part *part, size_t *room)
{
        const size_t overhead = key_size(part->key) + 2;

        if (*room < overhead + STRING_ROOM_MIN)
                return false;
        json_key(e->out, part->key);
        *room -= overhead;
        return true;
}

static bool put_text(struct encoder *e, const struct shape_part *part, struct span s, size_t room)
{
        if (room == ROOM_WHOLE) {
                json_key(e->out, part->key);
                return json_text(e->out, s);
        }
        if (put_text_key(e, part, &room))
                put_text_within(e, s, room);
        return true;
}

static void put_text_exact(struct encoder *e, const struct shape_part *part, struct span s)
{
        json_key(e->out, part->key_base64);
        json_base64(e->out, s);
}

const struct part_form form_text = {
        .measure = measure_text,
        .put = put_text,
        .put_exact = put_text_exact,
};

static struct part_size measure_joined(const struct shape_part *part, struct span rest, size_t max)
{
        size_t size = key_size(part->key) + 2;
        struct span s;

        while (size <= max && strings_take_first(&rest, &s))
                size += text_size(s, max) + 1;
        return (struct part_size){ .data = size };
}

/* Of strings, as text with blanks in between: the first bytes or the last ones of them. */
static void append_words(struct span strings, struct buf *ret)
{
        struct span s;

        while (strings_take_first(&strings, &s)) {
                text_repair(s, ret);
                if (strings.size > 0)
                        buf_append_char(ret, ' ');
        }
}

/*
 * No more is looked at than can be shown: as text is never shorter than its bytes, so many from
 * either end are enough, and where these meet is within the part that is cut out.
 */
static void put_joined_cut(struct encoder *e, struct span strings, size_t room)
{
        const size_t size = MIN(strings.size, room);
        struct buf *text = &e->text;

        buf_reset(text);
        append_words(span_head(strings, size), text);
        append_words(span_skip(strings, strings.size - size), text);
        if (buf_error(text) < 0)
                e->out->error = buf_error(text);
        else
                json_text_cut(e->out, (struct span){ 0 }, buf_span(text), room);
}

static bool put_joined(struct encoder *e, const struct shape_part *part, struct span strings,
                       size_t room)
{
        if (room == ROOM_WHOLE) {
                json_key(e->out, part->key);
                (void)json_joined(e->out, strings);
        } else if (put_text_key(e, part, &room)) {
                put_joined_cut(e, strings, room);
        }
        return true; /* those of the strings are exact */
}

const struct part_form form_joined = { .measure = measure_joined, .put = put_joined };

static struct part_size measure_strings(const struct shape_part *part, struct span rest, size_t max)
{
        struct part_size size = { .data = key_size(part->key) + BRACKETS };
        size_t base64 = base64_key_size(part) + BRACKETS;
        bool exact = true;
        struct span s;

        while (size.data <= max && strings_take_first(&rest, &s)) {
                size.data += text_size(s, max) + QUOTES_AND_COMMA;
                base64 += text_base64_size(s.size) + QUOTES_AND_COMMA;
                exact = exact && text_is_valid(s);
        }
        size.base64 = exact ? 0 : base64;
        return size;
}

void put_strings_exact(struct encoder *e, const struct shape_part *part, struct span strings)
{
        struct span s;

        json_key(e->out, part->key_base64);
        json_begin_array(e->out);
        while (strings_take_first(&strings, &s))
                json_base64(e->out, s);
        json_end_array(e->out);
}

/*
 * Chooses strings from both ends, in turns, that fit the room if none is larger than `max`. Returns
 * the room that is left, and the middle that does not fit.
 */
static size_t choose_strings(struct span strings, size_t room, size_t max, struct span *ret_middle)
{
        struct span middle = strings, rest, s;
        bool from_end = false, one_side = false;

        while (middle.size > 0) {
                size_t size;

                rest = middle;
                if (from_end)
                        (void)strings_take_last(&rest, &s);
                else
                        (void)strings_take_first(&rest, &s);
                size = MIN(text_size(s, max), max) + QUOTES_AND_COMMA;
                if (size > room && one_side)
                        break;
                if (size > room) {
                        one_side = true;
                        from_end = !from_end;
                        continue;
                }
                room -= size;
                middle = rest;
                if (!one_side)
                        from_end = !from_end;
        }
        *ret_middle = middle;
        return room;
}

/* Strings of at most `max`, and what is in `spare` for those that are larger. */
static void put_chosen(struct encoder *e, struct span rest, size_t max, size_t *spare)
{
        struct span s;

        while (strings_take_first(&rest, &s)) {
                size_t size = text_size(s, max + *spare), more;

                if (size <= max) {
                        (void)json_text(e->out, s);
                        continue;
                }
                more = MIN(size - max, *spare);
                *spare -= more;
                put_text_within(e, s, max + more);
        }
}

static void put_strings_cut(struct encoder *e, const struct shape_part *part, struct span strings,
                            size_t room)
{
        struct span middle, tail;
        size_t max, spare;

        /* the first and the last string have to fit whatever their size */
        if (room < key_size(part->key) + BRACKETS + 2 * (STRING_ROOM_MIN + QUOTES_AND_COMMA))
                return;
        room -= key_size(part->key) + BRACKETS;
        max = room / 2 - QUOTES_AND_COMMA;
        spare = choose_strings(strings, room, max, &middle);

        json_key(e->out, part->key);
        json_begin_array(e->out);
        tail.data = middle.data + middle.size;
        tail.size = strings.size - (size_t)(tail.data - strings.data);
        strings.size = (size_t)(middle.data - strings.data);
        put_chosen(e, strings, max, &spare);
        put_chosen(e, tail, max, &spare);
        json_end_array(e->out);
}

static bool put_strings(struct encoder *e, const struct shape_part *part, struct span strings,
                        size_t room)
{
        if (room == ROOM_WHOLE) {
                json_key(e->out, part->key);
                return json_strings(e->out, strings);
        }
        put_strings_cut(e, part, strings, room);
        return true;
}

const struct part_form form_strings = {
        .measure = measure_strings,
        .put = put_strings,
        .put_exact = put_strings_exact,
};

static struct part_size measure_words(const struct shape_part *part, struct span rest, size_t max)
{
        size_t size = key_size(part->key) + BRACKETS;
        struct span word;

        while (size <= max && strings_take_first(&rest, &word))
                size += json_text_size(word) + QUOTES_AND_COMMA;
        return (struct part_size){ .data = size };
}

static bool put_words(struct encoder *e, const struct shape_part *part, struct span rest,
                      size_t room)
{
        size_t size = key_size(part->key) + BRACKETS;
        struct span word, first = rest;

        if (!strings_take_first(&first, &word) ||
            size + json_text_size(word) + QUOTES_AND_COMMA > room)
                return true;
        json_key(e->out, part->key);
        json_begin_array(e->out);
        while (strings_take_first(&rest, &word)) {
                size += json_text_size(word) + QUOTES_AND_COMMA;
                if (size > room)
                        break;
                (void)json_text(e->out, word);
        }
        json_end_array(e->out);
        return true;
}

const struct part_form form_words = { .measure = measure_words, .put = put_words };

/* 4294967295, */
#define NUMBER_SIZE 11

static struct part_size measure_numbers(const struct shape_part *part, struct span numbers,
                                        size_t max _unused_)
{
        return (struct part_size){ .data = key_size(part->key) + BRACKETS +
                                           numbers.size / sizeof(uint32_t) * NUMBER_SIZE };
}

static bool put_numbers(struct encoder *e, const struct shape_part *part, struct span numbers,
                        size_t room)
{
        size_t overhead = key_size(part->key) + BRACKETS;
        size_t n = numbers.size / sizeof(uint32_t);
        uint32_t number;

        if (n == 0 || room < overhead + NUMBER_SIZE)
                return true;
        n = MIN(n, (room - overhead) / NUMBER_SIZE);
        json_key(e->out, part->key);
        json_begin_array(e->out);
        for (size_t i = 0; i < n; i++) {
                memcpy(&number, numbers.data + i * sizeof(number), sizeof(number));
                json_u64(e->out, number);
        }
        json_end_array(e->out);
        return true;
}

const struct part_form form_numbers = { .measure = measure_numbers, .put = put_numbers };
