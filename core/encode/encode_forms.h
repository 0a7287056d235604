/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * How parts of an event are written, for shapes to choose from: struct part_form of shape.h says
 * what they promise.
 *
 * Given room enough, a part is written whole, and where that is no UTF-8, there is room for its
 * exact bytes, too. Given less, it is written as well as the room allows, and without exact bytes:
 * what it was is in the event's longer line, if there is one.
 */
#pragma once

#include "base/buf.h"
#include "encode/shape.h"

/* A string; of one that is cut head and tail, with "…" in between. */
extern const struct part_form form_text;

/*
 * Strings, each with its NUL, as an array. Cut, there are the first and the last ones, of which
 * none takes more than half of the room while others need it.
 */
extern const struct part_form form_strings;

/*
 * Strings, each with its NUL, as one string with a blank between each two, and nothing quoted. Cut
 * as form_text is. What the exact bytes are is said elsewhere.
 */
extern const struct part_form form_joined;

/*
 * NAME=value, as an object; as an array of such strings; and as one of {name, value}. Cut, all
 * names, as far as possible, with shortened values.
 */
extern const struct part_form form_variables;
extern const struct part_form form_bindings;
extern const struct part_form form_pairs;

/* False: the kernel had to cut one within its name. */
bool variables_are_whole(struct span variables);

/* struct event_ancestor, as an array of {pid, comm, exe}. Cut, the nearest. */
extern const struct part_form form_ancestors;

/* Likewise of {pid, name, path}, none of them with exact bytes; these are the whole array above. */
extern const struct part_form form_ancestry;

/*
 * A struct event_descriptor, as an object. Cut, without addresses; and so it came if it is not
 * whole.
 */
extern const struct part_form form_descriptor;
bool descriptor_is_whole(struct span descriptor);

/* Strings without control characters, each with its NUL, as an array. Cut, the first ones. */
extern const struct part_form form_words;

/* uint32_t each, as an array. Cut, the first ones. */
extern const struct part_form form_numbers;

/* An uint64_t, each bit a capability, as an array of their names. Cut, the first ones. */
extern const struct part_form form_capabilities;

/* How many strings there are in a sequence of NUL-terminated ones; the last may lack its NUL. */
uint64_t strings_count(struct span strings);
