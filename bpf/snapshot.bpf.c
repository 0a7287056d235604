/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The snapshot: what runs already when the daemon starts. An iterator over all tasks, run when the
 * daemon reads from it, writes a record of the same layout as an exec's for each process.
 *
 * The tasks run on meanwhile. So what leads from a task to its facts is read once more behind them,
 * and a task for which something has changed is taken again, a few times; then it is left out, as
 * is whoever has ended. Its execs are events of their own by now.
 *
 * Arguments lie in the memory of others, which may have to be read in from a disk: that is for the
 * sleepable variant, from 5.18 on. The other one gives all the rest.
 *
 * An object of its own, with maps of its own but for `images`: in there are the execs that have
 * been seen, so that the daemon can tell for which it needs no such record, and whoever has
 * executed something before goes in there, as will be asked for by the children of who is only
 * forked.
 */
#include "facts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PF_EXITING 0x00000004
#define TRIES_MAX 4

/* Not one per CPU: a sleepable program may move, and there is one reader. */
struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct scratch);
} pages SEC(".maps");

/* The process that was taken last, and how often. */
struct attempts {
        __u32 pid;
        __u32 n;
};

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct attempts);
} attempts SEC(".maps");

/* What leads from a task to its facts. */
struct ways {
        struct mm_struct *mm;
        struct file *exe;
        const struct cred *cred;
        struct fs_struct *fs;
        struct nsproxy *ns;
        struct task_struct *parent;
        __u32 exec_count;
        __u32 flags;
};

static __always_inline void read_ways(struct task_struct *task, struct ways *ret)
{
        ret->mm = READ(task, mm);
        ret->exe = READ(task, mm, exe_file);
        ret->cred = READ(task, real_cred);
        ret->fs = READ(task, fs);
        ret->ns = READ(task, nsproxy);
        ret->parent = READ(task, real_parent);
        ret->exec_count = READ(task, self_exec_id);
        ret->flags = READ(task, flags) & (PF_KTHREAD | PF_EXITING | PF_FORKNOEXEC);
}

static __always_inline bool have_changed(struct task_struct *task, const struct ways *before)
{
        struct ways now;

        barrier();
        read_ways(task, &now);
        return now.mm != before->mm || now.exe != before->exe || now.cred != before->cred ||
               now.fs != before->fs || now.ns != before->ns || now.parent != before->parent ||
               now.exec_count != before->exec_count || now.flags != before->flags;
}

/* From the memory of a task, whose pointer has to be the iterator's own. */
static __always_inline void collect_its_argc(struct scratch *s, struct task_struct *known,
                                             struct mm_struct *mm)
{
        struct exec_facts *facts = &s->record.facts;

        if (bpf_copy_from_user_task(&facts->argc, sizeof(facts->argc),
                                    (void *)READ(mm, start_stack), known, 0) == 0)
                facts->present |= FACT_ARGC;
}

/* As they lie there now: the program may have written its title over them. */
static __always_inline void collect_its_argv(struct run *run, struct task_struct *known,
                                             struct mm_struct *mm)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        __u64 start = READ(mm, arg_start), pos = s->pos, size;

        r->facts.argv_bytes = size = READ(mm, arg_end) - start;
        r->facts.present |= FACT_ARGV_BYTES;
        if (size > run->control->argv_max)
                size = run->control->argv_max;
        if (size > SCRATCH_ARGV_SIZE)
                size = SCRATCH_ARGV_SIZE;
        if (size < r->facts.argv_bytes)
                r->cut |= EXEC_CUT(FIELD_ARGV);
        barrier_var(pos);
        barrier_var(size);
        if (pos > SCRATCH_ARGV_START_MAX || size > SCRATCH_ARGV_SIZE)
                return;
        if (size > 0 && bpf_copy_from_user_task(&s->data[pos], size, (void *)start, known, 0)) {
                r->cut |= EXEC_CUT(FIELD_ARGV);
                return;
        }
        r->len[FIELD_ARGV] = size;
        s->pos = pos + size;
}

static __always_inline void collect_its_facts(struct run *run, struct task_struct *task,
                                              const struct ways *ways)
{
        struct exec_record *r = &run->scratch->record;
        struct exec_facts *facts = &r->facts;
        struct mm_struct *mm = ways->mm; /* or CO-RE would look for `ways` in the kernel */

        collect_about(run, task, ways->cred);
        facts->pid = facts->tid = READ(task, tgid);
        READ_BYTES(r->comm, sizeof(r->comm), task->comm);
        facts->exec_count = ways->exec_count;
        facts->present |= FACT_EXEC_COUNT;
        if (ways->flags & PF_FORKNOEXEC)
                facts->present |= FACT_FORKED;
        if (bpf_core_field_exists(mm->task_size) && READ(mm, task_size) <= 0xffffffffUL)
                facts->traits |= TRAIT_IMAGE32;
        r->cut |= EXEC_CUT(FIELD_FILENAME);
        collect_places(run, task);
        collect_parent_exe(run);
}

static __always_inline void begin_record(struct run *run)
{
        struct exec_record_head *head = &run->scratch->head;

        __builtin_memset(head, 0, sizeof(*head));
        head->version = EXEC_RECORD_VERSION;
        head->kind = RECORD_PROCESS;
        head->boot_ns = bpf_ktime_get_boot_ns();
}

/* False: once more with this one, when the daemon asks next. */
static __always_inline bool may_give_up(__u32 pid)
{
        __u32 zero = 0;
        struct attempts *a = bpf_map_lookup_elem(&attempts, &zero);

        if (!a)
                return true;
        a->n = a->pid == pid ? a->n + 1 : 1;
        a->pid = pid;
        return a->n >= TRIES_MAX;
}

/* What an iterator returns: 0, or 1 to be called with the same task again. */
static __always_inline int write_record(struct bpf_iter__task *ctx, struct run *run,
                                        struct task_struct *task, const struct ways *ways)
{
        struct scratch *s = run->scratch;
        struct image image;
        __u64 size = s->pos;

        if (have_changed(task, ways))
                return !may_give_up(s->record.facts.pid);
        if (read_image(ways->mm, ways->exec_count, &image))
                s->head.seq = image.boot_ns;
        else if (!(ways->flags & PF_FORKNOEXEC))
                remember_image(run, ways->mm);
        barrier_var(size);
        if (size > SCRATCH_DATA_SIZE)
                return 0;
        s->head.size = size;
        bpf_seq_write(ctx->meta->seq, s->data, size); /* no room: we are called again */
        return 0;
}

static __always_inline int show_process(struct bpf_iter__task *ctx, bool can_sleep)
{
        struct task_struct *known = ctx->task, *task;
        __u32 zero = 0;
        struct run run = { .can_loop = can_sleep, /* bpf_loop() is one version older */
                           .scratch = bpf_map_lookup_elem(&pages, &zero),
                           .control = bpf_map_lookup_elem(&control, &zero) };
        struct ways ways;

        if (!known || !run.scratch || !run.control)
                return 0;
        /* By way of memory it is any address, with which the readers of all records can work. */
        *(struct task_struct *volatile *)&run.scratch->ancestors.task = known;
        task = *(struct task_struct *volatile *)&run.scratch->ancestors.task;
        if (READ(task, pid) != READ(task, tgid))
                return 0;
        read_ways(task, &ways);
        if (!ways.mm || (ways.flags & (PF_KTHREAD | PF_EXITING)))
                return 0;
        barrier();
        begin_record(&run);
        collect_its_facts(&run, task, &ways);
        if (can_sleep) {
                collect_its_argc(run.scratch, known, ways.mm);
                collect_its_argv(&run, known, ways.mm);
        } else {
                run.scratch->record.cut |= EXEC_CUT(FIELD_ARGV);
        }
        return write_record(ctx, &run, task, &ways);
}

SEC("iter.s/task")
int on_task(struct bpf_iter__task *ctx)
{
        return show_process(ctx, true);
}

/* For kernels without bpf_copy_from_user_task(), before 5.18. */
SEC("iter/task")
int on_task_atomic(struct bpf_iter__task *ctx)
{
        return show_process(ctx, false);
}
