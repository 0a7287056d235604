/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Ring: the perf buffer of one CPU and its bell. A CPU of its own each, so that CPUs may come and
 * go.
 *
 * The kernel keeps a buffer as long as somebody has it mapped. So one that another process maps
 * meanwhile survives the end of this image, with all that is in it, and ring_adopt() goes on there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "exec_record.h"

struct ring;

/* Of what is in a ring: the records, and how the kernel wraps them. */
#define RING_VERSION (1u << 16 | EXEC_RECORD_VERSION)

/* `wall_ns`: CLOCK_REALTIME when the record was put into the ring. */
typedef void (*ring_record_fn)(void *userdata, const void *record, size_t size, uint64_t wall_ns);

struct ring_config {
        int records_map; /* PERF_EVENT_ARRAY, borrowed */
        int bells_map;   /* likewise */
        uint64_t size;   /* bytes, a power of two of pages */
        ring_record_fn on_record;
        void *userdata;
};

/* Whether we may open one, with what is effective now. */
bool ring_is_permitted(void);

/*
 * From now on the programs' output on this CPU comes here, in place of an older ring of the CPU,
 * which keeps what it has. -ENODEV: the CPU is offline. -EPERM: mostly RLIMIT_MEMLOCK.
 */
int ring_open(const struct ring_config *config, unsigned cpu, struct ring **ret);

/* The ring of the previous image, which the maps lead to; owns both descriptors, also on error. */
int ring_adopt(const struct ring_config *config, unsigned cpu, int records_fd, int bell_fd,
               struct ring **ret);

/* In a child of ours, which has inherited the descriptors but not the memory: until it ends. */
int ring_map_again(const struct ring *r);

/* Does not touch the maps: they may lead to a successor already. */
struct ring *ring_free(struct ring *r);
DEFINE_FREEP(struct ring, ring_free)

/* Puts the ring back into the maps, in the place of a successor that failed. */
int ring_restore(struct ring *r, const struct ring_config *config);

/* Readable when a quarter full; readable when the bell was rung. Both want ring_drain(). */
int ring_records_fd(const struct ring *r);
int ring_bell_fd(const struct ring *r);

/* Hands all records to on_record. -EBADMSG: what is there is no record. */
int ring_drain(struct ring *r);
