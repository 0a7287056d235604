/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Hand-over: what one run of the daemon keeps for the next.
 *
 * Descriptors, each with a name: the maps, programs and links of the BPF side, which go on counting
 * without a reader, and a page of memory with the accounts of the sinks. They are kept by the
 * service manager (its fd store, see sd_pid_notify_with_fds(3)), which survives us however we end,
 * or handed over directly by handover_exec(), which replaces the image of this very process.
 *
 * Without a service manager that says it has such a store ($FDSTORE, systemd 254; before that the
 * unit says it) there is no next run: the page is then plain memory, and nothing is stored. A page
 * of another layout is not understood, and everything that came with it is dropped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "event/event.h"
#include "exec_record.h"
#include "sink/account.h"

/*
 * A change of the page bumps it, and one of what the maps that go with it mean; of another shape
 * than we expect, they are dropped anyway.
 */
#define HANDOVER_VERSION 3

/* The keeper's end: to be taken, and closed when its rings are mapped no more. */
#define HANDOVER_KEEPER "keeper"

/* The lock on the log's file, which has to be held without a moment between. */
#define HANDOVER_LOCK "lock"

struct handover_page {
        uint64_t magic;
        uint32_t version, n_cpus;
        uint64_t object_hash;  /* of the BPF object whose programs run */
        uint64_t generation;   /* of the programs loaded last */
        uint64_t watermark_ns; /* CLOCK_BOOTTIME: all before this has come out of the rings */
        uint64_t earlier_misses[_PROGRAM_MAX];      /* of programs that have gone */
        struct account accounts[_SINK_ACCOUNT_MAX]; /* by enum sink_place */
        uint64_t dropped;                           /* events, by rules, since the first run */

        /* Valid for handover_exec() only: how far the rings, which go on, were read. */
        uint64_t ring_version; /* RING_VERSION of what they hold */
        uint64_t ring_size;
        uint64_t missed[_PROGRAM_MAX];
        uint64_t seq[]; /* by program, then by CPU */
};

/* One account more is another page. */
_Static_assert(_SINK_ACCOUNT_MAX == 2 && HANDOVER_VERSION == 3, "another layout, another version");

struct handover;

/*
 * Takes what the service manager or the previous image has kept. Errors are logged. Unless `keep`,
 * this run is for itself: it takes nothing and keeps nothing.
 */
int handover_open(bool keep, struct handover **ret);

/* Closes the descriptors that were not taken. */
struct handover *handover_free(struct handover *h);
DEFINE_FREEP(struct handover, handover_free)

/*
 * Takes the page of the previous run, for `n_cpus` CPUs. False: there is none that we understand,
 * and handover_reset() has to be called. To be called first.
 */
bool handover_take_page(struct handover *h, unsigned n_cpus);

/* Drops all there is, which is of no use, from the store as well, and starts a new page. */
int handover_reset(struct handover *h);

/* The next run finds what is written into it. NULL before one of the two above. */
struct handover_page *handover_page(const struct handover *h);

/* True if this image was put in the place of another, and nothing of that was taken yet. */
bool handover_is_coming(void);

/* True if nothing has come from the previous run, and nothing is stored yet. */
bool handover_is_empty(const struct handover *h);

/* A descriptor from the previous run, now the caller's; -1 if there is none. */
int handover_take(struct handover *h, const char *name);

/*
 * Keeps a copy for the next run, or forgets it. Errors are logged: it is then not kept. The
 * descriptor stays the caller's, and open until it is forgotten.
 */
void handover_store(struct handover *h, const char *name, int fd);
void handover_forget(struct handover *h, const char *name);

/* A descriptor that was taken has another number now. */
void handover_renumber(struct handover *h, const char *name, int fd);

/* A copy for handover_exec() alone, which is not stored; and drops all of these again. */
int handover_add_direct(struct handover *h, const char *name, int fd);
void handover_drop_direct(struct handover *h);

/*
 * Goes on with another image in this process, which finds what was stored or added. Returns only
 * if that fails, with an errno; nothing has changed then.
 */
int handover_exec(struct handover *h, const char *path, char *const *argv);

/* True if there was no moment between the previous image and us: its rings have gone on. */
bool handover_is_direct(const struct handover *h);

/* Keeps nothing at all: the next run is to begin from scratch. */
void handover_forget_all(struct handover *h);

/* Drops the descriptors that were not taken, from the store as well. */
void handover_forget_rest(struct handover *h);

/* True if there can be a next run that takes anything. */
bool handover_has_next(const struct handover *h);

/* True if the service manager has a store, so that stored descriptors survive us. */
bool handover_has_store(const struct handover *h);
