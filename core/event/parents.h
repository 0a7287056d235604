/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Parents: what is known of an exec, for the events of those that come from it: its program and
 * arguments. The kernel side says of each parent by which exec it became what it is; here is what
 * that exec's own event has said.
 *
 * A process that ran before us is known as it was found: under its own name and count of execs,
 * also if it has only been forked, and its arguments are those of then.
 *
 * For one thread, in the order of time, before anything is hidden: what a rule drops has children
 * all the same. An exec whose event was lost or came before us is not known, and nothing is ever
 * taken for it, as no two execs have the same name. Nothing in here leaves by itself: arguments
 * are those of the event, and redacted whenever they are shown.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"
#include "event/event.h"

/*
 * All entries, with what they take beside their strings: some 50,000 ordinary execs. What has not
 * been asked for the longest goes first.
 */
#define PARENTS_BYTES_MAX (8 * MIB)

struct parents;

/* `bytes_max`: PARENTS_BYTES_MAX. */
int parents_new(size_t bytes_max, struct parents **ret);
struct parents *parents_free(struct parents *p);
DEFINE_FREEP(struct parents, parents_free)

/*
 * Remembers an exec or a process, and adds to any event what is known of its parent and ancestors,
 * at most `argv_max` bytes of arguments; valid until the next call.
 */
void parents_process(struct parents *p, struct exec_event *event, size_t argv_max);

void parents_clear(struct parents *p);
