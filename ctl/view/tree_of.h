/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A process and all that come of it, told apart from the lines in their order. A process that has
 * only forked has no line: it is known by its PID, as one of the ancestors of those that have.
 */
#pragma once

#include <stdbool.h>

#include "read/event_line.h"

struct tree_of;

/* A PID, or a process_id. -EINVAL: it is neither. */
int tree_of_new(const char *root, struct tree_of **ret);
struct tree_of *tree_of_free(struct tree_of *t);
DEFINE_FREEP(struct tree_of, tree_of_free)

/* Whether the line is about one of them; learns from it. */
bool tree_of_match(struct tree_of *t, const struct event_line *line);

/* More processes than can be kept: some may have been left out. */
bool tree_of_is_cut(const struct tree_of *t);
