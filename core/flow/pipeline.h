/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Pipeline: the order of the stages. Takes released records from the queue, joins continuations,
 * decodes, filters, encodes, and offers the result to every sink. Blocks on nothing, delivers
 * nothing: flushing the sinks is the daemon's turn.
 *
 * The daemon's own events (lost, stats) and steps of the clock pass the queue as marks, so that
 * they come out in their place in time. start and stop are the ends of the stream and go straight
 * to the sinks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/encode.h"
#include "event/ledger.h"
#include "event/queue.h"
#include "sink/sink.h"

struct config;
struct enricher;
struct pipeline;

/* The sinks' places, which are also their reader numbers in the ledger. */
enum sink_place {
        SINK_JOURNAL,
        SINK_FILE,
        SINK_STDOUT,
        _SINK_PLACE_MAX,
};

/* What the pipeline cannot know by itself. */
struct pipeline_ops {
        /* Counters of the kernel and of the source; the pipeline adds its own. */
        void (*fill_stats)(void *userdata, struct stats *stats);
};

/* Borrows encoder, queue and ledger, which must outlive it; owns its sinks. */
int pipeline_new(struct encoder *encoder, struct queue *queue, struct ledger *ledger,
                 const struct pipeline_ops *ops, void *userdata, struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p);
DEFINE_FREEP(struct pipeline, pipeline_free)

/*
 * Before any sink is set: this run begins behind the event that the kernel gave the number
 * `earlier` (all programs and CPUs together); whoever ran before us was reading until `from_ns`.
 */
void pipeline_begin(struct pipeline *p, uint64_t earlier, uint64_t from_ns, uint64_t now_ns);

/*
 * A sink whose account was left open by the run before us is told what came between. Takes over the
 * sink, or NULL; frees what was in its place, and counts what was still in that. */
void pipeline_set_sink(struct pipeline *p, enum sink_place place, struct sink *sink);

/* Borrowed; NULL if there is none. */
struct sink *pipeline_sink(const struct pipeline *p, enum sink_place place);

/* Borrowed, or NULL: events are not enriched. */
void pipeline_set_enricher(struct pipeline *p, struct enricher *enricher);

/* Takes what it needs of the settings: borrows until the next call. */
void pipeline_configure(struct pipeline *p, const struct config *config);

/*
 * Processes at most `max` records, fewer if their lines are long: the smallest backlog there may be
 * has room for them, if it is flushed after each call. 1: there are more; 0: nothing released;
 * negative: no memory.
 */
int pipeline_run(struct pipeline *p, unsigned max);

/* Puts a mark into the queue: when it comes out, stats are told. -ENOBUFS: too many already. */
int pipeline_mark_stats(struct pipeline *p, uint64_t now_ns);

/*
 * Likewise what is lost by now; once at a time. *ret_mark_ns, if a mark was put, is its moment:
 * now, or when the last loss that is known has ended, if that is later.
 */
int pipeline_mark_lost(struct pipeline *p, uint64_t now_ns, uint64_t *ret_mark_ns);

/* Likewise: what happened from then on has this offset. If there is no room, all that is to come.
 */
void pipeline_mark_clock(struct pipeline *p, uint64_t from_ns, int64_t realtime_offset_ns);

/*
 * The exec of this process is to come; and: it has not come yet. 0: none is. The PID is that of its
 * namespace, which may be 0 for any.
 */
void pipeline_expect(struct pipeline *p, uint32_t pid, uint32_t pid_namespace);
bool pipeline_is_expecting(const struct pipeline *p);

/* Takes what the sinks have lost, also while delivering, into the ledger. */
void pipeline_note_losses(struct pipeline *p, uint64_t boot_ns);

/* True if some sink has to be told of a loss. */
bool pipeline_has_untold(const struct pipeline *p);

/*
 * The first and the last event of a stream; the last one after whatever is still untold. What
 * `info` points to, but for the settings and `inherited`, is borrowed as long as the pipeline
 * lives.
 */
int pipeline_start(struct pipeline *p, uint64_t now_ns, const struct start_info *info);
int pipeline_stop(struct pipeline *p, uint64_t now_ns);

/*
 * The same for one sink that comes or goes in between. It begins with a `start` event of its own,
 * for its seq begins at 1. At its end it is told what was lost, and all counters: the daemon goes
 * on, so that is a `stats` event.
 */
int pipeline_start_sink(struct pipeline *p, enum sink_place place, const struct config *config);
int pipeline_end_sink(struct pipeline *p, enum sink_place place);

/* All counters, now. */
void pipeline_stats(const struct pipeline *p, struct stats *ret);
