/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A file and what rotation has made of its earlier ones: PATH, PATH.1, PATH.2 and so on, the higher
 * the older; those may be packed. Looked at anew each time, since the daemon goes on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/macro.h"
#include "read/unpack.h"

struct sibling {
        unsigned number; /* 0: PATH itself */
        enum packing packing;
        dev_t dev;
        ino_t ino;
        uint64_t size;
        struct timespec mtime;
};

struct siblings {
        struct sibling *files; /* the oldest first */
        size_t n_files;
        uint64_t n_packed; /* PATH.N.zst or PATH.N.gz, and nobody here can unpack it */
};

/* Regular files alone. None at all is no error. */
int siblings_list(const char *path, struct siblings *ret);
void siblings_done(struct siblings *s);

/* Which of them is that file; NULL: it is no longer there. */
const struct sibling *siblings_find(const struct siblings *s, dev_t dev, ino_t ino);

/* Its path now, to be freed; NULL: no memory. */
char *sibling_name(const char *path, const struct sibling *file);

/*
 * What is in it, to be read from the beginning; -ESTALE: the name is another file's by now.
 * `ret_unpacked`: how much of one that is packed.
 */
int sibling_open(const char *path, const struct sibling *file, enum unpacked *ret_unpacked);
