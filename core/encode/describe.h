/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Description: an event as one line of text for people, as a message of the journal:
 *
 *   root(0) ssh pts/0: sudo id  [session-5.scope] < bash < sshd
 *
 * Owns the words. It says less than the event, and programs are to read that: nothing here can be
 * parsed back. It is UTF-8 without control characters (base/show.h), arguments are quoted for a
 * shell, and it is never longer than DESCRIPTION_SIZE_MAX. Of an event that was redacted no secret
 * is in it: it is made of the same facts as the line.
 *
 * All functions append; the caller asks for buf_error().
 */
#pragma once

#include "base/buf.h"
#include "event/event.h"

struct start_info;
struct stats;

/* What journalctl shows of a MESSAGE: BRIEF_LINE_MAX of sink.h. */
#define DESCRIPTION_SIZE_MAX 4087

/* Of what happened to a process, to a file, or of a summary. */
void describe_event(const struct exec_event *event, struct buf *ret);

/* The daemon's own; `boot_ns`: when it began; `kind`: EVENT_STATS or EVENT_STOP. */
void describe_lost(const struct loss *loss, struct buf *ret);
void describe_start(uint64_t boot_ns, const struct start_info *info, struct buf *ret);
void describe_stats(enum event_kind kind, const struct stats *stats, struct buf *ret);
