/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * One run of a program: its maps, its place in the ledger, and the way of its record to the ring.
 *
 * Every program has its own element of scratch and counters. Syscall programs are preemptible from
 * 7.0 on, and a shared scratch was seen overwritten; a program never preempts itself (the kernel's
 * recursion guard), so an element each is enough.
 *
 * The order of a run, on which the daemon's ordering and sleeping rest:
 *   since = STARTING, take the time, since = time, output, since = 0 as an atomic operation, which
 *   is also the full barrier between our output and the look at `armed` (x86: a locked add; without
 *   it the load may pass the store, and daemon and program would both go to sleep).
 */
#pragma once

#include <linux/bpf.h> /* before the helpers, which lack its types */

#include <asm/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "exec_control.h"
#include "exec_record.h"
#include "kernel_types.h"

/* The walk state and 32 KiB of map value that the record may have, minus that state. */
#define SCRATCH_STATE_SIZE 64
#define SCRATCH_DATA_SIZE (EXEC_RECORD_SIZE_MAX - SCRATCH_STATE_SIZE)

/* Everything but argv ends before this; argv may then use the rest. */
#define SCRATCH_ARGV_START_MAX 22528
#define SCRATCH_ARGV_SIZE (SCRATCH_DATA_SIZE - SCRATCH_ARGV_START_MAX)

/*
 * A bound that the verifier has to see needs barrier_var() right before its check: libbpf's empty
 * asm, of which clang must think that it changes the variable. Without it clang drops a check that
 * it can prove, as the verifier cannot, or checks one register and uses another. The variable is a
 * __u64, as what is narrower gets widened between the check and the use.
 */

/*
 * All state of loops lives here and not in registers or on the stack: the verifier then sees the
 * same state in every round and stops early. With state in registers it gave up at 1 M
 * instructions.
 */
struct scratch {
        union {
                struct {
                        __u64 node;  /* dentry, kernfs_node, task: where the walk is */
                        __u64 mount; /* vfsmount of that dentry */
                        __u64 user;  /* user address of what is read next */
                        __u64 user_end;
                        __u32 pos;   /* bytes of data[] in use */
                        __u32 start; /* where in data[] the current field began */
                        __u32 done;
                        __u32 count;
                        __u32 done_by; /* the generation that has handled the event, or 0 */
                };
                __u8 state[SCRATCH_STATE_SIZE];
        };
        union {
                struct exec_record_head head;
                struct exec_record record;
                struct exec_exit_record exit;
                __u8 data[SCRATCH_DATA_SIZE];
        };
};

EXEC_ASSERT_SIZE(struct scratch, EXEC_RECORD_SIZE_MAX);

struct process {
        __u64 start_ns; /* tells the process from a later one with its pid */
        __u64 exec_ns;
};

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _PROGRAM_MAX);
        __type(key, __u32);
        __type(value, struct scratch);
} scratches SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _PROGRAM_MAX);
        __type(key, __u32);
        __type(value, struct exec_counters);
} counters SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
        __type(key, __u32);
        __type(value, __u32);
} rings SEC(".maps");

/* One page per CPU, a wake-up each: rung at most once per sleep of the daemon. */
struct {
        __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
        __type(key, __u32);
        __type(value, __u32);
} bells SEC(".maps");

/* One element per possible CPU, sized by the daemon. */
struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(map_flags, BPF_F_MMAPABLE);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct exec_inflight);
} inflight SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(map_flags, BPF_F_MMAPABLE);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct exec_control);
} control SEC(".maps");

/* Processes that we saw exec and whose end is wanted, by pid; sized by the daemon. */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct process);
} processes SEC(".maps");

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

/* Never 0; see struct exec_control. */
const volatile __u32 cfg_generation = 1;

struct run {
        void *ctx;
        struct scratch *scratch;
        struct exec_counters *counters;
        struct exec_control *control;
        __u64 *since;
        __u64 boot_ns;
};

/*
 * The length with the NUL, or -errno. The helper itself says 0 for an empty string on 5.10, 6.1 and
 * 6.12, and 1 on 6.18: it is a failure on none.
 */
static __always_inline long read_user_string(void *to, __u32 size, __u64 from)
{
        long n = bpf_probe_read_user_str(to, size, (void *)from);

        return n == 0 ? 1 : n;
}

/* Of the programs of all generations that are attached, exactly one handles an event. */
static __always_inline bool is_mine(const struct run *run, __u32 program)
{
        __u32 before = *(volatile __u32 *)&run->control->before[program];
        __u32 done_by = run->scratch->done_by;

        if (*(volatile __u32 *)&run->control->running[program] != cfg_generation) {
                if (done_by == cfg_generation) /* that was another event */
                        run->scratch->done_by = 0;
                return false;
        }
        run->scratch->done_by = cfg_generation;
        return !before || before == cfg_generation || done_by != before;
}

/* What was entered turns out to be no event. */
static __always_inline void run_leave(struct run *run)
{
        *(volatile __u64 *)run->since = 0;
}

/*
 * False: the event is not ours to handle. The daemon has stopped us, another generation does, or a
 * look-up failed, which those of arrays within their range do not.
 */
static __always_inline bool run_enter(struct run *run, void *ctx, __u32 program)
{
        /* A key of its own: a helper gets its address, and 6.12 then forgets what it holds. */
        __u32 cpu = bpf_get_smp_processor_id(), key = program, zero = 0;
        struct exec_inflight *slot = bpf_map_lookup_elem(&inflight, &cpu);

        run->ctx = ctx;
        run->scratch = bpf_map_lookup_elem(&scratches, &key);
        run->counters = bpf_map_lookup_elem(&counters, &key);
        run->control = bpf_map_lookup_elem(&control, &zero);
        if (!slot || !run->scratch || !run->counters || !run->control)
                return false;

        run->since = &slot->since[program];
        /* Stamped before we look, so that who stops us sees us, or we see that we are stopped. */
        __sync_fetch_and_add(run->since, EXEC_INFLIGHT_STARTING);
        if (is_mine(run, program))
                return true;
        run_leave(run);
        return false;
}

/* From here on it is seen: it has a number. */
static __always_inline void run_number(struct run *run, __u32 program, __u8 kind)
{
        struct exec_record_head *head = &run->scratch->head;

        run->boot_ns = bpf_ktime_get_boot_ns();
        *(volatile __u64 *)run->since = run->boot_ns;

        __builtin_memset(head, 0, sizeof(*head));
        head->version = EXEC_RECORD_VERSION;
        head->kind = kind;
        head->program = program;
        head->cpu = bpf_get_smp_processor_id();
        head->seq = ++run->counters->seen - run->counters->filtered;
        head->boot_ns = run->boot_ns;
}

static __always_inline bool run_begin(struct run *run, void *ctx, __u32 program, __u8 kind)
{
        if (!run_enter(run, ctx, program))
                return false;
        run_number(run, program, kind);
        return true;
}

static __always_inline void run_end(struct run *run)
{
        __u64 bell = run->boot_ns;

        __sync_fetch_and_add(run->since, -run->boot_ns);
        if (!*(volatile __u32 *)&run->control->armed)
                return;
        run->control->armed = 0;
        bpf_perf_event_output(run->ctx, &bells, BPF_F_CURRENT_CPU, &bell, sizeof(bell));
}

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
