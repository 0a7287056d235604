/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The programs. Each builds one self-contained record of what the kernel did and sends it whole;
 * none formats, prints or knows configuration syntax.
 *
 * on_exec is the source of truth: a classic tracepoint, because raw_tp programs lose events as
 * recursion misses on preemptible kernels and fentry does so too; after the fact, because the entry
 * of the system call only says what was asked for. The others are loaded on request; the syscall
 * tracepoints make every system call of the host slower.
 *
 * What they return is for those beside us: 0 would end the event here, and who counts or samples
 * the tracepoint with perf would see none.
 */
#include "exec.bpf.h"
#include "exit.bpf.h"
#include "first.bpf.h"
#include "syscall.bpf.h"

/* bpf_probe_read_kernel() and the others are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define GO_ON 1

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _PROGRAM_MAX);
        __type(key, __u32);
        __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of(__u32 program)
{
        return bpf_map_lookup_elem(&scratches, &program);
}

/* Attempts. */

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve_enter(struct syscall_trace_enter *ctx)
{
        record_attempt(ctx, PROGRAM_ATTEMPT, true);
        return GO_ON;
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int on_execveat_enter(struct syscall_trace_enter *ctx)
{
        record_attempt(ctx, PROGRAM_ATTEMPT_AT, true);
        return GO_ON;
}

/* Failures. */

SEC("tracepoint/syscalls/sys_exit_execve")
int on_execve_exit(struct syscall_trace_exit *ctx)
{
        record_failed(ctx, PROGRAM_FAILED, true);
        return GO_ON;
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int on_execveat_exit(struct syscall_trace_exit *ctx)
{
        record_failed(ctx, PROGRAM_FAILED_AT, true);
        return GO_ON;
}

/* Successes. */

SEC("tracepoint/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
        record_exec(ctx, true);
        return GO_ON;
}

/* Ends of processes. */

SEC("tracepoint/sched/sched_process_exit")
int on_exit(void *ctx)
{
        record_exit(ctx);
        return GO_ON;
}

/* The same for kernels without bpf_loop(), before 5.17. */

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve_enter_bounded(struct syscall_trace_enter *ctx)
{
        record_attempt(ctx, PROGRAM_ATTEMPT, false);
        return GO_ON;
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int on_execveat_enter_bounded(struct syscall_trace_enter *ctx)
{
        record_attempt(ctx, PROGRAM_ATTEMPT_AT, false);
        return GO_ON;
}

SEC("tracepoint/syscalls/sys_exit_execve")
int on_execve_exit_bounded(struct syscall_trace_exit *ctx)
{
        record_failed(ctx, PROGRAM_FAILED, false);
        return GO_ON;
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int on_execveat_exit_bounded(struct syscall_trace_exit *ctx)
{
        record_failed(ctx, PROGRAM_FAILED_AT, false);
        return GO_ON;
}

SEC("tracepoint/sched/sched_process_exec")
int on_exec_bounded(struct trace_event_raw_sched_process_exec *ctx)
{
        record_exec(ctx, false);
        return GO_ON;
}

/* Attached to nothing: run by the daemon, once when it starts. */

SEC("raw_tp")
int on_question(struct bpf_raw_tracepoint_args *ctx)
{
        return first_namespace(ctx->args[0]);
}
