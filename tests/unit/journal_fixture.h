/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A journal sink and the fake journald it sends to. Each write checks the ledger, each receive that
 * the entry is the next in seq.
 */
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sched.h>

#include "fake_journald.h"
#include "sink/sink.h"

#define BACKLOG (64 * MIB)

struct fixture {
        struct fake_journald journald;
        struct sink *sink;
        uint64_t n_kernel;  /* events of the kernel that sink_write() has accepted */
        uint64_t n_refused; /* ... or has not */
        uint64_t n_received;
};

static inline int setup_with(void **state, size_t backlog)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        fake_journald_new(&f->journald);
        assert_int_equal(sink_journal_new(f->journald.path, backlog, &f->sink), 0);
        *state = f;
        return 0;
}

static inline int setup(void **state)
{
        return setup_with(state, BACKLOG);
}

static inline int setup_small(void **state)
{
        return setup_with(state, 4096);
}

static inline int teardown(void **state)
{
        struct fixture *f = *state;

        sink_free(f->sink);
        fake_journald_done(&f->journald);
        free(f);
        return 0;
}

#define LINE(before, after)                                                                        \
        ((struct line){ .head = { before, strlen(before) }, .tail = { after, strlen(after) } })

static inline int write_message(struct fixture *f, const struct message *m)
{
        const struct sink_stats *s = &f->sink->stats;
        int r;

        r = sink_write(f->sink, m);
        if (event_kind_is_kernel(m->kind))
                *(r < 0 ? &f->n_refused : &f->n_kernel) += 1;
        assert_int_equal(s->written + s->backlog, f->n_kernel);
        return r;
}

static inline int write_event(struct fixture *f, const struct exec_event *event)
{
        struct line line = LINE("{\"seq\":", "}");

        return write_message(
                f, &(struct message){
                           .kind = event->kind, .line = line, .brief = line, .event = event });
}

static inline int write_exec(struct fixture *f)
{
        return write_event(f, &(struct exec_event){ .kind = EVENT_EXEC, .facts.pid = 1 });
}

/* An exec whose whole line is of `size` bytes and more. */
static inline int write_large(struct fixture *f, size_t size)
{
        struct exec_event event = { .kind = EVENT_EXEC };
        _cleanup_(freep) char *tail = malloc(size + 1);

        assert_non_null(tail);
        memset(tail, 'x', size);
        tail[size] = '\0';
        return write_message(f, &(struct message){ .kind = EVENT_EXEC,
                                                   .line = LINE("{\"whole\":", tail),
                                                   .brief = LINE("{\"brief\":", "}"),
                                                   .event = &event });
}

static inline void flush_all(struct fixture *f)
{
        assert_int_equal(sink_flush(f->sink), SINK_IDLE);
        assert_int_equal(f->sink->stats.backlog, 0);
        assert_int_equal(f->sink->stats.backlog_bytes, 0);
        assert_int_equal(f->sink->error, 0);
}

/* The next entry, which is parsed and has to be the next in seq. */
static inline void receive(struct fixture *f, struct fake_entry *ret)
{
        char seq[24];

        assert_true(fake_journald_receive(&f->journald, ret));
        fake_entry_parse(ret);
        f->n_received++;
        (void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)f->n_received);
        assert_field(ret, "EXECSNOOP_SEQ", seq);
}

static inline bool receive_and_drop(struct fixture *f)
{
        struct pollfd p = { .fd = f->journald.fd, .events = POLLIN };
        struct fake_entry e;

        if (poll(&p, 1, 0) != 1)
                return false;
        receive(f, &e);
        fake_entry_done(&e);
        return true;
}

/* As much as PID 1 allows a socket; false: not permitted. A new network has its own limit. */
static inline bool allow_long_queues(void)
{
        _cleanup_(closep) int fd = -1;

        if (unshare(CLONE_NEWNET) < 0)
                return false;
        fd = open("/proc/sys/net/unix/max_dgram_qlen", O_WRONLY | O_CLOEXEC);
        return fd >= 0 && write(fd, "512", 3) == 3;
}
