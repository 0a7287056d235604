/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The process that compresses a rotated file: the daemon executes itself under the name
 * PACKER_NAME, with the descriptors below and no others. It knows no names, has no privilege and
 * the lowest priority. One file, then it ends; and at once, when the daemon does.
 *
 *   1. compresses, puts it on the disk, reads it back and compares each byte; sends an answer
 *   2. told to (any message) when the copy has its name, puts that on the disk; sends an answer
 */
#pragma once

#include <stdint.h>

#define PACKER_NAME "execsnoopd-packer"

enum {
        PACKER_SOCKET,
        PACKER_COPY, /* empty, to be read and written */
        PACKER_FILE,
        PACKER_FOLDER,
        _PACKER_FD_MAX,
};

struct pack_answer {
        int32_t error; /* 0, or -errno */
};

/* main() of that process: an exit code. */
int pack_worker_run(void);

/*
 * Makes `copy`, which is empty, the compressed `file`: one zstd frame with size and checksum, read
 * back and compared. -ENOSPC too where next to no room would be left for others; -EBADMSG: what is
 * read back is something else; -EBUSY: the file changes. `step`, or NULL, is called between two
 * blocks; what it returns, if not 0, ends it.
 */
int pack_file(int file, int copy, int (*step)(void *userdata), void *userdata);
