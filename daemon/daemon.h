/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon: the parts wired together on one sd_event loop, and their life: start, run, reload,
 * stop. Touches no event's content.
 */
#pragma once

#include <stdbool.h>

#include "config/config_file.h"
#include "sink/sink_kind.h"

struct daemon_options {
        struct config_location location; /* read again on SIGHUP */
        struct sink_options sinks;
        bool is_strict;          /* of a test of the configuration */
        const char *record_path; /* or NULL */
        const char *replay_path; /* or NULL: the kernel */
        char *const *argv;       /* for the image that may replace this one */
};

struct config;
struct rules;

/*
 * Runs until SIGTERM, SIGINT, or the end of a recording. `config` and `rules` were loaded by the
 * caller and are taken over. Returns the exit code of the process; errors have been logged.
 */
int daemon_run(const struct daemon_options *options, struct config *config, struct rules *rules);
