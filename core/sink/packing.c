/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"
#include "sink/own_file.h"
#include "sink/packing.h"
#include "sink/rotation.h"
#include "sink/sink_internal.h"

/* Of rotated files; the first stays as it is. */
#define FIRST_NUMBER 2

static const struct packing_files no_files = { .file = -1, .copy = -1, .folder = -1 };

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static char *name_of(const struct packing *p, unsigned number, const char *suffix)
{
        char *name;

        return asprintf(&name, "%s.%u%s", p->path, number, suffix) < 0 ? NULL : name;
}

int packing_init(struct packing *p, const struct sink_file_system *system, const char *path)
{
        const char *name = base_name(path);

        *p = (struct packing){ .system = system, .path = path, .files = no_files };
        if (asprintf(&p->copy_path, "%.*s.%s.zst.tmp", (int)(name - path), path, name) < 0) {
                p->copy_path = NULL;
                return -ENOMEM;
        }
        return 0;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_same_time(const struct stat *a, const struct stat *b)
{
        return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_at(const char *name, const struct stat *file)
{
        struct stat st;

        return lstat(name, &st) == 0 && is_same_file(&st, file);
}

static int remove_name(const struct packing *p, const char *name)
{
        struct stat st;

        /* Of what is not there, unlink(2) may say anything else, as that it may not. */
        if (lstat(name, &st) < 0)
                return 0;
        return p->system->unlink(name) < 0 && errno != ENOENT ? -errno : 0;
}

/* The number that the file has by now, or 0: none. */
static unsigned find_number(struct packing *p)
{
        const unsigned last = MAX(p->number, p->max_files) + 1;

        for (unsigned number = p->number; number <= last; number++) {
                _cleanup_(freep) char *name = name_of(p, number, "");

                if (!name)
                        return 0;
                if (!is_at(name, &p->file))
                        continue;
                p->number = number;
                return number;
        }
        return 0;
}

static void close_files(struct packing *p)
{
        closep(&p->files.file);
        closep(&p->files.copy);
        closep(&p->files.folder);
        p->files = no_files;
        p->is_named = false;
}

/* Where its file has gone, a copy that has a number stays. */
static int remove_named_copy(struct packing *p)
{
        _cleanup_(freep) char *name = NULL;

        if (find_number(p) == 0)
                return 0;
        name = name_of(p, p->number, ".zst");
        if (!name)
                return -ENOMEM;
        return is_at(name, &p->copy) ? remove_name(p, name) : 0;
}

static int remove_copy(struct packing *p)
{
        if (p->is_named)
                return remove_named_copy(p);
        /* Who compresses may have it open, and its room may be wanted now. */
        if (p->files.copy >= 0)
                (void)!ftruncate(p->files.copy, 0);
        return is_at(p->copy_path, &p->copy) ? remove_name(p, p->copy_path) : 0;
}

static int complain(struct packing *p, unsigned number, int error, const char *detail)
{
        p->has_complained = true;
        if (p->error == error && p->detail == detail)
                return error; /* told, though the file may have another number by now */
        p->error = error;
        p->detail = detail;
        (void)snprintf(p->what, sizeof(p->what), "compress %s.%u%s%s%s", base_name(p->path), number,
                       detail ? " (" : "", detail ? detail : "", detail ? ")" : "");
        return error;
}

void packing_give_up(struct packing *p, int error, const char *detail)
{
        if (!packing_is_busy(p))
                return;
        p->is_due = error == 0 || error == -ESTALE;
        if (!p->is_due)
                complain(p, p->number, error, detail);
        (void)remove_copy(p);
        close_files(p);
}

static int give_up(struct packing *p, int error)
{
        packing_give_up(p, error, NULL);
        return error;
}

void packing_done(struct packing *p)
{
        packing_give_up(p, 0, NULL);
        free(p->copy_path);
        p->copy_path = NULL;
}

bool packing_is_busy(const struct packing *p)
{
        return p->files.file >= 0;
}

void packing_look(struct packing *p)
{
        p->is_due = true;
}

void packing_configure(struct packing *p, bool is_on, unsigned max_files)
{
        if (!is_on)
                packing_give_up(p, 0, NULL);
        p->is_on = is_on;
        p->max_files = max_files;
        p->error = 0;
        p->is_due = true;
}

int packing_yield(struct packing *p)
{
        int r;

        if (!p->is_named)
                return 0;
        r = remove_named_copy(p);
        if (r < 0)
                return r;
        packing_give_up(p, 0, NULL);
        return 0;
}

void packing_make_way(struct packing *p, int error)
{
        if (!p->is_named)
                packing_give_up(p, error, NULL);
}

/* Both are there, and the copy is one of ours by its time: we were killed between name and end. */
static bool is_left_over(const char *file, const char *copy)
{
        struct stat st, of_copy;

        return lstat(copy, &of_copy) == 0 && S_ISREG(of_copy.st_mode) && lstat(file, &st) == 0 &&
               S_ISREG(st.st_mode) && is_same_time(&st, &of_copy);
}

void packing_open(struct packing *p)
{
        p->is_open = true;
        p->is_due = true;
}

void packing_clean(struct packing *p)
{
        const struct rotation rotation = { .system = p->system, .path = p->path };
        unsigned n_gaps = 0;

        if (packing_is_busy(p))
                return;
        (void)remove_name(p, p->copy_path); /* what cannot be removed shows when it is in the way */
        for (unsigned number = FIRST_NUMBER; p->is_on && number < p->max_files && n_gaps < 2;
             number++) {
                _cleanup_(freep) char *file = name_of(p, number, "");
                _cleanup_(freep) char *copy = name_of(p, number, ".zst");

                n_gaps += !rotation_has(&rotation, number);
                if (file && copy && is_left_over(file, copy))
                        (void)remove_name(p, copy);
        }
}

void packing_close(struct packing *p)
{
        p->is_open = false;
}

/* Nobody but us may open it before it is closed to all but those who may read the file. */
static int make_copy(struct packing *p)
{
        int r;

        r = own_file_make(p->system, p->copy_path, 0600, &p->files.copy);
        if (r < 0)
                return r;
        if (fstat(p->files.copy, &p->copy) < 0)
                return -errno;
        if ((p->copy.st_uid != p->file.st_uid || p->copy.st_gid != p->file.st_gid) &&
            fchown(p->files.copy, p->file.st_uid, p->file.st_gid) < 0)
                return -errno;
        return fchmod(p->files.copy, p->file.st_mode & 07777) < 0 ? -errno : 0;
}

static int open_folder(const char *path)
{
        const char *name = base_name(path);
        _cleanup_(freep) char *folder = NULL;
        int fd;

        /* With the slash, so that the folder of a file in the root is not empty. */
        folder = name > path ? strndup(path, (size_t)(name - path)) : strdup(".");
        if (!folder)
                return -ENOMEM;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int begin_copy(struct packing *p, unsigned number, int file)
{
        int r;

        p->number = number;
        p->files.file = file;
        if (fstat(file, &p->file) < 0)
                return give_up(p, -errno);
        r = open_folder(p->path);
        if (r < 0)
                return give_up(p, r);
        p->files.folder = r;
        r = remove_name(p, p->copy_path);
        if (r < 0) {
                packing_give_up(p, r, "what is in the way of its copy cannot be removed");
                return r;
        }
        r = make_copy(p);
        return r < 0 ? give_up(p, r) : 1;
}

/* 0: there is no such file, or none that is for us. */
static int begin_number(struct packing *p, unsigned number)
{
        _cleanup_(freep) char *name = name_of(p, number, "");
        const char *refusal;
        int r, fd;

        if (!name)
                return -ENOMEM;
        r = own_file_open(p->system, name, O_RDONLY, &fd, &refusal);
        if (r >= 0)
                return begin_copy(p, number, fd);
        if (r != -ENOENT)
                complain(p, number, r, refusal);
        return 0;
}

int packing_begin(struct packing *p, struct packing_files *ret)
{
        const struct rotation rotation = { .system = p->system, .path = p->path };
        unsigned n_gaps = 0;
        int r = 0;

        if (!p->is_due || !p->is_on || !p->is_open || packing_is_busy(p))
                return 0;
        p->is_due = p->has_complained = false;
        for (unsigned number = FIRST_NUMBER; r == 0 && number < p->max_files && n_gaps < 2;
             number++) {
                n_gaps += !rotation_has(&rotation, number);
                r = begin_number(p, number);
        }
        if (r > 0)
                *ret = p->files;
        else if (r == 0 && !p->has_complained)
                p->error = 0;
        return r;
}

/* The file is what it was when the copy was begun, and the copy is where we have made it. */
static int check_files(const struct packing *p)
{
        struct stat st;

        if (fstat(p->files.file, &st) < 0)
                return -errno;
        if (st.st_size != p->file.st_size || !is_same_time(&st, &p->file))
                return -EBUSY;
        return is_at(p->copy_path, &p->copy) ? 0 : -ESTALE;
}

/* A copy of an earlier run may be replaced, and nothing else. */
static int check_name(const struct packing *p, const char *name)
{
        struct stat st;

        if (lstat(name, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        return S_ISREG(st.st_mode) && st.st_uid == p->file.st_uid ? 0 : -EEXIST;
}

static int try_name(struct packing *p)
{
        const struct timespec times[] = { p->file.st_atim, p->file.st_mtim };
        _cleanup_(freep) char *name = NULL;
        int r;

        r = check_files(p);
        if (r < 0)
                return r;
        if (find_number(p) == 0)
                return -ESTALE;
        name = name_of(p, p->number, ".zst");
        if (!name)
                return -ENOMEM;
        r = check_name(p, name);
        if (r < 0)
                return r;
        if (futimens(p->files.copy, times) < 0)
                return -errno;
        return p->system->rename(p->copy_path, name) < 0 ? -errno : 0;
}

int packing_name(struct packing *p)
{
        const int r = try_name(p);

        if (r < 0)
                return give_up(p, r);
        p->is_named = true;
        return 0;
}

static int try_end(struct packing *p)
{
        _cleanup_(freep) char *file = NULL, *copy = NULL;

        if (find_number(p) == 0)
                return -ESTALE;
        file = name_of(p, p->number, "");
        copy = name_of(p, p->number, ".zst");
        if (!file || !copy)
                return -ENOMEM;
        if (!is_at(copy, &p->copy))
                return -ESTALE;
        return p->system->unlink(file) < 0 ? -errno : 0;
}

int packing_end(struct packing *p)
{
        const int r = try_end(p);

        if (r < 0)
                return give_up(p, r);
        close_files(p);
        p->is_due = true; /* for the next one */
        return 0;
}
