/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon's own events in native keys, behind what is common: also for shapes that have no
 * words for them and carry them as they are, as an object of their own.
 */
#pragma once

#include "encode/shape.h"

/* Those that are known and differ from `usual`; if there are any. */
void native_put_namespaces(struct buf *b, const uint32_t namespaces[static _NAMESPACE_MAX],
                           const uint32_t usual[static _NAMESPACE_MAX]);

void native_put_lost(struct encoder *e, const struct loss *loss);
void native_put_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info,
                      enum left_out left_out);
void native_put_stats(struct encoder *e, const struct stats *stats, bool with_rules);
