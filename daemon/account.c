/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Accounts, and what a file says of itself: our own lines, whose first keys have a fixed order. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "account.h"
#include "event.h"
#include "macro.h"

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

static bool is_ours(const char *where)
{
        for (unsigned i = 0; i < _LOSS_WHERE_MAX; i++)
                if (strcmp(where, loss_where_name(i)) == 0)
                        return loss_concerns(i, LOSS_FILE);
        return false;
}

/* How many events of the kernel a line accounts for. */
static uint64_t worth_of(const char *line)
{
        char kind[16] = "", where[16] = "";
        uint64_t count = 0;
        const char *p;

        if (sscanf(line, "{\"event\":\"%15[a-z_]\"", kind) != 1)
                return 0;
        for (unsigned k = 0; k < _EVENT_KIND_MAX; k++)
                if (event_kind_is_kernel(k) && strcmp(kind, event_kind_name(k)) == 0)
                        return 1;
        if (strcmp(kind, event_kind_name(EVENT_LOST)) != 0)
                return 0;
        p = strstr(line, "\"where\":");
        if (!p || sscanf(p, "\"where\":\"%15[a-z]\"", where) != 1 || !is_ours(where))
                return 0;
        p = strstr(line, "\"count\":");
        return p && sscanf(p, "\"count\":%" SCNu64, &count) == 1 ? count : 0;
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
