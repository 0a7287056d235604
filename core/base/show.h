/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Bytes for people: on a terminal, or in a message. Nothing of what a process has chosen gets there
 * as a command to it: control characters, and those that turn or hide what is beside them, are
 * written as escapes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A name: `\x1b` for what is not harmless. */
void show_text(struct span s, struct buf *ret);

/*
 * A word that a shell takes for exactly these bytes: as it is, in single quotes, or as $'...'.
 * `is_first`: of a command, where more has a meaning. `always`: quotes in any case.
 */
void show_word(struct span s, bool is_first, bool always, struct buf *ret);

/* Arguments as show_word(), with a blank between. */
void show_words(struct span strings, bool always, struct buf *ret);

/* A line of JSON: what a terminal would take for more than text is escaped as JSON has it. */
void show_json(struct span s, struct buf *ret);

/* 1.2s, 3min, as much as is of interest in six columns. */
void show_duration(uint64_t ns, struct buf *ret);
