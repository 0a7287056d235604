/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The file sink's files, in the order in which they were written. Rotation renames and never copies
 * (core/sink/sink_file.c), so a file is known by its inode: at the end of one, its number at that
 * moment tells which comes next, however often it was renamed meanwhile. A file that is no longer
 * PATH gets no more lines; the last read of it comes behind that finding, so there is no gap. One
 * that has been packed in the meantime is known by what it begins with.
 *
 * Where ours has gone in the meantime (MaxFiles=), the oldest that was written to after it is next;
 * what was between is missing, and shows as a hole in `seq`.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "read/line_reader.h"
#include "read/log_source.h"
#include "read/siblings.h"

/* Renames by which a listing grows old while it is made. */
#define ATTEMPTS_MAX 100

/* For a look at lines from the end: most have some hundred bytes. */
#define TAIL_BLOCK_BYTES (256 * KIB)

/* The longest line with its newline and the one before it. */
#define TAIL_BLOCK_BYTES_MAX ((size_t)LINE_SIZE_MAX + 2)

/* Of the files that were read: some thousand. */
#define NAMES_BYTES_MAX (256 * KIB)

/* What tells one file from another: a line, or most of one, with its moment. */
#define BEGINNING_BYTES 512

struct source_file {
        struct log_source source;
        char *path;
        bool follow;
        int fd;
        struct sibling at; /* the open file */
        bool is_last_read; /* it is not PATH any more, and has been found so before this read */
        int inotify;
        struct line_reader reader;
};

static struct source_file *file_of(struct log_source *s)
{
        return (struct source_file *)s;
}

static int file_fails(struct source_file *f, int error)
{
        buf_reset(&f->source.problem);
        buf_append_string(&f->source.problem, f->path);
        return error;
}

static int note_name(struct source_file *f, const struct sibling *file)
{
        _cleanup_(freep) char *name = sibling_name(f->path, file);
        const size_t size = name ? strlen(name) : 0;

        if (!name)
                return -ENOMEM;
        if (!f->source.names.size || f->source.names.size + size < NAMES_BYTES_MAX)
                buf_append_span(&f->source.names, (struct span){ name, size + 1 });
        return buf_error(&f->source.names) < 0 ? -ENOMEM : 0;
}

/* Lines of this file that are there behind `offset`; the descriptor is taken in any case. */
static int begin_file(struct source_file *f, const struct sibling *file, int fd, uint64_t offset)
{
        char name[sizeof("/proc/self/fd/") + 12];
        int r;

        if (lseek(fd, (off_t)offset, SEEK_SET) < 0) {
                r = -errno;
                (void)close(fd);
                return r;
        }
        r = note_name(f, file);
        if (r < 0) {
                (void)close(fd);
                return r;
        }
        closep(&f->fd);
        f->fd = fd;
        f->at = *file;
        f->is_last_read = false;
        line_reader_begin(&f->reader, fd);
        if (f->inotify >= 0) {
                (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
                (void)inotify_add_watch(f->inotify, name, IN_MODIFY);
        }
        return 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* When it was written to last; the one of a packed file is that of what is in it. */
static struct timespec last_written(const struct source_file *f)
{
        struct stat st;

        return f->at.packing == PACKING_NONE && fstat(f->fd, &st) == 0 ? st.st_mtim : f->at.mtime;
}

/* Both begin with the same bytes: our lines differ in theirs. */
static bool has_same_beginning(int a, int b)
{
        char of_a[BEGINNING_BYTES], of_b[BEGINNING_BYTES];
        const ssize_t n = pread(a, of_a, sizeof(of_a), 0);

        return n >= 0 && pread(b, of_b, sizeof(of_b), 0) == n && memcmp(of_a, of_b, (size_t)n) == 0;
}

/* The open file has been packed meanwhile, and this is it. -ESTALE: that file has gone already. */
static int is_packed_from(const struct source_file *f, const struct sibling *file)
{
        _cleanup_(closep) int fd = -1;
        enum unpacked unpacked;

        fd = sibling_open(f->path, file, &unpacked);
        return fd < 0 ? fd : has_same_beginning(f->fd, fd);
}

/*
 * The open file among those of this moment, or NULL. Where its inode is gone, it may have been
 * packed: that has been written to last at the same time; but so may others have been.
 */
static int find_own(const struct source_file *f, const struct siblings *all,
                    const struct sibling **ret)
{
        const struct timespec mtime = last_written(f);

        *ret = siblings_find(all, f->at.dev, f->at.ino);
        for (size_t i = 0; i < all->n_files && !*ret; i++) {
                const struct sibling *file = &all->files[i];
                int r;

                if (file->packing == PACKING_NONE || is_later(&file->mtime, &mtime) ||
                    is_later(&mtime, &file->mtime))
                        continue;
                r = is_packed_from(f, file);
                if (r < 0)
                        return r;
                if (r > 0)
                        *ret = file;
        }
        return 0;
}

/* *ret: the one behind the open one; NULL: that is the last. */
static int find_next(const struct source_file *f, const struct siblings *all,
                     const struct sibling **ret)
{
        const struct sibling *own, *end = all->files + all->n_files;
        const struct timespec mtime = last_written(f);
        int r;

        *ret = all->n_files > 0 && f->fd < 0 ? &all->files[0] : NULL;
        if (all->n_files == 0 || f->fd < 0)
                return 0;
        r = find_own(f, all, &own);
        if (r < 0)
                return r;
        if (own)
                *ret = own + 1 < end ? own + 1 : NULL;
        for (const struct sibling *file = all->files; !own && file < end && !*ret; file++)
                if (is_later(&file->mtime, &mtime))
                        *ret = file;
        return 0;
}

static void count_unpacked(struct source_file *f, enum unpacked unpacked)
{
        f->source.n_broken += unpacked == UNPACKED_PART;
        f->source.n_not_unpacked += unpacked == UNPACKED_NOTHING;
}

/* 1: another one is open, or there may be more lines in this one; 0: there is none. */
static int open_next(struct source_file *f)
{
        for (int i = 0; i < ATTEMPTS_MAX; i++) {
                _cleanup_(siblings_done) struct siblings all = { 0 };
                const struct sibling *next;
                enum unpacked unpacked;
                int r, fd;

                r = siblings_list(f->path, &all);
                if (r < 0)
                        return r;
                f->source.n_packed = all.n_packed;
                r = find_next(f, &all, &next);
                if (r == -ESTALE)
                        continue;
                if (r < 0 || !next)
                        return r;
                if (f->fd >= 0 && !f->is_last_read) {
                        f->is_last_read = true;
                        return 1;
                }
                fd = sibling_open(f->path, next, &unpacked);
                if (fd == -ESTALE)
                        continue;
                if (fd < 0)
                        return fd;
                f->source.n_cut += line_reader_rest(&f->reader).size > 0;
                count_unpacked(f, unpacked);
                r = begin_file(f, next, fd, 0);
                return r < 0 ? r : 1;
        }
        return -EAGAIN;
}

/* A file that somebody has emptied begins anew. */
static void notice_truncation(struct source_file *f)
{
        struct stat st;
        off_t at;

        at = lseek(f->fd, 0, SEEK_CUR);
        if (at < 0 || fstat(f->fd, &st) < 0 || st.st_size >= at)
                return;
        if (lseek(f->fd, 0, SEEK_SET) == 0)
                line_reader_begin(&f->reader, f->fd);
}

static int file_next(struct log_source *source, struct span *ret)
{
        struct source_file *f = file_of(source);
        int r;

        for (;;) {
                r = f->fd < 0 ? 0 : line_reader_next(&f->reader, ret);
                source->n_too_long = f->reader.n_too_long;
                source->n_bytes = f->reader.n_bytes;
                if (r > 0)
                        return r;
                if (r == 0)
                        r = open_next(f);
                if (r < 0)
                        return file_fails(f, r);
                if (r == 0)
                        break;
        }
        if (f->follow)
                notice_truncation(f);
        return 0;
}

static int file_wait(struct log_source *source, int signal_fd)
{
        struct source_file *f = file_of(source);
        struct pollfd p[] = { { .fd = f->inotify, .events = POLLIN },
                              { .fd = signal_fd, .events = POLLIN } };
        char events[4096];

        if (!f->follow) {
                source->n_cut += line_reader_rest(&f->reader).size > 0;
                return 0;
        }
        /* Then there is a look without being told: for file systems that tell nothing. */
        if (poll(p, ELEMENTSOF(p), LOG_SOURCE_WAIT_MSEC) < 0)
                return errno == EINTR ? 0 : -errno;
        while (f->inotify >= 0 && read(f->inotify, events, sizeof(events)) > 0)
                ;
        return p[1].revents == 0;
}

/* The search for the beginning of the last `n` lines that count. */
struct tail {
        struct buf block;
        uint64_t n; /* still to be found */
        uint64_t offset;
        log_source_counts counts;
        void *userdata;
};

static int read_block(int fd, struct buf *b, uint64_t offset, size_t size)
{
        buf_reset(b);
        if (!buf_reserve(b, size))
                return -ENOMEM;
        while (b->size < size) {
                ssize_t n = pread(fd, b->data + b->size, size - b->size, (off_t)(offset + b->size));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO; /* somebody makes it shorter */
                b->size += (size_t)n;
        }
        return 0;
}

/* Lines of the block from `begin` on, the last first; each has its newline. */
static void tail_lines(struct tail *t, uint64_t offset, size_t begin)
{
        const char *text = t->block.data;
        size_t end = t->block.size;

        while (end > begin && t->n > 0) {
                const char *at = memrchr(text + begin, '\n', end - 1 - begin);
                const size_t start = at ? (size_t)(at - text) + 1 : begin;
                const size_t size = end - 1 - start;

                t->n -= size <= LINE_SIZE_MAX &&
                        t->counts(t->userdata, (struct span){ text + start, size });
                t->offset = offset + start;
                end = start;
        }
}

/* Behind the last newline before `end`: what comes after it is no line yet. */
static int find_line_end(struct tail *t, int fd, uint64_t *end)
{
        while (*end > 0) {
                const size_t n = (size_t)MIN(*end, (uint64_t)TAIL_BLOCK_BYTES);
                const char *newline;
                int r;

                r = read_block(fd, &t->block, *end - n, n);
                if (r < 0)
                        return r;
                newline = memrchr(t->block.data, '\n', n);
                *end -= n;
                if (!newline)
                        continue;
                *end += (uint64_t)(newline - t->block.data) + 1;
                return 0;
        }
        return 0;
}

static int tail_file(struct tail *t, int fd, uint64_t end)
{
        size_t block = TAIL_BLOCK_BYTES;
        int r;

        r = find_line_end(t, fd, &end);
        t->offset = end;
        while (r == 0 && end > 0 && t->n > 0) {
                const size_t n = (size_t)MIN(end, (uint64_t)block);
                const char *newline = NULL;
                size_t begin = 0;

                r = read_block(fd, &t->block, end - n, n);
                if (r < 0)
                        break;
                if (end > n) {
                        newline = memchr(t->block.data, '\n', n - 1);
                        if (!newline && block < TAIL_BLOCK_BYTES_MAX) { /* no line begins here */
                                block = MIN(2 * block, TAIL_BLOCK_BYTES_MAX);
                                continue;
                        }
                        if (!newline) { /* the last one is too long, and does not count */
                                end -= n;
                                r = find_line_end(t, fd, &end);
                                t->offset = end;
                                continue;
                        }
                        begin = (size_t)(newline - t->block.data) + 1;
                }
                tail_lines(t, end - n, begin);
                end -= n - begin;
                block = TAIL_BLOCK_BYTES;
        }
        return r;
}

/* Of a file that was unpacked, its size is another than that of the listing. */
static int size_of(int fd, const struct sibling *file, uint64_t *ret)
{
        const off_t end =
                file->packing == PACKING_NONE ? (off_t)file->size : lseek(fd, 0, SEEK_END);

        *ret = (uint64_t)end;
        return end < 0 ? -errno : 0;
}

/* Opens the file in which the search ends: where it has found all, or else the oldest. */
static int tail_siblings(struct source_file *f, const struct siblings *all, struct tail *t)
{
        for (size_t i = all->n_files; i-- > 0;) {
                const struct sibling *file = &all->files[i];
                enum unpacked unpacked;
                _cleanup_(closep) int fd = sibling_open(f->path, file, &unpacked);
                uint64_t end;
                int r;

                if (fd < 0)
                        return fd;
                r = size_of(fd, file, &end);
                if (r >= 0)
                        r = tail_file(t, fd, end);
                if (r < 0)
                        return r;
                if (t->n == 0 || i == 0) {
                        count_unpacked(f, unpacked);
                        return begin_file(f, file, TAKE_FD(fd), t->n == 0 ? t->offset : 0);
                }
        }
        return 0;
}

static int file_tail(struct log_source *source, uint64_t n, log_source_counts counts,
                     void *userdata)
{
        struct source_file *f = file_of(source);
        int r = -ESTALE;

        for (int i = 0; i < ATTEMPTS_MAX && r == -ESTALE; i++) {
                _cleanup_(siblings_done) struct siblings all = { 0 };
                struct tail t = { .n = n, .counts = counts, .userdata = userdata };

                r = siblings_list(f->path, &all);
                if (r >= 0)
                        r = tail_siblings(f, &all, &t);
                buf_done(&t.block);
        }
        return r < 0 ? file_fails(f, r) : 0;
}

static void file_free(struct log_source *source)
{
        struct source_file *f = file_of(source);

        line_reader_done(&f->reader);
        closep(&f->fd);
        closep(&f->inotify);
        free(f->path);
        free(f);
}

static const struct log_source_ops file_ops = {
        .next = file_next,
        .wait = file_wait,
        .tail = file_tail,
        .free = file_free,
};

static void watch(struct source_file *f)
{
        _cleanup_(freep) char *folder = NULL;
        const char *slash = strrchr(f->path, '/');

        folder = slash ? strndup(f->path, (size_t)(slash - f->path) + 1) : strdup(".");
        f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (folder && f->inotify >= 0)
                (void)inotify_add_watch(f->inotify, folder, IN_CREATE | IN_MOVED_TO);
}

int log_source_file_new(const char *path, bool follow, struct log_source **ret)
{
        _cleanup_(siblings_done) struct siblings all = { 0 };
        _cleanup_(log_source_freep) struct log_source *s = NULL;
        struct source_file *f;
        int r;

        r = siblings_list(path, &all);
        if (r < 0)
                return r;
        if (all.n_files == 0 && all.n_packed == 0)
                return -ENOENT;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        s = &f->source;
        s->ops = &file_ops;
        s->is_live = follow;
        s->n_packed = all.n_packed;
        f->fd = f->inotify = f->reader.fd = -1;
        f->follow = follow;
        f->path = strdup(path);
        if (!f->path)
                return -ENOMEM;
        for (size_t i = 0; i < all.n_files; i++)
                s->n_bytes_total += all.files[i].size;
        if (follow)
                watch(f);
        *ret = TAKE_PTR(s);
        return 0;
}
