/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Which rotated files give way to a copy, and when: by the file sink, and without compression, as
 * the copies here are just that. Whatever goes wrong in between, a file is there, or its copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file_fixture.h"
#include "sink/packing.h"

/* One line a file. */
static struct sink *file_make_packing(unsigned max_files)
{
        struct sink_file_config config = config_default();

        config.max_size = 1;
        config.max_files = max_files;
        config.compresses = true;
        return file_make_with(&config);
}

static void write_files(struct sink *s, unsigned n)
{
        lines_write_n(s, n, 10);
        assert_delivered(s);
}

static const char *copy_of(unsigned number)
{
        static char name[sizeof(path) + 32];

        (void)snprintf(name, sizeof(name), "%s.%u.zst", path, number);
        return name;
}

/* Of a copy that has no number yet. */
static const char *unfinished(void)
{
        static char name[sizeof(path) + 32];

        (void)snprintf(name, sizeof(name), "%s/.exec.jsonl.zst.tmp", folder);
        return name;
}

static bool has(const char *name)
{
        struct stat st;

        return lstat(name, &st) == 0;
}

/* That line is in the copy, and in no plain file of this number. */
static void assert_packed(unsigned number, uint64_t line)
{
        size_t size;
        _cleanup_(freep) char *data = slurp(copy_of(number), &size);

        lines_assert(data, size, line, line);
        assert_false(exists(number));
}

static struct packing *begin(struct sink *s)
{
        struct packing *p = sink_file_packing(s);
        struct packing_files files;
        char data[1024];
        ssize_t n;

        assert_int_equal(packing_begin(p, &files), 1);
        n = read(files.file, data, sizeof(data));
        assert_true(n > 0);
        assert_int_equal(write(files.copy, data, (size_t)n), n);
        return p;
}

static void pack(struct sink *s)
{
        struct packing *p = begin(s);

        assert_int_equal(packing_name(p), 0);
        assert_int_equal(packing_end(p), 0);
        assert_false(packing_is_busy(p));
}

static void assert_nothing_to_pack(struct sink *s)
{
        struct packing_files files;

        assert_int_equal(packing_begin(sink_file_packing(s), &files), 0);
        assert_false(has(unfinished()));
}

static void packing_is_for_the_second_rotated_file_and_older_ones(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct stat st, was;

        (void)state;
        write_files(s, 2);
        assert_nothing_to_pack(s); /* PATH and PATH.1 */
        write_files(s, 2);
        assert_int_equal(stat(numbered(2), &was), 0);
        pack(s); /* the newer first: it stays longer */
        assert_packed(2, 2);
        assert_file(3, 1, 1);
        pack(s);
        assert_packed(3, 1);
        assert_nothing_to_pack(s);
        assert_file(1, 3, 3);
        assert_file(0, 4, 4);

        assert_int_equal(stat(copy_of(2), &st), 0);
        assert_int_equal(st.st_mode & 07777, was.st_mode & 07777);
        assert_int_equal(st.st_mtim.tv_sec, was.st_mtim.tv_sec);
        assert_int_equal(st.st_mtim.tv_nsec, was.st_mtim.tv_nsec);
}

static void packing_is_not_done_unasked(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);

        (void)state;
        write_files(s, 4);
        assert_nothing_to_pack(s);
        config.max_size = 1;
        config.compresses = true;
        assert_int_equal(sink_file_configure(s, &config), 0);
        pack(s);
        assert_packed(2, 2);
}

static void packing_follows_a_file_that_is_renamed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        write_files(s, 2); /* it was PATH.2 */
        assert_int_equal(packing_name(p), 0);
        assert_int_equal(packing_end(p), 0);
        assert_packed(4, 1);
        assert_file(2, 3, 3);
        assert_file(3, 2, 2);
        assert_false(has(copy_of(2)));
}

/* Two names for one file would have to be renamed together. */
static void packing_gives_way_to_a_rotation(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        assert_int_equal(packing_name(p), 0);
        assert_true(has(copy_of(2)));
        write_files(s, 1);
        assert_false(packing_is_busy(p));
        assert_file(3, 1, 1);
        assert_false(has(copy_of(2)));
        assert_false(has(copy_of(3)));
        assert_int_equal(p->error, 0);
        assert_true(p->is_due); /* that is no failure */
}

static void rotation_waits_for_a_copy_that_cannot_be_removed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        assert_int_equal(packing_name(p), 0);
        disk.unlink_error = EIO;
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EIO);
        assert_string_equal(s->error_what, "rotate (unlink)");
        assert_file(0, 3, 4);
        disk.unlink_error = 0;
        assert_int_equal(packing_end(p), 0);
        assert_packed(2, 1);
}

static void packing_drops_the_copy_of_a_file_that_has_gone(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(3);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        write_files(s, 1); /* MaxFiles= */
        assert_int_equal(packing_name(p), -ESTALE);
        assert_false(packing_is_busy(p));
        assert_false(has(unfinished()));
        assert_int_equal(p->error, 0);
        pack(s);
        assert_packed(2, 2);
}

static void packing_counts_for_max_files(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(4);

        (void)state;
        for (unsigned i = 0; i < 8; i++) {
                struct packing_files files;

                write_files(s, 1);
                if (packing_begin(sink_file_packing(s), &files) == 1)
                        packing_give_up(sink_file_packing(s), 0, NULL);
                packing_look(sink_file_packing(s));
                while (i >= 3 && (exists(2) || exists(3)))
                        pack(s);
        }
        assert_packed(2, 6);
        assert_packed(3, 5);
        for (unsigned i = 4; i < 10; i++) {
                assert_false(has(copy_of(i)));
                assert_false(exists(i));
        }
}

static void packing_leaves_no_part_behind(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;
        struct stat st;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        packing_give_up(p, -ENOSPC, NULL);
        assert_false(has(unfinished()));
        assert_int_equal(sink_flush(s), SINK_IDLE); /* told, and events go on */
        assert_int_equal(s->error, -ENOSPC);
        assert_string_equal(s->error_what, "compress exec.jsonl.2");
        assert_nothing_to_pack(s); /* not at once again */
        packing_look(p);

        /* A process that still has it open holds no room. */
        p = begin(s);
        _cleanup_(closep) int copy = dup(p->files.copy);
        s = sink_free(s);
        assert_int_equal(fstat(copy, &st), 0);
        assert_int_equal(st.st_size, 0);
        assert_false(has(unfinished()));
        assert_file(2, 1, 1);
}

static void packing_makes_way_when_the_log_needs_room(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        disk_has(0, ENOSPC);
        lines_write_n(s, 1, 10);
        assert_broken(s, -ENOSPC, "write");
        assert_false(packing_is_busy(p));
        assert_false(has(unfinished()));
}

static void packing_goes_on_from_where_we_were_killed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct timespec times[2];
        struct stat st;

        (void)state;
        write_files(s, 4);
        s = sink_free(s);
        put(unfinished(), "half", 4);
        put(copy_of(2), "whole, but not ours", 19); /* such as somebody is just making */
        put(copy_of(3), "whole", 5);
        assert_int_equal(stat(numbered(3), &st), 0);
        times[0] = times[1] = st.st_mtim;
        assert_int_equal(utimensat(AT_FDCWD, copy_of(3), times, 0), 0);

        s = file_make_packing(10);
        assert_delivered(s);
        assert_false(has(unfinished()));
        assert_true(has(copy_of(2)));
        assert_false(has(copy_of(3)));
        assert_file(3, 1, 1);
        pack(s); /* both are there: it is the file that counts */
        assert_packed(2, 2);
        pack(s);
        assert_packed(3, 1);
}

static void packing_refuses_what_is_not_ours(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        char other[sizeof(path) + 16];

        (void)state;
        write_files(s, 4);
        (void)snprintf(other, sizeof(other), "%s/other", folder);
        assert_int_equal(link(numbered(2), other), 0);
        pack(s); /* the next one */
        assert_packed(3, 1);
        assert_nothing_to_pack(s);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EMLINK);
        assert_string_equal(s->error_what, "compress exec.jsonl.2 (it has more than one name)");
        assert_int_equal(unlink(other), 0);
        packing_look(sink_file_packing(s));
        pack(s);
        assert_nothing_to_pack(s);
        assert_delivered(s); /* all is well again */
}

/* What somebody has put at the names of the copy. */
static void packing_follows_no_link(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        char target[sizeof(path) + 16];
        struct packing *p;
        size_t size;

        (void)state;
        (void)snprintf(target, sizeof(target), "%s/target", folder);
        put(target, "precious", 8);
        write_files(s, 3);
        assert_int_equal(symlink(target, unfinished()), 0);
        assert_int_equal(symlink(target, copy_of(2)), 0);
        p = begin(s);
        assert_int_equal(packing_name(p), -EEXIST);
        assert_int_equal(unlink(copy_of(2)), 0);
        assert_file(2, 1, 1);
        assert_false(has(unfinished()));

        packing_look(p);
        p = begin(s);
        assert_int_equal(unlink(unfinished()), 0); /* and something else instead */
        put(unfinished(), "precious", 8);
        assert_int_equal(packing_name(p), -ESTALE);
        assert_false(has(copy_of(2)));
        assert_file(2, 1, 1);

        _cleanup_(freep) char *data = slurp(target, &size);
        assert_int_equal(size, 8);
        assert_memory_equal(data, "precious", 8);
        assert_int_equal(unlink(target), 0);
}

static void packing_notices_a_file_that_changes(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        put(numbered(2), "{}\n", 3);
        assert_int_equal(packing_name(p), -EBUSY);
        assert_false(p->is_due); /* not at once again */
        assert_true(exists(2));
        assert_false(has(copy_of(2)));
}

static void packing_keeps_a_file_that_cannot_be_removed(void **state)
{
        static char stuck[sizeof(path) + 16];
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        (void)snprintf(stuck, sizeof(stuck), "%s", numbered(2));
        p = begin(s);
        assert_int_equal(packing_name(p), 0);
        disk.stuck = stuck;
        assert_int_equal(packing_end(p), -EPERM);
        assert_file(2, 1, 1);
        assert_false(has(copy_of(2)));
}

static void packing_needs_a_folder_that_can_be_written(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing_files files;

        (void)state;
        write_files(s, 3);
        disk.create_error = EACCES;
        assert_int_equal(packing_begin(sink_file_packing(s), &files), -EACCES);
        assert_false(packing_is_busy(sink_file_packing(s)));
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EACCES);
        disk_works();
        packing_look(sink_file_packing(s));
        pack(s);
        assert_packed(2, 1);
}

static void packing_ends_when_it_is_switched_off(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_packing(10);
        struct packing *p;

        (void)state;
        write_files(s, 3);
        p = begin(s);
        config.max_size = 1;
        assert_int_equal(sink_file_configure(s, &config), 0);
        assert_false(packing_is_busy(p));
        assert_false(has(unfinished()));
        assert_nothing_to_pack(s);
        assert_file(2, 1, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(packing_is_for_the_second_rotated_file_and_older_ones),
                TEST(packing_is_not_done_unasked),
                TEST(packing_follows_a_file_that_is_renamed),
                TEST(packing_gives_way_to_a_rotation),
                TEST(rotation_waits_for_a_copy_that_cannot_be_removed),
                TEST(packing_drops_the_copy_of_a_file_that_has_gone),
                TEST(packing_counts_for_max_files),
                TEST(packing_leaves_no_part_behind),
                TEST(packing_makes_way_when_the_log_needs_room),
                TEST(packing_goes_on_from_where_we_were_killed),
                TEST(packing_refuses_what_is_not_ours),
                TEST(packing_follows_no_link),
                TEST(packing_notices_a_file_that_changes),
                TEST(packing_keeps_a_file_that_cannot_be_removed),
                TEST(packing_needs_a_folder_that_can_be_written),
                TEST(packing_ends_when_it_is_switched_off),
        };

        return cmocka_run_group_tests(tests, prepare_process, NULL);
}
