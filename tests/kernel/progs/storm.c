/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * storm COUNT MARKER PROGRAM: executes PROGRAM COUNT times, from all CPUs at once, as fast as it
 * goes. Each exec can be told from all others: argv[1] is MARKER, argv[2] its number from 0.
 * Exits with 1 if any of them did not come to be, so that a test knows how many there were.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Not vfork(): pairs of parent and child by it, pinned to each CPU, keep all other tasks of
 * ordinary priority from running for seconds (seen on 6.18), us who measure included.
 */
static bool run(char *program, char *marker, unsigned number)
{
        char text[16];
        char *argv[] = { program, marker, text, NULL };
        char *environment[] = { NULL };
        int status;
        pid_t pid;

        (void)snprintf(text, sizeof(text), "%u", number);
        pid = fork();
        if (pid == 0) {
                (void)execve(program, argv, environment);
                _exit(127);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
}

static bool work(unsigned cpu, unsigned n_cpus, unsigned count, char **argv)
{
        cpu_set_t set;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return false;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
                return false;
        for (unsigned number = cpu; number < count; number += n_cpus)
                if (!run(argv[3], argv[2], number))
                        return false;
        return true;
}

int main(int argc, char **argv)
{
        unsigned n_cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), count;
        bool all = true;

        if (argc != 4)
                return 64;
        count = (unsigned)strtoul(argv[1], NULL, 10);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* no storm outlives its test */
                return 1;
        for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
                pid_t pid = fork();

                if (pid < 0)
                        return 1;
                if (pid == 0)
                        _exit(work(cpu, n_cpus, count, argv) ? 0 : 1);
        }
        for (unsigned cpu = 0; cpu < n_cpus; cpu++) {
                int status;

                all = wait(&status) > 0 && status == 0 && all;
        }
        return all ? 0 : 1;
}
