/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Upgrade: from this image to the one that a package has put in its place, in the same process and
 * without missing an exec, once a trial (trial.h) has shown that it can run. The rings go on
 * filling while nobody reads; a child keeps them mapped until the new image has.
 */
#pragma once

#include <stdbool.h>

struct handover;
struct source_perf;

/* True if the file that we run is no longer what its path leads to. Static memory. */
bool upgrade_is_due(const char **ret_path);

/*
 * Nothing may be read from the rings any more, and the page is written. Returns only if there is no
 * way on, with an errno that has been logged; nothing has changed then.
 */
int upgrade_exec(struct source_perf *source, struct handover *h, const char *path,
                 char *const *argv);
