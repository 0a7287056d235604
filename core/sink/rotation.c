/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "sink/rotation.h"
#include "sink/sink_internal.h"

/* What may be behind a number. */
static const char *const suffixes[] = { "", ".zst", ".gz" };

enum slot {
        SLOT_FREE,
        SLOT_FILES,
        SLOT_FOLDER, /* whatever else there is */
};

static char *name_of(const struct rotation *r, unsigned number, const char *suffix)
{
        char *name;

        if (number == 0)
                return strdup(r->path);
        return asprintf(&name, "%s.%u%s", r->path, number, suffix) < 0 ? NULL : name;
}

/* PATH itself is never packed. */
static size_t n_suffixes(unsigned number)
{
        return number == 0 ? 1 : ELEMENTSOF(suffixes);
}

static int slot_look(const struct rotation *r, unsigned number, enum slot *ret)
{
        *ret = SLOT_FREE;
        for (size_t i = 0; i < n_suffixes(number); i++) {
                _cleanup_(freep) char *name = name_of(r, number, suffixes[i]);
                struct stat st;

                if (!name)
                        return -ENOMEM;
                if (lstat(name, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode)) {
                        *ret = SLOT_FOLDER;
                        return 0;
                }
                *ret = SLOT_FILES;
        }
        return 0;
}

bool rotation_has(const struct rotation *r, unsigned number)
{
        enum slot slot;

        return slot_look(r, number, &slot) < 0 || slot != SLOT_FREE;
}

/* 0: moved, or not there. */
static int move_name(const struct rotation *r, unsigned from, unsigned to, size_t suffix)
{
        _cleanup_(freep) char *from_name = name_of(r, from, suffixes[suffix]);
        _cleanup_(freep) char *to_name = name_of(r, to, suffixes[suffix]);
        struct stat st;

        if (!from_name || !to_name)
                return -ENOMEM;
        if (from > 0 && lstat(from_name, &st) < 0)
                return 0;
        return r->system->rename(from_name, to_name) < 0 ? -errno : 0;
}

int rotation_move(const struct rotation *r, unsigned from, unsigned to)
{
        const size_t n = n_suffixes(MIN(from, to));
        int error;

        for (size_t i = 0; i < n; i++) {
                error = move_name(r, from, to, i);
                if (error == 0)
                        continue;
                /* A file and its packed copy stay together. */
                while (i-- > 0)
                        (void)move_name(r, to, from, i);
                return error;
        }
        return 0;
}

static void count_removed(struct rotation *r, const struct stat *st)
{
        const uint64_t to_ns =
                (uint64_t)MAX(st->st_mtim.tv_sec, 0) * NSEC_PER_SEC + (uint64_t)st->st_mtim.tv_nsec;

        r->n_removed++;
        r->removed_bytes += (uint64_t)st->st_size;
        r->removed_to_ns = MAX(r->removed_to_ns, to_ns);
}

int rotation_remove(struct rotation *r, unsigned number)
{
        int error = -ENOENT;

        for (size_t i = 0; i < n_suffixes(number); i++) {
                _cleanup_(freep) char *name = name_of(r, number, suffixes[i]);
                struct stat st;

                if (!name)
                        return -ENOMEM;
                /* Of what is not there, unlink(2) may say anything else, as that it may not. */
                if (lstat(name, &st) < 0)
                        continue;
                if (r->system->unlink(name) == 0) {
                        count_removed(r, &st);
                        error = error == -ENOENT ? 0 : error;
                } else if (errno != ENOENT) {
                        error = -errno;
                }
        }
        return error;
}

int rotation_prune(struct rotation *r)
{
        unsigned n_gaps = 0;
        int error = 0, e;

        for (unsigned number = r->max_files; number > 0 && n_gaps < 2; number++) {
                e = rotation_remove(r, number);
                if (e == -ENOENT)
                        n_gaps++;
                else if (e < 0 && error == 0)
                        error = e;
        }
        return error;
}

/* Of this name alone; what is wrong with the whole folder ends the rotation. */
static bool is_about_a_name(int error)
{
        switch (-error) {
        case EPERM:
        case EACCES:
        case EBUSY:
        case EISDIR:
        case ENOTDIR:
        case EEXIST:
        case ENOTEMPTY:
                return true;
        default:
                return false;
        }
}

static void block(struct rotation *r, unsigned number, int error)
{
        r->blocked = number;
        r->blocked_error = error;
}

/* The first number that nothing has, up to the one behind the limit. */
static int find_gap(const struct rotation *r, unsigned *ret)
{
        enum slot slot;
        unsigned gap;
        int error;

        for (gap = 1; gap < r->max_files; gap++) {
                error = slot_look(r, gap, &slot);
                if (error < 0)
                        return error;
                if (slot == SLOT_FREE)
                        break;
        }
        *ret = gap;
        return 0;
}

/* *to is free, or 0: then what has `number` is removed. Afterwards *to is the lowest free one. */
static int free_slot(struct rotation *r, unsigned number, unsigned *to)
{
        enum slot slot;
        int error;

        error = slot_look(r, number, &slot);
        if (error < 0 || slot == SLOT_FREE)
                return error;
        if (slot == SLOT_FOLDER)
                error = -EISDIR;
        else
                error = *to > 0 ? rotation_move(r, number, *to) : rotation_remove(r, number);
        if (error == 0 || error == -ENOENT)
                *to = number;
        else if (is_about_a_name(error))
                block(r, number, error);
        else
                return error;
        return 0;
}

int rotation_make_room(struct rotation *r, unsigned *ret)
{
        enum slot slot;
        unsigned to;
        int error;

        r->blocked = 0;
        error = find_gap(r, &to);
        if (error < 0)
                return error;
        if (to == r->max_files) {
                (void)rotation_prune(r); /* what it cannot remove shows after the rotation */
                error = slot_look(r, to, &slot);
                if (error < 0)
                        return error;
                if (slot != SLOT_FREE)
                        to = 0; /* there is no place beyond the limit */
        }
        for (unsigned number = (to > 0 ? to : r->max_files) - 1; number > 0; number--) {
                error = free_slot(r, number, &to);
                if (error < 0)
                        return error;
        }
        *ret = to;
        return 0;
}
