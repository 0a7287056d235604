/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The file sink against disks that fill up, fail and lie, and against admins who move its files.
 * Whatever happens, every file holds whole lines only, each line is there once, and none is
 * missing. Rotation, sync and reload: test_sink_rotation.c.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "file_fixture.h"

static void file_refuses_settings_without_sense(void **state)
{
        struct sink_file_config config = config_default();
        struct sink *s = NULL;

        (void)state;
        config.max_files = 0;
        assert_int_equal(sink_file_new(&config, 4096, &s), -EINVAL);
        config.max_files = 1;
        assert_int_equal(sink_file_new(&config, 0, &s), -EINVAL);
        assert_null(s);
        assert_false(exists(0)); /* opened lazily */
}

static void file_is_created_with_exact_mode_whatever_umask(void **state)
{
        static const mode_t modes[] = { 0640, 0600, 0664, 0444 };
        mode_t umask_before = umask(0);

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                struct sink_file_config config = config_default();
                _cleanup_(sink_freep) struct sink *s = NULL;
                struct stat st;

                config.mode = modes[i];
                s = file_make_with(&config);
                umask(i % 2 ? 0077 : 0);
                lines_write_n(s, 1, 10);
                assert_delivered(s);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 07777, modes[i]);
                assert_int_equal(unlink(path), 0);
        }
        umask(umask_before);
}

static void file_works_on_the_real_system_calls(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = NULL;

        (void)state;
        config.max_size = 300;
        config.max_age_ns = NSEC_PER_SEC * 3600;
        config.sync = true;
        assert_int_equal(sink_file_new(&config, 65536, &s), 0);
        lines_write_n(s, 20, 30);
        assert_delivered(s);
        assert_each_line_once(s);
        assert_true(exists(1));
}

static void file_counts_kernel_events_and_all_lines(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        assert_int_equal(sink_poll_fd(s), -1);
        assert_int_equal(lines_write(s, EVENT_START, 5), 0);
        assert_int_equal(lines_write(s, EVENT_EXEC, 0), 0);
        assert_int_equal(lines_write(s, EVENT_LOST, 0), 0);
        assert_int_equal(lines_write(s, EVENT_EXIT, 100), 0);
        assert_int_equal(s->stats.backlog, 2);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_file(0, 1, 4);
        assert_int_equal(s->stats.written, 2);
        assert_int_equal(s->stats.lines, 4);
        assert_int_equal(s->stats.bytes, size_of(0));
        assert_int_equal(s->stats.backlog_bytes, 0);
        assert_int_equal(s->stats.retries, 0);
}

static void file_without_folder_is_broken_until_it_is_there(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 3, 10);
        assert_int_equal(rmdir(folder), 0);
        assert_broken(s, -ENOENT, "open");
        assert_broken(s, -ENOENT, "open");
        assert_int_equal(s->stats.backlog, 3);
        assert_int_equal(s->stats.retries, 2);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_delivered(s);
        assert_file(0, 1, 3);
}

static void file_refuses_what_is_not_a_regular_file(void **state)
{
        char other[sizeof(path) + 8];

        (void)state;
        for (int kind = 0; kind < 4; kind++) {
                _cleanup_(sink_freep) struct sink *s = file_make();
                struct stat st;

                (void)snprintf(other, sizeof(other), "%s.target", path);
                put(other, "x", 1);
                if (kind == 0)
                        assert_int_equal(symlink(other, path), 0);
                if (kind == 1)
                        assert_int_equal(mkfifo(path, 0600), 0); /* opening it would block */
                if (kind == 2)
                        assert_int_equal(mkdir(path, 0700), 0);
                if (kind == 3)
                        assert_int_equal(symlink("/nonexistent", path), 0);
                lines_write_n(s, 1, 10);
                assert_broken(s, -EINVAL, "open (not a regular file)");
                assert_int_equal(stat(other, &st), 0);
                assert_int_equal(st.st_size, 1);

                assert_int_equal(remove(path), 0);
                assert_int_equal(remove(other), 0);
                assert_delivered(s);
                assert_int_equal(remove(path), 0);
        }
}

/* Behind the other name may be anything, as /etc/passwd where the folder is everybody's. */
static void file_refuses_what_has_another_name(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        char other[sizeof(path) + 8];

        (void)state;
        (void)snprintf(other, sizeof(other), "%s.other", path);
        put(other, "precious, and no line", 21);
        assert_int_equal(link(other, path), 0);
        lines_write_n(s, 1, 10);
        assert_broken(s, -EMLINK, "open (it has more than one name)");
        assert_int_equal(size_of(0), 21);
        assert_int_equal(unlink(path), 0);
        assert_delivered(s);
        assert_file(0, 1, 1);
}

#define NOBODY 65534

/* Its owner could read what we write, whatever the mode of the file. */
static void file_refuses_that_of_another_user(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        if (geteuid() != 0)
                skip();
        put(path, "{}\n", 3);
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
        lines_write_n(s, 1, 10);
        assert_broken(s, -EPERM, "open (it belongs to another user)");
        assert_int_equal(chown(path, 0, 0), 0);
        assert_delivered(s);

        /* Nor does a user take one of root's. */
        sink_reopen(s);
        lines_write_n(s, 1, 10);
        assert_int_equal(chown(folder, NOBODY, NOBODY), 0);
        assert_int_equal(chown(lock_name(), NOBODY, NOBODY), 0);
        assert_int_equal(seteuid(NOBODY), 0);
        sink_reopen(s);
        assert_broken(s, -EPERM, "open (it belongs to another user)");
        assert_int_equal(seteuid(0), 0);
}

/* Run by hand beside a service, whose files these are. */
static void file_of_root_belongs_to_the_owner_of_the_folder(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(line_size(10), 10);
        char rotated[sizeof(path) + 16];
        const char *const names[] = { path, rotated, lock_name() };
        struct stat st;

        (void)state;
        if (geteuid() != 0)
                skip();
        assert_int_equal(chown(folder, NOBODY, 12345), 0);
        (void)snprintf(rotated, sizeof(rotated), "%s", numbered(1));
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(stat(names[i], &st), 0);
                assert_int_equal(st.st_uid, NOBODY);
                assert_int_equal(st.st_gid, 12345);
        }
        sink_reopen(s); /* and root goes on in it */
        lines_write_n(s, 1, 10);
        assert_delivered(s);
}

/* Another process with this log; it ends with the pipe, or is killed. */
static pid_t start_other_writer(int *ret_end)
{
        int ready[2], end[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(end, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct sink *s = file_make();

                (void)close(end[1]);
                lines_write_n(s, 1, 10);
                if (sink_flush(s) == SINK_IDLE)
                        (void)!write(ready[1], "", 1);
                (void)!read(end[0], &c, 1);
                _exit(0);
        }
        (void)close(ready[1]);
        (void)close(end[0]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        *ret_end = end[1];
        return pid;
}

static void file_of_another_writer_is_left_alone_until_it_has_ended(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make_limited(1, 10);
        char words[64];
        size_t size;
        pid_t other;
        int end;

        (void)state;
        other = start_other_writer(&end);
        (void)snprintf(words, sizeof(words), "open (another execsnoopd (pid %d) writes here)",
                       (int)other);
        put(path, "half of a line of its", 21);
        lines_write_n(s, 1, 10);
        assert_broken(s, -EBUSY, words);
        sink_reopen(s);
        assert_broken(s, -EBUSY, words);
        assert_int_equal(size_of(0), line_size(10) + 21); /* not cut, not rotated */
        assert_false(exists(1));

        assert_int_equal(kill(other, SIGKILL), 0);
        assert_int_equal(waitpid(other, NULL, 0), other);
        (void)close(end);
        assert_delivered(s);
        _cleanup_(freep) char *data = slurp(numbered(1), &size);
        lines_assert(data, size, 1, 1);
}

/* To look for the lock in the folder that is there now is what keeps two from writing. */
static void file_in_a_new_folder_is_locked_anew(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        char away[sizeof(folder) + 8];
        pid_t other;
        int end;

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        (void)snprintf(away, sizeof(away), "%s.away", folder);
        assert_int_equal(rename(folder, away), 0);
        assert_int_equal(mkdir(folder, 0700), 0);
        other = start_other_writer(&end);
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_BROKEN);
        assert_int_equal(s->error, -EBUSY);
        (void)close(end);
        assert_int_equal(waitpid(other, NULL, 0), other);
        assert_delivered(s);
        folder_remove_at(away);
}

static void file_lock_is_inherited_with_its_descriptor(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make(), *next = file_make();
        int lock;

        (void)state;
        assert_int_equal(sink_file_lock(s), -1); /* taken with the file */
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        lock = fcntl(sink_file_lock(s), F_DUPFD_CLOEXEC, 100); /* no other gets this number */
        assert_true(lock >= 0);
        sink_file_inherit_lock(next, lock);
        assert_int_equal(sink_file_lock(next), lock);
        assert_delivered(next);
        assert_int_equal(sink_file_lock(next), lock); /* no other was opened */
}

static void file_that_nothing_can_be_made_beside_is_written_without_a_lock(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        put(path, "{}\n", 3);
        disk.create_error = EACCES;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(sink_file_lock(s), -1);
        assert_int_equal(access(lock_name(), F_OK), -1);
}

static void file_is_not_written_with_a_lock_that_is_not_ours(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        char words[sizeof(path) + 64];

        (void)state;
        assert_int_equal(mkfifo(lock_name(), 0600), 0);
        lines_write_n(s, 1, 10);
        (void)snprintf(words, sizeof(words), "lock %s (not a regular file)", lock_name());
        assert_broken(s, -EINVAL, words);
        assert_false(exists(0));
        assert_int_equal(unlink(lock_name()), 0);
        assert_delivered(s);
}

static void file_follows_links_among_the_folders(void **state)
{
        char link[sizeof(folder) + 8], linked_path[sizeof(link) + 16];
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = NULL;

        (void)state;
        (void)snprintf(link, sizeof(link), "%s.link", folder);
        (void)snprintf(linked_path, sizeof(linked_path), "%s/exec.jsonl", link);
        assert_int_equal(symlink(folder, link), 0);
        config.path = linked_path;
        s = file_make_with(&config);
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        assert_file(0, 1, 2);
        assert_int_equal(unlink(link), 0);
}

static void file_appends_to_whole_lines_without_touching_them(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        const char before[] = "not ours, but a line\n\n";
        size_t size;

        (void)state;
        put(path, before, sizeof(before) - 1);
        disk.truncate_error = EIO; /* any attempt would show */
        lines_write_n(s, 2, 10);
        assert_delivered(s);

        _cleanup_(freep) char *data = slurp(path, &size);
        assert_memory_equal(data, before, sizeof(before) - 1);
        lines_assert(data + sizeof(before) - 1, size - (sizeof(before) - 1), 1, 2);
}

/* Lengths around the blocks in which the newline is searched. */
static void file_cuts_torn_last_line_when_opened(void **state)
{
        static const size_t torn[] = { 1, 2, 100, 16382, 16383, 16384, 16385, 32768, 50001 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(torn); i++) {
                _cleanup_(sink_freep) struct sink *s = file_make();
                _cleanup_(freep) char *rest = malloc(torn[i]);
                size_t size;

                assert_non_null(rest);
                memset(rest, i % 2 ? '{' : '\0', torn[i]); /* NULs: power was cut */
                put(path, "{}\n{\"a\":1}\n", 11);
                put(path, rest, torn[i]);
                lines_write_n(s, 1, 10);
                assert_delivered(s);

                _cleanup_(freep) char *data = slurp(path, &size);
                assert_memory_equal(data, "{}\n{\"a\":1}\n", 11);
                lines_assert(data + 11, size - 11, 1, 1);
                assert_int_equal(unlink(path), 0);
        }
}

static void file_cuts_huge_torn_line_without_any_newline(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        const size_t size = 17 * MIB + 5;
        _cleanup_(freep) char *torn = malloc(size);

        (void)state;
        assert_non_null(torn);
        memset(torn, 'x', size);
        put(path, torn, size);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 1, 1);
}

static void file_writes_nothing_behind_a_torn_line_that_cannot_be_cut(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        put(path, "{\"torn", 6);
        lines_write_n(s, 2, 10);
        disk.truncate_error = EPERM;
        assert_broken(s, -EPERM, "repair");
        assert_broken(s, -EPERM, "repair");
        assert_int_equal(size_of(0), 6);
        disk_works();
        assert_delivered(s);
        assert_file(0, 1, 2);
}

static void file_is_made_again_after_removal(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_int_equal(unlink(path), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 2, 2);
        assert_int_equal(unlink(path), 0);
        assert_delivered(s); /* with nothing to write, too: the admin expects a file */
        assert_int_equal(size_of(0), 0);
}

static void file_leaves_moved_file_complete_and_starts_a_new_one(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        size_t size;

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        move_away();
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        assert_file(0, 4, 5);

        _cleanup_(freep) char *data = slurp(numbered(MOVED), &size);
        lines_assert(data, size, 1, 3);
}

static void file_goes_on_in_the_file_that_replaced_ours(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        char other[sizeof(path) + 8];
        size_t size;

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        (void)snprintf(other, sizeof(other), "%s.other", path);
        put(other, "{}\n{\"torn", 9);
        assert_int_equal(rename(other, path), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);

        _cleanup_(freep) char *data = slurp(path, &size);
        assert_memory_equal(data, "{}\n", 3);
        lines_assert(data + 3, size - 3, 2, 2);
}

static void file_reopen_opens_the_path_at_once(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        move_away();
        sink_reopen(s);
        assert_int_equal(size_of(0), 0);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 2, 2);
        sink_reopen(s);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 2, 3);
}

static void file_survives_copytruncate(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 3, 10);
        assert_delivered(s);
        assert_int_equal(truncate(path, 0), 0);
        lines_write_n(s, 2, 10);
        assert_delivered(s);
        assert_file(0, 4, 5);

        assert_int_equal(truncate(path, (off_t)size_of(0) - 7), 0); /* inside line 5 */
        lines_write_n(s, 1, 10);
        assert_int_equal(sink_flush(s), SINK_IDLE);
        size_t size;
        _cleanup_(freep) char *data = slurp(path, &size);
        uint64_t seq;
        const char *p = lines_next(data, data + size, &seq);
        assert_int_equal(seq, 4);
        lines_assert(p, size - (size_t)(p - data), 6, 6);
}

static void file_cuts_line_that_another_writer_left_open(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        put(path, "half a li", 9);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 1, 2);
}

static void file_keeps_everything_for_every_cause_of_failure(void **state)
{
        static const int errors[] = { ENOSPC, EDQUOT, EIO, EROFS, EFBIG, EAGAIN };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                _cleanup_(sink_freep) struct sink *s = file_make();

                lines_write_n(s, 3, 10);
                disk_has(0, errors[i]);
                assert_broken(s, -errors[i], "write");
                assert_broken(s, -errors[i], "write");
                assert_int_equal(s->stats.backlog, 3);
                assert_int_equal(s->stats.written, 0);
                assert_int_equal(s->stats.retries, 2);
                assert_int_equal(size_of(0), 0);
                disk_works();
                assert_delivered(s);
                assert_file(0, 1, 3);
                assert_int_equal(unlink(path), 0);
        }
}

static void file_is_whole_wherever_the_disk_fills_up(void **state)
{
        const size_t pads[] = { 0, 25, 3 };
        const size_t total = line_size(0) + line_size(25) + line_size(3);

        (void)state;
        for (size_t space = 0; space < total; space++) {
                _cleanup_(sink_freep) struct sink *s = file_make();

                for (size_t i = 0; i < ELEMENTSOF(pads); i++)
                        assert_int_equal(lines_write(s, EVENT_EXEC, pads[i]), 0);
                disk_has(space, ENOSPC);
                assert_broken(s, -ENOSPC, "write");
                assert_file(0, 1, s->stats.written);
                assert_int_equal(s->stats.bytes, size_of(0));
                assert_int_equal(s->stats.written + s->stats.backlog, 3);

                disk_has(7, ENOSPC); /* a little more, too little for anything */
                assert_broken(s, -ENOSPC, "write");
                assert_file(0, 1, s->stats.written);
                disk_works();
                assert_delivered(s);
                assert_file(0, 1, 3);
                assert_int_equal(unlink(path), 0);
        }
}

static void file_is_whole_after_short_and_interrupted_writes(void **state)
{
        (void)state;
        for (size_t chunk = 1; chunk < 60; chunk++) {
                _cleanup_(sink_freep) struct sink *s = file_make_limited(500, 100);

                disk.chunk = chunk;
                disk.interrupt = 3;
                lines_write_n(s, 30, chunk);
                assert_delivered(s);
                assert_each_line_once(s);
                for (unsigned i = 0; exists(i); i++) {
                        assert_true(size_of(i) <= 500);
                        assert_int_equal(unlink(numbered(i)), 0);
                }
                disk_works();
        }
}

static void file_takes_a_write_of_nothing_for_an_error(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 1, 10);
        disk_has(0, 0);
        assert_broken(s, -EIO, "write");
}

/* Neither a broken line in the middle nor the line twice, even if it cannot be cut for a while. */
static void file_cuts_torn_line_before_it_goes_on(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        lines_write_n(s, 3, 10);
        disk_has(line_size(10) + 5, ENOSPC);
        disk.truncate_error = EIO;
        assert_broken(s, -ENOSPC, "write");
        assert_int_equal(size_of(0), line_size(10) + 5);
        assert_int_equal(s->stats.written, 1);

        disk_has(SIZE_MAX, 0);
        disk.n_writes = 0;
        assert_broken(s, -EIO, "repair");
        assert_int_equal(disk.n_writes, 0);
        disk_works();
        assert_delivered(s);
        assert_file(0, 1, 3);
}

static void file_cuts_torn_line_in_file_that_was_moved_meanwhile(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        size_t size;

        (void)state;
        lines_write_n(s, 3, 10);
        disk_has(line_size(10) + 5, ENOSPC);
        disk.truncate_error = EIO;
        assert_broken(s, -ENOSPC, "write");
        move_away();

        disk_works();
        assert_delivered(s);
        assert_file(0, 2, 3);
        _cleanup_(freep) char *data = slurp(numbered(MOVED), &size);
        lines_assert(data, size, 1, 1);
}

/* Of 3 lines, the file, which is append-only, has the first one and 5 bytes; the disk is full. */
static void begin_a_line(struct sink *s)
{
        lines_write_n(s, 3, 10);
        disk_has(line_size(10) + 5, ENOSPC);
        disk.truncate_error = EPERM;
        assert_broken(s, -ENOSPC, "write");
        assert_int_equal(size_of(0), line_size(10) + 5);
        assert_int_equal(s->stats.written, 1);
}

static void file_that_cannot_be_cut_gets_the_rest_of_the_line(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        begin_a_line(s);
        assert_broken(s, -ENOSPC, "write");
        disk_has(7, ENOSPC); /* a little more, too little for the line */
        assert_broken(s, -ENOSPC, "write");
        assert_int_equal(size_of(0), line_size(10) + 12);
        sink_reopen(s);
        assert_int_equal(account_read(s->account).size, line_size(10));

        disk_has(SIZE_MAX, 0);
        assert_delivered(s);
        assert_file(0, 1, 3);
        assert_int_equal(account_read(s->account).size, size_of(0));
        assert_int_equal(s->stats.bytes, size_of(0));
}

static void file_that_cannot_be_cut_is_not_rotated_inside_a_line(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = NULL;

        (void)state;
        config.max_age_ns = 10 * NSEC_PER_SEC;
        s = file_make_with(&config);
        begin_a_line(s);
        disk.realtime_ahead_ns = 3600 * NSEC_PER_SEC;
        disk_has(SIZE_MAX, 0);
        assert_delivered(s);
        assert_file(0, 1, 3);
        lines_write_n(s, 1, 10);
        assert_delivered(s);
        assert_file(0, 4, 4);
        assert_file(1, 1, 3);
}

/* What somebody has written there is in the middle of the line now. */
static void file_that_cannot_be_cut_is_left_if_somebody_wrote_to_it(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        begin_a_line(s);
        put(path, "x", 1);
        disk_has(SIZE_MAX, 0);
        disk.n_writes = 0;
        assert_broken(s, -EPERM, "repair");
        assert_int_equal(disk.n_writes, 0);
        disk_works();
        assert_delivered(s);
        assert_file(0, 1, 3);
}

static void file_that_can_be_cut_again_has_the_line_once(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        begin_a_line(s);
        disk_works();
        assert_delivered(s);
        assert_file(0, 1, 3);
}

/* The line is still ours to write, from its beginning, in the file that is there now. */
static void file_that_cannot_be_cut_and_was_moved_has_no_rest(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();

        (void)state;
        begin_a_line(s);
        move_away();
        disk_has(SIZE_MAX, 0);
        assert_delivered(s);
        assert_file(0, 2, 3);
        assert_int_equal(size_of(MOVED), line_size(10) + 5);
}

static void file_is_whole_under_a_real_file_size_limit(void **state)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = NULL;
        struct rlimit old, now;

        (void)state;
        assert_int_equal(sink_file_new(&config, 65536, &s), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        lines_write_n(s, 5, 10);
        for (rlim_t limit = 1; limit < 5 * line_size(10); limit += 13) {
                now = (struct rlimit){ .rlim_cur = limit, .rlim_max = old.rlim_max };
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
                assert_broken(s, -EFBIG, "write");
                assert_file(0, 1, s->stats.written);
                assert_int_equal(s->stats.written, limit / line_size(10));
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_delivered(s);
        assert_file(0, 1, 5);
}

/* A file system of our own to mount; false: not allowed here. */
static bool private_mounts(void)
{
        uid_t uid = getuid();
        gid_t gid = getgid();
        char map[64];
        int n;

        if (unshare(CLONE_NEWNS) < 0) {
                if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                        return false;
                n = snprintf(map, sizeof(map), "0 %u 1", uid);
                put("/proc/self/uid_map", map, (size_t)n);
                put("/proc/self/setgroups", "deny", 4);
                n = snprintf(map, sizeof(map), "0 %u 1", gid);
                put("/proc/self/gid_map", map, (size_t)n);
        }
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("tmpfs", folder, "tmpfs", 0, "size=128k") == 0;
}

static void tmpfs_child(void)
{
        struct sink_file_config config = config_default();
        _cleanup_(sink_freep) struct sink *s = NULL;
        char filler[sizeof(path) + 8];

        if (!private_mounts())
                _exit(77);
        (void)snprintf(filler, sizeof(filler), "%s.filler", path);
        put(filler, folder, 64); /* a page */
        assert_int_equal(sink_file_new(&config, MIB, &s), 0);
        lines_write_n(s, 150, 1000);
        assert_broken(s, -ENOSPC, "write");
        assert_in_range(s->stats.written, 100, 149);
        assert_file(0, 1, s->stats.written);
        assert_int_equal(unlink(filler), 0);
        assert_broken(s, -ENOSPC, "write");
        assert_file(0, 1, s->stats.written);
        assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=1m"), 0);
        assert_delivered(s);
        assert_file(0, 1, 150);
}

static void file_is_whole_on_a_real_full_disk(void **state)
{
        int status;
        pid_t pid = fork();

        (void)state;
        assert_true(pid >= 0);
        if (pid == 0) {
                tmpfs_child(); /* a failed assertion does not return */
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void file_yields_after_a_while_but_never_inside_a_line(void **state)
{
        _cleanup_(sink_freep) struct sink *s = file_make();
        unsigned n_busy = 0;

        (void)state;
        lines_write_n(s, 3, 3 * MIB);
        lines_write_n(s, 2000, 4000);
        disk.chunk = 100001;
        while (sink_flush(s) == SINK_BUSY) {
                assert_int_equal(s->stats.bytes, size_of(0));
                n_busy++;
        }
        assert_in_range(n_busy, 2, 5);
        assert_delivered(s);
        assert_file(0, 1, 2003);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(file_refuses_settings_without_sense),
                TEST(file_is_created_with_exact_mode_whatever_umask),
                TEST(file_works_on_the_real_system_calls),
                TEST(file_counts_kernel_events_and_all_lines),
                TEST(file_without_folder_is_broken_until_it_is_there),
                TEST(file_refuses_what_is_not_a_regular_file),
                TEST(file_refuses_what_has_another_name),
                TEST(file_refuses_that_of_another_user),
                TEST(file_of_root_belongs_to_the_owner_of_the_folder),
                TEST(file_of_another_writer_is_left_alone_until_it_has_ended),
                TEST(file_in_a_new_folder_is_locked_anew),
                TEST(file_lock_is_inherited_with_its_descriptor),
                TEST(file_that_nothing_can_be_made_beside_is_written_without_a_lock),
                TEST(file_is_not_written_with_a_lock_that_is_not_ours),
                TEST(file_follows_links_among_the_folders),
                TEST(file_appends_to_whole_lines_without_touching_them),
                TEST(file_cuts_torn_last_line_when_opened),
                TEST(file_cuts_huge_torn_line_without_any_newline),
                TEST(file_writes_nothing_behind_a_torn_line_that_cannot_be_cut),
                TEST(file_is_made_again_after_removal),
                TEST(file_leaves_moved_file_complete_and_starts_a_new_one),
                TEST(file_goes_on_in_the_file_that_replaced_ours),
                TEST(file_reopen_opens_the_path_at_once),
                TEST(file_survives_copytruncate),
                TEST(file_cuts_line_that_another_writer_left_open),
                TEST(file_keeps_everything_for_every_cause_of_failure),
                TEST(file_is_whole_wherever_the_disk_fills_up),
                TEST(file_is_whole_after_short_and_interrupted_writes),
                TEST(file_takes_a_write_of_nothing_for_an_error),
                TEST(file_cuts_torn_line_before_it_goes_on),
                TEST(file_cuts_torn_line_in_file_that_was_moved_meanwhile),
                TEST(file_that_cannot_be_cut_gets_the_rest_of_the_line),
                TEST(file_that_cannot_be_cut_is_not_rotated_inside_a_line),
                TEST(file_that_cannot_be_cut_is_left_if_somebody_wrote_to_it),
                TEST(file_that_can_be_cut_again_has_the_line_once),
                TEST(file_that_cannot_be_cut_and_was_moved_has_no_rest),
                TEST(file_is_whole_under_a_real_file_size_limit),
                TEST(file_is_whole_on_a_real_full_disk),
                TEST(file_yields_after_a_while_but_never_inside_a_line),
        };

        return cmocka_run_group_tests(tests, prepare_process, NULL);
}
