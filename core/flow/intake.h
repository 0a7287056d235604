/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Intake: what happens to a record as it arrives, whatever its source. Its number goes to the
 * ledger, a copy to the recorder if there is one, and the record into the queue. Also keeps the
 * stream's time: at the end of a round it releases the queue, and asks for `lost` events, at most
 * once a second.
 */
#pragma once

#include "flow/pipeline.h"
#include "flow/recorder.h"
#include "flow/source.h"

struct snapshot;

struct intake {
        struct queue *queue;
        struct ledger *ledger;
        struct outputs *outputs;
        struct pipeline *pipeline;
        struct recorder *recorder; /* or NULL */
        struct snapshot *snapshot; /* or NULL: all that runs already has been told */
        uint64_t watermark_ns;     /* of the last round */
        uint64_t reported_ns;      /* the moment of the last mark for `lost` events */
};

/* A handler for a source; `in` is borrowed and filled but for the last members. */
struct source_handler intake_handler(struct intake *in);
