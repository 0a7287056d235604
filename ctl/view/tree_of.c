/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "view/tree_of.h"

/* Processes of one tree: 5 MiB of them, and 1 MiB to find them. */
#define MEMBERS_MAX (64 * 1024)
#define ID_SIZE 64

struct member {
        char id[ID_SIZE]; /* process_id; "": only the PID is known */
        uint32_t pid;
        bool has_ended;
};

struct tree_of {
        struct member *members;
        size_t n_members;
        bool is_named; /* by process_id: then all of them are of one boot, which it is of */
        bool has_boot;
        char boot_id[BOOT_ID_SIZE];
        bool is_cut;
        uint32_t *places; /* by process_id: index + 1, or 0; twice as many as members */
        uint32_t *pids;   /* likewise, by PID: the last that had it */
};

#define PLACES (2 * MEMBERS_MAX)

struct tree_of *tree_of_free(struct tree_of *t)
{
        if (!t)
                return NULL;
        free(t->members);
        free(t->places);
        free(t->pids);
        free(t);
        return NULL;
}

static size_t place_of(struct span id)
{
        uint32_t hash =
                2166136261; /* FNV-1a: a log that makes them meet is slow to read, no more */

        for (size_t i = 0; i < id.size; i++)
                hash = (hash ^ (uint8_t)id.data[i]) * 16777619;
        return hash % PLACES;
}

static bool is_usable(struct span id)
{
        return id.size > 0 && id.size < ID_SIZE;
}

static struct member *find(const struct tree_of *t, struct span id)
{
        if (!is_usable(id))
                return NULL;
        for (size_t i = place_of(id); t->places[i] > 0; i = (i + 1) % PLACES) {
                struct member *m = &t->members[t->places[i] - 1];

                if (span_is(id, m->id))
                        return m;
        }
        return NULL;
}

static uint32_t *find_pid(const struct tree_of *t, uint32_t pid)
{
        size_t i = pid * UINT32_C(2654435761) % PLACES;

        while (t->pids[i] > 0 && t->members[t->pids[i] - 1].pid != pid)
                i = (i + 1) % PLACES;
        return &t->pids[i];
}

static bool has_pid(const struct tree_of *t, uint32_t pid)
{
        const uint32_t found = *find_pid(t, pid);

        return found > 0 && !t->members[found - 1].has_ended;
}

/* Its PID is now that of a process which is none of them: what comes of that is none, either. */
static void lose_pid(struct tree_of *t, uint32_t pid)
{
        const uint32_t found = *find_pid(t, pid);

        if (found > 0 && t->members[found - 1].id[0])
                t->members[found - 1].has_ended = true;
}

static void add(struct tree_of *t, struct span id, uint32_t pid)
{
        struct member *m;
        size_t place;

        if (t->n_members == MEMBERS_MAX) {
                t->is_cut = true;
                return;
        }
        m = &t->members[t->n_members++];
        *m = (struct member){ .pid = pid };
        if (pid > 0)
                *find_pid(t, pid) = (uint32_t)t->n_members;
        if (!is_usable(id))
                return;
        memcpy(m->id, id.data, id.size);
        for (place = place_of(id); t->places[place] > 0; place = (place + 1) % PLACES)
                ;
        t->places[place] = (uint32_t)t->n_members;
}

int tree_of_new(const char *root, struct tree_of **ret)
{
        _cleanup_(tree_of_freep) struct tree_of *t = NULL;
        const struct span text = span_of(root);
        unsigned long pid = 0;
        char *end;

        if (strchr(root, '-')) {
                if (!is_usable(text))
                        return -EINVAL;
        } else {
                errno = 0;
                pid = strtoul(root, &end, 10);
                if (errno != 0 || end == root || *end || pid == 0 || pid > INT32_MAX)
                        return -EINVAL;
        }
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->members = calloc(MEMBERS_MAX, sizeof(*t->members));
        t->places = calloc(PLACES, sizeof(*t->places));
        t->pids = calloc(PLACES, sizeof(*t->pids));
        if (!t->members || !t->places || !t->pids)
                return -ENOMEM;
        t->is_named = pid == 0;
        add(t, pid > 0 ? (struct span){ 0 } : text, (uint32_t)pid);
        *ret = TAKE_PTR(t);
        return 0;
}

static bool comes_of(const struct tree_of *t, const struct event_line *line)
{
        const struct exec_event *e = &line->event;

        if (find(t, line->parent_process_id))
                return true;
        if (t->members[0].pid > 0 && t->members[0].pid == e->facts.pid && !t->members[0].id[0])
                return true;
        for (unsigned i = 0; i < e->n_ancestors; i++)
                if (has_pid(t, e->ancestors[i].pid))
                        return true;
        return e->n_ancestors == 0 && event_has(e, FACT_PARENT) && has_pid(t, e->facts.ppid);
}

/* PIDs say nothing of processes of another boot. */
static bool is_of_boot(struct tree_of *t, const struct event_line *line, bool is_member)
{
        if (!t->is_named)
                return true;
        if (is_member && !t->has_boot) {
                memcpy(t->boot_id, line->boot_id.data, BOOT_ID_SIZE);
                t->has_boot = true;
        }
        return !t->has_boot || memcmp(t->boot_id, line->boot_id.data, BOOT_ID_SIZE) == 0;
}

bool tree_of_match(struct tree_of *t, const struct event_line *line)
{
        struct member *m = find(t, line->process_id);

        if (!is_of_boot(t, line, m))
                return false;
        if (line->event.kind == EVENT_EXIT) {
                if (m)
                        m->has_ended = true;
                return m;
        }
        if (m && m->pid == 0) { /* the root, given by its process_id */
                m->pid = line->event.facts.pid;
                *find_pid(t, m->pid) = (uint32_t)(m - t->members) + 1;
        }
        if (m)
                return true;
        if (!comes_of(t, line)) {
                lose_pid(t, line->event.facts.pid);
                return false;
        }
        add(t, line->process_id, line->event.facts.pid);
        return true;
}

bool tree_of_is_cut(const struct tree_of *t)
{
        return t->is_cut;
}
