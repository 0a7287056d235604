/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * File sink: JSON Lines, rotated by size and age.
 *
 * A reader may rely on this: each line of each file is whole, in order, and there once. One rule
 * ensures it: the file ends in a newline before anything is appended, and an entry stays in the
 * backlog until its newline is in the file. A write that stops inside a line (disk full, quota,
 * file size limit) is cut back to the last newline at once; where that fails, before the next
 * write; and after a crash, when the file is opened. The cut looks for the newline in the file
 * itself, so it is right whatever happened in between. A file that nothing may be cut off from
 * (chattr +a) gets the rest of the line instead, as long as nobody else has written to it.
 *
 * Rotation (rotation.h) renames, never copies: path → path.1 → path.2. If it fails, the current
 * file grows on, the error stays visible, and it is tried again after a pause. A file that begins
 * with a line of another format than ours is rotated before anything else.
 *
 * Refused: files that are not our own (own_file.h; links among the folders are the admin's
 * business), making folders, and to write what another of us writes (log_lock.h). A line that
 * somebody else has not ended is cut. Writing to a disk may block; that is bounded by
 * FLUSH_BYTES_MAX.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "encode/encode.h"
#include "sink/line_end.h"
#include "sink/log_lock.h"
#include "sink/own_file.h"
#include "sink/packing.h"
#include "sink/rotation.h"
#include "sink/sink_internal.h"

/* About 2 ms of copying: the rings must not wait longer for a sink that catches up. */
#define FLUSH_BYTES_MAX (4 * MIB)

/* A cause like a full disk or a wrong owner lasts; a rotation costs up to MaxFiles renames. */
#define ROTATE_PAUSE_NS (30 * NSEC_PER_SEC)

struct sink_file {
        struct sink sink;
        const struct sink_file_system *system;
        char *path;
        struct sink_file_config config; /* its path is ours */

        int fd; /* -1: to be opened */
        dev_t dev;
        ino_t ino;
        uint64_t size;    /* as we left it */
        uint64_t born_ns; /* CLOCK_REALTIME */
        bool torn;        /* it may end inside a line */
        size_t begun;     /* bytes of the oldest entry that it ends in then; 0: none, or unknown */
        bool is_other;    /* its first line is ours, and of another format */
        bool unsynced;

        struct log_lock lock;
        struct packing packing;
        char what[PATH_MAX + 128]; /* of an error that has no static text */
        char blocked_what[NAME_MAX + 128];
        int rotate_error; /* of the last rotation, 0: none */
        const char *rotate_what;
        uint64_t rotate_after_ns; /* CLOCK_MONOTONIC: not before */
};

static struct sink_file *sink_file(struct sink *s)
{
        return (struct sink_file *)s;
}

static int real_open(const char *path, int flags, mode_t mode)
{
        return open(path, flags, mode);
}

const struct sink_file_system sink_file_system_real = {
        .open = real_open,
        .writev = writev,
        .ftruncate = ftruncate,
        .fdatasync = fdatasync,
        .rename = rename,
        .unlink = unlink,
        .clock_gettime = clock_gettime,
};

static _printf_(3, 4) int file_fail(struct sink_file *f, int error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        (void)vsnprintf(f->what, sizeof(f->what), format, args);
        va_end(args);
        return sink_fail(&f->sink, f->what, error);
}

static const char *path_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static uint64_t file_now(const struct sink_file *f, clockid_t clock)
{
        struct timespec ts = { 0 };

        (void)f->system->clock_gettime(clock, &ts); /* these clocks always exist */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int file_truncate(struct sink_file *f, uint64_t size)
{
        int r;

        do
                r = f->system->ftruncate(f->fd, (off_t)size);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* Makes the file end in a newline, and learns its size. */
static int file_settle(struct sink_file *f)
{
        struct stat st;
        uint64_t end = 0;
        int r;

        f->torn = true; /* until the contrary is known */
        if (fstat(f->fd, &st) < 0)
                return -errno;
        r = line_end_find(f->fd, (uint64_t)st.st_size, &end);
        if (r < 0)
                return r;
        if (end < (uint64_t)st.st_size) {
                r = file_truncate(f, end);
                if (r < 0)
                        return r;
                f->unsynced = true;
        }
        f->size = end;
        f->torn = false;
        f->begun = 0;
        sink_account_file(&f->sink, f->dev, f->ino, end);
        return 0;
}

static int file_sync(struct sink_file *f)
{
        int r;

        if (!f->config.sync || !f->unsynced)
                return 0;
        do
                r = f->system->fdatasync(f->fd);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        f->unsynced = false;
        return 0;
}

/* The last chance for this file to be put right; what fails now is beyond us. */
static void file_close(struct sink_file *f)
{
        if (f->fd < 0)
                return;
        if (f->torn)
                (void)file_settle(f);
        (void)file_sync(f);
        (void)close(TAKE_FD(f->fd));
        packing_close(&f->packing);
        f->torn = false;
        f->begun = 0;
        f->unsynced = false;
        f->rotate_error = 0;
        f->rotate_after_ns = 0;
}

/* When the file was made; where the file system does not know: now. */
static uint64_t file_birth(const struct sink_file *f, int fd)
{
        struct statx stx;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) < 0 || !(stx.stx_mask & STATX_BTIME))
                return file_now(f, CLOCK_REALTIME);
        return (uint64_t)stx.stx_btime.tv_sec * NSEC_PER_SEC + stx.stx_btime.tv_nsec;
}

static bool has_other_format(const struct sink_file *f, int fd)
{
        char start[ENCODED_PREFIX_MAX];
        enum config_format format;
        ssize_t n;

        n = pread(fd, start, sizeof(start), 0);
        return n > 0 && encoded_format((struct span){ start, (size_t)n }, &format) &&
               format != f->config.format;
}

/* Makes the open file the current one, which is still to be settled. On failure nothing changes. */
static int file_adopt(struct sink_file *f, int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        file_close(f);
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        f->size = 0;
        f->torn = true;
        f->is_other = has_other_format(f, fd);
        f->born_ns = file_birth(f, fd);
        f->fd = fd;
        packing_open(&f->packing);
        return 0;
}

static int file_new(const struct sink_file *f, int *ret)
{
        return own_file_make(f->system, f->path, f->config.mode, ret);
}

static int file_open_failed(struct sink_file *f, const char *refusal, int error)
{
        if (!refusal)
                return sink_fail(&f->sink, "open", error);
        return file_fail(f, error, "open (%s)", refusal);
}

static int file_lock_failed(struct sink_file *f, int error)
{
        const struct log_lock *l = &f->lock;

        if (error == -EBUSY && l->holder > 0)
                return file_fail(f, error, "open (another execsnoopd (pid %d) writes here)",
                                 l->holder);
        if (error == -EBUSY)
                return sink_fail(&f->sink, "open (another execsnoopd writes here)", error);
        return file_fail(f, error, "lock %s%s%s%s", l->path, l->refusal ? " (" : "",
                         l->refusal ? l->refusal : "", l->refusal ? ")" : "");
}

/* Nothing is looked at, let alone cut, before it is ours alone. */
static int file_open(struct sink_file *f)
{
        _cleanup_(closep) int fd = -1;
        const char *refusal = NULL;
        int r;

        r = log_lock_take(&f->lock, f->system);
        if (r < 0)
                return file_lock_failed(f, r);
        r = own_file_open(f->system, f->path, O_RDWR, &fd, &refusal);
        if (r == -ENOENT)
                r = file_new(f, &fd);
        if (r >= 0)
                r = file_adopt(f, fd);
        if (r < 0)
                return file_open_failed(f, refusal, r);
        TAKE_FD(fd);
        packing_clean(&f->packing);
        return 0;
}

/* False: somebody has moved or removed our file; where it is, it is complete. */
static bool file_is_current(const struct sink_file *f, struct stat *ret)
{
        if (lstat(f->path, ret) < 0)
                return errno != ENOENT && errno != ENOTDIR;
        return ret->st_dev == f->dev && ret->st_ino == f->ino;
}

/* After it the file is open, the one at the path, and ends in a newline, or in what is begun. */
static int file_prepare(struct sink_file *f)
{
        struct stat st = { .st_size = -1 };
        int r;

        if (f->fd >= 0 && !file_is_current(f, &st))
                file_close(f);
        if (f->fd < 0) {
                r = file_open(f);
                if (r < 0)
                        return r;
        }
        if (!f->torn && (uint64_t)st.st_size == f->size)
                return 0;
        r = file_settle(f);
        if (r == -EPERM && f->begun > 0 && (uint64_t)st.st_size == f->size)
                return 0;
        return r < 0 ? sink_fail(&f->sink, "repair", r) : 0;
}

static int rotate_failed(struct sink_file *f, const char *what, int error)
{
        f->rotate_what = what;
        f->rotate_error = error;
        f->rotate_after_ns = file_now(f, CLOCK_MONOTONIC) + ROTATE_PAUSE_NS;
        return error;
}

/* What does not keep the next rotation from being tried, but has to be seen. */
static void rotation_shows(struct sink_file *f, const struct rotation *rotation, int prune_error)
{
        f->rotate_error = 0;
        f->rotate_after_ns = 0;
        if (rotation->blocked > 0) {
                (void)snprintf(f->blocked_what, sizeof(f->blocked_what),
                               "keep as many files as MaxFiles= allows (%s.%u is in the way)",
                               path_name(f->path), rotation->blocked);
                f->rotate_what = f->blocked_what;
                f->rotate_error = rotation->blocked_error;
        } else if (prune_error < 0) {
                f->rotate_what = "remove an old file";
                f->rotate_error = prune_error;
        }
}

static struct rotation file_rotation(const struct sink_file *f)
{
        return (struct rotation){ .system = f->system,
                                  .path = f->path,
                                  .max_files = f->config.max_files };
}

static void count_removed(struct sink_file *f, const struct rotation *rotation)
{
        struct sink_stats *stats = &f->sink.stats;

        stats->deleted_files += rotation->n_removed;
        stats->deleted_bytes += rotation->removed_bytes;
        stats->deleted_to_ns = MAX(stats->deleted_to_ns, rotation->removed_to_ns);
}

/* On failure the current file stays what it was. */
static int file_try_names(struct sink_file *f, struct rotation *rotation)
{
        _cleanup_(closep) int fd = -1;
        unsigned number;
        int r;

        r = file_sync(f);
        if (r < 0)
                return rotate_failed(f, "rotate (fdatasync)", r);
        r = packing_yield(&f->packing);
        if (r < 0)
                return rotate_failed(f, "rotate (unlink)", r);
        r = rotation_make_room(rotation, &number);
        if (r >= 0)
                r = number > 0 ? rotation_move(rotation, 0, number) : rotation_remove(rotation, 0);
        if (r < 0)
                return rotate_failed(f, "rotate (rename)", r);
        r = file_new(f, &fd);
        if (r < 0) {
                if (r != -EEXIST && number > 0) /* whose it is now, we find out at the next flush */
                        (void)rotation_move(rotation, number, 0);
                return rotate_failed(f, "rotate (open)", r);
        }

        r = file_adopt(f, fd);
        if (r < 0)
                return rotate_failed(f, "rotate (open)", r);
        TAKE_FD(fd);
        f->torn = false; /* it is new, hence empty */
        sink_account_file(&f->sink, f->dev, f->ino, 0);
        rotation_shows(f, rotation, rotation_prune(rotation));
        return 0;
}

static int file_rotate(struct sink_file *f)
{
        struct rotation rotation = file_rotation(f);
        int r;

        r = file_try_names(f, &rotation);
        count_removed(f, &rotation);
        return r;
}

/* Without success the current file grows on. */
static void file_try_rotate(struct sink_file *f)
{
        if (f->rotate_error != 0 && file_now(f, CLOCK_MONOTONIC) < f->rotate_after_ns)
                return;
        (void)file_rotate(f);
}

static void file_rotate_if_old(struct sink_file *f)
{
        uint64_t now;

        if (f->config.max_age_ns == 0)
                return;
        now = file_now(f, CLOCK_REALTIME);
        if (f->size == 0) {
                f->born_ns = now; /* the age is that of the lines; an empty file is of no use */
                return;
        }
        if (now >= f->born_ns && now - f->born_ns >= f->config.max_age_ns)
                file_try_rotate(f);
}

/* The bytes that may be appended at once, after a rotation if the next line needs one. */
static uint64_t file_room(struct sink_file *f, size_t offset)
{
        uint64_t max = f->config.max_size;
        uint64_t left = max > f->size ? max - f->size : 0;
        struct backlog_entry next;

        if (max == 0)
                return FLUSH_BYTES_MAX;
        (void)backlog_peek(f->sink.backlog, &next, 1);
        /* The rest of a line stays with its beginning; a file has one line, however long. */
        if (offset > 0 || f->size == 0 || next.data.size <= left)
                return left;
        file_try_rotate(f);
        return max; /* of a new file, or as much again in the old one */
}

static int file_write_failed(struct sink_file *f, size_t offset, int error)
{
        packing_make_way(&f->packing, error);
        f->begun = offset;
        if (offset > 0)
                (void)file_settle(f); /* if this fails too, it is tried again at the next flush */
        return sink_fail(&f->sink, "write", error);
}

/* Appends until the backlog is empty or the turn is over, which is never inside a line. */
static int file_drain(struct sink_file *f)
{
        struct iovec iov[SINK_GATHER_MAX];
        uint64_t budget = FLUSH_BYTES_MAX;
        size_t offset = f->begun;

        while (backlog_count(f->sink.backlog) > 0 && (budget > 0 || offset > 0)) {
                uint64_t room = file_room(f, offset);
                size_t n;
                ssize_t done;

                n = sink_gather(&f->sink, offset, MIN(room, budget), iov);
                done = f->system->writev(f->fd, iov, (int)n);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return file_write_failed(f, offset, done < 0 ? -errno : -EIO);
                f->unsynced = true;
                f->size += (uint64_t)done;
                budget -= MIN(budget, (uint64_t)done);
                sink_advance(&f->sink, (size_t)done, &offset);
        }
        f->torn = false;
        f->begun = 0;
        return 0;
}

static int file_deliver(struct sink_file *f)
{
        int r, q;

        r = file_prepare(f);
        if (r < 0)
                return r;
        if (f->begun == 0) {
                if (f->is_other)
                        file_try_rotate(f);
                file_rotate_if_old(f);
        }
        r = file_drain(f);
        q = file_sync(f); /* lines that were written are to be safe despite the error */
        if (r >= 0 && q < 0)
                r = sink_fail(&f->sink, "fdatasync", q);
        return r;
}

static enum sink_state sink_file_flush(struct sink *s)
{
        struct sink_file *f = sink_file(s);

        if (file_deliver(f) < 0) {
                if (backlog_count(f->sink.backlog) > 0)
                        s->stats.retries++;
                return SINK_BROKEN;
        }
        if (f->rotate_error != 0)
                (void)sink_fail(s, f->rotate_what, f->rotate_error);
        else if (f->packing.error != 0)
                (void)sink_fail(s, f->packing.what, f->packing.error);
        else
                sink_clear_error(s);
        return backlog_count(f->sink.backlog) > 0 ? SINK_BUSY : SINK_IDLE;
}

static int sink_file_write(struct sink *s, const struct message *m)
{
        return sink_accept_line(s, m);
}

/* An error is kept in the sink, and the next flush tries again. */
static void sink_file_reopen(struct sink *s)
{
        struct sink_file *f = sink_file(s);
        struct stat st;

        if (f->begun == 0 || !file_is_current(f, &st)) /* the rest of a line has no other place */
                file_close(f);
        (void)file_prepare(f);
}

static void sink_file_free(struct sink *s)
{
        struct sink_file *f = sink_file(s);

        file_close(f);
        packing_done(&f->packing);
        log_lock_done(&f->lock);
        free(f->path);
        free(f);
}

static const struct sink_ops sink_file_ops = {
        .write = sink_file_write,
        .flush = sink_file_flush,
        .reopen = sink_file_reopen,
        .free = sink_file_free,
};

int sink_file_new_on(const struct sink_file_system *system, const struct sink_file_config *config,
                     size_t backlog, struct sink **ret)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        struct sink_file *f;
        int r;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->system = system;
        f->fd = f->lock.fd = f->packing.files.file = -1;
        s = &f->sink;
        r = sink_init(s, &sink_file_ops, backlog);
        if (r < 0)
                return r;
        f->path = strdup(config->path);
        if (!f->path)
                return -ENOMEM;
        r = log_lock_init(&f->lock, f->path);
        if (r >= 0)
                r = packing_init(&f->packing, system, f->path);
        if (r < 0)
                return r;
        r = sink_file_configure(s, config);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

int sink_file_new(const struct sink_file_config *config, size_t backlog, struct sink **ret)
{
        return sink_file_new_on(&sink_file_system_real, config, backlog, ret);
}

void sink_file_inherit_lock(struct sink *s, int fd)
{
        log_lock_inherit(&sink_file(s)->lock, fd);
}

int sink_file_lock(const struct sink *s)
{
        return ((const struct sink_file *)s)->lock.fd;
}

struct packing *sink_file_packing(struct sink *s)
{
        return &sink_file(s)->packing;
}

const char *sink_file_path(const struct sink *s)
{
        return ((const struct sink_file *)s)->path;
}

enum config_format sink_file_format(const struct sink *s)
{
        return ((const struct sink_file *)s)->config.format;
}

int sink_file_configure(struct sink *s, const struct sink_file_config *config)
{
        struct sink_file *f = sink_file(s);

        if (config->max_files == 0 || strcmp(config->path, f->path) != 0 ||
            (f->fd >= 0 && config->format != f->config.format))
                return -EINVAL;
        f->config = *config;
        f->config.path = f->path;
        s->line_max = config->line_max;
        s->stats.has_files = true;
        f->rotate_error = 0; /* it may have been about the old settings */
        f->rotate_after_ns = 0;
        packing_configure(&f->packing, config->compresses, config->max_files);
        return 0;
}
