/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Vectors of the compiler, which become SSE2 or NEON, the least of any machine we run on. What is
 * asked of bytes gives 0xff where it is true, else 0.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define VECTOR_SIZE 16

typedef uint8_t bytes __attribute__((vector_size(VECTOR_SIZE)));

static inline bytes bytes_load(const char *p)
{
        bytes v;

        memcpy(&v, p, sizeof(v));
        return v;
}

/* Letters and digits. */
static inline bytes bytes_alnum(bytes v)
{
        return (bytes)((v | 0x20) - 'a' < 26) | (bytes)(v - '0' < 10);
}

/* A bit for each byte that is true, from the lowest on. */
static inline unsigned bytes_mask(bytes v)
{
#ifdef __SSE2__
        return (unsigned)_mm_movemask_epi8((__m128i)v);
#else
        const uint64_t highest = UINT64_C(0x8080808080808080);
        const uint64_t gather = UINT64_C(0x0002040810204081); /* each to a place of its own */
        uint64_t halves[2];

        memcpy(halves, &v, sizeof(halves));
        return (unsigned)(((le64toh(halves[0]) & highest) * gather) >> 56) |
               (unsigned)(((le64toh(halves[1]) & highest) * gather) >> 56) << 8;
#endif
}
