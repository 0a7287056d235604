/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A folder of its own for each test of the file sink, and a disk under it that fails on demand.
 * Include after cmocka.h, once a program.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "sink/sink_internal.h"
#include "sink_lines.h"

/* The disk as the sink sees it. Errors are errno values; 0 is none. */
static struct {
        size_t space;       /* bytes that can still be written */
        int space_error;    /* when there are none left */
        size_t chunk;       /* at most so many bytes a call, 0: any number */
        unsigned interrupt; /* so many calls fail with EINTR first */
        int open_error;
        int create_error; /* for O_CREAT only */
        int rename_error;
        unsigned rename_after; /* so many renames work first */
        int unlink_error;
        const char *stuck; /* neither can be renamed or removed, as an immutable file */
        int truncate_error;
        int sync_error;
        unsigned n_writes, n_renames, n_syncs;
        uint64_t realtime_ahead_ns, monotonic_ahead_ns;
} disk;

static char folder[64];
static char path[80];

static inline int disk_fails(int error)
{
        errno = error;
        return -1;
}

static inline int disk_open(const char *name, int flags, mode_t mode)
{
        if (disk.open_error)
                return disk_fails(disk.open_error);
        if (disk.create_error && (flags & O_CREAT))
                return disk_fails(disk.create_error);
        return sink_file_system_real.open(name, flags, mode);
}

static inline ssize_t disk_writev(int fd, const struct iovec *iov, int n)
{
        size_t room = disk.chunk ? MIN(disk.chunk, disk.space) : disk.space;
        ssize_t written = 0;

        disk.n_writes++;
        if (disk.interrupt > 0) {
                disk.interrupt--;
                return disk_fails(EINTR);
        }
        if (room == 0)
                return disk.space_error ? disk_fails(disk.space_error) : 0;
        for (int i = 0; i < n && room > 0; i++) {
                size_t size = MIN(iov[i].iov_len, room);

                assert_int_equal(write(fd, iov[i].iov_base, size), size);
                room -= size;
                written += (ssize_t)size;
        }
        if (disk.space != SIZE_MAX)
                disk.space -= (size_t)written;
        return written;
}

static inline int disk_ftruncate(int fd, off_t size)
{
        if (disk.truncate_error)
                return disk_fails(disk.truncate_error);
        return sink_file_system_real.ftruncate(fd, size);
}

static inline int disk_fdatasync(int fd)
{
        (void)fd;
        disk.n_syncs++;
        return disk.sync_error ? disk_fails(disk.sync_error) : 0;
}

static inline int disk_rename(const char *from, const char *to)
{
        disk.n_renames++;
        if (disk.stuck && strcmp(from, disk.stuck) == 0)
                return disk_fails(EPERM);
        if (disk.rename_error && disk.rename_after == 0)
                return disk_fails(disk.rename_error);
        if (disk.rename_after > 0)
                disk.rename_after--;
        return sink_file_system_real.rename(from, to);
}

static inline int disk_unlink(const char *name)
{
        if (disk.stuck && strcmp(name, disk.stuck) == 0)
                return disk_fails(EPERM);
        if (disk.unlink_error)
                return disk_fails(disk.unlink_error);
        return sink_file_system_real.unlink(name);
}

static inline int disk_clock_gettime(clockid_t clock, struct timespec *ret)
{
        uint64_t ahead = clock == CLOCK_REALTIME ? disk.realtime_ahead_ns : disk.monotonic_ahead_ns;
        int r = clock_gettime(clock, ret);

        ret->tv_sec += (time_t)(ahead / NSEC_PER_SEC);
        return r;
}

static const struct sink_file_system disk_system = {
        .open = disk_open,
        .writev = disk_writev,
        .ftruncate = disk_ftruncate,
        .fdatasync = disk_fdatasync,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .clock_gettime = disk_clock_gettime,
};

static inline void disk_works(void)
{
        memset(&disk, 0, sizeof(disk));
        disk.space = SIZE_MAX;
}

static inline void disk_has(size_t space, int error)
{
        disk.space = space;
        disk.space_error = error;
}

static inline void folder_remove_at(const char *name)
{
        DIR *d = opendir(name);
        struct dirent *e;

        if (!d)
                return;
        while ((e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        assert_int_equal(unlinkat(dirfd(d), e->d_name,
                                                  e->d_type == DT_DIR ? AT_REMOVEDIR : 0),
                                         0);
        closedir(d);
        assert_int_equal(rmdir(name), 0);
}

static inline void folder_remove(void)
{
        folder_remove_at(folder);
}

/* The file beside the log that is locked. */
static inline const char *lock_name(void)
{
        static char name[sizeof(path) + 16];

        (void)snprintf(name, sizeof(name), "%s/.exec.jsonl.lock", folder);
        return name;
}

static inline int folder_make(void **state)
{
        (void)state;
        disk_works();
        (void)snprintf(folder, sizeof(folder), "/tmp/test_sink_file.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof(path), "%s/exec.jsonl", folder);
        return 0;
}

static inline int folder_done(void **state)
{
        (void)state;
        folder_remove();
        return 0;
}

static inline struct sink_file_config config_default(void)
{
        return (struct sink_file_config){ .path = path, .max_files = 10, .mode = 0640 };
}

static inline struct sink *file_make_with(const struct sink_file_config *config)
{
        struct sink *s = NULL;

        assert_int_equal(sink_file_new_on(&disk_system, config, 32 * MIB, &s), 0);
        return s;
}

static inline struct sink *file_make(void)
{
        struct sink_file_config config = config_default();

        return file_make_with(&config);
}

static inline struct sink *file_make_limited(uint64_t max_size, unsigned max_files)
{
        struct sink_file_config config = config_default();

        config.max_size = max_size;
        config.max_files = max_files;
        return file_make_with(&config);
}

/* path, or path.N */
static inline const char *numbered(unsigned number)
{
        static char name[sizeof(path) + 16];

        (void)snprintf(name, sizeof(name), number ? "%s.%u" : "%s", path, number);
        return name;
}

/* As an admin would; the number is beyond any rotation. */
#define MOVED 4000000000U

static inline void move_away(void)
{
        char moved[sizeof(path) + 16];

        (void)snprintf(moved, sizeof(moved), "%s", numbered(MOVED));
        assert_int_equal(rename(path, moved), 0);
}

static inline bool exists(unsigned number)
{
        struct stat st;

        return lstat(numbered(number), &st) == 0;
}

static inline uint64_t size_of(unsigned number)
{
        struct stat st;

        assert_int_equal(lstat(numbered(number), &st), 0);
        return (uint64_t)st.st_size;
}

static inline char *slurp(const char *name, size_t *ret_size)
{
        _cleanup_(closep) int fd = open(name, O_RDONLY | O_CLOEXEC);
        struct stat st;
        char *data;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        data = malloc((size_t)st.st_size + 1);
        assert_non_null(data);
        assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
        *ret_size = (size_t)st.st_size;
        return data;
}

static inline void put(const char *name, const void *data, size_t size)
{
        _cleanup_(closep) int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
}

/* The file holds exactly these lines. */
static inline void assert_file(unsigned number, uint64_t first, uint64_t last)
{
        size_t size;
        _cleanup_(freep) char *data = slurp(numbered(number), &size);

        lines_assert(data, size, first, last);
}

/* Each line that the sink has accepted is in exactly one file of the folder, and whole. */
static inline void assert_each_line_once(const struct sink *s)
{
        _cleanup_(freep) char *seen = calloc(s->seq + 1, 1);
        DIR *d = opendir(folder);
        struct dirent *e;
        uint64_t seq;

        assert_non_null(seen);
        assert_non_null(d);
        while ((e = readdir(d))) {
                char name[sizeof(folder) + sizeof(e->d_name) + 1];
                size_t size;

                if (e->d_name[0] == '.')
                        continue;
                (void)snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);

                _cleanup_(freep) char *data = slurp(name, &size);
                for (const char *p = data; p < data + size;) {
                        p = lines_next(p, data + size, &seq);
                        assert_in_range(seq, 1, s->seq);
                        assert_int_equal(seen[seq], 0);
                        seen[seq] = 1;
                }
        }
        closedir(d);
        for (seq = 1; seq <= s->seq; seq++)
                assert_int_equal(seen[seq], 1);
}

static inline void assert_broken(struct sink *s, int error, const char *what)
{
        assert_int_equal(sink_flush(s), SINK_BROKEN);
        assert_int_equal(s->error, error);
        assert_string_equal(s->error_what, what);
}

static inline void assert_delivered(struct sink *s)
{
        assert_int_equal(sink_flush(s), SINK_IDLE);
        assert_int_equal(s->error, 0);
        assert_null(s->error_what);
        assert_int_equal(s->stats.written, s->seq);
        assert_int_equal(s->stats.backlog, 0);
}

static inline size_t line_size(size_t pad)
{
        return LINE_OVERHEAD + 1 + pad; /* one digit of seq */
}

static inline struct sink *file_make_aging(uint64_t max_age_ns)
{
        struct sink_file_config config = config_default();

        config.max_age_ns = max_age_ns;
        return file_make_with(&config);
}

static inline struct sink *file_make_syncing(void)
{
        struct sink_file_config config = config_default();

        config.sync = true;
        config.max_size = 4 * line_size(10);
        return file_make_with(&config);
}

static inline uint32_t random_next(uint64_t *seed)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*seed >> 33);
}

static inline int prepare_process(void **state)
{
        (void)state;
        (void)alarm(300); /* opening a FIFO would block */
        return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_done)
