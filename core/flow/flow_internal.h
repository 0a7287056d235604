/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The stages of a flow; for flow.c, and for tests that look at one of them. */
#pragma once

#include "encode/encoders.h"
#include "event/enrich.h"
#include "event/parents.h"
#include "event/queue.h"
#include "flow/flow.h"
#include "flow/intake.h"

struct flow {
        struct source *source; /* borrowed */
        struct recording_header identity;
        const struct config *config;
        struct encoders encoders;
        struct enricher *enricher;
        struct parents *parents;
        struct screen *screen;
        struct queue *queue;
        struct ledger *ledger;
        struct outputs *outputs;
        struct pipeline *pipeline;
        struct intake intake;
        struct snapshot *snapshot; /* or NULL: it is over */
};
