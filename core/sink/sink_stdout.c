/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Stdout sink: JSON Lines to an fd that belongs to somebody else, without ever waiting for the
 * reader.
 *
 * O_NONBLOCK is a flag of the open file description, which a terminal shares with the user's shell
 * and a pipe with the programs beside us: it is not ours to set. So a pipe or terminal is opened
 * once more through /proc/self/fd, which makes a description of our own; where that is refused, it
 * is polled before each write, and given no more than a pipe that polls writable takes at once. A
 * socket has a flag for each call. A regular file never waits for a reader; it is written through
 * the fd as given, whose offset and O_APPEND are what the shell's redirection means.
 *
 * The destination may take a part of a line: the rest follows before anything else. What a pipe
 * takes whole or not at all is written at once, so only a line longer than that can be left in the
 * middle, when the end comes before a slow reader has made room.
 *
 * Refuses an fd that is not open for writing, and sockets that keep messages apart, for which a
 * line can be too long. Known limit: another writer in the same pipe can come between the parts of
 * a line longer than PIPE_BUF, and, where we have to poll, can make us wait for a moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sink/sink_internal.h"

struct sink_stdout {
        struct sink sink;
        ssize_t (*send)(int fd, const struct iovec *iov, size_t n);
        int fd;        /* the caller's */
        int own_fd;    /* the same, opened again, or -1 */
        size_t offset; /* bytes of the oldest entry that are delivered */
        bool pollable;
        bool terminal;
        bool closed;
};

static struct sink_stdout *sink_stdout(struct sink *s)
{
        return (struct sink_stdout *)s;
}

/* For what does not wait: a regular file, or a description of our own with O_NONBLOCK. */
static ssize_t send_plain(int fd, const struct iovec *iov, size_t n)
{
        return writev(fd, iov, (int)n);
}

static ssize_t send_socket(int fd, const struct iovec *iov, size_t n)
{
        const struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };

        return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A pipe that polls writable has a free page, into which PIPE_BUF bytes go without waiting. */
static ssize_t send_polled(int fd, const struct iovec *iov, _unused_ size_t n)
{
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        int r;

        r = poll(&p, 1, 0);
        if (r < 0)
                return -1;
        if (r == 0) {
                errno = EAGAIN;
                return -1;
        }
        return write(fd, iov[0].iov_base, MIN(iov[0].iov_len, (size_t)PIPE_BUF));
}

/* The state after a write failed with `error`. */
static enum sink_state stdout_failed(struct sink_stdout *o, int error)
{
        o->sink.stats.retries++;
        if (error == -EAGAIN)
                return SINK_BUSY;
        (void)sink_fail(&o->sink, "write", error);
        /* A terminal that has hung up answers EIO, now and for ever. */
        if (error == -EPIPE || error == -ECONNRESET || (error == -EIO && o->terminal)) {
                o->closed = true;
                return SINK_CLOSED;
        }
        return SINK_BROKEN;
}

static enum sink_state sink_stdout_flush(struct sink *s)
{
        struct sink_stdout *o = sink_stdout(s);
        struct iovec iov[SINK_GATHER_MAX];

        if (o->closed)
                return SINK_CLOSED;
        while (backlog_count(s->backlog) > 0) {
                size_t n = sink_gather(s, o->offset, PIPE_BUF, iov);
                ssize_t done;

                done = o->send(o->own_fd >= 0 ? o->own_fd : o->fd, iov, n);
                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return stdout_failed(o, done < 0 ? -errno : -EIO);
                sink_advance(s, (size_t)done, &o->offset);
        }
        sink_clear_error(s);
        return SINK_IDLE;
}

static int sink_stdout_write(struct sink *s, const struct message *m)
{
        return sink_accept_line(s, m);
}

static int sink_stdout_poll_fd(const struct sink *s)
{
        const struct sink_stdout *o = (const struct sink_stdout *)s;

        if (!o->pollable)
                return -1;
        return o->own_fd >= 0 ? o->own_fd : o->fd;
}

static void sink_stdout_free(struct sink *s)
{
        struct sink_stdout *o = sink_stdout(s);

        closep(&o->own_fd);
        free(o);
}

static const struct sink_ops sink_stdout_ops = {
        .write = sink_stdout_write,
        .flush = sink_stdout_flush,
        .poll_fd = sink_stdout_poll_fd,
        .free = sink_stdout_free,
};

/* A description of our own, or -1. */
static int open_again(int fd)
{
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int stdout_use_socket(struct sink_stdout *o)
{
        socklen_t size = sizeof(int);
        int type;

        if (getsockopt(o->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
                return -errno;
        if (type != SOCK_STREAM)
                return -EPROTOTYPE;
        o->send = send_socket;
        o->pollable = true;
        return 0;
}

/* Finds out what the fd is and how to write to it without waiting. */
static int stdout_examine(struct sink_stdout *o)
{
        struct stat st;
        int flags;

        flags = fcntl(o->fd, F_GETFL);
        if (flags < 0 || fstat(o->fd, &st) < 0)
                return -errno;
        if ((flags & O_ACCMODE) == O_RDONLY)
                return -EBADF; /* to open it again for writing would be a trick on its giver */
        if (S_ISSOCK(st.st_mode))
                return stdout_use_socket(o);
        o->send = send_plain;
        if (S_ISREG(st.st_mode))
                return 0;

        o->terminal = isatty(o->fd);
        o->pollable = o->terminal || S_ISFIFO(st.st_mode); /* epoll refuses /dev/null */
        o->own_fd = open_again(o->fd);
        if (o->own_fd < 0)
                o->send = send_polled;
        return 0;
}

int sink_stdout_new(int fd, size_t backlog, struct sink **ret)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        struct sink_stdout *o;
        int r;

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->fd = fd;
        o->own_fd = -1;
        s = &o->sink;
        r = sink_init(s, &sink_stdout_ops, backlog);
        if (r < 0)
                return r;
        r = stdout_examine(o);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}
