/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Stages: everything between the source and the destinations, built, changed and emptied together.
 *
 *   queue → pipeline (encoder, enricher) → outputs, delivery; and the ledger beside them
 *
 * Knows neither the kernel nor when to do something: both are the daemon's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flow/pipeline.h"

struct account;
struct config;
struct recording_header;
struct sd_event;
struct delivery;

/* All owned; NULL before stages_build() and, for `sinks`, before stages_open_sinks(). */
struct stages {
        struct enricher *enricher;
        struct encoder *encoder;
        struct queue *queue;
        struct ledger *ledger;
        struct outputs *outputs;
        struct pipeline *pipeline;
        struct delivery *sinks;
};

/*
 * For a stream of `identity`; borrows the settings until they change, `ops` and `userdata` for
 * good. After a failure, too, stages_release() is due.
 */
int stages_build(struct stages *s, const struct recording_header *identity,
                 const struct config *config, const struct pipeline_ops *ops, void *userdata);

/* When it is known where the stream begins, see outputs_begin(). Arguments as for delivery_new().
 */
int stages_open_sinks(struct stages *s, struct sd_event *event, const struct config *config,
                      struct account *accounts, bool use_stdout);

void stages_release(struct stages *s);

/*
 * Other settings: borrowed until commit or revert, which gets those from before. Errors are logged,
 * and are to be followed by a revert.
 */
int stages_prepare(struct stages *s, const struct config *config);
void stages_commit(struct stages *s, const struct config *config);
void stages_revert(struct stages *s, const struct config *config);

/* A batch of records through the pipeline; true if there are more. Errors are logged. */
bool stages_run(struct stages *s);

/*
 * All that has come in goes out, as far as the sinks take it until `end_ns` (CLOCK_MONOTONIC); for
 * when nothing comes in any more.
 */
void stages_drain(struct stages *s, uint64_t end_ns);
