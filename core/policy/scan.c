/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Vectors of the compiler, which become SSE2 or NEON, the least of any machine we run on.
 */
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/scan.h"

#define SIZE 16

typedef uint8_t bytes __attribute__((vector_size(SIZE)));

static inline bytes load(const char *p)
{
        bytes v;

        memcpy(&v, p, sizeof(v));
        return v;
}

static inline bool any(bytes v)
{
        uint64_t halves[2];

        memcpy(halves, &v, sizeof(halves));
        return (halves[0] | halves[1]) != 0;
}

static inline bytes is_pair(bytes v)
{
        return (bytes)(v == '=') | (bytes)(v == ':');
}

static inline bytes is_hint(bytes before, bytes v)
{
        bytes control = (bytes)(v <= ' ') & (bytes)(v != 0);
        bytes option = (bytes)(v == '-') & (bytes)(before == 0);

        return is_pair(v) | control | option;
}

static inline bytes is_alnum_byte(bytes v)
{
        return (bytes)((v | 0x20) - 'a' < 26) | (bytes)(v - '0' < 10);
}

static inline bytes is_blank_byte(bytes v)
{
        return (bytes)(v == ' ') | (bytes)(v - '\t' < 5);
}

/* Where in the vector the first byte is that is not 0; SIZE: nowhere. */
static inline unsigned first(bytes v)
{
        uint64_t halves[2];

        memcpy(halves, &v, sizeof(halves));
        if (halves[0])
                return (unsigned)__builtin_ctzll(le64toh(halves[0])) / 8;
        return halves[1] ? 8 + (unsigned)__builtin_ctzll(le64toh(halves[1])) / 8 : SIZE;
}

/* The scan for bytes of which `is_wanted` makes others than 0, of a vector, and of a rest. */
#define SCAN(p, end, is_wanted)                                                                    \
        do {                                                                                       \
                bytes rest_ = { 0 };                                                               \
                unsigned n_;                                                                       \
                                                                                                   \
                for (; (end) - (p) >= SIZE; (p) += SIZE) {                                         \
                        n_ = first(is_wanted(load(p)));                                            \
                        if (n_ < SIZE)                                                             \
                                return (p) + n_;                                                   \
                }                                                                                  \
                memcpy(&rest_, (p), (end) - (p));                                                  \
                n_ = first(is_wanted(rest_));                                                      \
                return MIN((p) + n_, (end));                                                       \
        } while (0)

static inline bytes is_no_alnum(bytes v)
{
        return ~is_alnum_byte(v);
}

const char *scan_pair(const char *p, const char *end)
{
        SCAN(p, end, is_pair);
}

const char *scan_word_end(const char *p, const char *end)
{
        SCAN(p, end, is_no_alnum);
}

const char *scan_blank(const char *p, const char *end)
{
        SCAN(p, end, is_blank_byte);
}

const char *scan_hint(const char *p, const char *end)
{
        unsigned n;

        /* Four at once: one test costs as much as looking at two. */
        while (end - p >= 4 * SIZE) {
                bytes v = is_hint(load(p - 1), load(p)) |
                          is_hint(load(p + SIZE - 1), load(p + SIZE)) |
                          is_hint(load(p + 2 * SIZE - 1), load(p + 2 * SIZE)) |
                          is_hint(load(p + 3 * SIZE - 1), load(p + 3 * SIZE));

                if (any(v))
                        break;
                p += 4 * SIZE;
        }
        for (; end - p >= SIZE; p += SIZE) {
                n = first(is_hint(load(p - 1), load(p)));
                if (n < SIZE)
                        return p + n;
        }
        for (; p < end; p++)
                if (*p == '=' || *p == ':' || ((uint8_t)*p <= ' ' && *p != '\0') ||
                    (*p == '-' && p[-1] == '\0'))
                        break;
        return p;
}
