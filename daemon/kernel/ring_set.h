/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Ring set: the rings of all CPUs, opened, drained, replaced by larger ones and handed over
 * together. A CPU that comes online gets its ring when somebody says that programs have missed one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu.h"

struct handover;
struct ring_set;

/*
 * Of all CPUs that are online; or, with `resume`, those of the previous image, which have gone on.
 * -ENODEV: of none. Errors are logged. `config` is copied, its `ring.size` is that of the rings.
 */
int ring_set_open(const struct cpu_config *config, unsigned n_cpus, struct handover *handover,
                  bool resume, struct ring_set **ret);
struct ring_set *ring_set_free(struct ring_set *s);
DEFINE_FREEP(struct ring_set, ring_set_free)

uint64_t ring_set_size(const struct ring_set *s);

/* True if they are those of the previous image, which a keeper has mapped as well. */
bool ring_set_is_kept(const struct ring_set *s);

/* Each record goes to on_record. Errors are logged. */
int ring_set_drain(const struct ring_set *s);

/*
 * Rings of another size in place of these, whose content is drained; all or nothing. Errors are
 * logged with that level.
 */
int ring_set_resize(struct ring_set *s, uint64_t size, int error_level);

/* Larger rings for a while without readers; if there can be none, these stay. */
void ring_set_grow(struct ring_set *s);

/*
 * Programs on this CPU have found no ring so many times, altogether. True: more often than was
 * known, so the CPU has a ring now if it is online. Then ring_set_note_lost() has to be called, so
 * that records which found no ring until now do not look like another return of the CPU.
 */
bool ring_set_follow(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring);
void ring_set_note_lost(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring);

/* To the next image, see cpu_hand_over(); and in another process: keeps them while it runs. */
int ring_set_hand_over(const struct ring_set *s, struct handover *handover);
int ring_set_keep(const struct ring_set *s);
