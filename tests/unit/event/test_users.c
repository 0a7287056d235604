/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Names of users, from files that are good, odd, changed and gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/users.h"

struct fixture {
        char folder[32];
        char path[64];
        struct users *users;
        uint64_t now_ns;
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
        assert_int_equal(users_new(f->path, &f->users), 0);
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

static void assert_name(struct fixture *f, uint32_t uid, const char *expected)
{
        struct span name = users_name(f->users, uid, f->now_ns);

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

static void a_change_is_seen_after_a_second(void **state)
{
        struct fixture *f = *state;

        write_file(f, "ann:x:1:1:\n", 11);
        assert_name(f, 1, "ann");
        write_file(f, "eve:x:1:1:\n", 11);
        assert_name(f, 1, "ann");
        f->now_ns += NSEC_PER_SEC;
        assert_name(f, 1, "eve");
}

static void a_missing_file_has_no_names_until_it_is_there(void **state)
{
        struct fixture *f = *state;

        assert_name(f, 0, NULL);
        write_file(f, "root:x:0:0:\n", 12);
        f->now_ns += NSEC_PER_SEC;
        assert_name(f, 0, "root");
        assert_int_equal(unlink(f->path), 0);
        f->now_ns += NSEC_PER_SEC;
        assert_name(f, 0, NULL);
}

static void an_empty_file_has_no_names(void **state)
{
        struct fixture *f = *state;

        write_file(f, "", 0);
        assert_name(f, 0, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(names_are_found_by_number, set_up, tear_down),
                cmocka_unit_test_setup_teardown(odd_lines_are_skipped, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_change_is_seen_after_a_second, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_missing_file_has_no_names_until_it_is_there,
                                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_file_has_no_names, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
