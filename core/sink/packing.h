/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Packing: a rotated file gives way to a compressed copy of it, from PATH.2 on; PATH.1 stays as it
 * is for those who still read it. This is about files and names alone: which file is next, where
 * its copy is made, when that takes its place. Who compresses has descriptors, and no names.
 *
 *   begin     the copy is a new file, ".NAME.zst.tmp" in the same folder
 *   name      the copy is whole, verified, and on the disk: it is called PATH.N.zst, with the N
 *             that the file has by now
 *   end       that name is on the disk: PATH.N goes
 *
 * A file is known by its inode, for rotation may give it another number at any time. Killed in
 * between, there is a copy without a number, which the next run removes, or there are both: then
 * the file counts, and its copy is made anew.
 *
 * One job at a time. Nothing here waits for a disk but as rotation does. Refused: what is not our
 * own (own_file.h), and a file of which the owner or the group cannot be kept.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct sink_file_system;

/* Of a job; borrowed until it ends. */
struct packing_files {
        int file, copy, folder;
};

struct packing {
        const struct sink_file_system *system;
        const char *path; /* of the log; both borrowed */
        char *copy_path;  /* of a copy that has no number yet */
        unsigned max_files;
        bool is_on, is_open; /* by the settings; the log is open, hence ours */
        bool is_due;         /* there may be a file to be packed; not after a failure */
        bool has_complained; /* since the last look for one */

        struct packing_files files; /* -1: there is no job */
        struct stat file, copy;
        unsigned number; /* that the file has, or had; it does not become less */
        bool is_named;

        /* What could not be packed, until there is nothing of that kind: 0, or -errno. */
        int error;
        const char *detail; /* static */
        char what[NAME_MAX + 128];
};

/* The path outlives it. */
int packing_init(struct packing *p, const struct sink_file_system *system, const char *path);
void packing_done(struct packing *p);

/* New settings: what failed by the old ones is forgotten, and a job that is not wanted ends. */
void packing_configure(struct packing *p, bool is_on, unsigned max_files);

/* The log is open, or closed. */
void packing_open(struct packing *p);
void packing_close(struct packing *p);

/* Removes what an earlier run has left, of a log that is ours by now. */
void packing_clean(struct packing *p);

/*
 * Before a rotation: a copy that has a number goes again if its file is still there, so that never
 * two files have to be renamed for one. -errno: it does not.
 */
int packing_yield(struct packing *p);

/* The log finds no room: an unfinished copy gives back its own. One with a name soon gives more. */
void packing_make_way(struct packing *p, int error);

/* A pause after a failure is over. */
void packing_look(struct packing *p);

/*
 * 1: a job has begun; 0: there is nothing to do; or -errno. With an error here, and below, there is
 * no job any more, and it is told in `error` and `what`; -ESTALE: the file has gone, which is none.
 * -EBUSY: it changes.
 */
int packing_begin(struct packing *p, struct packing_files *ret);
int packing_name(struct packing *p);
int packing_end(struct packing *p);

bool packing_is_busy(const struct packing *p);

/*
 * The job ends without success. `detail`: what else to say of the error, static, or NULL. 0, or
 * -ESTALE: no error, and the next one is due.
 */
void packing_give_up(struct packing *p, int error, const char *detail);
