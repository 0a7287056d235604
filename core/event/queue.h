/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Queue: holds records between the rings and the pipeline, bounded in bytes, and merges the streams
 * of all CPUs into one in time order.
 *
 * Marks are records of the daemon's own, nothing but a head. They have places of their own, so that
 * they get in however full the queue is: the losses of an overload are reported while it lasts.
 *
 * A record is released once the watermark has passed it: the source's word that nothing older is
 * still to come. Equal times are ordered by CPU, program, sequence and chunk, so an event and its
 * continuations come out one behind the other. Looks at the record's head only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "exec_record.h"

struct queue;

/* One for lost events, one for the timer of stats, and some for signals that come in a row. */
#define QUEUE_MARKS_MAX 8

/* `size`: bytes of records; a record takes 15 more at most. Its memory is used as far as needed. */
int queue_new(size_t size, struct queue **ret);
struct queue *queue_free(struct queue *q);
DEFINE_FREEP(struct queue, queue_free)

/* All records are kept. -ENOBUFS: they would not fit; nothing has changed. */
int queue_resize(struct queue *q, size_t size);

/* Copies the record. -ENOBUFS: no room. -EINVAL: not even a head, or its size is a lie. */
int queue_push(struct queue *q, const void *record, size_t size);

/* Likewise a mark. -ENOBUFS: there are QUEUE_MARKS_MAX already. */
int queue_push_mark(struct queue *q, const struct exec_record_head *mark);

/* Everything older than this may come out; it never goes back. UINT64_MAX: everything. */
void queue_release(struct queue *q, uint64_t watermark_ns);

/* All that is there by now may come out, though older records may still come. */
void queue_release_all(struct queue *q);

/*
 * The oldest released record or NULL; queue_pop() takes it out. The memory, 8-byte aligned, is
 * valid until the next queue_push(), queue_push_mark() or queue_resize(), also after it was popped.
 */
const struct exec_record_head *queue_peek(const struct queue *q);
const struct exec_record_head *queue_pop(struct queue *q);

size_t queue_bytes(const struct queue *q);

bool queue_is_half_full(const struct queue *q);

/* Events of the kernel, without continuations and the daemon's own records. */
uint64_t queue_events(const struct queue *q);

/* All records, released or not. */
size_t queue_count(const struct queue *q);
