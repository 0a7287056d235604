/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon's own log: what lines look like on each kind of stderr, and that no reader of it, be
 * it stopped or gone, can block or kill the daemon, or lose a message without being told.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "fake_journald.h"
#include "host/log.h"

struct fixture {
        int out; /* the log writes here */
        int in;  /* the test reads here, -1: nobody does */
        struct fake_journald journald;
};

static struct fixture *fixture_new(int in, int out)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        *f = (struct fixture){ .in = in, .out = out, .journald.fd = -1 };
        log_set_level(LOG_INFO);
        return f;
}

static int setup_pipe(void **state)
{
        struct fixture *f;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0); /* blocking, as a pipeline has it */
        f = fixture_new(fds[0], fds[1]);
        log_open(f->out, "/nonexistent");
        *state = f;
        return 0;
}

/* A blocking stream that $JOURNAL_STREAM names, and a journald beside it. */
static int setup_journal(void **state)
{
        struct fixture *f;
        char stream[64];
        struct stat st;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        f = fixture_new(fds[0], fds[1]);
        fake_journald_new(&f->journald);
        assert_int_equal(fstat(f->out, &st), 0);
        (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
                       (uintmax_t)st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        log_open(f->out, f->journald.path);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        closep(&f->in);
        closep(&f->out);
        if (f->journald.folder[0])
                fake_journald_done(&f->journald);
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        assert_int_equal(unsetenv("SYSTEMD_LOG_LEVEL"), 0);
        free(f);
        return 0;
}

/* The bytes that can be read now, at most `max`; the caller's to free. */
static char *read_some(struct fixture *f, size_t max)
{
        int available = 0;
        size_t size;
        char *text;

        assert_int_equal(ioctl(f->in, FIONREAD, &available), 0);
        size = MIN((size_t)available, max);
        text = malloc(size + 1);
        assert_non_null(text);
        if (size > 0)
                assert_int_equal(read(f->in, text, size), size);
        text[size] = '\0';
        return text;
}

static void assert_logged(struct fixture *f, const char *expected)
{
        _cleanup_(freep) char *text = read_some(f, SIZE_MAX);

        assert_string_equal(text, expected);
}

/* Logs short lines until nothing more is taken; returns how many were taken. */
static unsigned fill(struct fixture *f)
{
        int before, now = -1;
        unsigned n = 0;

        do {
                before = now;
                log_info("%06u", n++);
                assert_int_equal(ioctl(f->in, FIONREAD, &now), 0);
                assert_true(n < 1000000);
        } while (now != before);
        return n - 1;
}

static void plain_line_has_our_name(void **state)
{
        log_error("cannot open %s", "x");
        assert_logged(*state, "execsnoopd: cannot open x\n");
}

static void level_hides_what_is_less_important(void **state)
{
        log_debug("one");
        assert_int_equal(log_errno(LOG_DEBUG, -ENOENT, "two"), -ENOENT);
        log_lines(LOG_DEBUG, "three");
        log_catalog(LOG_DEBUG, "0", "four");
        assert_logged(*state, "");
        log_set_level(LOG_DEBUG);
        log_debug("five");
        log_set_level(LOG_ERR);
        log_warning("six");
        log_error("seven");
        assert_logged(*state, "execsnoopd: five\nexecsnoopd: seven\n");
}

static void level_comes_from_the_environment(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *value;
                bool info, debug;
        } cases[] = {
                { "debug", true, true }, { "7", true, true },     { "notice", false, false },
                { "err", false, false }, { "info", true, false }, { "verbose", true, false },
                { "77", true, false },   { "", true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char expected[64] = "";

                log_set_level(LOG_INFO);
                assert_int_equal(setenv("SYSTEMD_LOG_LEVEL", cases[i].value, 1), 0);
                log_open(f->out, "/nonexistent");
                log_info("i");
                log_debug("d");
                if (cases[i].info)
                        strcat(expected, "execsnoopd: i\n");
                if (cases[i].debug)
                        strcat(expected, "execsnoopd: d\n");
                assert_logged(f, expected);
        }
}

static void errno_is_logged_and_returned_negative(void **state)
{
        assert_int_equal(log_errno(LOG_ERR, ENOENT, "%s", "a"), -ENOENT);
        assert_int_equal(log_errno(LOG_ERR, -EACCES, "%s", "b"), -EACCES);
        assert_logged(*state, "execsnoopd: a: No such file or directory\n"
                              "execsnoopd: b: Permission denied\n");
}

static void each_line_of_a_message_has_its_prefix(void **state)
{
        log_lines(LOG_WARNING, "one\n\nthree\n");
        log_warning("four\nfive");
        log_lines(LOG_WARNING, "");
        log_lines(LOG_WARNING, NULL);
        assert_logged(*state, "one\n\nthree\n"
                              "execsnoopd: four\nexecsnoopd: five\n");
}

static void format_characters_in_a_report_are_text(void **state)
{
        log_lines(LOG_ERR, "x.conf:1: Path: 100%s%n is no path\n");
        assert_int_equal(log_errno(LOG_ERR, ENOENT, "%s", "%s"), -ENOENT);
        assert_logged(*state, "x.conf:1: Path: 100%s%n is no path\n"
                              "execsnoopd: %s: No such file or directory\n");
}

static void long_text_is_whole(void **state)
{
        _cleanup_(freep) char *read_back = NULL;
        char text[20000];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        log_info("%s", text);
        read_back = read_some(*state, SIZE_MAX);
        assert_int_equal(strlen(read_back), strlen("execsnoopd: ") + sizeof(text));
        assert_int_equal(strspn(read_back + strlen("execsnoopd: "), "x"), sizeof(text) - 1);
}

static void journal_line_has_its_priority(void **state)
{
        log_error("a");
        log_notice("b\nc");
        assert_logged(*state, "<3>a\n<5>b\n<5>c\n");
}

static void journal_stream_of_another_file_is_none(void **state)
{
        struct fixture *f = *state;
        char other_dev[64], other_ino[64], more[64];
        const char *const streams[] = { "1:1", "nonsense", "", "1:", other_dev, other_ino, more };
        struct stat st;

        assert_int_equal(fstat(f->out, &st), 0);
        (void)snprintf(other_dev, 64, "%ju:%ju", (uintmax_t)st.st_dev + 1, (uintmax_t)st.st_ino);
        (void)snprintf(other_ino, 64, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
        (void)snprintf(more, 64, "%ju:%ju:", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                assert_int_equal(setenv("JOURNAL_STREAM", streams[i], 1), 0);
                log_open(f->out, f->journald.path);
                log_info("a");
                assert_logged(f, "execsnoopd: a\n");
        }
}

static void file_takes_lines(void **state)
{
        struct fixture *f = *state;
        char text[64] = "";
        _cleanup_(closep) int fd = memfd_create("log", MFD_CLOEXEC);

        assert_true(fd >= 0);
        log_open(fd, "/nonexistent");
        log_info("a");
        log_info("b");
        assert_int_equal(pread(fd, text, sizeof(text), 0), 28);
        assert_string_equal(text, "execsnoopd: a\nexecsnoopd: b\n");
        log_open(f->out, "/nonexistent");
}

static void full_stream_drops_counts_and_says_so(void **state, const char *note)
{
        struct fixture *f = *state;
        _cleanup_(freep) char *text = NULL, *rest = NULL;
        char *p, last[32];
        unsigned n;

        n = fill(f); /* one is dropped by now */
        log_info("dropped");
        log_info("dropped");
        text = read_some(f, SIZE_MAX);
        assert_null(strstr(text, "dropped"));
        log_info("after");
        log_info("later");
        rest = read_some(f, SIZE_MAX);
        p = rest[0] == '\n' ? rest + 1 : rest; /* the end of a torn line */
        assert_memory_equal(p, note, strlen(note));
        assert_non_null(strstr(p, "after\n"));
        assert_non_null(strstr(p, "later\n"));
        assert_null(strstr(p + strlen(note), "lost here")); /* said once */

        (void)snprintf(last, sizeof(last), "%06u\n", n - 1); /* and what was taken is whole */
        assert_non_null(strstr(text, last));
}

static void hung_journal_drops_counts_and_says_so(void **state)
{
        full_stream_drops_counts_and_says_so(state, "<4>3 messages were lost here");
}

static void full_pipe_drops_counts_and_says_so(void **state)
{
        full_stream_drops_counts_and_says_so(state, "execsnoopd: 3 messages were lost here");
}

static void torn_line_is_ended_before_the_next(void **state)
{
        struct fixture *f = *state;
        _cleanup_(freep) char *text = NULL, *rest = NULL;
        _cleanup_(freep) char *large = malloc(MIB + 1);

        assert_non_null(large);
        memset(large, 'x', MIB);
        large[MIB] = '\0';
        log_info("%s", large); /* more than a stream or pipe holds */
        text = read_some(f, SIZE_MAX);
        assert_true(strlen(text) > 0);
        assert_null(strchr(text, '\n'));
        log_info("next");
        rest = read_some(f, SIZE_MAX);
        assert_memory_equal(rest, "\n<4>1 messages were lost here", 29);
        assert_non_null(strstr(rest, "\n<6>next\n"));
}

static void pipe_with_little_room_does_not_block(void **state)
{
        struct fixture *f = *state;
        _cleanup_(freep) char *text = NULL, *rest = NULL;
        char large[20001];

        memset(large, 'x', 20000);
        large[20000] = '\0';
        (void)fill(f);
        text = read_some(f, 8192);
        (void)alarm(10); /* a write of all of it would never return */
        log_info("%s", large);
        (void)alarm(0);
        rest = read_some(f, SIZE_MAX);
        assert_non_null(strstr(rest, "\nexecsnoopd: xxx"));
        assert_null(strstr(rest, large));
}

static void reader_that_is_gone_raises_no_signal(void **state)
{
        struct fixture *f = *state;

        closep(&f->in);
        f->in = -1;
        log_error("nobody hears it"); /* SIGPIPE would end the test */
        log_error("nor this");
}

static void catalog_message_goes_to_the_journal_with_its_id(void **state)
{
        struct fixture *f = *state;
        struct fake_entry e;

        log_catalog(LOG_ERR, "0123456789abcdef0123456789abcdef", "a %d\nb", 1);
        assert_logged(f, "");
        assert_true(fake_journald_receive(&f->journald, &e));
        fake_entry_parse(&e);
        assert_field(&e, "MESSAGE", "a 1\nb");
        assert_field(&e, "MESSAGE_ID", "0123456789abcdef0123456789abcdef");
        assert_field(&e, "PRIORITY", "3");
        assert_field(&e, "SYSLOG_IDENTIFIER", "execsnoopd");
        assert_int_equal(e.n_fields, 4);
        fake_entry_done(&e);
}

static void catalog_message_is_a_line_where_there_is_no_journald(void **state)
{
        struct fixture *f = *state;
        char path[200];

        fake_journald_kill(&f->journald);
        log_catalog(LOG_ERR, "0", "a");
        assert_logged(f, "<3>a\n");
        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        log_open(f->out, path);
        log_catalog(LOG_ERR, "0", "b");
        assert_logged(f, "<3>b\n");
}

static void catalog_message_is_a_line_if_stderr_is_not_the_journal(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        log_open(f->out, f->journald.path);
        log_catalog(LOG_ERR, "0", "a");
        assert_logged(f, "execsnoopd: a\n");
}

#define TEST_PIPE(name) cmocka_unit_test_setup_teardown(name, setup_pipe, teardown)
#define TEST_JOURNAL(name) cmocka_unit_test_setup_teardown(name, setup_journal, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST_PIPE(plain_line_has_our_name),
                TEST_PIPE(level_hides_what_is_less_important),
                TEST_PIPE(level_comes_from_the_environment),
                TEST_PIPE(errno_is_logged_and_returned_negative),
                TEST_PIPE(each_line_of_a_message_has_its_prefix),
                TEST_PIPE(format_characters_in_a_report_are_text),
                TEST_PIPE(long_text_is_whole),
                TEST_PIPE(file_takes_lines),
                TEST_PIPE(full_pipe_drops_counts_and_says_so),
                TEST_PIPE(pipe_with_little_room_does_not_block),
                TEST_PIPE(reader_that_is_gone_raises_no_signal),
                TEST_JOURNAL(catalog_message_is_a_line_if_stderr_is_not_the_journal),
                TEST_JOURNAL(journal_line_has_its_priority),
                TEST_JOURNAL(journal_stream_of_another_file_is_none),
                TEST_JOURNAL(hung_journal_drops_counts_and_says_so),
                TEST_JOURNAL(torn_line_is_ended_before_the_next),
                TEST_JOURNAL(reader_that_is_gone_raises_no_signal),
                TEST_JOURNAL(catalog_message_goes_to_the_journal_with_its_id),
                TEST_JOURNAL(catalog_message_is_a_line_where_there_is_no_journald),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
