/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * A successful exec, from the new image: its arguments and environment lie there in one piece, and
 * nobody has run in it yet.
 */
#pragma once

#include "argv.bpf.h"
#include "env.bpf.h"
#include "exit.bpf.h"
#include "facts.bpf.h"
#include "parents.bpf.h"
#include "path.bpf.h"

static __always_inline void collect_image(struct scratch *s, struct task_struct *task,
                                          struct mm_struct *mm,
                                          struct trace_event_raw_sched_process_exec *ctx)
{
        struct exec_facts *facts = &s->record.facts;

        facts->exec_count = READ(task, self_exec_id);
        facts->present |= FACT_RETVAL | FACT_EXEC_COUNT;
        facts->tid = ctx->old_pid;
        if (facts->tid != (__u32)ctx->pid)
                facts->traits |= TRAIT_THREAD_EXEC;
        if (bpf_core_field_exists(mm->task_size) && READ(mm, task_size) <= 0xffffffffUL)
                facts->traits |= TRAIT_IMAGE32;
        add_filename(s, READ_STRING(&s->data[sizeof(s->record)], FILENAME_SIZE,
                                    (void *)ctx + (ctx->__data_loc_filename & 0xffff)));
}

static __always_inline void record_exec(struct trace_event_raw_sched_process_exec *ctx,
                                        bool can_loop)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        struct mm_struct *mm = READ(task, mm);
        struct run run = { .can_loop = can_loop };

        if (!run_begin(&run, ctx, PROGRAM_EXEC, RECORD_EXEC))
                return;
        collect_task(&run, task);
        collect_image(run.scratch, task, mm, ctx);
        remember_image(&run, mm);
        collect_places(&run, task);
        collect_parent_exe(&run);
        collect_privilege(run.scratch, task);
        collect_argc(run.scratch, mm);
        collect_env(&run, mm);
        collect_argv(&run, mm);
        track_exit(&run);
        send_record(&run);
        run_end(&run);
}
