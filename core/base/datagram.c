/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Addresses of AF_UNIX, and the control message that carries a descriptor. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/datagram.h"
#include "base/macro.h"

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == DATAGRAM_PATH_SIZE, "no other");

/* The size counts: an abstract name goes as far as it says, NUL bytes included. */
static int address_of(const char *path, struct sockaddr_un *ret, socklen_t *ret_size)
{
        const size_t length = strlen(path);

        if (path[0] != '/' && path[0] != '@')
                return -EAFNOSUPPORT;
        if (length >= DATAGRAM_PATH_SIZE)
                return -ENAMETOOLONG;
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path, path, length);
        if (path[0] == '@')
                ret->sun_path[0] = '\0';
        *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        return 0;
}

int datagram_connect(const char *path, int *ret)
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un address;
        socklen_t size;
        int r;

        r = address_of(path, &address, &size);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, size) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

int datagram_send(int socket, struct span content, int passed_fd)
{
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { .head = { .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS,
                                .cmsg_len = CMSG_LEN(sizeof(int)) } };
        struct iovec iov = { .iov_base = (char *)content.data, .iov_len = content.size };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (passed_fd >= 0) {
                memcpy(CMSG_DATA(&control.head), &passed_fd, sizeof(passed_fd));
                m.msg_control = control.space;
                m.msg_controllen = sizeof(control.space);
        }
        do
                n = sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}
