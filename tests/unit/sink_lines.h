/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Lines for the tests of sinks: made so that a reader can prove each of them whole and once there.
 * Include after cmocka.h.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"

#define LINE_HEAD "{\"event\":\"exec\",\"seq\":"
#define LINE_PAD ",\"pad\":\""
#define LINE_END "\"}"

/* All but pad and digits, newline included. */
#define LINE_OVERHEAD (sizeof(LINE_HEAD LINE_PAD LINE_END) - 1 + 1)

/* Gives the sink an event whose line has a pad of so many bytes; returns what sink_write() does. */
static inline int lines_write(struct sink *s, enum event_kind kind, size_t pad)
{
        _cleanup_(freep) char *tail = malloc(sizeof(LINE_PAD LINE_END) + pad);
        struct message m = { .kind = kind, .line.head = SPAN_LITERAL(LINE_HEAD) };
        size_t size = sizeof(LINE_PAD) - 1;

        assert_non_null(tail);
        memcpy(tail, LINE_PAD, size);
        memset(tail + size, 'x', pad);
        size += pad;
        memcpy(tail + size, LINE_END, sizeof(LINE_END) - 1);
        size += sizeof(LINE_END) - 1;
        m.line.tail = (struct span){ .data = tail, .size = size };
        m.brief = m.line;
        return sink_write(s, &m);
}

static inline void lines_write_n(struct sink *s, size_t n, size_t pad)
{
        for (size_t i = 0; i < n; i++)
                assert_int_equal(lines_write(s, EVENT_EXEC, pad), 0);
}

/* Asserts that `data` starts with a whole line; returns what follows, and its seq. */
static inline const char *lines_next(const char *data, const char *end, uint64_t *ret_seq)
{
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *p = data + sizeof(LINE_HEAD) - 1;
        char *rest;

        assert_non_null(newline);
        assert_true((size_t)(newline - data) > LINE_OVERHEAD - 1);
        assert_memory_equal(data, LINE_HEAD, sizeof(LINE_HEAD) - 1);
        *ret_seq = strtoull(p, &rest, 10);
        assert_ptr_not_equal(rest, p);
        assert_memory_equal(rest, LINE_PAD, sizeof(LINE_PAD) - 1);
        for (p = rest + sizeof(LINE_PAD) - 1; *p == 'x'; p++)
                ;
        assert_memory_equal(p, LINE_END "\n", sizeof(LINE_END));
        assert_ptr_equal(p + sizeof(LINE_END) - 1, newline);
        return newline + 1;
}

/* Asserts that `data` is nothing but the lines `first` to `last`, in order. */
static inline void lines_assert(const char *data, size_t size, uint64_t first, uint64_t last)
{
        const char *end = data + size;
        uint64_t seq;

        for (uint64_t expected = first; expected <= last; expected++) {
                data = lines_next(data, end, &seq);
                assert_int_equal(seq, expected);
        }
        assert_ptr_equal(data, end);
}
