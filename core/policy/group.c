/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A fixed part without holes, and the strings behind it, each with its length before it: so no two
 * sets of facts have the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "policy/group.h"

/* Marks of a path or of arguments that are incomplete. The ancestors are no part of a group. */
#define NEEDED_FIELDS                                                                              \
        (EXEC_CUT(FIELD_FILENAME) | EXEC_CUT(FIELD_EXE) | EXEC_CUT(FIELD_CWD) |                    \
         EXEC_CUT(FIELD_CGROUP) | EXEC_CUT(FIELD_PARENT_EXE) | EXEC_CUT(FIELD_ENV) |               \
         EXEC_CUT(FIELD_ARGV))

#define FACTS_KEPT (FACT_CREDS | FACT_RETVAL | FACT_LOGINUID | FACT_EXE_FILE)

struct fixed {
        struct exec_facts facts;
        uint32_t kind;
        uint32_t status;
};
_Static_assert(sizeof(struct fixed) == sizeof(struct exec_facts) + 8, "struct fixed has a hole");

/* The strings, in their order. */
static const size_t strings[] = {
        offsetof(struct exec_event, comm),
        offsetof(struct exec_event, exe),
        offsetof(struct exec_event, argv),
        offsetof(struct exec_event, filename),
        offsetof(struct exec_event, cwd),
        offsetof(struct exec_event, env),
        offsetof(struct exec_event, user),
        offsetof(struct exec_event, names.unit),
        offsetof(struct exec_event, names.slice),
        offsetof(struct exec_event, names.user_unit),
        offsetof(struct exec_event, names.container_id),
        offsetof(struct exec_event, parent_exe),
        offsetof(struct exec_event, parent_comm),
};

/* A length that none has: there is no string. */
#define NO_STRING UINT32_MAX

static void pack_string(struct buf *b, struct span s)
{
        const uint32_t size = s.data ? (uint32_t)s.size : NO_STRING;

        buf_append(b, &size, sizeof(size));
        if (s.data)
                buf_append_span(b, s);
}

static struct exec_facts facts_of(const struct exec_facts *f)
{
        return (struct exec_facts){
                .present = f->present & FACTS_KEPT,
                .traits = f->traits,
                .retval = f->retval,
                .uid = f->uid,
                .euid = f->euid,
                .gid = f->gid,
                .loginuid = f->loginuid,
                .exe_file = f->exe_file,
        };
}

bool group_pack(const struct exec_event *event, struct buf *ret)
{
        const bool is_exit = event->kind == EVENT_EXIT;
        const struct fixed f = {
                .facts = facts_of(&event->facts),
                .kind = event->kind,
                .status = event->status,
        };
        struct span s;

        if (event->cut & NEEDED_FIELDS)
                return false;
        buf_reset(ret);
        buf_append(ret, &f, sizeof(f));
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                memcpy(&s, (const char *)event + strings[i], sizeof(s));
                /* A parent has many names (of threads, say) and one program. */
                if (strings[i] == offsetof(struct exec_event, parent_comm) &&
                    (event->parent_exe.data || is_exit))
                        s = (struct span){ 0 };
                pack_string(ret, s);
        }
        return buf_error(ret) == 0;
}

static struct span unpack_string(struct span *rest)
{
        struct span s = { 0 };
        uint32_t size;

        assert(rest->size >= sizeof(size));
        memcpy(&size, rest->data, sizeof(size));
        *rest = span_skip(*rest, sizeof(size));
        if (size == NO_STRING)
                return s;
        assert(size <= rest->size);
        s = span_head(*rest, size);
        *rest = span_skip(*rest, size);
        return s;
}

void group_unpack(struct span packed, struct exec_event *ret)
{
        struct span rest, s;
        struct fixed f;

        assert(packed.size >= sizeof(f));
        memcpy(&f, packed.data, sizeof(f));
        rest = span_skip(packed, sizeof(f));
        *ret = (struct exec_event){
                .kind = (enum event_kind)f.kind,
                .facts = f.facts,
                .status = f.status,
        };
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                s = unpack_string(&rest);
                memcpy((char *)ret + strings[i], &s, sizeof(s));
        }
}
