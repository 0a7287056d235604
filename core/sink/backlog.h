/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A bounded FIFO of byte strings in one block of memory: what a sink has accepted and not yet
 * delivered.
 *
 * The bound is on bytes, overhead included. The memory is reserved at once but touched only as far
 * as it is used; when the backlog runs empty it starts again at the beginning, so that a sink that
 * keeps up stays small.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

#include "base/buf.h"

struct backlog;

struct backlog_entry {
        struct span data; /* valid until the entry is popped */
        uint32_t tag;     /* the owner's */
};

int backlog_new(size_t limit, struct backlog **ret);
struct backlog *backlog_free(struct backlog *b);
DEFINE_FREEP(struct backlog, backlog_free)

/* Another limit. All entries are kept. -ENOBUFS: they would not fit; nothing has changed. */
int backlog_resize(struct backlog *b, size_t limit);

/* Appends the parts as one entry. -ENOBUFS: no room, nothing changed. -EMSGSIZE: never any room. */
int backlog_push(struct backlog *b, const struct span *parts, size_t n_parts, uint32_t tag);

/* The oldest entries, at most `max`; returns how many. */
size_t backlog_peek(const struct backlog *b, struct backlog_entry *ret, size_t max);

/* Drops the `n` oldest entries. There are as many. */
void backlog_pop(struct backlog *b, size_t n);

/*
 * False: backlog_push() of so many bytes might have no room. True of every size while it is empty:
 * who waits for more room than that would wait for ever.
 */
bool backlog_has_room(const struct backlog *b, size_t size);

size_t backlog_count(const struct backlog *b);
size_t backlog_bytes(const struct backlog *b);
