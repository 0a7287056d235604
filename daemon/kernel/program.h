/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One BPF program, attached or not: an instance of the BPF object of its own, which shares the maps
 * of another instance; or one of the previous run, of which there are only descriptors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "exec_control.h"
#include "kernel/program_means.h"

struct bpf_link;
struct execsnoop_bpf;
struct handover;

struct program {
        struct execsnoop_bpf *bpf; /* NULL: none, or inherited */
        struct bpf_link *link;     /* likewise */
        int prog_fd, link_fd;      /* -1: not loaded, not attached; owned if inherited */
        uint32_t generation; /* as in struct exec_control; part of its name for the next run */
        bool is_stored;
};

#define PROGRAM_NONE                                                                               \
        {                                                                                          \
                .prog_fd = -1, .link_fd = -1                                                       \
        }

static inline bool program_is_loaded(const struct program *p)
{
        return p->prog_fd >= 0;
}

static inline bool program_is_attached(const struct program *p)
{
        return p->link_fd >= 0;
}

/*
 * An instance of the object, to be loaded, without direct loads; NULL with errno. `types`: as in
 * program_means. In one place, or it is there twice.
 */
struct execsnoop_bpf *program_open_object(int types);

/* Tells one build's programs from another's, nothing more. */
uint64_t program_object_hash(void);

/*
 * Loads it with the maps of an instance that has them. What the kernel refuses with direct loads is
 * loaded without. Errors are logged, as those of kernel_explain_load_error().
 */
int program_load(enum exec_program which, const struct execsnoop_bpf *maps,
                 const struct program_means *means, uint32_t generation, struct program *ret);

/* Takes the attached program of the previous run, which still runs; false: there is none. */
bool program_inherit(enum exec_program which, uint32_t generation, struct handover *h,
                     struct program *ret);

/* Does nothing if it is attached. Errors are logged. */
int program_attach(struct program *p, enum exec_program which);

/* Stores it for the next run, once; or removes it from the store. */
void program_store(struct program *p, enum exec_program which, struct handover *h);
void program_forget(struct program *p, enum exec_program which, struct handover *h);

/*
 * Detaches and unloads it, but for what others hold of it. The last close of a link may take
 * seconds: see start_last_closer() of loader.c.
 */
void program_release(struct program *p);

/* Frees our side of it; it stays attached as long as somebody holds its descriptors. */
void program_keep(struct program *p);

/* How often the kernel did not run it; 0 before 5.12. */
uint64_t program_recursion_misses(const struct program *p);

/* Of all possible CPUs, from the map `counters`, which outlives the programs. */
int program_read_counters(int map, enum exec_program which, struct exec_counters *ret);
