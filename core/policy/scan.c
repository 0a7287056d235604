/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* 16 bytes at a time; what is left is filled up with NULs. */
#include "policy/scan.h"
#include "base/macro.h"
#include "policy/vector.h"

static inline bytes is_pair(bytes v)
{
        return (bytes)(v == '=') | (bytes)(v == '>') | (bytes)(v == ':');
}

static inline bytes is_blank_byte(bytes v)
{
        return (bytes)(v == ' ') | (bytes)(v - '\t' < 5);
}

static inline bytes is_no_alnum(bytes v)
{
        return ~bytes_alnum(v);
}

/* The scan for bytes of which `is_wanted` makes others than 0, of a vector, and of a rest. */
#define SCAN(p, end, is_wanted)                                                                    \
        do {                                                                                       \
                bytes rest_ = { 0 };                                                               \
                uint64_t mask_;                                                                    \
                                                                                                   \
                for (; (end) - (p) >= VECTOR_SIZE; (p) += VECTOR_SIZE) {                           \
                        mask_ = bytes_mask(is_wanted(bytes_load(p)));                              \
                        if (mask_)                                                                 \
                                return (p) + __builtin_ctzll(mask_);                               \
                }                                                                                  \
                memcpy(&rest_, (p), (end) - (p));                                                  \
                mask_ = bytes_mask(is_wanted(rest_));                                              \
                return mask_ ? MIN((p) + __builtin_ctzll(mask_), (end)) : (end);                   \
        } while (0)

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
