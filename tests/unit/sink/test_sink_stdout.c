/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The stdout sink on every kind of fd that a shell or a service manager may give it: what arrives
 * is whole lines once each, a slow reader never holds us up, and the giver's fd is left as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include <cmocka.h>

#include "sink_lines.h"

static struct sink *stdout_make(int fd, size_t backlog)
{
        struct sink *s = NULL;

        assert_int_equal(sink_stdout_new(fd, backlog, &s), 0);
        return s;
}

/* As far as a reader has read. */
struct reader {
        char *data;
        size_t size;
};

static void reader_done(struct reader *r)
{
        free(r->data);
}

/* Reads at most `max` bytes, which are there. */
static void reader_take(struct reader *r, int fd, size_t max)
{
        ssize_t n;

        r->data = realloc(r->data, r->size + max);
        assert_non_null(r->data);
        n = read(fd, r->data + r->size, max);
        assert_true(n > 0);
        r->size += (size_t)n;
}

static bool polls(int fd, short events)
{
        struct pollfd p = { .fd = fd, .events = events };

        assert_true(poll(&p, 1, 0) >= 0);
        return p.revents & events;
}

static void reader_take_all(struct reader *r, int fd)
{
        while (polls(fd, POLLIN))
                reader_take(r, fd, 65536);
}

static void pipe_make(int ret[2])
{
        assert_int_equal(pipe2(ret, O_CLOEXEC), 0);
}

/* No fd beyond those in use until limit_restore(): then nothing can be opened again. */
static struct rlimit limit_fds(int highest)
{
        struct rlimit old, now;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        now = (struct rlimit){ .rlim_cur = (rlim_t)highest + 1, .rlim_max = old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
        return old;
}

static void limit_restore(int resource, const struct rlimit *old)
{
        assert_int_equal(setrlimit(resource, old), 0);
}

static void stdout_refuses_what_it_cannot_serve(void **state)
{
        _cleanup_(closep) int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int path_only = open("/dev/null", O_PATH | O_CLOEXEC);
        struct sink *s = NULL;
        int packet[2];

        (void)state;
        assert_int_equal(sink_stdout_new(-1, 4096, &s), -EBADF);
        assert_int_equal(sink_stdout_new(read_only, 4096, &s), -EBADF);
        assert_int_equal(sink_stdout_new(path_only, 4096, &s), -EBADF);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, packet), 0);
        assert_int_equal(sink_stdout_new(packet[0], 4096, &s), -EPROTOTYPE);
        close(packet[0]);
        close(packet[1]);
        assert_null(s);
}

static void stdout_writes_lines_to_pipe_and_counts_them(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        _cleanup_(reader_done) struct reader r = { 0 };
        int fd[2];

        (void)state;
        pipe_make(fd);
        s = stdout_make(fd[1], 65536);
        assert_int_equal(lines_write(s, EVENT_START, 5), 0);
        assert_int_equal(lines_write(s, EVENT_EXEC, 0), 0);
        assert_int_equal(lines_write(s, EVENT_EXIT, 100), 0);
        assert_int_equal(s->stats.backlog, 2);
        assert_true(s->stats.backlog_bytes > 0);
        assert_false(polls(fd[0], POLLIN)); /* sink_write() delivers nothing */

        assert_int_equal(sink_flush(s), SINK_IDLE);
        reader_take_all(&r, fd[0]);
        lines_assert(r.data, r.size, 1, 3);
        assert_int_equal(s->stats.written, 2);
        assert_int_equal(s->stats.lines, 3);
        assert_int_equal(s->stats.bytes, r.size);
        assert_int_equal(s->stats.backlog, 0);
        assert_int_equal(s->stats.backlog_bytes, 0);
        assert_int_equal(s->error, 0);
        close(fd[0]);
        close(fd[1]);
}

static void stdout_refuses_without_taking_a_seq_when_full(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        _cleanup_(reader_done) struct reader r = { 0 };
        int fd[2];

        (void)state;
        pipe_make(fd);
        s = stdout_make(fd[1], 256);
        assert_int_equal(lines_write(s, EVENT_EXEC, 100), 0);
        assert_int_equal(lines_write(s, EVENT_EXEC, 100), -ENOBUFS);
        assert_int_equal(lines_write(s, EVENT_EXEC, 300), -EMSGSIZE);
        assert_int_equal(lines_write(s, EVENT_STATS, 100), -ENOBUFS);
        assert_int_equal(s->seq, 1);
        assert_int_equal(s->stats.backlog, 1);

        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(lines_write(s, EVENT_EXEC, 1), 0);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        reader_take_all(&r, fd[0]);
        lines_assert(r.data, r.size, 1, 2);
        close(fd[0]);
        close(fd[1]);
}

/* The reader takes odd amounts, so that lines are split wherever the pipe likes. */
static void check_slow_reader(int write_fd, int read_fd, size_t pad)
{
        _cleanup_(sink_freep) struct sink *s = stdout_make(write_fd, 4 * MIB);
        _cleanup_(reader_done) struct reader r = { 0 };
        enum sink_state state;
        unsigned n_busy = 0;

        lines_write_n(s, MIB / (pad + LINE_OVERHEAD), pad);
        while ((state = sink_flush(s)) != SINK_IDLE) {
                assert_int_equal(state, SINK_BUSY);
                assert_int_equal(s->error, 0);
                assert_int_equal(s->stats.written + s->stats.backlog, s->seq);
                n_busy++;
                for (int i = 0; i < 3; i++)
                        if (polls(read_fd, POLLIN))
                                reader_take(&r, read_fd, 7001);
        }
        assert_true(n_busy > 2);
        assert_int_equal(s->stats.retries, n_busy);
        reader_take_all(&r, read_fd);
        lines_assert(r.data, r.size, 1, s->seq);
        assert_int_equal(s->stats.bytes, r.size);
}

static void stdout_keeps_lines_whole_for_slow_reader_of_pipe(void **state)
{
        static const size_t pads[] = { 0, 1000, 9999, 300000 };
        int fd[2];

        (void)state;
        pipe_make(fd);
        for (size_t i = 0; i < ELEMENTSOF(pads); i++)
                check_slow_reader(fd[1], fd[0], pads[i]);
        assert_false(fcntl(fd[1], F_GETFL) & O_NONBLOCK);
        close(fd[0]);
        close(fd[1]);
}

/* Whenever the end may come: no reader finds a part of a line that a pipe takes whole. */
static void stdout_leaves_whole_lines_in_a_full_pipe(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        _cleanup_(reader_done) struct reader r = { 0 };
        int fd[2];

        (void)state;
        pipe_make(fd);
        s = stdout_make(fd[1], 4 * MIB);
        lines_write_n(s, 1000, 1000);
        for (size_t max = 1; sink_flush(s) == SINK_BUSY; max = max * 7 % 9999) {
                reader_take(&r, fd[0], max);
                assert_int_equal(sink_flush(s), SINK_BUSY);
                reader_take_all(&r, fd[0]);
                assert_int_equal(r.data[r.size - 1], '\n');
        }
        reader_take_all(&r, fd[0]);
        lines_assert(r.data, r.size, 1, 1000);
        close(fd[0]);
        close(fd[1]);
}

static void stdout_keeps_lines_whole_for_slow_reader_of_socket(void **state)
{
        int fd[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
        check_slow_reader(fd[1], fd[0], 1000);
        check_slow_reader(fd[1], fd[0], 300000);
        assert_false(fcntl(fd[1], F_GETFL) & O_NONBLOCK);
        close(fd[0]);
        close(fd[1]);
}

/* Would block for ever if it gave the blocking pipe more than it has room for. */
static void stdout_polls_pipe_that_cannot_be_opened_again(void **state)
{
        struct rlimit old;
        int fd[2];

        (void)state;
        pipe_make(fd);
        old = limit_fds(MAX(fd[0], fd[1]));
        check_slow_reader(fd[1], fd[0], 1000);
        check_slow_reader(fd[1], fd[0], 300000);
        limit_restore(RLIMIT_NOFILE, &old);
        assert_false(fcntl(fd[1], F_GETFL) & O_NONBLOCK);
        close(fd[0]);
        close(fd[1]);
}

static void stdout_poll_fd_tells_when_to_go_on(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        _cleanup_(reader_done) struct reader r = { 0 };
        int fd[2];

        (void)state;
        pipe_make(fd);
        s = stdout_make(fd[1], MIB);
        lines_write_n(s, 500, 1000);
        assert_int_equal(sink_flush(s), SINK_BUSY);
        assert_false(polls(sink_poll_fd(s), POLLOUT));
        reader_take_all(&r, fd[0]);
        assert_true(polls(sink_poll_fd(s), POLLOUT));
        close(fd[0]);
        close(fd[1]);
}

static void stdout_is_closed_for_good_when_reader_of_pipe_leaves(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        int fd[2];

        (void)state;
        pipe_make(fd);
        s = stdout_make(fd[1], 65536);
        lines_write_n(s, 1, 10);
        close(fd[0]);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        assert_int_equal(s->error, -EPIPE);
        assert_string_equal(s->error_what, "write");
        assert_int_equal(s->stats.backlog, 1);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        assert_int_equal(s->stats.written, 0);
        close(fd[1]);
}

/* A new reader would start with the rest of a line. */
static void stdout_stays_closed_when_another_reader_opens_the_fifo(void **state)
{
        char name[] = "/tmp/test_sink_stdout.XXXXXX";
        _cleanup_(sink_freep) struct sink *s = NULL;
        int fd[2];

        (void)state;
        assert_true((fd[0] = mkstemp(name)) >= 0);
        close(fd[0]);
        assert_int_equal(unlink(name), 0);
        assert_int_equal(mkfifo(name, 0600), 0);
        fd[0] = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        fd[1] = open(name, O_WRONLY | O_CLOEXEC);
        assert_true(fd[0] >= 0 && fd[1] >= 0);

        s = stdout_make(fd[1], MIB);
        lines_write_n(s, 500, 1000);
        assert_int_equal(sink_flush(s), SINK_BUSY);
        close(fd[0]);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        fd[0] = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        close(fd[0]);
        close(fd[1]);
        assert_int_equal(unlink(name), 0);
}

/* Then the pipe cannot be opened again either (ENXIO). */
static void stdout_finds_pipe_closed_whose_reader_left_before(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        int fd[2];

        (void)state;
        pipe_make(fd);
        close(fd[0]);
        s = stdout_make(fd[1], 65536);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        close(fd[1]);
}

static void stdout_lets_reader_see_end_of_pipe_after_free(void **state)
{
        char c;
        int fd[2];

        (void)state;
        pipe_make(fd);
        assert_null(sink_free(stdout_make(fd[1], 65536)));
        assert_true(fcntl(fd[1], F_GETFD) >= 0); /* still the caller's */
        close(fd[1]);
        assert_int_equal(read(fd[0], &c, 1), 0);
        close(fd[0]);
}

static void stdout_is_closed_when_peer_of_socket_leaves_without_sigpipe(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        int fd[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
        s = stdout_make(fd[1], 65536);
        lines_write_n(s, 1, 10);
        close(fd[0]);
        assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        assert_ptr_not_equal(signal(SIGPIPE, SIG_IGN), SIG_ERR);
        close(fd[1]);
}

static void stdout_respects_offset_of_regular_file(void **state)
{
        _cleanup_(closep) int fd = memfd_create("stdout", MFD_CLOEXEC);
        _cleanup_(sink_freep) struct sink *s = stdout_make(fd, 65536);
        struct stat st;
        char *p;

        (void)state;
        assert_int_equal(write(fd, "before\n", 7), 7);
        lines_write_n(s, 2, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(sink_poll_fd(s), -1);
        assert_int_equal(write(fd, "after\n", 6), 6);

        assert_int_equal(fstat(fd, &st), 0);
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(p, MAP_FAILED);
        assert_memory_equal(p, "before\n", 7);
        lines_assert(p + 7, (size_t)st.st_size - 13, 1, 2);
        assert_memory_equal(p + st.st_size - 6, "after\n", 6);
        assert_int_equal(munmap(p, (size_t)st.st_size), 0);
}

/* The line that the limit cuts is completed, not repeated, when there is room again. */
static void stdout_completes_line_in_regular_file_after_limit(void **state)
{
        char path[] = "/tmp/test_sink_stdout.XXXXXX";
        _cleanup_(closep) int fd = mkostemp(path, O_CLOEXEC);
        _cleanup_(sink_freep) struct sink *s = stdout_make(fd, 65536);
        struct rlimit old, now;
        char data[4096];
        ssize_t n;

        (void)state;
        assert_int_equal(unlink(path), 0);
        lines_write_n(s, 10, 50);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        now = (struct rlimit){ .rlim_cur = 333, .rlim_max = old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
        assert_int_equal(sink_flush(s), SINK_BROKEN);
        limit_restore(RLIMIT_FSIZE, &old);
        assert_int_equal(s->error, -EFBIG);
        assert_int_equal(s->stats.written, 333 / (LINE_OVERHEAD + 51));

        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, 0);
        n = pread(fd, data, sizeof(data), 0);
        assert_true(n > 333);
        lines_assert(data, (size_t)n, 1, 10);
}

static void stdout_is_broken_while_the_disk_is_full(void **state)
{
        _cleanup_(closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        _cleanup_(sink_freep) struct sink *s = stdout_make(fd, 65536);

        (void)state;
        lines_write_n(s, 2, 10);
        assert_int_equal(sink_flush(s), SINK_BROKEN);
        assert_int_equal(s->error, -ENOSPC);
        assert_int_equal(sink_flush(s), SINK_BROKEN);
        assert_int_equal(s->stats.backlog, 2);
        assert_int_equal(s->stats.retries, 2);
        assert_int_equal(s->stats.written, 0);
}

static void stdout_writes_to_device_that_epoll_refuses(void **state)
{
        _cleanup_(closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        _cleanup_(sink_freep) struct sink *s = stdout_make(fd, 65536);

        (void)state;
        lines_write_n(s, 2, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(sink_poll_fd(s), -1);
        sink_reopen(s); /* nothing to do, and no harm */
        assert_int_equal(s->stats.written, 2);
}

static int terminal_make(int *ret_master)
{
        struct termios t;
        int master, slave;

        master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0)
                skip(); /* no /dev/pts here */
        assert_int_equal(grantpt(master), 0);
        assert_int_equal(unlockpt(master), 0);
        slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(slave >= 0);
        assert_int_equal(tcgetattr(slave, &t), 0);
        cfmakeraw(&t);
        assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
        *ret_master = master;
        return slave;
}

static void stdout_never_waits_for_a_terminal_and_leaves_its_flags(void **state)
{
        int master, slave = terminal_make(&master);

        (void)state;
        check_slow_reader(slave, master, 1000);
        assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
        close(slave);
        close(master);
}

static void stdout_is_closed_when_the_terminal_hangs_up(void **state)
{
        _cleanup_(sink_freep) struct sink *s = NULL;
        int master, slave = terminal_make(&master);

        (void)state;
        s = stdout_make(slave, 65536);
        lines_write_n(s, 1, 10);
        close(master);
        assert_int_equal(sink_flush(s), SINK_CLOSED);
        assert_int_equal(s->error, -EIO);
        close(slave);
}

static int prepare_process(void **state)
{
        (void)state;
        (void)alarm(300); /* a sink that blocks fails, and not by the patience of whoever waits */
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
                return -1;
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stdout_refuses_what_it_cannot_serve),
                cmocka_unit_test(stdout_writes_lines_to_pipe_and_counts_them),
                cmocka_unit_test(stdout_refuses_without_taking_a_seq_when_full),
                cmocka_unit_test(stdout_keeps_lines_whole_for_slow_reader_of_pipe),
                cmocka_unit_test(stdout_leaves_whole_lines_in_a_full_pipe),
                cmocka_unit_test(stdout_keeps_lines_whole_for_slow_reader_of_socket),
                cmocka_unit_test(stdout_polls_pipe_that_cannot_be_opened_again),
                cmocka_unit_test(stdout_poll_fd_tells_when_to_go_on),
                cmocka_unit_test(stdout_is_closed_for_good_when_reader_of_pipe_leaves),
                cmocka_unit_test(stdout_stays_closed_when_another_reader_opens_the_fifo),
                cmocka_unit_test(stdout_finds_pipe_closed_whose_reader_left_before),
                cmocka_unit_test(stdout_lets_reader_see_end_of_pipe_after_free),
                cmocka_unit_test(stdout_is_closed_when_peer_of_socket_leaves_without_sigpipe),
                cmocka_unit_test(stdout_respects_offset_of_regular_file),
                cmocka_unit_test(stdout_completes_line_in_regular_file_after_limit),
                cmocka_unit_test(stdout_is_broken_while_the_disk_is_full),
                cmocka_unit_test(stdout_writes_to_device_that_epoll_refuses),
                cmocka_unit_test(stdout_never_waits_for_a_terminal_and_leaves_its_flags),
                cmocka_unit_test(stdout_is_closed_when_the_terminal_hangs_up),
        };

        return cmocka_run_group_tests(tests, prepare_process, NULL);
}
