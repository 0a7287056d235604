/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A disk under the file sink that fails on demand, and a model of what is on it. Every system call
 * is checked on the way: nothing is written but the next bytes of what the sink was given, behind a
 * newline; nothing is cut but what is behind the last newline; and if the process were killed right
 * now, the next one would find out what was written.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "sink/sink_internal.h"

#define GIVEN_MAX 300

static char path[80];

/* Errors are errno values, 0: none. */
static struct {
        size_t space; /* bytes that can still be written */
        int space_error;
        size_t chunk;       /* at most so many bytes a call, 0: any number */
        unsigned interrupt; /* so many calls fail with EINTR first */
        int open_error, create_error, truncate_error, sync_error, rename_error, unlink_error;
        unsigned rename_after; /* so many renames work first */
        uint64_t ahead_ns;     /* of the real clocks */
} disk;

struct given {
        size_t start, size; /* in `text` */
        uint64_t worth;
        bool is_seen;
};

/* Lines given to the sink, and those of them in the files. */
static struct {
        struct given lines[GIVEN_MAX];
        struct buf text; /* of all lines */
        size_t n_lines, n_written;
        size_t partial;  /* bytes of the next line that are in the file */
        unsigned n_torn; /* files that ended so, could not be cut, and are not ours any more */
        uint64_t accounted;
        const struct account *account; /* of the sink */
} model;

static inline int disk_fails(int error)
{
        errno = error;
        return -1;
}

/*
 * If we were killed now: the account and the file together know all that was written. Where there
 * is no file, because a rotation failed halfway, they cannot know all of it.
 */
static inline void check_killed(void)
{
        struct account account = *model.account;

        account_recover_file(&account, path);
        assert(account_read(&account).accounted <= model.accounted);
        assert(account_read(&account).accounted == model.accounted || access(path, F_OK) < 0);
}

/* The file of the next line keeps its content; the line will be in another one. */
static inline void model_leave(void)
{
        model.n_torn += model.partial > 0;
        model.partial = 0;
}

static inline int disk_open(const char *name, int flags, mode_t mode)
{
        int fd;

        check_killed();
        if (disk.open_error)
                return disk_fails(disk.open_error);
        if (disk.create_error && (flags & O_CREAT))
                return disk_fails(disk.create_error);
        fd = sink_file_system_real.open(name, flags, mode);
        if (fd >= 0 && (flags & O_CREAT) && strcmp(name, path) == 0)
                model_leave(); /* a rotation went halfway: ours has got another name */
        return fd;
}

/* From `start` on, up to `size` bytes; returns how many there were. */
static inline size_t read_at(int fd, off_t start, char *ret, size_t size)
{
        ssize_t n = pread(fd, ret, size, start);

        assert(n >= 0);
        return (size_t)n;
}

static inline bool ends_in_newline(int fd, off_t size)
{
        char last = '\0';

        return size == 0 || (read_at(fd, size - 1, &last, 1) == 1 && last == '\n');
}

static inline off_t size_of(int fd)
{
        struct stat st;
        int r = fstat(fd, &st);

        assert(r == 0);
        return st.st_size;
}

/* These bytes are in the file now: the next ones of what was given. */
static inline void model_take(const char *data, size_t size)
{
        while (size > 0) {
                const struct given *l = &model.lines[model.n_written];
                size_t n;

                assert(model.n_written < model.n_lines);
                n = MIN(size, l->size - model.partial);
                assert(memcmp(data, model.text.data + l->start + model.partial, n) == 0);
                data += n;
                size -= n;
                model.partial += n;
                if (model.partial == l->size) {
                        model.partial = 0;
                        model.n_written++;
                        model.accounted += l->worth;
                }
        }
}

static inline ssize_t disk_writev(int fd, const struct iovec *iov, int n)
{
        size_t room = disk.chunk ? MIN(disk.chunk, disk.space) : disk.space;
        ssize_t written = 0;

        assert(model.partial > 0 || ends_in_newline(fd, size_of(fd)));
        if (disk.interrupt > 0) {
                disk.interrupt--;
                return disk_fails(EINTR);
        }
        if (room == 0)
                return disk.space_error ? disk_fails(disk.space_error) : 0;
        for (int i = 0; i < n && room > 0; i++) {
                size_t size = MIN(iov[i].iov_len, room);

                assert(write(fd, iov[i].iov_base, size) == (ssize_t)size);
                model_take(iov[i].iov_base, size);
                room -= size;
                written += (ssize_t)size;
        }
        if (disk.space != SIZE_MAX)
                disk.space -= (size_t)written;
        check_killed();
        return written;
}

/* The part that goes has no newline in it; the part that stays ends in one. */
static inline void assert_cut(int fd, off_t size)
{
        const off_t before = size_of(fd);
        char block[4096];
        size_t n;

        assert(size < before);
        assert(ends_in_newline(fd, size));
        for (; size < before; size += (off_t)n) {
                n = read_at(fd, size, block, MIN((size_t)(before - size), sizeof(block)));
                assert(n > 0 && !memchr(block, '\n', n));
        }
}

static inline int disk_ftruncate(int fd, off_t size)
{
        assert_cut(fd, size);
        check_killed();
        if (disk.interrupt > 0) {
                disk.interrupt--;
                return disk_fails(EINTR);
        }
        if (disk.truncate_error)
                return disk_fails(disk.truncate_error);
        model.partial = 0;
        return sink_file_system_real.ftruncate(fd, size);
}

static inline int disk_fdatasync(int fd)
{
        (void)fd;
        check_killed();
        return disk.sync_error ? disk_fails(disk.sync_error) : 0;
}

static inline int disk_rename(const char *from, const char *to)
{
        int r;

        check_killed();
        if (disk.rename_error && disk.rename_after == 0)
                return disk_fails(disk.rename_error);
        if (disk.rename_after > 0)
                disk.rename_after--;
        r = sink_file_system_real.rename(from, to);
        check_killed();
        return r;
}

static inline int disk_unlink(const char *name)
{
        check_killed();
        return disk.unlink_error ? disk_fails(disk.unlink_error)
                                 : sink_file_system_real.unlink(name);
}

static inline int disk_clock_gettime(clockid_t clock, struct timespec *ret)
{
        int r = clock_gettime(clock, ret);

        ret->tv_sec += (time_t)(disk.ahead_ns / NSEC_PER_SEC);
        return r;
}

static const struct sink_file_system disk_system = {
        .open = disk_open,
        .writev = disk_writev,
        .ftruncate = disk_ftruncate,
        .fdatasync = disk_fdatasync,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .clock_gettime = disk_clock_gettime,
};

/* No faults, and the time is what it is. */
static inline void disk_works(void)
{
        memset(&disk, 0, sizeof(disk));
        disk.space = SIZE_MAX;
}
