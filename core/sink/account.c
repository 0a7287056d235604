/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Accounts, and what a file says of itself: our own lines, whose first keys have a fixed order. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "event/event.h"
#include "sink/account.h"

struct account_state account_read(const struct account *a)
{
        return a->state[a->generation % 2];
}

void account_write(struct account *a, const struct account_state *state)
{
        uint64_t next = a->generation + 1;

        a->state[next % 2] = *state;
        __atomic_store_n(&a->generation, next, __ATOMIC_RELEASE);
}

/* As our lines have it: digits, and no more than one line says. */
static uint64_t lost_count(const char *line)
{
        static const char key[] = "\"count\":";
        const char *p = strstr(line, key);
        uint64_t count = 0;

        if (!p)
                return 0;
        for (p += strlen(key); *p >= '0' && *p <= '9'; p++) {
                count = 10 * count + (uint64_t)(*p - '0');
                if (count > LOSS_COUNT_MAX)
                        return 0;
        }
        return count;
}

/* False for a loss that the file is told of but that is another sink's. */
static bool is_loss_of_file(const char *line)
{
        const char *p = strstr(line, "\"where\":");
        char where[16] = "";

        if (!p || sscanf(p, "\"where\":\"%15[a-z]\"", where) != 1)
                return false;
        for (unsigned i = 0; i < _LOSS_WHERE_MAX; i++)
                if (strcmp(where, loss_where_name(i)) == 0)
                        return loss_concerns(i, SINK_FILE);
        return false;
}

/* How many events of the kernel a line accounts for; none if it is not ours. */
static uint64_t worth_of(const char *line)
{
        char kind[16] = "";
        int end = 0;

        if (sscanf(line, "{\"event\":\"%15[a-z_]\"%n", kind, &end) != 1 || end == 0)
                return 0;
        for (unsigned k = 0; k < _EVENT_KIND_MAX; k++)
                if (event_kind_is_kernel(k) && strcmp(kind, event_kind_name(k)) == 0)
                        return 1;
        if (strcmp(kind, event_kind_name(EVENT_LOST)) != 0 || !is_loss_of_file(line))
                return 0;
        return lost_count(line);
}

static void recover_lines(struct account *a, FILE *file)
{
        struct account_state state = account_read(a);
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;
        ssize_t n;

        while ((n = getline(&line, &size, file)) > 0 && line[n - 1] == '\n') {
                state.told += worth_of(line);
                state.size += (uint64_t)n;
        }
        account_write(a, &state);
}

void account_recover_file(struct account *a, const char *path)
{
        const struct account_state state = account_read(a);
        struct stat st;
        FILE *file;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_dev != state.dev ||
            st.st_ino != state.ino || (uint64_t)st.st_size <= state.size) {
                (void)close(fd);
                return;
        }
        file = fdopen(fd, "re");
        if (!file) {
                (void)close(fd);
                return;
        }
        if (fseeko(file, (off_t)state.size, SEEK_SET) == 0)
                recover_lines(a, file);
        (void)fclose(file);
}
