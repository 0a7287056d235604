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

/* 6 MiB, the most that ARG_MAX can ever allow, in chunks. */
#define CHUNK_SIZE (SCRATCH_DATA_SIZE - sizeof(struct exec_record_head))
#define CHUNKS_MAX 200

#define STRING_PIECE 4096
#define VECTOR_STEPS_MAX 1024 /* at 2048 the verifier counts more jumps than its 8,192 */

/* Reads the next piece of the arguments to data[offset]; what cannot be read is marked as cut. */
static __always_inline __u64 read_argv(struct run *run, __u64 offset, __u64 limit)
{
        struct scratch *s = run->scratch;
        __u64 size = s->user_end - s->user;

        barrier_var(size);
        barrier_var(offset);
        if (size > limit)
                size = limit;
        if (offset > SCRATCH_ARGV_START_MAX || size > SCRATCH_DATA_SIZE ||
            size + offset > SCRATCH_DATA_SIZE)
                return 0;
        barrier_var(size);
        if (size > SCRATCH_ARGV_SIZE)
                size = SCRATCH_ARGV_SIZE;
        if (bpf_probe_read_user(&s->data[offset], size, (void *)s->user)) {
                run->counters->faults++;
                return 0;
        }
        s->user += size;
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
        s->user = start;
        s->user_end = start + size;
        n = read_argv(run, s->pos, SCRATCH_ARGV_SIZE);
        if (n == 0 && size > 0) {
                r->cut |= EXEC_CUT(FIELD_ARGV);
                s->user = s->user_end;
        }
        r->len[FIELD_ARGV] = n;
        s->pos += n;
        size -= n;
        r->head.n_chunks = n == 0 ? 0 : (size + CHUNK_SIZE - 1) / CHUNK_SIZE;
}

/* Sends the next chunk; true: no more, or no room. */
static __noinline int chunk_step(void *ctx, struct scratch *s)
{
        __u64 size = s->user_end - s->user;
        long error = -EFAULT;

        if (s->head.chunk >= s->head.n_chunks)
                return 1;
        if (size > CHUNK_SIZE)
                size = CHUNK_SIZE;
        barrier_var(size);
        if (size > CHUNK_SIZE)
                return 1;
        if (bpf_probe_read_user(&s->data[sizeof(s->head)], size, (void *)s->user) == 0) {
                s->head.chunk++;
                s->head.size = sizeof(s->head) + size;
                error = bpf_perf_event_output(ctx, &rings, BPF_F_CURRENT_CPU, s->data,
                                              sizeof(s->head) + size);
        }
        if (error)
                return 1;
        s->user += size;
        s->count++;
        return 0;
}

static __always_inline void send_chunks(struct run *run)
{
        struct scratch *s = run->scratch;

        if (!s->head.n_chunks)
                return;
        s->head.kind = RECORD_CHUNK;
        s->count = 0;
        for (int i = 0; i < CHUNKS_MAX; i++)
                if (chunk_step(run->ctx, s))
                        break;
        run->counters->lost_chunks += s->head.n_chunks - s->count;
}

/*
 * Appends the string whose address is in `node`, or its first STRING_PIECE bytes; then the address
 * of the rest is in `node`, else 0. False: it cannot be read, or there is no room below `end`.
 */
static __always_inline bool read_string(struct scratch *s, __u64 end)
{
        __u64 pos = s->pos;
        long n;

        barrier_var(pos);
        if (pos > end - STRING_PIECE)
                return false;
        n = read_user_string(&s->data[pos], STRING_PIECE, s->node);
        if (n <= 0)
                return false;
        if (n == STRING_PIECE) { /* there is more: go on where the NUL was put */
                n--;
                s->node += n;
        } else {
                s->node = 0;
        }
        s->pos = pos + n;
        return true;
}

/*
 * In `user` the next pointer of the caller's vector, in `node` the string being read or 0, in
 * `mount` whether the room is used up: then we only count.
 */
static __noinline int vector_step(struct scratch *s)
{
        __u64 string = s->node;

        if (!string) {
                if (bpf_probe_read_user(&string, sizeof(string), (void *)s->user)) {
                        s->done = WALK_CUT;
                        return 1;
                }
                if (!string) {
                        s->done = WALK_COMPLETE;
                        return 1;
                }
                s->user += sizeof(string);
                s->count++;
        }
        s->node = 0;
        if (s->mount)
                return 0;

        s->node = string;
        if (!read_string(s, SCRATCH_DATA_SIZE)) {
                s->node = 0;
                s->mount = 1;
        }
        return 0;
}

/* argv as the caller passed it; a NULL vector is an empty one. */
static __always_inline void collect_vector(struct run *run, __u64 argv)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;

        s->start = s->pos;
        s->done = argv ? WALK_GOING : WALK_COMPLETE;
        s->user = argv;
        s->node = s->mount = s->count = 0;
        for (int i = 0; i < VECTOR_STEPS_MAX; i++) {
                if (s->done)
                        break;
                if (vector_step(s))
                        break;
        }
        if (s->mount)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        if (s->done == WALK_COMPLETE) {
                r->facts.argc = s->count;
                r->facts.present |= FACT_ARGC;
        } else {
                run->counters->faults += s->done == WALK_CUT;
        }
        if (s->done == WALK_COMPLETE && !s->mount) {
                r->facts.argv_bytes = s->pos - s->start;
                r->facts.present |= FACT_ARGV_BYTES;
        }
        walk_end(s, FIELD_ARGV);
}
