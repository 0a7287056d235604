/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Encoder: events → JSON lines of one shape (shape.h): the native one is config/event.schema.json.
 *
 * Owns field names, their order, escaping, and the marks of truncation, and nobody else knows any
 * of them. Decides nothing about whether or where an event is written.
 *
 * Both halves of a line are UTF-8 without raw control characters (C0, DEL, C1). They are valid
 * until the next call on the encoder, but that an event is encoded once more with a limit leaves
 * its line without limit as it is.
 *
 * All functions return 0 or -ENOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "config/config_value.h"
#include "encode/encode_context.h"
#include "encode/line.h"
#include "event/event.h"

struct encoder;
struct stats;

int encoder_new(const struct encode_context *context, struct encoder **ret);
struct encoder *encoder_free(struct encoder *e);
DEFINE_FREEP(struct encoder, encoder_free)

/* CLOCK_REALTIME minus CLOCK_BOOTTIME in ns; to be set again when the wall clock steps. */
void encoder_set_clock(struct encoder *e, int64_t realtime_offset_ns);

/* The context's host, of events from here on. Without memory, the name stays. */
int encoder_set_host(struct encoder *e, const struct encode_context *context);

/*
 * EVENT_EXEC, _EXEC_FAILED, _EXEC_ATTEMPT, _EXIT, _SUMMARY, _FILE. If `limit` isn't 0, the line
 * with the longest seq and without newline is at most so many bytes: argv is cut in the middle
 * first (its first and last strings say most), then other long strings, each marked. The limit is
 * at least encode_limit_min().
 */
int encode_event(struct encoder *e, const struct exec_event *event, size_t limit, struct line *ret);

/* The least limit that every event of this format fits into. */
size_t encode_limit_min(enum config_format format);

int encode_lost(struct encoder *e, uint64_t boot_ns, const struct loss *loss, struct line *ret);

/*
 * Likewise with a limit: `inherited`, then `rules` and `settings` are left out, and named. What is
 * left may be longer only with a host and a kernel whose names are.
 */
int encode_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info, size_t limit,
                 struct line *ret);

/* EVENT_STATS or EVENT_STOP. With a limit: the counters of rules are left out, and named. */
int encode_stats(struct encoder *e, enum event_kind kind, uint64_t boot_ns,
                 const struct stats *stats, size_t limit, struct line *ret);

/* The format of a line of which these first bytes are there, or all; false: it is not ours. */
#define ENCODED_PREFIX_MAX 64
bool encoded_format(struct span line, enum config_format *ret);

/*
 * How many events of the kernel a line accounts for, of whatever shape it is: one, or as many as it
 * reports as lost for the sink of this place; 0 if the line is not ours.
 */
uint64_t encoded_events(const char *line, enum sink_place place);
