/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* How a selection is kept: for selection.c, selection_check.c and selection_index.c alone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/glob.h"
#include "policy/selection.h"

enum word_kind {
        WORD_VALUE,
        WORD_ANY,
        WORD_NONE,
};

struct word {
        enum word_kind kind;
        bool is_negated;
        uint64_t low; /* of a number: from; of bits: which */
        union {
                uint64_t high; /* of a number: up to */
                struct glob *glob;
        };
};

/* Everything about one key. */
struct condition {
        const struct key *key;
        struct word *words; /* the negated ones come last */
        uint32_t n_words, n_negated;
};

struct selection {
        struct condition *conditions;
        size_t n_conditions;
        bool is_packed; /* all of it is one piece of memory */
};

static inline bool word_has_glob(const struct word *w, const struct key *k)
{
        return w->kind == WORD_VALUE && (k->type == KEY_STRING || k->type == KEY_STRINGS);
}
