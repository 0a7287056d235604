/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Of many selections those that may match an event, found by its facts, not by asking one after the
 * other: nearly all are out of the question at once.
 *
 * Each key with enough words has a table from values to selections. A number is compared with those
 * of all words. A glob is found by its rarest gram, three bytes that each of its texts has: in one
 * pass over a text all globs show up whose gram it has. What a selection says in other ways
 * (negated, `*`, too short) does not exclude it here; those that are left are asked themselves.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/keys.h"
#include "policy/selection.h"

struct selection_index;

/* Fewer words of a key are compared sooner than a text is looked through for them. */
#define SELECTION_INDEX_WORDS_MIN 8

/*
 * 0 or -ENOMEM. Keeps nothing of the selections. `words_min`: a key with fewer words, or none, has
 * no table, and excludes nothing.
 */
int selection_index_new(const struct selection *const *selections, size_t n, size_t words_min,
                        struct selection_index **ret);
struct selection_index *selection_index_free(struct selection_index *x);
DEFINE_FREEP(struct selection_index, selection_index_free)

/*
 * A bit for each selection, from the lowest of the first word on; those that are 0 do not match.
 * Valid until the next call.
 */
const uint64_t *selection_index_find(struct selection_index *x, struct event_view *v);
