/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The whole file is kept in memory, with an index sorted by number: hosts have dozens of users, and
 * a look-up is needed for each event. A file beyond FILE_SIZE_MAX (some 60,000 users) is cut there,
 * at a line's end; users behind it have no names.
 *
 * Lines that are not name:password:number:... are skipped, as the C library does, and so are those
 * of NIS ("+", "-"). A number beyond 32 bits belongs to nobody.
 *
 * The content is good while stat(2) says the same. Time stamps of files are those of the kernel's
 * last tick: a file that had changed less than SETTLE_NS before it was read may change again and
 * look the same, so it is read anew until it is older.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event/users.h"

#define FILE_SIZE_MAX (4 * MIB)
#define SETTLE_NS ((int64_t)20 * 1000 * 1000) /* two ticks at 100 Hz */

struct user {
        uint32_t uid;
        uint32_t line; /* the first of those with the same number counts */
        struct span name;
};

struct users {
        char *path;
        struct stat stat; /* of the content below */
        bool is_settled;  /* no other content can have the same */
        uint64_t checked_ns;
        bool was_checked;
        struct buf text;
        struct user *user;
        size_t n_users;
};

int users_new(const char *folder, const char *file, struct users **ret)
{
        _cleanup_(users_freep) struct users *u = NULL;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        if (asprintf(&u->path, "%s/%s", folder, file) < 0) {
                u->path = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(u);
        return 0;
}

static void forget(struct users *u)
{
        free(u->user);
        u->user = NULL;
        u->n_users = 0;
        buf_done(&u->text);
        u->stat = (struct stat){};
        u->is_settled = false;
}

struct users *users_free(struct users *u)
{
        if (!u)
                return NULL;
        forget(u);
        free(u->path);
        free(u);
        return NULL;
}

static bool parse_number(struct span s, uint32_t *ret)
{
        uint64_t value = 0;

        if (s.size == 0 || span_count(s, is_digit) < s.size)
                return false;
        for (size_t i = 0; i < s.size; i++) {
                value = value * 10 + (s.data[i] - '0');
                if (value >= UINT32_MAX) /* (uid_t)-1 is nobody, too */
                        return false;
        }
        *ret = value;
        return true;
}

static bool parse_line(struct span line, struct user *ret)
{
        struct span password, number;

        if (!span_split(line, ':', &ret->name, &line) || !span_split(line, ':', &password, &line) ||
            !span_split(line, ':', &number, &line))
                return false;
        if (ret->name.size == 0 || strchr("+-#", ret->name.data[0]))
                return false;
        return parse_number(number, &ret->uid);
}

static int compare_users(const void *a, const void *b)
{
        const struct user *x = a, *y = b;

        if (x->uid != y->uid)
                return x->uid < y->uid ? -1 : 1;
        return x->line < y->line ? -1 : x->line > y->line;
}

static void build_index(struct users *u)
{
        struct span rest = buf_span(&u->text), line;
        size_t n_lines = 0;
        uint32_t n = 0;

        while (span_cut(&rest, '\n', &line))
                n_lines++;
        rest = buf_span(&u->text);
        u->user = calloc(n_lines + 1, sizeof(*u->user));
        while (u->user && span_cut(&rest, '\n', &line)) {
                u->user[u->n_users].line = n++;
                if (parse_line(line, &u->user[u->n_users]))
                        u->n_users++;
        }
        if (u->n_users > 0)
                qsort(u->user, u->n_users, sizeof(*u->user), compare_users);
}

static void read_file(struct users *u, int fd)
{
        char *room;
        ssize_t n;

        while (u->text.size < FILE_SIZE_MAX) {
                room = buf_reserve(&u->text, 16 * KIB);
                if (!room)
                        break;
                n = read(fd, room, 16 * KIB);
                if (n <= 0)
                        break;
                u->text.size += n;
        }
}

static int64_t nsec_of(const struct timespec *ts)
{
        return ts->tv_sec * (int64_t)NSEC_PER_SEC + ts->tv_nsec;
}

static int64_t now_ns(clockid_t clock)
{
        struct timespec ts = {};

        (void)clock_gettime(clock, &ts); /* these clocks always exist */
        return nsec_of(&ts);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
               nsec_of(&a->st_mtim) == nsec_of(&b->st_mtim) &&
               nsec_of(&a->st_ctim) == nsec_of(&b->st_ctim);
}

static void refresh(struct users *u)
{
        _cleanup_(closep) int fd = -1;
        int64_t age_ns;
        struct stat st;

        if (u->is_settled && stat(u->path, &st) == 0 && is_same(&st, &u->stat))
                return;
        forget(u);
        fd = open(u->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        age_ns = now_ns(CLOCK_REALTIME) - nsec_of(&st.st_ctim);
        read_file(u, fd);
        build_index(u);
        u->stat = st;
        u->is_settled = age_ns > SETTLE_NS || age_ns < -SETTLE_NS; /* the clock may be set */
}

/* A look that began behind an event sees every change before it. */
static void check(struct users *u, uint64_t event_ns)
{
        if (u->was_checked && event_ns <= u->checked_ns)
                return;
        u->checked_ns = MAX(event_ns, (uint64_t)now_ns(CLOCK_BOOTTIME));
        u->was_checked = true;
        refresh(u);
}

struct span users_name(struct users *u, uint32_t uid, uint64_t event_ns)
{
        size_t low = 0, high, middle;

        check(u, event_ns);
        /* The first of those with the number. */
        for (high = u->n_users; low < high;) {
                middle = low + (high - low) / 2;
                if (u->user[middle].uid < uid)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == u->n_users || u->user[low].uid != uid)
                return (struct span){};
        return u->user[low].name;
}

bool users_number(struct users *u, struct span name, uint64_t event_ns, uint32_t *ret)
{
        const struct user *found = NULL;

        check(u, event_ns);
        for (size_t i = 0; i < u->n_users; i++) {
                const struct user *user = &u->user[i];

                if (span_equal(user->name, name) && (!found || user->line < found->line))
                        found = user;
        }
        if (found)
                *ret = found->uid;
        return found != NULL;
}
