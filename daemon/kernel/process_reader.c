/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One read of an iterator takes as long as it takes to fill the kernel's buffer. A kernel that
 * waits for memory does not return for a signal, but for one that ends the process: an alarm.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec_record.h"
#include "host/capabilities.h"
#include "kernel/process_reader.h"

/* Of an iterator, in pages: then a read never has a part of a record. */
#define KERNEL_BUFFER_PAGES 8

/* The child's descriptors, of which it has no others. */
enum {
        FD_SOCKET,
        FD_ITERATOR,
        _FD_MAX,
};

static int send_message(const void *message, size_t size)
{
        ssize_t n;

        do
                n = send(FD_SOCKET, message, size, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

/* How many of these bytes are whole records that find room in a message. */
static ssize_t message_size(const char *records, size_t size)
{
        struct exec_record_head head;
        size_t n = 0;

        while (size - n >= sizeof(struct exec_record)) {
                memcpy(&head, records + n, sizeof(head));
                if (head.size < sizeof(struct exec_record) || head.size > size - n)
                        return -EBADMSG;
                if (n + head.size > EXEC_RECORD_SIZE_MAX)
                        break;
                n += head.size;
        }
        return n > 0 ? (ssize_t)n : -EBADMSG;
}

static int send_records(const char *records, size_t size)
{
        ssize_t n;
        int r;

        for (; size > 0; records += n, size -= (size_t)n) {
                n = message_size(records, size);
                if (n < 0)
                        return (int)n;
                r = send_message(records, (size_t)n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static ssize_t read_in_time(void *buf, size_t size)
{
        ssize_t n;

        (void)alarm((unsigned)(PROCESS_READER_PATIENCE_NS / NSEC_PER_SEC));
        do /* the kernel says -EAGAIN when it wants to look at a process again */
                n = read(FD_ITERATOR, buf, size);
        while (n < 0 && (errno == EINTR || errno == EAGAIN));
        if (n < 0)
                n = -errno;
        (void)alarm(0);
        return n;
}

static int read_all(void)
{
        const size_t size = (size_t)sysconf(_SC_PAGESIZE) * KERNEL_BUFFER_PAGES;
        _cleanup_(freep) char *buf = malloc(size);
        ssize_t n;
        int r;

        if (!buf)
                return -ENOMEM;
        while ((n = read_in_time(buf, size)) > 0) {
                r = send_records(buf, (size_t)n);
                if (r < 0)
                        return r;
        }
        return (int)n;
}

/* From here on an alarm ends us, and so does the end of the daemon. */
static int confine(void)
{
        const struct rlimit none = {};
        sigset_t alarms;
        int r;

        if (signal(SIGALRM, SIG_DFL) == SIG_ERR || sigemptyset(&alarms) < 0 ||
            sigaddset(&alarms, SIGALRM) < 0 || sigprocmask(SIG_UNBLOCK, &alarms, NULL) < 0)
                return -errno;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
            setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        r = capabilities_keep(0);
        if (r < 0)
                return r;
        return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

/* A descriptor of the daemon's that stayed open here would wait for us to be closed. */
static int move_descriptors(int socket, int iterator)
{
        int high_socket = fcntl(socket, F_DUPFD, _FD_MAX);
        int high_iterator = fcntl(iterator, F_DUPFD, _FD_MAX);

        if (high_socket < 0 || high_iterator < 0 || dup2(high_socket, FD_SOCKET) < 0 ||
            dup2(high_iterator, FD_ITERATOR) < 0)
                return -errno;
        (void)close_range(_FD_MAX, ~0U, 0);
        return 0;
}

static _Noreturn void run_reader(int socket, int iterator)
{
        int r;

        r = move_descriptors(socket, iterator);
        if (r < 0)
                _exit(EXIT_FAILURE);
        r = confine();
        if (r >= 0)
                r = read_all();
        _exit(send_message(&r, sizeof(r)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int process_reader_start(int iterator)
{
        int ends[2], r = 0;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                run_reader(ends[1], iterator);
        if (pid < 0)
                r = -errno;
        (void)close(ends[1]);
        if (r < 0)
                (void)close(ends[0]);
        return r < 0 ? r : ends[0];
}
