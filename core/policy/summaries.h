/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Summaries: of equal events the first in an interval is for the caller to log, the others are
 * counted, and when the interval is over, there is one summary of them. An interval begins with the
 * first event of its group.
 *
 * Events are in one group if a reader would take one for the other: see group.h. There is room for
 * so many groups and bytes, and an event that finds none is for the caller to log. No group is
 * given up for another: a flood, of one command or of ever new ones, hides nothing of the rest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "policy/group.h"

/*
 * Groups that are counted at the same time, for all rules: about 1 KiB each, so that with their
 * bytes they take as much as the rest of the daemon when it is idle. A host that runs more
 * different commands in a minute has no noise to sum up.
 */
#define SUMMARIES_GROUPS_MAX 4096
#define SUMMARIES_BYTES_MAX ((size_t)(4 * MIB))

struct summaries;

struct summary {
        int rule;                /* or a negative number: it is gone */
        uint64_t count;          /* events, the one that was logged not included; at least 1 */
        uint64_t from_ns, to_ns; /* boot_ns of the first and the last of them */
        struct exec_event facts; /* what they have in common; its spans are the summaries' */
};

int summaries_new(struct summaries **ret);
struct summaries *summaries_free(struct summaries *s);
DEFINE_FREEP(struct summaries, summaries_free)

enum summaries_result {
        SUMMARIES_FIRST,   /* a group begins with it: log it */
        SUMMARIES_COUNTED, /* it will be in a summary: do not log it */
        SUMMARIES_FULL,    /* there is no room for its group, or it is not all there: log it */
};

/*
 * An event that is to be summarized by that rule; enriched, and not older than those before.
 * `counts_first`: the first of a group is counted, too, since nothing of it is to be logged.
 * All summaries that are due by then have been taken: summaries_take().
 */
enum summaries_result summaries_add(struct summaries *s, int rule, uint64_t interval_ns,
                                    const struct exec_event *event, bool counts_first);

/*
 * The next summary of an interval that has ended by `now_ns`; false: there is none. UINT64_MAX
 * takes all, before rules change and at the end. Valid until the next call of any function here.
 */
bool summaries_take(struct summaries *s, uint64_t now_ns, struct summary *ret);

/* Other rules: rule_of() says what each is now, or a negative number. */
void summaries_renumber(struct summaries *s, int (*rule_of)(const void *userdata, int rule),
                        const void *userdata);

/* When the next interval ends; UINT64_MAX: there is none. Nothing may be to be said of it then. */
uint64_t summaries_due_ns(const struct summaries *s);

/* Bytes of the facts of the group whose interval ends first; 0: there is none. */
size_t summaries_next_size(const struct summaries *s);

/* Events that are counted and in no summary yet. */
uint64_t summaries_pending(const struct summaries *s);
