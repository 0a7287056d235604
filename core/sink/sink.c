/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The common part of all sinks: dispatch, the sequence number, and the counters.
 *
 * They are exact at any moment: every event of the kernel that sink_write() has accepted is in
 * exactly one of `written` and `backlog`. The daemon's own events go through the same
 * backlog and take a seq like any other, but count in `lines` and `bytes` only, as they were not
 * counted as seen.
 *
 * A seq is taken at the moment an event is accepted. An event that is refused takes none, so the
 * reader of a stream sees holes only for what was lost after it was accepted.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "sink/sink_internal.h"

int sink_init(struct sink *s, const struct sink_ops *ops, size_t backlog)
{
        *s = (struct sink){ .ops = ops };
        s->account = &s->own_account;
        return backlog_new(backlog, &s->backlog);
}

int sink_write(struct sink *s, const struct message *m)
{
        return s->ops->write(s, m);
}

enum sink_state sink_flush(struct sink *s)
{
        return s->ops->flush(s);
}

int sink_poll_fd(const struct sink *s)
{
        return s->ops->poll_fd ? s->ops->poll_fd(s) : -1;
}

void sink_reopen(struct sink *s)
{
        if (s->ops->reopen)
                s->ops->reopen(s);
}

int sink_resize(struct sink *s, size_t backlog)
{
        return backlog_resize(s->backlog, backlog);
}

struct sink *sink_free(struct sink *s)
{
        if (s) {
                backlog_free(s->backlog);
                s->ops->free(s);
        }
        return NULL;
}

bool sink_has_room(const struct sink *s, size_t size)
{
        return backlog_has_room(s->backlog, size);
}

void sink_account(struct sink *s, uint64_t n)
{
        struct account_state state = account_read(s->account);

        state.accounted += n;
        account_write(s->account, &state);
}

int sink_accept(struct sink *s, const struct message *m, const struct span *parts, size_t n_parts)
{
        int r;

        r = backlog_push(s->backlog, parts, n_parts, sink_tag(m));
        if (r < 0)
                return r;
        s->seq++;
        if (event_kind_is_kernel(m->kind))
                s->stats.backlog++;
        s->stats.backlog_bytes = backlog_bytes(s->backlog);
        return 0;
}

int sink_accept_line(struct sink *s, const struct message *m)
{
        char digits[LINE_SEQ_DIGITS_MAX + 1];
        int n;

        n = snprintf(digits, sizeof(digits), "%" PRIu64, s->seq + 1);
        assert(n > 0 && (size_t)n < sizeof(digits));

        struct span parts[] = {
                m->line.head,
                { .data = digits, .size = (size_t)n },
                m->line.tail,
                SPAN_LITERAL("\n"),
        };
        return sink_accept(s, m, parts, ELEMENTSOF(parts));
}

/* Asserted: a destination that reports more than it was given would falsify the counters. */
static struct backlog_entry sink_oldest(const struct backlog *b)
{
        struct backlog_entry e = { 0 };
        size_t n = backlog_peek(b, &e, 1);

        assert(n == 1);
        return e;
}

static void sink_pop(struct sink *s, uint32_t tag)
{
        if (tag & SINK_TAG_KERNEL)
                s->stats.backlog--;
        backlog_pop(s->backlog, 1);
        s->stats.backlog_bytes = backlog_bytes(s->backlog);
}

void sink_keep_account(struct sink *s, struct account *account)
{
        s->account = account;
}

void sink_sending(struct sink *s)
{
        struct account_state state = account_read(s->account);

        state.sending = sink_tag_worth(sink_oldest(s->backlog).tag);
        account_write(s->account, &state);
}

void sink_not_sent(struct sink *s)
{
        struct account_state state = account_read(s->account);

        state.sending = 0;
        account_write(s->account, &state);
}

void sink_account_file(struct sink *s, uint64_t dev, uint64_t ino, uint64_t size)
{
        struct account_state state = account_read(s->account);

        state.dev = dev;
        state.ino = ino;
        state.size = size;
        account_write(s->account, &state);
}

static void account_delivered(struct account *a, const struct backlog_entry *e)
{
        struct account_state state = account_read(a);

        state.accounted += sink_tag_worth(e->tag);
        state.sending = 0;
        if (e->tag & SINK_TAG_SETTLES)
                state.uncertain = 0;
        state.size += e->data.size;
        account_write(a, &state);
}

void sink_delivered(struct sink *s, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct backlog_entry e = sink_oldest(s->backlog);

                s->stats.lines++;
                s->stats.bytes += e.data.size;
                if (e.tag & SINK_TAG_KERNEL)
                        s->stats.written++;
                account_delivered(s->account, &e);
                sink_pop(s, e.tag);
        }
}

size_t sink_gather(const struct sink *s, size_t offset, uint64_t room, struct iovec *ret)
{
        struct backlog_entry entries[SINK_GATHER_MAX];
        size_t n = backlog_peek(s->backlog, entries, ELEMENTSOF(entries));

        for (size_t i = 0; i < n; i++) {
                size_t size = entries[i].data.size - offset;

                if (i > 0 && size > room)
                        return i;
                ret[i].iov_base = (char *)entries[i].data.data + offset;
                ret[i].iov_len = size;
                room -= MIN(room, size);
                offset = 0; /* only the first can be begun */
        }
        return n;
}

void sink_advance(struct sink *s, size_t done, size_t *offset)
{
        while (done > 0) {
                size_t left = sink_oldest(s->backlog).data.size - *offset;

                if (done < left) {
                        *offset += done;
                        return;
                }
                done -= left;
                *offset = 0;
                sink_delivered(s, 1);
        }
}

int sink_fail(struct sink *s, const char *what, int error)
{
        s->error = error;
        s->error_what = what;
        return error;
}

void sink_clear_error(struct sink *s)
{
        s->error = 0;
        s->error_what = NULL;
}
