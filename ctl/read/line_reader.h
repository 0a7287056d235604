/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Lines of a file descriptor, whoever has written them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Longer than any line of ours but with an ArgvMax= beyond 2M; two of it in memory are within what
 * the program may take. A longer line is passed over and counted.
 */
#define LINE_SIZE_MAX (16 * MIB)

struct line_reader {
        int fd;    /* borrowed */
        bool asks; /* before it reads, and says -EAGAIN where it would have to wait */
        struct buf buf;
        size_t start;   /* of what has not been returned */
        size_t scanned; /* up to here there is no newline */
        bool is_skipping;
        uint64_t n_too_long;
        uint64_t n_bytes; /* read so far */
};

/*
 * The next line without its newline, valid until the next call. 1; 0: this is the end of the file
 * at the moment, and what is behind its last newline waits; -errno.
 */
int line_reader_next(struct line_reader *r, struct span *ret);

/* What is behind the last newline; of no file any more. */
struct span line_reader_rest(const struct line_reader *r);

/* Another file descriptor, from its beginning; what is left of the one before is forgotten. */
void line_reader_begin(struct line_reader *r, int fd);
void line_reader_done(struct line_reader *r);
