/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The way of a record to the ring: the record itself, then what its argv has beyond it, in chunks.
 *
 * Without room for the whole record we send its fixed part alone, with every field marked as cut:
 * under a full ring big records lose and small ones still get in.
 */
#pragma once

#include <asm/errno.h>

#include "run.bpf.h"

/* 6 MiB, the most that ARG_MAX can ever allow, in chunks. */
#define CHUNK_SIZE (SCRATCH_DATA_SIZE - sizeof(struct exec_record_head))
#define CHUNKS_MAX 200

struct {
        __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
        __type(key, __u32);
        __type(value, __u32);
} rings SEC(".maps");

/* Sends the first `size` bytes of the scratch; 0 or the helper's error. */
static __always_inline long run_output(struct run *run, __u64 size)
{
        barrier_var(size);
        if (size > SCRATCH_DATA_SIZE)
                return -E2BIG;
        run->scratch->head.size = size;
        return bpf_perf_event_output(run->ctx, &rings, BPF_F_CURRENT_CPU, run->scratch->data, size);
}

static __always_inline void count_output(struct exec_counters *counters, long error)
{
        if (error == 0)
                counters->sent++;
        else if (error == -ENOSPC)
                counters->lost_ring_full++;
        else if (error == -ENOENT || error == -EOPNOTSUPP)
                counters->lost_no_ring++;
        else
                counters->lost_other++;
}

/* Sends the next chunk; true: no more, or no room. */
static __noinline int chunk_step(void *ctx, struct scratch *s)
{
        __u64 size = s->argv.end - s->argv.next;
        long error = -EFAULT;

        if (s->head.chunk >= s->head.n_chunks)
                return 1;
        if (size > CHUNK_SIZE)
                size = CHUNK_SIZE;
        barrier_var(size);
        if (size > CHUNK_SIZE)
                return 1;
        if (bpf_probe_read_user(&s->data[sizeof(s->head)], size, (void *)s->argv.next) == 0) {
                s->head.chunk++;
                s->head.size = sizeof(s->head) + size;
                error = bpf_perf_event_output(ctx, &rings, BPF_F_CURRENT_CPU, s->data,
                                              sizeof(s->head) + size);
        }
        if (error)
                return 1;
        s->argv.next += size;
        s->count++;
        return 0;
}

struct chunk_loop {
        void *ctx;
        struct scratch *scratch;
};

static long chunk_in_loop(__u32 i __attribute__((unused)), struct chunk_loop *loop)
{
        return chunk_step(loop->ctx, loop->scratch);
}

static __always_inline void send_chunks(struct run *run)
{
        struct chunk_loop loop = { .ctx = run->ctx, .scratch = run->scratch };
        struct scratch *s = run->scratch;

        if (!s->head.n_chunks)
                return;
        s->head.kind = RECORD_CHUNK;
        s->count = 0;
        if (run->can_loop)
                bpf_loop(CHUNKS_MAX, chunk_in_loop, &loop, 0);
        else
                for (int i = 0; i < CHUNKS_MAX; i++)
                        if (chunk_step(run->ctx, s))
                                break;
        run->counters->lost_chunks += s->head.n_chunks - s->count;
}

/* The record in the scratch is complete: sends it, then its chunks. */
static __always_inline void send_record(struct run *run)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        long error = run_output(run, s->pos);

        if (error == 0) {
                count_output(run->counters, 0);
                send_chunks(run);
                return;
        }
        if (error == -ENOSPC) {
                r->cut |= (1u << _FIELD_MAX) - 1;
                r->head.n_chunks = 0;
                __builtin_memset(r->len, 0, sizeof(r->len));
                error = run_output(run, sizeof(*r));
                if (error == 0)
                        run->counters->bare++;
        }
        count_output(run->counters, error);
}
