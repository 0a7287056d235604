/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Names of users, from files that are good, odd, changed and gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/users.h"

struct fixture {
        char folder[32];
        char path[64];
        struct users *users;
        uint64_t event_ns; /* of the next look-up; 0: now */
};

static void write_file(const struct fixture *f, const char *text, size_t size)
{
        char fresh[80];
        FILE *file;

        /* as editors and useradd do: a new file in the place of the old one */
        (void)snprintf(fresh, sizeof(fresh), "%s.new", f->path);
        file = fopen(fresh, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(rename(fresh, f->path), 0);
}

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        strcpy(f->folder, "/tmp/test_users.XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/passwd", f->folder);
        assert_int_equal(users_new(f->folder, "passwd", &f->users), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        users_free(f->users);
        (void)unlink(f->path);
        (void)rmdir(f->folder);
        free(f);
        return 0;
}

static uint64_t now_ns(void)
{
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
        return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void assert_name(struct fixture *f, uint32_t uid, const char *expected)
{
        uint64_t event_ns = f->event_ns ? f->event_ns : now_ns();
        struct span name = users_name(f->users, uid, event_ns);

        if (!expected) {
                assert_null(name.data);
                return;
        }
        assert_int_equal(name.size, strlen(expected));
        assert_memory_equal(name.data, expected, name.size);
}

static void names_are_found_by_number(void **state)
{
        static const char text[] = "root:x:0:0:root:/root:/bin/sh\n"
                                   "toor:x:0:0::/:/bin/sh\n" /* the first one counts */
                                   "ann:x:1000:1000::/home/ann:/bin/sh\n"
                                   "bob:x:7"; /* no more fields, no newline: not a line */
        struct fixture *f = *state;

        write_file(f, text, sizeof(text) - 1);
        assert_name(f, 0, "root");
        assert_name(f, 1000, "ann");
        assert_name(f, 7, NULL);
        assert_name(f, 1, NULL);
        assert_name(f, UINT32_MAX, NULL);
}

static void odd_lines_are_skipped(void **state)
{
        static const char text[] = "\n:::\n#c:x:1:1:\n+nis:x:2:2:\n-nis:x:3:3:\n"
                                   "neg:x:-4:4:\nbig:x:99999999999999999999:5:\nhex:x:0x6:6:\n"
                                   "no:x::7:\nnobody4:x:4294967295:8:\n"
                                   "nul\0name:x:9:9:\nlast:x:10:10:";
        struct fixture *f = *state;

        write_file(f, text, sizeof(text) - 1);
        for (uint32_t uid = 0; uid < 9; uid++)
                assert_name(f, uid, NULL);
        assert_name(f, UINT32_MAX, NULL);
        assert_name(f, 10, "last");
}

/* So often that some come within one tick of the clock that files are stamped by. */
static void an_event_behind_a_change_has_the_new_name(void **state)
{
        struct fixture *f = *state;

        for (unsigned i = 0; i < 500; i++) {
                write_file(f, "ann:x:1:1:\n", 11);
                assert_name(f, 1, "ann");
                write_file(f, "eve:x:1:1:\n", 11);
                assert_name(f, 1, "eve");
        }
}

static void an_event_behind_a_change_in_place_has_the_new_name(void **state)
{
        static const char *const names[] = { "ann", "eve" };
        struct fixture *f = *state;
        FILE *file;

        write_file(f, "ann:x:1:1:\n", 11);
        file = fopen(f->path, "r+");
        assert_non_null(file);
        for (unsigned i = 0; i < 1000; i++) {
                rewind(file);
                assert_int_equal(fputs(names[i % 2], file) >= 0 && fflush(file) == 0, true);
                assert_name(f, 1, names[i % 2]);
        }
        assert_int_equal(fclose(file), 0);
}

/* All events of a round happened before the files are looked at: one look is enough. */
static void the_file_is_looked_at_once_for_all_events_before(void **state)
{
        struct fixture *f = *state;
        uint64_t event_ns = now_ns();

        write_file(f, "ann:x:1:1:\n", 11);
        assert_name(f, 1, "ann");
        write_file(f, "eve:x:1:1:\n", 11);
        f->event_ns = event_ns;
        assert_name(f, 1, "ann");
        f->event_ns = 0;
        assert_name(f, 1, "eve");
}

/* Of a recording that says so: a name that was given out stays valid, and another may be asked for.
 */
static void an_event_of_the_future_is_looked_up_once(void **state)
{
        struct fixture *f = *state;
        struct span ann, bob;

        write_file(f, "ann:x:1:1:\nbob:x:2:2:\n", 22);
        f->event_ns = now_ns() + 3600 * NSEC_PER_SEC;
        ann = users_name(f->users, 1, f->event_ns);
        bob = users_name(f->users, 2, f->event_ns);
        assert_true(span_is(ann, "ann") && span_is(bob, "bob"));
}

static void a_missing_file_has_no_names_until_it_is_there(void **state)
{
        struct fixture *f = *state;

        assert_name(f, 0, NULL);
        write_file(f, "root:x:0:0:\n", 12);
        assert_name(f, 0, "root");
        assert_int_equal(unlink(f->path), 0);
        assert_name(f, 0, NULL);
}

static void an_empty_file_has_no_names(void **state)
{
        struct fixture *f = *state;

        write_file(f, "", 0);
        assert_name(f, 0, NULL);
}

static void numbers_are_found_by_name(void **state)
{
        static const char text[] = "root:x:0:0:\ntoor:x:0:0:\nann:x:1000:\nann:x:5:\nan:x:6:\n";
        struct fixture *f = *state;
        uint32_t number = 77;

        write_file(f, text, sizeof(text) - 1);
        assert_false(users_number(f->users, SPAN_LITERAL("a"), now_ns(), &number));
        assert_false(users_number(f->users, SPAN_LITERAL(""), now_ns(), &number));
        assert_int_equal(number, 77);
        assert_true(users_number(f->users, SPAN_LITERAL("toor"), now_ns(), &number));
        assert_int_equal(number, 0);
        /* The first line counts, though its number is higher. */
        assert_true(users_number(f->users, SPAN_LITERAL("ann"), now_ns(), &number));
        assert_int_equal(number, 1000);
        write_file(f, "eve:x:1:1:\n", 11);
        assert_true(users_number(f->users, SPAN_LITERAL("eve"), now_ns(), &number));
        assert_int_equal(number, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(names_are_found_by_number, set_up, tear_down),
                cmocka_unit_test_setup_teardown(numbers_are_found_by_name, set_up, tear_down),
                cmocka_unit_test_setup_teardown(odd_lines_are_skipped, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_event_behind_a_change_has_the_new_name, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(an_event_behind_a_change_in_place_has_the_new_name,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_file_is_looked_at_once_for_all_events_before,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_event_of_the_future_is_looked_up_once, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_missing_file_has_no_names_until_it_is_there,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_file_has_no_names, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
