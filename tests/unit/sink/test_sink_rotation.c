/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The file sink over time: rotation by size and age, also where it fails, sync, new settings; and
 * all of it at once, with a failing disk and admins who move files, in a long random walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file_fixture.h"

static void rotation_never_exceeds_max_size_and_keeps_order(void **state)
{
        const uint64_t max_size = 3 * line_size(10) + 5;
        _cleanup_(sink_freep) struct sink *s = file_make_limited(max_size, 10);

        (void)state;
        lines_write_n(s, 9, 10); /* one flush has to split them */
        assert_delivered(s);
        assert_file(2, 1, 3);
        assert_file(1, 4, 6);
        assert_file(0, 7, 9);
        assert_false(exists(3));
        assert_delivered(s); /* full, but nothing to write: no empty file */
        assert_file(0, 7, 9);
}

static void rotation_happens_before_the_line_that_does_not_fit(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(2 * line_size(10), 10);

        (void)state;
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        assert_int_equal(size_of(0), 2 * line_size(10)); /* to the byte */
        assert_false(exists(1));
        lines_write_n(s, 1, 0);
        assert_delivered(s);
        assert_file(1, 1, 2);
        assert_file(0, 3, 3);
}

static void rotation_gives_line_larger_than_max_size_a_file_of_its_own(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(2 * line_size(10), 10);

        (void)state;
        disk.chunk = 50; /* with short writes, too */
        lines_write_n(s, 1, 10);
        lines_write_n(s, 1, 1000);
        lines_write_n(s, 1, 10);
        lines_write_n(s, 1, 2000);
        assert_delivered(s);
        assert_file(3, 1, 1);
        assert_file(2, 2, 2);
        assert_file(1, 3, 3);
        assert_file(0, 4, 4);
}

static void rotation_makes_no_empty_file_for_a_first_line_that_is_too_large(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(line_size(10), 10);

        (void)state;
        lines_write_n(s, 1, 1000);
        assert_delivered(s);
        assert_file(0, 1, 1);
        assert_false(exists(1));
}

static void rotation_keeps_at_most_max_files(void **state)
{
        (void)state;
        for (unsigned max_files = 1; max_files <= 4; max_files++) {
                _cleanup_(sink_freep) struct sink *s = file_make_limited(1, max_files);

                lines_write_n(s, 8, 10);
                assert_delivered(s);
                for (unsigned i = 0; i < max_files; i++) {
                        assert_file(i, 8 - i, 8 - i);
                        assert_int_equal(unlink(numbered(i)), 0);
                }
                assert_false(exists(max_files));
        }
}

static void rotation_removes_files_beyond_a_lowered_limit(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 8);

        (void)state;
        lines_write_n(s, 8, 10);
        assert_delivered(s);
        assert_true(exists(7));
        put(numbered(9), "behind a gap that a failed rotation may have left", 49);
        put(numbered(12), "not contiguous: not ours", 24);

        config.max_size = 1;
        config.max_files = 3;
        assert_int_equal(sink_file_configure(s, &config), 0);
        assert_true(exists(7)); /* nothing happens before the next rotation */
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 9, 9);
        assert_file(1, 8, 8);
        assert_file(2, 7, 7);
        for (unsigned i = 3; i < 12; i++)
                assert_false(exists(i));
        assert_true(exists(12));
}

static struct sink *file_make_as(enum config_format format)
{
        struct sink_file_config config = config_default();

        config.format = format;
        return file_make_with(&config);
}

/* A reader of a file needs one parser. */
static void file_of_another_format_is_rotated_first(void **state)
{
        _cleanup_(sink_freep) struct sink *native = file_make(), *other = NULL, *again = NULL;
        struct stat st;

        (void)state;
        lines_write_n(native, 3, 10);
        assert_delivered(native);
        native = sink_free(native);

        other = file_make_as(FORMAT_ECS);
        assert_delivered(other); /* with nothing to write, too */
        assert_file(1, 1, 3);
        assert_int_equal(size_of(0), 0);
        lines_write_n(other, 2, 10);
        assert_delivered(other);
        assert_file(0, 1, 2);
        assert_false(exists(2));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(account_read(other->account).ino, st.st_ino);
        assert_int_equal(account_read(other->account).size, size_of(0));
        other = sink_free(other);

        again = file_make(); /* what is natively there is ours */
        lines_write_n(again, 1, 10);
        assert_delivered(again);
        assert_false(exists(2));
}

static void file_of_whatever_else_is_appended_to(void **state)
{
        static const char *const contents[] = {
                "",
                "who knows\n",
                "{\"@timestamp\":\"",
                "{\"event\":\"exec\",\"seq\":1}\n",
                "{\"@times\":\"2026\"}\n",
        };
        static const enum config_format formats[] = { FORMAT_ECS, FORMAT_ECS, FORMAT_ECS,
                                                      FORMAT_NATIVE, FORMAT_NATIVE };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                _cleanup_(sink_freep) struct sink *s = file_make_as(formats[i]);

                put(path, contents[i], strlen(contents[i]));
                lines_write_n(s, 1, 10);
                assert_delivered(s);
                assert_false(exists(1));
                assert_int_equal(unlink(path), 0);
        }
}

static void file_of_another_format_grows_on_if_it_cannot_be_rotated(void **state)
{
        _cleanup_(sink_freep) struct sink *native = file_make(), *other = NULL;

        (void)state;
        lines_write_n(native, 1, 10);
        assert_delivered(native);
        native = sink_free(native);

        other = file_make_as(FORMAT_ECS);
        disk.rename_error = EACCES;
        lines_write_n(other, 1, 10);
        assert_int_equal(sink_flush(other), SINK_IDLE); /* no event waits for it */
        assert_int_equal(other->error, -EACCES);
        assert_false(exists(1));
        assert_int_equal(size_of(0), 2 * line_size(10));
        disk.rename_error = 0;
        disk.monotonic_ahead_ns = 31 * NSEC_PER_SEC;
        lines_write_n(other, 1, 10);
        assert_delivered(other);
        assert_int_equal(size_of(1), 2 * line_size(10));
        assert_file(0, 2, 2);
}

static void format_of_an_open_file_cannot_change(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        config.format = FORMAT_ECS;
        assert_int_equal(sink_file_configure(s, &config), -EINVAL);
        assert_int_equal(sink_file_format(s), FORMAT_NATIVE);
}

static void rotation_fills_a_gap_and_moves_nothing_behind_it(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);

        (void)state;
        lines_write_n(s, 5, 10);
        assert_delivered(s);
        assert_int_equal(unlink(numbered(2)), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 6, 6);
        assert_file(1, 5, 5);
        assert_file(2, 4, 4);
        assert_file(3, 2, 2);
        assert_file(4, 1, 1);
}

static void rotation_renames_and_makes_the_new_file_with_its_mode(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);
        mode_t umask_before = umask(0077);
        struct stat before, after, new;

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(stat(path, &before), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(stat(numbered(1), &after), 0);
        assert_int_equal(stat(path, &new), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(new.st_mode & 07777, 0640);
        assert_int_equal(account_read(s->account).ino, new.st_ino);
        assert_int_equal(account_read(s->account).size, new.st_size);
        umask(umask_before);
}

static void rotation_takes_over_a_file_that_is_already_too_large(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(100, 10);
        char line[201];

        (void)state;
        memset(line, 'x', sizeof(line));
        line[200] = '\n';
        put(path, line, sizeof(line));
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(size_of(1), 201);
        assert_file(0, 1, 1);
}

static void rotation_that_cannot_rename_writes_on_and_tries_again_later(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(2 * line_size(10), 10);

        (void)state;
        disk.rename_error = EACCES;
        lines_write_n(s, 9, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EACCES);
        assert_string_equal(s->error_what, "rotate (rename)");
        assert_file(0, 1, 9);
        assert_int_equal(disk.n_renames, 1); /* not once a line */

        assert_int_equal(lines_write(s, EVENT_STATS, 10), 0);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EACCES); /* still to be seen */
        assert_int_equal(disk.n_renames, 1);

        disk_works();
        disk.monotonic_ahead_ns = 31 * NSEC_PER_SEC;
        assert_int_equal(lines_write(s, EVENT_STATS, 9), 0);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, 0);
        assert_file(1, 1, 10);
        assert_file(0, 11, 11);
}

static void rotation_that_cannot_make_the_new_file_is_undone(void **state)
{
        static const unsigned max_files[] = { 1, 2, 10 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(max_files); i++) {
                _cleanup_(sink_freep) struct sink *s = file_make_limited(1, max_files[i]);
                struct stat before, after;

                lines_write_n(s, 1, 10);
                assert_delivered(s);
                assert_int_equal(stat(path, &before), 0);
                disk.create_error = ENOSPC;
                lines_write_n(s, 2, 10);
                assert_int_equal(sink_flush(s), SINK_IDLE);
                assert_int_equal(s->error, -ENOSPC);
                assert_string_equal(s->error_what, "rotate (open)");
                assert_int_equal(stat(path, &after), 0);
                assert_int_equal(before.st_ino, after.st_ino);
                assert_false(exists(1));
                assert_file(0, 1, 3);
                disk_works();
                assert_int_equal(unlink(path), 0);
        }
}

static void rotation_that_fails_removes_no_old_file(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 3);

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        disk.create_error = ENOSPC;
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -ENOSPC);
        assert_each_line_once(s);

        disk_works();
        disk.monotonic_ahead_ns = 31 * NSEC_PER_SEC;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 5, 5);
        assert_file(1, 3, 4);
        assert_file(2, 2, 2);
        assert_false(exists(3));
}

/* Each attempt finds other files in other places; none may be overwritten. */
static void rotation_that_stops_between_renames_loses_no_file(void **state)
{
        (void)state;
        for (unsigned n = 0; n < 5; n++) {
                _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 100);

                lines_write_n(s, 5, 10);
                assert_delivered(s);
                disk.rename_error = EIO;
                disk.rename_after = n;
                lines_write_n(s, 1, 10);
                assert_int_equal(sink_flush(s), SINK_IDLE);
                assert_int_equal(s->error, -EIO);
                assert_each_line_once(s);

                disk_works();
                disk.monotonic_ahead_ns = 31 * NSEC_PER_SEC;
                lines_write_n(s, 1, 10);
                assert_delivered(s);
                assert_each_line_once(s);
                assert_file(0, 7, 7);
                for (unsigned i = 0; i < 10; i++)
                        (void)unlink(numbered(i));
                disk_works();
        }
}

static void rotation_shows_what_it_could_not_remove_and_goes_on(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 3);

        (void)state;
        put(numbered(3), "\n", 1);
        assert_int_equal(mkdir(numbered(4), 0700), 0);
        put(numbered(5), "behind it\n", 10);
        lines_write_n(s, 5, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EISDIR);
        assert_string_equal(s->error_what, "remove an old file");
        assert_file(0, 5, 5);
        assert_file(1, 4, 4);
        assert_file(2, 3, 3);
        assert_false(exists(3));
        assert_false(exists(5));
}

/* How many files there are, but for what is in the way; and none of them is too large. */
static unsigned count_files(uint64_t max_size)
{
        unsigned n = 0;

        for (unsigned i = 0; i < 20; i++) {
                struct stat st;

                if (lstat(numbered(i), &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                assert_true((uint64_t)st.st_size <= max_size);
                n++;
        }
        return n;
}

static void assert_told(struct sink *s, unsigned number, int error)
{
        char words[128];

        (void)snprintf(words, sizeof(words),
                       "keep as many files as MaxFiles= allows (exec.jsonl.%u is in the way)",
                       number);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, error);
        assert_string_equal(s->error_what, words);
}

/* Whichever numbers are taken by folders: never more files than allowed, and the newest of them. */
static void rotation_goes_on_past_folders(void **state)
{
        (void)state;
        for (unsigned max_files = 1; max_files <= 4; max_files++) {
                for (unsigned taken = 1; taken < 1U << max_files; taken++) {
                        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, max_files);
                        unsigned n_left = max_files, n;

                        for (unsigned i = 1; i <= max_files; i++) {
                                if (!(taken >> (i - 1) & 1))
                                        continue;
                                assert_int_equal(mkdir(numbered(i), 0700), 0);
                                n_left -= i < max_files;
                        }
                        for (uint64_t seq = 1; seq <= 9; seq++) {
                                lines_write_n(s, 1, 10);
                                assert_int_equal(sink_flush(s), SINK_IDLE);
                                n = count_files(line_size(10));
                                assert_int_equal(n, MIN((uint64_t)n_left, seq));
                                assert_file(0, seq, seq);
                        }
                        assert_true(s->error == -EISDIR);
                        folder_remove();
                        assert_int_equal(mkdir(folder, 0700), 0);
                }
        }
}

static void rotation_says_what_is_in_its_way_until_it_is_gone(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 3);

        (void)state;
        assert_int_equal(mkdir(numbered(2), 0700), 0);
        lines_write_n(s, 4, 10);
        assert_told(s, 2, -EISDIR);
        assert_file(0, 4, 4);
        assert_file(1, 3, 3);
        assert_int_equal(rmdir(numbered(2)), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(2, 3, 3);
}

static void rotation_goes_on_past_a_file_that_cannot_be_moved(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 4);
        char stuck[sizeof(path) + 16];

        (void)state;
        (void)snprintf(stuck, sizeof(stuck), "%s", numbered(2));
        lines_write_n(s, 4, 10);
        assert_delivered(s);
        disk.stuck = stuck;
        lines_write_n(s, 4, 10);
        assert_told(s, 2, -EPERM);
        assert_file(0, 8, 8);
        assert_file(1, 7, 7);
        assert_file(2, 2, 2);
        assert_file(3, 6, 6);
        assert_false(exists(4));
}

static void rotation_tells_what_it_has_removed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 3);
        char packed[sizeof(path) + 32];
        struct stat st;

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        assert_true(s->stats.has_files);
        assert_int_equal(s->stats.deleted_files, 0);
        assert_int_equal(stat(numbered(2), &st), 0);
        (void)snprintf(packed, sizeof(packed), "%s.zst", numbered(1));
        put(packed, "packed", 6); /* on its way out it counts as it is on the disk */
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(s->stats.deleted_files, 1);
        assert_int_equal(s->stats.deleted_bytes, st.st_size);
        assert_int_equal(s->stats.deleted_to_ns,
                         (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(s->stats.deleted_files, 3);
        assert_int_equal(s->stats.deleted_bytes, 2 * st.st_size + 6);
}

/* By an administrator, or by another program that rotated before. */
static void rotation_counts_and_moves_what_is_packed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 5);
        char packed[sizeof(path) + 32];
        size_t size;

        (void)state;
        (void)snprintf(packed, sizeof(packed), "%s.zst", numbered(1));
        put(packed, "one", 3);
        (void)snprintf(packed, sizeof(packed), "%s.gz", numbered(2));
        put(packed, "two", 3);
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        assert_file(2, 1, 1);
        (void)snprintf(packed, sizeof(packed), "%s.zst", numbered(3));

        _cleanup_(freep) char *one = slurp(packed, &size);
        assert_memory_equal(one, "one", 3);
        (void)snprintf(packed, sizeof(packed), "%s.gz", numbered(4));
        assert_int_equal(access(packed, F_OK), 0);
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        for (unsigned i = 0; i < 8; i++) {
                (void)snprintf(packed, sizeof(packed), "%s.zst", numbered(i));
                assert_int_equal(access(packed, F_OK), -1);
                (void)snprintf(packed, sizeof(packed), "%s.gz", numbered(i));
                assert_int_equal(access(packed, F_OK), -1);
        }
        assert_file(4, 1, 1);
}

static void rotation_that_fails_keeps_what_a_lowered_limit_allows(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 6);

        (void)state;
        lines_write_n(s, 6, 10);
        assert_delivered(s);
        config.max_size = 1;
        config.max_files = 3;
        assert_int_equal(sink_file_configure(s, &config), 0);
        disk.create_error = ENOSPC;
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -ENOSPC);
        assert_file(0, 6, 7);
        assert_file(2, 5, 5);
        assert_file(3, 4, 4);
}

/* A file and its copy are one: they must not get two numbers. */
static void rotation_moves_both_of_a_file_and_its_copy_or_none(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);
        char copy[sizeof(path) + 32];

        (void)state;
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        (void)snprintf(copy, sizeof(copy), "%s.zst", numbered(1));
        put(copy, "packed", 6);
        disk.stuck = copy;
        lines_write_n(s, 1, 10);
        assert_told(s, 1, -EPERM);
        assert_file(1, 1, 1);
        assert_int_equal(access(copy, F_OK), 0);
        assert_file(2, 2, 2);
}

/* As on a file system that has become read-only: also of what is not there. */
static void rotation_ends_where_nothing_can_be_removed(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 2);

        (void)state;
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        disk.unlink_error = EROFS;
        lines_write_n(s, 3, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EROFS);
        assert_each_line_once(s);
}

/* Killed before it could say that it has written a line: the next one finds that line there. */
static void rotation_leaves_an_account_of_the_new_file(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(2 * line_size(10), 10);

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        put(path, "{\"event\":\"exec\"}\n", 17);
        account_recover_file(s->account, path);
        assert_int_equal(account_read(s->account).accounted, 4);
}

static void rotation_by_age_works_when_idle_and_spares_empty_files(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_aging(3600 * NSEC_PER_SEC);

        (void)state;
        assert_delivered(s);
        disk.realtime_ahead_ns = 5000 * NSEC_PER_SEC;
        assert_delivered(s);
        assert_false(exists(1)); /* old, but empty */

        lines_write_n(s, 2, 10);
        assert_delivered(s);
        disk.realtime_ahead_ns += 3599 * NSEC_PER_SEC;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_false(exists(1)); /* counted from the first line */

        disk.realtime_ahead_ns += 2 * NSEC_PER_SEC;
        assert_delivered(s);
        assert_file(1, 1, 3);
        assert_int_equal(size_of(0), 0);
        assert_delivered(s);
        assert_false(exists(2));
}

static void rotation_by_age_counts_from_birth_across_restarts(void **state)
{
        struct statx stx;

        (void)state;
        put(path, "{}\n", 3);
        assert_int_equal(statx(AT_FDCWD, path, 0, STATX_BTIME, &stx), 0);
        if (!(stx.stx_mask & STATX_BTIME))
                skip(); /* this file system does not know */
        disk.realtime_ahead_ns = 3601 * NSEC_PER_SEC;

        _cleanup_(sink_freep) struct sink *s = file_make_aging(3600 * NSEC_PER_SEC);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(size_of(1), 3);
        assert_file(0, 1, 1);
}

static void rotation_by_age_is_calm_when_the_clock_steps_back(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_aging(3600 * NSEC_PER_SEC);

        (void)state;
        disk.realtime_ahead_ns = 7000 * NSEC_PER_SEC;
        assert_delivered(s);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        disk.realtime_ahead_ns = 0;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_false(exists(1));
        assert_file(0, 1, 2);
}

static void sync_follows_each_flush_that_wrote(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_syncing();

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        assert_int_equal(disk.n_syncs, 1);
        assert_delivered(s);
        assert_int_equal(disk.n_syncs, 1);
        lines_write_n(s, 3, 10); /* one in the old file, two in the new one */
        assert_delivered(s);
        assert_int_equal(disk.n_syncs, 3);
}

static void sync_comes_after_a_failed_write_for_what_got_through(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_syncing();

        (void)state;
        lines_write_n(s, 3, 10);
        disk_has(line_size(10), ENOSPC);
        assert_broken(s, -ENOSPC, "write");
        assert_int_equal(disk.n_syncs, 1);
}

static void sync_that_fails_is_shown_and_repeated_but_no_line_is(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_syncing();

        (void)state;
        lines_write_n(s, 2, 10);
        disk.sync_error = EIO;
        assert_broken(s, -EIO, "fdatasync");
        assert_broken(s, -EIO, "fdatasync");
        assert_int_equal(s->stats.written, 2);
        disk_works();
        assert_delivered(s);
        assert_int_equal(disk.n_syncs, 1);
        assert_file(0, 1, 2);
}

static void sync_that_fails_keeps_the_file_from_being_rotated_away(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_syncing();

        (void)state;
        lines_write_n(s, 6, 10);
        disk.sync_error = EIO;
        assert_broken(s, -EIO, "fdatasync");
        assert_file(0, 1, 6);
        assert_false(exists(1));
}

static void no_sync_unless_asked_for(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        s = sink_free(s);
        assert_int_equal(disk.n_syncs, 0);
}

static void configure_applies_without_losing_a_line(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make();
        struct stat st;

        (void)state;
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        lines_write_n(s, 2, 10); /* waiting during the reload */
        config.max_size = 2 * line_size(10);
        config.mode = 0604;
        assert_int_equal(sink_file_configure(s, &config), 0);
        assert_delivered(s);
        assert_file(1, 1, 2);
        assert_file(0, 3, 4);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0604);
        assert_int_equal(stat(numbered(1), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
}

static void configure_refuses_another_path_and_keeps_the_settings(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_limited(line_size(10), 10);

        (void)state;
        config.path = "/nonexistent/exec.jsonl";
        assert_int_equal(sink_file_configure(s, &config), -EINVAL);
        config = config_default();
        config.max_files = 0;
        assert_int_equal(sink_file_configure(s, &config), -EINVAL);
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        assert_file(1, 1, 1);
}

static void configure_forgets_a_failed_rotation(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        disk.rename_error = EACCES;
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EACCES);
        disk_works();
        config.max_size = 1;
        assert_int_equal(sink_file_configure(s, &config), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 3, 3);
        assert_file(1, 1, 2);

        disk.rename_error = EACCES;
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, -EACCES);
        config.max_size = 0; /* nor is the old failure shown if no rotation is wanted any more */
        assert_int_equal(sink_file_configure(s, &config), 0);
        assert_delivered(s);
}

static int random_error(uint64_t *seed, int error, unsigned one_in)
{
        return random_next(seed) % one_in ? 0 : error;
}

static void random_weather(uint64_t *seed)
{
        disk.space = random_next(seed) % 4 ? SIZE_MAX : random_next(seed) % 700;
        disk.space_error = ENOSPC;
        disk.chunk = random_next(seed) % 3 ? 0 : 1 + random_next(seed) % 100;
        disk.interrupt = random_next(seed) % 3;
        disk.open_error = random_error(seed, EMFILE, 9);
        disk.create_error = random_error(seed, ENOSPC, 5);
        disk.rename_error = random_error(seed, EIO, 4);
        disk.rename_after = random_next(seed) % 4;
        disk.truncate_error = random_error(seed, EIO, 3);
        disk.sync_error = random_error(seed, EIO, 5);
        disk.realtime_ahead_ns += random_next(seed) % 20 * NSEC_PER_SEC;
        disk.monotonic_ahead_ns += random_next(seed) % 20 * NSEC_PER_SEC;
}

static void random_hand(struct sink *s, uint64_t *seed, unsigned *n_moved)
{
        struct sink_file_config config = config_default();
        char moved[sizeof(path) + 24];

        switch (random_next(seed) % 12) {
        case 0:
                if (disk.truncate_error)
                        return; /* a torn line in a file that is moved away stays there */
                (void)snprintf(moved, sizeof(moved), "%s.moved.%u", path, (*n_moved)++);
                (void)rename(path, moved);
                return;
        case 1:
                sink_reopen(s);
                return;
        case 2:
                config.max_files = 100000;
                config.max_size = random_next(seed) % 1000;
                config.max_age_ns = random_next(seed) % 60 * NSEC_PER_SEC;
                config.sync = random_next(seed) % 2;
                assert_int_equal(sink_file_configure(s, &config), 0);
                return;
        default:
                return;
        }
}

static void file_keeps_each_line_once_whatever_happens(void **state)
{
        (void)state;
        for (uint64_t walk = 0; walk < 30; walk++) {
                _cleanup_(sink_freep) struct sink *s = file_make_limited(300, 100000);
                unsigned n_moved = 0;
                uint64_t seed = walk;

                for (int step = 0; step < 250; step++) {
                        for (uint32_t n = random_next(&seed) % 6; n > 0; n--)
                                assert_int_equal(
                                        lines_write(s, EVENT_EXEC, random_next(&seed) % 120), 0);
                        random_weather(&seed);
                        random_hand(s, &seed, &n_moved);
                        (void)sink_flush(s);
                        assert_int_equal(s->stats.written + s->stats.backlog, s->seq);
                }
                disk_works();
                disk.monotonic_ahead_ns = 1000000 * NSEC_PER_SEC;
                assert_int_equal(sink_flush(s), SINK_IDLE);
                assert_int_equal(s->stats.written, s->seq);
                assert_each_line_once(s);
                folder_remove();
                assert_int_equal(mkdir(folder, 0700), 0);
                disk_works();
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(rotation_never_exceeds_max_size_and_keeps_order),
                TEST(rotation_happens_before_the_line_that_does_not_fit),
                TEST(rotation_gives_line_larger_than_max_size_a_file_of_its_own),
                TEST(rotation_makes_no_empty_file_for_a_first_line_that_is_too_large),
                TEST(rotation_keeps_at_most_max_files),
                TEST(rotation_removes_files_beyond_a_lowered_limit),
                TEST(file_of_another_format_is_rotated_first),
                TEST(file_of_whatever_else_is_appended_to),
                TEST(file_of_another_format_grows_on_if_it_cannot_be_rotated),
                TEST(format_of_an_open_file_cannot_change),
                TEST(rotation_fills_a_gap_and_moves_nothing_behind_it),
                TEST(rotation_renames_and_makes_the_new_file_with_its_mode),
                TEST(rotation_takes_over_a_file_that_is_already_too_large),
                TEST(rotation_that_cannot_rename_writes_on_and_tries_again_later),
                TEST(rotation_that_cannot_make_the_new_file_is_undone),
                TEST(rotation_that_fails_removes_no_old_file),
                TEST(rotation_that_stops_between_renames_loses_no_file),
                TEST(rotation_shows_what_it_could_not_remove_and_goes_on),
                TEST(rotation_goes_on_past_folders),
                TEST(rotation_says_what_is_in_its_way_until_it_is_gone),
                TEST(rotation_goes_on_past_a_file_that_cannot_be_moved),
                TEST(rotation_tells_what_it_has_removed),
                TEST(rotation_counts_and_moves_what_is_packed),
                TEST(rotation_that_fails_keeps_what_a_lowered_limit_allows),
                TEST(rotation_moves_both_of_a_file_and_its_copy_or_none),
                TEST(rotation_ends_where_nothing_can_be_removed),
                TEST(rotation_leaves_an_account_of_the_new_file),
                TEST(rotation_by_age_works_when_idle_and_spares_empty_files),
                TEST(rotation_by_age_counts_from_birth_across_restarts),
                TEST(rotation_by_age_is_calm_when_the_clock_steps_back),
                TEST(sync_follows_each_flush_that_wrote),
                TEST(sync_comes_after_a_failed_write_for_what_got_through),
                TEST(sync_that_fails_is_shown_and_repeated_but_no_line_is),
                TEST(sync_that_fails_keeps_the_file_from_being_rotated_away),
                TEST(no_sync_unless_asked_for),
                TEST(configure_applies_without_losing_a_line),
                TEST(configure_refuses_another_path_and_keeps_the_settings),
                TEST(configure_forgets_a_failed_rotation),
                TEST(file_keeps_each_line_once_whatever_happens),
        };

        return cmocka_run_group_tests(tests, prepare_process, NULL);
}
