/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Loading the configuration with what there is to say about it said in the log. */
#pragma once

struct config;
struct config_location;
struct config_report;

/* config_load(), and its report logged. */
int config_load_logged(const struct config_location *location, struct config **ret);

/* The report is used up. */
void config_log_report(struct config_report *report);
