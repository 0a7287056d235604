/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Which events: KEY=WORD WORD ..., compiled. Words of a key are alternatives, and all keys have to
 * match. Of words with a `!` in front none may match; a key that has no others matches what is
 * left.
 *
 * A fact that an event does not have (a terminal, a unit) matches no word, and each negated one.
 * What it has, but was cut or could not be read, matches or not: nobody knows. So there are three
 * answers, and the caller decides on which side to err.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "policy/keys.h"

enum match {
        MATCH_NO,
        MATCH_UNKNOWN, /* it depends on what of the event is not known */
        MATCH_YES,
        MATCH_LATER, /* it depends on what enrich_event() adds, and that has not been called */
};

struct selection;

/* Of everything. */
int selection_new(struct selection **ret);
struct selection *selection_free(struct selection *s);
DEFINE_FREEP(struct selection, selection_free)

/*
 * Adds words to a key. 0; -ENOMEM; or with what is wrong and what was expected in `problem`:
 * -ENOKEY, there is no such key; -EINVAL. `names` is needed during the call, or NULL: no name of a
 * user or group is known.
 */
int selection_add(struct selection *s, struct span key, struct span words,
                  const struct key_names *names, struct buf *problem);

/*
 * Likewise of text with keys in it, KEY=WORD WORD KEY=WORD: a word that begins with the name of a
 * key and a `=` is for that key, and so are those behind it.
 */
int selection_parse(struct selection *s, struct span text, const struct key_names *names,
                    struct buf *problem);

/*
 * Nothing is to be added any more: moves it into one piece of memory, in the order in which it is
 * read; many selections are matched much faster then. 0 or -ENOMEM, and it is as it was.
 */
int selection_pack(struct selection **s);

enum match selection_match(const struct selection *s, struct event_view *v);

/* Whether there are words for that key. */
bool selection_has(const struct selection *s, const char *key);

/* The kinds that its words ask for by name, as KEY_KIND_BIT(); 0: it does not say. */
uint64_t selection_kinds(const struct selection *s);

/*
 * Statements about a selection without events. Each errs on the side of false.
 *
 * Whether it matches nothing, everything (but exits, if it does not name them), and nothing that
 * `other` does not match. The last compares words with words: each takes one off the budget.
 */
bool selection_is_void(const struct selection *s);
bool selection_is_all(const struct selection *s);
bool selection_is_within(const struct selection *s, const struct selection *other, size_t *budget);

/* The first variable that its words want and that is not in the list; data is NULL: none. */
struct span selection_unknown_variable(const struct selection *s, char *const *names);

/* The first word about the name of a process that is longer than any; data is NULL: none. */
struct span selection_long_name(const struct selection *s);

/* The first word about a path that begins as none does; data is NULL: none. */
struct span selection_relative_path(const struct selection *s);
