/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Of the two variants of the iterator the one that gives more is tried first: whether a kernel has
 * the helper for it, it says only when it is asked to load a program that calls it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/macro.h"
#include "host/clock.h"
#include "host/log.h"
#include "kernel/direct.h"
#include "kernel/kernel_subset.h"
#include "kernel/process_list.h"
#include "kernel/process_reader.h"
#include "kernel/program.h"
#include "snapshot.skel.h"

/* It runs once: calls will do for its reads, whatever the kernel has. */
static int open_image(struct snapshot_bpf *bpf, int types)
{
        static const struct direct calls = { 0 };
        char path[KERNEL_SUBSET_PATH_SIZE];
        LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_subset_path(types, path));
        _cleanup_(freep) void *image = NULL;
        size_t size;
        const void *elf = snapshot_bpf__elf_bytes(&size);
        int r;

        image = malloc(size);
        if (!image)
                return -ENOMEM;
        memcpy(image, elf, size);
        direct_apply(&calls, image);
        r = snapshot_bpf__create_skeleton(bpf);
        if (r < 0)
                return r;
        bpf->skeleton->data = image;
        r = bpf_object__open_skeleton(bpf->skeleton, &opts);
        bpf->skeleton->data = NULL; /* libbpf has what it needs of it */
        return r;
}

/* The maps that come with the headers and that no iterator uses are not made. */
static int choose_maps(struct snapshot_bpf *bpf, int images)
{
        const struct bpf_map *const wanted[] = { bpf->maps.control, bpf->maps.images,
                                                 bpf->maps.pages, bpf->maps.attempts };
        struct bpf_map *map;

        bpf_object__for_each_map(map, bpf->obj)
        {
                bool is_wanted = bpf_map__is_internal(map);

                for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                        is_wanted = is_wanted || map == wanted[i];
                (void)bpf_map__set_autocreate(map, is_wanted);
        }
        return bpf_map__reuse_fd(bpf->maps.images, images);
}

/* Returns the descriptor of an iterator, which needs nothing else of the object. */
static int make_iterator(const struct bpf_program *program)
{
        struct bpf_link *link = bpf_program__attach_iter(program, NULL);
        int fd;

        if (!link)
                return -errno;
        fd = bpf_iter_create(bpf_link__fd(link));
        if (fd < 0)
                fd = -errno;
        (void)bpf_link__destroy(link);
        return fd;
}

static int load_opened(struct snapshot_bpf *bpf, const struct process_list_means *means,
                       bool can_sleep)
{
        const struct bpf_program *program;
        const uint32_t zero = 0;
        int r;

        program = can_sleep ? bpf->progs.on_task : bpf->progs.on_task_atomic;
        (void)bpf_program__set_autoload(bpf->progs.on_task, can_sleep);
        (void)bpf_program__set_autoload(bpf->progs.on_task_atomic, !can_sleep);
        KERNEL_OFFSETS_SET(&means->program->offsets, bpf->rodata);
        r = choose_maps(bpf, means->images);
        if (r >= 0)
                r = snapshot_bpf__load(bpf);
        if (r >= 0 &&
            bpf_map_update_elem(bpf_map__fd(bpf->maps.control), &zero, means->control, BPF_ANY) < 0)
                r = -errno;
        return r < 0 ? r : make_iterator(program);
}

struct snapshot_bpf *process_list_open_object(int types)
{
        struct snapshot_bpf *bpf;
        int r;

        bpf = calloc(1, sizeof(*bpf));
        if (!bpf)
                return NULL;
        r = open_image(bpf, types);
        if (r < 0) {
                snapshot_bpf__destroy(bpf);
                errno = -r;
                return NULL;
        }
        return bpf;
}

static int load(const struct process_list_means *means, bool can_sleep)
{
        struct snapshot_bpf *bpf = process_list_open_object(means->program->types);
        int r;

        r = bpf ? load_opened(bpf, means, can_sleep) : -errno;
        snapshot_bpf__destroy(bpf);
        return r;
}

void process_list_open(const struct process_list_means *means, struct process_list *ret)
{
        int fd;

        *ret = (struct process_list)PROCESS_LIST_NONE;
        fd = load(means, true);
        ret->has_argv = fd >= 0;
        if (fd < 0)
                fd = load(means, false);
        if (fd < 0) {
                log_errno(LOG_NOTICE, fd,
                          "Cannot list the processes that run already; nothing is known of them");
                return;
        }
        ret->fd = fd;
}

void process_list_close(struct process_list *list)
{
        closep(&list->fd);
        closep(&list->reader);
        *list = (struct process_list)PROCESS_LIST_NONE;
}

bool process_list_is_begun(const struct process_list *list)
{
        return list->reader >= 0;
}

/* What an error of the socket means. */
static int wait_more(struct process_list *list, int error)
{
        const uint64_t now_ns = clock_monotonic_ns();

        if (error != -EAGAIN && error != -EINTR)
                return error;
        if (list->since_ns == 0)
                list->since_ns = now_ns;
        return now_ns - list->since_ns > PROCESS_READER_PATIENCE_NS ? -ETIMEDOUT : -EAGAIN;
}

static ssize_t receive(struct process_list *list, void *buf, size_t size)
{
        const ssize_t n = recv(list->reader, buf, size, MSG_DONTWAIT);
        int r;

        if (n < 0)
                return wait_more(list, -errno);
        if (n == 0)
                return -ETIMEDOUT;
        list->since_ns = 0;
        if (n != sizeof(r))
                return n;
        memcpy(&r, buf, sizeof(r));
        return r;
}

ssize_t process_list_read(struct process_list *list, void *buf, size_t size)
{
        ssize_t n;

        if (list->reader < 0) {
                if (list->fd < 0)
                        return 0;
                list->reader = process_reader_start(list->fd);
                closep(&list->fd);
                list->fd = -1;
        }
        n = list->reader < 0 ? list->reader : receive(list, buf, size);
        if (n <= 0 && n != -EAGAIN)
                process_list_close(list);
        return n;
}
