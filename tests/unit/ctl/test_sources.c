/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Sources: files in the order in which they were written, also while they are rotated; pipes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "read/line_reader.h"
#include "read/log_source.h"

static char folder[64], path[128];

static void append(const char *suffix, const char *text)
{
        char name[160];
        FILE *f;

        (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
        f = fopen(name, "ae");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void move(const char *from, const char *to)
{
        char a[160], b[160];

        (void)snprintf(a, sizeof(a), "%s%s", path, from);
        (void)snprintf(b, sizeof(b), "%s%s", path, to);
        assert_int_equal(rename(a, b), 0);
}

static void remove_file(const char *suffix)
{
        char name[160];

        (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
        (void)unlink(name);
}

static int setup(void **state)
{
        (void)state;
        strcpy(folder, "/tmp/test_sources-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/log", folder);
        return 0;
}

static int teardown(void **state)
{
        char command[128];

        (void)state;
        (void)snprintf(command, sizeof(command), "rm -r %s", folder);
        return system(command);
}

/* All lines that are there, with a blank behind each. */
static void assert_lines(struct log_source *s, const char *expected)
{
        struct buf all = { 0 };
        struct span line;

        while (log_source_next(s, &line) > 0) {
                buf_append_span(&all, line);
                buf_append_char(&all, ' ');
        }
        if (!span_is(all.data ? buf_span(&all) : SPAN_LITERAL(""), expected))
                fail_msg("'%.*s', expected '%s'", (int)all.size, all.data ? all.data : "",
                         expected);
        buf_done(&all);
}

static void rotated_files_come_first_the_highest_number_before_all(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "7\n8\n");
        append(".1", "5\n6\n");
        append(".2", "4\n");
        append(".10", "1\n");
        append(".9", ""); /* and none in between */
        append(".02", "x\n");
        append(".1x", "x\n");
        append(".3.xz", "x\n");
        append("-1", "x\n");
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "1 4 5 6 7 8 ");
        assert_int_equal(log_source_wait(s, -1), 0);
        assert_int_equal(s->n_packed, 0);
        assert_int_equal(s->n_cut, 0);
        log_source_free(s);
}

static void compress_file(const char *command, const char *suffix)
{
        char line[256];

        (void)snprintf(line, sizeof(line), "%s %s%s", command, path, suffix);
        assert_int_equal(system(line), 0);
}

static bool is_any(void *userdata, struct span text)
{
        (void)userdata;
        (void)text;
        return true;
}

static void compressed_files_are_read_like_others(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "6\n");
        append(".1", "5\n");
        append(".2", "3\n4\n");
        append(".3", "2\n");
        append(".4", "1\n");
        compress_file("gzip", ".2");
        compress_file("gzip", ".4");
        compress_file("gzip -k", ".3"); /* is being packed: it is there twice */
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "1 2 3 4 5 6 ");
        assert_int_equal(s->n_packed + s->n_broken + s->n_cut, 0);
        log_source_free(s);
        for (unsigned n = 0; n < 8; n++) {
                static const char all[] = "1 2 3 4 5 6 ";

                assert_int_equal(log_source_file_new(path, false, &s), 0);
                assert_int_equal(log_source_tail(s, n, is_any, NULL), 0);
                assert_lines(s, n < 6 ? all + 2 * (6 - n) : all);
                log_source_free(s);
        }
}

static void a_file_may_be_compressed_while_it_is_read(void **state)
{
        struct log_source *s;
        struct span line;

        (void)state;
        append(".2", "1\n2\n");
        (void)usleep(20000); /* time stamps of files are as coarse as a tick */
        append(".1", "3\n");
        append("", "4\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_int_equal(log_source_next(s, &line), 1);
        compress_file("gzip", ".2");
        assert_lines(s, "2 3 4 ");
        log_source_free(s);
}

static void compressed_files_that_cannot_be_read_are_counted(void **state)
{
        _cleanup_(freep) char *old_path = strdup(getenv("PATH"));
        struct log_source *s;

        (void)state;
        append("", "3\n");
        append(".1.gz", "this is something else\n");
        append(".2", "1\n2\n");
        compress_file("gzip", ".2");
        compress_file("truncate -s -4", ".2.gz"); /* its checksum is cut off */
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "1 2 3 ");
        assert_int_equal(s->n_broken, 2);
        log_source_free(s);
        assert_int_equal(setenv("PATH", "/nowhere", true), 0);
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "3 ");
        assert_int_equal(s->n_packed, 2);
        assert_int_equal(setenv("PATH", old_path, true), 0);
        log_source_free(s);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
        struct log_source *s;

        (void)state;
        assert_int_equal(log_source_file_new(path, false, &s), -ENOENT);
        assert_int_equal(log_source_file_new("/nowhere/log", false, &s), -ENOENT);
}

static void following_goes_over_rotations_without_a_gap(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "1\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_lines(s, "1 ");
        append("", "2\n");
        move("", ".1");
        append("", "3\n");
        assert_lines(s, "2 3 ");
        append("", "4");
        assert_lines(s, "");
        append("", "4\n5\n");
        assert_lines(s, "44 5 ");
        move(".1", ".2");
        move("", ".1");
        append("", "6\n");
        assert_lines(s, "6 ");
        assert_int_equal(s->n_cut, 0);
        log_source_free(s);
}

static void two_rotations_before_one_look_lose_nothing(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "1\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_lines(s, "1 ");
        move("", ".1");
        append("", "2\n");
        move(".1", ".2");
        move("", ".1");
        append("", "3\n");
        assert_lines(s, "2 3 ");
        log_source_free(s);
}

static void a_file_that_is_packed_while_it_is_read_goes_on_with_the_next(void **state)
{
        const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct log_source *s;
        char name[160];

        (void)state;
        append(".3", "1\n");
        append(".2", "2\n");
        append(".1", "3\n");
        for (int i = 1; i <= 3; i++) { /* in one tick of the clock */
                (void)snprintf(name, sizeof(name), "%s.%d", path, i);
                assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
        }
        append("", "4\n");
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        for (int i = 1; i <= 2; i++) {
                struct span line;

                assert_int_equal(log_source_next(s, &line), 1);
                assert_int_equal(line.data[0], '0' + i);
        }
        compress_file("zstd -q --rm", ".3");
        compress_file("zstd -q --rm", ".2"); /* which is open */
        move(".3.zst", ".4.zst");
        move(".2.zst", ".3.zst");
        move(".1", ".2");
        move("", ".1");
        append("", "5\n");
        assert_lines(s, "3 4 5 ");
        log_source_free(s);
}

static void a_file_that_is_packed_while_it_is_followed_loses_nothing(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "1\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_lines(s, "1 ");
        append("", "2\n");
        move("", ".1");
        append("", "3\n");
        move(".1", ".2");
        move("", ".1");
        append("", "4\n");
        compress_file("zstd -q --rm", ".2");
        assert_lines(s, "2 3 4 ");
        append("", "5\n");
        assert_lines(s, "5 ");
        log_source_free(s);
}

static void a_file_that_was_removed_is_followed_by_what_is_later(void **state)
{
        struct log_source *s;

        (void)state;
        append(".1", "0\n");
        append("", "1\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_lines(s, "0 1 ");
        (void)usleep(20000); /* time stamps of files are as coarse as a tick */
        remove_file("");
        append("", "2\n");
        assert_lines(s, "2 ");
        log_source_free(s);
}

static void an_emptied_file_begins_anew(void **state)
{
        struct log_source *s;

        (void)state;
        append("", "1\n2\n");
        assert_int_equal(log_source_file_new(path, true, &s), 0);
        assert_lines(s, "1 2 ");
        assert_int_equal(truncate(path, 0), 0);
        append("", "3\n");
        assert_lines(s, ""); /* that was noticed */
        assert_lines(s, "3 ");
        log_source_free(s);
}

static void a_line_without_end_is_counted(void **state)
{
        struct log_source *s;

        (void)state;
        append(".1", "1\ncut");
        append("", "2\ncut, too");
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "1 2 ");
        assert_int_equal(log_source_wait(s, -1), 0);
        assert_int_equal(s->n_cut, 2);
        log_source_free(s);
}

static void a_line_that_is_too_long_is_passed_over(void **state)
{
        const size_t size = LINE_SIZE_MAX + MIB;
        char *text = malloc(size + 2);
        struct log_source *s;

        (void)state;
        assert_non_null(text);
        memset(text, 'x', size);
        memcpy(text + size, "\n", 2);
        append("", "1\n");
        append("", text);
        append("", "2\n");
        free(text);
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_lines(s, "1 2 ");
        assert_int_equal(s->n_too_long, 1);
        log_source_free(s);
}

static bool is_even(void *userdata, struct span line)
{
        unsigned *n = userdata;

        (*n)++;
        return line.size > 0 && line.data[line.size - 1] % 2 == 0;
}

static void assert_tail(uint64_t n, const char *expected)
{
        struct log_source *s;
        unsigned calls = 0;

        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_int_equal(log_source_tail(s, n, is_even, &calls), 0);
        assert_lines(s, expected);
        log_source_free(s);
}

static void the_last_lines_are_found_from_the_end(void **state)
{
        (void)state;
        append(".2", "1\n2\n");
        append(".1", "3\n4\n5\n");
        append("", "6\n7\n8\n9\ncut");
        assert_tail(0, "");
        assert_tail(1, "8 9 ");
        assert_tail(2, "6 7 8 9 ");
        assert_tail(3, "4 5 6 7 8 9 ");
        assert_tail(4, "2 3 4 5 6 7 8 9 ");
        assert_tail(5, "1 2 3 4 5 6 7 8 9 ");
}

static void append_long(size_t size)
{
        char *text = malloc(size + 2);

        assert_non_null(text);
        memset(text, '2', size); /* an even number, if it were read */
        memcpy(text + size, "\n", 2);
        append("", text);
        free(text);
}

static void assert_tail_begins(uint64_t n, const char *first, uint64_t n_lines, uint64_t n_too_long)
{
        struct log_source *s;
        unsigned calls = 0;
        struct span line;

        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_int_equal(log_source_tail(s, n, is_even, &calls), 0);
        for (uint64_t i = 0; i < n_lines; i++) {
                assert_int_equal(log_source_next(s, &line), 1);
                assert_true(i > 0 || span_is(line, first));
        }
        assert_int_equal(log_source_next(s, &line), 0);
        assert_int_equal(s->n_too_long, n_too_long);
        log_source_free(s);
}

static void a_line_that_is_too_long_does_not_count_from_the_end(void **state)
{
        (void)state;
        append_long(LINE_SIZE_MAX + 1);
        append("", "4\n5\n");
        append_long(LINE_SIZE_MAX);
        append("", "6\n");
        append_long(2 * LINE_SIZE_MAX + 12345);
        append("", "7\n8\n");
        append_long(LINE_SIZE_MAX + 1);
        assert_tail_begins(1, "8", 1, 1);
        assert_tail_begins(2, "6", 3, 2);
        assert_tail_begins(4, "4", 6, 2);
        assert_tail_begins(5, "4", 6, 3); /* from the beginning */
}

static void lines_longer_than_a_block_are_found_from_the_end(void **state)
{
        char text[700 * 1024];
        struct log_source *s;
        unsigned calls = 0;
        struct span line;

        (void)state;
        memset(text, '2', sizeof(text));
        memcpy(text + sizeof(text) - 2, "\n", 2);
        append("", "1\n");
        append("", text);
        append("", "3\n4\n5\n");
        assert_int_equal(log_source_file_new(path, false, &s), 0);
        assert_int_equal(log_source_tail(s, 2, is_even, &calls), 0);
        assert_int_equal(calls, 4);
        assert_int_equal(log_source_next(s, &line), 1);
        assert_int_equal(line.size, sizeof(text) - 2);
        assert_lines(s, "3 4 5 ");
        log_source_free(s);
}

static void a_pipe_is_shown_as_it_comes(void **state)
{
        struct log_source *s;
        struct span line;
        int fds[2];

        (void)state;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(log_source_stream_new(fds[0], &s), 0);
        assert_true(s->is_live);
        assert_int_equal(write(fds[1], "1\n2", 3), 3);
        assert_lines(s, "1 ");
        assert_int_equal(write(fds[1], "3\n", 2), 2);
        assert_int_equal(log_source_wait(s, -1), 1);
        assert_lines(s, "23 ");
        assert_int_equal(write(fds[1], "4", 1), 1);
        assert_int_equal(close(fds[1]), 0);
        assert_int_equal(log_source_wait(s, -1), 1);
        assert_int_equal(log_source_next(s, &line), 0);
        assert_int_equal(log_source_wait(s, -1), 0);
        assert_int_equal(s->n_cut, 1);
        assert_int_equal(log_source_tail(s, 1, is_even, NULL), -EOPNOTSUPP);
        log_source_free(s);
        (void)close(fds[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(rotated_files_come_first_the_highest_number_before_all),
                TEST(compressed_files_are_read_like_others),
                TEST(a_file_may_be_compressed_while_it_is_read),
                TEST(compressed_files_that_cannot_be_read_are_counted),
                TEST(a_file_that_is_not_there_is_an_error),
                TEST(following_goes_over_rotations_without_a_gap),
                TEST(two_rotations_before_one_look_lose_nothing),
                TEST(a_file_that_is_packed_while_it_is_read_goes_on_with_the_next),
                TEST(a_file_that_is_packed_while_it_is_followed_loses_nothing),
                TEST(a_file_that_was_removed_is_followed_by_what_is_later),
                TEST(an_emptied_file_begins_anew),
                TEST(a_line_without_end_is_counted),
                TEST(a_line_that_is_too_long_is_passed_over),
                TEST(a_line_that_is_too_long_does_not_count_from_the_end),
                TEST(the_last_lines_are_found_from_the_end),
                TEST(lines_longer_than_a_block_are_found_from_the_end),
                TEST(a_pipe_is_shown_as_it_comes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
