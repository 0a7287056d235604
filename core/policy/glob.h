/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Patterns of bytes, compiled: `*` any bytes, a slash among them, `?` any byte, `[a-z]` one of a
 * set, `[!a-z]` or `[^a-z]` one that is not in it, `\` in front of a character takes its meaning
 * away. Everything else stands for itself. A pattern matches the whole text or not at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Longer than any path; what a match costs is at most this for each byte of the text. */
#define GLOB_SIZE_MAX 4096

struct glob;

/* 0; -ENOMEM; -EINVAL: appends to `problem` what is wrong with it and what was expected. */
int glob_new(struct span pattern, struct buf *problem, struct glob **ret);
struct glob *glob_free(struct glob *g);
DEFINE_FREEP(struct glob, glob_free)

bool glob_match(const struct glob *g, struct span text);

/*
 * Most texts can be told not to match at once: a text has at least the pairs of neighbouring bytes
 * that stand in the pattern. Pairs as bits, where several share one:
 *
 *   (glob_pairs(g) & ~glob_pairs_of(text)) != 0  →  !glob_match(g, text)
 */
uint64_t glob_pairs(const struct glob *g);
uint64_t glob_pairs_of(struct span text);

/* The only text that it matches, or data is NULL: there are others. Borrowed. */
struct span glob_literal(const struct glob *g);

/* As it was given to glob_new(). Borrowed. */
struct span glob_pattern(const struct glob *g);

/* Whether it matches every text. */
bool glob_is_any(const struct glob *g);
