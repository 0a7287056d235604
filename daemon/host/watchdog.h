/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Watchdog: reports to the service manager that the loop turns (WatchdogSec=). As
 * sd_event_set_watchdog(), but without ever waiting for a manager that does not read.
 */
#pragma once

#include "base/macro.h"

struct sd_event;
struct watchdog;

/* NULL without a watchdog in the service manager. */
int watchdog_new(struct sd_event *event, struct watchdog **ret);
struct watchdog *watchdog_free(struct watchdog *w);
DEFINE_FREEP(struct watchdog, watchdog_free)
