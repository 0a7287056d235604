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

static inline bytes is_quote_byte(bytes v)
{
        return (bytes)(v == '"') | (bytes)(v == '\'');
}

/* Bits of the bytes as those of the result; `before` are those one place before. */
static inline bytes marks_of(bytes v, bytes before)
{
        const bytes small = before | 0x20;
        const bytes may_be_code = is_blank_byte(before) | (bytes)(before == '(') |
                                  (bytes)(small == 'e') | (bytes)(small == 'n');

        return (is_blank_byte(v) & SCAN_BLANK) | (is_quote_byte(v) & may_be_code & SCAN_QUOTE) |
               (is_pair(v) & SCAN_PAIR);
}

unsigned scan_marks(const char *p, const char *end)
{
        const size_t size = end - p;
        uint64_t halves[VECTOR_SIZE / sizeof(uint64_t)], all = 0;
        char first[1 + VECTOR_SIZE] = { 0 }; /* with a byte before */
        bytes marks;

        memcpy(first + 1, p, MIN(size, (size_t)VECTOR_SIZE));
        marks = marks_of(bytes_load(first + 1), bytes_load(first));
        for (size_t at = VECTOR_SIZE; at + VECTOR_SIZE <= size; at += VECTOR_SIZE)
                marks |= marks_of(bytes_load(p + at), bytes_load(p + at - 1));
        if (size > VECTOR_SIZE) /* some of them again */
                marks |= marks_of(bytes_load(end - VECTOR_SIZE), bytes_load(end - VECTOR_SIZE - 1));
        memcpy(halves, &marks, sizeof(halves));
        for (unsigned i = 0; i < ELEMENTSOF(halves); i++)
                all |= halves[i];
        all |= all >> 32;
        all |= all >> 16;
        return (all | all >> 8) & UINT8_MAX;
}
