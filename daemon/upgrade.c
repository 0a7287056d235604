/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The keeper: a child that maps the rings, says so, and sleeps until the descriptor "keeper" is
 * closed, which the new image does when all has been adopted, or the kernel if it dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capabilities.h"
#include "handover.h"
#include "log.h"
#include "source_perf.h"
#include "upgrade.h"

bool upgrade_is_due(const char **ret_path)
{
        static const char gone[] = " (deleted)";
        static char path[PATH_MAX + sizeof(gone)];
        struct stat ours, theirs;
        ssize_t n;

        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (n < 0 || stat("/proc/self/exe", &ours) < 0)
                return false;
        path[n] = '\0';
        if ((size_t)n > strlen(gone) && strcmp(path + n - strlen(gone), gone) == 0)
                path[n - strlen(gone)] = '\0';
        if (stat(path, &theirs) < 0 || access(path, X_OK) < 0)
                return false; /* just being replaced, or removed: we go on as we are */
        *ret_path = path;
        return ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

static _Noreturn void keep(const struct source_perf *source, int ready, int end)
{
        char c = 0;

        if (source_perf_keep_rings(source) < 0 || write(ready, &c, 1) != 1)
                _exit(EXIT_FAILURE);
        (void)close(ready);
        while (read(end, &c, 1) < 0 && errno == EINTR)
                ;
        _exit(EXIT_SUCCESS);
}

/* Returns the descriptor that ends it. */
static int start_keeper(const struct source_perf *source)
{
        int ready[2], end[2], r = 0;
        pid_t pid;
        char c;

        if (pipe2(ready, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(end, O_CLOEXEC) < 0) {
                r = -errno;
                (void)close(ready[0]);
                (void)close(ready[1]);
                return r;
        }
        pid = fork();
        if (pid == 0) {
                (void)close(end[1]);
                keep(source, ready[1], end[0]);
        }
        if (pid < 0)
                r = -errno;
        (void)close(end[0]);
        (void)close(ready[1]);
        if (r >= 0 && read(ready[0], &c, 1) != 1)
                r = -ECHILD;
        (void)close(ready[0]);
        if (r < 0)
                (void)close(end[1]);
        return r < 0 ? r : end[1];
}

int upgrade_exec(struct source_perf *source, struct handover *h, const char *path,
                 char *const *argv)
{
        _cleanup_(closep) int keeper = -1;
        int r;

        keeper = start_keeper(source);
        r = keeper;
        if (r >= 0)
                r = source_perf_pass(source);
        if (r >= 0)
                r = handover_pass(h, HANDOVER_KEEPER, keeper);
        if (r >= 0)
                r = capabilities_bequeath(true);
        if (r >= 0)
                r = handover_exec(h, path, argv);
        (void)capabilities_bequeath(false);
        handover_pass_nothing(h);
        return log_errno(LOG_ERR, r, "Cannot go on as %s", path);
}
