/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The allowed variables of a new image's environment.
 *
 * Most programs have dozens of variables, and none that is wanted: so this is about saying no
 * quickly. The ELF loader leaves a vector of pointers to them on the new stack, behind argc and
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

/* What the kernel leaves behind the environment: the filename again, and a null pointer. */
#define ENV_END_SLACK 8

/* In the part of the scratch that argv takes later. */
struct env_scan {
        __u64 bloom;
        __u64 vector;        /* user address of the pointer that comes next */
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
 * The next pieces of the vector, never beyond the page of the first: behind the vector the loader
 * leaves a random gap, of which no page need be there. False: it cannot be read.
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

static __always_inline bool env_read_strings(struct scratch *s, struct env_scan *e, __u64 start)
{
        __u64 size = s->user_end + ENV_END_SLACK - start;

        if (size > ENV_STRINGS_SIZE)
                size = ENV_STRINGS_SIZE;
        barrier_var(size);
        if (size > ENV_STRINGS_SIZE || bpf_probe_read_user(e->strings, size, (void *)start))
                return false;
        e->strings_start = start;
        e->strings_size = size;
        return true;
}

/* In `node` the rest of a wanted string, or 0. True: the end, or no further. */
static __noinline int env_step(struct scratch *s)
{
        struct env_scan *e = env_scan_of(s);
        __u64 next, string, offset, key;

        if (s->node)
                return !read_string(s, SCRATCH_ARGV_START_MAX);

        if (e->next >= e->pointers_end && !env_read_pointers(e))
                return 1;
        next = e->next;
        barrier_var(next);
        if (next > ENV_POINTERS_SIZE - sizeof(__u32))
                return 1;
        string = *(__u64 *)(e->pointers + next);
        if (e->pointer_size == sizeof(__u32))
                string = (__u32)string;
        e->next = next + e->pointer_size;
        if (!string) {
                s->done = WALK_COMPLETE;
                return 1;
        }

        offset = string - e->strings_start;
        if (offset + sizeof(key) > e->strings_size) {
                if (string >= s->user_end || !env_read_strings(s, e, string))
                        return 1;
                offset = 0;
        }
        barrier_var(offset);
        if (offset > ENV_STRINGS_SIZE)
                return 1;
        key = env_key(*(__u64 *)(e->strings + offset));
        if ((e->bloom >> env_hash(key) & 1) && bpf_map_lookup_elem(&env_keys, &key))
                s->node = string;
        return 0;
}

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

static long on_env_loop(__u32 i __attribute__((unused)), struct scratch **s)
{
        return env_step(*s);
}

static __always_inline void env_scan(struct scratch *s, bool can_loop)
{
        if (can_loop) {
                bpf_loop(ENV_LOOP_MAX, on_env_loop, &s, 0);
                return;
        }
        for (int i = 0; i < ENV_STEPS_MAX; i++)
                if (env_step(s))
                        break;
}

/* Needs argc. */
static __always_inline void collect_env(struct run *run, struct mm_struct *mm, bool can_loop)
{
        struct scratch *s = run->scratch;
        struct env_scan *e = env_scan_of(s);
        __u64 env_start = READ(mm, env_start);

        e->bloom = run->control->env_bloom;
        s->user_end = READ(mm, env_end);
        if (!e->bloom || s->user_end == env_start)
                return;
        s->start = s->pos;
        s->node = 0;
        s->done = WALK_GOING;
        e->next = e->pointers_end = 0;
        e->strings_start = e->strings_size = 0;
        if (env_find_vector(e, READ(mm, start_stack), s->record.facts.argc, env_start))
                env_scan(s, can_loop);
        walk_end(s, FIELD_ENV);
}
