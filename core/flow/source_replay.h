/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A recording as a source. The file is as hostile as any. */
#pragma once

#include "flow/recorder.h"
#include "flow/source.h"

/*
 * Reads the header, which is then its identity. `fd` stays the caller's. -EBADMSG: not a recording.
 * -EPROTONOSUPPORT: a recording of another version.
 */
int source_replay_new(int fd, struct source **ret);
