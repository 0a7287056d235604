/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The names of a log's older files: PATH.1 is the one before PATH, PATH.2 the one before that. A
 * file may be packed, as PATH.2.zst or PATH.2.gz, and keeps its number then.
 *
 * Renames, never copies, and overwrites nothing. What has such a name and cannot be renamed or
 * removed (a folder, a file that is immutable or somebody else's) is left alone, and its number is
 * not used: fewer files are kept then, never more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sink_file_system;

struct rotation {
        const struct sink_file_system *system;
        const char *path;   /* both borrowed */
        unsigned max_files; /* PATH included */

        /* What was in the way last: its number, or 0; and why. */
        unsigned blocked;
        int blocked_error;

        /* What was removed for the limit, and until when it was written to, CLOCK_REALTIME. */
        uint64_t n_removed, removed_bytes, removed_to_ns;
};

/*
 * Frees a number for PATH, the lowest that can be, by moving files up to the next gap; if need be
 * beyond the limit, for what is too old goes only after all has succeeded: rotation_prune(). *ret
 * is 0 if there is no number at all: PATH itself has to go then. A failure leaves a gap, where the
 * next attempt begins.
 */
int rotation_make_room(struct rotation *r, unsigned *ret);

/* All that has this number gets that one, which is free; or goes. Number 0 is PATH itself. */
int rotation_move(const struct rotation *r, unsigned from, unsigned to);
int rotation_remove(struct rotation *r, unsigned number);

/* Something has that number, be it packed. */
bool rotation_has(const struct rotation *r, unsigned number);

/*
 * Removes what is beyond the limit, which may have been higher once; also behind a gap, of which
 * rotations that failed leave one at most. Goes on where it fails, and returns the first error.
 */
int rotation_prune(struct rotation *r);
