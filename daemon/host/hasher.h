/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Hasher: ExeHash=sha256. Takes the requests of the cache of hashes, has a process of its own read
 * the files (hash_worker.h), one at a time, and tells the answers to the flow. Nothing here waits
 * for that process: if it ends, the file that it had is told as such, and another one is started
 * after a pause; and so it is if it does not answer.
 *
 * The cache is in memory that the hand-over keeps: the next run has what this one knows.
 */
#pragma once

#include "base/macro.h"

struct delivery;
struct flow;
struct handover;
struct hasher;
struct sd_event;

/*
 * Borrows all that it is given, but `memory`: the descriptor of what an earlier run has left, which
 * it takes over, or -1. Errors have been logged.
 */
int hasher_new(struct sd_event *event, struct flow *flow, struct delivery *delivery,
               struct handover *handover, int memory, struct hasher **ret);

/* The flow knows of no hashes any more; the next run does, unless the hand-over forgets them. */
struct hasher *hasher_free(struct hasher *h);
DEFINE_FREEP(struct hasher, hasher_free)

/* The name under which the hand-over has the memory. */
#define HASHER_MEMORY "hashes"

/* There may be something to do. `h` may be NULL. A negative errno is one of delivery_flush(). */
int hasher_run(struct hasher *h);
