/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * An exec that is asked for, or that has failed: what the system call says, from the registers
 * saved at its entry and the caller's memory, and whether a failure is one.
 */
#pragma once

#include "argv.bpf.h"
#include "exit.bpf.h"
#include "facts.bpf.h"
#include "path.bpf.h"

/* uapi/linux/fcntl.h */
#define AT_FDCWD (-100)
#define AT_EMPTY_PATH 0x1000
#define AT_EXECVE_CHECK 0x10000

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
        __u32 at_flags; /* of execveat(), as is the next */
        __s32 dirfd;
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
        request->at_flags = at ? READ(regs, r8) : 0;
        request->dirfd = at ? READ(regs, di) : AT_FDCWD;
#else
        /* regs[0] holds the result by now. */
        request->filename = at ? READ(regs, regs[1]) : READ(regs, orig_x0);
        request->argv = at ? READ(regs, regs[2]) : READ(regs, regs[1]);
        request->at_flags = at ? READ(regs, regs[4]) : 0;
        request->dirfd = at ? READ(regs, orig_x0) : AT_FDCWD;
#endif
}

static __always_inline bool has_pending(struct task_struct *task, int signal)
{
        return READ(task, pending.signal.sig[0]) & (1UL << (signal - 1));
}

/*
 * The old program is gone, the new one is not complete, and the kernel kills the process. A signal
 * alone proves nothing: a process that blocks it can have it pending for long. The end of the
 * environment is the last thing that the ELF loader sets, and no program can make it 0 again.
 */
static __always_inline bool has_no_return(struct task_struct *task)
{
        return has_pending(task, SIGSEGV) && !READ(task, mm, env_end);
}

/*
 * Another thread's exec, or a kill, ended this one: not a failure of the program, which never sees
 * the error. Any may come out, so the death is what tells.
 */
static __always_inline bool is_dying(struct task_struct *task)
{
        return (READ(task, signal, flags) & SIGNAL_GROUP_EXIT) || has_pending(task, SIGKILL);
}

/* Neither did the program see these: the call is made again. */
static __always_inline bool is_restarted(long retval)
{
        return retval <= -ERESTART_MIN && retval >= -ERESTART_MAX;
}

static __always_inline bool is_ignored(const struct exec_control *control, long retval)
{
        __u64 error = -retval;

        if (error >= sizeof(control->ignore_errnos) * 8)
                return false;
        return control->ignore_errnos[error / 64] >> (error % 64) & 1;
}

static __always_inline void put_char(struct scratch *s, char c)
{
        __u64 pos = s->pos;

        barrier_var(pos);
        if (pos >= SCRATCH_ARGV_START_MAX)
                return;
        s->data[pos] = c;
        s->pos = pos + 1;
}

static __always_inline void put_number(struct scratch *s, __s32 number)
{
        __u32 rest = number < 0 ? -(__u32)number : (__u32)number;

        if (number < 0)
                put_char(s, '-');
#pragma unroll
        for (__u32 unit = 1000000000; unit > 0; unit /= 10)
                if (rest >= unit || unit == 1)
                        put_char(s, '0' + rest / unit % 10);
}

/*
 * A name relative to a descriptor begins as it does in the kernel's own words, which an exec that
 * succeeds has: /dev/fd/N/NAME, or /dev/fd/N for the file itself.
 */
static __always_inline void add_folder(struct scratch *s, const struct request *request)
{
        const char prefix[] = { '/', 'd', 'e', 'v', '/', 'f', 'd', '/' };
        __u64 start = s->pos;
        char first = 0;

        if (request->dirfd == AT_FDCWD ||
            bpf_probe_read_user(&first, sizeof(first), (void *)request->filename) || first == '/' ||
            (!first && !(request->at_flags & AT_EMPTY_PATH)))
                return;
        __builtin_memcpy(&s->data[sizeof(s->record)], prefix, sizeof(prefix));
        s->pos = start + sizeof(prefix);
        put_number(s, request->dirfd);
        if (first)
                put_char(s, '/');
        s->record.len[FIELD_FILENAME] = s->pos - start;
}

static __always_inline long read_filename(struct scratch *s, const struct request *request)
{
        __u64 pos;

        add_folder(s, request);
        pos = s->pos;
        barrier_var(pos);
        if (pos > SCRATCH_ARGV_START_MAX - FILENAME_SIZE)
                return -EFAULT;
        return read_user_string(&s->data[pos], FILENAME_SIZE, request->filename);
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
                n = read_filename(s, request);
        if (n < 0)
                run->counters->faults++;
        add_filename(s, n);
        collect_places(run, task);
        if (is_gone)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        else
                collect_vector(run, request->argv);
        send_record(run);
}

/* It was seen, and is none that is to be logged: with AT_EXECVE_CHECK, nothing would have run. */
static __always_inline void run_filtered(struct run *run)
{
        run->counters->filtered++;
        run_end(run);
}

static __always_inline void record_attempt(struct syscall_trace_enter *ctx, __u32 program,
                                           bool can_loop)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        bool at = program == PROGRAM_ATTEMPT_AT;
        struct request request = { .traits = at ? TRAIT_EXECVEAT : 0, .dirfd = AT_FDCWD };
        struct run run = { .can_loop = can_loop };

        if (!run_begin(&run, ctx, program, RECORD_EXEC_ATTEMPT))
                return;
        request.filename = READ(ctx, args[at]);
        request.argv = READ(ctx, args[at + 1]);
        if (at) {
                request.dirfd = READ(ctx, args[0]);
                request.at_flags = READ(ctx, args[4]);
        }
        if (request.at_flags & AT_EXECVE_CHECK) {
                run_filtered(&run);
                return;
        }
        send_request(&run, task, &request);
        run_end(&run);
}

static __always_inline void record_failed(struct syscall_trace_exit *ctx, __u32 program,
                                          bool can_loop)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        long retval = READ(ctx, ret);
        struct request request = { .dirfd = AT_FDCWD };
        struct run run = { .can_loop = can_loop };

        if (retval >= 0)
                return;
        if (!run_begin(&run, ctx, program, RECORD_EXEC_FAILED))
                return;
        request_from_regs(&request, task, program == PROGRAM_FAILED_AT);
        if (is_ignored(run.control, retval) || is_restarted(retval) || is_dying(task) ||
            (request.at_flags & AT_EXECVE_CHECK)) {
                run_filtered(&run);
                return;
        }
        request.retval = retval;
        request.has_retval = true;
        if (has_no_return(task))
                request.traits |= TRAIT_POINT_OF_NO_RETURN;
        send_request(&run, task, &request);
        run_end(&run);
}
