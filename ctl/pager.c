/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "pager.h"

/* As systemd has it: quit if it fits, colours, no wrapping, keys that end it. */
#define LESS_OPTIONS "FRSXMK"

static const char *wanted(void)
{
        const char *name = getenv("SYSTEMD_PAGER");

        return name ? name : getenv("PAGER");
}

static void run(const char *command)
{
        (void)setenv("LESS", LESS_OPTIONS, false);
        (void)setenv("LESSCHARSET", "utf-8", false);
        /* What it shows was made by others, and root looks at it: no commands from within. */
        (void)setenv("LESSSECURE", "1", false);
        if (command)
                (void)execl("/bin/sh", "sh", "-c", command, NULL);
        (void)execlp("less", "less", NULL);
        (void)execlp("more", "more", NULL);
        (void)execlp("cat", "cat", NULL);
        _exit(127);
}

pid_t pager_open(void)
{
        const char *command = wanted();
        int fds[2];
        pid_t pid;

        if (command && (!*command || strcmp(command, "cat") == 0))
                return 0;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid < 0) {
                (void)close(fds[0]);
                (void)close(fds[1]);
                return -errno;
        }
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
                (void)signal(SIGPIPE, SIG_DFL); /* we ignore it */
                if (dup2(fds[0], STDIN_FILENO) < 0)
                        _exit(127);
                run(command);
        }
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)close(fds[0]);
        (void)close(fds[1]);
        return pid;
}

void pager_close(pid_t pager)
{
        if (pager <= 0)
                return;
        (void)close(STDOUT_FILENO);
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
}
