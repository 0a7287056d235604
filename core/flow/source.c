/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The contract of a source: a function that a source lacks does nothing. */
#include <errno.h>

#include "flow/source.h"

struct source *source_free(struct source *s)
{
        if (s)
                s->ops->free(s);
        return NULL;
}

int source_identify(const struct source *s, struct recording_header *ret)
{
        return s->ops->identify(s, ret);
}

uint64_t source_now_ns(const struct source *s)
{
        return s->ops->now_ns(s);
}

int source_open(struct source *s, const struct source_handler *handler, struct ledger *ledger)
{
        s->handler = *handler;
        s->ledger = ledger;
        return s->ops->open ? s->ops->open(s) : 0;
}

int source_start(struct source *s, const struct config *config)
{
        return s->ops->start ? s->ops->start(s, config) : 0;
}

void source_stop(struct source *s)
{
        if (s->ops->stop)
                s->ops->stop(s);
}

bool source_is_live(const struct source *s)
{
        return !s->ops->step;
}

int source_step(struct source *s)
{
        return s->ops->step(s);
}

int source_configure(struct source *s, const struct config *config)
{
        return s->ops->configure ? s->ops->configure(s, config) : 0;
}

void source_reconcile(struct source *s)
{
        if (s->ops->reconcile)
                s->ops->reconcile(s);
}

void source_read_counters(struct source *s)
{
        if (s->ops->read_counters)
                s->ops->read_counters(s);
}

const struct exec_counters *source_counters(const struct source *s, enum exec_program program,
                                            unsigned cpu)
{
        return s->ops->counters ? s->ops->counters(s, program, cpu) : NULL;
}

void source_grow(struct source *s)
{
        if (s->ops->grow)
                s->ops->grow(s);
}

ssize_t source_list(struct source *s, void *buf, size_t size)
{
        return s->ops->list ? s->ops->list(s, buf, size) : 0;
}

int source_hand_over(struct source *s)
{
        return s->ops->hand_over ? s->ops->hand_over(s) : -EOPNOTSUPP;
}

int source_keep(const struct source *s)
{
        return s->ops->keep ? s->ops->keep(s) : -EOPNOTSUPP;
}
