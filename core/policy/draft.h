/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A draft is one string under examination: its bytes, and which of them are to be hidden.
 *
 * The stages of the redaction mark ranges in any order, as often as they like; where hidden bytes
 * follow each other, one "<redacted>" takes their place. The string itself is never changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/span.h"

#define DRAFT_MARK "<redacted>"

struct draft {
        const char *text; /* borrowed */
        size_t size;
        bool is_cut;        /* it went on, but not for us */
        bool is_command;    /* text with blanks is what a shell is given to run */
        bool ends_at_comma; /* a list of options: no value has one in it */
        unsigned marks;     /* what scan_marks() has found in it */
        size_t pairs_from;  /* what is before is known to be no name of a secret */
        size_t first_word;  /* where the first blank or quote is; 0: not looked for yet */
        bool is_redacted;
        bool is_hidden;   /* all of it */
        struct buf *mask; /* a byte for each of the text, once is_redacted; the caller's */
};

/* Hides [from, to). Without memory for it the mask has the error. */
void draft_hide(struct draft *d, size_t from, size_t to);

/* Appends the text with marks in place of what is hidden. */
void draft_write(const struct draft *d, struct buf *ret);

static inline bool is_blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool is_quote(char c)
{
        return c == '"' || c == '\'';
}

static inline bool is_alnum(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The characters of the name of an option, variable or member. */
static inline bool is_name_char(char c)
{
        return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static inline size_t find_char(const struct draft *d, size_t from, size_t to, char c)
{
        const char *found = from < to ? memchr(d->text + from, c, to - from) : NULL;

        return found ? (size_t)(found - d->text) : to;
}

static inline struct span draft_span(const struct draft *d, size_t from, size_t to)
{
        return (struct span){ .data = d->text + from, .size = to - from };
}
