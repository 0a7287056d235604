/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Which boots are of one host. Where starts say the machine ID, it decides. A boot without one, as
 * its start is not in the log or is of an earlier version, is of the nearest boot before or behind
 * it that goes on with the same name, unless the two overlap: no host runs twice at a time.
 */
#include <errno.h>

#include "view/audit.h"

/* The longest that Linux has. */
#define NAME_SIZE_MAX 64

int audit_names_take(struct audit_names *names, struct span name)
{
        char *kept;

        name.size = MIN(name.size, (size_t)NAME_SIZE_MAX);
        if (names->n > 0 && span_is(name, names->name[names->last]))
                return 0;
        for (size_t i = 0; i < names->n; i++)
                if (span_is(name, names->name[i])) {
                        names->last = i;
                        return 0;
                }
        if (names->n == AUDIT_NAMES_MAX) {
                names->n_more++;
                return 0;
        }
        kept = strndup(name.data, name.size);
        if (!kept)
                return -ENOMEM;
        names->last = names->n;
        names->name[names->n++] = kept;
        return 0;
}

void audit_names_done(struct audit_names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->name[i]);
        names->n = 0;
}

static const char *last_name(const struct audit_boot *b)
{
        return b->names.name[b->names.last];
}

/* Both by their place in the log and by the clock. */
static bool is_apart(const struct audit_boot *before, const struct audit_boot *after)
{
        return before->last_line < after->first_line &&
               before->last_time_ns <= after->first_time_ns;
}

static bool goes_on(const struct audit_boot *before, const struct audit_boot *after)
{
        if (before->machine_id[0] && after->machine_id[0])
                return strcmp(before->machine_id, after->machine_id) == 0;
        return is_apart(before, after) && (strcmp(last_name(before), after->names.name[0]) == 0 ||
                                           strcmp(last_name(before), last_name(after)) == 0);
}

/* The host of a boot without a machine ID; those before it have theirs. */
static size_t find_host(const struct audit *a, size_t boot)
{
        for (size_t i = boot; i-- > 0;)
                if (goes_on(&a->boots[i], &a->boots[boot]))
                        return a->boots[i].host;
        for (size_t i = boot + 1; i < a->n_boots; i++)
                if (a->boots[i].machine_id[0] && goes_on(&a->boots[boot], &a->boots[i]))
                        return a->boots[i].host;
        return boot;
}

static size_t find_machine(const struct audit *a, size_t boot)
{
        size_t i = 0;

        while (strcmp(a->boots[i].machine_id, a->boots[boot].machine_id) != 0)
                i++;
        return i;
}

void audit_find_hosts(struct audit *a)
{
        for (size_t i = 0; i < a->n_boots; i++)
                if (a->boots[i].machine_id[0])
                        a->boots[i].host = find_machine(a, i);
        for (size_t i = 0; i < a->n_boots; i++) {
                if (!a->boots[i].machine_id[0])
                        a->boots[i].host = find_host(a, i);
                if (a->boots[i].host <= i)
                        continue;
                /* It is the first of that host. */
                for (size_t k = i + 1, host = a->boots[i].host; k < a->n_boots; k++)
                        if (a->boots[k].host == host)
                                a->boots[k].host = i;
                a->boots[i].host = i;
        }
}

bool audit_is_first_boot(const struct audit *a, const struct audit_boot *boot)
{
        return boot == &a->boots[boot->host];
}

bool audit_is_last_boot(const struct audit *a, const struct audit_boot *boot)
{
        for (const struct audit_boot *b = boot + 1; b < a->boots + a->n_boots; b++)
                if (b->host == boot->host)
                        return false;
        return true;
}
