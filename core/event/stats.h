/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The counters of the whole daemon at one moment, as `stats` and `stop` events show them, and the
 * identity that they have to satisfy.
 *
 * Unless a name says otherwise everything counts events of the kernel (exec, exec_failed,
 * exec_attempt, exit), once each, whatever their size.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"
#include "exec_control.h"

struct sink_stats {
        const char *name; /* sink_place_name() */
        uint64_t written; /* delivered to the kernel: journal socket, file, pipe */
        uint64_t backlog; /* accepted, waiting */
        uint64_t before;  /* seen before this sink was opened */
        bool is_new;      /* its stream begins in this run: `before` is in none of its lines */
        uint64_t lost;    /* refused, for the backlog was full or it was too large; and `down` */
        uint64_t down;    /* of lost: before our time, since the previous run */
        uint64_t lines;   /* lines delivered, those of the daemon's own events included */
        uint64_t bytes;   /* likewise */
        uint64_t retries; /* deliveries that had to be tried again */
        uint64_t backlog_bytes;
        bool has_files;         /* older ones of which are deleted: */
        uint64_t deleted_files; /* by its own limit */
        uint64_t deleted_bytes;
        uint64_t deleted_to_ns; /* CLOCK_REALTIME: what is older is gone */
        int error;              /* 0, or -errno of the last failed delivery */
        const char *error_what; /* what failed; the sink's */
};

/* Counters of one rule of the configuration. */
struct rule_stats {
        const char *name;
        uint64_t matched;    /* decided or tagged by it */
        uint64_t dropped;    /* exits of dropped execs included */
        uint64_t summarized; /* counted for a summary in place of a line, likewise */
        uint64_t spared;     /* logged on account of their flags, though all else matched */
};

/* Of files of programs, by hashes.h. */
struct hash_stats {
        bool is_on;
        uint64_t hashed;
        uint64_t failed;   /* there is an event that says why */
        uint64_t dropped;  /* execs of new files for which there was no room to wait */
        uint64_t waiting;  /* now */
        uint64_t restarts; /* of the process that reads them */
};

struct stats {
        struct exec_counters program[_PROGRAM_MAX]; /* summed over the CPUs */
        uint64_t recursion_misses[_PROGRAM_MAX];
        uint64_t lost[_LOSS_WHERE_MAX]; /* before the sinks: ring, recursion, queue, decode; others:
                                           see stats_lost() */
        uint64_t in_rings;              /* taken a sequence number, not drained yet; 0 when quiet */
        uint64_t queued;                /* in the queue now */
        uint64_t queue_bytes;
        uint64_t wakeups; /* of the daemon by rings and bells */
        uint64_t cut;     /* events of which something was cut */
        uint64_t hidden;  /* by rules: dropped or summarized; part of filtered; of these: */
        uint64_t hidden_by_default; /* by [Filter] Default= */
        uint64_t hidden_by_removed; /* by rules that are no longer there */
        uint64_t hidden_by_earlier; /* dropped by runs before this one */
        uint64_t summing;           /* counted, and in no summary yet */
        uint64_t redacted;          /* arguments and variables of which something was hidden */
        struct hash_stats files;
        const struct rule_stats *rules; /* borrowed until the next call; NULL: there are none */
        size_t n_rules;
        unsigned n_sinks;
        struct sink_stats sink[_SINK_PLACE_MAX];
};

/* Static; the key of the program in `stats`: "exec", "exit", ... */
const char *exec_program_name(enum exec_program program);

/* Adds each of them. */
void stats_add_counters(struct exec_counters *sum, const struct exec_counters *counters);

/* Events that the kernel saw: all programs, recursion misses included; and those left out. */
uint64_t stats_seen(const struct stats *s);
uint64_t stats_filtered(const struct stats *s);

/* Lost before any sink: in ring, queue and decoder. */
uint64_t stats_lost(const struct stats *s);

/*
 * One line for people. `seen`, of `elapsed_ns` ago, is for the rate; 0 ns: no rate. The caller asks
 * for buf_error().
 */
void stats_describe(const struct stats *s, uint64_t seen, uint64_t elapsed_ns, struct buf *ret);

/*
 * seen - filtered - lost - in_rings - queued - (before + written + backlog + lost of the sink):
 * 0 at any moment, or somebody cannot count.
 */
int64_t stats_unaccounted(const struct stats *s, const struct sink_stats *sink);

/* That of the sink where it is farthest from 0. */
int64_t stats_worst_unaccounted(const struct stats *s);
