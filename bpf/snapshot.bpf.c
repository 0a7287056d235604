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
 * sleepable variant, from 5.18 on. The other one gives all the rest. Memory that is mapped from a
 * file is not asked for: whose file system it is, is the process's own choice, and it may never
 * answer. That can change a moment later, so whoever reads from here must be able to wait.
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
#define EBUSY 16

/* Not one per CPU: a sleepable program may move, and there is one reader. */
struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct scratch);
} pages SEC(".maps");

static __always_inline struct scratch *scratch_of(__u32 page)
{
        return bpf_map_lookup_elem(&pages, &page);
}

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
        struct dentry *folder;
        struct vfsmount *folder_mount;
        struct css_set *cgroups;
        struct tty_struct *tty;
        struct pid *session;
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
        ret->folder = READ(task, fs, pwd.dentry);
        ret->folder_mount = READ(task, fs, pwd.mnt);
        ret->cgroups = READ(task, cgroups);
        ret->tty = READ(task, signal, tty);
        ret->session = READ(task, signal, pids[PIDTYPE_SID]);
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
               now.folder != before->folder || now.folder_mount != before->folder_mount ||
               now.cgroups != before->cgroups || now.tty != before->tty ||
               now.session != before->session || now.exec_count != before->exec_count ||
               now.flags != before->flags;
}

/* A piece of memory, of which it is asked whether it can be read without a file. */
struct piece {
        __u64 end;
        __u64 has_no_file;
};

static long look_at_area(struct task_struct *task __attribute__((unused)),
                         struct vm_area_struct *area, struct piece *piece)
{
        piece->has_no_file = !READ(area, vm_file) && piece->end <= READ(area, vm_end);
        return 0;
}

/*
 * 1, 0, or a negative errno: -EBUSY if the memory is just being changed. `known`: the iterator's
 * own pointer.
 */
static __always_inline long has_no_file(struct task_struct *known, __u64 start, __u64 size)
{
        struct piece piece = { .end = start + size };
        long r = bpf_find_vma(known, start, look_at_area, &piece, 0);

        return r < 0 ? r : (long)piece.has_no_file;
}

/* As has_no_file(). */
static __always_inline long collect_its_argc(struct scratch *s, struct task_struct *known,
                                             struct mm_struct *mm)
{
        struct exec_facts *facts = &s->record.facts;
        __u64 stack = READ(mm, start_stack);
        long r = has_no_file(known, stack, sizeof(facts->argc));

        if (r > 0 && bpf_copy_from_user_task(&facts->argc, sizeof(facts->argc), (void *)stack,
                                             known, 0) == 0)
                facts->present |= FACT_ARGC;
        return r;
}

/* Likewise. As they lie there now: the program may have written its title over them. */
static __always_inline long collect_its_argv(struct run *run, struct task_struct *known,
                                             struct mm_struct *mm)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        __u64 start = READ(mm, arg_start), end = READ(mm, arg_end), pos = s->pos, size;
        long may_read = 1;

        r->cut |= EXEC_CUT(FIELD_ARGV);
        if (end < start)
                return 0;
        r->facts.argv_bytes = size = end - start;
        r->facts.present |= FACT_ARGV_BYTES;
        if (size > run->control->argv_max)
                size = run->control->argv_max;
        if (size > SCRATCH_ARGV_SIZE)
                size = SCRATCH_ARGV_SIZE;
        barrier_var(pos);
        barrier_var(size);
        if (pos > SCRATCH_ARGV_START_MAX || size > SCRATCH_ARGV_SIZE)
                return 0;
        if (size > 0) {
                may_read = has_no_file(known, start, size);
                if (may_read <= 0 ||
                    bpf_copy_from_user_task(&s->data[pos], size, (void *)start, known, 0))
                        return may_read;
        }
        if (size == r->facts.argv_bytes)
                r->cut &= ~EXEC_CUT(FIELD_ARGV);
        r->len[FIELD_ARGV] = size;
        s->pos = pos + size;
        return may_read;
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
                                        struct task_struct *task, const struct ways *ways,
                                        bool is_busy)
{
        struct scratch *s = run->scratch;
        struct image image;
        __u64 size = s->pos;

        if (have_changed(task, ways))
                return !may_give_up(s->record.facts.pid);
        if (is_busy && !may_give_up(s->record.facts.pid))
                return 1;
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
                           .scratch = scratch_of(0),
                           .control = bpf_map_lookup_elem(&control, &zero) };
        struct ways ways;
        bool is_busy = false;

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
        if (!READ(ways.mm, env_end)) /* in the middle of an exec, which will be told by itself */
                return 0;
        barrier();
        begin_record(&run);
        collect_its_facts(&run, task, &ways);
        if (can_sleep) {
                is_busy = collect_its_argc(run.scratch, known, ways.mm) == -EBUSY;
                is_busy |= collect_its_argv(&run, known, ways.mm) == -EBUSY;
        } else {
                run.scratch->record.cut |= EXEC_CUT(FIELD_ARGV);
        }
        return write_record(ctx, &run, task, &ways, is_busy);
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
