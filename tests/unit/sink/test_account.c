/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* account: what is written is read, and what a file holds behind it is found. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"
#include "sink/account.h"

#define OCSF(code)                                                                                 \
        "{\"metadata\":{\"product\":{\"name\":\"execsnoopd\"},\"event_code\":\"" code "\""
#define ECS(code) "{\"@timestamp\":\"2026\",\"event\":{\"code\":\"" code "\""

static char path[] = "/tmp/execsnoopd-account-XXXXXX";

static int setup(void **state)
{
        int fd;

        strcpy(path + strlen(path) - 6, "XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        (void)close(fd);
        *state = calloc(1, sizeof(struct account));
        return 0;
}

static int teardown(void **state)
{
        (void)unlink(path);
        free(*state);
        return 0;
}

static void append(const char *text)
{
        FILE *file = fopen(path, "ae");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void account_write_leaves_what_was_valid(void **state)
{
        const struct account_state old = { .accounted = 1, .size = 10 }, fresh = { .accounted = 2 };
        struct account *a = *state, before;

        account_write(a, &old);
        before = *a;
        account_write(a, &fresh);
        assert_int_not_equal(a->generation % 2, before.generation % 2);
        assert_memory_equal(&a->state[before.generation % 2], &old, sizeof(old));
        assert_int_equal(account_read(a).accounted, 2);
}

/* All that the file holds by now is accounted for. */
static void settle(struct account *a, uint64_t accounted)
{
        struct account_state state = { .accounted = accounted };
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        state.dev = st.st_dev;
        state.ino = st.st_ino;
        state.size = (uint64_t)st.st_size;
        account_write(a, &state);
}

static void zeroed_account_is_empty_and_not_open(void **state)
{
        const struct account *a = *state;

        assert_int_equal(account_read(a).accounted, 0);
        assert_false(a->is_open);
}

static void state_is_what_was_written_last(void **state)
{
        struct account *a = *state;

        for (uint64_t i = 1; i < 10; i++) {
                account_write(a, &(struct account_state){ .accounted = i, .size = 2 * i });
                assert_int_equal(account_read(a).accounted, i);
                assert_int_equal(account_read(a).size, 2 * i);
        }
}

static void state_half_written_is_not_valid_yet(void **state)
{
        struct account *a = *state;

        account_write(a, &(struct account_state){ .accounted = 1 });
        a->state[(a->generation + 1) % 2].accounted = 2; /* and then we die */
        assert_int_equal(account_read(a).accounted, 1);
}

static void lines_behind_the_account_are_counted(void **state)
{
        struct account *a = *state;

        append("{\"event\":\"exec\",\"time\":\"\"}\n");
        settle(a, 1);
        append("{\"event\":\"exec\",\"x\":\"{\\\"event\\\":\\\"lost\\\",\\\"count\\\":7}\"}\n"
               "{\"event\":\"exec_failed\"}\n{\"event\":\"exec_attempt\"}\n{\"event\":\"exit\"}\n"
               "{\"event\":\"stats\",\"lost\":9}\n{\"event\":\"start\"}\n{\"event\":\"stop\"}\n"
               "{\"event\":\"lost\",\"where\":\"ring\",\"count\":100,\"from\":\"\"}\n"
               "{\"event\":\"lost\",\"where\":\"file\",\"count\":1000}\n"
               "{\"event\":\"lost\",\"where\":\"journal\",\"count\":20}\n"
               "{\"event\":\"lost\",\"where\":\"blind\",\"count\":1}\n");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 1 + 4 + 1100);
        account_recover_file(a, path); /* nothing is new now */
        assert_int_equal(account_read(a).accounted, 1 + 4 + 1100);
}

/* A file may have lines of both, if the settings have changed and it could not be rotated. */
static void lines_of_every_shape_are_counted(void **state)
{
        static const struct {
                const char *line;
                uint64_t events;
        } cases[] = {
                { "{\"event\":\"exec\",\"time\":\"\"}\n", 1 },
                { ECS("exec") "}}\n", 1 },
                { ECS("exec_failed") "}}\n", 1 },
                { ECS("exec_attempt") "}}\n", 1 },
                { ECS("exit") "}}\n", 1 },
                { ECS("stats") "},\"execsnoopd\":{\"lost\":9,\"count\":9}}\n", 0 },
                { ECS("start") "}}\n", 0 },
                { ECS("process") "}}\n", 0 },
                { ECS("lost") "},\"execsnoopd\":{\"where\":\"ring\",\"count\":100}}\n", 100 },
                { ECS("lost") "},\"host\":{\"name\":\"\\\"count\\\":7\"},"
                              "\"execsnoopd\":{\"where\":\"file\",\"count\":50}}\n",
                  50 },
                { ECS("lost") "},\"execsnoopd\":{\"where\":\"journal\",\"count\":20}}\n", 0 },
                { ECS("summary") "},\"execsnoopd\":{\"of\":\"exec\",\"count\":1000}}\n", 1000 },
                { ECS("exec_more") "}}\n", 0 },
                { ECS("") "}}\n", 0 },
                { "{\"@timestamp\":\"\",\"event\":{\"code\":\"exec\"}}\n", 0 },
                { OCSF("exec") "}}\n", 1 },
                { OCSF("exec_failed") "}}\n", 1 },
                { OCSF("exec_attempt") "}}\n", 1 },
                { OCSF("exit") "}}\n", 1 },
                { OCSF("stats") "},\"unmapped\":{\"lost\":9,\"count\":9}}\n", 0 },
                { OCSF("start") "}}\n", 0 },
                { OCSF("lost") "},\"unmapped\":{\"where\":\"ring\",\"count\":100}}\n", 100 },
                { OCSF("lost") "},\"unmapped\":{\"where\":\"journal\",\"count\":20}}\n", 0 },
                { OCSF("summary") "},\"unmapped\":{\"of\":\"exec\",\"count\":9}}\n", 9 },
                { OCSF("exec_more") "}}\n", 0 },
                { "{\"metadata\":{\"product\":{\"name\":\"another\"},\"event_code\":\"exec\"}}\n",
                  0 },
        };
        struct account *a = *state;
        uint64_t sum = 1;

        settle(a, sum);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                append(cases[i].line);
                account_recover_file(a, path);
                sum += cases[i].events;
                assert_int_equal(account_read(a).accounted, sum);
        }
}

static void torn_line_does_not_count(void **state)
{
        struct account *a = *state;

        settle(a, 5);
        append("{\"event\":\"exec\"}\n{\"event\":\"exec\"");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 6);
        assert_int_equal(account_read(a).size, strlen("{\"event\":\"exec\"}\n"));
}

static void other_file_is_not_looked_at(void **state)
{
        struct account_state other;
        struct account *a = *state;

        settle(a, 5);
        other = account_read(a);
        other.ino++;
        account_write(a, &other);
        append("{\"event\":\"exec\"}\n");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 5);
        account_recover_file(a, "/nonexistent");
        account_recover_file(a, "/dev/null");
        assert_int_equal(account_read(a).accounted, 5);
}

static void strange_lines_count_nothing(void **state)
{
        struct account *a = *state;

        settle(a, 5);
        append("\n\n{}\nexec\n{\"event\":\"executed\"}\n{\"event\":\"lost\"}\n"
               "{\"event\":\"lost\",\"count\":-}\n{\"event\":\"exec_failed_and_more\"}\n"
               "{\"event\":\"exec\n{\"event\":\"exit-1\"}\n{\"event\":\"exec\\\"}\n");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 5);
}

/* A number that no line of ours has would make the next run believe that nothing is missing. */
static void impossible_counts_are_none(void **state)
{
        struct account *a = *state;

        settle(a, 5);
        append("{\"event\":\"lost\",\"where\":\"ring\",\"count\":-1}\n{\"event\":\"lost\","
               "\"where\":\"ring\",\"count\":+1}\n"
               "{\"event\":\"lost\",\"where\":\"ring\",\"count\": "
               "1}\n{\"event\":\"lost\",\"where\":\"ring\",\"count\":1073741824}\n"
               "{\"event\":\"lost\",\"where\":\"ring\",\"count\":18446744073709551617}\n");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 5);
        append("{\"event\":\"lost\",\"where\":\"ring\",\"count\":1073741823}\n");
        account_recover_file(a, path);
        assert_int_equal(account_read(a).accounted, 5 + UINT64_C(1073741823));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(zeroed_account_is_empty_and_not_open),
                TEST(state_is_what_was_written_last),
                TEST(state_half_written_is_not_valid_yet),
                TEST(account_write_leaves_what_was_valid),
                TEST(lines_behind_the_account_are_counted),
                TEST(lines_of_every_shape_are_counted),
                TEST(torn_line_does_not_count),
                TEST(other_file_is_not_looked_at),
                TEST(strange_lines_count_nothing),
                TEST(impossible_counts_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
