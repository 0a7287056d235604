/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * doors DOOR PROGRAM [ARG...]: executes PROGRAM in a way that takes C.
 *
 * argv of the new program is PROGRAM and the ARGs. Unless its comment says otherwise a door stays
 * in its process, whose ID the test knows. Exits with 1 where the exec fails, and with 64 for what
 * it does not know.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_RACERS 8

static char *no_environment[] = { NULL };

static int wait_for(pid_t pid)
{
        int status;

        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static void *exec_in_thread(void *argv)
{
        (void)execve(((char **)argv)[0], argv, no_environment);
        _exit(1);
}

/* The new program has the leader's ID; prints the thread's. */
static void *announce_and_exec(void *argv)
{
        (void)printf("%ld\n", (long)gettid());
        (void)fflush(stdout);
        return exec_in_thread(argv);
}

static int door_thread(char **argv)
{
        pthread_t thread;

        if (pthread_create(&thread, NULL, announce_and_exec, argv) != 0)
                return 1;
        (void)pthread_join(thread, NULL);
        return 1;
}

static pthread_barrier_t start_line;

static void *race(void *argv)
{
        (void)pthread_barrier_wait(&start_line);
        return exec_in_thread(argv);
}

/* All threads at once: one wins, the others are gone before they get anywhere. */
static int door_race(char **argv)
{
        pthread_t thread;

        if (pthread_barrier_init(&start_line, NULL, N_RACERS) != 0)
                return 1;
        for (int i = 0; i < N_RACERS; i++)
                if (pthread_create(&thread, NULL, race, argv) != 0)
                        return 1;
        for (;;)
                (void)pause();
}

static void *end_last(void *argument)
{
        char c;

        (void)argument;
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        _exit(23);
}

/* No exec: the leader ends, and its process only with standard input, with status 23. */
static int door_outlive(char **argv)
{
        pthread_t thread;

        (void)argv;
        if (pthread_create(&thread, NULL, end_last, NULL) != 0)
                return 1;
        (void)syscall(SYS_exit, 0);
        return 1;
}

static void *end_at_once(void *argument)
{
        (void)pthread_barrier_wait(&start_line);
        (void)syscall(SYS_exit, 0);
        return argument;
}

/* No exec: all threads end at the same moment, none by exit_group(). */
static int door_end_together(char **argv)
{
        pthread_t thread;

        (void)argv;
        if (pthread_barrier_init(&start_line, NULL, N_RACERS) != 0)
                return 1;
        for (int i = 1; i < N_RACERS; i++)
                if (pthread_create(&thread, NULL, end_at_once, NULL) != 0)
                        return 1;
        (void)end_at_once(NULL);
        return 1;
}

/* In a child by vfork(); prints its ID. */
static int door_vfork(char **argv)
{
        pid_t pid = vfork();

        if (pid == 0) {
                (void)execve(argv[0], argv, no_environment);
                _exit(1);
        }
        (void)printf("%ld\n", (long)pid);
        return wait_for(pid);
}

/*
 * In a child that has no page table entry for our constants: fork() does not copy those of file
 * mappings, and what the parent had of them is thrown away before. Ignores PROGRAM; prints the
 * child's ID.
 */
static int door_not_resident(char **argv)
{
        static const char path[] = "/bin/true";
        uintptr_t page = (uintptr_t)path & ~(uintptr_t)4095;
        pid_t pid;

        (void)argv;
        (void)madvise((void *)page, 4096, MADV_DONTNEED);
        pid = fork();
        if (pid == 0) {
                (void)execl(path, "/bin/true", "a constant", NULL);
                _exit(1);
        }
        (void)printf("%ld\n", (long)pid);
        return wait_for(pid);
}

/* Likewise, of a program that does not exist. */
static int door_not_resident_missing(char **argv)
{
        pid_t pid;

        (void)argv;
        pid = fork();
        if (pid == 0) {
                (void)execl("/nonexistent/constant", "nonexistent", "a constant", NULL);
                _exit(0);
        }
        (void)printf("%ld\n", (long)pid);
        return wait_for(pid);
}

struct rewrite {
        atomic_bool stop;
        char *path, *argument;
};

/* Both are as long as what they replace. */
static void *rewrite(void *data)
{
        struct rewrite *r = data;

        while (!atomic_load(&r->stop)) {
                memcpy(r->path, "/bin/true", sizeof("/bin/true"));
                memcpy(r->argument, "true.", sizeof("true."));
                memcpy(r->path, "/bin/echo", sizeof("/bin/echo"));
                memcpy(r->argument, "echo.", sizeof("echo."));
        }
        return NULL;
}

/*
 * Executes /bin/true or /bin/echo, which one only the kernel knows, while another process that
 * shares our memory rewrites path and argument. Ignores PROGRAM.
 */
static int door_rewrite(char **argv)
{
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        char *arguments[] = { page, page + 64, NULL };
        struct rewrite *r = (void *)(page + 128);
        pid_t writer;

        (void)argv;
        if (page == MAP_FAILED)
                return 1;
        memcpy(page, "/bin/echo", sizeof("/bin/echo"));
        memcpy(page + 64, "echo.", sizeof("echo."));
        *r = (struct rewrite){ .path = page, .argument = page + 64 };
        writer = fork();
        if (writer < 0)
                return 1;
        if (writer == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)alarm(1); /* should our parent have been faster */
                (void)close(STDOUT_FILENO);
                (void)rewrite(r);
                _exit(0);
        }
        (void)execve(page, arguments, no_environment);
        return 1;
}

/* Likewise, while another thread rewrites them, until the exec ends it. */
static int door_rewrite_by_thread(char **argv)
{
        static char path[] = "/bin/echo", argument[] = "echo.";
        static struct rewrite r = { .path = path, .argument = argument };
        char *arguments[] = { path, argument, NULL };
        pthread_t thread;

        (void)argv;
        if (pthread_create(&thread, NULL, rewrite, &r) != 0)
                return 1;
        (void)execve(path, arguments, no_environment);
        return 1;
}

#if defined(__x86_64__)
/* The 32-bit system call from 64-bit code: all pointers below 4 GiB, and of four bytes. */
static int door_int80(char **argv)
{
        char *low = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        uint32_t *vector = (uint32_t *)low;
        char *text = low + 32768;
        long result;

        if (low == MAP_FAILED)
                return 1;
        for (int i = 0; argv[i]; i++) {
                vector[i] = (uint32_t)(uintptr_t)text;
                text = stpcpy(text, argv[i]) + 1;
        }
        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(11), "b"(vector[0]), "c"(vector), "d"(0)
                         : "memory");
        return 1;
}
#endif

static const struct {
        const char *name;
        int (*open)(char **argv);
} doors[] = {
        { "thread", door_thread },
        { "race", door_race },
        { "outlive", door_outlive },
        { "end_together", door_end_together },
        { "vfork", door_vfork },
        { "not_resident", door_not_resident },
        { "not_resident_missing", door_not_resident_missing },
        { "rewrite", door_rewrite },
        { "rewrite_by_thread", door_rewrite_by_thread },
#if defined(__x86_64__)
        { "int80", door_int80 },
#endif
};

int main(int argc, char **argv)
{
        if (argc < 3)
                return 64;
        for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++)
                if (strcmp(doors[i].name, argv[1]) == 0)
                        return doors[i].open(argv + 2);
        return 64;
}
