/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Splits text into words; what comes out is a pattern in which every backslash escapes. */
#include <errno.h>
#include <string.h>

#include "policy/words.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool is_special(char c)
{
        return c != '\0' && strchr("*?[]!^-\"\\ \t", c);
}

static void take(struct span *text, size_t n)
{
        *text = span_skip(*text, n);
}

/* Takes a backslash, with what it escapes, if anything. */
static void take_escape(struct span *text, struct buf *pattern)
{
        const bool escapes = text->size > 1 && is_special(text->data[1]);

        buf_append_char(pattern, '\\');
        buf_append_char(pattern, escapes ? text->data[1] : '\\');
        take(text, escapes ? 2 : 1);
}

int words_take(struct span *text, struct buf *scratch, struct word_text *ret)
{
        bool is_quoted = false;

        while (text->size > 0 && is_blank(text->data[0]))
                take(text, 1);
        if (text->size == 0)
                return 0;
        buf_reset(scratch);
        *ret = (struct word_text){ .raw = *text };
        while (text->size > 0 && (is_quoted || !is_blank(text->data[0]))) {
                const char c = text->data[0];

                if (c == '\\') {
                        take_escape(text, scratch);
                        continue;
                }
                if (c == '"')
                        is_quoted = !is_quoted;
                else if (c == '!' && scratch->size == 0 && !ret->is_negated)
                        ret->is_negated = true;
                else
                        buf_append_char(scratch, c);
                take(text, 1);
        }
        ret->raw.size -= text->size;
        ret->pattern = buf_span(scratch);
        if (buf_error(scratch))
                return -ENOMEM;
        return is_quoted ? -EINVAL : 1;
}

void word_append_plain(struct buf *b, struct span pattern)
{
        for (size_t i = 0; i < pattern.size; i++) {
                if (pattern.data[i] == '\\' && i + 1 < pattern.size)
                        i++;
                buf_append_char(b, pattern.data[i]);
        }
}
