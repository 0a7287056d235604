/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as the file of a process that was killed: what account_recover_file() finds behind what
 * was accounted for is what a second reader finds there: whole lines alone, and each for no more
 * than it says. The account is tried with nothing, and with half of the file.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "sink/account.h"
#include "sink/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static bool starts_with(struct span s, struct span prefix)
{
        return s.size >= prefix.size && memcmp(s.data, prefix.data, prefix.size) == 0;
}

/* A loss that the file has to tell: nobody else's, and of events that were seen. */
static bool is_of_file(struct span text)
{
        static const char *const places[] = {
                "ring", "recursion", "queue", "decode", "file", "down"
        };
        const char *p = memmem(text.data, text.size, "\"where\":", strlen("\"where\":"));
        const char *end = text.data + text.size;
        size_t n = 0;

        if (!p)
                return false;
        p += strlen("\"where\":");
        if (p == end || *p++ != '"')
                return false;
        while (n < 15 && p + n < end && p[n] >= 'a' && p[n] <= 'z')
                n++;
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (n == strlen(places[i]) && memcmp(p, places[i], n) == 0)
                        return true;
        return false;
}

/* How many events of the kernel a line says that it is, by what our lines look like. */
static uint64_t worth_of(struct span line)
{
        static const char *const kernel[] = { "exec", "exec_failed", "exec_attempt", "exit" };
        const char *nul = memchr(line.data, '\0', line.size), *p;
        struct span text = { line.data, nul ? (size_t)(nul - line.data) : line.size };
        uint64_t count = 0;
        char head[64];

        for (size_t i = 0; i < ELEMENTSOF(kernel); i++) {
                (void)snprintf(head, sizeof(head), "{\"event\":\"%s\"", kernel[i]);
                if (starts_with(text, (struct span){ head, strlen(head) }))
                        return 1;
        }
        p = memmem(text.data, text.size, "\"count\":", strlen("\"count\":"));
        if (!starts_with(text, SPAN_LITERAL("{\"event\":\"lost\"")) || !is_of_file(text) || !p)
                return 0;
        for (p += strlen("\"count\":"); p < text.data + text.size && *p >= '0' && *p <= '9'; p++) {
                count = 10 * count + (uint64_t)(*p - '0');
                if (count > LOSS_COUNT_MAX)
                        return 0;
        }
        return count;
}

/* A process was killed that knew of what is in front of `start`, and of 1000 events before. */
static void check_recovery(struct span content, size_t start)
{
        struct account_state expected = { .accounted = 1000, .size = start };
        struct account account = { 0 };
        struct stat st;
        int r;

        r = stat(path, &st);
        assert(r == 0);
        expected.dev = st.st_dev;
        expected.ino = st.st_ino;
        account_write(&account, &expected);
        while (start < content.size) {
                const char *p = content.data + start;
                const char *newline = memchr(p, '\n', content.size - start);

                if (!newline)
                        break;
                expected.accounted += worth_of((struct span){ p, (size_t)(newline - p) });
                start = (size_t)(newline + 1 - content.data);
        }
        expected.size = start;
        for (unsigned i = 0; i < 2; i++) { /* the second time there is nothing new */
                account_recover_file(&account, path);
                assert(account_read(&account).accounted == expected.accounted);
                assert(account_read(&account).size == expected.size);
        }
}

static void file_remove(void)
{
        (void)unlink(path);
}

/* One for all inputs. */
static void file_make(void)
{
        int fd;

        if (path[0])
                return;
        (void)snprintf(path, sizeof(path), "%s/fuzz_account.XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        fd = mkostemp(path, O_CLOEXEC);
        assert(fd >= 0);
        (void)close(fd);
        (void)atexit(file_remove);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct span content = { (const char *)data, size };
        ssize_t n;
        int fd;

        file_make();
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert(fd >= 0);
        n = write(fd, data, size);
        assert(n == (ssize_t)size);
        (void)close(fd);
        check_recovery(content, 0);
        check_recovery(content, size / 2);
        return 0;
}
