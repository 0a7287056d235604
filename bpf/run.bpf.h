/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * One run of a program, from its begin to its end: is the event ours, which number has it, and
 * when is it through.
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

#include "exec_control.h"
#include "scratch.bpf.h"

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _PROGRAM_MAX);
        __type(key, __u32);
        __type(value, struct exec_counters);
} counters SEC(".maps");

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

/* Never 0; see struct exec_control. */
const volatile __u32 cfg_generation = 1;

struct run {
        void *ctx;
        struct scratch *scratch;
        struct exec_counters *counters;
        struct exec_control *control;
        __u64 *since;
        __u64 boot_ns;
        struct task_struct *parent;  /* the thread */
        struct mm_struct *parent_mm; /* in which its program is; NULL: not known for sure */
        __u32 program;               /* likewise a constant of the program */
        bool can_loop;               /* a constant of the program: see WALK() */
};

/* What run_enter() takes for a program; by each object, which has such a map. */
static __always_inline struct scratch *scratch_of(__u32 program);

/*
 * Takes step(scratch) until that says that there are no more, at most `steps_max` times. What
 * bpf_loop() calls is verified once, and so is a global function, of which nothing is known but its
 * numbers: it has to look for the scratch itself. The rounds of a loop with the step in it would be
 * verified one by one, and with them all that follows: on 7.2 a million instructions were not
 * enough.
 */
#define WALK(run, steps_max, step)                                                                 \
        do {                                                                                       \
                if ((run)->can_loop) {                                                             \
                        struct scratch *s_ = (run)->scratch;                                       \
                                                                                                   \
                        bpf_loop(steps_max, step##_in_loop, &s_, 0);                               \
                } else {                                                                           \
                        for (int i_ = 0; i_ < (steps_max); i_++)                                   \
                                if (step##_round((run)->program))                                  \
                                        break;                                                     \
                }                                                                                  \
        } while (0)

/* For a step, which is a function that is not inlined. */
#define DEFINE_IN_LOOP(step)                                                                       \
        static long step##_in_loop(__u32 i __attribute__((unused)), struct scratch **s)            \
        {                                                                                          \
                return step(*s);                                                                   \
        }                                                                                          \
                                                                                                   \
        __noinline int step##_round(__u32 program)                                                 \
        {                                                                                          \
                struct scratch *s = scratch_of(program);                                           \
                                                                                                   \
                return !s || step(s);                                                              \
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

/* The run that was entered turns out to be no event. */
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
        /* Keys of their own: a helper gets their address, and 6.12 then forgets what they hold. */
        __u32 cpu = bpf_get_smp_processor_id(), key = program, zero = 0;
        struct exec_inflight *slot = bpf_map_lookup_elem(&inflight, &cpu);

        run->ctx = ctx;
        run->program = program;
        run->scratch = scratch_of(program);
        run->counters = bpf_map_lookup_elem(&counters, &key);
        run->control = bpf_map_lookup_elem(&control, &zero);
        if (!slot || !run->scratch || !run->counters || !run->control)
                return false;

        run->since = &slot->since[program];
        /* Stamped before we look, so that a daemon that stops us sees us, or we see that. */
        __sync_fetch_and_add(run->since, EXEC_INFLIGHT_STARTING);
        if (is_mine(run, program))
                return true;
        __sync_fetch_and_add(&slot->passed[cfg_generation % 2][program], 1);
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
