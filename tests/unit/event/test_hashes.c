/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The cache of files' hashes and its requests: what is the same file, what gives way, what stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/hashes.h"
#include "event/stats.h"

#define N_FILES 8192 /* that the table has room for */

struct fixture {
        void *memory;
        struct hashes *hashes;
};

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->memory = calloc(1, HASHES_SIZE);
        assert_non_null(f->memory);
        assert_int_equal(hashes_new(f->memory, &f->hashes), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        hashes_free(f->hashes);
        free(f->memory);
        free(f);
        return 0;
}

static struct exec_event exec_of(uint64_t ino)
{
        return (struct exec_event){
                .kind = EVENT_EXEC,
                .exe = SPAN_LITERAL("/bin/x"),
                .facts = { .present = FACT_EXE_FILE | FACT_CTIME,
                           .exe_file = { .dev = 1,
                                         .ino = ino,
                                         .size = 2,
                                         .mtime_sec = 3,
                                         .mtime_nsec = 4,
                                         .ctime_sec = 5,
                                         .ctime_nsec = 6,
                                         .mode = 0755,
                                         .nlink = 1 } },
        };
}

static struct hash_stats stats_of(const struct fixture *f)
{
        struct hash_stats stats;

        hashes_fill_stats(f->hashes, &stats);
        return stats;
}

/* Answers the oldest request. */
static void answer(const struct fixture *f, enum hash_result result, uint8_t first)
{
        struct hash_answer a = { .result = result, .sha256 = { first } };

        assert_non_null(hashes_next(f->hashes));
        a.key = hashes_next(f->hashes)->key;
        hashes_answer(f->hashes, &a);
}

static void a_new_file_is_asked_for_once(void **state)
{
        const struct fixture *f = *state;
        struct exec_event event = exec_of(1);
        const uint8_t *sha256;

        assert_null(hashes_next(f->hashes));
        assert_null(hashes_look_up(f->hashes, &event));
        assert_null(hashes_look_up(f->hashes, &event));
        assert_string_equal(hashes_next(f->hashes)->path, "/bin/x");
        assert_int_equal(stats_of(f).waiting, 1);
        answer(f, HASH_OK, 7);
        assert_null(hashes_next(f->hashes));
        sha256 = hashes_look_up(f->hashes, &event);
        assert_non_null(sha256);
        assert_int_equal(sha256[0], 7);
        assert_null(hashes_next(f->hashes));
        assert_int_equal(stats_of(f).hashed, 1);
        assert_int_equal(stats_of(f).waiting, 0);
}

static void each_of_five_numbers_makes_another_file(void **state)
{
        const struct fixture *f = *state;
        struct exec_event events[8];

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                events[i] = exec_of(1);
        events[1].facts.exe_file.dev++;
        events[2].facts.exe_file.ino++;
        events[3].facts.exe_file.size++;
        events[4].facts.exe_file.mtime_sec++;
        events[5].facts.exe_file.mtime_nsec++;
        events[6].facts.exe_file.ctime_sec++;
        events[7].facts.exe_file.ctime_nsec++;
        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                assert_null(hashes_look_up(f->hashes, &events[i]));
                answer(f, HASH_OK, (uint8_t)i);
        }
        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                assert_int_equal(hashes_look_up(f->hashes, &events[i])[0], i);
        events[0].facts.exe_file.mode = 0700; /* of the same file */
        events[0].facts.exe_file.nlink = 9;
        assert_int_equal(hashes_look_up(f->hashes, &events[0])[0], 0);
}

static void a_file_that_cannot_be_read_is_said_once(void **state)
{
        const struct fixture *f = *state;
        struct exec_event event = exec_of(1);

        assert_null(hashes_look_up(f->hashes, &event));
        answer(f, HASH_CHANGED, 1);
        assert_null(hashes_look_up(f->hashes, &event));
        assert_null(hashes_next(f->hashes));
        assert_int_equal(stats_of(f).failed, 1);
        assert_int_equal(stats_of(f).hashed, 0);
}

static void only_a_successful_exec_asks(void **state)
{
        const struct fixture *f = *state;
        struct exec_event event = exec_of(1);

        event.kind = EVENT_EXEC_FAILED;
        assert_null(hashes_look_up(f->hashes, &event));
        event.kind = EVENT_EXEC;
        event.facts.present = FACT_EXE_FILE;
        assert_null(hashes_look_up(f->hashes, &event));
        event.facts.present = FACT_CTIME;
        assert_null(hashes_look_up(f->hashes, &event));
        assert_null(hashes_next(f->hashes));
        event = exec_of(1);
        assert_null(hashes_look_up(f->hashes, &event));
        answer(f, HASH_OK, 1);
        event.kind = EVENT_EXEC_FAILED;
        assert_non_null(hashes_look_up(f->hashes, &event));
}

static void a_path_that_leads_nowhere_is_none(void **state)
{
        const struct fixture *f = *state;
        struct exec_event event = exec_of(1);

        event.cut = EXEC_CUT(FIELD_EXE);
        assert_null(hashes_look_up(f->hashes, &event));
        assert_string_equal(hashes_next(f->hashes)->path, "");
        answer(f, HASH_NO_NAME, 0);
        event = exec_of(2);
        event.facts.exe_file.nlink = 0;
        assert_null(hashes_look_up(f->hashes, &event));
        assert_string_equal(hashes_next(f->hashes)->path, "");
        answer(f, HASH_NO_NAME, 0);
        event = exec_of(3);
        event.exe = (struct span){};
        assert_null(hashes_look_up(f->hashes, &event));
        assert_string_equal(hashes_next(f->hashes)->path, "");
}

static void requests_are_bounded_and_in_order(void **state)
{
        const struct fixture *f = *state;

        for (unsigned i = 0; i < HASH_REQUESTS_MAX + 3; i++) {
                struct exec_event event = exec_of(i);

                assert_null(hashes_look_up(f->hashes, &event));
        }
        assert_int_equal(stats_of(f).dropped, 3);
        assert_int_equal(stats_of(f).waiting, HASH_REQUESTS_MAX);
        for (unsigned i = 0; i < HASH_REQUESTS_MAX; i++) {
                assert_int_equal(hashes_next(f->hashes)->key.ino, i);
                answer(f, HASH_OK, 1);
        }
        assert_null(hashes_next(f->hashes));
        {
                struct exec_event event = exec_of(HASH_REQUESTS_MAX); /* dropped before */

                assert_null(hashes_look_up(f->hashes, &event));
                assert_int_equal(hashes_next(f->hashes)->key.ino, HASH_REQUESTS_MAX);
        }
}

/* One that is asked for all the time stays, whatever comes by. */
static void what_is_not_used_gives_way(void **state)
{
        const struct fixture *f = *state;
        struct exec_event used = exec_of(0);
        unsigned n_known = 0;

        assert_null(hashes_look_up(f->hashes, &used));
        answer(f, HASH_OK, 1);
        for (unsigned i = 1; i < 2 * N_FILES; i++) {
                struct exec_event event = exec_of(i);

                assert_null(hashes_look_up(f->hashes, &event));
                answer(f, HASH_OK, 2);
                assert_non_null(hashes_look_up(f->hashes, &event));
                assert_non_null(hashes_look_up(f->hashes, &used));
        }
        for (unsigned i = 0; i < 2 * N_FILES; i++) {
                struct exec_event event = exec_of(i);

                event.kind = EVENT_EXEC_FAILED; /* asks for nothing */
                n_known += hashes_look_up(f->hashes, &event) != NULL;
        }
        assert_in_range(n_known, N_FILES / 2, N_FILES);
}

static void the_next_run_knows_what_this_one_knew(void **state)
{
        struct fixture *f = *state;
        struct exec_event known = exec_of(1), failed = exec_of(2), waiting = exec_of(3);

        assert_null(hashes_look_up(f->hashes, &known));
        answer(f, HASH_OK, 5);
        assert_null(hashes_look_up(f->hashes, &failed));
        answer(f, HASH_UNREADABLE, 0);
        assert_null(hashes_look_up(f->hashes, &waiting));
        hashes_free(f->hashes);
        assert_int_equal(hashes_new(f->memory, &f->hashes), 0);
        assert_int_equal(hashes_look_up(f->hashes, &known)[0], 5);
        assert_null(hashes_next(f->hashes));
        assert_null(hashes_look_up(f->hashes, &failed));
        assert_int_equal(hashes_next(f->hashes)->key.ino, 2);
        answer(f, HASH_OK, 6);
        assert_null(hashes_look_up(f->hashes, &waiting));
        assert_int_equal(hashes_next(f->hashes)->key.ino, 3);
}

static void memory_of_something_else_is_cleared(void **state)
{
        struct fixture *f = *state;
        struct exec_event event = exec_of(1);

        hashes_free(f->hashes);
        memset(f->memory, 0xff, HASHES_SIZE);
        assert_int_equal(hashes_new(f->memory, &f->hashes), 0);
        assert_null(hashes_look_up(f->hashes, &event));
        answer(f, HASH_OK, 1);
        assert_non_null(hashes_look_up(f->hashes, &event));
}

static void the_event_has_the_file_and_the_answer(void **state)
{
        const struct fixture *f = *state;
        struct exec_event event = exec_of(1), told;
        struct hash_answer a = { .result = HASH_OK };

        assert_null(hashes_look_up(f->hashes, &event));
        told = hashes_event(hashes_next(f->hashes), &a, 77);
        assert_int_equal(told.kind, EVENT_FILE);
        assert_int_equal(told.boot_ns, 77);
        assert_true(span_is(told.exe, "/bin/x"));
        assert_int_equal(told.facts.exe_file.mode, 0755);
        assert_ptr_equal(told.exe_sha256, a.sha256);
        a.result = HASH_UNREADABLE;
        a.error = 13;
        told = hashes_event(hashes_next(f->hashes), &a, 77);
        assert_null(told.exe_sha256);
        assert_int_equal(told.hash_result, HASH_UNREADABLE);
        assert_int_equal(told.hash_error, 13);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_new_file_is_asked_for_once),
                TEST(each_of_five_numbers_makes_another_file),
                TEST(a_file_that_cannot_be_read_is_said_once),
                TEST(only_a_successful_exec_asks),
                TEST(a_path_that_leads_nowhere_is_none),
                TEST(requests_are_bounded_and_in_order),
                TEST(what_is_not_used_gives_way),
                TEST(the_next_run_knows_what_this_one_knew),
                TEST(memory_of_something_else_is_cleared),
                TEST(the_event_has_the_file_and_the_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
