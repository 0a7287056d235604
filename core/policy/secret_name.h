/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets that are known by their names. */
#pragma once

#include <string.h>

#include "policy/name_list.h"

/* The last name that was asked for; `size` 0: none. */
struct name_memo {
        char name[NAME_SIZE_MAX];
        size_t size;
        bool is_secret;
};

struct secret_names {
        struct name_list *names; /* of secrets */
        struct name_list *keep;  /* but for these */
        struct name_memo *last;  /* each name is asked for by several stages, and lists repeat it */
};

static inline bool name_is_secret(const struct secret_names *s, struct span name)
{
        struct name_memo *last = s->last;

        if (name.size == 0 || name.size > NAME_SIZE_MAX)
                return name_list_has(s->names, name) && !name_list_has(s->keep, name);
        if (name.size == last->size && memcmp(name.data, last->name, name.size) == 0)
                return last->is_secret;
        last->is_secret = name_list_has(s->names, name) && !name_list_has(s->keep, name);
        last->size = name.size;
        memcpy(last->name, name.data, name.size);
        return last->is_secret;
}
