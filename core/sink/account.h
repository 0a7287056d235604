/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Account: how much of what the kernel saw a destination holds, kept in memory that outlives the
 * process, so that the next one can say exactly what is missing.
 *
 * We may be killed between any two instructions, but not inside of one. So a state is
 * written beside the valid one, and made valid by a single store.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct account_state {
        uint64_t accounted;      /* events of the kernel for which the lines there account */
        uint64_t sending;        /* likewise of the line that is being handed over: there, or not */
        uint64_t uncertain;      /* of lines of earlier runs that were: to be reported */
        uint64_t dev, ino, size; /* of a file: behind `size` follows what is not in `accounted` */
};

/* In shared memory; zeroed is valid, and not open. */
struct account {
        uint64_t is_open; /* some sink keeps it */
        uint64_t generation;
        struct account_state state[2]; /* of the even, of the odd generations */
};

struct account_state account_read(const struct account *a);
void account_write(struct account *a, const struct account_state *state);

/*
 * Adds the whole lines that `path` has behind what is accounted for, if it still is that file:
 * written, but the writer was killed before it could say so.
 */
void account_recover_file(struct account *a, const char *path);
