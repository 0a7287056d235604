/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Code that the destinations of sink.h share, and the seam where tests put a failing disk.
 *
 * Accounting happens here and nowhere else: an entry of the backlog is tagged as an event of the
 * kernel or as one of the daemon's own, and every way in or out of the backlog goes through one of
 * the functions below. Only a destination knows what a retry is, and counts `retries` itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "sink/backlog.h"
#include "sink/sink.h"

/*
 * Tags of entries in the backlog of a sink: bit 0 is set for event_kind_is_kernel(), counted in
 * written and backlog; bit 1 if the account has nothing uncertain any more behind the entry;
 * the others are how many events of the kernel the entry accounts for.
 */
#define SINK_TAG_KERNEL 1u
#define SINK_TAG_SETTLES 2u

static inline uint32_t sink_tag(const struct message *m)
{
        bool is_kernel = event_kind_is_kernel(m->kind);

        return (is_kernel ? 1 : m->events) << 2 | (m->settles ? SINK_TAG_SETTLES : 0) |
               (is_kernel ? SINK_TAG_KERNEL : 0);
}

static inline uint32_t sink_tag_worth(uint32_t tag)
{
        return tag >> 2;
}

/*
 * Lines in one writev(): at about 1 KiB a line that makes 256 KiB, where the price of the call is
 * long below that of the copy, and the arrays (10 KiB) still fit on any stack.
 */
#define SINK_GATHER_MAX 256

/* 0, -ENOMEM, or -EINVAL: no backlog at all. Also after an error the sink may be freed. */
int sink_init(struct sink *s, const struct sink_ops *ops, size_t backlog);

/*
 * Puts the parts into the backlog as one entry, which has the seq s->seq + 1, and takes that seq.
 * With the error of backlog_push() nothing has changed.
 */
int sink_accept(struct sink *s, const struct message *m, const struct span *parts, size_t n_parts);

/* The same with the parts of a JSON line: head, seq, tail, newline. */
int sink_accept_line(struct sink *s, const struct message *m);

/*
 * For destinations that take an entry at a time: it is being handed over, and, it was not taken.
 * Should we die in between, the account says that nobody knows.
 */
void sink_sending(struct sink *s);
void sink_not_sent(struct sink *s);

/* For files: all that `size` bytes of this one hold is accounted for. */
void sink_account_file(struct sink *s, uint64_t dev, uint64_t ino, uint64_t size);

/* The `n` oldest entries are delivered: counts them, pops them. */
void sink_delivered(struct sink *s, size_t n);

/*
 * Points ret[SINK_GATHER_MAX] at the oldest entries, of which the first `offset` bytes are already
 * delivered: the first entry in any case, more as long as all of them fit in `room` bytes. Returns
 * how many. Valid until the next change of the backlog.
 */
size_t sink_gather(const struct sink *s, size_t offset, uint64_t room, struct iovec *ret);

/* `done` more bytes of what sink_gather() gave are delivered: pops whole entries, sets *offset. */
void sink_advance(struct sink *s, size_t done, size_t *offset);

/* Remembers what failed, a string that lives as long as the sink; returns the error, for a return
 * statement. */
int sink_fail(struct sink *s, const char *what, int error);

/* All is well (again). */
void sink_clear_error(struct sink *s);

/* The system calls of the file sink that tests make fail; semantics of the libc functions. */
struct sink_file_system {
        int (*open)(const char *path, int flags, mode_t mode);
        ssize_t (*writev)(int fd, const struct iovec *iov, int n);
        int (*ftruncate)(int fd, off_t size);
        int (*fdatasync)(int fd);
        int (*rename)(const char *from, const char *to);
        int (*unlink)(const char *path);
        int (*clock_gettime)(clockid_t clock, struct timespec *ret);
};

extern const struct sink_file_system sink_file_system_real;

/* `system` must outlive the sink. */
int sink_file_new_on(const struct sink_file_system *system, const struct sink_file_config *config,
                     size_t backlog, struct sink **ret);
