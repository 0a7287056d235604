/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Loading the configuration, its rules compiled with the names of this host's users, and all that
 * there is to say about it in the log.
 */
#pragma once

#include <stdbool.h>

struct config;
struct config_location;
struct config_report;
struct rules;

/*
 * config_load() and rules_new(), and their report logged. Both or none. `is_strict`: with a
 * warning, which may be of an unknown key, it is -EINVAL.
 */
int config_load_logged(const struct config_location *location, bool is_strict, struct config **ret,
                       struct rules **ret_rules);

/* The report is used up. */
void config_log_report(struct config_report *report);
