/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Facts added to an event after it was decoded and filtered; each is absent if it is not known. */
#include <errno.h>
#include <stdlib.h>

#include "event/enrich.h"
#include "event/users.h"

/* PROC_USER_INIT_INO, the same on all kernels: the inode number of the host's user namespace. */
#define HOST_USER_NAMESPACE 0xeffffffdU

struct enricher {
        struct users *users, *groups; /* or NULL */
};

static int open_users(struct enricher *e, const char *etc)
{
        int r;

        r = users_new(etc, "passwd", &e->users);
        return r < 0 ? r : users_new(etc, "group", &e->groups);
}

int enricher_new(const char *etc, struct enricher **ret)
{
        _cleanup_(enricher_freep) struct enricher *e = NULL;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        if (etc) {
                r = open_users(e, etc);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(e);
        return 0;
}

struct enricher *enricher_free(struct enricher *e)
{
        if (!e)
                return NULL;
        users_free(e->users);
        users_free(e->groups);
        free(e);
        return NULL;
}

/* A container has users of its own, whose numbers mean nobody on the host, or somebody else. */
static bool has_users_of_the_host(const struct exec_event *event)
{
        return event_has(event, FACT_CREDS) &&
               event->facts.namespaces[NAMESPACE_USER] == HOST_USER_NAMESPACE &&
               !event->names.container_id.data;
}

static void add_users(struct enricher *e, struct exec_event *event)
{
        const struct exec_facts *facts = &event->facts;

        event->user = users_name(e->users, facts->uid, event->boot_ns);
        if (facts->euid != facts->uid)
                event->euser = users_name(e->users, facts->euid, event->boot_ns);
        event->group = users_name(e->groups, facts->gid, event->boot_ns);
        if (event->user.data && span_equal(event->group, event->user))
                event->group = (struct span){};
}

void enrich_event(struct enricher *e, struct exec_event *event)
{
        if (event->kind == EVENT_EXIT)
                return;
        /* A path that lost its beginning says nothing about units. */
        if (event->cgroup.data && !(event->cut & EXEC_CUT(FIELD_CGROUP)))
                event->names = cgroup_parse(event->cgroup);
        if (e->users && has_users_of_the_host(event))
                add_users(e, event);
}
