/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Arguments and environment, from two kinds of places.
 *
 * After a successful exec they lie in one piece in the new image, where nobody has run yet: one
 * bulk read per piece, nothing can race with it. What does not fit into the first record follows in
 * chunks. Of an exec that failed or is only asked for there is but the caller's vector of pointers,
 * into memory that may be missing or changing: string by string, as much as one record holds.
 */
#pragma once

#include "path.bpf.h"
#include "send.bpf.h"

#define STRING_PIECE 4096
#define VECTOR_STEPS_MAX 1024 /* at 2048 the verifier counts more jumps than its 8,192 */

/*
 * The helper itself says 0 for an empty string on 5.10, 6.1 and 6.12, and 1 on 6.18: it is a
 * failure on none. The length with the NUL, or -errno.
 */
static __always_inline long read_user_string(void *to, __u32 size, __u64 from)
{
        long n = bpf_probe_read_user_str(to, size, (void *)from);

        return n == 0 ? 1 : n;
}

/* Appends the first piece of the arguments; 0: it cannot be read. */
static __always_inline __u64 read_argv(struct run *run)
{
        struct scratch *s = run->scratch;
        __u64 pos = s->pos, size = s->argv.end - s->argv.next;

        if (size > SCRATCH_ARGV_SIZE)
                size = SCRATCH_ARGV_SIZE;
        barrier_var(pos);
        barrier_var(size);
        if (pos > SCRATCH_ARGV_START_MAX || size > SCRATCH_ARGV_SIZE)
                return 0;
        if (bpf_probe_read_user(&s->data[pos], size, (void *)s->argv.next)) {
                run->counters->faults++;
                return 0;
        }
        s->argv.next += size;
        s->pos = pos + size;
        return size;
}

/* The ELF loader puts argc on top of the new stack: 4 or 8 bytes, little endian. */
static __always_inline void collect_argc(struct scratch *s, struct mm_struct *mm)
{
        struct exec_facts *facts = &s->record.facts;

        if (bpf_probe_read_user(&facts->argc, sizeof(facts->argc), (void *)READ(mm, start_stack)) ==
            0)
                facts->present |= FACT_ARGC;
}

/* argv of the new image: its first piece; how many chunks are to follow goes into the head. */
static __always_inline void collect_argv(struct run *run, struct mm_struct *mm)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        __u64 start = READ(mm, arg_start), end = READ(mm, arg_end);
        __u64 size, n;

        r->facts.argv_bytes = end - start;
        r->facts.present |= FACT_ARGV_BYTES;

        size = end - start;
        if (size > run->control->argv_max) {
                size = run->control->argv_max;
                r->cut |= EXEC_CUT(FIELD_ARGV);
        }
        s->argv.next = start;
        s->argv.end = start + size;
        n = read_argv(run);
        if (n == 0 && size > 0)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        r->len[FIELD_ARGV] = n;
        r->head.n_chunks = n == 0 ? 0 : (size - n + CHUNK_SIZE - 1) / CHUNK_SIZE;
}

/*
 * Appends the string at the user address `*rest`, or its first STRING_PIECE bytes; then `*rest` is
 * the address of what is left, or 0. False: it cannot be read, or there is no room below `end`.
 */
static __always_inline bool read_string(struct scratch *s, __u64 *rest, __u64 end)
{
        __u64 pos = s->pos;
        long n;

        barrier_var(pos);
        if (pos > end - STRING_PIECE)
                return false;
        n = read_user_string(&s->data[pos], STRING_PIECE, *rest);
        if (n <= 0)
                return false;
        if (n == STRING_PIECE) { /* there is more: go on where the NUL was put */
                n--;
                *rest += n;
        } else {
                *rest = 0;
        }
        s->pos = pos + n;
        return true;
}

/* A string, or a piece of one; once the room is used up we only count. True: the end. */
static __noinline int vector_step(struct scratch *s)
{
        __u64 string = s->vector.rest;

        if (!string) {
                if (bpf_probe_read_user(&string, sizeof(string), (void *)s->vector.next)) {
                        s->done = WALK_CUT;
                        return 1;
                }
                if (!string) {
                        s->done = WALK_COMPLETE;
                        return 1;
                }
                s->vector.next += sizeof(string);
                s->count++;
        }
        s->vector.rest = 0;
        if (s->vector.is_full)
                return 0;

        s->vector.rest = string;
        if (!read_string(s, &s->vector.rest, SCRATCH_DATA_SIZE)) {
                s->vector.rest = 0;
                s->vector.is_full = 1;
        }
        return 0;
}

DEFINE_IN_LOOP(vector_step)

/* argv as the caller passed it; a NULL vector is an empty one. */
static __always_inline void collect_vector(struct run *run, __u64 argv)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;

        s->start = s->pos;
        s->done = argv ? WALK_GOING : WALK_COMPLETE;
        s->vector.next = argv;
        s->vector.rest = s->vector.is_full = s->count = 0;
        if (argv)
                WALK(run, VECTOR_STEPS_MAX, vector_step);
        if (s->vector.is_full)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        if (s->done == WALK_COMPLETE) {
                r->facts.argc = s->count;
                r->facts.present |= FACT_ARGC;
        } else {
                run->counters->faults += s->done == WALK_CUT;
        }
        if (s->done == WALK_COMPLETE && !s->vector.is_full) {
                r->facts.argv_bytes = s->pos - s->start;
                r->facts.present |= FACT_ARGV_BYTES;
        }
        walk_end(s, FIELD_ARGV);
}
