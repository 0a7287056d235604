/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Between runs: this program executes itself, as the image that finds what was left to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/macro.h"
#include "host/handover.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* Two rings of 2,000 CPUs: as one string, with names this long, more than exec takes (128 KiB). */
#define N_DIRECT 4000
#define DIRECT_NAME "a-descriptor-of-some-ring-%04u"

/* Exit codes of what is executed: each says where it went wrong. */
enum {
        GOOD,
        NOT_DIRECT,
        NOT_THERE,
        OTHER_FILE,
        LEFT_OPEN
};

static char *program;

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

static bool is_same_file(int a, int b)
{
        struct stat x, y;

        return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
               x.st_ino == y.st_ino;
}

/* Any datagram says that the store was told something. */
static int manager_new(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char name[64];

        assert_true(fd >= 0);
        (void)snprintf(name, sizeof(name), "@execsnoopd-test-%d", getpid());
        memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
        assert_int_equal(bind(fd, (struct sockaddr *)&address,
                              offsetof(struct sockaddr_un, sun_path) + strlen(name)),
                         0);
        assert_int_equal(setenv("NOTIFY_SOCKET", name, true), 0);
        assert_int_equal(setenv("FDSTORE", "1", true), 0);
        return fd;
}

static bool has_heard(int manager, char *text, size_t size)
{
        ssize_t n = recv(manager, text, size - 1, MSG_DONTWAIT);

        text[MAX(n, 0)] = '\0';
        return n >= 0;
}

static int wait_for(pid_t pid)
{
        int status;

        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The image after handover_exec(): all is there, once, and the store is told nothing of it. */
static int be_next_image(void)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        _cleanup_(closep) int root = open("/", O_PATH | O_CLOEXEC);
        char name[64];
        int fd;

        if (handover_open(true, &h) < 0 || !handover_is_direct(h))
                return NOT_DIRECT;
        for (unsigned i = 0; i < N_DIRECT; i++) {
                (void)snprintf(name, sizeof(name), DIRECT_NAME, i);
                fd = handover_take(h, name);
                if (fd < 0 || handover_take(h, name) >= 0)
                        return NOT_THERE;
                if (!is_same_file(fd, root) || fcntl(fd, F_GETFD) != FD_CLOEXEC)
                        return OTHER_FILE;
                handover_forget(h, name);
                if (!is_open(fd)) /* taken: it is ours */
                        return NOT_THERE;
                (void)close(fd);
        }
        fd = handover_take(h, "stored");
        if (fd < 0)
                return NOT_THERE;
        handover_forget(h, "stored");
        (void)close(fd);
        return GOOD;
}

static void add_all(void)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        struct rlimit limit = { N_DIRECT + 100, N_DIRECT + 100 };
        char *const argv[] = { program, (char *)"next", NULL };
        char name[64];

        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (handover_open(true, &h) < 0)
                _exit(NOT_THERE);
        handover_store(h, "stored", open("/", O_PATH | O_CLOEXEC));
        for (unsigned i = 0; i < N_DIRECT; i++) {
                (void)snprintf(name, sizeof(name), DIRECT_NAME, i);
                if (handover_add_direct(h, name, open("/", O_PATH | O_CLOEXEC)) < 0)
                        _exit(NOT_THERE);
        }
        _exit(100 - handover_exec(h, program, argv));
}

static void handover_takes_any_number_of_descriptors(void **state _unused_)
{
        struct rlimit limit;
        pid_t pid;

        (void)getrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_max < N_DIRECT + 100)
                skip();
        pid = fork();
        if (pid == 0)
                add_all();
        assert_int_equal(wait_for(pid), GOOD);
}

static void handover_tells_the_store_of_what_it_has(void **state _unused_)
{
        _cleanup_(closep) int manager = manager_new();
        char text[256];
        pid_t pid;

        pid = fork();
        if (pid == 0)
                add_all();
        assert_int_equal(wait_for(pid), GOOD);
        assert_true(has_heard(manager, text, sizeof(text)));
        assert_string_equal(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=stored");
        assert_true(has_heard(manager, text, sizeof(text)));
        assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=stored");
        assert_false(has_heard(manager, text, sizeof(text))); /* nothing of these */
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("FDSTORE");
}

/* The page of another version, or something else. */
static int take_page(size_t size, const struct handover_page *content)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        char pid[16];
        int fd;

        fd = memfd_create("page", 0);
        if (ftruncate(fd, (off_t)size) < 0 || pwrite(fd, content, sizeof(*content), 0) < 0 ||
            ftruncate(fd, (off_t)size) < 0 || dup2(fd, FIRST_FD) < 0)
                return NOT_THERE;
        (void)snprintf(pid, sizeof(pid), "%d", getpid());
        (void)setenv("LISTEN_PID", pid, true);
        (void)setenv("LISTEN_FDS", "1", true);
        (void)setenv("LISTEN_FDNAMES", "page", true);
        if (handover_open(true, &h) < 0)
                return NOT_THERE;
        if (handover_take_page(h, 2))
                return handover_page(h)->watermark_ns == content->watermark_ns ? GOOD : NOT_THERE;
        if (handover_reset(h) < 0 || handover_page(h)->watermark_ns != 0)
                return NOT_THERE;
        return OTHER_FILE;
}

static int page_taken(size_t size, const struct handover_page *content)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(take_page(size, content));
        return wait_for(pid);
}

static void handover_takes_no_page_but_its_own(void **state _unused_)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        struct handover_page good, other;
        const size_t size = sizeof(good) + sizeof(good.seq[0]) * 2 * _PROGRAM_MAX;

        assert_int_equal(handover_open(false, &h), 0);
        assert_false(handover_take_page(h, 2));
        assert_true(handover_is_empty(h));
        assert_null(handover_page(h));
        assert_int_equal(handover_reset(h), 0);
        assert_false(handover_is_empty(h));
        handover_page(h)->watermark_ns = 1234;
        good = *handover_page(h);
        assert_int_equal(page_taken(size, &good), GOOD);
        assert_int_equal(page_taken(size - 8, &good), OTHER_FILE);
        assert_int_equal(page_taken(size + 8, &good), OTHER_FILE);
        assert_int_equal(page_taken(0, &good), OTHER_FILE);
        other = good;
        other.magic++;
        assert_int_equal(page_taken(size, &other), OTHER_FILE);
        other = good;
        other.version++;
        assert_int_equal(page_taken(size, &other), OTHER_FILE);
        other = good;
        other.n_cpus++;
        assert_int_equal(page_taken(size, &other), OTHER_FILE);
}

/* With three descriptors and these names; those of `expected` are there and nothing else is. */
static int take_three(const char *names, const char *const *expected)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        char pid[16];

        for (int fd = FIRST_FD; fd < FIRST_FD + 3; fd++)
                if (dup2(open("/", O_PATH), fd) < 0)
                        return NOT_THERE;
        (void)snprintf(pid, sizeof(pid), "%d", getpid());
        (void)setenv("LISTEN_PID", pid, true);
        (void)setenv("LISTEN_FDS", "3", true);
        (void)setenv("LISTEN_FDNAMES", names, true);
        if (handover_open(true, &h) < 0 || handover_is_direct(h))
                return NOT_DIRECT;
        for (int fd = FIRST_FD; fd < FIRST_FD + 3; fd++)
                if (is_open(fd) != (expected[fd - FIRST_FD] != NULL))
                        return LEFT_OPEN;
        for (int fd = FIRST_FD; fd < FIRST_FD + 3; fd++)
                if (expected[fd - FIRST_FD] && handover_take(h, expected[fd - FIRST_FD]) != fd)
                        return OTHER_FILE;
        return GOOD;
}

static void assert_takes(const char *names, const char *a, const char *b, const char *c)
{
        const char *const expected[] = { a, b, c };
        pid_t pid = fork();

        if (pid == 0)
                _exit(take_three(names, expected));
        assert_int_equal(wait_for(pid), GOOD);
}

static void handover_takes_what_the_store_has(void **state _unused_)
{
        assert_takes("a:b:c", "a", "b", "c");
}

static void handover_closes_what_has_another_number_of_names(void **state _unused_)
{
        assert_takes("a:b", NULL, NULL, NULL);
        assert_takes("a:b:c:d", NULL, NULL, NULL);
        assert_takes("", NULL, NULL, NULL);
}

static void handover_closes_what_is_there_twice(void **state _unused_)
{
        assert_takes("a:a:b", "a", NULL, "b");
}

static void handover_removes_names_that_are_none_of_ours(void **state _unused_)
{
        static const char name[] = "a-name-that-is-longer-than-any-of-ours-can-be";
        _cleanup_(closep) int manager = manager_new();
        char names[128], expected[128], text[128];

        (void)snprintf(names, sizeof(names), "a:%s:b", name);
        assert_takes(names, "a", NULL, "b");
        (void)snprintf(expected, sizeof(expected), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        assert_true(has_heard(manager, text, sizeof(text)));
        assert_string_equal(text, expected);
        assert_false(has_heard(manager, text, sizeof(text)));
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("FDSTORE");
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(handover_takes_any_number_of_descriptors),
                cmocka_unit_test(handover_tells_the_store_of_what_it_has),
                cmocka_unit_test(handover_takes_what_the_store_has),
                cmocka_unit_test(handover_closes_what_has_another_number_of_names),
                cmocka_unit_test(handover_closes_what_is_there_twice),
                cmocka_unit_test(handover_removes_names_that_are_none_of_ours),
                cmocka_unit_test(handover_takes_no_page_but_its_own),
        };

        program = argv[0];
        return argc > 1 ? be_next_image() : cmocka_run_group_tests(tests, NULL, NULL);
}
