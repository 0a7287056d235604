/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One table says where the parts of an event are, or how they are found; how each is written is in
 * the shape's own table. Here room is dealt out.
 */
#include <stddef.h>
#include <string.h>

#include "base/macro.h"
#include "encode/encode_forms.h"
#include "encode/encode_parts.h"

/* Each part gets so much first, if it needs it: enough for a name and the start of a path. */
#define PART_FLOOR 256

static struct span last_part(struct span path)
{
        const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

        return slash ? span_skip(path, (size_t)(slash + 1 - path.data)) : path;
}

/*
 * The program's name as people know it. comm has at most 15 bytes of it, and of a script the
 * script's name, which is in filename and not in exe; of all that comm is not the beginning of,
 * such as the file of another program that could not be executed, it is comm that is true.
 */
static struct span find_name(const struct exec_event *event)
{
        const struct span name = last_part(event->filename), comm = event->comm;

        if (event->kind == EVENT_EXIT || (event->cut & EXEC_CUT(FIELD_FILENAME)) ||
            comm.size < EXEC_COMM_SIZE - 1 || name.size < comm.size)
                return comm;
        return span_equal(span_head(name, comm.size), comm) ? name : comm;
}

static struct span find_exe_name(const struct exec_event *event)
{
        return last_part(event->exe);
}

static struct span find_parent_exe_name(const struct exec_event *event)
{
        return last_part(event->parent_exe);
}

static struct span find_effective_user(const struct exec_event *event)
{
        const bool is_user = event_has(event, FACT_CREDS) && event->facts.euid == event->facts.uid;

        return is_user ? event->user : event->euser;
}

static struct span find_effective_group(const struct exec_event *event)
{
        const bool is_group = event_has(event, FACT_CREDS) && event->facts.egid == event->facts.gid;

        return is_group ? event->group : (struct span){ 0 };
}

static struct span caps_span(const struct exec_event *event, const __u64 *set)
{
        if (!event_has(event, FACT_CAPS))
                return (struct span){ 0 };
        return (struct span){ (const char *)set, sizeof(*set) };
}

static struct span find_caps_effective(const struct exec_event *event)
{
        return caps_span(event, &event->facts.caps_effective);
}

static struct span find_caps_permitted(const struct exec_event *event)
{
        return caps_span(event, &event->facts.caps_permitted);
}

static struct span find_ancestors(const struct exec_event *event)
{
        const size_t n = MIN(event->n_ancestors, (unsigned)EXEC_ANCESTORS_MAX);

        if (n == 0)
                return (struct span){ 0 };
        return (struct span){ (const char *)event->ancestors, n * sizeof(event->ancestors[0]) };
}

#define SPAN(member) .offset = offsetof(struct exec_event, member)

static const struct {
        size_t offset;                                       /* of its span */
        struct span (*find)(const struct exec_event *event); /* or NULL */
        uint32_t cut; /* of exec_event.cut: the kernel has sent it incomplete */
} sources[_PART_MAX] = {
        [PART_COMM] = { SPAN(comm) },
        [PART_NAME] = { .find = find_name },
        [PART_USER] = { SPAN(user) },
        [PART_USER_AGAIN] = { SPAN(user) },
        [PART_EUSER] = { SPAN(euser) },
        [PART_EFFECTIVE_USER] = { .find = find_effective_user },
        [PART_GROUP] = { SPAN(group) },
        [PART_EFFECTIVE_GROUP] = { .find = find_effective_group },
        [PART_UNIT] = { SPAN(names.unit) },
        [PART_CONTAINER_ID] = { SPAN(names.container_id) },
        [PART_PARENT_COMM] = { SPAN(parent_comm) },
        [PART_TTY] = { SPAN(tty) },
        [PART_CGROUP] = { SPAN(cgroup), .cut = EXEC_CUT(FIELD_CGROUP) },
        [PART_EXE] = { SPAN(exe), .cut = EXEC_CUT(FIELD_EXE) },
        [PART_EXE_AGAIN] = { SPAN(exe), .cut = EXEC_CUT(FIELD_EXE) },
        [PART_EXE_NAME] = { .find = find_exe_name },
        [PART_FILENAME] = { SPAN(filename), .cut = EXEC_CUT(FIELD_FILENAME) },
        [PART_CWD] = { SPAN(cwd), .cut = EXEC_CUT(FIELD_CWD) },
        [PART_PARENT_EXE] = { SPAN(parent_exe), .cut = EXEC_CUT(FIELD_PARENT_EXE) },
        [PART_PARENT_EXE_NAME] = { .find = find_parent_exe_name },
        [PART_USER_UNIT] = { SPAN(names.user_unit) },
        [PART_SLICE] = { SPAN(names.slice) },
        [PART_STDIN] = { SPAN(descriptors[0]) },
        [PART_STDOUT] = { SPAN(descriptors[1]) },
        [PART_STDERR] = { SPAN(descriptors[2]) },
        [PART_TAGS] = { SPAN(tags) },
        [PART_REDACTED] = { SPAN(redacted) },
        [PART_CAPS_EFFECTIVE] = { .find = find_caps_effective },
        [PART_CAPS_PERMITTED] = { .find = find_caps_permitted },
        [PART_ANCESTORS] = { .find = find_ancestors, .cut = EXEC_CUT(FIELD_ANCESTORS) },
        [PART_ENV] = { SPAN(env), .cut = EXEC_CUT(FIELD_ENV) },
        [PART_COMMAND_LINE] = { SPAN(argv) }, /* what the kernel has cut is said of argv */
        [PART_ARGV] = { SPAN(argv), .cut = EXEC_CUT(FIELD_ARGV) },
        [PART_PARENT_COMMAND_LINE] = { SPAN(parent_argv) },
        [PART_PARENT_ARGV] = { SPAN(parent_argv), .cut = EVENT_CUT_PARENT_ARGV },
};

static bool part_is_descriptor(enum part part)
{
        return part >= PART_STDIN && part <= PART_STDERR;
}

static struct span descriptor_span(const void *source)
{
        const struct event_descriptor *d = source;

        if (d->type == DESCRIPTOR_CLOSED)
                return (struct span){ 0 };
        return (struct span){ source, sizeof(*d) };
}

/* All else that an exit's event may have is its exec's. */
static bool part_is_of_exit(enum part part)
{
        return part == PART_COMM || part == PART_NAME || part == PART_TAGS;
}

/* The bytes of a part; data is NULL if the event does not have it. */
static struct span part_span(const struct exec_event *event, enum part part)
{
        const char *source = (const char *)event + sources[part].offset;

        if (event->kind == EVENT_EXIT && !part_is_of_exit(part))
                return (struct span){ 0 };
        if (sources[part].find)
                return sources[part].find(event);
        return part_is_descriptor(part) ? descriptor_span(source) : *(const struct span *)source;
}

/* Nothing, if the shape or the event does not have it. */
static struct part_size part_measure(const struct shape *shape, const struct exec_event *event,
                                     enum part part, size_t max)
{
        const struct shape_part *p = &shape_parts(shape, event->kind)[part];
        struct part_size size;
        struct span bytes = { 0 };

        if (p->form)
                bytes = part_span(event, part);
        if (!bytes.data)
                return (struct part_size){ 0 };
        size = p->form->measure(p, bytes, max);
        if (p->is_copied)
                size.data *= 2;
        return size;
}

struct plan plan_whole(const struct exec_event *event)
{
        struct plan plan = { 0 };
        struct span descriptor;

        for (enum part p = 0; p < _PART_MAX; p++) {
                plan.room[p] = ROOM_WHOLE;
                if (event->kind != EVENT_EXIT && (event->cut & sources[p].cut))
                        plan.cut |= PART_BIT(p);
        }
        for (enum part p = PART_STDIN; p <= PART_STDERR; p++) {
                descriptor = part_span(event, p);
                if (descriptor.data && !descriptor_is_whole(descriptor))
                        plan.cut |= PART_BIT(p);
        }
        if (!variables_are_whole(part_span(event, PART_ENV)))
                plan.cut |= PART_BIT(PART_ENV);
        return plan;
}

/* Of the room that is left: a command line does not push out the arguments that it is made of. */
static size_t share_of(enum part part, size_t room, size_t needed_by_next)
{
        if (part != PART_COMMAND_LINE && part != PART_PARENT_COMMAND_LINE)
                return room;
        return room - MIN(needed_by_next, room / 2);
}

struct plan plan_fit(const struct shape *shape, const struct exec_event *event, size_t room)
{
        struct plan plan = plan_whole(event);
        struct part_size size[_PART_MAX + 1];
        size_t more;

        size[_PART_MAX] = (struct part_size){ 0 };

        for (enum part p = 0; p < _PART_MAX; p++) {
                size[p] = part_measure(shape, event, p, room);
                plan.room[p] = MIN(MIN(size[p].data, (size_t)PART_FLOOR), room / 4);
                room -= plan.room[p];
        }
        for (enum part p = 0; p < _PART_MAX; p++) {
                more = MIN(size[p].data - plan.room[p], share_of(p, room, size[p + 1].data));
                plan.room[p] += more;
                room -= more;
                if (plan.room[p] < size[p].data)
                        plan.cut |= PART_BIT(p);
                else
                        plan.room[p] = ROOM_WHOLE;
        }
        for (enum part p = 0; p < _PART_MAX; p++) {
                if (plan.room[p] != ROOM_WHOLE || size[p].base64 == 0)
                        continue;
                if (size[p].base64 <= room)
                        room -= size[p].base64;
                else
                        plan.no_base64 |= PART_BIT(p);
        }
        return plan;
}

struct plan plan_none(const struct shape *shape, const struct exec_event *event, bool all_marks)
{
        struct plan plan = plan_whole(event);

        for (enum part p = 0; p < _PART_MAX; p++) {
                const struct shape_part *part = &shape_parts(shape, event->kind)[p];

                plan.room[p] = 0;
                if (!part->form || !part_span(event, p).data)
                        continue;
                if (p == PART_ARGV || (all_marks && (part->has_own_mark || !part->key_base64)))
                        plan.cut |= PART_BIT(p);
                if (all_marks && part->key_base64)
                        plan.no_base64 |= PART_BIT(p);
        }
        return plan;
}

/* The name in quotes is among what is there, each of which is in quotes. */
static bool has_mark(const struct buf *marks, const char *name)
{
        const size_t size = strlen(name);
        const char *p = marks->data, *end;

        if (marks->size == 0) /* then there may be no memory */
                return false;
        end = p + marks->size;
        while ((p = memmem(p, (size_t)(end - p), name, size))) {
                if (p[-1] == '"' && p[size] == '"')
                        return true;
                p += size;
        }
        return false;
}

/* In the order of the keys; one name at most is there for each, and for all that have the name. */
static void put_mark(struct encoder *e, const struct shape_part *p, enum part part,
                     const struct plan *plan)
{
        const char *name = NULL;

        if ((plan->cut & PART_BIT(part)) && !p->has_own_mark)
                name = p->mark ? p->mark : p->key;
        else if (plan->no_base64 & PART_BIT(part))
                name = p->key_base64;
        if (!name)
                return;
        e->is_cut = true;
        if (!has_mark(&e->marks, name))
                json_string(&e->marks, name);
}

void encoder_put_part(struct encoder *e, const struct exec_event *event, enum part part,
                      const struct plan *plan)
{
        const struct shape_part *p = &shape_parts(e->shape, event->kind)[part];
        const struct span bytes = part_span(event, part);
        size_t room = plan->room[part];

        if (p->is_copied && room != ROOM_WHOLE)
                room /= 2;
        if ((plan->cut | plan->no_base64) & PART_BIT(part))
                put_mark(e, p, part, plan);
        if (!bytes.data || p->form->put(e, p, bytes, room) || !p->key_base64 ||
            (plan->no_base64 & PART_BIT(part)))
                return;
        if (p->is_exact_apart)
                e->inexact |= PART_BIT(part);
        else
                p->form->put_exact(e, p, bytes);
}

/* Of all that has been put so far, is no text, and has them apart. */
static void put_exact(struct encoder *e, const struct exec_event *event)
{
        for (; e->inexact != 0; e->inexact &= e->inexact - 1) {
                const enum part part = (enum part)__builtin_ctzll(e->inexact);
                const struct shape_part *p = &shape_parts(e->shape, event->kind)[part];

                p->form->put_exact(e, p, part_span(event, part));
        }
}

void encoder_put_truncated(struct encoder *e, const char *key)
{
        if (e->marks.size == 0)
                return;
        json_key(e->out, key);
        json_begin_array(e->out);
        buf_append_span(e->out, buf_span(&e->marks));
        json_end_array(e->out);
}

void encoder_put_owner(struct encoder *e, const struct exec_event *event, const struct plan *plan,
                       const struct owner *owner)
{
        json_key(e->out, owner->key);
        json_begin_object(e->out);
        json_put_id(e->out, owner->id_key, owner->id);
        if (owner->name != _PART_MAX)
                encoder_put_part(e, event, owner->name, plan);
        json_end_object(e->out);
}

void encoder_end_own(struct encoder *e, const struct exec_event *event)
{
        put_exact(e, event);
        encoder_put_truncated(e, "truncated");
        json_end_object(e->out);
}
