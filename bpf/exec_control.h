/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The memory that the BPF programs and the daemon share: what the daemon wants (struct
 * exec_control), what the programs are doing (struct exec_inflight), and what they have counted
 * (struct exec_counters). Records do not go this way: see exec_record.h.
 *
 * The control and in-flight pages are mapped by the daemon and used by both sides at once, without
 * a lock: each word has one writer at a time and means something by itself. Counters are per CPU,
 * written by one program there, and read by the daemon.
 *
 * The memory outlives both: the next daemon, maybe of another build, takes it over if the sizes are
 * the same (inherit_map() in loader.c). So a word that changes its place or its meaning has to
 * change the size of its structure, too.
 */
#pragma once

#include "exec_record.h"

/*
 * Settings that may change while the programs run, and the doorbell; shared memory.
 *
 * An environment variable is wanted if the key of its name is in the map env_keys; env_bloom, a bit
 * for each env_hash(key), spares most variables the look-up. Names that share their first eight
 * bytes share a key: the daemon drops what it did not ask for.
 */
struct exec_control {
        /*
         * By enum exec_program: the generation of the programs that does something; all others
         * return at once. So one store stops a program, without the RCU grace period of detaching
         * it, and one store hands over from the programs of an older daemon to ours.
         */
        __u32 running[8];

        /*
         * The generation that did something before, as long as it is attached, else 0. It is called
         * first: what it has begun when it is replaced, its successor must not do again.
         */
        __u32 before[8];
        __u32 armed;       /* the daemon sleeps: ring the bell once */
        __u32 track_exits; /* 0 or 1 */
        __u32 descriptors; /* likewise: standard input, output and error */
        __u32 parents;     /* likewise: the paths of their programs */
        __u64 argv_max;    /* bytes */
        __u64 caps_full;   /* all capabilities that this kernel knows */
        __u64 env_bloom;
        __u64 ignore_errnos[8]; /* bit n: failures with errno n are counted as filtered */
};

#define EXEC_ENV_NAMES_MAX 32
#define EXEC_ENV_NAME_SIZE 64 /* longest name and NUL */

/* The first eight bytes of "NAME=value", little endian, zero behind the "=". */
static inline __u64 env_key(__u64 first_bytes)
{
        __u64 x = first_bytes ^ 0x3d3d3d3d3d3d3d3dULL; /* "=" becomes a zero byte */
        __u64 zero = (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;

        return zero ? first_bytes & (zero ^ (zero - 1)) : first_bytes;
}

static inline __u32 env_hash(__u64 key)
{
        return key * 0x9e3779b97f4a7c15ULL >> 58; /* 2^64 / golden ratio: Fibonacci hashing */
}

/*
 * Which programs run on a CPU right now, in memory shared with the daemon (one element per CPU, the
 * first a cache line): 0 = not running, 1 = starting, else the boot_ns of the record being made. A
 * record that is not in flight and older than a moment has reached its ring before that moment.
 */
#define EXEC_INFLIGHT_STARTING 1
struct exec_inflight {
        __u64 since[8]; /* by enum exec_program */

        /* Events that a program left to others, as the page said: of even, of odd generations. */
        __u64 passed[2][8];
};

/*
 * Counters of one program on one CPU, read by the daemon. For each program
 *   seen = sent + filtered + lost_ring_full + lost_no_ring + lost_other
 * once it no longer runs; seen - filtered is the sequence number given last.
 */
struct exec_counters {
        __u64 seen;
        __u64 sent;
        __u64 filtered;
        __u64 lost_ring_full;
        __u64 lost_no_ring; /* no ring on this CPU: it came online and we have not followed yet */
        __u64 lost_other;
        __u64 bare;        /* of sent: without variable part, for want of room */
        __u64 lost_chunks; /* chunk records that found no room */
        __u64 faults;      /* user memory that could not be read */
        __u64 untracked;   /* execs whose exit will not be seen: the table of processes is full */
};

_Static_assert(_PROGRAM_MAX <= 8, "no room for the programs in the pages shared with the daemon");
EXEC_ASSERT_SIZE(struct exec_control, 168);
EXEC_ASSERT_SIZE(struct exec_inflight, 192);
EXEC_ASSERT_SIZE(struct exec_counters, 80);
