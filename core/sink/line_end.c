/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "sink/line_end.h"

/* Larger than most lines, small enough for the stack. */
#define BLOCK_BYTES (16 * KIB)

int line_end_find(int fd, uint64_t size, uint64_t *ret)
{
        char block[BLOCK_BYTES];
        uint64_t end = size;

        while (end > 0) {
                uint64_t start = end - MIN(end, sizeof(block));
                const char *newline;
                ssize_t n;

                n = pread(fd, block, end - start, (off_t)start);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if ((uint64_t)n != end - start)
                        return -EAGAIN;
                newline = memrchr(block, '\n', (size_t)n);
                if (newline) {
                        *ret = start + (uint64_t)(newline - block) + 1;
                        return 0;
                }
                end = start;
        }
        *ret = 0;
        return 0;
}
