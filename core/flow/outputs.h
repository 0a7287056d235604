/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Outputs: the sinks by their place, what each has been offered, and what has to be reported to it.
 *
 * A stream has a moment, which is that of the record that came last: the outputs' own events
 * are of that moment. A sink that is opened while the stream runs begins with a `start`
 * event of its own; one that goes on where the previous run has stopped gets a report of what came
 * in between.
 *
 * Encodes by itself only what is about the stream and its losses (start, lost), and everything else
 * for whoever asks, as it alone knows in which shapes. Delivers nothing: when to flush a sink is a
 * matter of the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/encoders.h"
#include "sink/sink.h"

struct buf;
struct config;
struct ledger;
struct outputs;
struct rules;
struct sink_stats;
struct stats;

/* An event in all shapes that are in use. */
struct offer {
        struct message message; /* without lines */
        struct line whole[_FORMAT_MAX], brief[_FORMAT_MAX];
        struct line bounded[_FORMAT_MAX]; /* within the line_max of each sink */
        size_t size_max;                  /* of the longest line */
};

/* Encodes `what` in one shape: 0, or -ENOMEM. With a limit, or with 0. */
typedef int (*encode_what)(struct encoder *e, const void *what, size_t limit, struct line *ret);

/* Borrows both, which must outlive it; owns its sinks. */
int outputs_new(struct encoders *encoders, struct ledger *ledger, struct outputs **ret);
struct outputs *outputs_free(struct outputs *o);
DEFINE_FREEP(struct outputs, outputs_free)

/*
 * Before any sink is set: this run begins behind the event that the kernel gave the number
 * `earlier` (all programs and CPUs together); the previous run was reading until `from_ns`.
 */
void outputs_begin(struct outputs *o, uint64_t earlier, uint64_t from_ns, uint64_t now_ns);

/*
 * Before any sink is set: events that rules have dropped are counted there, too, in memory that
 * outlives us; it has those of earlier runs.
 */
void outputs_keep_dropped(struct outputs *o, uint64_t *dropped);

/* The stream has come to this moment. */
void outputs_advance(struct outputs *o, uint64_t boot_ns);
uint64_t outputs_now(const struct outputs *o);

/*
 * A sink whose account was left open by the previous run gets a report of what came between. Takes
 * over the sink, or NULL; frees what was in its place, and counts what was still in that as lost.
 * All its lines will be of this format.
 */
void outputs_set_sink(struct outputs *o, enum sink_place place, struct sink *sink,
                      enum config_format format);

/* Borrowed; NULL if there is none. */
struct sink *outputs_sink(const struct outputs *o, enum sink_place place);

/*
 * Encodes it in each shape that a sink has, and once more, with a limit, where one of these could
 * not show it whole. The lines are valid until the next call. -ENOMEM.
 */
int outputs_encode(const struct outputs *o, encode_what encode, const void *what,
                   struct offer *ret);

/*
 * Empty: the place for the text of a message, if some sink here shows one to people. Else NULL.
 * Valid until the next call.
 */
struct buf *outputs_text(struct outputs *o);

/* To all sinks. If one of them refuses it, it is lost for that sink, and counted. */
void outputs_offer(struct outputs *o, const struct offer *offer);

/*
 * An event of the kernel that no sink gets, because the configuration says so: it is accounted for
 * all the same. A summary does that for the events that are counted in it.
 */
void outputs_hide(struct outputs *o);

/* True if each sink would take so many bytes more. */
bool outputs_have_room(const struct outputs *o, size_t size);

/* To one sink, which is there. 0, or what sink_write() returned. */
int outputs_offer_to(struct outputs *o, enum sink_place place, const struct offer *offer);

/*
 * The first event of the stream. What `info` points to, but for the settings and `inherited`, is
 * borrowed as long as the outputs live. Then that of a sink that was set later, with the settings
 * of its time; nothing, before the stream has begun.
 */
int outputs_start(struct outputs *o, const struct start_info *info);

/* The rules for the start of later sinks: those of `info` are no longer there. */
void outputs_set_rules(struct outputs *o, const struct rules *rules);
int outputs_start_sink(struct outputs *o, enum sink_place place, const struct config *config);

/*
 * Reports to each sink, or to one, what the ledger has closed for it, as `lost` events of that
 * moment. A sink without room gets them with the next report. Negative: no memory.
 */
int outputs_report(struct outputs *o, uint64_t boot_ns);
int outputs_report_to(struct outputs *o, enum sink_place place, uint64_t boot_ns);

/* True if there is something to report to some sink. */
bool outputs_has_unreported(const struct outputs *o);

/* The counters of the sink in this place, which is there; and of all that are. */
void outputs_sink_stats(const struct outputs *o, enum sink_place place, struct sink_stats *ret);
void outputs_fill_stats(const struct outputs *o, struct stats *stats);
