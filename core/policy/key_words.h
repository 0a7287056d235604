/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The names of what keys compare as numbers or bits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* Names of numbers that only the host knows. */
struct key_names {
        bool (*user_number)(void *userdata, struct span name, uint32_t *ret);
        bool (*group_number)(void *userdata, struct span name, uint32_t *ret);
        void *userdata;
};

/* The bit of each kind, as KEY_BITS has it. */
#define KEY_KIND_BIT(kind) (UINT64_C(1) << (kind))
#define KEY_KINDS                                                                                  \
        (KEY_KIND_BIT(EVENT_EXEC) | KEY_KIND_BIT(EVENT_EXEC_FAILED) |                              \
         KEY_KIND_BIT(EVENT_EXEC_ATTEMPT) | KEY_KIND_BIT(EVENT_EXIT))

/* The number or bits of a name; false: there is no such name. */
bool key_word_kind(const struct key_names *names, struct span name, uint64_t *ret);
bool key_word_flag(const struct key_names *names, struct span name, uint64_t *ret);
bool key_word_capability(const struct key_names *names, struct span name, uint64_t *ret);
bool key_word_error(const struct key_names *names, struct span name, uint64_t *ret);
bool key_word_user(const struct key_names *names, struct span name, uint64_t *ret);
bool key_word_group(const struct key_names *names, struct span name, uint64_t *ret);
