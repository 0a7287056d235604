/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Pipeline: the order of the stages. Takes released records from the queue, joins continuations,
 * decodes, screens, encodes, and offers the result to the outputs. Blocks on nothing, delivers
 * nothing: flushing the sinks is the daemon's turn.
 *
 * The daemon's own events (lost, stats) and steps of the clock pass the queue as marks, so that
 * they come out in their place in time. start and stop are the ends of the stream and go straight
 * to the outputs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/encoders.h"
#include "event/ledger.h"
#include "event/queue.h"
#include "flow/outputs.h"

struct config;
struct enricher;
struct hash_answer;
struct hashes;
struct parents;
struct pipeline;
struct screen;

/* Facts from outside the pipeline. */
struct pipeline_ops {
        /* Counters of the kernel and of the source; the pipeline adds its own. */
        void (*fill_stats)(void *userdata, struct stats *stats);
};

/* Borrows encoders, queue, ledger and outputs, which must outlive it. */
int pipeline_new(struct encoders *encoders, struct queue *queue, struct ledger *ledger,
                 struct outputs *outputs, const struct pipeline_ops *ops, void *userdata,
                 struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p);
DEFINE_FREEP(struct pipeline, pipeline_free)

/* Borrowed, or NULL: events are not enriched. */
void pipeline_set_enricher(struct pipeline *p, struct enricher *enricher);

/* Borrowed, or NULL: nothing of their parents but what comes with them. */
void pipeline_set_parents(struct pipeline *p, struct parents *parents);

/* Borrowed, or NULL: every event leaves as it is. */
void pipeline_set_screen(struct pipeline *p, struct screen *screen);

/* Borrowed, or NULL: files of programs have no hash. */
void pipeline_set_hashes(struct pipeline *p, struct hashes *hashes);

/*
 * What has become of the oldest request of these: an event, of the stream's moment. -EAGAIN: some
 * sink has no room for it now; it was not taken.
 */
int pipeline_answer(struct pipeline *p, const struct hash_answer *answer);

/* Takes what it needs of the settings: borrows until the next call. */
void pipeline_configure(struct pipeline *p, const struct config *config);

/*
 * Processes at most `max` records, fewer if their lines are long: the smallest backlog there may be
 * has room for them, if it is flushed after each call. 1: there are more; 0: nothing released;
 * negative: no memory.
 */
int pipeline_run(struct pipeline *p, unsigned max);

/*
 * Puts a mark into the queue: when it comes out, it becomes a stats event, behind the reports of
 * all losses that had ended by then. -ENOBUFS: too many already.
 */
int pipeline_mark_stats(struct pipeline *p, uint64_t now_ns);

/* Likewise, and nothing becomes of it but that the summaries that are due are taken. */
int pipeline_mark_moment(struct pipeline *p, uint64_t now_ns);

/*
 * Likewise what is lost by now; once at a time. *ret_mark_ns, if a mark was put, is its moment:
 * now, or when the last loss that is known has ended, if that is later.
 */
int pipeline_mark_lost(struct pipeline *p, uint64_t now_ns, uint64_t *ret_mark_ns);

/* Likewise: what happened from then on has this offset. If there is no room, all that is to come.
 */
void pipeline_mark_clock(struct pipeline *p, uint64_t from_ns, int64_t realtime_offset_ns);

/* Called with each event of the kernel, whatever rules say; it is valid during the call. */
struct pipeline_observer {
        void (*on_event)(void *userdata, const struct exec_event *event);
        void *userdata;
};

/* Copied; NULL: nobody observes. May be called by the observer. */
void pipeline_observe(struct pipeline *p, const struct pipeline_observer *observer);

/*
 * Summaries leave that are not due yet, because the process that goes on with them ends; as many as
 * the sinks have room for. True: there are more, for when the sinks have been flushed.
 */
bool pipeline_sum_up(struct pipeline *p);

/*
 * The end of one sink's stream, then that of all: the report of what was lost, and all counters.
 * One sink goes while the daemon goes on, so its last event is `stats`; that of all is `stop`.
 */
int pipeline_end_sink(struct pipeline *p, enum sink_place place);
int pipeline_stop(struct pipeline *p, uint64_t now_ns);

/* All counters, now. */
void pipeline_stats(const struct pipeline *p, struct stats *ret);
