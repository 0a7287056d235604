/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "host/capabilities.h"
#include "host/helper.h"

static int add_files(posix_spawn_file_actions_t *actions, int socket, const int *fds, size_t n_fds)
{
        int r;

        r = posix_spawn_file_actions_adddup2(actions, socket, STDIN_FILENO);
        for (size_t i = 0; i < n_fds && r == 0; i++)
                r = posix_spawn_file_actions_adddup2(actions, fds[i], STDOUT_FILENO + (int)i);
        for (int fd = STDOUT_FILENO + (int)n_fds; fd <= STDERR_FILENO && r == 0; fd++)
                r = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
        return r;
}

/* With our signals blocked, as those of the service are not for it. */
static int spawn(const char *name, int socket, const int *fds, size_t n_fds, uint64_t capabilities)
{
        char *argv[] = { (char *)name, NULL };
        char *environment[] = { NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = add_files(&actions, socket, fds, n_fds);
        if (r == 0)
                r = -capabilities_lend(capabilities);
        if (r == 0)
                r = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environment);
        (void)capabilities_lend(0);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int helper_start(const char *name, const int *fds, size_t n_fds, uint64_t capabilities)
{
        int ends[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        r = spawn(name, ends[1], fds, n_fds, capabilities);
        (void)close(ends[1]);
        if (r >= 0)
                return ends[0];
        (void)close(ends[0]);
        return r;
}

void helper_lower_priority(void)
{
        const struct sched_param none = {};

        (void)setpriority(PRIO_PROCESS, 0, 19);
        (void)sched_setscheduler(0, SCHED_IDLE, &none);
        (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
                      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

int helper_confine(unsigned n_fds, uint64_t capabilities)
{
        const struct rlimit none = {};

        (void)close_range(n_fds, ~0U, 0);
        (void)signal(SIGALRM, SIG_DFL);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
            setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        return capabilities_keep(capabilities);
}
