/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The kernel as a source: BPF programs, their rings and their counters. */
#pragma once

#include "flow/source.h"

struct config;
struct handover;
struct sd_event;

/*
 * Loads the programs that `config` asks for, or takes those of the previous run. They are attached
 * when it is started; it then adds itself to the event loop. When it is stopped, they do nothing
 * any more, or go on for the next run. New settings do not interrupt programs that stay.
 * Borrows the hand-over.
 *
 * -EPERM, -EACCES: not permitted. -EOPNOTSUPP, -ESRCH: the kernel lacks what is needed, BTF or a
 * tracepoint. The reason has been logged.
 */
int source_perf_new(const struct config *config, struct sd_event *event, struct handover *handover,
                    struct source **ret);
