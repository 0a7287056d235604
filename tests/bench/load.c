/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The loads of the benchmark, each for a given time:
 *
 *   load storm SECONDS PROGRAM    on every CPU: vfork(), exec PROGRAM, wait, over and over.
 *                                 Prints how many execs there were, and in how many seconds.
 *   load getppid SECONDS          the cheapest system call, over and over, on one CPU.
 *                                 Prints the nanoseconds per call, of the median batch.
 *
 * The second shows what a tracer costs everybody else: a tracepoint of system calls slows down each
 * of them, whichever it is attached to.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 10000
#define BATCHES_MAX 65536

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(unsigned cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        (void)sched_setaffinity(0, sizeof(set), &set);
}

/* On its own, for what vfork() does to the variables of the function that calls it. */
static __attribute__((noinline)) pid_t start(char *program)
{
        char *argv[] = { program, "--with", "some arguments", NULL };
        pid_t pid = vfork();

        if (pid == 0) {
                (void)execve(program, argv, environ);
                _exit(127);
        }
        return pid;
}

static uint64_t exec_until(uint64_t end_ns, char *program)
{
        uint64_t n = 0;

        while (now_ns() < end_ns) {
                pid_t pid = start(program);
                int status;

                if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                        break;
                n++;
        }
        return n;
}

static int storm(double seconds, char *program)
{
        long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
        uint64_t begin_ns = now_ns(), end_ns = begin_ns + (uint64_t)(seconds * 1e9), total = 0;
        uint64_t *n;

        n = mmap(NULL, (size_t)n_cpus * sizeof(*n), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (n == MAP_FAILED)
                return EXIT_FAILURE;
        for (long cpu = 0; cpu < n_cpus; cpu++) {
                if (fork() == 0) {
                        pin((unsigned)cpu);
                        n[cpu] = exec_until(end_ns, program);
                        _exit(0);
                }
        }
        while (wait(NULL) > 0)
                continue;
        for (long cpu = 0; cpu < n_cpus; cpu++)
                total += n[cpu];
        (void)printf("%llu %.3f\n", (unsigned long long)total, (double)(now_ns() - begin_ns) / 1e9);
        return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static int getppid_loop(double seconds)
{
        static double batch[BATCHES_MAX];
        uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9), begin_ns;
        size_t n = 0;

        pin(0);
        while (n < BATCHES_MAX && (n == 0 || now_ns() < end_ns)) {
                begin_ns = now_ns();
                for (unsigned i = 0; i < BATCH; i++)
                        (void)syscall(SYS_getppid);
                batch[n++] = (double)(now_ns() - begin_ns) / BATCH;
        }
        qsort(batch, n, sizeof(*batch), compare);
        (void)printf("%.1f\n", batch[n / 2]);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        if (argc == 4 && strcmp(argv[1], "storm") == 0)
                return storm(atof(argv[2]), argv[3]);
        if (argc == 3 && strcmp(argv[1], "getppid") == 0)
                return getppid_loop(atof(argv[2]));
        (void)fprintf(stderr, "load storm SECONDS PROGRAM | load getppid SECONDS\n");
        return 64;
}
