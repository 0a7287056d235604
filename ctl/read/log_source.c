/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>

#include "read/log_source.h"

int log_source_next(struct log_source *s, struct span *ret)
{
        return s->ops->next(s, ret);
}

int log_source_wait(struct log_source *s, int signal_fd)
{
        return s->ops->wait(s, signal_fd);
}

int log_source_tail(struct log_source *s, uint64_t n, log_source_counts counts, void *userdata)
{
        return s->ops->tail ? s->ops->tail(s, n, counts, userdata) : -EOPNOTSUPP;
}

struct log_source *log_source_free(struct log_source *s)
{
        if (!s)
                return NULL;
        buf_done(&s->problem);
        buf_done(&s->names);
        s->ops->free(s);
        return NULL;
}
