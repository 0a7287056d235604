/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon: the parts wired together on one sd_event loop, and their life: start, run, reload,
 * stop. Touches no event's content.
 */
#pragma once

#include <stdbool.h>

#include "config.h"

struct daemon_options {
        struct config_location location; /* read again on SIGHUP */
        bool use_stdout;                 /* no other sink */
        const char *record_path;         /* or NULL */
        const char *replay_path;         /* or NULL: the kernel */
        char *const *argv;               /* for the image that may replace this one */
};

/*
 * Runs until SIGTERM, SIGINT, or the end of a recording. `config` was loaded by the caller and is
 * taken over. Returns the exit code of the process; what went wrong has been logged.
 */
int daemon_run(const struct daemon_options *options, struct config *config);

/* Exit codes: those of sysexits.h that we give, and systemd knows. */
enum {
        EXIT_CODE_OK = 0,
        EXIT_CODE_FAILURE = 1,      /* no memory, I/O: nothing that we foresaw */
        EXIT_CODE_USAGE = 64,       /* also a recording that cannot be replayed */
        EXIT_CODE_UNAVAILABLE = 69, /* the kernel lacks what is needed */
        EXIT_CODE_NOT_PERMITTED = 77,
        EXIT_CODE_CONFIG = 78,
};
