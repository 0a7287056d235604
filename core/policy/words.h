/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The words of a key: KEY=WORD !WORD "WORD WITH BLANKS".
 *
 * Blanks separate words. Double quotes, around a word or a part of it, protect blanks and nothing
 * else. A `!` in front, with or without quotes around all of it, negates. A backslash in front of
 * one of these, or of a character with a meaning in a glob, or of a backslash, takes that meaning
 * away; elsewhere it stands for itself, as in the names of units.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct word_text {
        bool is_negated;
        struct span raw;     /* as it is written, for messages; borrowed from the text */
        struct span pattern; /* for glob_new(); borrowed from `scratch` */
};

/*
 * Takes the next word off the text. 1; 0: there is no more; -EINVAL: quotes are not closed, and
 * `ret->raw` is where; -ENOMEM.
 */
int words_take(struct span *text, struct buf *scratch, struct word_text *ret);

/* A pattern without the meaning of its characters: `\*` is `*`. */
void word_append_plain(struct buf *b, struct span pattern);
