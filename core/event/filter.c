/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Filtering of environment variables. Failures are filtered by errno in the kernel already, where
 * dropping them is cheapest.
 */
#include "event/filter.h"

static bool is_wanted(char *const *names, struct span variable)
{
        struct span name, value;

        if (!span_split(variable, '=', &name, &value))
                return false;
        for (; *names; names++)
                if (span_is(name, *names))
                        return true;
        return false;
}

struct span filter_env(char *const *names, struct span env, struct buf *scratch)
{
        struct span all = env, rest = env, variable;

        buf_reset(scratch);
        for (; span_cut(&rest, '\0', &variable); all = rest)
                if (is_wanted(names, variable)) /* with its NUL */
                        buf_append_span(scratch, span_head(all, all.size - rest.size));
        if (scratch->size == 0 || buf_error(scratch) < 0)
                return (struct span){};
        return buf_span(scratch);
}
