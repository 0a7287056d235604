/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Reads and sums up one file after the other.
 *
 * A path is looked up with O_PATH, which opens nothing: no driver, no FIFO, no lease. When that is
 * a regular file with the right numbers, the very same is opened for reading by its descriptor in
 * /proc. A link at the end of the path is not followed: the kernel's path of what runs has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/capabilities.h"
#include "host/clock.h"
#include "host/exit_code.h"
#include "host/hash_worker.h"
#include "host/helper.h"

#define READ_SIZE (128 * KIB)

/* Beyond the timeout for a read that does not return: then SIGALRM ends the process. */
#define ALARM_SECONDS (HASH_TIMEOUT_NS / NSEC_PER_SEC + 5)

static void fail(struct hash_answer *answer, enum hash_result result, int error)
{
        answer->result = result;
        answer->error = (uint32_t)error;
}

static struct file_key key_of(const struct stat *st)
{
        return (struct file_key){
                .ino = st->st_ino,
                .size = (uint64_t)st->st_size,
                .mtime_sec = st->st_mtim.tv_sec,
                .ctime_sec = st->st_ctim.tv_sec,
                .mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
                .ctime_nsec = (uint32_t)st->st_ctim.tv_nsec,
                .dev = major(st->st_dev) << 20 | minor(st->st_dev),
        };
}

/* True if it is what was executed; else the answer says what it is. */
static bool is_that_file(int fd, struct hash_answer *answer)
{
        struct file_key key;
        struct stat st;

        if (fstat(fd, &st) < 0) {
                fail(answer, HASH_UNREADABLE, errno);
                return false;
        }
        key = key_of(&st);
        if (!S_ISREG(st.st_mode) || key.dev != answer->key.dev || key.ino != answer->key.ino) {
                fail(answer, HASH_OTHER_FILE, 0);
                return false;
        }
        if (memcmp(&key, &answer->key, sizeof(key)) != 0) {
                fail(answer, HASH_CHANGED, 0);
                return false;
        }
        return true;
}

/* -1: the answer says why. */
static int open_file(const char *path, struct hash_answer *answer)
{
        _cleanup_(closep) int fd = -1;
        char own[sizeof("/proc/self/fd/") + 16];
        int reading;

        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
                fail(answer, errno == ELOOP ? HASH_OTHER_FILE : HASH_UNREADABLE, errno);
                return -1;
        }
        if (!is_that_file(fd, answer))
                return -1;
        (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
        reading = open(own, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (reading < 0)
                fail(answer, HASH_UNREADABLE, errno);
        return reading;
}

static void read_file(int fd, gcry_md_hd_t sum, int (*step)(void *userdata), void *userdata,
                      struct hash_answer *answer)
{
        static uint8_t data[READ_SIZE];
        uint64_t size = 0;
        ssize_t n;

        while ((n = read(fd, data, sizeof(data))) != 0) {
                if (n < 0) {
                        fail(answer, HASH_UNREADABLE, errno);
                        return;
                }
                gcry_md_write(sum, data, (size_t)n);
                size += (uint64_t)n;
                if (size > answer->key.size) {
                        fail(answer, HASH_CHANGED, 0);
                        return;
                }
                if (step && step(userdata) != 0) {
                        fail(answer, HASH_TIMEOUT, 0);
                        return;
                }
        }
        if (size != answer->key.size) {
                fail(answer, HASH_CHANGED, 0);
                return;
        }
        memcpy(answer->sha256, gcry_md_read(sum, GCRY_MD_SHA256), sizeof(answer->sha256));
        if (!is_that_file(fd, answer))
                memset(answer->sha256, 0, sizeof(answer->sha256));
}

void hash_file(const struct file_key *key, const char *path, int (*step)(void *userdata),
               void *userdata, struct hash_answer *ret)
{
        _cleanup_(closep) int fd = -1;
        gcry_md_hd_t sum;

        *ret = (struct hash_answer){ .key = *key, .result = HASH_OK };
        if (key->size > HASH_FILE_MAX) {
                fail(ret, HASH_TOO_LARGE, 0);
                return;
        }
        fd = open_file(path, ret);
        if (fd < 0)
                return;
        if (gcry_md_open(&sum, GCRY_MD_SHA256, 0) != 0) {
                fail(ret, HASH_UNREADABLE, ENOMEM);
                return;
        }
        read_file(fd, sum, step, userdata, ret);
        gcry_md_close(sum);
}

struct worker {
        int socket;
        uint64_t end_ns;
};

/* Nobody waits for the answer any more, or it takes too long. */
static int on_step(void *userdata)
{
        const struct worker *w = userdata;
        struct pollfd other = { .fd = w->socket, .events = POLLRDHUP };

        return poll(&other, 1, 0) > 0 || clock_monotonic_ns() > w->end_ns;
}

/* Reading any file is all that this process could do with the files of others. */
static int confine(void)
{
        const struct rlimit none = {};

        if (setrlimit(RLIMIT_FSIZE, &none) < 0)
                return -errno;
        return helper_confine(STDERR_FILENO + 1, CAPABILITY(CAP_DAC_READ_SEARCH));
}

static bool is_request(const struct hash_message *m, ssize_t size)
{
        return size >= (ssize_t)HASH_MESSAGE_MIN && m->path[0] == '/' &&
               memchr(m->path, '\0', (size_t)size - offsetof(struct hash_message, path));
}

int hash_worker_run(int socket)
{
        static struct hash_message message;
        struct hash_answer answer;
        struct worker w = { .socket = socket };
        ssize_t size;

        if (!gcry_check_version(NULL) || gcry_control(GCRYCTL_DISABLE_SECMEM, 0) != 0 ||
            gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) != 0)
                return EXIT_CODE_FAILURE;
        helper_lower_priority();
        if (confine() < 0)
                return EXIT_CODE_FAILURE;
        while ((size = recv(socket, &message, sizeof(message), 0)) > 0) {
                if (!is_request(&message, size))
                        return EXIT_CODE_USAGE;
                w.end_ns = clock_monotonic_ns() + HASH_TIMEOUT_NS;
                (void)alarm((unsigned)ALARM_SECONDS);
                hash_file(&message.key, message.path, on_step, &w, &answer);
                (void)alarm(0);
                if (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
                        return EXIT_CODE_OK;
        }
        return EXIT_CODE_OK;
}
