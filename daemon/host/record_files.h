/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The files of --record= and --replay=: opened, and what is wrong with them said. */
#pragma once

struct recorder;
struct recording_header;
struct source;

/* Errors are logged. */
int record_files_open_replay(const char *path, struct source **ret);
int record_files_open_recorder(const char *path, const struct recording_header *header,
                               struct recorder **ret);

/* Why a replay ended, if not (0) with its end; the exit code of the process. */
int record_files_explain_end(const char *path, int error);
