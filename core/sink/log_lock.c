/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "sink/log_lock.h"
#include "sink/own_file.h"

int log_lock_init(struct log_lock *l, const char *log_path)
{
        const char *slash = strrchr(log_path, '/');
        const char *name = slash ? slash + 1 : log_path;

        *l = (struct log_lock){ .fd = -1 };
        if (asprintf(&l->path, "%.*s.%s.lock", (int)(name - log_path), log_path, name) < 0) {
                l->path = NULL;
                return -ENOMEM;
        }
        return 0;
}

static void unlock(struct log_lock *l)
{
        closep(&l->fd);
        l->fd = -1;
}

void log_lock_done(struct log_lock *l)
{
        unlock(l);
        free(l->path);
        *l = (struct log_lock){ .fd = -1 };
}

static int remember(struct log_lock *l, int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        return 0;
}

void log_lock_inherit(struct log_lock *l, int fd)
{
        unlock(l);
        if (remember(l, fd) < 0)
                closep(&fd);
        else
                l->fd = fd;
}

/* Somebody may have moved the folder, or removed the file: then the next process locks another. */
static bool is_in_place(const struct log_lock *l)
{
        struct stat st;

        return l->fd >= 0 && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino;
}

static int open_file(struct log_lock *l, const struct sink_file_system *system, int *ret)
{
        int r;

        r = own_file_open(system, l->path, O_RDWR, ret, &l->refusal);
        if (r != -ENOENT)
                return r;
        r = own_file_make(system, l->path, 0600, ret);
        if (r == -EEXIST) /* made by somebody else in this moment */
                r = own_file_open(system, l->path, O_RDWR, ret, &l->refusal);
        else if (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENAMETOOLONG)
                r = -ENOENT; /* who can make no file here can rename none either */
        return r;
}

/* 0: locked; 1: this file system has no locks. */
static int lock(struct log_lock *l, int fd)
{
        struct flock wanted = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (fcntl(fd, F_SETLK, &wanted) == 0)
                return 0;
        if (errno == ENOLCK || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
                return 1;
        if (errno != EACCES && errno != EAGAIN)
                return -errno;
        l->holder = fcntl(fd, F_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK ? wanted.l_pid : 0;
        return -EBUSY;
}

int log_lock_take(struct log_lock *l, const struct sink_file_system *system)
{
        _cleanup_(closep) int fd = -1;
        int r;

        if (is_in_place(l))
                return 0;
        unlock(l);
        r = open_file(l, system, &fd);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r >= 0)
                r = lock(l, fd);
        if (r == 0)
                r = remember(l, fd);
        if (r < 0 || r == 1)
                return MIN(r, 0);
        l->fd = TAKE_FD(fd);
        return 0;
}
