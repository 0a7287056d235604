/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Filtering of environment variables. Failures are filtered by errno in the kernel already, where
 * dropping them is cheapest.
 */
#include <string.h>

#include "event/filter.h"

static bool is_wanted(char *const *names, const char *variable, size_t size)
{
        for (; *names; names++) {
                size_t n = strlen(*names);

                if (size > n && variable[n] == '=' && memcmp(variable, *names, n) == 0)
                        return true;
        }
        return false;
}

struct span filter_env(char *const *names, struct span env, struct buf *scratch)
{
        const char *p = env.data, *end = env.data + env.size, *nul, *next;

        buf_reset(scratch);
        for (; p < end; p = next) {
                nul = memchr(p, '\0', end - p);
                next = nul ? nul + 1 : end;
                if (is_wanted(names, p, (nul ? nul : end) - p))
                        buf_append(scratch, p, next - p);
        }
        if (scratch->size == 0 || buf_error(scratch) < 0)
                return (struct span){};
        return buf_span(scratch);
}
