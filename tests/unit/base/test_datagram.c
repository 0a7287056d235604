/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/datagram.h"
#include "base/macro.h"

struct peer {
        char folder[64];
        char name[96]; /* as datagram_connect() takes it */
        int fd;
};

static void peer_bind(struct peer *p, const struct sockaddr_un *address, size_t length)
{
        p->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(p->fd >= 0);
        assert_int_equal(bind(p->fd, (const struct sockaddr *)address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                         0);
}

static void peer_at_path(struct peer *p)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(p->folder, "/tmp/execsnoopd-test-XXXXXX");
        assert_non_null(mkdtemp(p->folder));
        (void)snprintf(p->name, sizeof(p->name), "%s/socket", p->folder);
        strcpy(address.sun_path, p->name);
        peer_bind(p, &address, strlen(p->name) + 1);
}

static void peer_at_abstract_name(struct peer *p)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)snprintf(p->name, sizeof(p->name), "@execsnoopd-test-%d", getpid());
        memcpy(address.sun_path + 1, p->name + 1, strlen(p->name) - 1);
        peer_bind(p, &address, strlen(p->name));
}

static void peer_done(struct peer *p)
{
        closep(&p->fd);
        if (!p->folder[0])
                return;
        assert_int_equal(unlink(p->name), 0);
        assert_int_equal(rmdir(p->folder), 0);
}

static void assert_received(const struct peer *p, const char *expected)
{
        char text[64];
        ssize_t n = recv(p->fd, text, sizeof(text), 0);

        assert_int_equal(n, strlen(expected));
        assert_memory_equal(text, expected, strlen(expected));
}

static void assert_reached(struct peer *p)
{
        _cleanup_(closep) int fd = -1;

        assert_int_equal(datagram_connect(p->name, &fd), 0);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(datagram_send(fd, span_of("one"), -1), 0);
        assert_int_equal(datagram_send(fd, span_of("two"), -1), 0);
        assert_received(p, "one");
        assert_received(p, "two");
}

static void connect_finds_a_path(void **state _unused_)
{
        _cleanup_(peer_done) struct peer p = { .fd = -1 };

        peer_at_path(&p);
        assert_reached(&p);
}

static void connect_finds_an_abstract_name(void **state _unused_)
{
        _cleanup_(peer_done) struct peer p = { .fd = -1 };

        peer_at_abstract_name(&p);
        assert_reached(&p);
}

static void connect_says_why_not(void **state _unused_)
{
        char path[DATAGRAM_PATH_SIZE + 1];
        struct peer p = { .fd = -1 };
        int fd = -1;

        assert_int_equal(datagram_connect("/nonexistent/socket", &fd), -ENOENT);
        assert_int_equal(datagram_connect("@execsnoopd-test-nobody", &fd), -ECONNREFUSED);
        assert_int_equal(datagram_connect("vsock:2:1", &fd), -EAFNOSUPPORT);
        assert_int_equal(datagram_connect("", &fd), -EAFNOSUPPORT);
        memset(path, '/', sizeof(path));
        path[DATAGRAM_PATH_SIZE] = '\0';
        assert_int_equal(datagram_connect(path, &fd), -ENAMETOOLONG);
        path[DATAGRAM_PATH_SIZE - 1] = '\0'; /* as long as one may be */
        assert_int_not_equal(datagram_connect(path, &fd), -ENAMETOOLONG);

        peer_at_path(&p);
        closep(&p.fd); /* as after a crash: the file is still there */
        p.fd = -1;
        assert_int_equal(datagram_connect(p.name, &fd), -ECONNREFUSED);
        peer_done(&p);
        assert_int_equal(fd, -1);
}

static void send_does_not_wait_for_a_peer_that_does_not_read(void **state _unused_)
{
        _cleanup_(peer_done) struct peer p = { .fd = -1 };
        _cleanup_(closep) int fd = -1;
        struct pollfd room = { .events = POLLOUT };
        unsigned n = 0;
        int r;

        peer_at_path(&p);
        assert_int_equal(datagram_connect(p.name, &fd), 0);
        while ((r = datagram_send(fd, span_of("x"), -1)) == 0)
                assert_true(++n < 100000);
        assert_int_equal(r, -EAGAIN);
        room.fd = fd;
        assert_int_equal(poll(&room, 1, 0), 0);
        for (; n > 0; n--)
                assert_received(&p, "x");
        assert_int_equal(poll(&room, 1, 0), 1); /* by the queue of the peer */
        assert_int_equal(datagram_send(fd, span_of("x"), -1), 0);
}

static void send_says_what_is_too_large(void **state _unused_)
{
        static char large[16 * MIB]; /* more than any socket's buffer takes by default */
        _cleanup_(peer_done) struct peer p = { .fd = -1 };
        _cleanup_(closep) int fd = -1;

        peer_at_path(&p);
        assert_int_equal(datagram_connect(p.name, &fd), 0);
        assert_int_equal(datagram_send(fd, (struct span){ large, sizeof(large) }, -1), -EMSGSIZE);
        assert_int_equal(datagram_send(fd, span_of("x"), -1), 0);
        assert_received(&p, "x");
}

static void send_notices_a_peer_that_went(void **state _unused_)
{
        _cleanup_(peer_done) struct peer p = { .fd = -1 };
        _cleanup_(closep) int fd = -1;

        peer_at_path(&p);
        assert_int_equal(datagram_connect(p.name, &fd), 0);
        closep(&p.fd);
        p.fd = -1;
        assert_int_equal(datagram_send(fd, span_of("x"), -1), -ECONNREFUSED);
}

static void assert_passed(struct span content)
{
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        _cleanup_(peer_done) struct peer p = { .fd = -1 };
        _cleanup_(closep) int fd = -1, copy = -1;
        char text[64];
        struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof(control.space) };
        struct stat ours, theirs;

        peer_at_path(&p);
        assert_int_equal(datagram_connect(p.name, &fd), 0);
        assert_int_equal(datagram_send(fd, content, p.fd), 0);
        assert_int_equal(recvmsg(p.fd, &m, MSG_CMSG_CLOEXEC), content.size);
        assert_memory_equal(text, content.data, content.size);
        assert_int_equal(control.head.cmsg_type, SCM_RIGHTS);
        memcpy(&copy, CMSG_DATA(&control.head), sizeof(copy));
        assert_int_not_equal(copy, p.fd);
        assert_int_equal(fstat(p.fd, &ours), 0);
        assert_int_equal(fstat(copy, &theirs), 0);
        assert_int_equal(ours.st_ino, theirs.st_ino);
}

static void send_passes_a_copy_of_a_descriptor_with_and_without_bytes(void **state _unused_)
{
        assert_passed(span_of("FDSTORE=1"));
        assert_passed(span_of(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connect_finds_a_path),
                cmocka_unit_test(connect_finds_an_abstract_name),
                cmocka_unit_test(connect_says_why_not),
                cmocka_unit_test(send_does_not_wait_for_a_peer_that_does_not_read),
                cmocka_unit_test(send_says_what_is_too_large),
                cmocka_unit_test(send_notices_a_peer_that_went),
                cmocka_unit_test(send_passes_a_copy_of_a_descriptor_with_and_without_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
