/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What our own lines say, read back without a parser: of which shape one is, and how many events it
 * accounts for. All shapes have the native keys for that, written as here, with nothing in between;
 * and no value can look like them, for quotes within it are escaped.
 */
#include <stdio.h>
#include <string.h>

#include "encode/encode.h"
#include "encode/shape.h"

bool encoded_format(struct span line, enum config_format *ret)
{
        for (enum config_format f = 0; f < _FORMAT_MAX; f++)
                if (span_starts_with(line, shapes[f]->prefix)) {
                        *ret = f;
                        return true;
                }
        return false;
}

/* Of a line that begins with the prefix; _EVENT_KIND_MAX: none of ours. */
static enum event_kind kind_of(const struct shape *shape, const char *line)
{
        const char *p = line + strlen(shape->prefix);
        char kind[16] = "";
        int end = 0;

        if (shape->code) {
                const size_t time_size = strcspn(p, "\"");

                p += time_size;
                if (time_size == 0 || strncmp(p, shape->code, strlen(shape->code)) != 0)
                        return _EVENT_KIND_MAX;
                p += strlen(shape->code);
        }
        if (sscanf(p, "%15[a-z_]\"%n", kind, &end) != 1 || end == 0)
                return _EVENT_KIND_MAX;
        return event_kind_from_name(kind);
}

/* Digits, and no more than one line says. */
static uint64_t count_of(const char *line)
{
        static const char key[] = "\"count\":";
        const char *p = strstr(line, key);
        uint64_t count = 0;

        if (!p)
                return 0;
        for (p += strlen(key); is_digit(*p); p++) {
                count = 10 * count + (uint64_t)(*p - '0');
                if (count > LOSS_COUNT_MAX)
                        return 0;
        }
        return count;
}

/* False for a loss that is another sink's, of which earlier versions told as well. */
static bool is_loss_of(const char *line, enum sink_place place)
{
        const char *p = strstr(line, "\"where\":");
        char where[16] = "";

        if (!p || sscanf(p, "\"where\":\"%15[a-z]\"", where) != 1)
                return false;
        for (unsigned i = 0; i < _LOSS_WHERE_MAX; i++)
                if (strcmp(where, loss_where_name(i)) == 0)
                        return loss_concerns(i, place);
        return false;
}

uint64_t encoded_events(const char *line, enum sink_place place)
{
        enum config_format format;
        enum event_kind kind;

        if (!encoded_format(span_of(line), &format))
                return 0;
        kind = kind_of(shapes[format], line);
        if (kind == EVENT_SUMMARY || (kind == EVENT_LOST && is_loss_of(line, place)))
                return count_of(line);
        return event_kind_is_kernel(kind);
}
