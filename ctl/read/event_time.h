/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/*
 * A time as our lines have it, in nanoseconds since 1970: 2026-11-22T17:30:00.123456789Z, with a
 * fraction of any length or none, of the years 1970 to 2261.
 */
bool event_time_parse(struct span text, uint64_t *ret_ns);
