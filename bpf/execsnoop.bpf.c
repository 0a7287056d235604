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
 * Without room for the whole record we send its fixed part alone, with every field marked as cut:
 * under a full ring big records lose and small ones still get in.
 */
#include "argv.bpf.h"
#include "env.bpf.h"
#include "facts.bpf.h"
#include "path.bpf.h"
#include "run.bpf.h"
#include "syscall.bpf.h"

/* bpf_probe_read_kernel() and the others are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

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

static __always_inline void track_exit(struct run *run)
{
        struct exec_facts *facts = &run->scratch->record.facts;
        struct process p = { .start_ns = facts->start_ns, .exec_ns = run->boot_ns };
        __u32 pid = facts->pid;

        if (run->control->track_exits && bpf_map_update_elem(&processes, &pid, &p, BPF_ANY))
                run->counters->untracked++;
}

static __always_inline int record_exec(struct trace_event_raw_sched_process_exec *ctx,
                                       bool can_loop)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        struct mm_struct *mm = READ(task, mm);
        struct scratch *s;
        struct exec_record *r;
        struct run run;
        long n;

        if (!run_begin(&run, ctx, PROGRAM_EXEC, RECORD_EXEC))
                return 0;
        s = run.scratch;
        r = &s->record;
        collect_task(&run, task);
        r->facts.present |= FACT_RETVAL;
        r->facts.tid = ctx->old_pid;
        if (r->facts.tid != (__u32)ctx->pid)
                r->facts.traits |= TRAIT_THREAD_EXEC;
        if (bpf_core_field_exists(mm->task_size) && READ(mm, task_size) <= 0xffffffffUL)
                r->facts.traits |= TRAIT_IMAGE32;

        n = READ_STRING(&s->data[sizeof(*r)], FILENAME_SIZE,
                        (void *)ctx + (ctx->__data_loc_filename & 0xffff));
        add_filename(s, n);
        collect_places(s, task);
        collect_privilege(s, READ(task, cred));
        collect_argc(s, mm);
        collect_env(&run, mm, can_loop);
        collect_argv(&run, mm);
        track_exit(&run);
        send_record(&run);
        run_end(&run);
        return 0;
}

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

SEC("tracepoint/sched/sched_process_exit")
int on_exit(void *ctx)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        struct signal_struct *signal = READ(task, signal);
        __u32 pid = bpf_get_current_pid_tgid() >> 32;
        struct exec_exit_record *r;
        struct process *p, known;
        struct run run;

        if (READ(signal, live.counter) != 0)
                return 0; /* not the last thread */
        p = bpf_map_lookup_elem(&processes, &pid);
        if (!p)
                return 0; /* we did not see it exec */
        known = *p;
        /* First: the entry is for the generation that handles the event. */
        if (!run_enter(&run, ctx, PROGRAM_EXIT))
                return 0;
        /*
         * Two threads can both find themselves last: who deletes the entry is. It may be of an
         * earlier process, whose end was not watched.
         */
        if (bpf_map_delete_elem(&processes, &pid) ||
            known.start_ns != READ(task, group_leader, start_boottime)) {
                run_leave(&run);
                return 0;
        }
        run_number(&run, PROGRAM_EXIT, RECORD_EXIT);
        r = &run.scratch->exit;
        r->pid = pid;
        r->pad = 0;
        r->uid = READ(task, cred, uid.val);
        r->status = READ(signal, flags) & SIGNAL_GROUP_EXIT ? READ(signal, group_exit_code)
                                                            : READ(task, group_leader, exit_code);
        r->start_ns = known.start_ns;
        r->exec_ns = known.exec_ns;
        READ_BYTES(r->comm, sizeof(r->comm), READ(task, group_leader)->comm);
        count_output(run.counters, run_output(&run, sizeof(*r)));
        run_end(&run);
        return 0;
}

/* exec_attempt and exec_failed: what was asked for, from the caller's memory. */
static __always_inline void send_request(struct run *run, struct task_struct *task,
                                         const struct request *request)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        long n = -EFAULT;

        collect_task(run, task);
        r->facts.retval = request->retval;
        if (request->has_retval)
                r->facts.present |= FACT_RETVAL;
        if (request->traits & TRAIT_EXECVEAT)
                r->facts.traits |= TRAIT_EXECVEAT;

        /* Beyond the point of no return the caller's memory is gone: its addresses mean nothing. */
        if (request->traits & TRAIT_POINT_OF_NO_RETURN)
                r->facts.traits |= TRAIT_POINT_OF_NO_RETURN;
        else
                n = read_user_string(&s->data[sizeof(*r)], FILENAME_SIZE, request->filename);
        if (n < 0)
                run->counters->faults++;
        add_filename(s, n);
        collect_places(s, task);
        if (request->traits & TRAIT_POINT_OF_NO_RETURN)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        else
                collect_vector(run, request->argv);
        send_record(run);
}

static __always_inline int on_exec_failed(struct syscall_trace_exit *ctx, __u32 program)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        long retval = READ(ctx, ret);
        struct request request = {};
        struct run run;

        if (retval >= 0)
                return 0;
        if (!run_begin(&run, ctx, program, RECORD_EXEC_FAILED))
                return 0;
        if (is_ignored(run.control, retval) || is_loser(task, retval)) {
                run.counters->filtered++;
                run_end(&run);
                return 0;
        }
        request.retval = retval;
        request.has_retval = true;
        request_from_regs(&request, task, program == PROGRAM_FAILED_AT);
        if (has_no_return(task))
                request.traits |= TRAIT_POINT_OF_NO_RETURN;
        send_request(&run, task, &request);
        run_end(&run);
        return 0;
}

SEC("tracepoint/syscalls/sys_exit_execve")
int on_execve_exit(struct syscall_trace_exit *ctx)
{
        return on_exec_failed(ctx, PROGRAM_FAILED);
}

SEC("tracepoint/syscalls/sys_exit_execveat")
int on_execveat_exit(struct syscall_trace_exit *ctx)
{
        return on_exec_failed(ctx, PROGRAM_FAILED_AT);
}

static __always_inline int on_exec_attempt(struct syscall_trace_enter *ctx, __u32 program)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        bool at = program == PROGRAM_ATTEMPT_AT;
        struct request request = { .traits = at ? TRAIT_EXECVEAT : 0 };
        struct run run;

        if (!run_begin(&run, ctx, program, RECORD_EXEC_ATTEMPT))
                return 0;
        request.filename = READ(ctx, args[at]);
        request.argv = READ(ctx, args[at + 1]);
        send_request(&run, task, &request);
        run_end(&run);
        return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve_enter(struct syscall_trace_enter *ctx)
{
        return on_exec_attempt(ctx, PROGRAM_ATTEMPT);
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int on_execveat_enter(struct syscall_trace_enter *ctx)
{
        return on_exec_attempt(ctx, PROGRAM_ATTEMPT_AT);
}
