/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What an event gets after it was decoded and filtered. Each fact is absent if it is not known. */
#include <errno.h>
#include <stdlib.h>

#include "event/enrich.h"
#include "event/users.h"

struct enricher {
        struct users *users; /* or NULL */
};

int enricher_new(const char *passwd, struct enricher **ret)
{
        _cleanup_(enricher_freep) struct enricher *e = NULL;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        if (passwd) {
                r = users_new(passwd, &e->users);
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
        free(e);
        return NULL;
}

void enrich_event(struct enricher *e, struct exec_event *event)
{
        if (event->kind == EVENT_EXIT)
                return;
        if (e->users && event_has(event, FACT_CREDS))
                event->user = users_name(e->users, event->facts.uid, event->boot_ns);
        /* A path that lost its beginning says nothing about units. */
        if (event->cgroup.data && !(event->cut & EXEC_CUT(FIELD_CGROUP)))
                event->names = cgroup_parse(event->cgroup);
}
