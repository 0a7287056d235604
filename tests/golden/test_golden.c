/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Each recording of the real kernel (NAME.rec) goes through all stages into a stdout sink, once for
 * each format; what comes out is NAME.jsonl, or ecs/NAME.jsonl and so on, byte for byte. And what
 * every shell does all day stays small.
 *
 * The lines are without `start`, which names the version. With GOLDEN_UPDATE=1 in the environment
 * the .jsonl files are written instead of compared: look at the difference before you keep it.
 * New recordings are made by make_golden.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "flow_fixture.h"
#include "sink/backlog.h"

#define FOLDER TESTS_DIR "/golden"
#define RECORDINGS_MAX 64
#define TESTS_MAX (RECORDINGS_MAX * _FORMAT_MAX)
#define QUEUE_SIZE (size_t)(16 * MIB)
#define BACKLOG_SIZE (size_t)(16 * MIB)
#define COMMAND_SIZE_MAX 1500

static void read_file(int fd, struct buf *ret)
{
        ssize_t n;

        do {
                char *p = buf_reserve(ret, 64 * KIB);

                assert_non_null(p);
                n = read(fd, p, 64 * KIB);
                assert_true(n >= 0);
                ret->size += (size_t)n;
        } while (n > 0);
}

/* The folder of its lines. */
#define FOLDER_OF(NAME, name) [FORMAT_##NAME] = #name "/",
static const char *const folders[_FORMAT_MAX] = { FORMATS(FOLDER_OF) };

struct expectation {
        const char *name;
        enum config_format format;
        char title[300];
};

/* The lines of a recording. */
static void replay(const char *path, enum config_format format, struct buf *ret)
{
        _cleanup_(flow_fixture_done) struct flow_fixture fixture = { 0 };
        _cleanup_(closep) int input = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int output = memfd_create("lines", MFD_CLOEXEC);
        struct source *source = NULL;
        struct sink *sink = NULL;

        assert_int_equal(source_replay_new(input, &source), 0);
        assert_int_equal(flow_fixture_init(&fixture, source, QUEUE_SIZE), 0);
        assert_int_equal(sink_stdout_new(output, BACKLOG_SIZE, &sink), 0);
        outputs_set_sink(fixture.flow->outputs, SINK_STDOUT, sink, format);
        assert_int_equal(flow_fixture_replay(&fixture), 0);
        assert_int_equal(flow_fixture_unaccounted(&fixture, SINK_STDOUT), 0);
        assert_int_equal(lseek(output, 0, SEEK_SET), 0);
        read_file(output, ret);
}

static void write_expected(const char *path, const struct buf *lines)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fwrite(lines->data, 1, lines->size, f), lines->size);
        assert_int_equal(fclose(f), 0);
}

static struct span first_line(struct span text)
{
        const char *newline = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;

        if (newline)
                text.size = (size_t)(newline + 1 - text.data);
        return text;
}

/* Shows the first line that differs: the whole would be too much to look at. */
static void assert_same_lines(struct span expected, struct span found)
{
        unsigned n = 0;

        while (expected.size > 0 || found.size > 0) {
                struct span e = first_line(expected), f = first_line(found);

                n++;
                if (e.size != f.size || memcmp(e.data, f.data, e.size) != 0)
                        fail_msg("line %u\nexpected: %.*sfound:    %.*s", n, (int)e.size, e.data,
                                 (int)f.size, f.data);
                expected.data += e.size;
                expected.size -= e.size;
                found.data += f.size;
                found.size -= f.size;
        }
}

static void recording_gives_its_lines(void **state)
{
        _cleanup_(buf_done) struct buf lines = { 0 }, expected = { 0 };
        _cleanup_(closep) int fd = -1;
        const struct expectation *e = *state;
        char path[4096];

        (void)snprintf(path, sizeof(path), FOLDER "/%s", e->name);
        replay(path, e->format, &lines);
        (void)snprintf(path, sizeof(path), FOLDER "/%s%.*s.jsonl",
                       e->format == FORMAT_NATIVE ? "" : folders[e->format],
                       (int)strlen(e->name) - 4, e->name);
        if (getenv("GOLDEN_UPDATE")) {
                write_expected(path, &lines);
                return;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                fail_msg("%s: %s", path, strerror(errno));
        read_file(fd, &expected);
        assert_same_lines(buf_span(&expected), buf_span(&lines));
}

/*
 * What people pay for in disks and in log services: the events of a shell, as lines of JSON and as
 * entries of the journal, all fields included.
 */
static void shell_command_takes_less_than_1500_bytes(void **state)
{
        _cleanup_(flow_fixture_done) struct flow_fixture fixture = { 0 };
        _cleanup_(closep) int input = open(FOLDER "/commands.rec", O_RDONLY | O_CLOEXEC);
        _cleanup_(buf_done) struct buf lines = { 0 };
        struct backlog_entry entries[64];
        struct source *source = NULL;
        struct sink *journal = NULL;
        size_t n = 0;

        (void)state;
        replay(FOLDER "/commands.rec", FORMAT_NATIVE, &lines);
        for (struct span rest = buf_span(&lines); rest.size > 0; n++) {
                struct span line = first_line(rest);

                assert_in_range(line.size, 1, COMMAND_SIZE_MAX - 1);
                rest.data += line.size;
                rest.size -= line.size;
        }
        assert_true(n > 8);

        assert_int_equal(source_replay_new(input, &source), 0);
        assert_int_equal(flow_fixture_init(&fixture, source, QUEUE_SIZE), 0);
        assert_int_equal(sink_journal_new("/nonexistent/socket", BACKLOG_SIZE, &journal), 0);
        outputs_set_sink(fixture.flow->outputs, SINK_JOURNAL, journal, FORMAT_NATIVE);
        assert_int_equal(flow_fixture_replay(&fixture), 0);
        assert_int_equal(backlog_peek(journal->backlog, entries, ELEMENTSOF(entries)), n);
        while (n-- > 0)
                assert_in_range(entries[n].data.size, 1, COMMAND_SIZE_MAX - 1);
}

static int is_recording(const struct dirent *entry)
{
        size_t size = strlen(entry->d_name);

        return size > 4 && strcmp(entry->d_name + size - 4, ".rec") == 0;
}

static void add_test(const char *name, enum config_format format, struct expectation *e,
                     struct CMUnitTest *ret)
{
        e->name = name;
        e->format = format;
        (void)snprintf(e->title, sizeof(e->title), "%s%s", folders[format], name);
        *ret = (struct CMUnitTest){ .name = e->title,
                                    .test_func = recording_gives_its_lines,
                                    .initial_state = e };
}

int main(void)
{
        const struct CMUnitTest sizes[] = {
                cmocka_unit_test(shell_command_takes_less_than_1500_bytes),
        };
        static struct expectation expectations[TESTS_MAX];
        struct CMUnitTest tests[TESTS_MAX] = { { 0 } };
        struct dirent **entries;
        size_t n_tests = 0;
        int n, r;

        n = scandir(FOLDER, &entries, is_recording, alphasort);
        if (n <= 0 || n > RECORDINGS_MAX) {
                (void)fprintf(stderr, "%d recordings in " FOLDER "\n", n);
                return EXIT_FAILURE;
        }
        for (int i = 0; i < n; i++)
                for (enum config_format f = 0; f < _FORMAT_MAX; f++, n_tests++)
                        add_test(entries[i]->d_name, f, &expectations[n_tests], &tests[n_tests]);
        r = _cmocka_run_group_tests("golden", tests, n_tests, NULL, NULL);
        r += cmocka_run_group_tests(sizes, NULL, NULL);
        for (int i = 0; i < n; i++)
                free(entries[i]);
        free(entries);
        return r;
}
