/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Reader of configuration files by systemd's rules: which files, in which order, and what their
 * lines say. It does not know what sections, keys and values mean.
 */
#pragma once

#include "base/buf.h"

struct config_position;
struct config_report;

/*
 * Where to read. `file`: FILE and the drop-ins in FILE.d instead of the search path, or NULL.
 * `root`: a prefix for the search path, for tests, or NULL.
 */
struct config_location {
        const char *file;
        const char *root;
};

/*
 * Called for each section header and each assignment, in order. Spans are trimmed, valid UTF-8 and
 * valid during the call; `at->key` is set for an assignment. Return 0, -EINVAL (reported by the
 * callee; reading goes on and fails in the end) or -ENOMEM, which ends it at once.
 */
struct config_reader {
        int (*on_section)(void *userdata, const struct config_position *at, struct span section);
        int (*on_assignment)(void *userdata, const struct config_position *at, struct span section,
                             struct span value);
        void *userdata;
        struct config_report *report;
};

/*
 * Main file first, then drop-ins. 0, or the first error of all, but everything that can be read has
 * been: -EINVAL for content, -ENOENT if the file that was named does not exist, others from
 * open(2) and read(2).
 */
int config_read(const struct config_location *location, const struct config_reader *reader);

/* One file that is in memory already. */
int config_read_text(const char *name, struct span text, const struct config_reader *reader);
