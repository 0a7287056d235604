/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A family as a tree of text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "view/family.h"

struct tree_config {
        unsigned width; /* of the terminal; 0: none */
        bool cuts;      /* rows at that width */
        bool has_colours;
        bool utc;
};

/* Appends the titles. */
void tree_show_titles(const struct tree_config *config, const struct family *f, struct buf *ret);

/* The row of a member. */
void tree_show_row(const struct tree_config *config, const struct family *f, uint32_t at,
                   struct buf *ret);
