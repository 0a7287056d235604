/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Events with any facts, present or absent, and any bytes where a process can choose them: the same
 * ones on every machine. As they come from the decoder: what is cut is marked, ids are those of
 * processes.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "event/event.h"

struct random_event {
        uint32_t seed;
        struct exec_event event; /* of what is below */
        struct event_summary summary;
        uint32_t redacted[2];
        uint8_t sha256[SHA256_SIZE];
        size_t used;
        char bytes[64 * 1024];
};

/* The low bits of such a generator are bad. */
static inline uint32_t random_next(struct random_event *r, uint32_t below)
{
        r->seed = r->seed * 1664525 + 1013904223;
        return (r->seed >> 8) % below;
}

/* Small, or with all of its digits. */
static inline uint32_t random_number(struct random_event *r)
{
        return random_next(r, 3) == 0 ? UINT32_MAX - random_next(r, 3) : random_next(r, 3000);
}

/* Bytes that are likely to meet: parts of UTF-8 sequences, controls, quotes, plain letters. */
static inline char random_byte(struct random_event *r, bool is_plain)
{
        static const char likely[] = "\xc2\x80\x9f\xa0\xe2\x82\xac\xf0\x90\xed\xff\x7f\x1b\n\"\\/ ";

        if (is_plain || random_next(r, 4) > 0)
                return (char)('a' + random_next(r, 26));
        return likely[random_next(r, sizeof(likely) - 1)];
}

static inline struct span random_text(struct random_event *r, size_t size_max)
{
        const bool is_plain = random_next(r, 4) > 0;
        size_t size = random_next(r, (uint32_t)size_max + 1);
        char *p = r->bytes + r->used;

        for (size_t i = 0; i < size; i++)
                p[i] = random_byte(r, is_plain);
        p[size] = '\0'; /* it has a place of its own: an empty string is not an absent one */
        r->used += size + 1;
        return (struct span){ p, size };
}

static inline struct span random_path(struct random_event *r)
{
        struct span text = random_text(r, 40);

        if (text.size > 0 && random_next(r, 2) == 0)
                r->bytes[r->used - 1 - text.size] = '/';
        return text;
}

/* With their NULs, which the last may lack. */
static inline struct span random_strings(struct random_event *r, unsigned n_max, const char *prefix)
{
        const unsigned n = random_next(r, n_max + 1);
        struct span all = { r->bytes + r->used, 0 };

        for (unsigned i = 0; i < n; i++) {
                for (const char *p = prefix; *p; p++)
                        r->bytes[r->used++] = *p == '#' ? (char)('A' + random_next(r, 4)) : *p;
                (void)random_text(r, 20);
        }
        all.size = (size_t)(r->bytes + r->used - all.data);
        if (n > 0 && random_next(r, 4) == 0 && all.size > 1 && all.data[all.size - 2] != '\0')
                all.size--;
        return all;
}

static inline void random_facts(struct random_event *r)
{
        struct exec_facts *f = &r->event.facts;
        uint32_t *numbers[] = { &f->pid,
                                &f->tid,
                                &f->ppid,
                                &f->sid,
                                &f->pgid,
                                &f->uid,
                                &f->gid,
                                &f->euid,
                                &f->egid,
                                &f->suid,
                                &f->sgid,
                                &f->argc,
                                &f->loginuid,
                                &f->session,
                                &f->ns_pid,
                                &f->parent_uid,
                                &f->parent_exec_pid,
                                &f->parent_exec_count,
                                &f->exec_count };

        f->present = r->seed ^ r->seed << 7;
        if (!(f->present & FACT_PARENT))
                f->present &= ~(uint32_t)(FACT_PARENT_UID | FACT_PARENT_EXEC | FACT_PARENT_EXE);
        f->traits = random_next(r, 3) == 0 ? r->seed & ((TRAIT_SECURE << 1) - 1) : 0;
        f->retval = -(int32_t)random_next(r, 600);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                *numbers[i] = random_number(r);
        if (random_next(r, 2) == 0)
                f->euid = f->uid;
        if (random_next(r, 2) == 0)
                f->egid = f->gid;
        f->pgid = random_next(r, 3) == 0 ? f->pid : random_next(r, 2) == 0 ? f->sid : f->pgid;
        for (int i = 0; i < _NAMESPACE_MAX; i++)
                f->namespaces[i] = random_next(r, 3);
        f->start_ns = (uint64_t)random_number(r) << random_next(r, 32);
        f->parent_start_ns = random_number(r);
        f->parent_exec_start_ns = random_number(r);
        f->leader_start_ns = random_number(r);
        f->caps_effective = (uint64_t)random_number(r) << 32 | random_number(r);
        f->caps_permitted = random_next(r, 2) == 0 ? 0 : f->caps_effective >> 20;
        f->argv_bytes = random_number(r);
        f->exe_file = (struct exec_file){
                .ino = random_number(r),
                .size = random_number(r),
                .mtime_sec = random_number(r),
                .mtime_nsec = random_next(r, 1000000000),
                .ctime_sec = (int64_t)random_number(r)
                             << random_next(r, 20), /* no calendar has it */
                .dev = random_number(r),
                .mode = random_next(r, 07777 + 1),
                .uid = random_number(r),
                .gid = random_number(r),
                .nlink = random_next(r, 3),
        };
}

static inline void random_names(struct random_event *r)
{
        struct exec_event *e = &r->event;
        struct span *texts[] = { &e->user,        &e->euser,
                                 &e->group,       &e->names.unit,
                                 &e->names.slice, &e->names.user_unit,
                                 &e->tty,         &e->names.container_id };
        const uint64_t facts[] = { FACT_CREDS, FACT_CREDS, FACT_CREDS, 0, 0, 0, FACT_TTY, 0 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (random_next(r, 2) == 0 && (!facts[i] || event_has(e, (enum exec_fact)facts[i])))
                        *texts[i] = random_text(r, 20);
        if (e->facts.euid == e->facts.uid)
                e->euser = (struct span){ 0 };
        if (event_has(e, FACT_PARENT))
                e->parent_comm = random_text(r, 15);
        if (event_has(e, FACT_SESSION_LEADER) && event_has(e, FACT_SID))
                e->leader_comm = random_text(r, 15);
        else
                e->facts.present &= ~(uint32_t)FACT_SESSION_LEADER;
        if (event_has(e, FACT_PARENT_EXE))
                e->parent_exe = random_path(r);
}

static inline void random_descriptors(struct random_event *r)
{
        for (unsigned i = 0; i < EXEC_DESCRIPTORS; i++) {
                struct event_descriptor *d = &r->event.descriptors[i];

                d->type = random_next(r, DESCRIPTOR_OTHER + 1);
                d->ino = random_number(r);
                d->family = (uint8_t)random_next(r, 45);
                if (d->type == DESCRIPTOR_SOCKET && random_next(r, 2) == 0)
                        d->local = random_text(r, 30);
                if (d->type == DESCRIPTOR_SOCKET && random_next(r, 2) == 0)
                        d->peer = random_text(r, 30);
        }
}

static inline void random_paths(struct random_event *r)
{
        struct exec_event *e = &r->event;
        struct span *paths[] = { &e->filename, &e->exe, &e->cwd, &e->cgroup };
        const enum exec_field fields[] = { FIELD_FILENAME, FIELD_EXE, FIELD_CWD, FIELD_CGROUP };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                if (random_next(r, 8) == 0)
                        e->cut |= EXEC_CUT(fields[i]);
                if (random_next(r, 8) > 0)
                        *paths[i] = random_path(r);
        }
        e->comm = random_text(r, 15);
        /* a name that is longer than comm */
        if (random_next(r, 3) == 0) {
                struct span name = { r->bytes + r->used, 0 };

                (void)random_text(r, 4);
                r->bytes[r->used - 1] = '/';
                e->comm = (struct span){ r->bytes + r->used, 15 };
                memset(r->bytes + r->used, 'n', 15);
                r->bytes[r->used + 14] = random_byte(r, random_next(r, 2) == 0);
                r->used += 15;
                (void)random_text(r, 6);
                name.size = (size_t)(r->bytes + r->used - 1 - name.data);
                e->filename = name;
        }
}

static inline void random_ancestors(struct random_event *r)
{
        r->event.n_ancestors = random_next(r, 4);
        for (unsigned i = 0; i < r->event.n_ancestors; i++) {
                struct event_ancestor *a = &r->event.ancestors[i];
                struct span comm = random_text(r, EXEC_COMM_SIZE - 1);

                *a = (struct event_ancestor){ .pid = random_number(r) };
                memcpy(a->comm, comm.data, comm.size);
                if (random_next(r, 2) == 0)
                        a->exe = random_path(r);
        }
}

static inline void random_parent(struct random_event *r)
{
        struct exec_event *e = &r->event;

        if (event_has(e, FACT_PARENT_EXE) && random_next(r, 8) == 0)
                e->cut |= EXEC_CUT(FIELD_PARENT_EXE);
        if (random_next(r, 2) == 0)
                e->parent_argv = random_strings(r, 3, "");
        if (random_next(r, 8) == 0)
                e->cut |= EVENT_CUT_PARENT_ARGV;
}

/* What is no fact of an exec. */
static inline void random_rest(struct random_event *r, enum event_kind kind)
{
        static const enum event_kind kinds[] = { EVENT_EXEC, EVENT_EXEC_FAILED, EVENT_EXIT };
        struct exec_event *e = &r->event;

        if (random_next(r, 4) == 0 && kind != EVENT_PROCESS)
                e->tags = (struct span){ "noise\0a", 8 };
        if (random_next(r, 4) == 0 && kind != EVENT_EXIT) {
                r->redacted[0] = random_next(r, 4);
                r->redacted[1] = r->redacted[0] + 1;
                e->redacted = (struct span){ (const char *)r->redacted, sizeof(r->redacted) };
        }
        memset(r->sha256, (int)random_next(r, 256), sizeof(r->sha256));
        e->exe_sha256 = random_next(r, 2) == 0 && event_has(e, FACT_EXE_FILE) ? r->sha256 : NULL;
        e->status = random_next(r, 2) == 0 ? random_next(r, 256) << 8 : random_next(r, 64) | 0x80;
        e->duration_ns = random_number(r);
        if (kind == EVENT_FILE) {
                e->hash_result = e->exe_sha256 ? HASH_OK : HASH_UNREADABLE;
                e->hash_error = random_next(r, 600) + 1;
                e->facts.present |= FACT_EXE_FILE;
        }
        if (kind != EVENT_SUMMARY)
                return;
        r->summary = (struct event_summary){
                .rule = random_next(r, 2) == 0 ? "r\xff" : NULL,
                .kind = kinds[random_next(r, ELEMENTSOF(kinds))],
                .count = 1 + random_number(r) % (LOSS_COUNT_MAX - 1),
                .from_ns = random_number(r),
                .to_ns = random_number(r),
        };
        e->summary = &r->summary;
}

/* Borrows `r`, which has the seed from the one before. */
static inline const struct exec_event *random_event_make(struct random_event *r,
                                                         enum event_kind kind, uint64_t boot_ns)
{
        struct exec_event *e = &r->event;

        r->used = 0;
        *e = (struct exec_event){ .kind = kind, .boot_ns = boot_ns };
        random_facts(r);
        random_paths(r);
        random_names(r);
        random_descriptors(r);
        random_ancestors(r);
        e->argv = random_strings(r, 5, "");
        if (random_next(r, 8) == 0)
                e->cut |= EXEC_CUT(FIELD_ARGV);
        if (random_next(r, 2) == 0 && kind != EVENT_PROCESS)
                e->env = random_strings(r, 3, "#=");
        if (event_has(e, FACT_PARENT))
                random_parent(r);
        random_rest(r, kind);
        if (kind == EVENT_PROCESS) {
                e->filename = (struct span){ 0 };
                e->cut &= ~EXEC_CUT(FIELD_FILENAME);
        }
        return e;
}

/* No facts but these, of those that it has; and, as the decoder has it, nothing that needs more. */
static inline void random_event_keep(struct exec_event *e, uint32_t facts)
{
        e->facts.present &= facts;
        if (!event_has(e, FACT_PARENT)) {
                e->facts.present &=
                        ~(uint32_t)(FACT_PARENT_UID | FACT_PARENT_EXEC | FACT_PARENT_EXE);
                e->parent_comm = e->parent_argv = (struct span){ 0 };
                e->cut &= ~EVENT_CUT_PARENT_ARGV;
        }
        if (!event_has(e, FACT_PARENT_EXE)) {
                e->parent_exe = (struct span){ 0 };
                e->cut &= ~EXEC_CUT(FIELD_PARENT_EXE);
        }
        if (!event_has(e, FACT_SID))
                e->facts.present &= ~(uint32_t)FACT_SESSION_LEADER;
        if (!event_has(e, FACT_SESSION_LEADER))
                e->leader_comm = (struct span){ 0 };
        if (!event_has(e, FACT_TTY))
                e->tty = (struct span){ 0 };
        if (!event_has(e, FACT_CREDS))
                e->user = e->euser = e->group = (struct span){ 0 };
        if (!event_has(e, FACT_EXE_FILE)) {
                e->exe = (struct span){ 0 };
                e->exe_sha256 = NULL;
        }
}
