/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Accounts, and what a file says of itself by the lines that it has. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "encode/encode.h"
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

static void recover_lines(struct account *a, FILE *file)
{
        struct account_state state = account_read(a);
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;
        ssize_t n;

        while ((n = getline(&line, &size, file)) > 0 && line[n - 1] == '\n') {
                state.accounted += encoded_events(line, SINK_FILE);
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
