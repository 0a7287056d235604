/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Metrics: the counters of the daemon in the text format of Prometheus (version 0.0.4), as the
 * textfile collector of node_exporter reads it. The same numbers as a `stats` event at the same
 * moment; docs/operators.md lists them.
 *
 * A series is there from the start, with 0, so that rate() and increase() see the first loss.
 */
#pragma once

#include "base/buf.h"

struct stats;

/* Appends all of them; the caller asks for buf_error(). */
void metrics_encode(const struct stats *stats, const char *version, struct buf *ret);
