/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <string.h>

#include "policy/draft.h"
#include "policy/secret_name.h"

/* Of the size and of eight bytes at the end, which differ the most; any will do. */
static unsigned place_of(struct span name)
{
        uint64_t x = 0;
        const size_t n = MIN(name.size, sizeof(x));

        memcpy(&x, name.data + name.size - n, n);
        x = (x ^ name.size) * UINT64_C(0x9e3779b97f4a7c15);
        return (unsigned)(x >> 56);
}
_Static_assert(NAMES_KNOWN == 1 << (64 - 56), "bits of the hash");

static bool is_listed(const struct secret_names *s, struct span name)
{
        return name_list_has(s->names, name) && !name_list_has(s->keep, name);
}

bool name_is_secret(const struct secret_names *s, struct span name)
{
        struct known_name *known;

        if (name.size == 0 || name.size > NAME_SIZE_MAX)
                return is_listed(s, name);
        known = &s->known[place_of(name)];
        if (known->size == name.size && memcmp(known->name, name.data, name.size) == 0)
                return known->is_secret;
        known->is_secret = is_listed(s, name);
        known->size = (uint8_t)name.size;
        memcpy(known->name, name.data, name.size);
        return known->is_secret;
}

struct span name_that_ends(const char *begin, const char *p)
{
        const char *end = p;

        while (p > begin && end - p < NAME_SIZE_MAX && is_name_char(p[-1]))
                p--;
        return (struct span){ p, end - p };
}
