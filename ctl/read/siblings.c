/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "read/siblings.h"

/* Beyond this it is a number that somebody else has given. */
#define NUMBER_MAX 1000000

/* Until two looks at the folder show the same. */
#define ATTEMPTS_MAX 10

static void closedirp(DIR **d)
{
        if (*d)
                (void)closedir(*d);
}

void siblings_done(struct siblings *s)
{
        free(s->files);
        *s = (struct siblings){ 0 };
}

/* The N of NAME.N, and what is behind it; false: this is no sibling of NAME. */
static bool parse_name(const char *name, const char *base, unsigned *ret, struct span *ret_suffix)
{
        struct span rest = span_of(name);
        unsigned number = 0;
        size_t n;

        if (!span_strip_prefix(&rest, base) || !span_strip_prefix(&rest, "."))
                return false;
        n = span_count(rest, is_digit);
        if (n == 0 || rest.data[0] == '0')
                return false;
        for (size_t i = 0; i < n && number <= NUMBER_MAX; i++)
                number = 10 * number + (unsigned)(rest.data[i] - '0');
        *ret = number;
        *ret_suffix = span_skip(rest, n);
        return number <= NUMBER_MAX;
}

static int add(struct siblings *s, unsigned number, enum packing packing, const struct stat *st)
{
        struct sibling *files;

        files = reallocarray(s->files, s->n_files + 1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        s->files = files;
        files[s->n_files++] = (struct sibling){ .number = number,
                                                .packing = packing,
                                                .dev = st->st_dev,
                                                .ino = st->st_ino,
                                                .size = (uint64_t)st->st_size,
                                                .mtime = st->st_mtim };
        return 0;
}

/* Of a file that was asked for by its whole name, which may be one that rotation has packed. */
static unsigned packing_of(const char *name)
{
        unsigned packing = PACKING_NONE + 1;

        while (packing < _PACKING_MAX && !span_ends_with(span_of(name), packing_suffix(packing)))
                packing++;
        return packing < _PACKING_MAX ? packing : PACKING_NONE;
}

static int add_entry(struct siblings *s, int folder, const char *name, const char *base)
{
        struct span suffix = { 0 };
        unsigned packing = 0;
        unsigned number = 0;
        struct stat st;

        if (strcmp(name, base) == 0)
                packing = packing_of(base);
        else if (!parse_name(name, base, &number, &suffix))
                return 0;
        while (number > 0 && packing < _PACKING_MAX && !span_is(suffix, packing_suffix(packing)))
                packing++;
        if (packing == _PACKING_MAX)
                return 0;
        if (!packing_is_readable(packing)) {
                s->n_packed++;
                return 0;
        }
        if (fstatat(folder, name, &st, 0) < 0)
                return errno == ENOENT ? 0 : -errno; /* renamed meanwhile */
        return S_ISREG(st.st_mode) ? add(s, number, packing, &st) : 0;
}

static int oldest_first(const void *a, const void *b)
{
        const struct sibling *x = a, *y = b;

        if (x->number != y->number)
                return x->number < y->number ? 1 : -1;
        return (x->packing > y->packing) - (x->packing < y->packing);
}

/* One that is being packed is there twice: its copy may not be whole. */
static void drop_copies(struct siblings *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_files; i++)
                if (n == 0 || s->files[n - 1].number != s->files[i].number)
                        s->files[n++] = s->files[i];
        s->n_files = n;
}

static int list_once(const char *path, struct siblings *ret)
{
        _cleanup_(siblings_done) struct siblings s = { 0 };
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_(freep) char *folder = NULL;
        const char *slash = strrchr(path, '/');
        const char *base = slash ? slash + 1 : path;
        struct dirent *entry;
        int r;

        folder = slash ? strndup(path, (size_t)(base - path)) : strdup(".");
        if (!folder)
                return -ENOMEM;
        d = opendir(folder);
        if (!d)
                return -errno;
        for (errno = 0; (entry = readdir(d)); errno = 0) {
                r = add_entry(&s, dirfd(d), entry->d_name, base);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;
        if (s.n_files > 0)
                qsort(s.files, s.n_files, sizeof(*s.files), oldest_first);
        drop_copies(&s);
        *ret = s;
        s = (struct siblings){ 0 };
        return 0;
}

static bool are_same(const struct siblings *a, const struct siblings *b)
{
        if (a->n_files != b->n_files || a->n_packed != b->n_packed)
                return false;
        for (size_t i = 0; i < a->n_files; i++)
                if (a->files[i].number != b->files[i].number ||
                    a->files[i].dev != b->files[i].dev || a->files[i].ino != b->files[i].ino)
                        return false;
        return true;
}

/* A folder is read while names in it change: one that is given meanwhile may not be seen. */
int siblings_list(const char *path, struct siblings *ret)
{
        _cleanup_(siblings_done) struct siblings before = { 0 };
        int r;

        r = list_once(path, &before);
        for (int i = 0; i < ATTEMPTS_MAX && r >= 0; i++) {
                struct siblings now = { 0 };

                r = list_once(path, &now);
                if (r < 0)
                        break;
                if (i + 1 == ATTEMPTS_MAX || are_same(&before, &now)) {
                        *ret = now;
                        return 0;
                }
                siblings_done(&before);
                before = now;
        }
        return r;
}

const struct sibling *siblings_find(const struct siblings *s, dev_t dev, ino_t ino)
{
        for (size_t i = 0; i < s->n_files; i++)
                if (s->files[i].dev == dev && s->files[i].ino == ino)
                        return &s->files[i];
        return NULL;
}

char *sibling_name(const char *path, const struct sibling *file)
{
        char *name;

        if (file->number == 0)
                return strdup(path);
        return asprintf(&name, "%s.%u%s", path, file->number, packing_suffix(file->packing)) < 0
                       ? NULL
                       : name;
}

int sibling_open(const char *path, const struct sibling *file, enum unpacked *ret_unpacked)
{
        _cleanup_(freep) char *name = sibling_name(path, file);
        _cleanup_(closep) int fd = -1;
        struct stat st;

        if (!name)
                return -ENOMEM;
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? -ESTALE : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_dev != file->dev || st.st_ino != file->ino)
                return -ESTALE;
        *ret_unpacked = UNPACKED_ALL;
        return file->packing == PACKING_NONE ? TAKE_FD(fd)
                                             : unpack(fd, file->packing, ret_unpacked);
}
