/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One encoder for each shape: an event that several sinks want is encoded once for each shape that
 * one of them has, and its lines are there at the same time. And another one for lines that a sink
 * wants to be shorter, so that these are there as well.
 */
#pragma once

#include "encode/encode.h"

struct encoders {
        struct encoder *of[_FORMAT_MAX], *bounded[_FORMAT_MAX];
};

/* The context's format is of no account. -ENOMEM; encoders_done() also then. */
int encoders_init(struct encoders *encoders, const struct encode_context *context);
void encoders_done(struct encoders *encoders);

/* As encoder_set_clock(). */
void encoders_set_clock(struct encoders *encoders, int64_t realtime_offset_ns);

/* As encoder_set_host(); without memory, some may have the name and others not yet. */
int encoders_set_host(struct encoders *encoders, const struct encode_context *context);
