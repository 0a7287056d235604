/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A hash table whose entries are in a list too, in the order in which they were asked for last.
 * Keys are given by the kernel, one after the other: nobody can choose many that fall together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/parents.h"

/* A power of two. With the usual entries, two in a bucket. */
#define BUCKETS 32768

/* Of what malloc() itself needs. */
#define ALLOCATION_SIZE 16

/* Longer ones are not kept: a line with eight of them has room. */
#define EXE_SIZE_MAX 512

/* What names an exec: see encoder_put_exec_id(). */
struct exec_id {
        uint64_t start_ns;
        uint32_t pid;
        uint32_t count;
};

struct entry {
        struct entry *next; /* in its bucket */
        struct entry *newer, *older;
        struct exec_id id;
        uint32_t exe_size; /* 0: not known */
        uint32_t filename_size;
        uint32_t argv_size;
        bool has_argv, is_argv_cut;
        char strings[]; /* exe, filename, argv */
};

struct parents {
        struct entry *buckets[BUCKETS];
        struct entry *newest, *oldest;
        size_t bytes, bytes_max;
};

int parents_new(size_t bytes_max, struct parents **ret)
{
        struct parents *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->bytes_max = bytes_max;
        *ret = p;
        return 0;
}

static size_t entry_size(const struct entry *e)
{
        return ALLOCATION_SIZE + sizeof(*e) + e->exe_size + e->filename_size + e->argv_size;
}

static struct entry **bucket_of(struct parents *p, const struct exec_id *id)
{
        const uint64_t multiplier = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */
        uint64_t hash = id->start_ns * multiplier;

        hash = (hash ^ hash >> 32 ^ ((uint64_t)id->count << 32 | id->pid)) * multiplier;
        return &p->buckets[hash >> 32 & (BUCKETS - 1)];
}

static void list_remove(struct parents *p, const struct entry *e)
{
        *(e->newer ? &e->newer->older : &p->newest) = e->older;
        *(e->older ? &e->older->newer : &p->oldest) = e->newer;
}

static void list_add(struct parents *p, struct entry *e)
{
        e->newer = NULL;
        e->older = p->newest;
        *(p->newest ? &p->newest->newer : &p->oldest) = e;
        p->newest = e;
}

static struct entry *find(struct parents *p, const struct exec_id *id)
{
        struct entry *e = *bucket_of(p, id);

        while (e &&
               (e->id.start_ns != id->start_ns || e->id.pid != id->pid || e->id.count != id->count))
                e = e->next;
        return e;
}

/* As find(); from now on it has been asked for. */
static struct entry *use(struct parents *p, const struct exec_id *id)
{
        struct entry *e = find(p, id);

        if (e && e != p->newest) {
                list_remove(p, e);
                list_add(p, e);
        }
        return e;
}

static void forget(struct parents *p, struct entry *e)
{
        struct entry **at = bucket_of(p, &e->id);

        while (*at != e)
                at = &(*at)->next;
        *at = e->next;
        list_remove(p, e);
        p->bytes -= entry_size(e);
        free(e);
}

void parents_clear(struct parents *p)
{
        while (p->oldest)
                forget(p, p->oldest);
}

struct parents *parents_free(struct parents *p)
{
        if (p)
                parents_clear(p);
        free(p);
        return NULL;
}

static struct span last_part(struct span path)
{
        const char *slash = path.data ? memrchr(path.data, '/', path.size) : NULL;

        return slash ? span_skip(path, (size_t)(slash - path.data) + 1) : path;
}

/* The name that a program with many of them was executed by, if nothing else has it. */
static struct span filename_needed(const struct exec_event *event)
{
        const struct span name = last_part(event->filename);
        struct span argv = event->argv, first = { 0 };

        (void)span_cut(&argv, '\0', &first);
        if (event->filename.size > EXE_SIZE_MAX || span_equal(name, last_part(event->exe)) ||
            span_equal(name, last_part(first)))
                return (struct span){ 0 };
        return event->filename;
}

static char *put(char *to, struct span s)
{
        return s.size > 0 ? (char *)mempcpy(to, s.data, s.size) : to;
}

static struct entry *entry_new(const struct exec_event *event, size_t argv_max)
{
        const bool has_exe = !(event->cut & EXEC_CUT(FIELD_EXE)) && event->exe.size <= EXE_SIZE_MAX;
        const struct span exe = has_exe ? event->exe : (struct span){ 0 };
        const struct span filename = filename_needed(event);
        const struct span argv = { event->argv.data, MIN(event->argv.size, argv_max) };
        struct entry *e;
        char *end;

        e = malloc(sizeof(*e) + exe.size + filename.size + argv.size);
        if (!e)
                return NULL;
        *e = (struct entry){ .id = { .start_ns = event->facts.start_ns,
                                     .pid = event->facts.pid,
                                     .count = event->facts.exec_count },
                             .exe_size = (uint32_t)exe.size,
                             .filename_size = (uint32_t)filename.size,
                             .argv_size = (uint32_t)argv.size,
                             .has_argv = argv.data,
                             .is_argv_cut = argv.size < event->argv.size ||
                                            (event->cut & EXEC_CUT(FIELD_ARGV)) };
        end = put(e->strings, exe);
        end = put(end, filename);
        (void)put(end, argv);
        return e;
}

/* No memory, or no room: it will not be known. */
static void remember(struct parents *p, const struct exec_event *event, size_t argv_max)
{
        struct entry *e = entry_new(event, argv_max), *known, **bucket;

        if (!e)
                return;
        known = find(p, &e->id);
        if (known && event->kind == EVENT_PROCESS) { /* its exec has said more */
                free(e);
                return;
        }
        if (known) /* a recording can say anything */
                forget(p, known);
        while (p->oldest && p->bytes + entry_size(e) > p->bytes_max)
                forget(p, p->oldest);
        bucket = bucket_of(p, &e->id);
        e->next = *bucket;
        *bucket = e;
        list_add(p, e);
        p->bytes += entry_size(e);
}

static struct span exe_of(const struct entry *e)
{
        return e->exe_size > 0 ? (struct span){ e->strings, e->exe_size } : (struct span){ 0 };
}

static struct entry *use_ancestor(struct parents *p, const struct event_ancestor *a)
{
        const struct exec_id id = { .start_ns = a->start_ns,
                                    .pid = a->pid,
                                    .count = a->exec_count };

        return use(p, &id);
}

/*
 * By the exec that its program comes from. Or else by itself: it may have been there before us, as
 * who was only forked, perhaps by a process that is gone, and was found running; its count of execs
 * says whether it is still what it was. The kernel side has seen that the parent was the same
 * before and behind the ancestors, of which it is the first, if it gave parent_exe.
 */
static struct entry *use_parent(struct parents *p, const struct exec_event *event)
{
        const struct exec_id id = { .start_ns = event->facts.parent_exec_start_ns,
                                    .pid = event->facts.parent_exec_pid,
                                    .count = event->facts.parent_exec_count };
        const struct event_ancestor *first = event->ancestors;
        struct entry *e = event_has(event, FACT_PARENT_EXEC) ? use(p, &id) : NULL;

        if (e || event->n_ancestors == 0 || !event_has(event, FACT_PARENT_EXE) ||
            first->pid != event->facts.ppid || first->start_ns != event->facts.parent_start_ns)
                return e;
        return use_ancestor(p, first);
}

static void add_parent(struct parents *p, struct exec_event *event, size_t argv_max)
{
        const struct entry *e = use_parent(p, event);

        if (!e)
                return;
        if (!event->parent_exe.data && e->exe_size > 0) {
                event->parent_exe = exe_of(e);
                event->cut &= ~EXEC_CUT(FIELD_PARENT_EXE);
        }
        event->parent_filename = (struct span){ e->strings + e->exe_size, e->filename_size };
        if (!e->has_argv)
                return;
        event->parent_argv = (struct span){ e->strings + e->exe_size + e->filename_size,
                                            MIN(e->argv_size, argv_max) };
        if (e->is_argv_cut || e->argv_size > argv_max)
                event->cut |= EVENT_CUT_PARENT_ARGV;
}

void parents_process(struct parents *p, struct exec_event *event, size_t argv_max)
{
        const struct entry *e;

        /* First: what follows borrows from entries, of which this takes some away. */
        if ((event->kind == EVENT_EXEC || event->kind == EVENT_PROCESS) &&
            event_has(event, FACT_EXEC_COUNT))
                remember(p, event, argv_max);
        add_parent(p, event, argv_max);
        /* One that was only forked has its forker's count, and so there is no such exec of its own;
         * but it may have been found running. */
        for (unsigned i = 0; i < event->n_ancestors; i++) {
                e = use_ancestor(p, &event->ancestors[i]);
                event->ancestors[i].exe = e ? exe_of(e) : (struct span){ 0 };
        }
}
