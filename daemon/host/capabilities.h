/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Capabilities: what this process may do, and when.
 *
 * What it was given it keeps in reserve, permitted but not effective: at work it has none, so that
 * no path and no descriptor is opened by a privilege that nobody thought of. Whoever needs one
 * raises it around the operation, as a local with _cleanup_. What it executes inherits none, but
 * for the image that replaces it. After set-up, what is not needed later is dropped for good.
 *
 * root is left as it is: there files are opened by capabilities, and nothing tells which. So every
 * function here does nothing for it, and succeeds.
 *
 * The kernel holds the sets, we hold no copy. The bounding set stays as it is: only CAP_SETPCAP,
 * which we are not given, may reduce it, and what is not in it could not be handed on.
 */
#pragma once

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Before 5.8, and wherever perf_event_open() wants more than CAP_PERFMON: CAP_SYS_ADMIN. */
#define CAPABILITIES_RINGS                                                                         \
        (CAPABILITY(CAP_BPF) | CAPABILITY(CAP_PERFMON) | CAPABILITY(CAP_SYS_ADMIN))
/* The numbers of the tracepoints are in tracefs, which is root's alone. */
#define CAPABILITIES_PROGRAMS (CAPABILITIES_RINGS | CAPABILITY(CAP_DAC_READ_SEARCH))
#define CAPABILITIES_CONFIG CAPABILITY(CAP_DAC_READ_SEARCH)
#define CAPABILITIES_ALL UINT64_MAX

/* First of all: nothing is effective any more, nothing is inherited by what we execute. */
int capabilities_begin(void);

/*
 * Makes effective what of `wanted` is permitted. Returns what was not effective before, to be
 * lowered again or to be kept. Keeps errno.
 */
uint64_t capabilities_raise(uint64_t wanted);

/* For _cleanup_(). Keeps errno. */
void capabilities_lower(uint64_t *raised);

/* For good. */
int capabilities_drop(uint64_t unwanted);

/*
 * After set-up. CAP_SYS_ADMIN implies CAP_PERFMON, so one of them is too much: which, is told by
 * `perfmon_suffices`, called with CAP_PERFMON alone.
 */
int capabilities_settle(bool (*perfmon_suffices)(void));

/* What is permitted is inherited by what we execute next, or nothing again; also after an error. */
int capabilities_bequeath(bool yes);
