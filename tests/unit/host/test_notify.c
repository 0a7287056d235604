/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/macro.h"
#include "host/notify.h"

/* A manager, at an abstract name of its own. */
static int manager_new(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char name[64];

        assert_true(fd >= 0);
        (void)snprintf(name, sizeof(name), "@execsnoopd-test-%d", getpid());
        memcpy(address.sun_path, name, strlen(name));
        address.sun_path[0] = '\0';
        assert_int_equal(bind(fd, (struct sockaddr *)&address,
                              offsetof(struct sockaddr_un, sun_path) + strlen(name)),
                         0);
        assert_int_equal(setenv("NOTIFY_SOCKET", name, true), 0);
        return fd;
}

static void assert_heard(int manager, const char *expected)
{
        char heard[256];
        ssize_t n = recv(manager, heard, sizeof(heard), MSG_DONTWAIT);

        assert_int_equal(n, strlen(expected));
        assert_memory_equal(heard, expected, n);
}

static void fill(int manager)
{
        unsigned n = 0;
        int r;

        while ((r = notify_try("X=1")) == 1)
                assert_true(++n < 100000);
        assert_int_equal(r, -EAGAIN);
        assert_heard(manager, "X=1");
        assert_int_equal(notify_try("X=1"), 1);
}

static void notify_says_what_it_is_given(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new();

        assert_int_equal(notify_try("READY=1"), 1);
        assert_int_equal(notify_send("STATUS=all is well"), 1);
        assert_heard(manager, "READY=1");
        assert_heard(manager, "STATUS=all is well");
}

static void notify_sends_a_copy_of_a_descriptor(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new(), fd = -1;
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        char text[64];
        struct iovec content = { .iov_base = text, .iov_len = sizeof(text) };
        struct msghdr m = { .msg_iov = &content,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof(control.space) };
        struct stat ours, theirs;

        assert_int_equal(notify_send_fd("FDSTORE=1", manager), 1);
        assert_int_equal(recvmsg(manager, &m, 0), strlen("FDSTORE=1"));
        assert_int_equal(m.msg_controllen, CMSG_SPACE(sizeof(int)));
        memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
        assert_int_not_equal(fd, manager);
        assert_int_equal(fstat(manager, &ours), 0);
        assert_int_equal(fstat(fd, &theirs), 0);
        assert_int_equal(ours.st_ino, theirs.st_ino);
}

static time_t seconds_of(int (*send)(const char *state), int expected)
{
        struct timespec begin, end;

        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_int_equal(send("READY=1"), expected);
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        return end.tv_sec - begin.tv_sec;
}

static void notify_try_does_not_wait(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new();

        fill(manager);
        assert_true(seconds_of(notify_try, -EAGAIN) <= 2);
}

static void notify_send_waits_for_room(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new();
        pid_t child;
        char c;

        fill(manager);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                (void)usleep(100000); /* if the other is slower, it finds room at once */
                _exit(recv(manager, &c, sizeof(c), 0) == 1 ? 0 : 1);
        }
        assert_int_equal(notify_send("READY=1"), 1);
        assert_int_equal(waitpid(child, NULL, 0), child);
}

/* And waits no more, until the manager reads again. */
static void notify_send_gives_up(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new();
        char c;

        fill(manager);
        assert_true(seconds_of(notify_send, -EAGAIN) >= 4);
        assert_int_equal(notify_try("WATCHDOG=1"), -EAGAIN);
        assert_true(seconds_of(notify_send, -EAGAIN) <= 2);
        while (recv(manager, &c, sizeof(c), MSG_DONTWAIT) >= 0)
                ;
        assert_int_equal(notify_try("WATCHDOG=1"), 1);
        assert_heard(manager, "WATCHDOG=1");
        fill(manager);
        assert_true(seconds_of(notify_send, -EAGAIN) >= 4);
}

static void notify_without_a_manager_is_no_error(void **state _unused_)
{
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(notify_try("READY=1"), 0);
        assert_int_equal(notify_send("READY=1"), 0);
}

static void notify_says_why_nobody_heard(void **state _unused_)
{
        char path[200];

        assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/notify", true), 0);
        assert_int_equal(notify_try("READY=1"), -ENOENT);
        assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1", true), 0);
        assert_int_equal(notify_try("READY=1"), -EAFNOSUPPORT);
        memset(path, '/', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(setenv("NOTIFY_SOCKET", path, true), 0);
        assert_int_equal(notify_try("READY=1"), -ENAMETOOLONG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(notify_says_what_it_is_given),
                cmocka_unit_test(notify_sends_a_copy_of_a_descriptor),
                cmocka_unit_test(notify_try_does_not_wait),
                cmocka_unit_test(notify_send_waits_for_room),
                cmocka_unit_test(notify_send_gives_up),
                cmocka_unit_test(notify_without_a_manager_is_no_error),
                cmocka_unit_test(notify_says_why_nobody_heard),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
