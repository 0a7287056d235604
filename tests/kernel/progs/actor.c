/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * actor: plays any program, by any name and with any arguments, and does nothing.
 *
 * But as a parent: with CHILD=FILE\x1fARG0\x1fARG1... in its environment it has a child that
 * executes FILE with these arguments and an empty environment, writes its PID to descriptor 3, and
 * waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEPARATOR "\x1f"
#define ARGS_MAX 64

static int run(char *words)
{
        char *argv[ARGS_MAX + 1] = { NULL }, *none[] = { NULL };
        const char *file = strsep(&words, SEPARATOR);

        for (int i = 0; i < ARGS_MAX && words; i++)
                argv[i] = strsep(&words, SEPARATOR);
        (void)execve(file, argv, none);
        return 1;
}

int main(void)
{
        char *child = getenv("CHILD");
        int status;
        pid_t pid;

        if (!child)
                return 0;
        pid = fork();
        if (pid == 0)
                _exit(run(child));
        if (pid < 0 || dprintf(3, "%d\n", (int)pid) < 0)
                return 1;
        return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}
