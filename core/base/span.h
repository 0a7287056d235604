/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A span is borrowed memory: bytes of somebody else, with their number. This is all that is done
 * to one: compare, cut, take apart; nothing here copies or allocates, and every result points into
 * what went in.
 *
 * An empty span may have no data at all, which events use for what is absent; all functions take
 * it. Bytes are bytes: no locale, and NUL is one of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
        const char *data; /* not NUL-terminated */
        size_t size;
};

#define SPAN_LITERAL(s) ((struct span){ .data = (s), .size = sizeof(s) - 1 })

static inline struct span span_of(const char *string)
{
        return (struct span){ .data = string, .size = strlen(string) };
}

/* memcmp() and memchr() are not defined for NULL, not even for no bytes. */
static inline bool span_equal(struct span a, struct span b)
{
        return a.size == b.size &&
               (a.data == b.data || a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_is(struct span s, const char *string)
{
        return span_equal(s, span_of(string));
}

/* ASCII letters in any case. */
static inline bool span_is_nocase(struct span s, const char *string)
{
        return s.size == strlen(string) &&
               (s.size == 0 || strncasecmp(s.data, string, s.size) == 0);
}

/* The first `n` bytes, and what is behind them; there are so many. */
static inline struct span span_head(struct span s, size_t n)
{
        return (struct span){ .data = s.data, .size = n };
}

static inline struct span span_skip(struct span s, size_t n)
{
        return n == 0 ? s : (struct span){ .data = s.data + n, .size = s.size - n };
}

static inline bool span_starts_with(struct span s, const char *prefix)
{
        const struct span p = span_of(prefix);

        return s.size >= p.size && span_equal(span_head(s, p.size), p);
}

static inline bool span_ends_with(struct span s, const char *suffix)
{
        const struct span p = span_of(suffix);

        return s.size >= p.size && span_equal(span_skip(s, s.size - p.size), p);
}

/* Takes it off, if it is there; or says false. */
static inline bool span_strip_prefix(struct span *s, const char *prefix)
{
        if (!span_starts_with(*s, prefix))
                return false;
        *s = span_skip(*s, strlen(prefix));
        return true;
}

static inline bool span_strip_suffix(struct span *s, const char *suffix)
{
        if (!span_ends_with(*s, suffix))
                return false;
        s->size -= strlen(suffix);
        return true;
}

static inline bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Of a line of text. */
static inline bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* How many bytes at the start are of a kind; `size` if all are. */
static inline size_t span_count(struct span s, bool (*is_member)(char))
{
        size_t n = 0;

        while (n < s.size && is_member(s.data[n]))
                n++;
        return n;
}

static inline struct span span_trim_start(struct span s)
{
        return span_skip(s, span_count(s, is_space));
}

static inline struct span span_trim(struct span s)
{
        while (s.size > 0 && is_space(s.data[s.size - 1]))
                s.size--;
        return span_trim_start(s);
}

/*
 * The parts before and behind the first separator. False if there is none: then all is
 * before it, and behind it is the empty span at the end. `s` may be one of the results.
 */
static inline bool span_split(struct span s, char separator, struct span *ret_before,
                              struct span *ret_behind)
{
        const char *at = s.size > 0 ? (const char *)memchr(s.data, separator, s.size) : NULL;
        const size_t n = at ? (size_t)(at - s.data) : s.size;

        *ret_before = span_head(s, n);
        *ret_behind = span_skip(s, at ? n + 1 : n);
        return at;
}

/*
 * Takes the next of a row of pieces with a separator behind each, which the last may lack: lines,
 * the strings of argv. False when nothing is left.
 */
static inline bool span_cut(struct span *rest, char separator, struct span *ret)
{
        if (rest->size == 0)
                return false;
        (void)span_split(*rest, separator, ret, rest);
        return true;
}
