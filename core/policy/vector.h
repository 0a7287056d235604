/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Vectors of the compiler, which become SSE2 or NEON, the least of any machine we run on, or more
 * in a file that is compiled for it. What is asked of bytes gives 0xff where it is true, else 0.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifdef __AVX512BW__
#define VECTOR_SIZE 64
#elif defined(__AVX2__)
#define VECTOR_SIZE 32
#else
#define VECTOR_SIZE 16
#endif

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
static inline uint64_t bytes_mask(bytes v)
{
#ifdef __AVX512BW__
        return _mm512_movepi8_mask((__m512i)v);
#elif defined(__AVX2__)
        return (uint32_t)_mm256_movemask_epi8((__m256i)v);
#elif defined(__SSE2__)
        return (uint32_t)_mm_movemask_epi8((__m128i)v);
#else
        const uint64_t highest = UINT64_C(0x8080808080808080);
        const uint64_t gather = UINT64_C(0x0002040810204081); /* each to a place of its own */
        uint64_t halves[2];

        memcpy(halves, &v, sizeof(halves));
        return (((le64toh(halves[0]) & highest) * gather) >> 56) |
               (((le64toh(halves[1]) & highest) * gather) >> 56) << 8;
#endif
}

/* Likewise, for each that has one of these bits. */
static inline uint64_t bytes_test(bytes v, uint8_t bits)
{
#ifdef __AVX512BW__
        return _mm512_test_epi8_mask((__m512i)v, _mm512_set1_epi8((char)bits));
#else
        return bytes_mask((bytes)((v & bits) != 0));
#endif
}

/* Each of `indexes`, which are below 16, becomes that byte of the table. */
static inline bytes bytes_lookup(const uint8_t table[static 16], bytes indexes)
{
#ifdef __SSSE3__
        __m128i t;

        memcpy(&t, table, sizeof(t));
#endif
#ifdef __AVX512BW__
        return (bytes)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), (__m512i)indexes);
#elif defined(__AVX2__)
        return (bytes)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), (__m256i)indexes);
#elif defined(__SSSE3__)
        return (bytes)_mm_shuffle_epi8(t, (__m128i)indexes);
#elif defined(__ARM_NEON) && defined(__aarch64__)
        return (bytes)vqtbl1q_u8(vld1q_u8(table), (uint8x16_t)indexes);
#else
        bytes v;

        for (unsigned i = 0; i < VECTOR_SIZE; i++)
                v[i] = table[indexes[i]];
        return v;
#endif
}
