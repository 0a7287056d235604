/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Sink: a destination of encoded events. One interface, one file per destination.
 *
 * A sink accepts an event into its own bounded backlog, giving it the next `seq`, or refuses it;
 * then it delivers the backlog without ever blocking. A refused event takes no seq, so a hole in
 * seq is always a loss behind us. What cannot be delivered now stays, and is tried again when the
 * caller flushes. So an event is lost when it is refused, or when the sink is freed while it waits;
 * in between never.
 *
 * A sink counts the events that it has accepted; its caller counts those that are lost. It never
 * parses JSON, never calls back, never logs: a change of condition (the disk is full, journald is
 * gone, all is well again) is returned from sink_flush().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/encode.h"
#include "event/event.h"
#include "event/stats.h"
#include "sink/account.h"

struct backlog;
struct packing;
struct sink;

/* One event on its way out. All borrowed until sink_write() returns. */
struct message {
        enum event_kind kind;
        struct line line;
        struct line brief; /* within the line_limit of each sink; the same as line if that fits */
        struct span text;  /* for people, if a sink wants that: see encode/describe.h */
        uint32_t events;   /* EVENT_LOST, _SUMMARY: of the sink that it accounts for, at most
                            * LOSS_COUNT_MAX */
        bool settles;      /* EVENT_LOST: reports what was uncertain */
        const struct exec_event *event; /* NULL for the daemon's own events */
};

/* Nothing if there is no text; -ENOMEM: it could not be made. */
static inline int message_set_text(struct message *m, const struct buf *text)
{
        m->text = text ? buf_span(text) : (struct span){ 0 };
        return text ? buf_error(text) : 0;
}

/*
 * journalctl -o json shows null for a field of 4,096 bytes or more, its name and "=" counted:
 * 4,087 bytes of MESSAGE are the most that can be seen.
 */
#define BRIEF_LINE_MAX 4087

enum sink_state {
        SINK_IDLE,   /* all delivered */
        SINK_BUSY,   /* flush again soon, or when sink_poll_fd() is writable */
        SINK_BROKEN, /* the destination fails: flush again after a pause; see `error` */
        SINK_CLOSED, /* the reader has gone for good (stdout) */
};

struct sink_ops {
        int (*write)(struct sink *s, const struct message *m);
        enum sink_state (*flush)(struct sink *s);
        int (*poll_fd)(const struct sink *s);
        void (*reopen)(struct sink *s);
        void (*free)(struct sink *s); /* all but the common part's content */
};

/* The common part; the first member of each sink's own struct, which fills ops. */
struct sink {
        const struct sink_ops *ops;
        struct backlog *backlog; /* accepted, not delivered; owned */
        struct account *account; /* of what was delivered; borrowed, or our own */
        struct account own_account;
        struct sink_stats stats; /* written, backlog, lines, bytes, retries; the rest is others' */
        uint64_t seq;            /* given last */
        bool wants_text;         /* messages are to have a text */
        size_t line_max;         /* lines of events are to be within this many bytes; 0: any */
        int error;               /* 0, or -errno of the last failed delivery */
        const char *error_what;  /* what failed: "open", "write", ...; valid until the next call */
};

/*
 * Accepts the event, or refuses it: -ENOBUFS, -ENOMEM, -EMSGSIZE (larger than the whole backlog).
 * Delivers nothing yet.
 */
int sink_write(struct sink *s, const struct message *m);

/* The backlog would take so many bytes more. */
bool sink_has_room(const struct sink *s, size_t size);

/* So many events are accounted for without a line. */
void sink_account(struct sink *s, uint64_t n);

/* Delivers as much as can be without blocking. */
enum sink_state sink_flush(struct sink *s);

/* An fd that polls writable (EPOLLOUT) when a busy sink can go on, or -1: then use a timer. */
int sink_poll_fd(const struct sink *s);

/* Close and open again (logrotate). */
void sink_reopen(struct sink *s);

/* Another bound for the backlog. -ENOBUFS: what it holds would not fit; nothing has changed. */
int sink_resize(struct sink *s, size_t backlog);

/* From now on in other memory, which has to outlive the sink; before anything is delivered. */
void sink_keep_account(struct sink *s, struct account *account);

struct sink *sink_free(struct sink *s);
DEFINE_FREEP(struct sink, sink_free)

/* The destinations. Memory is bounded by `backlog` bytes. */

struct sink_file_config {
        const char *path;
        enum config_format format; /* of its lines; a file that has others is rotated first */
        uint64_t max_size;         /* bytes, 0: no limit */
        uint64_t max_age_ns;       /* 0: no limit */
        unsigned max_files;        /* the current one included, at least 1 */
        uint64_t line_max;         /* bytes of a line, 0: no limit */
        bool compresses;           /* from the second rotated one on */
        unsigned mode;
        bool sync;
};

/* Opens lazily: a path that cannot be opened yet is SINK_BROKEN, not an error here. */
int sink_file_new(const struct sink_file_config *config, size_t backlog, struct sink **ret);

/* New settings, all but path, format and backlog at once, without losing a line. */
int sink_file_configure(struct sink *s, const struct sink_file_config *config);

/*
 * The descriptor of the lock on the log, -1: there is none. The image that takes our place in this
 * process inherits it: before anything is delivered.
 */
int sink_file_lock(const struct sink *s);
void sink_file_inherit_lock(struct sink *s, int fd);

/* Which of its files are to be compressed; lives as long as the sink. */
struct packing *sink_file_packing(struct sink *s);

/* Of one that sink_file_new() has made; valid as long as it is. */
const char *sink_file_path(const struct sink *s);
enum config_format sink_file_format(const struct sink *s);

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* `socket_path` is JOURNAL_SOCKET but in tests. */
int sink_journal_new(const char *socket_path, size_t backlog, struct sink **ret);

/* From now on MESSAGE is a text for people, and the line in EXECSNOOP_JSON, or a line again. */
void sink_journal_configure(struct sink *s, bool has_text);

/* Takes over nothing: `fd` stays the caller's and open. */
int sink_stdout_new(int fd, size_t backlog, struct sink **ret);
