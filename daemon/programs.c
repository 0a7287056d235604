/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The instances of the BPF object. The first, that of on_exec, creates the maps; the others are
 * opened with the descriptors of those maps and load one program each. A program that goes is
 * detached, and its instance freed; its counters stay in the shared map, so the ledger goes on.
 *
 * Knobs live in a map in shared memory and not in .rodata: they change with a reload.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "config.h"
#include "execsnoop.skel.h"
#include "kernel_support.h"
#include "log.h"
#include "programs.h"
#include "stats.h"

/* With Exits=: processes that may be alive at once, 80 bytes each; beyond are `untracked`. */
#define PROCESSES_MAX 32768

struct program {
        struct execsnoop_bpf *bpf;  /* NULL: not loaded */
        struct bpf_program *loaded; /* the one of its programs that is */
        struct bpf_link *link;      /* NULL: not attached */
        uint64_t recursion_misses;  /* of this and of earlier instances */
        uint64_t earlier_misses;
};

/* What is not on every kernel: the key, and the member that it is read from. */
static const struct {
        const char *key, *structure, *member;
} optional_facts[] = {
        { "loginuid", "task_struct", "loginuid" },   /* CONFIG_AUDIT */
        { "session", "task_struct", "sessionid" },   /* CONFIG_AUDIT */
        { "namespaces.time", "nsproxy", "time_ns" }, /* 5.6 */
        { "flags.image32", "mm_struct", "task_size" },
};

struct programs {
        struct program program[_PROGRAM_MAX];
        bool attached;
        bool can_loop; /* there is bpf_loop(), 5.17 */
        unsigned n_cpus;
        struct exec_control *control;
        struct exec_inflight *inflight;
        size_t inflight_size;
        struct exec_counters *counters; /* by program, then by CPU */
        const char *missing[ELEMENTSOF(optional_facts) + 1];
};

static struct bpf_program *bpf_program_of(const struct execsnoop_bpf *bpf,
                                          enum exec_program program, bool can_loop)
{
        struct bpf_program *const by_program[_PROGRAM_MAX] = {
                [PROGRAM_EXEC] = can_loop ? bpf->progs.on_exec : bpf->progs.on_exec_bounded,
                [PROGRAM_EXIT] = bpf->progs.on_exit,
                [PROGRAM_FAILED] = bpf->progs.on_execve_exit,
                [PROGRAM_FAILED_AT] = bpf->progs.on_execveat_exit,
                [PROGRAM_ATTEMPT] = bpf->progs.on_execve_enter,
                [PROGRAM_ATTEMPT_AT] = bpf->progs.on_execveat_enter,
        };

        return by_program[program];
}

static bool is_wanted(const struct config *config, enum exec_program program)
{
        switch (program) {
        case PROGRAM_EXIT:
                return config->capture.exits;
        case PROGRAM_FAILED:
        case PROGRAM_FAILED_AT:
                return config->capture.failed_execs;
        case PROGRAM_ATTEMPT:
        case PROGRAM_ATTEMPT_AT:
                return config->capture.attempts;
        default:
                return true;
        }
}

static const struct execsnoop_bpf *first_instance(const struct programs *p)
{
        return p->program[PROGRAM_EXEC].bpf;
}

static int size_maps(struct programs *p, struct execsnoop_bpf *bpf)
{
        int r;

        r = bpf_map__set_max_entries(bpf->maps.inflight, p->n_cpus);
        if (r < 0)
                return r;
        return bpf_map__set_max_entries(bpf->maps.processes, PROCESSES_MAX);
}

static int share_maps(const struct execsnoop_bpf *from, struct execsnoop_bpf *to)
{
        struct bpf_map *map;
        int r;

        bpf_object__for_each_map(map, to->obj)
        {
                const char *name = bpf_map__name(map);

                r = bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(from->obj, name));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int program_load(struct programs *p, enum exec_program program)
{
        struct bpf_program *other, *wanted;
        struct execsnoop_bpf *bpf;
        int r;

        bpf = execsnoop_bpf__open();
        if (!bpf)
                return log_errno(LOG_ERR, -errno, "Cannot open the BPF object");
        bpf_object__for_each_program(other, bpf->obj)(void) bpf_program__set_autoload(other, false);
        wanted = bpf_program_of(bpf, program, p->can_loop);
        (void)bpf_program__set_autoload(wanted, true);

        r = first_instance(p) ? share_maps(first_instance(p), bpf) : size_maps(p, bpf);
        if (r >= 0)
                r = execsnoop_bpf__load(bpf);
        if (r < 0) {
                execsnoop_bpf__destroy(bpf);
                return kernel_explain_load_error(r, exec_program_name(program));
        }
        p->program[program].bpf = bpf;
        p->program[program].loaded = wanted;
        return 0;
}

static void read_recursion_misses(struct program *program)
{
        struct bpf_prog_info info = {};
        uint32_t size = sizeof(info);

        /* The field is there from 5.12 on; a shorter answer leaves it at 0. */
        if (bpf_obj_get_info_by_fd(bpf_program__fd(program->loaded), &info, &size) == 0)
                program->recursion_misses = program->earlier_misses + info.recursion_misses;
}

/*
 * The last close of a link waits for a grace period that covers all tasks: milliseconds, but in a
 * storm of forks as long as the storm. So the last one shall not be ours but that of a child, which
 * has copies of all descriptors and nothing else to do. It goes when the returned descriptor is
 * closed, at the latest with us. -1: there can be no child, and we wait ourselves.
 */
static int start_last_closer(void)
{
        int ends[2];
        pid_t pid;
        char c;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                (void)close(ends[1]);
                for (int fd = 0; fd <= STDERR_FILENO; fd++)
                        (void)close(fd); /* whoever reads from us waits for us alone */
                while (read(ends[0], &c, sizeof(c)) < 0 && errno == EINTR)
                        ;
                _exit(EXIT_SUCCESS);
        }
        (void)close(ends[0]);
        if (pid < 0) {
                (void)close(ends[1]);
                return -1;
        }
        return ends[1];
}

static void program_detach(struct program *program)
{
        (void)bpf_link__destroy(program->link);
        program->link = NULL;
}

static void program_unload(struct program *program)
{
        if (!program->bpf)
                return;
        program_detach(program);
        read_recursion_misses(program);
        program->earlier_misses = program->recursion_misses;
        execsnoop_bpf__destroy(program->bpf);
        program->bpf = NULL;
}

static int program_attach(struct programs *p, enum exec_program which)
{
        struct program *program = &p->program[which];
        struct bpf_link *link;

        if (program->link)
                return 0;
        link = bpf_program__attach(program->loaded);
        if (!link)
                return kernel_explain_attach_error(-errno, exec_program_name(which));
        program->link = link;
        return 0;
}

/* From the last to the first: what is watched for its consequences is attached last. */
static int attach_loaded(struct programs *p)
{
        int r;

        for (int i = _PROGRAM_MAX - 1; i >= 0; i--) {
                if (!p->program[i].bpf)
                        continue;
                r = program_attach(p, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_environment(struct programs *p, char *const *names)
{
        int map = bpf_map__fd(first_instance(p)->maps.env_keys);
        uint64_t keys[EXEC_ENV_NAMES_MAX], key, next, bloom = 0;
        uint32_t value = 1;
        unsigned n = 0;

        for (; names && *names; names++) {
                char first[sizeof(key) + 1] = {};

                /* As "NAME=" begins in memory; longer names have no "=" among their first bytes. */
                (void)snprintf(first, sizeof(first), "%s=", *names);
                memcpy(&key, first, sizeof(key));
                key = env_key(key);
                if (bpf_map_update_elem(map, &key, &value, BPF_ANY) < 0)
                        return -errno;
                keys[n++] = key;
                bloom |= UINT64_C(1) << env_hash(key);
        }
        p->control->env_bloom = bloom;

        /* Then forget what is no longer wanted. */
        for (uint64_t *previous = NULL; bpf_map_get_next_key(map, previous, &next) == 0;) {
                bool wanted = false;

                for (unsigned i = 0; i < n; i++)
                        wanted |= keys[i] == next;
                if (!wanted && bpf_map_delete_elem(map, &next) == 0) {
                        previous = NULL; /* iteration from a deleted key starts over anyway */
                        continue;
                }
                key = next;
                previous = &key;
        }
        return 0;
}

static int set_knobs(struct programs *p, const struct config *config)
{
        struct exec_control *c = p->control;

        c->argv_max = config->capture.argv_max;
        c->track_exits = config->capture.exits;
        c->caps_full = kernel_all_capabilities();
        memcpy(c->ignore_errnos, config->capture.failed_execs_ignore.bits,
               sizeof(c->ignore_errnos));
        return set_environment(p, config->capture.environment);
}

static int map_shared_memory(struct programs *p)
{
        const struct execsnoop_bpf *bpf = first_instance(p);
        void *control, *inflight;

        control = mmap(NULL, sizeof(*p->control), PROT_READ | PROT_WRITE, MAP_SHARED,
                       bpf_map__fd(bpf->maps.control), 0);
        if (control == MAP_FAILED)
                return log_errno(LOG_ERR, -errno, "Cannot map the control map");
        p->control = control;

        p->inflight_size = p->n_cpus * sizeof(*p->inflight);
        inflight = mmap(NULL, p->inflight_size, PROT_READ, MAP_SHARED,
                        bpf_map__fd(bpf->maps.inflight), 0);
        if (inflight == MAP_FAILED)
                return log_errno(LOG_ERR, -errno, "Cannot map the in-flight map");
        p->inflight = inflight;
        return 0;
}

/* Also in the anonymous structs and unions of the struct. */
static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
        const struct btf_member *m = btf_members(type);

        for (unsigned i = 0; i < btf_vlen(type); i++) {
                const char *member = btf__name_by_offset(btf, m[i].name_off);
                const struct btf_type *inner = btf__type_by_id(btf, m[i].type);

                if (strcmp(member, name) == 0)
                        return true;
                if (*member == '\0' && btf_is_composite(inner) && has_member(btf, inner, name))
                        return true;
        }
        return false;
}

/* The programs ask the same of BTF when they are loaded. */
static int find_missing(struct programs *p)
{
        struct btf *btf = btf__load_vmlinux_btf();
        unsigned n = 0;

        if (!btf)
                return -errno;
        for (unsigned i = 0; i < ELEMENTSOF(optional_facts); i++) {
                int id = btf__find_by_name_kind(btf, optional_facts[i].structure, BTF_KIND_STRUCT);

                if (id < 0 || !has_member(btf, btf__type_by_id(btf, id), optional_facts[i].member))
                        p->missing[n++] = optional_facts[i].key;
        }
        btf__free(btf);
        return 0;
}

/* One failure makes pages of verifier log: that is for debugging; the error itself we explain. */
static _printf_(2, 0) int on_libbpf_message(enum libbpf_print_level level _unused_,
                                            const char *format, va_list args)
{
        char text[1024];

        (void)vsnprintf(text, sizeof(text), format, args);
        text[strcspn(text, "\n")] = '\0';
        log_debug("%s", text);
        return 0;
}

int programs_new(const struct config *config, struct programs **ret)
{
        _cleanup_(programs_freep) struct programs *p = NULL;
        int r;

        libbpf_set_print(on_libbpf_message);
        r = kernel_check();
        if (r < 0)
                return r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        r = libbpf_num_possible_cpus();
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot tell how many CPUs are possible");
        p->n_cpus = r;
        p->can_loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_loop, NULL) > 0;
        p->counters = calloc(_PROGRAM_MAX * p->n_cpus, sizeof(*p->counters));
        if (!p->counters)
                return -ENOMEM;

        for (int i = 0; i < _PROGRAM_MAX; i++) {
                if (!is_wanted(config, i))
                        continue;
                r = program_load(p, i);
                if (r < 0)
                        return r;
        }
        r = find_missing(p);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot read the kernel's BTF");
        r = map_shared_memory(p);
        if (r < 0)
                return r;
        r = set_knobs(p, config);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the BPF maps");

        *ret = TAKE_PTR(p);
        return 0;
}

struct programs *programs_free(struct programs *p)
{
        _cleanup_(closep) int last_closer = -1;

        if (!p)
                return NULL;
        if (p->attached)
                last_closer = start_last_closer();
        for (int i = 0; i < _PROGRAM_MAX; i++)
                program_unload(&p->program[i]);
        if (p->control)
                (void)munmap(p->control, sizeof(*p->control));
        if (p->inflight)
                (void)munmap(p->inflight, p->inflight_size);
        free(p->counters);
        free(p);
        return NULL;
}

/* From now on exactly the programs that are attached do something. */
static void run_attached(struct programs *p)
{
        uint32_t running = 0;

        for (int i = 0; i < _PROGRAM_MAX; i++)
                if (p->program[i].link)
                        running |= 1u << i;
        __atomic_store_n(&p->control->running, running, __ATOMIC_SEQ_CST);
}

int programs_attach(struct programs *p)
{
        int r;

        r = attach_loaded(p);
        if (r < 0)
                return r;
        p->attached = true;
        run_attached(p);
        return 0;
}

void programs_stop(struct programs *p)
{
        __atomic_store_n(&p->control->running, 0, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int programs_configure(struct programs *p, const struct config *config)
{
        _cleanup_(closep) int last_closer = -1;
        bool is_new[_PROGRAM_MAX] = {};
        int r = 0;

        for (int i = 0; i < _PROGRAM_MAX && r >= 0; i++) {
                if (p->program[i].bpf || !is_wanted(config, i))
                        continue;
                r = program_load(p, i);
                is_new[i] = r >= 0;
        }
        if (r >= 0 && p->attached)
                r = attach_loaded(p);
        if (r >= 0) {
                r = set_knobs(p, config);
                if (r < 0)
                        log_errno(LOG_ERR, r, "Cannot set up the BPF maps");
        }
        for (int i = 0; i < _PROGRAM_MAX; i++) {
                if (!p->program[i].bpf || (r < 0 ? !is_new[i] : is_wanted(config, i)))
                        continue;
                if (last_closer < 0)
                        last_closer = start_last_closer();
                program_unload(&p->program[i]);
        }
        if (p->attached)
                run_attached(p);
        return r;
}

const char *const *programs_missing_keys(const struct programs *p)
{
        return p->missing;
}

unsigned programs_cpus(const struct programs *p)
{
        return p->n_cpus;
}

struct exec_control *programs_control(const struct programs *p)
{
        return p->control;
}

const struct exec_inflight *programs_inflight(const struct programs *p)
{
        return p->inflight;
}

int programs_records_map(const struct programs *p)
{
        return bpf_map__fd(first_instance(p)->maps.rings);
}

int programs_bells_map(const struct programs *p)
{
        return bpf_map__fd(first_instance(p)->maps.bells);
}

int programs_read_counters(struct programs *p)
{
        int map = bpf_map__fd(first_instance(p)->maps.counters);

        for (uint32_t i = 0; i < _PROGRAM_MAX; i++) {
                if (bpf_map_lookup_elem(map, &i, &p->counters[i * p->n_cpus]) < 0)
                        return -errno;
                if (p->program[i].bpf)
                        read_recursion_misses(&p->program[i]);
        }
        return 0;
}

const struct exec_counters *programs_counters(const struct programs *p, enum exec_program program,
                                              unsigned cpu)
{
        return &p->counters[program * p->n_cpus + cpu];
}

uint64_t programs_recursion_misses(const struct programs *p, enum exec_program program)
{
        return p->program[program].recursion_misses;
}
