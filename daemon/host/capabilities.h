/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Capabilities: what this process may do, and when.
 *
 * They are kept in reserve, permitted but not effective: at work the process has none, so that no
 * path and no descriptor is opened by unintended privilege. An operation that needs one raises it
 * for that time, as a local with _cleanup_. Programs that it executes inherit none, except for the
 * image that replaces it. After set-up, capabilities not needed later are dropped for good.
 *
 * root keeps all of them: it opens files by capabilities, and it is unknown by which. So every
 * function here does nothing for it, and succeeds.
 *
 * The kernel holds the sets, we hold no copy. The bounding set stays as it is: only CAP_SETPCAP,
 * which we are not given, may reduce it, and the next image could not inherit what it lacks.
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
 * After set-up. CAP_SYS_ADMIN implies CAP_PERFMON, so one of them is too much:
 * `perfmon_suffices`, called with CAP_PERFMON alone, decides which.
 */
int capabilities_settle(bool (*perfmon_suffices)(void));

/* Programs executed from now on inherit what is permitted, or nothing; also after an error. */
int capabilities_bequeath(bool yes);

/* Likewise these alone, as far as they are permitted; 0: nothing again. */
int capabilities_lend(uint64_t lent);

/* This process has no more than these, effective at once: for root as well. */
int capabilities_keep(uint64_t kept);
