/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Files that zstd(1) or gzip(1) have made, read by these programs: no library for it has to be
 * there, and what a damaged file does to one of them is not done to us.
 */
#pragma once

#include <stdbool.h>

#include "base/span.h"

enum packing {
        PACKING_NONE,
        PACKING_ZSTD,
        PACKING_GZIP,
        _PACKING_MAX,
};

/* ".zst" and so on; of PACKING_NONE empty. Static. */
const char *packing_suffix(enum packing packing);

/* Whether its program is there. */
bool packing_is_readable(enum packing packing);

enum unpacked {
        UNPACKED_ALL,
        UNPACKED_PART,    /* it is damaged: the end is missing */
        UNPACKED_NOTHING, /* in unpack_folder() no file can be made; what is returned is empty */
};

/* $TMPDIR, or /var/tmp. */
const char *unpack_folder(void);

/*
 * What is in the packed file `fd`, as a file of its own without a name, in unpack_folder(), to be
 * read from its beginning. -errno.
 */
int unpack(int fd, enum packing packing, enum unpacked *ret);
