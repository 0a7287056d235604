/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A program's life by libbpf, or by bare descriptors where libbpf has no words for it. */
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "event/stats.h"
#include "execsnoop.skel.h"
#include "host/capabilities.h"
#include "host/handover.h"
#include "host/log.h"
#include "kernel/direct.h"
#include "kernel/kernel_subset.h"
#include "kernel/kernel_support.h"
#include "kernel/program.h"

#define NAME_SIZE 32

static int open_image(struct execsnoop_bpf *bpf, const struct direct *direct, int types)
{
        char path[KERNEL_SUBSET_PATH_SIZE];
        LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_subset_path(types, path));
        _cleanup_(freep) void *image = NULL;
        size_t size;
        const void *elf = execsnoop_bpf__elf_bytes(&size);
        int r;

        image = malloc(size);
        if (!image)
                return -ENOMEM;
        memcpy(image, elf, size);
        direct_apply(direct, image);
        r = execsnoop_bpf__create_skeleton(bpf);
        if (r < 0)
                return r;
        bpf->skeleton->data = image;
        r = bpf_object__open_skeleton(bpf->skeleton, &opts);
        bpf->skeleton->data = NULL; /* libbpf has what it needs of it */
        return r;
}

/* As execsnoop_bpf__open(). */
static struct execsnoop_bpf *open_object(const struct direct *direct, int types)
{
        struct execsnoop_bpf *bpf;
        int r;

        bpf = calloc(1, sizeof(*bpf));
        if (!bpf)
                return NULL;
        r = open_image(bpf, direct, types);
        if (r < 0) {
                execsnoop_bpf__destroy(bpf);
                errno = -r;
                return NULL;
        }
        return bpf;
}

struct execsnoop_bpf *program_open_object(int types)
{
        static const struct direct calls = { 0 };

        return open_object(&calls, types);
}

/* FNV-1a */
uint64_t program_object_hash(void)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        size_t size;
        const uint8_t *bytes = execsnoop_bpf__elf_bytes(&size);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        return hash;
}

static struct bpf_program *bpf_program_of(const struct execsnoop_bpf *bpf,
                                          enum exec_program program, bool can_loop)
{
        struct bpf_program *const by_program[_PROGRAM_MAX][2] = {
                [PROGRAM_EXEC] = { bpf->progs.on_exec_bounded, bpf->progs.on_exec },
                [PROGRAM_EXIT] = { bpf->progs.on_exit, bpf->progs.on_exit },
                [PROGRAM_FAILED] = { bpf->progs.on_execve_exit_bounded, bpf->progs.on_execve_exit },
                [PROGRAM_FAILED_AT] = { bpf->progs.on_execveat_exit_bounded,
                                        bpf->progs.on_execveat_exit },
                [PROGRAM_ATTEMPT] = { bpf->progs.on_execve_enter_bounded,
                                      bpf->progs.on_execve_enter },
                [PROGRAM_ATTEMPT_AT] = { bpf->progs.on_execveat_enter_bounded,
                                         bpf->progs.on_execveat_enter },
        };

        return by_program[program][can_loop];
}

/* All but .rodata, which has an instance's own constants. */
static int share_maps(const struct execsnoop_bpf *from, struct execsnoop_bpf *to)
{
        struct bpf_map *map;
        int r;

        bpf_object__for_each_map(map, to->obj)
        {
                const char *name = bpf_map__name(map);

                if (bpf_map__is_internal(map))
                        continue;
                r = bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(from->obj, name));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Errors are not logged. */
static int load(enum exec_program which, const struct execsnoop_bpf *maps,
                const struct program_means *means, uint32_t generation, struct program *ret)
{
        struct bpf_program *other, *wanted;
        struct execsnoop_bpf *bpf;
        int r;

        bpf = open_object(&means->direct, means->types);
        if (!bpf)
                return -errno;
        wanted = bpf_program_of(bpf, which, means->can_loop);
        bpf_object__for_each_program(other, bpf->obj)(void)
                bpf_program__set_autoload(other, other == wanted);
        bpf->rodata->cfg_generation = generation;
        if (which != PROGRAM_EXIT)
                KERNEL_OFFSETS_SET(&means->offsets, bpf->rodata);
        r = share_maps(maps, bpf);
        if (r >= 0)
                r = execsnoop_bpf__load(bpf);
        if (r < 0) {
                execsnoop_bpf__destroy(bpf);
                return r;
        }
        *ret = (struct program){
                .bpf = bpf,
                .prog_fd = bpf_program__fd(wanted),
                .link_fd = -1,
                .generation = generation,
        };
        return 0;
}

int program_load(enum exec_program which, const struct execsnoop_bpf *maps,
                 const struct program_means *means, uint32_t generation, struct program *ret)
{
        const char *name = exec_program_name(which);
        struct program_means calls = *means;
        bool is_direct = means->direct.cast;
        int r;

        r = load(which, maps, means, generation, ret);
        if (r < 0 && r != -EPERM && is_direct) {
                log_errno(LOG_INFO, r,
                          "The kernel refuses the BPF program '%s' with direct loads; it reads by "
                          "calls instead",
                          name);
                is_direct = false;
                calls.direct = (struct direct){ 0 };
                r = load(which, maps, &calls, generation, ret);
        }
        if (r < 0)
                return kernel_explain_load_error(r, name);
        log_debug("The BPF program '%s' reads by %s", name, is_direct ? "direct loads" : "calls");
        return 0;
}

static const char *name_of(const char *kind, enum exec_program which, uint32_t generation,
                           char name[NAME_SIZE])
{
        (void)snprintf(name, NAME_SIZE, "%s-%s-%" PRIu32, kind, exec_program_name(which),
                       generation);
        return name;
}

bool program_inherit(enum exec_program which, uint32_t generation, struct handover *h,
                     struct program *ret)
{
        char name[NAME_SIZE];
        struct program p = {
                .prog_fd = handover_take(h, name_of("prog", which, generation, name)),
                .link_fd = handover_take(h, name_of("link", which, generation, name)),
                .generation = generation,
                .is_stored = true,
        };

        if (!program_is_loaded(&p) || !program_is_attached(&p)) {
                program_forget(&p, which, h);
                program_release(&p);
                return false;
        }
        *ret = p;
        return true;
}

static struct bpf_program *loaded_program(const struct program *p)
{
        struct bpf_program *program;

        bpf_object__for_each_program(program, p->bpf->obj) if (bpf_program__fd(program) ==
                                                               p->prog_fd) return program;
        return NULL;
}

/*
 * As bpf_program__attach(), which decides once for the life of the process where tracefs is; but it
 * may be unmounted, and mounted elsewhere.
 */
static int attach(const struct bpf_program *program, struct bpf_link **ret)
{
        static const char kind[] = "tracepoint/";
        struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_TRACEPOINT };
        _cleanup_(closep) int fd = -1;
        int id;

        id = kernel_tracepoint_id(bpf_program__section_name(program) + strlen(kind));
        if (id < 0)
                return id;
        attr.config = id;
        fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret = bpf_program__attach_perf_event(program, fd);
        if (!*ret)
                return -errno;
        (void)TAKE_FD(fd); /* the link's */
        return 0;
}

int program_attach(struct program *p, enum exec_program which)
{
        int r;

        if (program_is_attached(p))
                return 0;
        r = attach(loaded_program(p), &p->link);
        if (r < 0)
                return kernel_explain_attach_error(r, exec_program_name(which));
        p->link_fd = bpf_link__fd(p->link);
        return 0;
}

void program_store(struct program *p, enum exec_program which, struct handover *h)
{
        char name[NAME_SIZE];

        if (p->is_stored)
                return;
        handover_store(h, name_of("prog", which, p->generation, name), p->prog_fd);
        handover_store(h, name_of("link", which, p->generation, name), p->link_fd);
        p->is_stored = true;
}

void program_forget(struct program *p, enum exec_program which, struct handover *h)
{
        char name[NAME_SIZE];

        if (!p->is_stored)
                return;
        handover_forget(h, name_of("prog", which, p->generation, name));
        handover_forget(h, name_of("link", which, p->generation, name));
        p->is_stored = false;
}

static void program_reset(struct program *p)
{
        *p = (struct program)PROGRAM_NONE;
}

void program_release(struct program *p)
{
        if (p->link)
                (void)bpf_link__destroy(p->link);
        else
                closep(&p->link_fd);
        if (p->bpf)
                execsnoop_bpf__destroy(p->bpf);
        else
                closep(&p->prog_fd);
        program_reset(p);
}

void program_keep(struct program *p)
{
        if (p->link)
                bpf_link__disconnect(p->link); /* or to destroy it would disable it */
        program_release(p);
}

uint64_t program_recursion_misses(const struct program *p)
{
        struct bpf_prog_info info = {};
        uint32_t size = sizeof(info);

        /* The field is there from 5.12 on; with a shorter answer it stays 0. */
        if (!program_is_loaded(p) || bpf_obj_get_info_by_fd(p->prog_fd, &info, &size) < 0)
                return 0;
        return info.recursion_misses;
}

/*
 * Until 5.19 bpf() may refuse every call without CAP_BPF: that depends on the sysctl
 * kernel.unprivileged_bpf_disabled. From the first refusal on it stays effective.
 */
int program_read_counters(int map, enum exec_program which, struct exec_counters *ret)
{
        uint32_t key = which;

        do
                if (bpf_map_lookup_elem(map, &key, ret) >= 0)
                        return 0;
        while (errno == EPERM && (capabilities_raise(CAPABILITY(CAP_BPF)) ||
                                  capabilities_raise(CAPABILITY(CAP_SYS_ADMIN))));
        return -errno;
}
