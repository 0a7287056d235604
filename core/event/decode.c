/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Records are hostile until decoded: the kernel side is ours, but a recording may come from
 * anywhere, and a record is 4-byte aligned in a ring. So the head and the fixed part are copied
 * out, and each field of the variable part is taken only after its length was compared with what
 * is left. What remains behind the last field is refused, too: then the two sides do not agree.
 *
 * The kernel writes paths leaf first, each component with its NUL. They are reversed and joined
 * here. A path that was cut lacks its beginning: it comes without the leading slash, so that it
 * never looks like an absolute one. A terminal gets the name of its device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/decode.h"
#include "event/descriptor.h"

/*
 * Joining turns NULs into slashes and adds one at most: a path needs the bytes of its field and
 * one more, and no field is larger than a record.
 */
struct decoder {
        char exe[EXEC_RECORD_SIZE_MAX + 1];
        char cwd[EXEC_RECORD_SIZE_MAX + 1];
        char cgroup[EXEC_RECORD_SIZE_MAX + 1];
        char parent_exe[EXEC_RECORD_SIZE_MAX + 1];
        char tty[EXEC_TTY_SIZE + 1];
        struct address_texts addresses;
        struct exec_record record;
        struct exec_exit_record exit;
};

int decoder_new(struct decoder **ret)
{
        struct decoder *d;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *ret = d;
        return 0;
}

struct decoder *decoder_free(struct decoder *d)
{
        free(d);
        return NULL;
}

static enum decode_result decode_head(const void *record, size_t size, struct exec_record_head *ret)
{
        struct exec_record_head h;

        if (size < sizeof(h))
                return DECODE_SHORT;
        memcpy(&h, record, sizeof(h));
        if (h.version != EXEC_RECORD_VERSION)
                return DECODE_VERSION;
        if (h.size < sizeof(h) || h.size > size) /* perf pads samples, hence our own size */
                return DECODE_SHORT;
        if (h.size > EXEC_RECORD_SIZE_MAX || h.program >= _PROGRAM_MAX)
                return DECODE_VALUE;

        *ret = h;
        return DECODE_OK;
}

/* A fixed array that holds a string, with or without its NUL. */
static struct span fixed_string(const char *s, size_t size)
{
        return (struct span){ .data = s, .size = strnlen(s, size) };
}

/*
 * The terminal's device below /dev, as ps(1) shows it. tty_struct.name is the driver's name and a
 * number, and so is the device's ("tty1", "ttyS0", "hvc0"), but for the pseudo terminals of devpts:
 * "pts0" is pts/0 there.
 */
static struct span tty_device(struct span name, char buf[static EXEC_TTY_SIZE + 1])
{
        const struct span slash = SPAN_LITERAL("pts/");
        struct span number = name;

        if (!span_strip_prefix(&number, "pts") || number.size == 0 ||
            span_count(number, is_digit) < number.size)
                return name;
        memcpy(buf, slash.data, slash.size);
        memcpy(buf + slash.size, number.data, number.size);
        return (struct span){ .data = buf, .size = name.size + 1 };
}

/* "ls\0bin\0usr\0" → "/usr/bin/ls"; false: the last component has no NUL. */
static bool join_path(struct span field, bool cut, char *buf, struct span *ret)
{
        const char *end = field.data + field.size, *start;
        size_t n = 0;

        if (field.size > 0 && end[-1] != '\0')
                return false;
        while (end > field.data) {
                end--; /* the component's NUL */
                start = end;
                while (start > field.data && start[-1] != '\0')
                        start--;
                if (!cut || n > 0)
                        buf[n++] = '/';
                memcpy(buf + n, start, end - start);
                n += end - start;
                end = start;
        }
        if (field.size == 0)
                buf[n++] = '/';

        *ret = (struct span){ .data = buf, .size = n };
        return true;
}

/* A path field; absent if nothing came for want of room. */
static bool decode_path(struct span field, bool cut, char *buf, struct span *ret)
{
        if (cut && field.size == 0)
                return true;
        return join_path(field, cut, buf, ret);
}

static bool decode_ancestors(struct span field, struct exec_event *event)
{
        size_t n = field.size / sizeof(struct exec_ancestor);
        struct exec_ancestor a;

        if (field.size % sizeof(struct exec_ancestor) != 0 || n > EXEC_ANCESTORS_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                struct event_ancestor *to = &event->ancestors[i];

                memcpy(&a, field.data + i * sizeof(a), sizeof(a));
                *to = (struct event_ancestor){ .pid = a.pid,
                                               .exec_count = a.exec_count,
                                               .start_ns = a.start_ns };
                memcpy(to->comm, a.comm, sizeof(to->comm));
        }
        event->n_ancestors = n;
        return true;
}

/* The variable part: cuts it into fields by their lengths. */
static enum decode_result decode_fields(struct decoder *d, struct span rest,
                                        struct exec_event *event)
{
        const struct exec_record *r = &d->record;
        struct span field[_FIELD_MAX];

        for (unsigned i = 0; i < _FIELD_MAX; i++) {
                if (r->len[i] > rest.size)
                        return DECODE_SHORT;
                field[i] = (struct span){ .data = rest.data, .size = r->len[i] };
                rest.data += r->len[i];
                rest.size -= r->len[i];
        }
        if (rest.size > 0)
                return DECODE_VALUE;

        if (field[FIELD_FILENAME].size > 0 || !(r->cut & EXEC_CUT(FIELD_FILENAME)))
                event->filename = field[FIELD_FILENAME];
        if (field[FIELD_ARGV].size > 0 || !(r->cut & EXEC_CUT(FIELD_ARGV)))
                event->argv = field[FIELD_ARGV];
        if (field[FIELD_ENV].size > 0)
                event->env = field[FIELD_ENV];
        if ((r->facts.present & FACT_EXE_FILE) &&
            !decode_path(field[FIELD_EXE], r->cut & EXEC_CUT(FIELD_EXE), d->exe, &event->exe))
                return DECODE_VALUE;
        if ((r->facts.present & FACT_PARENT_EXE) &&
            !decode_path(field[FIELD_PARENT_EXE], r->cut & EXEC_CUT(FIELD_PARENT_EXE),
                         d->parent_exe, &event->parent_exe))
                return DECODE_VALUE;
        if (!decode_path(field[FIELD_CWD], r->cut & EXEC_CUT(FIELD_CWD), d->cwd, &event->cwd) ||
            !decode_path(field[FIELD_CGROUP], r->cut & EXEC_CUT(FIELD_CGROUP), d->cgroup,
                         &event->cgroup) ||
            !decode_ancestors(field[FIELD_ANCESTORS], event) ||
            !descriptors_decode(&r->facts, field[FIELD_ADDRESSES],
                                r->cut & EXEC_CUT(FIELD_ADDRESSES), &d->addresses,
                                event->descriptors))
                return DECODE_VALUE;
        return DECODE_OK;
}

static bool are_strings(struct span s, uint32_t n)
{
        struct span one;

        if (s.size > 0 && s.data[s.size - 1] != '\0')
                return false;
        while (n > 0 && span_cut(&s, '\0', &one))
                n--;
        return n == 0 && s.size == 0;
}

/*
 * What a process that runs already never had, and what could not be read of it, is absent. Its
 * arguments are what lies there now: a program that has written its title over them leaves NULs
 * behind it, and no longer the number of strings that it was executed with.
 */
static void complete_process(struct exec_event *event)
{
        struct span *argv = &event->argv;

        event->filename = event->env = (struct span){ 0 };
        event->cut &= ~(EXEC_CUT(FIELD_FILENAME) | EXEC_CUT(FIELD_ENV));
        if (!argv->data) {
                event->cut &= ~EXEC_CUT(FIELD_ARGV);
                return;
        }
        if (argv->size == 0 || (event->cut & EXEC_CUT(FIELD_ARGV)) ||
            (event_has(event, FACT_ARGC) && are_strings(*argv, event->facts.argc)))
                return;
        while (argv->size > 1 && argv->data[argv->size - 1] == '\0' &&
               argv->data[argv->size - 2] == '\0')
                argv->size--;
        if (argv->data[argv->size - 1] != '\0') /* it goes on where the environment was */
                event->cut |= EXEC_CUT(FIELD_ARGV);
        event->facts.present &= ~(uint32_t)(FACT_ARGC | FACT_ARGV_BYTES);
}

static enum event_kind kind_of(const struct exec_record_head *h)
{
        switch (h->kind) {
        case RECORD_EXEC:
                return EVENT_EXEC;
        case RECORD_EXEC_FAILED:
                return EVENT_EXEC_FAILED;
        case RECORD_EXEC_ATTEMPT:
                return EVENT_EXEC_ATTEMPT;
        case RECORD_EXIT:
                return EVENT_EXIT;
        case RECORD_PROCESS:
        case RECORD_PROCESS_TOLD:
                return EVENT_PROCESS;
        default:
                return _EVENT_KIND_MAX;
        }
}

static enum decode_result decode_exec(struct decoder *d, const char *record, size_t size,
                                      struct exec_event *ret)
{
        struct exec_record *r = &d->record;
        struct exec_event event;
        enum decode_result result;

        if (size < sizeof(*r))
                return DECODE_SHORT;
        memcpy(r, record, sizeof(*r));
        /* the kernel side has none of these without the other */
        if (!(r->facts.present & FACT_PARENT))
                r->facts.present &=
                        ~(uint32_t)(FACT_PARENT_UID | FACT_PARENT_EXEC | FACT_PARENT_EXE);
        if (!(r->facts.present & FACT_SID))
                r->facts.present &= ~(uint32_t)FACT_SESSION_LEADER;

        event = (struct exec_event){
                .kind = kind_of(&r->head),
                .boot_ns = r->head.boot_ns,
                .facts = r->facts,
                .cut = r->cut & (EXEC_CUT(_FIELD_MAX) - 1),
                .comm = fixed_string(r->comm, sizeof(r->comm)),
        };
        if (r->facts.present & FACT_PARENT)
                event.parent_comm = fixed_string(r->parent_comm, sizeof(r->parent_comm));
        if (!(r->facts.present & FACT_PARENT_EXE)) /* of a bare record, which has nothing of it */
                event.cut &= ~EXEC_CUT(FIELD_PARENT_EXE);
        if (r->facts.present & FACT_SESSION_LEADER)
                event.leader_comm = fixed_string(r->leader_comm, sizeof(r->leader_comm));
        if (r->facts.present & FACT_TTY)
                event.tty = tty_device(fixed_string(r->tty, sizeof(r->tty)), d->tty);

        result = decode_fields(d, (struct span){ record + sizeof(*r), size - sizeof(*r) }, &event);
        if (result != DECODE_OK)
                return result;
        if (event.kind == EVENT_PROCESS)
                complete_process(&event);
        *ret = event;
        return DECODE_OK;
}

static enum decode_result decode_exit(struct decoder *d, const void *record, size_t size,
                                      struct exec_event *ret)
{
        struct exec_exit_record *r = &d->exit;

        if (size != sizeof(*r))
                return DECODE_SHORT;
        memcpy(r, record, sizeof(*r));
        if (r->exec_ns > r->head.boot_ns)
                return DECODE_VALUE;

        *ret = (struct exec_event){
                .kind = EVENT_EXIT,
                .facts.present = FACT_CREDS, /* of which an exit shows the uid */
                .boot_ns = r->head.boot_ns,
                .facts.pid = r->pid,
                .facts.uid = r->uid,
                .facts.start_ns = r->start_ns,
                .status = r->status,
                .duration_ns = r->head.boot_ns - r->exec_ns,
                .comm = fixed_string(r->comm, sizeof(r->comm)),
        };
        return DECODE_OK;
}

enum decode_result decode_record(struct decoder *d, const void *record, size_t size,
                                 struct exec_event *ret)
{
        struct exec_record_head h;
        enum decode_result r;

        r = decode_head(record, size, &h);
        if (r != DECODE_OK)
                return r;
        switch (kind_of(&h)) {
        case EVENT_EXEC:
        case EVENT_EXEC_FAILED:
        case EVENT_EXEC_ATTEMPT:
        case EVENT_PROCESS:
                return decode_exec(d, record, h.size, ret);
        case EVENT_EXIT:
                return decode_exit(d, record, h.size, ret);
        default:
                return DECODE_KIND;
        }
}

enum decode_result decode_chunk(const void *record, size_t size, struct exec_record_head *ret_head,
                                struct span *ret_argv)
{
        struct exec_record_head h;
        enum decode_result r;

        r = decode_head(record, size, &h);
        if (r != DECODE_OK)
                return r;
        if (h.kind != RECORD_CHUNK)
                return DECODE_KIND;

        *ret_head = h;
        *ret_argv = (struct span){ (const char *)record + sizeof(h), h.size - sizeof(h) };
        return DECODE_OK;
}
