/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The reader of files: what it sums up, what it refuses, and how it is spoken to. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/exit_code.h"
#include "host/hash_worker.h"

/* FIPS 180-2, B.1: "abc". */
static const uint8_t abc[SHA256_SIZE] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
};

struct fixture {
        char folder[40];
        char path[64], other[64];
};

static void write_file(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        strcpy(f->folder, "/tmp/test_hash_worker.XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/file", f->folder);
        (void)snprintf(f->other, sizeof(f->other), "%s/other", f->folder);
        write_file(f->path, "abc");
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        (void)unlink(f->path);
        (void)unlink(f->other);
        (void)rmdir(f->folder);
        free(f);
        return 0;
}

static struct file_key key_of(const char *path)
{
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        return (struct file_key){
                .ino = st.st_ino,
                .size = (uint64_t)st.st_size,
                .mtime_sec = st.st_mtim.tv_sec,
                .ctime_sec = st.st_ctim.tv_sec,
                .mtime_nsec = (uint32_t)st.st_mtim.tv_nsec,
                .ctime_nsec = (uint32_t)st.st_ctim.tv_nsec,
                .dev = major(st.st_dev) << 20 | minor(st.st_dev),
        };
}

static void assert_result(const struct file_key *key, const char *path, int (*step)(void *userdata),
                          void *userdata, enum hash_result result, uint32_t error)
{
        static const uint8_t none[SHA256_SIZE];
        struct hash_answer answer;

        hash_file(key, path, step, userdata, &answer);
        assert_int_equal(answer.result, result);
        if (result == HASH_UNREADABLE)
                assert_int_equal(answer.error, error);
        assert_memory_equal(&answer.key, key, sizeof(*key));
        assert_memory_equal(answer.sha256, result == HASH_OK ? abc : none, SHA256_SIZE);
}

static void the_file_that_was_executed_is_summed_up(void **state)
{
        const struct fixture *f = *state;
        const struct file_key key = key_of(f->path);

        assert_result(&key, f->path, NULL, NULL, HASH_OK, 0);
}

static void another_file_of_that_name_is_not(void **state)
{
        const struct fixture *f = *state;
        const struct file_key key = key_of(f->path);
        struct file_key elsewhere = key;

        elsewhere.dev++;
        assert_result(&elsewhere, f->path, NULL, NULL, HASH_OTHER_FILE, 0);
        write_file(f->other, "abd");
        assert_int_equal(rename(f->other, f->path), 0);
        assert_result(&key, f->path, NULL, NULL, HASH_OTHER_FILE, 0);
}

static void a_file_that_has_changed_since_is_not(void **state)
{
        const struct fixture *f = *state;
        struct file_key key = key_of(f->path);

        key.ctime_nsec ^= 1;
        assert_result(&key, f->path, NULL, NULL, HASH_CHANGED, 0);
        key = key_of(f->path);
        key.mtime_sec--;
        assert_result(&key, f->path, NULL, NULL, HASH_CHANGED, 0);
        key = key_of(f->path);
        key.size++;
        assert_result(&key, f->path, NULL, NULL, HASH_CHANGED, 0);
}

/* The times are set back to what they were; ctime tells. */
static int change(void *userdata)
{
        const struct fixture *f = userdata;
        struct timespec times[2];
        struct stat st;
        FILE *file;

        assert_int_equal(stat(f->path, &st), 0);
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        usleep(20000); /* a tick of the kernel's clock of files, or more */
        file = fopen(f->path, "r+e");
        assert_non_null(file);
        assert_true(fputs("abd", file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
        return 0;
}

static int grow(void *userdata)
{
        const struct fixture *f = userdata;

        write_file(f->path, "abcdef");
        return 0;
}

static void a_file_that_changes_meanwhile_is_not(void **state)
{
        struct fixture *f = *state;
        struct file_key key = key_of(f->path);

        assert_result(&key, f->path, change, f, HASH_CHANGED, 0);
        write_file(f->path, "abc");
        key = key_of(f->path);
        assert_result(&key, f->path, grow, f, HASH_CHANGED, 0);
}

static int give_up(void *userdata _unused_)
{
        return 1;
}

static void it_gives_up_when_it_is_told_to(void **state)
{
        const struct fixture *f = *state;
        const struct file_key key = key_of(f->path);

        assert_result(&key, f->path, give_up, NULL, HASH_TIMEOUT, 0);
}

static void what_is_no_file_is_never_opened(void **state)
{
        const struct fixture *f = *state;
        struct file_key key;

        assert_int_equal(mkfifo(f->other, 0600), 0);
        key = key_of(f->other);
        assert_result(&key, f->other, NULL, NULL, HASH_OTHER_FILE, 0);
        assert_int_equal(unlink(f->other), 0);
        assert_int_equal(symlink(f->path, f->other), 0);
        key = key_of(f->path); /* it is that file, by another way */
        assert_result(&key, f->other, NULL, NULL, HASH_OTHER_FILE, 0);
        key = key_of("/dev/null");
        assert_result(&key, "/dev/null", NULL, NULL, HASH_OTHER_FILE, 0);
        key = key_of(f->folder);
        assert_result(&key, f->folder, NULL, NULL, HASH_OTHER_FILE, 0);
}

static void a_file_that_is_gone_says_so(void **state)
{
        const struct fixture *f = *state;
        const struct file_key key = key_of(f->path);

        assert_int_equal(unlink(f->path), 0);
        assert_result(&key, f->path, NULL, NULL, HASH_UNREADABLE, ENOENT);
}

static void a_huge_file_is_not_begun(void **state)
{
        const struct fixture *f = *state;
        struct file_key key;

        assert_int_equal(truncate(f->path, (off_t)HASH_FILE_MAX + 1), 0);
        key = key_of(f->path);
        assert_result(&key, f->path, give_up, NULL, HASH_TOO_LARGE, 0);
}

/* A process of its own: it gives up its privileges. */
static pid_t start_worker(int *ret)
{
        int ends[2];
        pid_t pid;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        pid = fork();
        if (pid == 0) {
                (void)dup2(ends[1], STDIN_FILENO);
                _exit(hash_worker_run(STDIN_FILENO));
        }
        assert_true(pid > 0);
        (void)close(ends[1]);
        *ret = ends[0];
        return pid;
}

static int exit_code_of_worker(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void requests_are_answered_one_by_one(void **state)
{
        const struct fixture *f = *state;
        struct hash_message m = { .key = key_of(f->path) };
        struct hash_answer answer;
        int socket;
        pid_t pid = start_worker(&socket);

        strcpy(m.path, f->path);
        for (int i = 0; i < 3; i++) {
                assert_true(send(socket, &m,
                                 offsetof(struct hash_message, path) + strlen(m.path) + 1, 0) > 0);
                assert_int_equal(recv(socket, &answer, sizeof(answer), 0), sizeof(answer));
                assert_int_equal(answer.result, HASH_OK);
                assert_memory_equal(answer.sha256, abc, SHA256_SIZE);
        }
        (void)close(socket);
        assert_int_equal(exit_code_of_worker(pid), EXIT_CODE_OK);
}

static void what_is_no_request_ends_it(void **state)
{
        const struct fixture *f = *state;
        struct hash_message m = { .key = key_of(f->path) };
        const struct {
                const char *path;
                size_t size; /* of what is sent of it */
        } bad[] = { { "x", 2 }, { "", 1 }, { "/x", 2 }, { "/", 1 } };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                int socket;
                pid_t pid = start_worker(&socket);

                memset(m.path, 'x', sizeof(m.path));
                strcpy(m.path, bad[i].path);
                assert_true(send(socket, &m, offsetof(struct hash_message, path) + bad[i].size, 0) >
                            0);
                assert_int_equal(exit_code_of_worker(pid), EXIT_CODE_USAGE);
                (void)close(socket);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_file_that_was_executed_is_summed_up),
                TEST(another_file_of_that_name_is_not),
                TEST(a_file_that_has_changed_since_is_not),
                TEST(a_file_that_changes_meanwhile_is_not),
                TEST(it_gives_up_when_it_is_told_to),
                TEST(what_is_no_file_is_never_opened),
                TEST(a_file_that_is_gone_says_so),
                TEST(a_huge_file_is_not_begun),
                TEST(requests_are_answered_one_by_one),
                TEST(what_is_no_request_ends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
