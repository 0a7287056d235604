/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Source: where raw records come from, the kernel (kernel/source_perf.c) or a recording
 * (source_replay.c). Both speak to the same handler.
 *
 * Its life: made by a function of its own, source_open(), source_start(), source_stop(),
 * source_free(). Between start and stop a live source speaks by itself, as things happen; a
 * recording has to be asked for each step. Functions that a recording does not need do nothing
 * there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"
#include "exec_record.h"

struct config;
struct ledger;
struct recording_header;
struct source;

struct source_handler {
        /* One record, valid during the call only; to be copied and no more: the ring waits. */
        void (*on_record)(void *userdata, const void *record, size_t size);

        /* The end of a round: everything older than the watermark has been handed out. */
        void (*on_round)(void *userdata, uint64_t watermark_ns);

        /* All rings were drained and the program had given numbers up to `seq` before that. */
        void (*on_drained)(void *userdata, enum exec_program program, uint32_t cpu, uint64_t seq);

        /* The kernel did not run a program, so many times more. */
        void (*on_missed)(void *userdata, enum exec_program program, uint64_t count);

        /* Programs were kept from seeing events, so many at least, between these moments. */
        void (*on_blind)(void *userdata, uint64_t count, uint64_t from_ns, uint64_t to_ns);

        /* The other callbacks have reported all that the kernel did before `until_ns`. */
        void (*on_counted)(void *userdata, uint64_t until_ns);

        /*
         * The wall clock was set: CLOCK_REALTIME minus CLOCK_BOOTTIME is this for what happened
         * from `from_ns` (CLOCK_BOOTTIME) on. Said before the on_round that releases the first of
         * that; if `from_ns` is older than the last on_round, for what that one did not release.
         */
        void (*on_clock)(void *userdata, uint64_t from_ns, int64_t realtime_offset_ns);

        void *userdata;
};

/* The time before the stream. */
enum source_past {
        SOURCE_PAST_NONE, /* a recording has none */
        SOURCE_PAST_UNKNOWN,
        SOURCE_PAST_COUNTED, /* the counters have all that happened */
};

/* NULL where nothing is to be done, but for the first three. The functions below say what for. */
struct source_ops {
        int (*identify)(const struct source *s, struct recording_header *ret);
        uint64_t (*now_ns)(const struct source *s);
        void (*free)(struct source *s);
        int (*step)(struct source *s); /* NULL: live */
        int (*open)(struct source *s);
        int (*start)(struct source *s, const struct config *config);
        void (*stop)(struct source *s);
        int (*configure)(struct source *s, const struct config *config);
        void (*reconcile)(struct source *s);
        void (*read_counters)(struct source *s);
        const struct exec_counters *(*counters)(const struct source *s, enum exec_program program,
                                                unsigned cpu);
        void (*grow)(struct source *s);
        ssize_t (*list)(struct source *s, void *buf, size_t size);
        int (*hand_over)(struct source *s);
        int (*keep)(const struct source *s);
};

/* The common part; the first member of each source's own struct, which fills it. */
struct source {
        const struct source_ops *ops;
        unsigned n_cpus; /* possible ones: all CPU numbers are below */

        /* Since source_open(). */
        struct source_handler handler;
        struct ledger *ledger; /* of the events that the source has handed out */
        enum source_past past;
        const char *const *missing_keys; /* of events, which it cannot give: NULL-terminated */
        uint64_t watermark_ns; /* of the last round, or that of the previous run; 0: none */
        uint64_t wakeups;      /* of the daemon by it */
};

struct source *source_free(struct source *s);
DEFINE_FREEP(struct source, source_free)

/* Which host, boot and kernel it is of; errors have been logged. */
int source_identify(const struct source *s, struct recording_header *ret);

/* The moment of the stream (CLOCK_BOOTTIME): that of a recording is not ours. */
uint64_t source_now_ns(const struct source *s);

/*
 * From here on it may be started. The ledger, which is borrowed, gets the numbers of what happened
 * before. The handler is copied. Errors have been logged.
 */
int source_open(struct source *s, const struct source_handler *handler, struct ledger *ledger);

/* From here on the handler may be called. `config`: as of before. Errors have been logged. */
int source_start(struct source *s, const struct config *config);

/*
 * All that has happened by now has been said when this returns; nothing that happens later is said
 * any more.
 */
void source_stop(struct source *s);

/* True: it speaks by itself. False: it has to be asked with source_step(). */
bool source_is_live(const struct source *s);

/*
 * Says everything up to the end of the next round, or a part of it. 1: there is more. 0: that was
 * the end. -ENODATA: the recording is cut short here. -EBADMSG: it is damaged here. Or a read
 * error. Not for a live source.
 */
int source_step(struct source *s);

/* New settings; on error, which has been logged, everything is as it was. */
int source_configure(struct source *s, const struct config *config);

/* Says what has happened by now, and what can no longer come. */
void source_reconcile(struct source *s);

/*
 * The kernel's counters of a program on a CPU, as they were read last. NULL: it has none, and what
 * came is all that is known.
 */
void source_read_counters(struct source *s);
const struct exec_counters *source_counters(const struct source *s, enum exec_program program,
                                            unsigned cpu);

/* It will not be read for a while: takes more room, until source_configure(). */
void source_grow(struct source *s);

/*
 * Whole records of processes that run already, as many as `size` bytes hold, EXEC_RECORD_SIZE_MAX
 * at least; returns their bytes. 0: there are no more, or never were any. -EAGAIN: ask again. Other
 * errors have been logged, and are the end.
 */
ssize_t source_list(struct source *s, void *buf, size_t size);

/*
 * Before handover_exec(), after the last reconciliation: it goes on in the next image. The
 * rings live as long as some process has called source_keep() or has taken them. -EOPNOTSUPP: this
 * source cannot go on.
 */
int source_hand_over(struct source *s);
int source_keep(const struct source *s);
