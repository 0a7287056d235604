/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The allowed variables of a new image's environment.
 *
 * Most programs have dozens of variables, and none that is wanted: so most have to be refused
 * quickly. The ELF loader puts a vector of pointers to them on the new stack, behind argc and
 * argv. We copy pointers and strings in large pieces and look only at the first eight bytes of each
 * string, with no call into the kernel; a string that is wanted is read whole.
 *
 * It gives up, and says so in `cut`, after ENV_STEPS_MAX variables, or when there is no room.
 */
#pragma once

#include "argv.bpf.h"

#define ENV_STEPS_MAX 512 /* at 1024 the verifier counts more jumps than its 8,192 */
#define ENV_LOOP_MAX (1 << 20)
#define ENV_POINTERS_SIZE 1024
#define ENV_STRINGS_SIZE 8192

/* Pages are this large, or a multiple. */
#define PAGE_STEP 4096

/* Behind the environment the kernel puts the filename again, and a null pointer. */
#define ENV_END_SLACK 8

/*
 * Environment variables that are wanted, by env_key(): those of one setting and, for a moment,
 * those of the next.
 */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 2 * EXEC_ENV_NAMES_MAX);
        __type(key, __u64);
        __type(value, __u32);
} env_keys SEC(".maps");

/* In the part of the scratch that argv takes later. */
struct env_scan {
        __u64 bloom;
        __u64 vector;        /* user address of the pointer that comes next */
        __u64 rest;          /* user address of what is left of a wanted string, or 0 */
        __u64 end;           /* user address of the end of the environment */
        __u64 strings_start; /* user address of strings[] */
        __u64 strings_size;
        __u64 next;         /* in pointers[], bytes */
        __u64 pointers_end; /* likewise */
        __u64 pointer_size;
        __u8 pointers[ENV_POINTERS_SIZE + sizeof(__u32)]; /* of 32 bits, they are read as 64 */
        __u8 strings[ENV_STRINGS_SIZE + sizeof(__u64)];
};

_Static_assert(sizeof(struct env_scan) <= SCRATCH_ARGV_SIZE, "no room for env_scan");

static __always_inline struct env_scan *env_scan_of(struct scratch *s)
{
        return (void *)&s->data[SCRATCH_ARGV_START_MAX];
}

/*
 * The next pieces of the vector, never beyond the page of the first: behind the vector there is
 * a random gap, of which no page need be there. False: it cannot be read.
 */
static __always_inline bool env_read_pointers(struct env_scan *e)
{
        __u64 size = PAGE_STEP - e->vector % PAGE_STEP;

        if (size > ENV_POINTERS_SIZE)
                size = ENV_POINTERS_SIZE;
        barrier_var(size);
        if (size > ENV_POINTERS_SIZE || bpf_probe_read_user(e->pointers, size, (void *)e->vector))
                return false;
        e->vector += size;
        e->next = 0;
        e->pointers_end = size;
        return true;
}

static __always_inline bool env_read_strings(struct env_scan *e, __u64 start)
{
        __u64 size = e->end + ENV_END_SLACK - start;

        if (size > ENV_STRINGS_SIZE)
                size = ENV_STRINGS_SIZE;
        barrier_var(size);
        if (size > ENV_STRINGS_SIZE || bpf_probe_read_user(e->strings, size, (void *)start))
                return false;
        e->strings_start = start;
        e->strings_size = size;
        return true;
}

/* The next pointer of the vector; false: it cannot be read. */
static __always_inline bool env_next_pointer(struct env_scan *e, __u64 *ret)
{
        __u64 next, pointer;

        if (e->next >= e->pointers_end && !env_read_pointers(e))
                return false;
        next = e->next;
        barrier_var(next);
        if (next > ENV_POINTERS_SIZE - sizeof(__u32))
                return false;
        pointer = *(__u64 *)(e->pointers + next);
        if (e->pointer_size == sizeof(__u32))
                pointer = (__u32)pointer;
        e->next = next + e->pointer_size;
        *ret = pointer;
        return true;
}

/* The key of the variable at that user address; false: it cannot be read. */
static __always_inline bool env_read_key(struct env_scan *e, __u64 string, __u64 *ret)
{
        __u64 offset = string - e->strings_start;

        if (offset + sizeof(__u64) > e->strings_size) {
                if (string >= e->end || !env_read_strings(e, string))
                        return false;
                offset = 0;
        }
        barrier_var(offset);
        if (offset > ENV_STRINGS_SIZE)
                return false;
        *ret = env_key(*(__u64 *)(e->strings + offset));
        return true;
}

/* A variable, or a piece of a wanted one. True: the end, or no further. */
static __noinline int env_step(struct scratch *s)
{
        struct env_scan *e = env_scan_of(s);
        __u64 string, key;

        if (e->rest)
                return !read_string(s, &e->rest, SCRATCH_ARGV_START_MAX);
        if (!env_next_pointer(e, &string))
                return 1;
        if (!string) {
                s->done = WALK_COMPLETE;
                return 1;
        }
        if (!env_read_key(e, string, &key))
                return 1;
        if ((e->bloom >> env_hash(key) & 1) && bpf_map_lookup_elem(&env_keys, &key))
                e->rest = string;
        return 0;
}

DEFINE_IN_LOOP(env_step)

/*
 * Where the vector begins, behind argc, argv and its null pointer, and how wide a pointer is: the
 * first one points to where the environment begins, so the stack itself proves it.
 */
static __always_inline bool env_find_vector(struct env_scan *e, __u64 stack, __u64 argc,
                                            __u64 env_start)
{
        __u64 first = 0;

        e->pointer_size = sizeof(__u64);
        e->vector = stack + (argc + 2) * sizeof(__u64);
        if (bpf_probe_read_user(&first, sizeof(__u64), (void *)e->vector) == 0 &&
            first == env_start)
                return true;
        first = 0;
        e->pointer_size = sizeof(__u32);
        e->vector = stack + (argc + 2) * sizeof(__u32);
        return bpf_probe_read_user(&first, sizeof(__u32), (void *)e->vector) == 0 &&
               first == env_start;
}

/* Needs argc. */
static __always_inline void collect_env(struct run *run, struct mm_struct *mm)
{
        struct scratch *s = run->scratch;
        struct env_scan *e = env_scan_of(s);
        __u64 env_start = READ(mm, env_start);

        e->bloom = run->control->env_bloom;
        e->end = READ(mm, env_end);
        if (!e->bloom || e->end == env_start)
                return;
        s->start = s->pos;
        e->rest = 0;
        s->done = WALK_GOING;
        e->next = e->pointers_end = 0;
        e->strings_start = e->strings_size = 0;
        if (env_find_vector(e, READ(mm, start_stack), s->record.facts.argc, env_start))
                WALK(run, run->can_loop ? ENV_LOOP_MAX : ENV_STEPS_MAX, env_step);
        walk_end(s, FIELD_ENV);
}
