/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The programs. Each builds one self-contained record of what the kernel did and sends it whole;
 * none formats, prints or knows configuration syntax.
 *
 * on_exec is the source of truth: a classic tracepoint, because raw_tp programs lose events as
 * recursion misses on preemptible kernels and fentry does so too; after the fact, because the entry
 * of the system call only says what was asked for. The others are loaded on request; the syscall
 * tracepoints make every system call of the host slower.
 */
#include "exec.bpf.h"
#include "exit.bpf.h"
#include "first.bpf.h"
#include "syscall.bpf.h"

/* bpf_probe_read_kernel() and the others are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Attempts. */

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve_enter(struct syscall_trace_enter *ctx)
{
        return record_attempt(ctx, PROGRAM_ATTEMPT);
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int on_execveat_enter(struct syscall_trace_enter *ctx)
{
        return record_attempt(ctx, PROGRAM_ATTEMPT_AT);
}

/* Failures. */

SEC("tracepoint/syscalls/sys_exit_execve")
int on_execve_exit(struct syscall_trace_exit *ctx)
{
        return record_failed(ctx, PROGRAM_FAILED);
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int on_execveat_exit(struct syscall_trace_exit *ctx)
{
        return record_failed(ctx, PROGRAM_FAILED_AT);
}

/* Successes. */

SEC("tracepoint/sched/sched_process_exec")
int on_exec(struct trace_event_raw_sched_process_exec *ctx)
{
        return record_exec(ctx, true);
}

/* For kernels without bpf_loop(), before 5.17. */
SEC("tracepoint/sched/sched_process_exec")
int on_exec_bounded(struct trace_event_raw_sched_process_exec *ctx)
{
        return record_exec(ctx, false);
}

/* Ends of processes. */

SEC("tracepoint/sched/sched_process_exit")
int on_exit(void *ctx)
{
        return record_exit(ctx);
}

/* Attached to nothing: run by the daemon, once when it starts. */

SEC("raw_tp")
int on_question(struct bpf_raw_tracepoint_args *ctx)
{
        return first_namespace(ctx->args[0]);
}
