/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Sections that come again and again, each of which is a thing of its own: [Rule]. Kept as they are
 * written, key by key, with where; what their keys mean is not our business.
 *
 * Within a section an empty assignment takes back the earlier ones of its key.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct config_position;

struct config_entry {
        char *key, *value; /* the value is never empty */
        char *file;
        unsigned line;
};

struct config_section {
        char *name; /* of its key Name=, or by default where it begins: "file:line", file without
                       its folder */
        char *file; /* where its header is */
        unsigned line;
        struct config_entry *entries;
        size_t n_entries, capacity;
};

struct config_sections {
        struct config_section *items;
        size_t n, capacity;
};

void config_sections_done(struct config_sections *s);

/* A header: what is assigned next is for this one. */
int config_sections_begin(struct config_sections *s, const struct config_position *at);

/* To the newest section. 0; -ENOMEM; -EINVAL: `problem` says what was expected. */
int config_sections_assign(struct config_sections *s, const struct config_position *at,
                           struct span value, struct buf *problem);

/* All of them, each under the header [title], as they would be read again to the same. */
void config_sections_show(const struct config_sections *s, const char *title, struct buf *ret);
