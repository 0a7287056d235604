/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Messages about configuration: made safe to show, bounded in size.
 *
 * A report only collects; whether and where it is shown is up to the caller of config_load(). An
 * allocation that fails is remembered by the buffers of the report.
 *
 * Whatever a file, its name or a key in it contains: what would move the cursor, what is not seen,
 * as a blank that is none, and what isn't UTF-8 is shown as escapes (show_text()).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/show.h"
#include "config/config_report.h"

/* Some hundred messages: more than anybody reads, less than a journal minds. */
#define REPORT_SIZE_MAX (64 * KIB)

/* Enough to recognise a key or value. */
#define KEY_SHOWN_MAX 64

/* How much of a bad value a message repeats. */
#define VALUE_SHOWN_MAX 64

void config_report_done(struct config_report *r)
{
        buf_done(&r->errors);
        buf_done(&r->warnings);
}

void config_append_visible(struct buf *b, struct span text, size_t max)
{
        size_t n = MIN(text.size, max);

        while (n < text.size && n > 0 && (text.data[n] & 0xc0) == 0x80)
                n--; /* to the start of the character that is cut */
        show_text(span_head(text, n), b);
        if (n < text.size)
                buf_append_string(b, "...");
}

void config_append_origin(struct buf *b, const struct config_position *at)
{
        config_append_visible(b, span_of(at->file), SIZE_MAX);
        if (at->line > 0) {
                buf_append_char(b, ':');
                buf_append_u64(b, at->line);
        }
}

void config_report_add(struct buf *messages, const struct config_position *at, const char *format,
                       ...)
{
        char text[512]; /* ours; a value in it has been cut already */
        va_list ap;

        if (messages->size >= REPORT_SIZE_MAX)
                return;
        config_append_origin(messages, at);
        buf_append_string(messages, ": ");
        if (at->key.size > 0) {
                config_append_visible(messages, at->key, KEY_SHOWN_MAX);
                buf_append_string(messages, ": ");
        }
        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        buf_append_string(messages, text);
        buf_append_char(messages, '\n');
        if (messages->size >= REPORT_SIZE_MAX)
                buf_append_string(messages, "Too many problems, the others are not shown\n");
}

int config_refuse(struct buf *problem, struct span text, const char *why)
{
        buf_append_char(problem, '"');
        config_append_visible(problem, text, VALUE_SHOWN_MAX);
        buf_append_string(problem, "\" ");
        buf_append_string(problem, why);
        return -EINVAL;
}
