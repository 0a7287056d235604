/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Moments as people write and read them; nanoseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * As for --since= of journalctl(1), of these forms: 2026-11-22, with a time behind it, 18:31,
 * 18:31:07.5 (of today); today, yesterday, tomorrow, now; -2h, +5min, 2h ago; @1700000000; and
 * 2026-11-22T18:31:07Z, as in the events. False: it is none of these.
 */
bool moment_parse(struct span text, uint64_t now_ns, bool utc, uint64_t *ret);

/* Appends date, time and so many digits of a second; of the time zone of this host, or UTC. */
void moment_show(uint64_t ns, bool utc, bool with_date, unsigned n_digits, struct buf *ret);
