/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Ledger: what was lost, where and when, and what of it has been reported to which sink.
 *
 * The kernel numbers the events of each program on each CPU, so a hole in the numbers is a loss,
 * and so is a number that the kernel has given and that never came (ledger_reconcile()). Everything
 * else that drops an event says so with ledger_add().
 *
 * For each sink, by its place, there are two books. One counts what is lost for that sink alone.
 * The other has what is still to be reported to it, summed up by cause, and is closed at a moment
 * of the stream (ledger_close()): a `lost` event of that moment reports what was lost before, and
 * nothing later, however much later it is made. It is cleared only when the sink has accepted the
 * event.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "event/event.h"
#include "event/stats.h"

struct ledger;

int ledger_new(unsigned n_cpus, struct ledger **ret);
struct ledger *ledger_free(struct ledger *l);
DEFINE_FREEP(struct ledger, ledger_free)

/*
 * An event has come out of a ring (not its continuations). False: its CPU or program does not
 * exist, or its number was there before; it must not be counted.
 */
bool ledger_received(struct ledger *l, const struct exec_record_head *head);

/*
 * The kernel had given numbers up to `seq` before all rings were drained and nothing was in flight:
 * a number that has not come by now never will.
 */
void ledger_reconcile(struct ledger *l, enum exec_program program, uint32_t cpu, uint64_t seq,
                      uint64_t now_ns);

/* The kernel did not run a program, so many times more. */
void ledger_missed(struct ledger *l, enum exec_program program, uint64_t count, uint64_t now_ns);

/* All losses in the kernel before that are known by now: one that is found later was later. */
void ledger_counted(struct ledger *l, uint64_t until_ns);

/* The highest number accounted for: received or found lost. */
uint64_t ledger_seq(const struct ledger *l, enum exec_program program, uint32_t cpu);

/* How often the kernel did not run a program: what ledger_missed() was given. */
uint64_t ledger_misses(const struct ledger *l, enum exec_program program);

/* The sum of both: all events accounted for, also those before this run. */
uint64_t ledger_total(const struct ledger *l);

/* To be reported to each sink that it concerns. `cpu` may be LOSS_ANY_CPU. */
void ledger_add(struct ledger *l, enum loss_where where, uint32_t cpu, uint64_t count,
                uint64_t from_ns, uint64_t to_ns);

/*
 * Events with numbers up to `seq`, and so many missed runs, are none of ours: an earlier run of the
 * daemon has accounted for them.
 */
void ledger_begin(struct ledger *l, enum exec_program program, uint32_t cpu, uint64_t seq);
void ledger_begin_missed(struct ledger *l, enum exec_program program, uint64_t count);

/*
 * The sink in this place has lost events, at this moment. They are lost for that sink alone, and
 * reported to it alone: the other streams are complete.
 */
void ledger_sink_lost(struct ledger *l, enum sink_place place, uint64_t count, uint64_t now_ns);

/* The sink lacks these from before this run: LOSS_DOWN, reported to no other sink. */
void ledger_sink_down(struct ledger *l, enum sink_place place, const struct loss *down);

/* Fills in what is lost for this sink alone: `lost`, and of that `down`. */
void ledger_fill_sink(const struct ledger *l, enum sink_place place, struct sink_stats *ret);

/* All losses since the start. */
uint64_t ledger_lost(const struct ledger *l, enum loss_where where);

/*
 * All losses until now are to be reported. Returns the moment of which that is true:
 * now, or later, if a loss is known that ended later.
 */
uint64_t ledger_close(struct ledger *l, uint64_t now_ns);

/* Likewise of what had ended by that moment, which may be in the past. A later loss stays open. */
void ledger_close_ended(struct ledger *l, uint64_t moment_ns);

/* The loss to be reported to this sink, or NULL; and: `count` of it have been reported now. */
const struct loss *ledger_unreported(const struct ledger *l, enum sink_place place,
                                     enum loss_where where);
void ledger_reported(struct ledger *l, enum sink_place place, enum loss_where where,
                     uint64_t count);

/* True if this sink has not got all reports, closed or not. */
bool ledger_has_unreported(const struct ledger *l, enum sink_place place);

/* A sink that begins now: with new books. */
void ledger_reset_sink(struct ledger *l, enum sink_place place);
