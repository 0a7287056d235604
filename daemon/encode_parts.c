/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The parts of an event that vary in length: paths, names, argv, environment, ancestors.
 *
 * Given room enough, a part is written whole, and with its exact bytes where they are not UTF-8.
 * Given less, it is written as well as the room allows: of a string head and tail, with "…" in
 * between; of argv the first and the last strings, of which none takes more than half of the room
 * while others need it; of the environment all names, as far as possible, with shortened values; of
 * the ancestors the nearest. A shortened part has no exact bytes: what it was is in the event's
 * longer line, if there is one.
 *
 * JSON text is never shorter than the bytes it stands for (invalid ones become three for each one
 * to three), so a size in bytes is a lower bound that spares measuring what cannot fit anyway.
 */
#include <errno.h>
#include <string.h>

#include "encode_parts.h"
#include "text.h"

/* Below this a string says nothing: "…" takes three bytes. */
#define STRING_ROOM_MIN 8

#define QUOTES_AND_COMMA 3
#define BRACKETS 2

/* {"pid":4294967295,"comm":""}, and ,"comm_base64":"" */
#define ANCESTOR_SIZE 29
#define ANCESTOR_BASE64_SIZE 17

/* A name that comes again gets its position in the environment behind a "=": 10 digits at most. */
#define POSITION_SIZE 11

static const struct {
        const char *key, *key_base64;
} parts[_PART_MAX] = {
        [PART_COMM] = { "comm", "comm_base64" },
        [PART_USER] = { "user", "user_base64" },
        [PART_UNIT] = { "unit", "unit_base64" },
        [PART_CONTAINER_ID] = { "container_id", "container_id_base64" },
        [PART_PARENT_COMM] = { "parent_comm", "parent_comm_base64" },
        [PART_TTY] = { "tty", "tty_base64" },
        [PART_CGROUP] = { "cgroup", "cgroup_base64" },
        [PART_EXE] = { "exe", "exe_base64" },
        [PART_FILENAME] = { "filename", "filename_base64" },
        [PART_CWD] = { "cwd", "cwd_base64" },
        [PART_USER_UNIT] = { "user_unit", "user_unit_base64" },
        [PART_SLICE] = { "slice", "slice_base64" },
        [PART_ANCESTORS] = { "ancestors", NULL },
        [PART_ENV] = { "env", "env_base64" },
        [PART_ARGV] = { "argv", "argv_base64" },
};

/* ,"key": */
static size_t key_size(const char *key)
{
        return strlen(key) + 4;
}

bool strings_take_first(struct span *rest, struct span *ret)
{
        const char *nul;

        if (rest->size == 0)
                return false;
        nul = memchr(rest->data, '\0', rest->size);
        *ret = (struct span){ rest->data, nul ? (size_t)(nul - rest->data) : rest->size };
        rest->data += ret->size + (nul ? 1 : 0);
        rest->size -= ret->size + (nul ? 1 : 0);
        return true;
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
        const char *equals = memchr(s.data, '=', s.size);

        if (!equals)
                return false;
        *ret_name = (struct span){ s.data, (size_t)(equals - s.data) };
        *ret_value = (struct span){ equals + 1, s.size - ret_name->size - 1 };
        return true;
}

static struct span ancestor_comm(const struct exec_ancestor *a)
{
        return (struct span){ a->comm, strnlen(a->comm, sizeof(a->comm)) };
}

static unsigned ancestors_count(const struct exec_event *event)
{
        return MIN(event->n_ancestors, (unsigned)EXEC_ANCESTORS_MAX);
}

/* The bytes of a part; data is NULL if the event does not have it. */
static struct span part_span(const struct exec_event *event, enum part part)
{
        if (event->kind == EVENT_EXIT && part != PART_COMM)
                return (struct span){ 0 };
        switch (part) {
        case PART_COMM:
                return event->comm;
        case PART_USER:
                return event->user;
        case PART_UNIT:
                return event->names.unit;
        case PART_SLICE:
                return event->names.slice;
        case PART_USER_UNIT:
                return event->names.user_unit;
        case PART_CONTAINER_ID:
                return event->names.container_id;
        case PART_PARENT_COMM:
                return event->parent_comm;
        case PART_TTY:
                return event->tty;
        case PART_CGROUP:
                return event->cgroup;
        case PART_EXE:
                return event->exe;
        case PART_FILENAME:
                return event->filename;
        case PART_CWD:
                return event->cwd;
        case PART_ENV: /* that none of the allowed names is set needs no key */
                return event->env.size > 0 ? event->env : (struct span){ 0 };
        case PART_ARGV:
                return event->argv;
        default:
                return (struct span){ 0 };
        }
}

uint32_t parts_present(const struct exec_event *event)
{
        uint32_t present = 0;

        for (enum part p = 0; p < _PART_MAX; p++)
                if (part_span(event, p).data)
                        present |= PART_BIT(p);
        if (event->kind != EVENT_EXIT && event->n_ancestors > 0)
                present |= PART_BIT(PART_ANCESTORS);
        return present;
}

struct plan plan_whole(const struct exec_event *event)
{
        static const enum part of_field[_FIELD_MAX] = {
                [FIELD_FILENAME] = PART_FILENAME, [FIELD_EXE] = PART_EXE,
                [FIELD_CWD] = PART_CWD,           [FIELD_CGROUP] = PART_CGROUP,
                [FIELD_ENV] = PART_ENV,           [FIELD_ANCESTORS] = PART_ANCESTORS,
                [FIELD_ARGV] = PART_ARGV,
        };
        struct plan plan = { 0 };
        struct span rest = part_span(event, PART_ENV), s, name, value;

        for (enum part p = 0; p < _PART_MAX; p++)
                plan.room[p] = ROOM_WHOLE;
        if (event->kind == EVENT_EXIT)
                return plan;
        for (enum exec_field f = 0; f < _FIELD_MAX; f++)
                if (event->cut & EXEC_CUT(f))
                        plan.cut |= PART_BIT(of_field[f]);
        while (strings_take_first(&rest, &s))
                if (!split_variable(s, &name, &value))
                        plan.cut |= PART_BIT(PART_ENV);
        return plan;
}

/* Exact, or anything larger than `max`. */
static size_t json_size(struct encoder *e, struct span s, size_t max)
{
        struct span text;

        if (s.size > max)
                return s.size;
        text = encoder_repair(e, s);
        return text.data ? text_json_size(text) : max + 1;
}

static struct part_size measure_argv(struct encoder *e, struct span rest, size_t max)
{
        struct part_size size = { .data = key_size("argv") + BRACKETS };
        size_t base64 = key_size("argv_base64") + BRACKETS;
        bool exact = true;
        struct span s;

        while (size.data <= max && strings_take_first(&rest, &s)) {
                size.data += json_size(e, s, max) + QUOTES_AND_COMMA;
                base64 += text_base64_size(s.size) + QUOTES_AND_COMMA;
                exact = exact && text_is_valid(s);
        }
        size.base64 = exact ? 0 : base64;
        return size;
}

static struct part_size measure_env(struct encoder *e, struct span rest, size_t max)
{
        struct part_size size = { .data = key_size("env") + BRACKETS };
        size_t base64 = key_size("env_base64") + BRACKETS, key;
        struct span s, name, value;
        bool exact = true;

        while (size.data <= max && strings_take_first(&rest, &s)) {
                if (!split_variable(s, &name, &value))
                        continue;
                key = json_size(e, name, max) + POSITION_SIZE + QUOTES_AND_COMMA + 1;
                size.data += key + json_size(e, value, max) + BRACKETS;
                base64 += key + text_base64_size(value.size) + BRACKETS;
                exact = exact && text_is_valid(value);
        }
        size.base64 = exact ? 0 : base64;
        return size;
}

static size_t ancestor_size(struct encoder *e, const struct exec_ancestor *a)
{
        struct span comm = ancestor_comm(a);
        size_t size = ANCESTOR_SIZE + json_size(e, comm, SIZE_MAX - 1);

        if (!text_is_valid(comm))
                size += ANCESTOR_BASE64_SIZE + text_base64_size(comm.size);
        return size;
}

/* Their exact bytes, at most 24 each, are within the array and go with it. */
static struct part_size measure_ancestors(struct encoder *e, const struct exec_event *event)
{
        struct part_size size = { .data = key_size("ancestors") + BRACKETS };

        for (unsigned i = 0; i < ancestors_count(event); i++)
                size.data += ancestor_size(e, &event->ancestors[i]);
        return size;
}

struct part_size part_measure(struct encoder *e, const struct exec_event *event, enum part part,
                              size_t max)
{
        struct span s = part_span(event, part);
        struct part_size size = { 0 };

        if (!(parts_present(event) & PART_BIT(part)))
                return size;
        if (part == PART_ARGV)
                return measure_argv(e, s, max);
        if (part == PART_ENV)
                return measure_env(e, s, max);
        if (part == PART_ANCESTORS)
                return measure_ancestors(e, event);
        size.data = key_size(parts[part].key) + 2 + json_size(e, s, max);
        if (!text_is_valid(s))
                size.base64 = key_size(parts[part].key_base64) + 2 + text_base64_size(s.size);
        return size;
}

/* All of it, or head and tail. */
static struct json_object *json_text_within(struct encoder *e, struct span s, size_t room)
{
        struct span text = encoder_repair(e, s);

        if (room == ROOM_WHOLE || !text.data || text_json_size(text) <= room)
                return json_text(text);
        buf_reset(&e->cut);
        text_cut_middle(text, room, &e->cut);
        return buf_error(&e->cut) < 0 ? NULL : json_text(buf_span(&e->cut));
}

static void put_string(struct object *o, struct span s, enum part part, const struct plan *plan)
{
        size_t room = plan->room[part], overhead = key_size(parts[part].key) + 2;

        if (room == ROOM_WHOLE && !(plan->no_base64 & PART_BIT(part))) {
                object_put_text_keys(o, parts[part].key, parts[part].key_base64, s);
                return;
        }
        if (room != ROOM_WHOLE) {
                if (room < overhead + STRING_ROOM_MIN)
                        return;
                room -= overhead;
        }
        object_put(o, parts[part].key, json_text_within(o->encoder, s, room));
}

static void put_argv_whole(struct object *o, struct span argv, bool with_base64)
{
        struct encoder *e = o->encoder;
        struct json_object *array = json_object_new_array();
        struct span rest = argv, s;
        bool exact = true;

        object_put(o, "argv", array);
        while (o->error == 0 && strings_take_first(&rest, &s)) {
                struct span text = encoder_repair(e, s);

                exact = exact && text.data == s.data;
                o->error = array_put(array, json_text(text));
        }
        if (exact || !with_base64 || o->error < 0)
                return;
        array = json_object_new_array();
        object_put(o, "argv_base64", array);
        for (rest = argv; o->error == 0 && strings_take_first(&rest, &s);)
                o->error = array_put(array, json_base64(e, s));
}

/*
 * Chooses strings from both ends, in turns, that fit the room if none is larger than `max`. Returns
 * the room that is left, and the middle that does not fit.
 */
static size_t argv_choose(struct encoder *e, struct span argv, size_t room, size_t max,
                          struct span *ret_middle)
{
        struct span middle = argv, rest, s;
        bool from_end = false, one_side = false;

        while (middle.size > 0) {
                size_t size;

                rest = middle;
                if (from_end)
                        (void)strings_take_last(&rest, &s);
                else
                        (void)strings_take_first(&rest, &s);
                size = MIN(json_size(e, s, max), max) + QUOTES_AND_COMMA;
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
static void array_put_strings(struct object *o, struct json_object *array, struct span rest,
                              size_t max, size_t *spare)
{
        struct encoder *e = o->encoder;
        struct span s;

        while (o->error == 0 && strings_take_first(&rest, &s)) {
                size_t size = json_size(e, s, max + *spare), more = 0;

                if (size > max) {
                        more = MIN(size - max, *spare);
                        *spare -= more;
                }
                o->error = array_put(array, json_text_within(e, s, max + more));
        }
}

static void put_argv_cut(struct object *o, struct span argv, size_t room)
{
        struct json_object *array;
        struct span middle, tail;
        size_t max, spare;

        /* the first and the last string have to fit whatever their size */
        if (room < key_size("argv") + BRACKETS + 2 * (STRING_ROOM_MIN + QUOTES_AND_COMMA))
                return;
        room -= key_size("argv") + BRACKETS;
        max = room / 2 - QUOTES_AND_COMMA;
        spare = argv_choose(o->encoder, argv, room, max, &middle);

        array = json_object_new_array();
        object_put(o, "argv", array);
        tail.data = middle.data + middle.size;
        tail.size = argv.size - (size_t)(tail.data - argv.data);
        argv.size = (size_t)(middle.data - argv.data);
        array_put_strings(o, array, argv, max, &spare);
        array_put_strings(o, array, tail, max, &spare);
}

/*
 * A name can be there twice, and which one counts depends on who asks (getenv() takes the first,
 * the dynamic loader the last), so both are shown: no name has a "=", which keeps "NAME=position"
 * apart from all names.
 */
static void put_variable(struct object *o, struct span name, size_t position,
                         struct json_object *value)
{
        _cleanup_(buf_done) struct buf key = { 0 };

        text_repair(name, &key);
        buf_append_char(&key, '\0');
        if (o->error == 0 && buf_error(&key) == 0 &&
            json_object_object_get_ex(o->json, key.data, NULL)) {
                key.size--;
                buf_append_char(&key, '=');
                buf_append_u64(&key, position);
                buf_append_char(&key, '\0');
        }
        if (buf_error(&key) < 0)
                o->error = -ENOMEM;
        object_put_copied_key(o, key.data, value);
}

/* The values within the room, the last one with all that is left, the others with half of it. */
static bool put_env_values(struct object *o, struct span rest, size_t room)
{
        struct encoder *e = o->encoder;
        struct span s, name, value;
        bool exact = true;

        for (size_t position = 1; strings_take_first(&rest, &s); position++) {
                size_t overhead, size, max;

                if (!split_variable(s, &name, &value))
                        continue;
                exact = exact && text_is_valid(value);
                overhead =
                        json_size(e, name, room) + POSITION_SIZE + QUOTES_AND_COMMA + 1 + BRACKETS;
                if (room < overhead + STRING_ROOM_MIN)
                        continue;
                max = rest.size > 0 ? (room - overhead) / 2 : room - overhead;
                size = MIN(json_size(e, value, max), max);
                put_variable(o, name, position, json_text_within(e, value, size));
                room -= overhead + size;
        }
        return exact;
}

static void put_env(struct object *o, struct span env, size_t room, bool with_base64)
{
        _cleanup_(object_done) struct object values = object_new(o->encoder);
        _cleanup_(object_done) struct object base64 = object_new(o->encoder);
        struct span rest = env, s, name, value;
        bool exact;

        if (room < key_size("env") + BRACKETS)
                return;
        exact = put_env_values(&values, env,
                               room == ROOM_WHOLE ? room : room - key_size("env") - BRACKETS);
        object_put_object(o, "env", &values);
        if (exact || !with_base64)
                return;
        for (size_t position = 1; strings_take_first(&rest, &s); position++)
                if (split_variable(s, &name, &value))
                        put_variable(&base64, name, position, json_base64(o->encoder, value));
        object_put_object(o, "env_base64", &base64);
}

static void put_ancestors(struct object *o, const struct exec_event *event, size_t room)
{
        struct encoder *e = o->encoder;
        struct json_object *array;

        if (room < key_size("ancestors") + BRACKETS)
                return;
        room -= key_size("ancestors") + BRACKETS;
        array = json_object_new_array();
        object_put(o, "ancestors", array);
        for (unsigned i = 0; o->error == 0 && i < ancestors_count(event); i++) {
                const struct exec_ancestor *a = &event->ancestors[i];
                _cleanup_(object_done) struct object ancestor = { .encoder = e };
                size_t size = ancestor_size(e, a);

                if (size > room)
                        return;
                room -= size;
                ancestor = object_new(e);
                object_put_u64(&ancestor, "pid", a->pid);
                object_put_text(&ancestor, "comm", ancestor_comm(a));
                o->error = ancestor.error;
                if (o->error == 0)
                        o->error = array_put(array, TAKE_PTR(ancestor.json));
        }
}

void object_put_part(struct object *o, const struct exec_event *event, enum part part,
                     const struct plan *plan)
{
        struct span s = part_span(event, part);
        size_t room = plan->room[part];
        bool with_base64 = room == ROOM_WHOLE && !(plan->no_base64 & PART_BIT(part));

        if (!(parts_present(event) & PART_BIT(part)))
                return;
        if (part == PART_ANCESTORS)
                put_ancestors(o, event, room);
        else if (part == PART_ENV)
                put_env(o, s, room, with_base64);
        else if (part != PART_ARGV)
                put_string(o, s, part, plan);
        else if (room == ROOM_WHOLE)
                put_argv_whole(o, s, with_base64);
        else
                put_argv_cut(o, s, room);
}

void object_put_truncated(struct object *o, const struct plan *plan)
{
        /* as the keys follow each other in the event */
        static const enum part order[] = {
                PART_USER,  PART_COMM,      PART_PARENT_COMM,  PART_FILENAME, PART_EXE,
                PART_ARGV,  PART_CWD,       PART_TTY,          PART_CGROUP,   PART_UNIT,
                PART_SLICE, PART_USER_UNIT, PART_CONTAINER_ID, PART_ENV,      PART_ANCESTORS,
        };
        /* argv has a mark of its own */
        uint32_t cut = plan->cut & ~PART_BIT(PART_ARGV);
        struct json_object *array;

        if ((cut | plan->no_base64) == 0)
                return;
        array = json_object_new_array();
        object_put(o, "truncated", array);
        for (size_t i = 0; o->error == 0 && i < ELEMENTSOF(order); i++) {
                uint32_t bit = PART_BIT(order[i]);

                if (cut & bit)
                        o->error = array_put(array, json_object_new_string(parts[order[i]].key));
                else if (plan->no_base64 & bit)
                        o->error = array_put(array,
                                             json_object_new_string(parts[order[i]].key_base64));
        }
}
