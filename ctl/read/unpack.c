/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "read/unpack.h"

static const struct {
        const char *suffix, *program, *option;
} packings[_PACKING_MAX] = {
        [PACKING_NONE] = { "", NULL, NULL },
        [PACKING_ZSTD] = { ".zst", "zstd", "-dcq" },
        [PACKING_GZIP] = { ".gz", "gzip", "-dcq" },
};

const char *packing_suffix(enum packing packing)
{
        return packings[packing].suffix;
}

bool packing_is_readable(enum packing packing)
{
        const char *path = getenv("PATH");
        struct span rest = span_of(path ? path : "/usr/bin:/bin");
        struct span folder;
        char name[4096];

        if (packing == PACKING_NONE)
                return true;
        while (span_cut(&rest, ':', &folder)) {
                (void)snprintf(name, sizeof(name), "%.*s/%s", (int)folder.size, folder.data,
                               packings[packing].program);
                if (access(name, X_OK) == 0)
                        return true;
        }
        return false;
}

const char *unpack_folder(void)
{
        const char *folder = getenv("TMPDIR");

        return folder && *folder ? folder : "/var/tmp";
}

static int open_temporary(void)
{
        _cleanup_(freep) char *path = NULL;
        int fd;

        fd = open(unpack_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
                return fd;
        /* Not every file system has files without a name. */
        if (asprintf(&path, "%s/execsnoopctl-XXXXXX", unpack_folder()) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)unlink(path);
        return fd;
}

static void run(int from, int to, enum packing packing)
{
        sigset_t none;

        /* Those that we wait for, or ignore, are no business of the program's. */
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (dup2(from, STDIN_FILENO) < 0 || dup2(to, STDOUT_FILENO) < 0)
                _exit(127);
        (void)execlp(packings[packing].program, packings[packing].program, packings[packing].option,
                     NULL);
        _exit(127);
}

int unpack(int fd, enum packing packing, enum unpacked *ret)
{
        _cleanup_(closep) int to = open_temporary();
        int status;
        pid_t pid;

        if (to < 0) {
                *ret = UNPACKED_NOTHING;
                to = open("/dev/null", O_RDONLY | O_CLOEXEC);
                return to < 0 ? -errno : TAKE_FD(to);
        }
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run(fd, to, packing);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (lseek(to, 0, SEEK_SET) < 0)
                return -errno;
        *ret = status == 0 ? UNPACKED_ALL : UNPACKED_PART;
        return TAKE_FD(to);
}
