/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Two tables find a process: by process_id, which is unique, and by boot and PID, the last that had
 * it, for those of which the log has no id.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/show.h"
#include "view/family.h"

#define ROOT 0

struct family {
        struct member *members;
        uint32_t n, n_max;
        uint32_t n_places; /* of each table: a power of two, at least twice as many as members */
        uint32_t *ids, *pids;
        struct buf text;
        struct buf scratch;
        uint64_t from_ns, to_ns;
        bool has_exits;
        uint64_t n_left_out;
};

struct family *family_free(struct family *f)
{
        if (!f)
                return NULL;
        free(f->members);
        free(f->ids);
        free(f->pids);
        buf_done(&f->text);
        buf_done(&f->scratch);
        free(f);
        return NULL;
}

static struct member empty_member(enum member_kind kind)
{
        return (struct member){ .kind = kind,
                                .parent = NO_MEMBER,
                                .first_child = NO_MEMBER,
                                .last_child = NO_MEMBER,
                                .next = NO_MEMBER };
}

int family_new(uint32_t n_max, struct family **ret)
{
        _cleanup_(family_freep) struct family *f = NULL;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->n_max = n_max;
        for (f->n_places = 1; f->n_places < 2 * n_max;)
                f->n_places *= 2;
        f->members = calloc(n_max, sizeof(*f->members));
        f->ids = calloc(f->n_places, sizeof(*f->ids));
        f->pids = calloc(f->n_places, sizeof(*f->pids));
        if (!f->members || !f->ids || !f->pids)
                return -ENOMEM;
        f->members[ROOT] = empty_member(MEMBER_ROOT);
        f->n = 1;
        *ret = TAKE_PTR(f);
        return 0;
}

struct span family_text(const struct family *f, struct text text)
{
        if (text.size == 0)
                return (struct span){ 0 };
        return (struct span){ f->text.data + text.at, text.size };
}

static struct text keep(struct family *f, struct span s)
{
        const struct text text = { (uint32_t)f->text.size, (uint32_t)s.size };

        if (s.size == 0 || s.size > FAMILY_TEXT_BYTES_MAX - f->text.size)
                return (struct text){ 0 };
        buf_append_span(&f->text, s);
        return buf_error(&f->text) ? (struct text){ 0 } : text;
}

static bool is_full(const struct family *f)
{
        return f->n >= f->n_max || f->text.size > FAMILY_TEXT_BYTES_MAX - (64 * KIB) ||
               buf_error(&f->text);
}

static uint32_t add(struct family *f, enum member_kind kind, uint32_t parent)
{
        struct member *m, *p = &f->members[parent];
        const uint32_t at = f->n++;

        m = &f->members[at];
        *m = empty_member(kind);
        m->parent = parent;
        m->depth = parent == ROOT ? 0 : p->depth + 1;
        m->boot = parent == ROOT ? at : p->boot;
        if (p->last_child == NO_MEMBER)
                p->first_child = at;
        else
                f->members[p->last_child].next = at;
        p->last_child = at;
        return at;
}

/* Right behind the member whose process it is. */
static uint32_t add_behind(struct family *f, enum member_kind kind, uint32_t before)
{
        struct member *m, *b = &f->members[before], *p = &f->members[b->parent];
        const uint32_t at = f->n++;

        m = &f->members[at];
        *m = empty_member(kind);
        m->parent = b->parent;
        m->depth = b->depth;
        m->boot = b->boot;
        m->next = b->next;
        b->next = at;
        if (p->last_child == before)
                p->last_child = at;
        return at;
}

static uint32_t *place_of_id(const struct family *f, struct span id)
{
        uint32_t hash = 2166136261; /* FNV-1a */
        uint32_t i;

        for (size_t at = 0; at < id.size; at++)
                hash = (hash ^ (uint8_t)id.data[at]) * 16777619;
        for (i = hash % f->n_places; f->ids[i] > 0; i = (i + 1) % f->n_places)
                if (span_equal(id, family_text(f, f->members[f->ids[i]].id)))
                        break;
        return &f->ids[i];
}

static uint32_t *place_of_pid(const struct family *f, uint32_t boot, uint32_t pid)
{
        uint32_t i = (pid * UINT32_C(2654435761) ^ boot) % f->n_places;

        while (f->pids[i] > 0 &&
               (f->members[f->pids[i]].pid != pid || f->members[f->pids[i]].boot != boot))
                i = (i + 1) % f->n_places;
        return &f->pids[i];
}

/* 0: there is none; that is the root. */
static uint32_t find_id(const struct family *f, struct span id)
{
        return id.size > 0 ? *place_of_id(f, id) : 0;
}

static uint32_t find_pid(const struct family *f, uint32_t boot, uint32_t pid)
{
        const uint32_t at = *place_of_pid(f, boot, pid);

        return at > 0 && !f->members[at].has_ended ? at : 0;
}

static void enter(struct family *f, uint32_t at, uint32_t boot, struct span id, uint32_t pid)
{
        struct member *m = &f->members[at];

        m->pid = pid;
        *place_of_pid(f, boot, pid) = at;
        if (id.size == 0)
                return;
        m->id = keep(f, id);
        if (m->id.size > 0)
                *place_of_id(f, id) = at;
}

static uint32_t find_known_boot(const struct family *f, struct span boot_id)
{
        uint32_t at = f->members[ROOT].first_child;

        while (at != NO_MEMBER && !span_equal(boot_id, family_text(f, f->members[at].id)))
                at = f->members[at].next;
        return at;
}

/* The boot that the line is of; 0: there is no room for it. Its host may get another name. */
static uint32_t find_boot(struct family *f, const struct event_line *line)
{
        uint32_t at = find_known_boot(f, line->boot_id);

        buf_reset(&f->scratch);
        buf_append_string(&f->scratch, "host ");
        show_text(line->host, &f->scratch);
        buf_append_string(&f->scratch, ", boot ");
        buf_append_span(&f->scratch, line->boot_id);
        if (at != NO_MEMBER && (is_full(f) || span_equal(buf_span(&f->scratch),
                                                         family_text(f, f->members[at].command))))
                return at;
        if (is_full(f))
                return 0;
        if (at == NO_MEMBER) {
                at = add(f, MEMBER_BOOT, ROOT);
                f->members[at].id = keep(f, line->boot_id);
                f->members[at].begin_ns = line->time_ns;
        }
        f->members[at].command = keep(f, buf_span(&f->scratch));
        return at;
}

/* A command, as long as it may be. */
static struct text keep_command(struct family *f, struct span argv, struct span otherwise,
                                bool is_cut)
{
        struct buf *b = &f->scratch;

        buf_reset(b);
        if (argv.size > 0)
                show_words(span_head(argv, MIN(argv.size, (size_t)FAMILY_COMMAND_BYTES_MAX)), false,
                           b);
        else
                show_text(otherwise, b);
        if (is_cut || argv.size > FAMILY_COMMAND_BYTES_MAX)
                buf_append_string(b, " …");
        return keep(f, buf_span(b));
}

/* The ancestor of the event in that place, 0: its parent. */
static uint32_t find_ancestor(const struct family *f, uint32_t boot, const struct event_line *line,
                              unsigned i)
{
        const struct exec_event *e = &line->event;
        uint32_t at = 0;

        if (i > 0)
                return find_pid(f, boot, e->ancestors[i].pid);
        at = find_id(f, line->parent_process_id);
        if (at > 0)
                return at;
        at = find_pid(f, boot, e->facts.ppid);
        if (at > 0 && line->parent_process_id.size > 0 && f->members[at].id.size > 0)
                return 0; /* another, of the same PID */
        return at;
}

static uint32_t add_unlogged(struct family *f, uint32_t boot, const struct event_line *line,
                             unsigned i, uint32_t parent)
{
        const struct exec_event *e = &line->event;
        const uint32_t at = add(f, MEMBER_UNLOGGED, parent);
        struct member *m = &f->members[at];

        m->begin_ns = line->time_ns;
        if (i == 0) {
                m->command = keep_command(f, e->parent_argv, e->parent_comm,
                                          e->cut & EVENT_CUT_PARENT_ARGV);
                enter(f, at, boot, line->parent_process_id, e->facts.ppid);
        } else {
                const char *comm = e->ancestors[i].comm;

                m->command =
                        keep_command(f, (struct span){ 0 },
                                     (struct span){ comm, strnlen(comm, EXEC_COMM_SIZE) }, false);
                enter(f, at, boot, (struct span){ 0 }, e->ancestors[i].pid);
        }
        return at;
}

/* The member that the event's process comes of; those between are made. 0: there is no room. */
static uint32_t find_parent(struct family *f, uint32_t boot, const struct event_line *line)
{
        const struct exec_event *e = &line->event;
        const unsigned n = MAX(e->n_ancestors, 1u);
        uint32_t at = 0;
        unsigned i;

        if (!event_has(e, FACT_PARENT) || e->facts.ppid == 0)
                return boot;
        for (i = 0; i < n && at == 0; i++)
                at = find_ancestor(f, boot, line, i);
        if (at == 0)
                at = boot;
        else
                i--;
        while (i > 0) {
                if (is_full(f))
                        return 0;
                at = add_unlogged(f, boot, line, --i, at);
        }
        return at;
}

static void describe(struct family *f, uint32_t at, const struct event_line *line)
{
        const struct exec_event *e = &line->event;
        struct member *m = &f->members[at];
        char uid[UID_TEXT_SIZE];

        m->begin_ns = line->time_ns;
        m->command = keep_command(f, e->argv, e->filename, e->cut & EXEC_CUT(FIELD_ARGV));
        m->user = keep(f, columns_user(e, uid));
        m->unit = keep(f, columns_unit(e));
        m->is_elevated = event_is_elevated(e);
        m->has_session = event_has(e, FACT_SESSION);
        m->session = e->facts.session;
        if (m->kind == MEMBER_FAILED) {
                const struct span error =
                        line->error.size > 0 ? line->error : SPAN_LITERAL("attempt");

                m->is_bad = true;
                (void)snprintf(m->status, sizeof(m->status), "%.*s",
                               (int)MIN(error.size, sizeof(m->status)), error.data);
        }
        if (m->kind == MEMBER_SUMMARY)
                (void)snprintf(m->status, sizeof(m->status), "%" PRIu64 " more",
                               line->counters.count);
}

static void extend_span(struct family *f, uint64_t ns)
{
        f->from_ns = f->from_ns == 0 ? ns : MIN(f->from_ns, ns);
        f->to_ns = MAX(f->to_ns, ns);
}

static uint32_t add_exec(struct family *f, uint32_t boot, const struct event_line *line)
{
        uint32_t before = find_id(f, line->process_id), parent, at;

        if (is_full(f)) /* the boot's own member may have taken the last place */
                return 0;
        if (before > 0) {
                struct member *b = &f->members[before];

                b->is_replaced = b->has_ended = true;
                b->end_ns = line->time_ns;
                at = add_behind(f, MEMBER_EXEC, before);
                f->members[at].is_again = true;
                f->members[at].id = b->id;
                f->members[at].pid = b->pid;
                *place_of_id(f, line->process_id) = at;
                *place_of_pid(f, boot, b->pid) = at;
                return at;
        }
        parent = find_parent(f, boot, line);
        if (parent == 0 || is_full(f))
                return 0;
        at = add(f, MEMBER_EXEC, parent);
        enter(f, at, boot, line->process_id, line->event.facts.pid);
        return at;
}

void family_event(struct family *f, const struct event_line *line)
{
        const enum event_kind kind = line->event.kind;
        uint32_t boot = is_full(f) ? 0 : find_boot(f, line);
        uint32_t at = 0, parent;

        if (boot > 0 && kind == EVENT_EXEC) {
                at = add_exec(f, boot, line);
        } else if (boot > 0) {
                parent = find_parent(f, boot, line);
                if (parent > 0 && !is_full(f))
                        at = add(f, kind == EVENT_SUMMARY ? MEMBER_SUMMARY : MEMBER_FAILED, parent);
                if (at > 0 && kind != EVENT_SUMMARY)
                        f->members[at].pid = line->event.facts.pid;
        }
        if (at == 0) {
                f->n_left_out++;
                return;
        }
        describe(f, at, line);
        extend_span(f, line->time_ns);
}

void family_exit(struct family *f, const struct event_line *line)
{
        const uint32_t at = find_id(f, line->process_id);
        struct member *m = &f->members[at];

        f->has_exits = true;
        if (at == 0)
                return;
        m->has_ended = true;
        m->end_ns = line->time_ns;
        m->took_ns = line->event.duration_ns;
        m->is_bad = columns_status(line, m->status);
        extend_span(f, line->time_ns);
}

const struct member *family_members(const struct family *f, uint32_t *ret_n)
{
        *ret_n = f->n;
        return f->members;
}

uint32_t family_next(const struct family *f, uint32_t at)
{
        if (f->members[at].first_child != NO_MEMBER)
                return f->members[at].first_child;
        while (at != ROOT && f->members[at].next == NO_MEMBER)
                at = f->members[at].parent;
        return at == ROOT ? NO_MEMBER : f->members[at].next;
}

void family_span(const struct family *f, uint64_t *ret_from_ns, uint64_t *ret_to_ns)
{
        *ret_from_ns = f->from_ns;
        *ret_to_ns = f->to_ns;
}

bool family_has_exits(const struct family *f)
{
        return f->has_exits;
}

uint64_t family_n_left_out(const struct family *f)
{
        return f->n_left_out;
}
