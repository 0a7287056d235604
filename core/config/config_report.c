/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Messages about configuration: made safe to show, bounded in size.
 *
 * A report only collects; whether and where it is shown is up to the caller of config_load(). An
 * allocation that fails is remembered by the buffers of the report.
 *
 * Shows no byte below 0x20, no DEL, no C1 control character and nothing that isn't UTF-8, whatever
 * a file, its name or a key in it contains.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
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

/* '?' for each byte of a control character of valid text. */
static void hide_controls(unsigned char *p, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                if (p[i] < 0x20 || p[i] == 0x7f)
                        p[i] = '?';
                else if (p[i] == 0xc2 && p[i + 1] < 0xa0) /* C1 */
                        p[i] = p[i + 1] = '?';
        }
}

void config_append_visible(struct buf *b, struct span text, size_t max)
{
        const size_t start = b->size;
        bool cut;

        if (text.size == 0)
                return;
        text_repair(text, b);
        if (buf_error(b))
                return;
        cut = b->size - start > max;
        if (cut)
                b->size = start + max;
        while (cut && b->size > start && (b->data[b->size] & 0xc0) == 0x80)
                b->size--; /* to the start of the character that is cut */
        hide_controls((unsigned char *)b->data + start, b->size - start);
        if (cut)
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
