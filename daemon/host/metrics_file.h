/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The counters of the daemon in a file for Prometheus: written anew every 15 s beside the old one
 * and renamed over it, so that a reader sees all of it or none; removed at the end, so that nobody
 * takes the last numbers for news. A failure is logged when it begins and when it is over.
 *
 * The file is small and meant for a file system in memory: a write is not waited for (no fsync).
 */
#pragma once

#include "base/macro.h"

struct flow;
struct metrics_file;
struct sd_event;

/* Borrows flow and version. Nothing is written before the first metrics_file_configure(). */
int metrics_file_new(struct sd_event *event, const struct flow *flow, const char *version,
                     struct metrics_file **ret);
struct metrics_file *metrics_file_free(struct metrics_file *m);
DEFINE_FREEP(struct metrics_file, metrics_file_free)

/*
 * `setting`: an absolute path; a name, for a file in $RUNTIME_DIRECTORY, or nowhere if there is no
 * such variable; or empty: nowhere. Writes at once. -ENOMEM: as before.
 */
int metrics_file_configure(struct metrics_file *m, const char *setting);
