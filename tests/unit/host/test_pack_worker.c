/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What compresses a file: the copy is the file again, or there is an error. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/macro.h"
#include "host/pack_worker.h"

#define BLOCK_SIZE (128 * KIB)

struct files {
        int file, copy;
        char *data; /* of the file */
        size_t size;
        unsigned n_steps, act_at;
        int result; /* of step */
        char overwrite;
};

static int temporary(void)
{
        char name[] = "/tmp/test_pack_worker.XXXXXX";
        int fd = mkostemp(name, O_CLOEXEC | O_APPEND);

        assert_true(fd >= 0);
        assert_int_equal(unlink(name), 0);
        return fd;
}

/* Half of it says nothing new, so that blocks of all kinds are made. */
static struct files make(size_t size)
{
        struct files f = { .file = temporary(), .copy = temporary(), .size = size };
        uint64_t seed = 1;

        f.data = malloc(size + 1);
        assert_non_null(f.data);
        for (size_t i = 0; i < size; i++) {
                seed = seed * UINT64_C(6364136223846793005) + 1;
                f.data[i] = (i / 4096) % 2 ? "{\"event\":\"exec\"}\n"[i % 17] : (char)(seed >> 56);
        }
        assert_int_equal(write(f.file, f.data, size), size);
        return f;
}

static void done(struct files *f)
{
        (void)close(f->file);
        (void)close(f->copy);
        free(f->data);
}

static void assert_copy(const struct files *f)
{
        struct stat st;
        char *packed, *data;

        assert_int_equal(fstat(f->copy, &st), 0);
        packed = malloc((size_t)st.st_size);
        data = malloc(f->size + 1);
        assert_non_null(packed);
        assert_non_null(data);
        assert_int_equal(pread(f->copy, packed, (size_t)st.st_size, 0), st.st_size);
        assert_int_equal(ZSTD_getFrameContentSize(packed, (size_t)st.st_size), f->size);
        assert_int_equal(ZSTD_decompress(data, f->size + 1, packed, (size_t)st.st_size), f->size);
        assert_memory_equal(data, f->data, f->size);
        packed[st.st_size - 1] ^= 1; /* of the checksum */
        assert_true(ZSTD_isError(ZSTD_decompress(data, f->size + 1, packed, (size_t)st.st_size)));
        free(packed);
        free(data);
}

static void copy_is_the_file_again(void **state)
{
        static const size_t sizes[] = {
                0, 1, 1000, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 40 * BLOCK_SIZE + 77,
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                struct files f = make(sizes[i]);

                assert_int_equal(pack_file(f.file, f.copy, NULL, NULL), 0);
                assert_copy(&f);
                done(&f);
        }
}

static int on_step(void *userdata)
{
        struct files *f = userdata;

        if (++f->n_steps != f->act_at)
                return 0;
        if (f->overwrite) { /* in its first block, for it has O_APPEND */
                assert_int_equal(fcntl(f->file, F_SETFL, 0), 0);
                assert_int_equal(pwrite(f->file, &f->overwrite, 1, 100), 1);
        }
        return f->result;
}

static void step_can_end_it_in_each_phase(void **state)
{
        (void)state;
        for (unsigned at = 1; at < 8; at++) {
                struct files f = make(3 * BLOCK_SIZE + 5); /* of which there are 4 blocks */

                f.act_at = at;
                f.result = -ECANCELED;
                if (pack_file(f.file, f.copy, on_step, &f) == 0)
                        assert_true(at > 5); /* and at least one of the copy */
                else
                        assert_int_equal(f.n_steps, at);
                done(&f);
        }
}

static void copy_that_is_not_the_file_is_found(void **state)
{
        struct files f = make(3 * BLOCK_SIZE + 5);

        (void)state;
        f.act_at = 4; /* all has been compressed */
        f.overwrite = (char)(f.data[100] + 1);
        assert_int_equal(pack_file(f.file, f.copy, on_step, &f), -EBADMSG);
        done(&f);
}

static int on_step_append(void *userdata)
{
        struct files *f = userdata;

        if (++f->n_steps == f->act_at)
                assert_int_equal(write(f->copy, "x", 1), 1);
        return 0;
}

static void what_is_behind_the_copy_is_found(void **state)
{
        struct files f = make(1000);

        (void)state;
        f.act_at = 1; /* all has been compressed */
        assert_int_equal(pack_file(f.file, f.copy, on_step_append, &f), -EBADMSG);
        done(&f);
}

static void what_else_is_in_the_copy_is_found(void **state)
{
        struct files f = make(1000);

        (void)state;
        assert_int_equal(write(f.copy, "x", 1), 1); /* it was not empty */
        assert_int_equal(pack_file(f.file, f.copy, NULL, NULL), -EBADMSG);
        done(&f);
}

static int grow(void *userdata)
{
        struct files *f = userdata;

        if (f->n_steps++ == 0)
                assert_int_equal(write(f->file, "more", 4), 4);
        return 0;
}

static void file_that_grows_is_refused(void **state)
{
        struct files f = make(3 * BLOCK_SIZE);

        (void)state;
        assert_int_equal(pack_file(f.file, f.copy, grow, &f), -EBUSY);
        done(&f);
}

/* As a full disk does it, in the middle of a write. */
static void write_that_fails_is_an_error(void **state)
{
        const struct rlimit small = { .rlim_cur = 50000, .rlim_max = RLIM_INFINITY };
        const struct rlimit none = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
        struct files f = make(10 * BLOCK_SIZE);

        (void)state;
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(pack_file(f.file, f.copy, NULL, NULL), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        done(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(copy_is_the_file_again),
                cmocka_unit_test(step_can_end_it_in_each_phase),
                cmocka_unit_test(copy_that_is_not_the_file_is_found),
                cmocka_unit_test(what_is_behind_the_copy_is_found),
                cmocka_unit_test(what_else_is_in_the_copy_is_found),
                cmocka_unit_test(file_that_grows_is_refused),
                cmocka_unit_test(write_that_fails_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
