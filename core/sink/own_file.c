/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "sink/own_file.h"
#include "sink/sink_internal.h"

/* Of the folder that the file is in. */
static int stat_folder(const char *path, struct stat *ret)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = NULL;

        /* With the slash, so that the folder of a file in the root is not empty. */
        folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
        if (!folder)
                return -ENOMEM;
        return stat(folder, ret) < 0 ? -errno : 0;
}

static bool is_owner(const char *path, uid_t uid)
{
        struct stat folder;

        if (uid == geteuid())
                return true;
        return geteuid() == 0 && stat_folder(path, &folder) >= 0 && uid == folder.st_uid;
}

static int refuse(const char *path, const struct stat *st, const char **ret_refusal)
{
        if (!S_ISREG(st->st_mode)) {
                *ret_refusal = "not a regular file";
                return -EINVAL;
        }
        if (!is_owner(path, st->st_uid)) {
                *ret_refusal = "it belongs to another user";
                return -EPERM;
        }
        if (st->st_nlink > 1) {
                *ret_refusal = "it has more than one name";
                return -EMLINK;
        }
        return 0;
}

int own_file_open(const struct sink_file_system *system, const char *path, int access, int *ret,
                  const char **ret_refusal)
{
        _cleanup_(closep) int fd = -1;
        struct stat st;
        int r;

        *ret_refusal = NULL;
        /* Looked at before it is opened, for opening may act or block. */
        if (lstat(path, &st) < 0)
                return -errno;
        r = refuse(path, &st, ret_refusal);
        if (r < 0)
                return r;
        fd = system->open(path, access | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                          0);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        r = refuse(path, &st, ret_refusal); /* it may be another one by now */
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}

/* Root without the right to do so keeps the file: a log that is root's is better than none. */
static void give_to_owner(int fd, const char *path)
{
        struct stat folder;

        if (geteuid() == 0 && stat_folder(path, &folder) >= 0 && folder.st_uid != 0)
                (void)!fchown(fd, folder.st_uid, folder.st_gid);
}

int own_file_make(const struct sink_file_system *system, const char *path, mode_t mode, int *ret)
{
        _cleanup_(closep) int fd = -1;
        int r;

        /* No other user may open it before it has its final mode, which umask must not change. */
        fd = system->open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                          0600);
        if (fd < 0)
                return -errno;
        give_to_owner(fd, path);
        if (fchmod(fd, mode) < 0) {
                r = -errno;
                (void)unlink(path);
                return r;
        }
        *ret = TAKE_FD(fd);
        return 0;
}
