/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Snapshot: what runs already when the stream begins, told before everything else. It is taken from
 * the source in pieces, each when there is room for its lines, so a host with 100,000 processes
 * neither fills the queue nor keeps the rings waiting.
 *
 * The records get the moment at which the stream began, and what happens meanwhile waits in the
 * queue, so that they come out before it: for SNAPSHOT_WAIT_NS, or until the queue is half full.
 * From then on they are of the moment at which they are taken. So time goes forward in any case.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

struct outputs;
struct queue;
struct snapshot;
struct source;

/*
 * And until the next round, a second at most: six seconds in all. To list some 100 processes takes
 * milliseconds, but seconds while a host boots, and for ever where one of them is stuck.
 */
#define SNAPSHOT_WAIT_NS (5 * NSEC_PER_SEC)

/*
 * Of a source that has been started; borrows all. `stream_ns`: when the stream began. `is_told`: an
 * earlier run has told of these processes, and they are only to be remembered.
 */
int snapshot_new(struct source *source, const struct queue *queue, const struct outputs *outputs,
                 uint64_t stream_ns, bool is_told, struct snapshot **ret);
struct snapshot *snapshot_free(struct snapshot *s);
DEFINE_FREEP(struct snapshot, snapshot_free)

/* True if there is room for another piece; `backlog`: bytes of each sink's. */
bool snapshot_has_room(const struct snapshot *s, size_t backlog);

/* Says a piece to the source's handler. 1: there is more. 0: no. -EAGAIN: more, but not yet. */
int snapshot_take(struct snapshot *s);

/* How far a round whose watermark is this may release the queue. */
uint64_t snapshot_limit(struct snapshot *s, uint64_t watermark_ns);

/* Nothing waits for it any longer. */
void snapshot_let_go(struct snapshot *s);
