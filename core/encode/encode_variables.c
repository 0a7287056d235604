/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Variables of the environment, in the forms that shapes have for them. In each of them, when room
 * is short, all names are there as far as possible, with shortened values.
 */
#include <string.h>

#include "base/text.h"
#include "encode/encode_forms.h"
#include "encode/encode_forms_internal.h"

/* A name that comes again gets its position in the environment behind a "=": 10 digits at most. */
#define POSITION_SIZE 11

/* How one variable is written, in an object or an array that has begun. */
struct variable_form {
        size_t size; /* without name and value, with a comma */
        /* At most `room` bytes of value, or ROOM_WHOLE. */
        void (*put)(struct encoder *e, struct span name, struct span value, size_t position,
                    size_t room);
        bool has_exact_names; /* they are among the exact bytes */
};

/* NAME=value; false for what isn't: the kernel side gives it only where it had to cut. */
static bool split_variable(struct span s, struct span *ret_name, struct span *ret_value)
{
        return span_split(s, '=', ret_name, ret_value);
}

bool variables_are_whole(struct span rest)
{
        struct span s, name, value;

        while (strings_take_first(&rest, &s))
                if (!split_variable(s, &name, &value))
                        return false;
        return true;
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

static void put_member(struct encoder *e, struct span name, struct span value, size_t position,
                       size_t room)
{
        put_variable_key(e, name, position);
        put_text_within(e, value, room);
}

/* "NAME":"value", */
static const struct variable_form member = {
        .size = POSITION_SIZE + 2 * QUOTES_AND_COMMA,
        .put = put_member,
};

static void put_binding(struct encoder *e, struct span name, struct span value,
                        size_t position _unused_, size_t room)
{
        struct buf *text = &e->text;
        size_t kept;

        if (room == ROOM_WHOLE || json_text_size(value) <= room) {
                (void)json_text(e->out, (struct span){ name.data, name.size + 1 + value.size });
                return;
        }
        buf_reset(text);
        text_repair(name, text);
        buf_append_char(text, '=');
        kept = text->size;
        text_repair(value, text);
        if (buf_error(text) < 0)
                e->out->error = buf_error(text);
        else
                json_text_cut(e->out, span_head(buf_span(text), kept),
                              span_skip(buf_span(text), kept), room);
}

/* "NAME=value", */
static const struct variable_form binding = {
        .size = QUOTES_AND_COMMA + 1,
        .put = put_binding,
        .has_exact_names = true,
};

static void put_pair(struct encoder *e, struct span name, struct span value,
                     size_t position _unused_, size_t room)
{
        json_begin_object(e->out);
        json_key(e->out, "name");
        (void)json_text(e->out, name);
        json_key(e->out, "value");
        put_text_within(e, value, room);
        json_end_object(e->out);
}

/* {"name":"NAME","value":"value"}, */
static const struct variable_form pair = {
        .size = sizeof("{\"name\":\"\",\"value\":\"\"},") - 1,
        .put = put_pair,
        .has_exact_names = true,
};

static bool is_exact(const struct variable_form *form, struct span name, struct span value)
{
        return text_is_valid(value) && (!form->has_exact_names || text_is_valid(name));
}

static size_t exact_size(const struct variable_form *form, struct span name, struct span value,
                         size_t max)
{
        if (form->has_exact_names)
                return form->size + text_base64_size(name.size + 1 + value.size);
        return form->size + text_size(name, max) + text_base64_size(value.size);
}

static struct part_size measure_each(const struct shape_part *part,
                                     const struct variable_form *form, struct span rest, size_t max)
{
        struct part_size size = { .data = key_size(part->key) + BRACKETS };
        size_t base64 = base64_key_size(part) + BRACKETS;
        struct span s, name, value;
        bool exact = true;

        while (size.data <= max && strings_take_first(&rest, &s)) {
                if (!split_variable(s, &name, &value))
                        continue;
                size.data += form->size + text_size(name, max) + text_size(value, max);
                base64 += exact_size(form, name, value, max);
                exact = exact && is_exact(form, name, value);
        }
        size.base64 = exact ? 0 : base64;
        return size;
}

/* The values within the room, the last one with all that is left, the others with half of it. */
static bool put_each(struct encoder *e, const struct variable_form *form, struct span rest,
                     size_t room)
{
        struct span s, name, value;
        bool exact = true;

        buf_reset(&e->names);
        for (size_t position = 1; strings_take_first(&rest, &s); position++) {
                size_t overhead, size, max;

                if (!split_variable(s, &name, &value))
                        continue;
                exact = exact && is_exact(form, name, value);
                if (room == ROOM_WHOLE) {
                        form->put(e, name, value, position, ROOM_WHOLE);
                        continue;
                }
                overhead = form->size + text_size(name, room);
                if (room < overhead + STRING_ROOM_MIN)
                        continue;
                max = rest.size > 0 ? (room - overhead) / 2 : room - overhead;
                size = MIN(text_size(value, max), max);
                form->put(e, name, value, position, size);
                room -= overhead + size;
        }
        return exact;
}

static struct part_size measure_variables(const struct shape_part *part, struct span rest,
                                          size_t max)
{
        return measure_each(part, &member, rest, max);
}

static bool put_variables(struct encoder *e, const struct shape_part *part, struct span variables,
                          size_t room)
{
        const bool is_whole = room == ROOM_WHOLE;
        const size_t overhead = key_size(part->key) + BRACKETS;
        bool exact;

        if (room < overhead || variables.size == 0) /* that none is set needs no key */
                return true;
        json_key(e->out, part->key);
        json_begin_object(e->out);
        exact = put_each(e, &member, variables, is_whole ? ROOM_WHOLE : room - overhead);
        json_end_object(e->out);
        return exact || !is_whole;
}

static void put_variables_exact(struct encoder *e, const struct shape_part *part,
                                struct span variables)
{
        struct span s, name, value;

        json_key(e->out, part->key_base64);
        json_begin_object(e->out);
        buf_reset(&e->names);
        for (size_t position = 1; strings_take_first(&variables, &s); position++) {
                if (!split_variable(s, &name, &value))
                        continue;
                put_variable_key(e, name, position);
                json_base64(e->out, value);
        }
        json_end_object(e->out);
}

const struct part_form form_variables = {
        .measure = measure_variables,
        .put = put_variables,
        .put_exact = put_variables_exact,
};

/* As an array. */
static bool put_array(struct encoder *e, const struct shape_part *part,
                      const struct variable_form *form, struct span variables, size_t room)
{
        const bool is_whole = room == ROOM_WHOLE;
        const size_t overhead = key_size(part->key) + BRACKETS;
        bool exact;

        if (room < overhead || variables.size == 0)
                return true;
        json_key(e->out, part->key);
        json_begin_array(e->out);
        exact = put_each(e, form, variables, is_whole ? ROOM_WHOLE : room - overhead);
        json_end_array(e->out);
        return exact || !is_whole;
}

static struct part_size measure_bindings(const struct shape_part *part, struct span rest,
                                         size_t max)
{
        return measure_each(part, &binding, rest, max);
}

static bool put_bindings(struct encoder *e, const struct shape_part *part, struct span variables,
                         size_t room)
{
        return put_array(e, part, &binding, variables, room);
}

static void put_bindings_exact(struct encoder *e, const struct shape_part *part,
                               struct span variables)
{
        struct span s, name, value;

        json_key(e->out, part->key_base64);
        json_begin_array(e->out);
        while (strings_take_first(&variables, &s))
                if (split_variable(s, &name, &value))
                        json_base64(e->out, s);
        json_end_array(e->out);
}

const struct part_form form_bindings = {
        .measure = measure_bindings,
        .put = put_bindings,
        .put_exact = put_bindings_exact,
};

static struct part_size measure_pairs(const struct shape_part *part, struct span rest, size_t max)
{
        return measure_each(part, &pair, rest, max);
}

static bool put_pairs(struct encoder *e, const struct shape_part *part, struct span variables,
                      size_t room)
{
        return put_array(e, part, &pair, variables, room);
}

const struct part_form form_pairs = {
        .measure = measure_pairs,
        .put = put_pairs,
        .put_exact = put_bindings_exact,
};
