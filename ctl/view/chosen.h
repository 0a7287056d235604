/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Which events are to be shown: a selection in the language of [Rule], by the same code, and what
 * that has no key for. What of an event is not known may match: it is shown rather than left out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "read/event_line.h"

struct chosen;

enum chosen_time {
        CHOSEN_TIME,
        CHOSEN_EARLIER, /* than what is to be shown, or of another boot */
        CHOSEN_LATER,
};

/* Names of users and groups are those of this host. */
int chosen_new(struct chosen **ret);
struct chosen *chosen_free(struct chosen *c);
DEFINE_FREEP(struct chosen, chosen_free)

/* KEY=WORD WORD KEY=WORD. 0, or as selection_parse(), with `problem`. */
int chosen_add(struct chosen *c, struct span text, struct buf *problem);

/* One key with one word: as it is, or anywhere in the text. */
int chosen_add_word(struct chosen *c, const char *key, const char *word, struct buf *problem);
int chosen_add_part(struct chosen *c, const char *key, const char *part, struct buf *problem);

void chosen_set_times(struct chosen *c, uint64_t since_ns, uint64_t until_ns);
void chosen_set_boot(struct chosen *c, const char boot_id[static BOOT_ID_SIZE]);
void chosen_set_failed(struct chosen *c, bool is_shown);

/* Numbers of PIDs alone: -EINVAL for other text. */
int chosen_set_parent(struct chosen *c, const char *pid);

/* A PID, or a process_id: that process and all that come of it. */
int chosen_set_tree(struct chosen *c, const char *root);

/* No more is to be added. -ENOMEM */
int chosen_pack(struct chosen *c);

enum chosen_time chosen_in_time(const struct chosen *c, const struct event_line *line);

/* Of events of the kernel and summaries; of a tree: in the order of the log. */
bool chosen_match(struct chosen *c, const struct event_line *line);

/* Whether it leaves out anything but by time and boot. */
bool chosen_is_all(const struct chosen *c);

/* Whether lines have to come in the order of the log, from its beginning. */
bool chosen_has_tree(const struct chosen *c);

/* Failed execs and attempts that would be shown with the option, since chosen_begin(). */
uint64_t chosen_n_failed(const struct chosen *c);
void chosen_begin(struct chosen *c);

/* Whether the tree is larger than what is kept of it. */
bool chosen_is_cut(const struct chosen *c);
