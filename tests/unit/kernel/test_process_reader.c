/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The reader of processes, with a pipe for an iterator: what it passes on, and how it ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/process_reader.h"
#include "record_builder.h"

#define PATIENCE_MSEC (60 * 1000)

struct fixture {
        int socket, pipe;
};

static struct record record;

static void write_record(int pipe)
{
        assert_int_equal(write(pipe, &record, record.head.size), record.head.size);
}

/* With so many records that it finds at once, of which the last may be damaged. */
static void start(struct fixture *f, unsigned n, uint32_t last_size)
{
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        for (unsigned i = 0; i < n; i++) {
                record_make_exec(&record, 0, i + 1, 1);
                if (i + 1 == n)
                        record.exec.head.size = last_size;
                assert_int_equal(write(ends[1], &record, sizeof(record.exec)), sizeof(record.exec));
        }
        f->pipe = ends[1];
        f->socket = process_reader_start(ends[0]);
        assert_true(f->socket >= 0);
        assert_int_equal(close(ends[0]), 0);
}

static void assert_result(int socket, int expected)
{
        int result;

        assert_int_equal(recv(socket, &result, sizeof(result), 0), sizeof(result));
        assert_int_equal(result, expected);
        assert_int_equal(recv(socket, &result, sizeof(result), 0), 0);
}

static void whole_records_come_and_then_the_end(void **state _unused_)
{
        static char message[EXEC_RECORD_SIZE_MAX];
        struct fixture f;

        start(&f, 2, sizeof(record.exec));
        assert_int_equal(recv(f.socket, message, sizeof(message), 0), 2 * sizeof(record.exec));
        assert_memory_equal(message + sizeof(record.exec), &record, sizeof(record.exec));
        write_record(f.pipe);
        assert_int_equal(recv(f.socket, message, sizeof(message), 0), sizeof(record.exec));
        assert_int_equal(close(f.pipe), 0);
        assert_result(f.socket, 0);
        assert_int_equal(close(f.socket), 0);
}

static void what_is_no_record_is_an_error(void **state _unused_)
{
        static char message[EXEC_RECORD_SIZE_MAX];
        const uint32_t sizes[] = { 0, sizeof(record.exec) - 1, sizeof(record.exec) + 1 };
        struct fixture f;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                start(&f, 1, sizes[i]);
                assert_result(f.socket, -EBADMSG);
                assert_int_equal(close(f.pipe), 0);
                assert_int_equal(close(f.socket), 0);
        }
        start(&f, 1, sizeof(record.exec));
        assert_int_equal(recv(f.socket, message, sizeof(message), 0), sizeof(record.exec));
        assert_int_equal(write(f.pipe, &record, 4), 4); /* the begin of one */
        assert_result(f.socket, -EBADMSG);
        assert_int_equal(close(f.pipe), 0);
        assert_int_equal(close(f.socket), 0);
}

/* Its end of the pipe is the only one. */
static void it_ends_when_nobody_listens(void **state _unused_)
{
        struct pollfd end = {};
        struct fixture f;

        start(&f, 0, 0);
        assert_int_equal(close(f.socket), 0);
        record_make_exec(&record, 0, 1, 1);
        write_record(f.pipe);
        end.fd = f.pipe;
        assert_int_equal(poll(&end, 1, PATIENCE_MSEC), 1);
        assert_true(end.revents & POLLERR);
        assert_int_equal(close(f.pipe), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_records_come_and_then_the_end),
                cmocka_unit_test(what_is_no_record_is_an_error),
                cmocka_unit_test(it_ends_when_nobody_listens),
        };

        (void)signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
