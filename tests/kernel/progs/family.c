/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * family WAY PROGRAM [ARG...]: has a child, of a kind, that executes PROGRAM.
 *
 * argv of the new program is PROGRAM and the ARGs. Where the parent of what is executed has
 * executed something else before, WAY says so. Waits for all, and exits with 0 if all went well.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *no_environment[] = { NULL };

static int wait_for(pid_t pid)
{
        int status;

        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static void run(char **argv)
{
        (void)execve(argv[0], argv, no_environment);
        _exit(1);
}

/* By this process itself. */
static int way_fork(char **argv)
{
        pid_t pid = fork();

        if (pid == 0)
                run(argv);
        return wait_for(pid);
}

/* By one that was forked and has executed nothing. */
static int way_subshell(char **argv)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(way_fork(argv));
        return wait_for(pid);
}

/* Likewise, five forks away. */
static int way_deep(char **argv)
{
        pid_t pid;

        for (int i = 0; i < 4; i++) {
                pid = fork();
                if (pid != 0)
                        _exit(wait_for(pid));
        }
        return way_subshell(argv);
}

/* Likewise, and who has executed is gone: the last one in between is who it is forked by. */
static int way_orphaned_shell(char **argv)
{
        pid_t self = getpid(), pid = fork();

        if (pid != 0)
                return pid < 0;
        while (getppid() == self)
                (void)sched_yield();
        _exit(way_fork(argv));
}

/* By nobody any more: who has forked it is gone, and who adopts it is its parent. */
static int way_orphan(char **argv)
{
        pid_t self = getpid(), pid = fork();

        if (pid != 0)
                return pid < 0;
        while (getppid() == self)
                (void)sched_yield();
        run(argv);
        return 1;
}

/* Adopted by us, who have executed. */
static int way_subreaper(char **argv)
{
        pid_t pid;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return 1;
        pid = fork();
        if (pid == 0)
                _exit(way_orphan(argv));
        return wait_for(pid) != 0 || wait(NULL) < 0;
}

/* By a vfork()ed one, which has our memory. */
static int way_vfork(char **argv)
{
        pid_t pid = vfork();

        if (pid == 0)
                _exit(way_fork(argv));
        return wait_for(pid);
}

static void *fork_and_exit(void *argv)
{
        return way_fork(argv) == 0 ? NULL : argv;
}

/* By a thread of ours. */
static int way_thread(char **argv)
{
        pthread_t thread;
        void *failed;

        if (pthread_create(&thread, NULL, fork_and_exit, argv) != 0 ||
            pthread_join(thread, &failed) != 0)
                return 1;
        return failed != NULL;
}

static void *fork_when_alone(void *argv)
{
        _exit(way_fork(argv));
}

/* Likewise, when the leader has ended. */
static int way_headless(char **argv)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, fork_when_alone, argv) != 0)
                return 1;
        pthread_exit(NULL);
}

/* By us, and a child of our parent's, which has to reap it. */
static int way_sibling(char **argv)
{
        long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

        if (pid == 0)
                run(argv);
        return pid < 0;
}

/* By one whose name is another's by now, and who has no arguments any more. */
static int way_disguised(char **argv)
{
        char *first = argv[-2];
        size_t size = strlen(argv[0]);

        (void)prctl(PR_SET_NAME, "sshd");
        for (size_t i = 0; first + i < argv[0] + size && i < 4; i++)
                first[i] = 'X';
        return way_subshell(argv);
}

/* WAY is /proc/self/exe, then another WAY: that, by the same program once more. */
static int way_again(char **argv)
{
        run(argv);
        return 1;
}

/* N children execute while we do, N ever less, and so on until it is 0: argv is PROGRAM N. */
static int way_race(char **argv)
{
        char number[16], *next[] = { "/proc/self/exe", "race", argv[0], number, NULL };
        int n = argv[1] ? atoi(argv[1]) : 0;
        pid_t pid;

        if (n <= 0) {
                while (wait(NULL) > 0)
                        ;
                return 0;
        }
        (void)snprintf(number, sizeof(number), "%d", n - 1);
        pid = fork();
        if (pid == 0 && n % 2 == 0)
                _exit(way_fork(argv));
        if (pid == 0)
                run(argv);
        run(next);
        return 1;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*go)(char **argv);
        } ways[] = {
                { "fork", way_fork },           { "subshell", way_subshell },
                { "deep", way_deep },           { "orphaned-shell", way_orphaned_shell },
                { "orphan", way_orphan },       { "subreaper", way_subreaper },
                { "vfork", way_vfork },         { "thread", way_thread },
                { "headless", way_headless },   { "sibling", way_sibling },
                { "disguised", way_disguised }, { "again", way_again },
                { "race", way_race },
        };
        char byte;

        if (argc > 2 && strcmp(argv[1], "wait") == 0) { /* for a byte, then as the next word says */
                (void)!read(STDIN_FILENO, &byte, 1);
                argv++, argc--;
        }
        for (size_t i = 0; argc > 2 && i < sizeof(ways) / sizeof(ways[0]); i++)
                if (strcmp(argv[1], ways[i].name) == 0)
                        return ways[i].go(argv + 2);
        return 64;
}
