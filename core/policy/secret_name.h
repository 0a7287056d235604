/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets that are known by their names. */
#pragma once

#include "policy/name_list.h"

struct secret_names {
        struct name_list *names; /* of secrets */
        struct name_list *keep;  /* but for these */
};

static inline bool name_is_secret(const struct secret_names *s, struct span name)
{
        return name_list_has(s->names, name) && !name_list_has(s->keep, name);
}
