/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The end of a process: awaited from its exec on, recorded when its last thread has ended.
 */
#pragma once

#include "read.bpf.h"
#include "send.bpf.h"

#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h, the same since 3.x */

struct process {
        __u64 start_ns; /* distinguishes it from a later process with its pid */
        __u64 exec_ns;
};

/* Processes that we saw exec and whose end is wanted, by pid; sized by the daemon. */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct process);
} processes SEC(".maps");

/* Needs the facts of the task. */
static __always_inline void track_exit(struct run *run)
{
        struct exec_facts *facts = &run->scratch->record.facts;
        struct process p = { .start_ns = facts->start_ns, .exec_ns = run->boot_ns };
        __u32 pid = facts->pid;

        if (run->control->track_exits && bpf_map_update_elem(&processes, &pid, &p, BPF_ANY))
                run->counters->untracked++;
}

/*
 * True: the end of the process is ours to record. Two threads can both find themselves last: the
 * one that deletes the entry is. The entry may be of an earlier process with that pid, whose end
 * was not watched.
 */
static __always_inline bool take_process(struct task_struct *task, __u32 pid, __u64 start_ns)
{
        return bpf_map_delete_elem(&processes, &pid) == 0 &&
               start_ns == READ(task, group_leader, start_boottime);
}

static __always_inline void collect_exit(struct run *run, struct task_struct *task,
                                         struct signal_struct *signal, __u32 pid,
                                         const struct process *known)
{
        struct exec_exit_record *r = &run->scratch->exit;
        struct task_struct *leader = READ(task, group_leader);

        r->pid = pid;
        r->pad = 0;
        r->uid = READ(task, cred, uid.val);
        r->status = READ(signal, flags) & SIGNAL_GROUP_EXIT ? READ(signal, group_exit_code)
                                                            : READ(leader, exit_code);
        r->start_ns = known->start_ns;
        r->exec_ns = known->exec_ns;
        READ_BYTES(r->comm, sizeof(r->comm), leader->comm);
}

static __always_inline void record_exit(void *ctx)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        struct signal_struct *signal = READ(task, signal);
        __u32 pid = bpf_get_current_pid_tgid() >> 32;
        struct process *p, known;
        struct run run;

        if (READ(signal, live.counter) != 0)
                return; /* not the last thread */
        p = bpf_map_lookup_elem(&processes, &pid);
        if (!p)
                return; /* we did not see it exec */
        known = *p;
        /* Before we take the entry: it is for the generation that handles the event. */
        if (!run_enter(&run, ctx, PROGRAM_EXIT))
                return;
        if (!take_process(task, pid, known.start_ns)) {
                run_leave(&run);
                return;
        }
        run_number(&run, PROGRAM_EXIT, RECORD_EXIT);
        collect_exit(&run, task, signal, pid, &known);
        count_output(run.counters, run_output(&run, sizeof(run.scratch->exit)));
        run_end(&run);
}
