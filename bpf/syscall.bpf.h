/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * An exec that is asked for, or that has failed: what the system call says, from the registers
 * saved at its entry and the caller's memory, and whether a failure is one.
 */
#pragma once

#include "argv.bpf.h"
#include "facts.bpf.h"
#include "path.bpf.h"

/* asm-generic/signal.h; the same since 3.x. */
#define SIGKILL 9
#define SIGSEGV 11

/* The kernel's own results that user space never sees: ERESTARTSYS .. ERESTART_RESTARTBLOCK. */
#define ERESTART_MIN 512
#define ERESTART_MAX 516

/* THREAD_SIZE of x86_64 without KASAN: only where the kernel has no helper for it, before 5.15. */
#define THREAD_SIZE_X86 16384

struct request {
        __u64 filename;
        __u64 argv;
        __u32 traits;
        __s32 retval;
        bool has_retval;
};

static __always_inline struct pt_regs *saved_regs(struct task_struct *task)
{
        if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
                return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
        return READ(task, stack) + THREAD_SIZE_X86 - bpf_core_type_size(struct pt_regs);
#else
        return NULL;
#endif
}

static __always_inline void request_from_regs(struct request *request, struct task_struct *task,
                                              bool at)
{
        struct pt_regs *regs = saved_regs(task);

        if (at)
                request->traits |= TRAIT_EXECVEAT;
        if (!regs)
                return;
#if defined(__TARGET_ARCH_x86)
        request->filename = at ? READ(regs, si) : READ(regs, di);
        request->argv = at ? READ(regs, dx) : READ(regs, si);
#else
        /* regs[0] holds the result by now. */
        request->filename = at ? READ(regs, regs[1]) : READ(regs, orig_x0);
        request->argv = at ? READ(regs, regs[2]) : READ(regs, regs[1]);
#endif
}

static __always_inline bool has_pending(struct task_struct *task, int signal)
{
        return READ(task, pending.signal.sig[0]) & (1UL << (signal - 1));
}

/*
 * The old program is gone, the new one is not complete, and the kernel kills the process. A signal
 * alone proves nothing: who blocks it can have it pending for long. The end of the environment is
 * the last thing that the ELF loader sets, and no program can make it 0 again.
 */
static __always_inline bool has_no_return(struct task_struct *task)
{
        return has_pending(task, SIGSEGV) && !READ(task, mm, env_end);
}

/* Another thread's exec, or a kill, ended this one: not a failure of the program. */
static __always_inline bool is_loser(struct task_struct *task, long retval)
{
        if (retval <= -ERESTART_MIN && retval >= -ERESTART_MAX)
                return true;
        return retval == -E2BIG && has_pending(task, SIGKILL);
}

static __always_inline bool is_ignored(const struct exec_control *control, long retval)
{
        __u64 error = -retval;

        if (error >= sizeof(control->ignore_errnos) * 8)
                return false;
        return control->ignore_errnos[error / 64] >> (error % 64) & 1;
}

/* Beyond the point of no return the caller's memory is gone: its addresses mean nothing. */
static __always_inline void send_request(struct run *run, struct task_struct *task,
                                         const struct request *request)
{
        bool is_gone = request->traits & TRAIT_POINT_OF_NO_RETURN;
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        long n = -EFAULT;

        collect_task(run, task);
        r->facts.retval = request->retval;
        if (request->has_retval)
                r->facts.present |= FACT_RETVAL;
        r->facts.traits |= request->traits;

        if (!is_gone)
                n = read_user_string(&s->data[sizeof(*r)], FILENAME_SIZE, request->filename);
        if (n < 0)
                run->counters->faults++;
        add_filename(s, n);
        collect_places(s, task);
        if (is_gone)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        else
                collect_vector(run, request->argv);
        send_record(run);
}

static __always_inline int record_attempt(struct syscall_trace_enter *ctx, __u32 program)
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

static __always_inline int record_failed(struct syscall_trace_exit *ctx, __u32 program)
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
