/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Where lines come from: a file with its rotated siblings, a pipe, the journal. One contract, so
 * that no view knows which.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct log_source;

/* Whether a line is one of those that are counted, for log_source_tail(). */
typedef bool (*log_source_counts)(void *userdata, struct span line);

struct log_source_ops {
        int (*next)(struct log_source *s, struct span *ret);
        int (*wait)(struct log_source *s, int signal_fd);
        int (*tail)(struct log_source *s, uint64_t n, log_source_counts counts, void *userdata);
        void (*free)(struct log_source *s);
};

struct log_source {
        const struct log_source_ops *ops;
        bool is_live;            /* it may go on while it is read: a line is to be shown at once */
        uint64_t n_cut;          /* lines that end in the middle */
        uint64_t n_too_long;     /* and those that are passed over: see LINE_SIZE_MAX */
        uint64_t n_packed;       /* rotated files that are compressed, and can't be read */
        uint64_t n_broken;       /* and of which the end is missing */
        uint64_t n_not_unpacked; /* and for which there is no folder to unpack them */
        uint64_t n_forged;       /* entries of the journal that are not the daemon's */
        uint64_t n_bytes, n_bytes_total; /* read so far, and of how many; 0: nobody knows */
        struct buf names;                /* of the files that were read, each with a NUL */
        struct buf problem;              /* what went wrong, for people, of the last -errno */
};

/*
 * A line without its newline, valid until the next call: 1; 0: no more at the moment; or -errno,
 * and `problem` says what.
 */
int log_source_next(struct log_source *s, struct span *ret);

/* How long a wait may take, for those who have to do something meanwhile. */
#define LOG_SOURCE_WAIT_MSEC 1000

/*
 * When there is no more at the moment: waits. 1: there may be more; 0: it was all, or a signal has
 * come to `signal_fd` (-1: there is none); -errno.
 */
int log_source_wait(struct log_source *s, int signal_fd);

/*
 * Before anything is read: begins at the last `n` lines that count, without reading the rest where
 * that can be. 0 or -errno; -EOPNOTSUPP: of this source that can't be done.
 */
int log_source_tail(struct log_source *s, uint64_t n, log_source_counts counts, void *userdata);

struct log_source *log_source_free(struct log_source *s);
DEFINE_FREEP(struct log_source, log_source_free)

/* Standard input or anything else that is read to its end; the descriptor stays the caller's. */
int log_source_stream_new(int fd, struct log_source **ret);

/*
 * The file that the daemon writes, and before it PATH.N, the highest first, as rotation makes them;
 * also if that goes on meanwhile; those that are compressed (PATH.N.zst, PATH.N.gz) are unpacked
 * one by one. `follow`: it has no end. -ENOENT: there is no such file.
 */
int log_source_file_new(const char *path, bool follow, struct log_source **ret);

struct log_source_journal_config {
        const char *directory; /* or NULL: this host's */
        const char *after;     /* a cursor to go on behind, or NULL */
        uint64_t since_ns;     /* CLOCK_REALTIME; 0: from the beginning */
        const char *boot_id;   /* or NULL: of any boot */
        const char *unit;      /* whose entries are trusted */
        bool follow;
};

int log_source_journal_new(const struct log_source_journal_config *config, struct log_source **ret);

/* Where it has come to; *ret is to be freed. */
int log_source_journal_cursor(struct log_source *s, char **ret);
