/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The files of --record= and --replay=, with words for what is wrong with them: all errors are
 * logged.
 *
 * What a source says is written after each round of the loop. A recording that cannot go on is
 * over, which is logged once; the log of events goes on.
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

/* When the loop has ended, before the flow. Writes what is left, and the end. */
struct recording *recording_free(struct recording *r);
DEFINE_FREEP(struct recording, recording_free)

int recording_open(const char *path, struct source **ret);

/* Why a replay has ended, if not (0) with the end of the recording; the exit code of the process.
 */
int recording_explain_end(const char *path, int error);
