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
#include "sink/sink_kind.h"

struct account;
struct buf;
struct config;
struct flow;
struct sd_event;
struct sink_options;
struct delivery;

/*
 * Borrows the flow, whose outputs own the sinks, and the accounts that they keep for the run after
 * us: _SINK_ACCOUNT_MAX, by place, or NULL.
 */
int delivery_new(struct sd_event *event, struct flow *flow, struct account *accounts,
                 const struct sink_options *options, struct delivery **ret);
struct delivery *delivery_free(struct delivery *s);
DEFINE_FREEP(struct delivery, delivery_free)

/*
 * The lock on the log's file, or -1: the image that takes our place in this process goes on with
 * it. To be given before anything is opened; it is taken over.
 */
int delivery_lock(const struct delivery *s);
void delivery_inherit_lock(struct delivery *s, int fd);

/* Opens what is new. Borrows `config` until commit or revert. Errors are logged. */
int delivery_prepare(struct delivery *s, const struct config *config);
void delivery_commit(struct delivery *s);
void delivery_revert(struct delivery *s);

/* For people: "journal, file /var/log/...". `config`: the one in force. */
void delivery_describe(const struct delivery *s, const struct config *config, struct buf *ret);

/* Some records through the flow, delivered next; true if there are more. Errors are logged. */
bool delivery_run(struct delivery *s);

/* Delivers what can be delivered now and plans the rest. */
int delivery_flush(struct delivery *s);

/* True if everything accepted has been delivered. */
bool delivery_are_idle(const struct delivery *s);

/*
 * True if the next image can report what has not been delivered: for each sink that is behind,
 * there is an account.
 */
bool delivery_can_be_left(const struct delivery *s);

/* Close and open again what is a file. */
void delivery_reopen(struct delivery *s);

/* Delivers everything, waiting until `end_ns` (CLOCK_MONOTONIC) at most for readers that are slow;
 * for when the loop has ended.
 */
void delivery_finish(struct delivery *s, uint64_t end_ns);

/*
 * All that has come into the flow goes out, and what is being summed up, as far as the sinks take
 * it until `end_ns`; for when nothing comes in any more, or is kept waiting.
 */
void delivery_drain(struct delivery *s, uint64_t end_ns);

/* Says which sinks end without all that they were given. */
void delivery_report_rest(const struct delivery *s);
