/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Packer: Compress=zstd. Has the log's older files compressed, one at a time, by a process of its
 * own (pack_worker.h), for which nothing here waits; the sink does what is to be done with names
 * (sink/packing.h). What fails is the sink's condition, and is tried again after a pause, which
 * grows.
 */
#pragma once

#include "base/macro.h"

struct packer;
struct packing;
struct sd_event;

/*
 * Borrows the loop. `on_change`: a file was compressed, or could not be; the sink may have
 * something to say, and packer_run() to do. Its error ends the loop.
 */
int packer_new(struct sd_event *event, int (*on_change)(void *userdata), void *userdata,
               struct packer **ret);
struct packer *packer_free(struct packer *p);
DEFINE_FREEP(struct packer, packer_free)

/*
 * From now on the files of this log, or of none (NULL); to be called before that of an earlier call
 * is freed. With new settings no pause goes on.
 */
void packer_use(struct packer *p, struct packing *packing);

/* There may be something to do. */
void packer_run(struct packer *p);
