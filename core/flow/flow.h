/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Flow: every stage between a source and the sinks, wired in this one place for whatever needs an
 * event's whole way: the daemon, its tests, a fuzzer.
 *
 *   source → intake → queue → pipeline (encoder, enricher) → outputs, and the ledger beside them
 *
 * Its life: flow_new(), flow_open(), the sinks (host/delivery.h), flow_start(), then flow_run() as
 * long as there is something, flow_stop(). When to do something is not its business.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event/ledger.h"
#include "flow/outputs.h"
#include "flow/pipeline.h"

struct config;
struct flow;
struct hash_answer;
struct hashes;
struct recorder;
struct recording_header;
struct rules;
struct source;

/*
 * For a stream of `identity`, which is copied. Borrows the source for good, and the settings until
 * they change. `etc`: the folder with the host's users, or NULL: they have no names here. `rules`:
 * those of the settings, compiled, or NULL: there are none; taken over, also if it fails.
 */
int flow_new(struct source *source, const struct recording_header *identity, const char *etc,
             const struct config *config, struct rules *rules, struct flow **ret);
struct flow *flow_free(struct flow *f);
DEFINE_FREEP(struct flow, flow_free)

/* Opens the source: the stream begins here. Errors have been logged by it. */
int flow_open(struct flow *f);

/* The identity, with the moment when the stream began. */
const struct recording_header *flow_identity(const struct flow *f);

/* The host is called so from here on. Without memory, the old name stays. */
int flow_set_host(struct flow *f, const char *host);

/* For those who set the sinks. */
struct outputs *flow_outputs(const struct flow *f);

/* Also records what the source says. Borrowed; NULL: no more. */
void flow_set_recorder(struct flow *f, struct recorder *recorder);

/* See pipeline_observe(). */
void flow_observe(struct flow *f, const struct pipeline_observer *observer);

/* See pipeline.h. */
void flow_set_hashes(struct flow *f, struct hashes *hashes);
int flow_answer(struct flow *f, const struct hash_answer *answer);

/*
 * Of a source that has been started: what runs already is to be told before all that happens, if
 * the settings say so. Then, while there is room: a piece of it. 1: there is more; -EAGAIN: but not
 * yet, ask again a little later. 0: that was the last, and what has waited for it may come out with
 * the next round.
 */
int flow_begin_snapshot(struct flow *f);
bool flow_can_take_snapshot(const struct flow *f);
int flow_take_snapshot(struct flow *f);

/*
 * The run may end: the next one does not tell of these processes, so there is now what has been
 * read and there is room for. Nothing waits for the rest.
 */
void flow_let_go(struct flow *f);

/* The first event and the last one. `version` is borrowed for good. */
int flow_start(struct flow *f, const char *version);
int flow_stop(struct flow *f);

/* The last event of one sink, which is about to go. */
int flow_end_sink(struct flow *f, enum sink_place place);

/*
 * Other settings, borrowed from the commit on; revert undoes a prepare, also one that failed. The
 * rules are taken over in any case.
 */
int flow_prepare(struct flow *f, const struct config *config, struct rules *rules);
void flow_commit(struct flow *f, const struct config *config);
void flow_revert(struct flow *f);

/*
 * Some records to the sinks, few enough that a flush behind each call has room for their lines.
 * 1: there are more; 0: there are none; negative: no memory, and there may be more.
 */
int flow_run(struct flow *f);
bool flow_is_idle(const struct flow *f);

/* All that has come in by now may come out, though older records may still come. */
void flow_release_all(struct flow *f);

/* The process ends, and what is being summed up leaves before: see pipeline_sum_up(). */
bool flow_sum_up(struct flow *f);

/* A loss that only the caller knows of; and: all losses until now are to be reported. */
void flow_lose(struct flow *f, enum loss_where where, uint64_t count, uint64_t from_ns,
               uint64_t to_ns);
void flow_mark_lost(struct flow *f);

/*
 * When something is to be said in the stream though nothing happens (a summary), by the clock of
 * the source; UINT64_MAX: never. And: that moment has come.
 */
uint64_t flow_due_ns(const struct flow *f);
void flow_mark_moment(struct flow *f);

/* A `stats` event is to be put into the stream. -ENOBUFS: too many such requests wait already. */
int flow_mark_stats(struct flow *f);

/* All counters, now. */
void flow_stats(const struct flow *f, struct stats *ret);
