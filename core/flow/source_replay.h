/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A recording as a source. The file is as hostile as any. */
#pragma once

#include "flow/recorder.h"
#include "flow/source.h"

struct source_replay;

/*
 * Reads the header. `fd` stays the caller's. -EBADMSG: not a recording.
 * -EPROTONOSUPPORT: a recording of another version. The handler is copied.
 */
int source_replay_new(int fd, const struct source_handler *handler, struct source_replay **ret);
struct source_replay *source_replay_free(struct source_replay *s);
DEFINE_FREEP(struct source_replay, source_replay_free)

/* Valid as long as `s`; its strings are terminated. */
const struct recording_header *source_replay_header(const struct source_replay *s);

/*
 * Says everything up to the end of the next pass, or a part of it. 1: there is more. 0: that was
 * the end. -ENODATA: the recording is cut short here. -EBADMSG: it is damaged here. Or a read
 * error.
 */
int source_replay_step(struct source_replay *s);
