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
#include <string.h>

#include "base/text.h"
#include "encode/encode_parts.h"

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
static size_t text_size(struct span s, size_t max)
{
        return s.size > max ? s.size : json_text_size(s);
}

static struct part_size measure_argv(struct span rest, size_t max)
{
        struct part_size size = { .data = key_size("argv") + BRACKETS };
        size_t base64 = key_size("argv_base64") + BRACKETS;
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

static struct part_size measure_env(struct span rest, size_t max)
{
        struct part_size size = { .data = key_size("env") + BRACKETS };
        size_t base64 = key_size("env_base64") + BRACKETS, key;
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

static size_t ancestor_size(const struct exec_ancestor *a)
{
        struct span comm = ancestor_comm(a);
        size_t size = ANCESTOR_SIZE + json_text_size(comm);

        if (!text_is_valid(comm))
                size += ANCESTOR_BASE64_SIZE + text_base64_size(comm.size);
        return size;
}

/* Their exact bytes, at most 24 each, are within the array and go with it. */
static struct part_size measure_ancestors(const struct exec_event *event)
{
        struct part_size size = { .data = key_size("ancestors") + BRACKETS };

        for (unsigned i = 0; i < ancestors_count(event); i++)
                size.data += ancestor_size(&event->ancestors[i]);
        return size;
}

struct part_size part_measure(const struct exec_event *event, enum part part, size_t max)
{
        struct span s = part_span(event, part);
        struct part_size size = { 0 };

        if (!(parts_present(event) & PART_BIT(part)))
                return size;
        if (part == PART_ARGV)
                return measure_argv(s, max);
        if (part == PART_ENV)
                return measure_env(s, max);
        if (part == PART_ANCESTORS)
                return measure_ancestors(event);
        size.data = key_size(parts[part].key) + 2 + text_size(s, max);
        if (!text_is_valid(s))
                size.base64 = key_size(parts[part].key_base64) + 2 + text_base64_size(s.size);
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

static void put_string(struct encoder *e, struct span s, enum part part, const struct plan *plan)
{
        size_t room = plan->room[part], overhead = key_size(parts[part].key) + 2;

        if (room == ROOM_WHOLE && !(plan->no_base64 & PART_BIT(part))) {
                json_put_text_keys(e->out, parts[part].key, parts[part].key_base64, s);
                return;
        }
        if (room != ROOM_WHOLE) {
                if (room < overhead + STRING_ROOM_MIN)
                        return;
                room -= overhead;
        }
        json_key(e->out, parts[part].key);
        put_text_within(e, s, room);
}

static void put_argv_whole(struct buf *b, struct span argv, bool with_base64)
{
        struct span s;
        bool exact;

        json_key(b, "argv");
        exact = json_strings(b, argv);
        if (exact || !with_base64)
                return;
        json_key(b, "argv_base64");
        json_begin_array(b);
        while (strings_take_first(&argv, &s))
                json_base64(b, s);
        json_end_array(b);
}

/*
 * Chooses strings from both ends, in turns, that fit the room if none is larger than `max`. Returns
 * the room that is left, and the middle that does not fit.
 */
static size_t argv_choose(struct span argv, size_t room, size_t max, struct span *ret_middle)
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
static void put_strings(struct encoder *e, struct span rest, size_t max, size_t *spare)
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

static void put_argv_cut(struct encoder *e, struct span argv, size_t room)
{
        struct span middle, tail;
        size_t max, spare;

        /* the first and the last string have to fit whatever their size */
        if (room < key_size("argv") + BRACKETS + 2 * (STRING_ROOM_MIN + QUOTES_AND_COMMA))
                return;
        room -= key_size("argv") + BRACKETS;
        max = room / 2 - QUOTES_AND_COMMA;
        spare = argv_choose(argv, room, max, &middle);

        json_key(e->out, "argv");
        json_begin_array(e->out);
        tail.data = middle.data + middle.size;
        tail.size = argv.size - (size_t)(tail.data - argv.data);
        argv.size = (size_t)(middle.data - argv.data);
        put_strings(e, argv, max, &spare);
        put_strings(e, tail, max, &spare);
        json_end_array(e->out);
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
static bool put_env_values(struct encoder *e, struct span rest, size_t room)
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

static void put_env(struct encoder *e, struct span env, size_t room, bool with_base64)
{
        struct buf *b = e->out;
        struct span s, name, value;
        bool exact;

        if (room < key_size("env") + BRACKETS)
                return;
        json_key(b, "env");
        json_begin_object(b);
        exact = put_env_values(e, env,
                               room == ROOM_WHOLE ? room : room - key_size("env") - BRACKETS);
        json_end_object(b);
        if (exact || !with_base64)
                return;
        json_key(b, "env_base64");
        json_begin_object(b);
        buf_reset(&e->names);
        for (size_t position = 1; strings_take_first(&env, &s); position++) {
                if (!split_variable(s, &name, &value))
                        continue;
                put_variable_key(e, name, position);
                json_base64(b, value);
        }
        json_end_object(b);
}

static void put_ancestors(struct buf *b, const struct exec_event *event, size_t room)
{
        if (room < key_size("ancestors") + BRACKETS)
                return;
        room -= key_size("ancestors") + BRACKETS;
        json_key(b, "ancestors");
        json_begin_array(b);
        for (unsigned i = 0; i < ancestors_count(event); i++) {
                const struct exec_ancestor *a = &event->ancestors[i];
                size_t size = ancestor_size(a);

                if (size > room)
                        break;
                room -= size;
                json_begin_object(b);
                json_put_u64(b, "pid", a->pid);
                json_put_text(b, "comm", ancestor_comm(a));
                json_end_object(b);
        }
        json_end_array(b);
}

void encoder_put_part(struct encoder *e, const struct exec_event *event, enum part part,
                      const struct plan *plan)
{
        struct span s = part_span(event, part);
        size_t room = plan->room[part];
        bool with_base64 = room == ROOM_WHOLE && !(plan->no_base64 & PART_BIT(part));

        if (part == PART_ANCESTORS) {
                if (parts_present(event) & PART_BIT(part))
                        put_ancestors(e->out, event, room);
                return;
        }
        if (!s.data)
                return;
        if (part == PART_ENV)
                put_env(e, s, room, with_base64);
        else if (part != PART_ARGV)
                put_string(e, s, part, plan);
        else if (room == ROOM_WHOLE)
                put_argv_whole(e->out, s, with_base64);
        else
                put_argv_cut(e, s, room);
}

void encoder_put_truncated(struct encoder *e, const struct plan *plan)
{
        /* as the keys follow each other in the event */
        static const enum part order[] = {
                PART_USER,  PART_COMM,      PART_PARENT_COMM,  PART_FILENAME, PART_EXE,
                PART_ARGV,  PART_CWD,       PART_TTY,          PART_CGROUP,   PART_UNIT,
                PART_SLICE, PART_USER_UNIT, PART_CONTAINER_ID, PART_ENV,      PART_ANCESTORS,
        };
        /* argv has a mark of its own */
        uint32_t cut = plan->cut & ~PART_BIT(PART_ARGV);

        if ((cut | plan->no_base64) == 0)
                return;
        json_key(e->out, "truncated");
        json_begin_array(e->out);
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                uint32_t bit = PART_BIT(order[i]);

                if (cut & bit)
                        json_string(e->out, parts[order[i]].key);
                else if (plan->no_base64 & bit)
                        json_string(e->out, parts[order[i]].key_base64);
        }
        json_end_array(e->out);
}
