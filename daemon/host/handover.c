/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The names and the page. A stored descriptor stays open here as long as its owner keeps it open:
 * we remember numbers, not copies.
 *
 * FDPOLL=0 because the service manager would else drop a descriptor at once that polls with an
 * error, as BPF maps do.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/buf.h"
#include "host/handover.h"
#include "host/log.h"
#include "host/notify.h"

#define PAGE_NAME "page"
#define PAGE_MAGIC UINT64_C(0x72646e6168637865) /* "exechandr" */
#define NAME_SIZE 32
#define FDNAME_MAX 255 /* of the store; see sd_pid_notify_with_fds(3) */
#define VARIABLE "EXECSNOOPD_HANDOVER"

struct item {
        char name[NAME_SIZE];
        int fd;
        bool is_ours;   /* not taken yet: ours to close */
        bool is_direct; /* not stored: for handover_exec() alone */
};

struct handover {
        struct item *items;
        unsigned n_items;
        bool has_next;
        bool is_kept;
        bool is_direct;
        int page_fd;
        struct handover_page *page;
        size_t page_size;
};

static struct item *item_of(struct handover *h, const char *name)
{
        for (unsigned i = 0; i < h->n_items; i++)
                if (strcmp(h->items[i].name, name) == 0)
                        return &h->items[i];
        return NULL;
}

static int item_add(struct handover *h, const char *name, int fd, bool is_ours)
{
        struct item *items;

        if (strlen(name) >= NAME_SIZE)
                return -ENAMETOOLONG;
        items = reallocarray(h->items, h->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        h->items = items;
        items[h->n_items] = (struct item){ .fd = fd, .is_ours = is_ours };
        strcpy(items[h->n_items].name, name);
        h->n_items++;
        return 0;
}

static void item_remove(struct handover *h, struct item *item)
{
        if (item->is_ours)
                closep(&item->fd);
        *item = h->items[--h->n_items];
}

static void remove_from_store(const struct handover *h, const char *name)
{
        char state[sizeof("FDSTOREREMOVE=1\nFDNAME=") + FDNAME_MAX];
        int n = snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name), r;

        if (!h->is_kept || n < 0 || (size_t)n >= sizeof(state))
                return;
        r = notify_send(state);
        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Cannot remove the descriptor '%s' from the store of the service manager",
                          name);
}

/* None of ours stays: those have short names, once each. */
static void take_listen_fd(struct handover *h, const char *name, int fd)
{
        int r = item_of(h, name) ? -EEXIST : item_add(h, name, fd, true);

        if (r >= 0)
                return;
        log_errno(LOG_DEBUG, r, "Not using the stored descriptor '%s'", name);
        (void)close(fd);
        if (r == -ENAMETOOLONG)
                remove_from_store(h, name);
}

static int take_listen_fds(struct handover *h)
{
        int n = sd_listen_fds(false), r;
        char **names = NULL;

        r = sd_listen_fds_with_names(true, &names);
        for (int i = 0; i < n; i++) {
                if (r < 0) { /* more or fewer names than descriptors: which is which? */
                        (void)close(SD_LISTEN_FDS_START + i);
                        continue;
                }
                take_listen_fd(h, names[i], SD_LISTEN_FDS_START + i);
                free(names[i]);
        }
        free(names);
        return r;
}

/* The list that handover_exec() has made: see write_list(). */
static int take_list(struct handover *h, FILE *list)
{
        char name[NAME_SIZE];
        int fd, is_direct, r;

        while (fscanf(list, "%31s %d %d", name, &fd, &is_direct) == 3) {
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
                r = item_add(h, name, fd, true);
                if (r < 0)
                        return r;
                h->items[h->n_items - 1].is_direct = is_direct;
        }
        return 1;
}

/* The variable is "PID FD", the descriptor that of the list. -1: there is none. */
static int direct_list(void)
{
        const char *value = getenv(VARIABLE);
        long pid;
        int fd;

        return value && sscanf(value, "%ld %d", &pid, &fd) == 2 && pid == getpid() ? fd : -1;
}

bool handover_is_coming(void)
{
        return direct_list() >= 0;
}

/* 0 if there are none. */
static int take_direct(struct handover *h)
{
        int fd = direct_list(), r;
        FILE *list;

        if (fd < 0)
                return 0;
        (void)unsetenv(VARIABLE);
        h->is_direct = true;
        list = fdopen(fd, "re");
        if (!list)
                return -errno;
        r = take_list(h, list);
        (void)fclose(list);
        return r;
}

static int take_fds(struct handover *h)
{
        int r;

        r = take_direct(h);
        return r == 0 ? take_listen_fds(h) : r;
}

int handover_open(bool keep, struct handover **ret)
{
        _cleanup_(handover_freep) struct handover *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return log_errno(LOG_ERR, -ENOMEM, "Cannot set up the hand-over");
        h->page_fd = -1;
        h->has_next = keep;
        h->is_kept = keep && getenv("NOTIFY_SOCKET") && getenv("FDSTORE");
        r = keep ? take_fds(h) : 0;
        if (r < 0) /* then it is as if there was nothing */
                log_errno(LOG_WARNING, r,
                          "Cannot take the descriptors stored by the service manager");
        *ret = TAKE_PTR(h);
        return 0;
}

static void unmap_page(struct handover *h)
{
        if (h->page)
                (void)munmap(h->page, h->page_size);
        h->page = NULL;
        closep(&h->page_fd);
        h->page_fd = -1;
}

struct handover *handover_free(struct handover *h)
{
        if (!h)
                return NULL;
        while (h->n_items > 0)
                item_remove(h, &h->items[0]);
        unmap_page(h);
        free(h->items);
        free(h);
        return NULL;
}

static int map_page(struct handover *h, int fd)
{
        void *page;

        page = mmap(NULL, h->page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        h->page = page;
        h->page_fd = fd;
        return 0;
}

static int new_page(struct handover *h, unsigned n_cpus)
{
        _cleanup_(closep) int fd = -1;
        int r;

        fd = memfd_create("execsnoopd-page", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t)h->page_size) < 0)
                return -errno;
        r = map_page(h, fd);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        assert(h->page);
        h->page->magic = PAGE_MAGIC;
        h->page->version = HANDOVER_VERSION;
        h->page->n_cpus = n_cpus;
        handover_store(h, PAGE_NAME, h->page_fd);
        return 0;
}

/* A page of another version, of any size, must not become ours. */
static int old_page(struct handover *h, unsigned n_cpus)
{
        _cleanup_(closep) int fd = handover_take(h, PAGE_NAME);
        struct stat st;
        int r;

        if (fd < 0)
                return -ENOENT;
        if (fstat(fd, &st) < 0 || (size_t)st.st_size != h->page_size)
                return -EPROTO;
        r = map_page(h, fd);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        if (h->page->magic != PAGE_MAGIC || h->page->version != HANDOVER_VERSION ||
            h->page->n_cpus != n_cpus)
                return -EPROTO;
        return 0;
}

bool handover_take_page(struct handover *h, unsigned n_cpus)
{
        int r;

        h->page_size = sizeof(*h->page) + sizeof(h->page->seq[0]) * n_cpus * _PROGRAM_MAX;
        r = old_page(h, n_cpus);
        if (r >= 0)
                return true;
        if (r != -ENOENT)
                log_warning("Events since the previous run are not counted, as what it left "
                            "cannot be read: %s",
                            r == -EPROTO ? "it is of another version of execsnoopd" : strerror(-r));
        return false;
}

bool handover_is_empty(const struct handover *h)
{
        return h->n_items == 0;
}

void handover_forget_all(struct handover *h)
{
        while (h->n_items > 0)
                handover_forget(h, h->items[0].name);
}

int handover_reset(struct handover *h)
{
        unsigned n_cpus =
                (h->page_size - sizeof(*h->page)) / sizeof(h->page->seq[0]) / _PROGRAM_MAX;
        int r;

        handover_forget_all(h);
        unmap_page(h);
        r = new_page(h, n_cpus);
        return r < 0 ? log_errno(LOG_ERR, r,
                                 "Cannot create the memory that the next run takes over")
                     : 0;
}

struct handover_page *handover_page(const struct handover *h)
{
        return h->page;
}

int handover_take(struct handover *h, const char *name)
{
        struct item *item = item_of(h, name);

        if (!item || !item->is_ours)
                return -1;
        item->is_ours = false; /* remembered: it is in the store already */
        return item->fd;
}

void handover_store(struct handover *h, const char *name, int fd)
{
        char state[sizeof("FDSTORE=1\nFDPOLL=0\nFDNAME=") + NAME_SIZE];
        int r;

        r = item_add(h, name, fd, false);
        if (r >= 0 && h->is_kept) {
                (void)snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
                r = notify_send_fd(state, fd);
        }
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot store the descriptor '%s' for the next run",
                          name);
}

void handover_forget(struct handover *h, const char *name)
{
        struct item *item = item_of(h, name);

        if (!item)
                return;
        if (!item->is_direct)
                remove_from_store(h, name);
        item_remove(h, item);
}

void handover_renumber(struct handover *h, const char *name, int fd)
{
        struct item *item = item_of(h, name);

        if (item)
                item->fd = fd;
}

int handover_add_direct(struct handover *h, const char *name, int fd)
{
        int r;

        r = item_add(h, name, fd, false);
        if (r >= 0)
                h->items[h->n_items - 1].is_direct = true;
        return r;
}

void handover_drop_direct(struct handover *h)
{
        for (unsigned i = h->n_items; i-- > 0;)
                if (h->items[i].is_direct)
                        item_remove(h, &h->items[i]);
}

static void keep_on_exec(const struct handover *h, bool keep)
{
        for (unsigned i = 0; i < h->n_items; i++)
                (void)fcntl(h->items[i].fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

/* A line for each: its name, its descriptor, 1 if the store has it not. */
static int write_list(const struct handover *h, int fd)
{
        _cleanup_(buf_done) struct buf list = {};

        for (unsigned i = 0; i < h->n_items; i++)
                buf_printf(&list, "%s %d %d\n", h->items[i].name, h->items[i].fd,
                           h->items[i].is_direct);
        if (buf_error(&list) < 0)
                return buf_error(&list);
        /* Memory takes all of it, or there is none; and the other image reads from the start. */
        return pwrite(fd, list.data, list.size, 0) == (ssize_t)list.size ? 0 : -ENOMEM;
}

/* A file, because a variable of all rings of 3,700 CPUs would be too long for exec. */
int handover_exec(struct handover *h, const char *path, char *const *argv)
{
        _cleanup_(closep) int list = -1;
        char value[32];
        int r;

        list = memfd_create("execsnoopd-handover", 0);
        if (list < 0)
                return -errno;
        r = write_list(h, list);
        if (r < 0)
                return r;
        (void)snprintf(value, sizeof(value), "%ld %d", (long)getpid(), list);
        if (setenv(VARIABLE, value, true) < 0)
                return -errno;
        keep_on_exec(h, true);
        (void)execv(path, argv);
        r = -errno;
        keep_on_exec(h, false);
        (void)unsetenv(VARIABLE);
        return r;
}

bool handover_is_direct(const struct handover *h)
{
        return h->is_direct;
}

void handover_forget_rest(struct handover *h)
{
        for (unsigned i = h->n_items; i-- > 0;)
                if (h->items[i].is_ours)
                        handover_forget(h, h->items[i].name);
}

bool handover_has_next(const struct handover *h)
{
        return h->has_next;
}

bool handover_has_store(const struct handover *h)
{
        return h->is_kept;
}
