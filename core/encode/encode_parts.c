/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One table says where the parts of an event are; how each is written is in the shape's own table.
 * Here room is dealt out.
 */
#include <stddef.h>

#include "base/macro.h"
#include "encode/encode_forms.h"
#include "encode/encode_parts.h"

/* Each part gets so much first, if it needs it: enough for a name and the start of a path. */
#define PART_FLOOR 256

#define SPAN(member) .offset = offsetof(struct exec_event, member)

static const struct {
        size_t offset; /* of its span */
        uint32_t cut;  /* of exec_event.cut: the kernel has sent it incomplete */
} sources[_PART_MAX] = {
        [PART_COMM] = { SPAN(comm) },
        [PART_USER] = { SPAN(user) },
        [PART_EUSER] = { SPAN(euser) },
        [PART_GROUP] = { SPAN(group) },
        [PART_UNIT] = { SPAN(names.unit) },
        [PART_CONTAINER_ID] = { SPAN(names.container_id) },
        [PART_PARENT_COMM] = { SPAN(parent_comm) },
        [PART_TTY] = { SPAN(tty) },
        [PART_CGROUP] = { SPAN(cgroup), EXEC_CUT(FIELD_CGROUP) },
        [PART_EXE] = { SPAN(exe), EXEC_CUT(FIELD_EXE) },
        [PART_FILENAME] = { SPAN(filename), EXEC_CUT(FIELD_FILENAME) },
        [PART_CWD] = { SPAN(cwd), EXEC_CUT(FIELD_CWD) },
        [PART_PARENT_EXE] = { SPAN(parent_exe), EXEC_CUT(FIELD_PARENT_EXE) },
        [PART_USER_UNIT] = { SPAN(names.user_unit) },
        [PART_SLICE] = { SPAN(names.slice) },
        [PART_STDIN] = { SPAN(descriptors[0]) },
        [PART_STDOUT] = { SPAN(descriptors[1]) },
        [PART_STDERR] = { SPAN(descriptors[2]) },
        [PART_TAGS] = { SPAN(tags) },
        [PART_REDACTED] = { SPAN(redacted) },
        [PART_ANCESTORS] = { SPAN(ancestors), EXEC_CUT(FIELD_ANCESTORS) },
        [PART_ENV] = { SPAN(env), EXEC_CUT(FIELD_ENV) },
        [PART_ARGV] = { SPAN(argv), EXEC_CUT(FIELD_ARGV) },
        [PART_PARENT_ARGV] = { SPAN(parent_argv), EVENT_CUT_PARENT_ARGV },
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

/* The bytes of a part; data is NULL if the event does not have it. */
static struct span part_span(const struct exec_event *event, enum part part)
{
        const char *source = (const char *)event + sources[part].offset;
        size_t n_ancestors = MIN(event->n_ancestors, (unsigned)EXEC_ANCESTORS_MAX);

        if (event->kind == EVENT_EXIT && part != PART_COMM && part != PART_TAGS)
                return (struct span){ 0 };
        if (part_is_descriptor(part))
                return descriptor_span(source);
        if (part != PART_ANCESTORS)
                return *(const struct span *)source;
        if (n_ancestors == 0)
                return (struct span){ 0 };
        return (struct span){ source, n_ancestors * sizeof(event->ancestors[0]) };
}

static bool part_is_present(const struct exec_event *event, enum part part)
{
        return part_span(event, part).data;
}

static struct part_size part_measure(const struct shape *shape, const struct exec_event *event,
                                     enum part part, size_t max)
{
        const struct shape_part *p = &shape->parts[part];

        if (!part_is_present(event, part))
                return (struct part_size){ 0 };
        return p->form->measure(p, part_span(event, part), max);
}

struct plan plan_whole(const struct exec_event *event)
{
        struct plan plan = { 0 };

        for (enum part p = 0; p < _PART_MAX; p++) {
                plan.room[p] = ROOM_WHOLE;
                if (event->kind != EVENT_EXIT && (event->cut & sources[p].cut))
                        plan.cut |= PART_BIT(p);
        }
        for (enum part p = PART_STDIN; p <= PART_STDERR; p++)
                if (part_is_present(event, p) && !descriptor_is_whole(part_span(event, p)))
                        plan.cut |= PART_BIT(p);
        if (!variables_are_whole(part_span(event, PART_ENV)))
                plan.cut |= PART_BIT(PART_ENV);
        return plan;
}

struct plan plan_fit(const struct shape *shape, const struct exec_event *event, size_t room)
{
        struct plan plan = plan_whole(event);
        struct part_size size[_PART_MAX];
        size_t more;

        for (enum part p = 0; p < _PART_MAX; p++) {
                size[p] = part_measure(shape, event, p, room);
                plan.room[p] = MIN(MIN(size[p].data, (size_t)PART_FLOOR), room / 4);
                room -= plan.room[p];
        }
        for (enum part p = 0; p < _PART_MAX; p++) {
                more = MIN(size[p].data - plan.room[p], room);
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
                const struct shape_part *part = &shape->parts[p];

                plan.room[p] = 0;
                if (!part_is_present(event, p))
                        continue;
                if (p == PART_ARGV || (all_marks && (part->has_own_mark || !part->key_base64)))
                        plan.cut |= PART_BIT(p);
                if (all_marks && part->key_base64)
                        plan.no_base64 |= PART_BIT(p);
        }
        return plan;
}

/* In the order of the keys; one name at most is there for each. */
static void put_mark(struct encoder *e, enum part part, const struct plan *plan)
{
        const struct shape_part *p = &e->shape->parts[part];

        if ((plan->cut & PART_BIT(part)) && !p->has_own_mark)
                json_string(&e->marks, p->key);
        else if (plan->no_base64 & PART_BIT(part))
                json_string(&e->marks, p->key_base64);
}

void encoder_put_part(struct encoder *e, const struct exec_event *event, enum part part,
                      const struct plan *plan)
{
        const struct shape_part *p = &e->shape->parts[part];
        struct span bytes = part_span(event, part);

        put_mark(e, part, plan);
        if (bytes.data)
                p->form->put(e, p, bytes, plan->room[part], !(plan->no_base64 & PART_BIT(part)));
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
