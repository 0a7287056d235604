/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A socket for each message, as libsystemd has it: there is one in seconds, and no connection that
 * could be stale. Connected, because only such a socket polls writable by the queue of its peer.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/macro.h"
#include "host/clock.h"
#include "host/notify.h"

/* Longer than a manager in good health is busy with something else; the watchdog has minutes. */
#define PATIENCE_MS 5000

/* The path of a socket or, from "@" on, an abstract name. */
static int address_of(const char *path, struct sockaddr_un *ret, socklen_t *ret_size)
{
        size_t length = strlen(path);

        if (path[0] != '/' && path[0] != '@')
                return -EAFNOSUPPORT;
        if (length >= sizeof(ret->sun_path))
                return -ENAMETOOLONG;
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path, path, length);
        if (path[0] == '@')
                ret->sun_path[0] = '\0';
        *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        return 0;
}

static int connect_to(const char *path, int *ret)
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un address;
        socklen_t size;
        int r;

        r = address_of(path, &address, &size);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

/* -EAGAIN: it has not read until `end_ns`. */
static int send_message(int socket, const struct msghdr *message, uint64_t end_ns)
{
        struct pollfd p = { .fd = socket, .events = POLLOUT };
        uint64_t now_ns;

        while (sendmsg(socket, message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                now_ns = clock_monotonic_ns();
                if (now_ns >= end_ns)
                        return -EAGAIN;
                (void)poll(&p, 1, (int)((end_ns - now_ns) / NSEC_PER_MSEC + 1));
        }
        return 1;
}

static int notify(const char *state, int fd, int patience_ms)
{
        struct iovec content = { .iov_base = (char *)state, .iov_len = strlen(state) };
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { .head = { .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS,
                                .cmsg_len = CMSG_LEN(sizeof(int)) } };
        static bool is_deaf; /* it has let us wait in vain: not again, until it reads */
        struct msghdr message = { .msg_iov = &content, .msg_iovlen = 1 };
        uint64_t end_ns = clock_monotonic_ns();
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_(closep) int socket = -1;
        int r;

        if (!path)
                return 0;
        r = connect_to(path, &socket);
        if (r < 0)
                return r;
        if (fd >= 0) {
                memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
                message.msg_control = control.space;
                message.msg_controllen = sizeof(control.space);
        }
        if (!is_deaf)
                end_ns += (uint64_t)patience_ms * NSEC_PER_MSEC;
        r = send_message(socket, &message, end_ns);
        is_deaf = r == -EAGAIN && (is_deaf || patience_ms > 0);
        return r;
}

int notify_try(const char *state)
{
        return notify(state, -1, 0);
}

int notify_send(const char *state)
{
        return notify(state, -1, PATIENCE_MS);
}

int notify_send_fd(const char *state, int fd)
{
        return notify(state, fd, PATIENCE_MS);
}
