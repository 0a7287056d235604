/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Messages about configuration: `file:line: key: text`, one a line.
 *
 * File names, keys and values are bytes that somebody else chose: in a message they are valid UTF-8
 * without control characters, so that a message is one line and cannot move a terminal's cursor.
 */
#pragma once

#include "base/buf.h"

/* Lines of text, one per problem, each ended by a newline; for the caller to log. */
struct config_report {
        struct buf errors;
        struct buf warnings;
};

void config_report_done(struct config_report *r);

/* The place that a message is about. Borrowed. */
struct config_position {
        const char *file;
        unsigned line;   /* from 1, or 0: the file as a whole */
        struct span key; /* or empty: the line as a whole */
};

/*
 * Adds one message to the errors or warnings of a report. Beyond a limit they are replaced by a
 * single line that says so: a file that isn't a configuration at all must not cost more memory than
 * one that is.
 */
void config_report_add(struct buf *messages, const struct config_position *at, const char *format,
                       ...) _printf_(3, 4);

/*
 * Appends `text` with '?' for control characters, U+FFFD for what isn't UTF-8, and "..." in place
 * of all beyond `max` bytes.
 */
void config_append_visible(struct buf *b, struct span text, size_t max);

/* "file:line" as messages show it. */
void config_append_origin(struct buf *b, const struct config_position *at);

/* Appends: "text", shortened, and what is wrong with it. Always -EINVAL. */
int config_refuse(struct buf *problem, struct span text, const char *why);
