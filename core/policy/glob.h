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
 * The grams of a glob: each three bytes in a row that all texts have that it matches, where a NUL
 * stands before a text and behind it. Of a text gram_next() makes them one after the other, from 0
 * on.
 */
void glob_each_gram(const struct glob *g, void (*on_gram)(void *userdata, uint32_t gram),
                    void *userdata);
static inline uint32_t gram_next(uint32_t gram, char c)
{
        return (gram << 8 | (uint8_t)c) & 0xffffff;
}

/* The bytes of the shortest text that it matches. */
size_t glob_size_min(const struct glob *g);

/* The only text that it matches, or data is NULL: there are others. Borrowed. */
struct span glob_literal(const struct glob *g);

/* As it was given to glob_new(). Borrowed. */
struct span glob_pattern(const struct glob *g);

/* Whether it matches every text. */
bool glob_is_any(const struct glob *g);

/* Whether it matches any text that begins with this. */
bool glob_may_begin_with(const struct glob *g, char c);
