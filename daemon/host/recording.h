/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The files of --record= and --replay=. All errors are logged, in words for the user.
 *
 * The calls of a source are written after each iteration of the loop. A recording that cannot go on
 * is over, which is logged once; the log of events goes on.
 */
#pragma once

#include "base/macro.h"

struct flow;
struct recording;
struct sd_event;
struct source;

/* Records what the source of the flow says. All borrowed. */
int recording_new(struct sd_event *event, struct flow *flow, const char *path,
                  struct recording **ret);

/* When the loop has ended, before the flow. Writes the rest, and the end. */
struct recording *recording_free(struct recording *r);
DEFINE_FREEP(struct recording, recording_free)

int recording_open(const char *path, struct source **ret);

/* Logs why a replay ended before the end of the recording (0: it did not); the exit code. */
int recording_explain_end(const char *path, int error);
