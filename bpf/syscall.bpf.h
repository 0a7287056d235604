/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * What can be learnt from the system call a task is in: its arguments, from the registers saved at
 * its entry, and whether a failure is one.
 */
#pragma once

#include "run.bpf.h"

#define FILENAME_SIZE 4097 /* PATH_MAX, NUL included, and one more to tell what is longer */

/* include/linux/sched/signal.h, asm-generic/signal.h; the same since 3.x. */
#define SIGNAL_GROUP_EXIT 0x00000004
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

static __always_inline void add_filename(struct scratch *s, long n)
{
        if (n <= 0) {
                s->record.cut |= EXEC_CUT(FIELD_FILENAME);
                return;
        }
        if (n == FILENAME_SIZE) /* the kernel refuses it as well */
                s->record.cut |= EXEC_CUT(FIELD_FILENAME);
        s->record.len[FIELD_FILENAME] = n - 1; /* without the NUL */
        s->pos += n - 1;
}
