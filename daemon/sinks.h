/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Sinks: which destinations the settings ask for, opened, changed and closed together, each with
 * its outlet on the loop.
 *
 * A change of settings is prepared, then committed or reverted; between the two, events go where
 * they went before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "macro.h"

struct account;
struct config;
struct pipeline;
struct sd_event;
struct sinks;

/*
 * Borrows the pipeline, which owns the sinks, and the accounts that they keep for the run after us:
 * HANDOVER_SINKS, by place, or NULL. `use_stdout`: stdout alone, whatever is configured.
 */
int sinks_new(struct sd_event *event, struct pipeline *pipeline, struct account *accounts,
              bool use_stdout, struct sinks **ret);
struct sinks *sinks_free(struct sinks *s);
DEFINE_FREEP(struct sinks, sinks_free)

/* Opens what is new. Borrows `config` until commit or revert. Errors are logged. */
int sinks_prepare(struct sinks *s, const struct config *config);
void sinks_commit(struct sinks *s);
void sinks_revert(struct sinks *s);

/* Delivers what can be delivered now and plans the rest. */
int sinks_flush(struct sinks *s);

/* True if everything accepted has been delivered. */
bool sinks_are_idle(const struct sinks *s);

/*
 * True if the image after us can tell what has not been delivered: all but stdout have an account
 * of it.
 */
bool sinks_can_be_left(const struct sinks *s);

/* Close and open again what is a file. */
void sinks_reopen(struct sinks *s);

/* Delivers everything, waiting until `end_ns` (CLOCK_MONOTONIC) at most for readers that are slow;
 * for when the loop has ended.
 */
void sinks_finish(struct sinks *s, uint64_t end_ns);

/* Says which sinks end without all that they were given. */
void sinks_tell_rest(const struct sinks *s);
