/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The chain of parents, in the forms that shapes have for it. Cut, the nearest are there. */
#include <string.h>

#include "base/text.h"
#include "encode/encode_forms.h"
#include "encode/encode_forms_internal.h"

/* How ancestors are named, and what that takes. */
struct ancestor_keys {
        const char *comm, *exe;
        size_t size;     /* {"pid":4294967295,"comm":""}, */
        size_t exe_size; /* ,"exe":"" */
        bool has_base64; /* with their exact bytes */
};

static const struct ancestor_keys native_keys = { "comm", "exe", 29, 9, true };
static const struct ancestor_keys entity_keys = { "name", "path", 29, 10, false };

/* ,"comm_base64":"" and ,"exe_base64":"" */
#define ANCESTOR_BASE64_SIZE 17
#define ANCESTOR_EXE_BASE64_SIZE 16

static struct span ancestor_comm(const struct event_ancestor *a)
{
        return (struct span){ a->comm, strnlen(a->comm, sizeof(a->comm)) };
}

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

static size_t ancestor_size(const struct event_ancestor *a, const struct ancestor_keys *keys)
{
        struct span comm = ancestor_comm(a);
        size_t size = keys->size + json_text_size(comm);

        if (keys->has_base64 && !text_is_valid(comm))
                size += ANCESTOR_BASE64_SIZE + text_base64_size(comm.size);
        if (!a->exe.data)
                return size;
        size += keys->exe_size + json_text_size(a->exe);
        if (keys->has_base64)
                size += ANCESTOR_EXE_BASE64_SIZE + text_base64_size(a->exe.size);
        return size;
}

static size_t ancestors_size(const char *key, struct span rest, const struct ancestor_keys *keys)
{
        size_t size = key_size(key) + BRACKETS;
        struct event_ancestor a;

        while (ancestors_take_first(&rest, &a))
                size += ancestor_size(&a, keys);
        return size;
}

static bool put_ancestor_text(struct encoder *e, const char *key, const char *key_base64,
                              struct span text)
{
        json_key(e->out, key);
        if (json_text(e->out, text))
                return true;
        if (key_base64) {
                json_key(e->out, key_base64);
                json_base64(e->out, text);
        }
        return false;
}

static bool put_ancestor(struct encoder *e, const struct event_ancestor *a,
                         const struct ancestor_keys *keys)
{
        bool exact;

        json_begin_object(e->out);
        json_put_u64(e->out, "pid", a->pid);
        exact = put_ancestor_text(e, keys->comm, keys->has_base64 ? "comm_base64" : NULL,
                                  ancestor_comm(a));
        if (a->exe.data)
                exact &= put_ancestor_text(e, keys->exe, keys->has_base64 ? "exe_base64" : NULL,
                                           a->exe);
        json_end_object(e->out);
        return exact;
}

/* The nearest, as many as there is room for. False: some bytes were no text. */
static bool put_ancestors_as(struct encoder *e, const char *key, const struct ancestor_keys *keys,
                             struct span rest, size_t room)
{
        const size_t overhead = key_size(key) + BRACKETS;
        const bool is_whole = room == ROOM_WHOLE; /* nothing needs to be measured */
        struct event_ancestor a;
        bool exact = true;

        if (room < overhead)
                return true;
        room -= overhead;
        json_key(e->out, key);
        json_begin_array(e->out);
        while (ancestors_take_first(&rest, &a)) {
                size_t size = is_whole ? 0 : ancestor_size(&a, keys);

                if (size > room)
                        break;
                room -= size;
                exact &= put_ancestor(e, &a, keys);
        }
        json_end_array(e->out);
        return exact;
}

/* Their exact bytes are within the array and go with it. */
static struct part_size measure_ancestors(const struct shape_part *part, struct span ancestors,
                                          size_t max _unused_)
{
        return (struct part_size){ .data = ancestors_size(part->key, ancestors, &native_keys) };
}

static bool put_ancestors(struct encoder *e, const struct shape_part *part, struct span ancestors,
                          size_t room)
{
        (void)put_ancestors_as(e, part->key, &native_keys, ancestors, room);
        return true;
}

const struct part_form form_ancestors = { .measure = measure_ancestors, .put = put_ancestors };

static bool ancestors_are_text(struct span rest)
{
        struct event_ancestor a;

        while (ancestors_take_first(&rest, &a))
                if (!text_is_valid(ancestor_comm(&a)) || !text_is_valid(a.exe))
                        return false;
        return true;
}

static struct part_size measure_ancestry(const struct shape_part *part, struct span ancestors,
                                         size_t max _unused_)
{
        struct part_size size = { .data = ancestors_size(part->key, ancestors, &entity_keys) };

        if (!ancestors_are_text(ancestors))
                size.base64 = ancestors_size(part->key_base64, ancestors, &native_keys);
        return size;
}

static bool put_ancestry(struct encoder *e, const struct shape_part *part, struct span ancestors,
                         size_t room)
{
        return put_ancestors_as(e, part->key, &entity_keys, ancestors, room) || room != ROOM_WHOLE;
}

static void put_ancestry_exact(struct encoder *e, const struct shape_part *part,
                               struct span ancestors)
{
        (void)put_ancestors_as(e, part->key_base64, &native_keys, ancestors, ROOM_WHOLE);
}

const struct part_form form_ancestry = {
        .measure = measure_ancestry,
        .put = put_ancestry,
        .put_exact = put_ancestry_exact,
};
