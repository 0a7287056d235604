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

#include "base/macro.h"

struct account;
struct config;
struct outputs;
struct pipeline;
struct sd_event;
struct delivery;

/*
 * Borrows the pipeline, the outputs, which own the sinks, and the accounts that they keep for the
 * run after us: HANDOVER_SINKS, by place, or NULL. `use_stdout`: stdout alone, whatever is
 * configured.
 */
int delivery_new(struct sd_event *event, struct pipeline *pipeline, struct outputs *outputs,
                 struct account *accounts, bool use_stdout, struct delivery **ret);
struct delivery *delivery_free(struct delivery *s);
DEFINE_FREEP(struct delivery, delivery_free)

/* Opens what is new. Borrows `config` until commit or revert. Errors are logged. */
int delivery_prepare(struct delivery *s, const struct config *config);
void delivery_commit(struct delivery *s);
void delivery_revert(struct delivery *s);

/* Delivers what can be delivered now and plans the rest. */
int delivery_flush(struct delivery *s);

/* True if everything accepted has been delivered. */
bool delivery_are_idle(const struct delivery *s);

/*
 * True if the image after us can tell what has not been delivered: all but stdout have an account
 * of it.
 */
bool delivery_can_be_left(const struct delivery *s);

/* Close and open again what is a file. */
void delivery_reopen(struct delivery *s);

/* Delivers everything, waiting until `end_ns` (CLOCK_MONOTONIC) at most for readers that are slow;
 * for when the loop has ended.
 */
void delivery_finish(struct delivery *s, uint64_t end_ns);

/* Says which sinks end without all that they were given. */
void delivery_tell_rest(const struct delivery *s);
