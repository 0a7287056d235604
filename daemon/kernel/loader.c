/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One instance of the BPF object has the maps and no program; each program is an instance of its
 * own that shares them (program.c). Maps and programs may be those of the previous run: they are
 * taken as they run, and programs of another build are let go only when ours have taken over.
 * Counters stay in the shared map whatever comes and goes, so the ledger goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "config/config.h"
#include "execsnoop.skel.h"
#include "host/handover.h"
#include "host/log.h"
#include "kernel/kernel_support.h"
#include "kernel/knobs.h"
#include "kernel/loader.h"
#include "kernel/process_list.h"
#include "kernel/program.h"
#include "snapshot.skel.h"

/* With Exits=: processes that may be alive at once, 80 bytes each; beyond are `untracked`. */
#define PROCESSES_MAX 32768

#define MAP_NAME_SIZE 32

/* In which a service manager reads a message, if it is not hung. */
#define LAST_CLOSER_SECONDS 2

struct loader {
        struct handover *handover;
        struct execsnoop_bpf *maps; /* an instance without programs */
        struct program program[_PROGRAM_MAX];
        struct program old[_PROGRAM_MAX]; /* of another object, running until ours do */
        uint64_t recursion_misses[_PROGRAM_MAX];
        uint32_t generation; /* of what we have loaded last */
        bool attached;
        bool is_inherited; /* maps and page, and maybe programs */
        bool is_complete;  /* likewise, and what ran has never stopped since */
        struct program_means means;
        unsigned n_cpus;
        struct exec_control *control;
        struct exec_inflight *inflight;
        size_t inflight_size;
        struct exec_counters *counters; /* by program, then by CPU */
};

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

static int size_maps(struct loader *p, struct execsnoop_bpf *bpf)
{
        int r;

        r = bpf_map__set_max_entries(bpf->maps.inflight, p->n_cpus);
        if (r < 0)
                return r;
        return bpf_map__set_max_entries(bpf->maps.processes, PROCESSES_MAX);
}

static const char *handover_name_of(const struct bpf_map *map, char name[MAP_NAME_SIZE])
{
        (void)snprintf(name, MAP_NAME_SIZE, "map-%s", bpf_map__name(map));
        return name;
}

/* -EPROTO: it is not there, or of another shape. */
static int inherit_map(struct loader *p, struct bpf_map *map)
{
        char name[MAP_NAME_SIZE];
        _cleanup_(closep) int fd = handover_take(p->handover, handover_name_of(map, name));
        struct bpf_map_info info = {};
        uint32_t size = sizeof(info);
        int r;

        if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
                return -EPROTO;
        if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
            info.value_size != bpf_map__value_size(map))
                return -EPROTO;
        /* A PERF_EVENT_ARRAY is sized by libbpf, when it is made. */
        if (info.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY &&
            info.max_entries != bpf_map__max_entries(map))
                return -EPROTO;
        r = bpf_map__reuse_fd(map, fd);
        if (r >= 0)
                handover_renumber(p->handover, name, bpf_map__fd(map));
        return r;
}

/* An instance that has the maps and no program. */
static int open_maps(struct loader *p, bool inherit)
{
        struct bpf_program *program;
        struct bpf_map *map;
        int r;

        p->maps = program_open_object(p->means.types);
        if (!p->maps)
                return -errno;
        r = size_maps(p, p->maps);
        if (r < 0)
                return r;
        if (!inherit) {
                bpf_object__for_each_program(program, p->maps->obj)(void)
                        bpf_program__set_autoload(program, false);
                return execsnoop_bpf__load(p->maps);
        }
        bpf_object__for_each_map(map, p->maps->obj)
        {
                r = bpf_map__is_internal(map) ? 0 : inherit_map(p, map);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void store_maps(struct loader *p)
{
        char name[MAP_NAME_SIZE];
        struct bpf_map *map;

        bpf_object__for_each_map(map, p->maps->obj) if (!bpf_map__is_internal(map))
                handover_store(p->handover, handover_name_of(map, name), bpf_map__fd(map));
}

static int make_maps(struct loader *p)
{
        int r;

        r = open_maps(p, false);
        if (r < 0)
                return kernel_explain_load_error(r, "maps");
        store_maps(p);
        return 0;
}

/* Programs that run go on until loader_attach(), also those of another build. */
static void inherit_programs(struct loader *p, const struct config *config)
{
        bool is_same = handover_page(p->handover)->object_hash == program_object_hash();
        struct program program;

        p->is_complete = p->control->running[PROGRAM_EXEC] != 0;
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                if (p->control->running[i] == 0)
                        continue;
                if (!program_inherit(i, p->control->running[i], p->handover, &program))
                        p->is_complete = false;
                else if (is_same && is_wanted(config, i))
                        p->program[i] = program;
                else
                        p->old[i] = program;
        }
}

/*
 * The last close of a link waits for a grace period that covers all tasks: milliseconds, but in a
 * storm of forks as long as the storm. So a child, which has copies of all descriptors and nothing
 * else to do, makes the last close. It must not be the service manager's either, which is asked to
 * remove its copies, and until systemd 254 or so waits for a close: so the child ends some time
 * after the returned descriptor is closed, at the latest after our end. -1: there can be no child,
 * and we wait ourselves.
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
                        (void)close(fd); /* a reader of our output must not wait for it */
                while (read(ends[0], &c, sizeof(c)) < 0 && errno == EINTR)
                        ;
                (void)sleep(LAST_CLOSER_SECONDS);
                _exit(EXIT_SUCCESS);
        }
        (void)close(ends[0]);
        if (pid < 0) {
                (void)close(ends[1]);
                return -1;
        }
        return ends[1];
}

/* From the last to the first: EXEC last, so that no exec is logged whose exit is not. */
static int attach_loaded(struct loader *p)
{
        int r;

        for (int i = _PROGRAM_MAX - 1; i >= 0; i--) {
                if (!program_is_loaded(&p->program[i]) || program_is_attached(&p->program[i]))
                        continue;
                r = program_attach(&p->program[i], i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load(struct loader *p, enum exec_program which)
{
        return program_load(which, p->maps, &p->means, p->generation, &p->program[which]);
}

/* Its count of recursion misses goes with it. */
static void release(struct loader *p, struct program *program, enum exec_program which)
{
        if (!program_is_loaded(program))
                return;
        handover_page(p->handover)->earlier_misses[which] += program_recursion_misses(program);
        program_forget(program, which, p->handover);
        program_release(program);
}

static int map_shared_memory(struct loader *p)
{
        const struct execsnoop_bpf *bpf = p->maps;
        void *control, *inflight;

        control = mmap(NULL, sizeof(*p->control), PROT_READ | PROT_WRITE, MAP_SHARED,
                       bpf_map__fd(bpf->maps.control), 0);
        if (control == MAP_FAILED)
                return log_errno(LOG_ERR, -errno, "Cannot map the BPF map 'control'");
        p->control = control;

        p->inflight_size = p->n_cpus * sizeof(*p->inflight);
        inflight = mmap(NULL, p->inflight_size, PROT_READ, MAP_SHARED,
                        bpf_map__fd(bpf->maps.inflight), 0);
        if (inflight == MAP_FAILED)
                return log_errno(LOG_ERR, -errno, "Cannot map the BPF map 'inflight'");
        p->inflight = inflight;
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

/* The previous run left nothing that can be used; here may be the last close of its links. */
static int begin_anew(struct loader *p)
{
        _cleanup_(closep) int last_closer = -1;
        int r;

        if (!handover_is_empty(p->handover))
                last_closer = start_last_closer();
        r = handover_reset(p->handover);
        return r < 0 ? r : make_maps(p);
}

/* The maps, those of the previous run if they can be used, and the memory shared with them. */
static int obtain_maps(struct loader *p)
{
        int r;

        p->is_inherited = handover_take_page(p->handover, p->n_cpus);
        r = p->is_inherited ? open_maps(p, true) : 0;
        if (r < 0) {
                log_errno(LOG_WARNING, r,
                          "Events since the previous run are not counted, as its BPF maps "
                          "cannot be used");
                execsnoop_bpf__destroy(TAKE_PTR(p->maps));
                p->is_inherited = false;
        }
        if (!p->is_inherited) {
                r = begin_anew(p);
                if (r < 0)
                        return r;
        }
        return map_shared_memory(p);
}

bool loader_are_to_load(const struct loader *p, const struct config *config)
{
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                if (is_wanted(config, i) && !program_is_loaded(&p->program[i]))
                        return true;
        return false;
}

/*
 * With a generation that no other program has: neither one in the store, which a daemon that was
 * killed while it stored them never let run, nor one that was released a moment ago and is still
 * attached.
 */
static int load_wanted(struct loader *p, const struct config *config)
{
        int r;

        if (loader_are_to_load(p, config))
                p->generation = ++handover_page(p->handover)->generation;
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                if (!is_wanted(config, i) || program_is_loaded(&p->program[i]))
                        continue;
                r = load(p, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_knobs(struct loader *p, const struct config *config)
{
        int r;

        r = knobs_set(p->control, bpf_map__fd(p->maps->maps.env_keys), config);
        return r < 0 ? log_errno(LOG_ERR, r, "Cannot write the settings to the BPF maps") : 0;
}

static struct loader *programs_alloc(struct handover *handover)
{
        struct loader *p;
        int n;

        n = libbpf_num_possible_cpus();
        p = n > 0 ? calloc(1, sizeof(*p)) : NULL;
        if (!p)
                return NULL;
        p->handover = handover;
        p->n_cpus = n;
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                p->program[i] = p->old[i] = (struct program)PROGRAM_NONE;
        p->means = (struct program_means)PROGRAM_MEANS_NONE;
        p->counters = calloc(_PROGRAM_MAX * p->n_cpus, sizeof(*p->counters));
        return p->counters ? p : loader_free(p);
}

static int find_means(struct loader *p)
{
        struct snapshot_bpf *snapshot = process_list_open_object(-1);
        struct execsnoop_bpf *execsnoop = program_open_object(-1);
        int r = -ENOMEM;

        if (snapshot && execsnoop) {
                const struct btf *const named[] = { bpf_object__btf(snapshot->obj),
                                                    bpf_object__btf(execsnoop->obj), NULL };

                r = program_means_find(named, &p->means);
        }
        snapshot_bpf__destroy(snapshot);
        execsnoop_bpf__destroy(execsnoop);
        return r;
}

int loader_new(const struct config *config, struct handover *handover, struct loader **ret)
{
        _cleanup_(loader_freep) struct loader *p = NULL;
        int r;

        libbpf_set_print(on_libbpf_message);
        r = kernel_check();
        if (r < 0)
                return r;
        p = programs_alloc(handover);
        if (!p)
                return log_errno(LOG_ERR, -ENOMEM, "Cannot set up the BPF programs");
        r = find_means(p);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot read the kernel's BTF");
        r = obtain_maps(p);
        if (r < 0)
                return r;
        if (p->is_inherited)
                inherit_programs(p, config);
        r = load_wanted(p, config);
        if (r < 0)
                return r;
        r = set_knobs(p, config);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(p);
        return 0;
}

bool loader_counted_all(const struct loader *p)
{
        return p->is_complete;
}

/* Programs that the store keeps for the next run go on counting. */
struct loader *loader_free(struct loader *p)
{
        bool keep = p && p->attached && handover_has_store(p->handover);
        _cleanup_(closep) int last_closer = -1;

        if (!p)
                return NULL;
        if (p->attached && !keep)
                last_closer = start_last_closer();
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                (keep ? program_keep : program_release)(&p->program[i]);
                program_release(&p->old[i]);
        }
        if (p->maps)
                execsnoop_bpf__destroy(p->maps);
        if (p->control)
                (void)munmap(p->control, sizeof(*p->control));
        if (p->inflight)
                (void)munmap(p->inflight, p->inflight_size);
        program_means_done(&p->means);
        free(p->counters);
        free(p);
        return NULL;
}

static void set_running(struct loader *p, enum exec_program which, uint32_t generation)
{
        __atomic_store_n(&p->control->running[which], generation, __ATOMIC_SEQ_CST);
}

void loader_let_finish(void)
{
        static const struct timespec delay = { .tv_nsec = 10 * NSEC_PER_MSEC };

        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
}

/* From now on exactly the programs that are attached do something. */
static void run_attached(struct loader *p)
{
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                set_running(p, i,
                            program_is_attached(&p->program[i]) ? p->program[i].generation : 0);
}

/* Nothing would remove them any more, and the table would fill with processes that have ended. */
static void forget_processes(struct loader *p)
{
        int map = bpf_map__fd(p->maps->maps.processes);
        uint32_t pid, next = 0;
        int r;

        if (p->control->track_exits)
                return;
        /* From one to the next, not from the start each time: that would visit every bucket. */
        for (r = bpf_map_get_next_key(map, NULL, &pid); r == 0; pid = next) {
                r = bpf_map_get_next_key(map, &pid, &next);
                (void)bpf_map_delete_elem(map, &pid);
        }
}

static void store_attached(struct loader *p)
{
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                if (program_is_attached(&p->program[i]))
                        program_store(&p->program[i], i, p->handover);
}

int loader_attach(struct loader *p)
{
        _cleanup_(closep) int last_closer = -1;
        int r;

        r = attach_loaded(p);
        if (r < 0)
                return r;
        p->attached = true;
        store_attached(p); /* first: the next run must find all that run */
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                p->control->before[i] = p->old[i].generation;
        run_attached(p);
        loader_let_finish(); /* else an exec is logged twice */
        memset(p->control->before, 0, sizeof(p->control->before)); /* before it is detached */
        /* Last: sooner, others would be taken for ours. */
        handover_page(p->handover)->object_hash = program_object_hash();
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                if (last_closer < 0 && program_is_loaded(&p->old[i]))
                        last_closer = start_last_closer();
                release(p, &p->old[i], i);
        }
        handover_forget_rest(p->handover);
        forget_processes(p);
        return 0;
}

bool loader_stop(struct loader *p)
{
        if (handover_has_store(p->handover))
                return false; /* the next run counts the events that come now */
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                set_running(p, i, 0);
        return true;
}

/* Releases programs that `config` does not want or, if that failed, those loaded for it. */
static void release_unwanted(struct loader *p, const struct config *config, const bool *is_new)
{
        _cleanup_(closep) int last_closer = -1;

        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                if (!program_is_loaded(&p->program[i]) ||
                    (is_new ? !is_new[i] : is_wanted(config, i)))
                        continue;
                if (last_closer < 0)
                        last_closer = start_last_closer();
                set_running(p, i, 0);
                release(p, &p->program[i], i);
        }
}

int loader_configure(struct loader *p, const struct config *config)
{
        bool is_new[_PROGRAM_MAX];
        int r;

        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                is_new[i] = !program_is_loaded(&p->program[i]);
        r = load_wanted(p, config);
        if (r >= 0 && p->attached)
                r = attach_loaded(p);
        if (r >= 0)
                r = set_knobs(p, config);
        release_unwanted(p, config, r < 0 ? is_new : NULL);
        if (p->attached) {
                store_attached(p);
                run_attached(p);
                forget_processes(p);
        }
        return r;
}

const struct program_means *loader_means(const struct loader *p)
{
        return &p->means;
}

unsigned loader_cpus(const struct loader *p)
{
        return p->n_cpus;
}

struct exec_control *loader_control(const struct loader *p)
{
        return p->control;
}

const struct exec_inflight *loader_inflight(const struct loader *p)
{
        return p->inflight;
}

int loader_records_map(const struct loader *p)
{
        return bpf_map__fd(p->maps->maps.rings);
}

int loader_images_map(const struct loader *p)
{
        return bpf_map__fd(p->maps->maps.images);
}

int loader_bells_map(const struct loader *p)
{
        return bpf_map__fd(p->maps->maps.bells);
}

int loader_read_counters(struct loader *p)
{
        const struct handover_page *page = handover_page(p->handover);
        int r, map = bpf_map__fd(p->maps->maps.counters);

        for (uint32_t i = 0; i < _PROGRAM_MAX; i++) {
                r = program_read_counters(map, i, &p->counters[i * p->n_cpus]);
                if (r < 0)
                        return r;
                p->recursion_misses[i] = page->earlier_misses[i] +
                                         program_recursion_misses(&p->program[i]) +
                                         program_recursion_misses(&p->old[i]);
        }
        return 0;
}

const struct exec_counters *loader_counters(const struct loader *p, enum exec_program program,
                                            unsigned cpu)
{
        return &p->counters[program * p->n_cpus + cpu];
}

uint64_t loader_recursion_misses(const struct loader *p, enum exec_program program)
{
        return p->recursion_misses[program];
}
