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
 * Of all CPUs that are online; or, with `resume`, those of the image before us, which have gone on.
 * -ENODEV: of none. Errors are logged. `config` is copied, its `ring.size` is that of the rings.
 */
int ring_set_open(const struct cpu_config *config, unsigned n_cpus, struct handover *handover,
                  bool resume, struct ring_set **ret);
struct ring_set *ring_set_free(struct ring_set *s);
DEFINE_FREEP(struct ring_set, ring_set_free)

uint64_t ring_set_size(const struct ring_set *s);

/* True if they are those of the image before us, which a keeper has mapped as well. */
bool ring_set_is_kept(const struct ring_set *s);

/* Each record goes to on_record. Errors are logged. */
int ring_set_drain(const struct ring_set *s);

/*
 * Rings of another size in place of these, whose content is drained; all or nothing. Errors are
 * logged with that level.
 */
int ring_set_resize(struct ring_set *s, uint64_t size, int error_level);

/* As large as is good while nobody reads them for a while; or those we have must do. */
void ring_set_grow(struct ring_set *s);

/*
 * Programs on this CPU have found no ring so many times, altogether. True: more often than was
 * known, so it was looked for, and has a ring now if it is online. What found none until that was
 * there, must not look like another return: ring_set_note_lost() is due.
 */
bool ring_set_follow(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring);
void ring_set_note_lost(struct ring_set *s, unsigned cpu, uint64_t lost_no_ring);

/* To the image after us, see cpu_hand_over(); and in another process: keeps them while it runs. */
int ring_set_hand_over(const struct ring_set *s, struct handover *handover);
int ring_set_keep(const struct ring_set *s);
