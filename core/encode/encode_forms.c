/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * JSON text is never shorter than the bytes it stands for (invalid ones become three for each one
 * to three), so a size in bytes is a lower bound that spares measuring what cannot fit anyway.
 */
#include <string.h>

#include "base/text.h"
#include "encode/encode_forms.h"
#include "encode/encode_line.h"

/* Below this a string says nothing: "…" takes three bytes. */
#define STRING_ROOM_MIN 8

#define QUOTES_AND_COMMA 3
#define BRACKETS 2

/* {"pid":4294967295,"comm":""}, and ,"comm_base64":"" and ,"exe":"","exe_base64":"" */
#define ANCESTOR_SIZE 29
#define ANCESTOR_BASE64_SIZE 17
#define ANCESTOR_EXE_SIZE 26

/* A name that comes again gets its position in the environment behind a "=": 10 digits at most. */
#define POSITION_SIZE 11

/* ,"key": */
static size_t key_size(const char *key)
{
        return strlen(key) + 4;
}

static bool strings_take_first(struct span *rest, struct span *ret)
{
        return span_cut(rest, '\0', ret);
}

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

/* NAME=value; false for what isn't: the kernel side gives it only where it had to cut. */
static bool split_variable(struct span s, struct span *ret_name, struct span *ret_value)
{
        return span_split(s, '=', ret_name, ret_value);
}

static struct span ancestor_comm(const struct event_ancestor *a)
{
        return (struct span){ a->comm, strnlen(a->comm, sizeof(a->comm)) };
}

bool variables_are_whole(struct span rest)
{
        struct span s, name, value;

        while (strings_take_first(&rest, &s))
                if (!split_variable(s, &name, &value))
                        return false;
        return true;
}

/* Exact, or anything larger than `max`. */
static size_t text_size(struct span s, size_t max)
{
        return s.size > max ? s.size : json_text_size(s);
}

static struct part_size measure_text(const struct shape_part *part, struct span s, size_t max)
{
        struct part_size size = { .data = key_size(part->key) + 2 + text_size(s, max) };

        if (!text_is_valid(s))
                size.base64 = key_size(part->key_base64) + 2 + text_base64_size(s.size);
        return size;
}

/* All of it, or head and tail. */
static void put_text_within(struct encoder *e, struct span s, size_t room)
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
                json_text_cut(e->out, buf_span(&e->text), room);
}

static void put_text(struct encoder *e, const struct shape_part *part, struct span s, size_t room,
                     bool with_base64)
{
        size_t overhead = key_size(part->key) + 2;

        if (room == ROOM_WHOLE && with_base64) {
                json_put_text_keys(e->out, part->key, part->key_base64, s);
                return;
        }
        if (room != ROOM_WHOLE) {
                if (room < overhead + STRING_ROOM_MIN)
                        return;
                room -= overhead;
        }
        json_key(e->out, part->key);
        put_text_within(e, s, room);
}

const struct part_form form_text = { .measure = measure_text, .put = put_text };

static struct part_size measure_strings(const struct shape_part *part, struct span rest, size_t max)
{
        struct part_size size = { .data = key_size(part->key) + BRACKETS };
        size_t base64 = key_size(part->key_base64) + BRACKETS;
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

static void put_strings_whole(struct buf *b, const struct shape_part *part, struct span strings,
                              bool with_base64)
{
        struct span s;
        bool exact;

        json_key(b, part->key);
        exact = json_strings(b, strings);
        if (exact || !with_base64)
                return;
        json_key(b, part->key_base64);
        json_begin_array(b);
        while (strings_take_first(&strings, &s))
                json_base64(b, s);
        json_end_array(b);
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

static void put_strings(struct encoder *e, const struct shape_part *part, struct span strings,
                        size_t room, bool with_base64)
{
        if (room == ROOM_WHOLE)
                put_strings_whole(e->out, part, strings, with_base64);
        else
                put_strings_cut(e, part, strings, room);
}

const struct part_form form_strings = { .measure = measure_strings, .put = put_strings };

static struct part_size measure_variables(const struct shape_part *part, struct span rest,
                                          size_t max)
{
        struct part_size size = { .data = key_size(part->key) + BRACKETS };
        size_t base64 = key_size(part->key_base64) + BRACKETS, key;
        struct span s, name, value;
        bool exact = true;

        while (size.data <= max && strings_take_first(&rest, &s)) {
                if (!split_variable(s, &name, &value))
                        continue;
                key = text_size(name, max) + POSITION_SIZE + QUOTES_AND_COMMA + 1;
                size.data += key + text_size(value, max) + BRACKETS;
                base64 += key + text_base64_size(value.size) + BRACKETS;
                exact = exact && text_is_valid(value);
        }
        size.base64 = exact ? 0 : base64;
        return size;
}

/*
 * The key of a variable. A name can be there twice, and which one counts depends on who asks
 * (getenv() takes the first, the dynamic loader the last), so both are shown: no name has a "=",
 * which keeps "NAME=position" apart from all names. e->names has those that were put in this
 * object, each once and with its NUL: as many as are logged, however often they come.
 */
static void put_variable_key(struct encoder *e, struct span name, size_t position)
{
        struct buf *names = &e->names;
        size_t start = names->size;
        struct span known, text, s;
        bool is_new = true;

        text_repair(name, names);
        buf_append_char(names, '\0');
        if (buf_error(names) < 0) {
                e->out->error = buf_error(names);
                return;
        }
        known = (struct span){ names->data, start };
        text = (struct span){ names->data + start, names->size - start - 1 };
        while (is_new && strings_take_first(&known, &s))
                is_new = s.size != text.size || memcmp(s.data, text.data, s.size) != 0;
        if (is_new) {
                json_text_key(e->out, text);
                return;
        }
        names->size--;
        buf_append_char(names, '=');
        buf_append_u64(names, position);
        json_text_key(e->out, (struct span){ names->data + start, names->size - start });
        names->size = start;
}

/* The values within the room, the last one with all that is left, the others with half of it. */
static bool put_values(struct encoder *e, struct span rest, size_t room)
{
        struct span s, name, value;
        bool exact = true;

        buf_reset(&e->names);
        for (size_t position = 1; strings_take_first(&rest, &s); position++) {
                size_t overhead, size, max;

                if (!split_variable(s, &name, &value))
                        continue;
                exact = exact && text_is_valid(value);
                overhead = text_size(name, room) + POSITION_SIZE + QUOTES_AND_COMMA + 1 + BRACKETS;
                if (room < overhead + STRING_ROOM_MIN)
                        continue;
                max = rest.size > 0 ? (room - overhead) / 2 : room - overhead;
                size = MIN(text_size(value, max), max);
                put_variable_key(e, name, position);
                put_text_within(e, value, size);
                room -= overhead + size;
        }
        return exact;
}

static void put_variables(struct encoder *e, const struct shape_part *part, struct span variables,
                          size_t room, bool with_base64)
{
        size_t overhead = key_size(part->key) + BRACKETS;
        struct span s, name, value;
        struct buf *b = e->out;
        bool exact;

        if (room < overhead || variables.size == 0) /* that none is set needs no key */
                return;
        json_key(b, part->key);
        json_begin_object(b);
        exact = put_values(e, variables, room == ROOM_WHOLE ? room : room - overhead);
        json_end_object(b);
        if (exact || !with_base64 || room != ROOM_WHOLE)
                return;
        json_key(b, part->key_base64);
        json_begin_object(b);
        buf_reset(&e->names);
        for (size_t position = 1; strings_take_first(&variables, &s); position++) {
                if (!split_variable(s, &name, &value))
                        continue;
                put_variable_key(e, name, position);
                json_base64(b, value);
        }
        json_end_object(b);
}

const struct part_form form_variables = { .measure = measure_variables, .put = put_variables };

/* The next one; false: no more. */
static bool ancestors_take_first(struct span *rest, struct event_ancestor *ret)
{
        if (rest->size < sizeof(*ret))
                return false;
        memcpy(ret, rest->data, sizeof(*ret));
        rest->data += sizeof(*ret);
        rest->size -= sizeof(*ret);
        return true;
}

static size_t ancestor_size(const struct event_ancestor *a)
{
        struct span comm = ancestor_comm(a);
        size_t size = ANCESTOR_SIZE + json_text_size(comm);

        if (!text_is_valid(comm))
                size += ANCESTOR_BASE64_SIZE + text_base64_size(comm.size);
        if (a->exe.data)
                size += ANCESTOR_EXE_SIZE + json_text_size(a->exe) + text_base64_size(a->exe.size);
        return size;
}

/* Their exact bytes, at most 24 each, are within the array and go with it. */
static struct part_size measure_ancestors(const struct shape_part *part, struct span rest,
                                          size_t max _unused_)
{
        struct part_size size = { .data = key_size(part->key) + BRACKETS };
        struct event_ancestor a;

        while (ancestors_take_first(&rest, &a))
                size.data += ancestor_size(&a);
        return size;
}

static void put_ancestors(struct encoder *e, const struct shape_part *part, struct span rest,
                          size_t room, bool with_base64 _unused_)
{
        size_t overhead = key_size(part->key) + BRACKETS;
        bool is_whole = room == ROOM_WHOLE; /* nothing needs to be measured */
        struct buf *b = e->out;
        struct event_ancestor a;

        if (room < overhead)
                return;
        room -= overhead;
        json_key(b, part->key);
        json_begin_array(b);
        while (ancestors_take_first(&rest, &a)) {
                size_t size = is_whole ? 0 : ancestor_size(&a);

                if (size > room)
                        break;
                room -= size;
                json_begin_object(b);
                json_put_u64(b, "pid", a.pid);
                json_put_text(b, "comm", ancestor_comm(&a));
                if (a.exe.data)
                        json_put_text(b, "exe", a.exe);
                json_end_object(b);
        }
        json_end_array(b);
}

const struct part_form form_ancestors = { .measure = measure_ancestors, .put = put_ancestors };

static struct part_size measure_words(const struct shape_part *part, struct span rest, size_t max)
{
        size_t size = key_size(part->key) + BRACKETS;
        struct span word;

        while (size <= max && strings_take_first(&rest, &word))
                size += json_text_size(word) + QUOTES_AND_COMMA;
        return (struct part_size){ .data = size };
}

static void put_words(struct encoder *e, const struct shape_part *part, struct span rest,
                      size_t room, bool with_base64 _unused_)
{
        size_t size = key_size(part->key) + BRACKETS;
        struct span word, first = rest;

        if (!strings_take_first(&first, &word) ||
            size + json_text_size(word) + QUOTES_AND_COMMA > room)
                return;
        json_key(e->out, part->key);
        json_begin_array(e->out);
        while (strings_take_first(&rest, &word)) {
                size += json_text_size(word) + QUOTES_AND_COMMA;
                if (size > room)
                        break;
                (void)json_text(e->out, word);
        }
        json_end_array(e->out);
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

static void put_numbers(struct encoder *e, const struct shape_part *part, struct span numbers,
                        size_t room, bool with_base64 _unused_)
{
        size_t overhead = key_size(part->key) + BRACKETS;
        size_t n = numbers.size / sizeof(uint32_t);
        uint32_t number;

        if (n == 0 || room < overhead + NUMBER_SIZE)
                return;
        n = MIN(n, (room - overhead) / NUMBER_SIZE);
        json_key(e->out, part->key);
        json_begin_array(e->out);
        for (size_t i = 0; i < n; i++) {
                memcpy(&number, numbers.data + i * sizeof(number), sizeof(number));
                json_u64(e->out, number);
        }
        json_end_array(e->out);
}

const struct part_form form_numbers = { .measure = measure_numbers, .put = put_numbers };
