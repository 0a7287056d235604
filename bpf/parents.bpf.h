/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The parent, its program and the exec that this comes from; the leader of the session; the
 * ancestors.
 *
 * An exec is named by its process and the kernel's count of execs (self_exec_id), which a child
 * takes over when it is forked. So whoever has executed something itself names its last exec
 * (PF_FORKNOEXEC is not set), and whoever was only forked has the program of somebody who may be
 * long gone. Both have in common what the mm has from that exec: `exe_file`, a file of its own for
 * each exec, which the mm holds as long as it lives. Each exec puts itself into the map `images`
 * under the address of that file.
 *
 * Addresses are used again. An entry can be an older one's only if no program of ours ran at the
 * exec that came later, and then the count of execs and the place of the stack, which ASLR
 * makes random, differ: the parent's exec is not known. Nor is it, if the parent is executing right
 * now: until the new program is loaded, env_end is 0.
 *
 * All of the parent's is read while it runs on. The mm and its file are the same afterwards, or
 * what was read may be somebody else's and is given up.
 */
#pragma once

#include "path.bpf.h"
#include "run.bpf.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h, unchanged since 3.x */
#define PF_FORKNOEXEC 0x00000040

/* Programs that may be alive at once, 100 bytes each; beyond, who was only forked has no exec. */
#define IMAGES_MAX 32768

struct image {
        __u64 start_ns; /* of the process that has executed it */
        __u32 pid;      /* likewise */
        __u32 exec_count;
        __u64 stack;   /* where it begins */
        __u64 check;   /* image_check() */
        __u64 boot_ns; /* of the exec; 0: it was before us */
};

struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, IMAGES_MAX);
        __type(key, __u64); /* address of the struct file */
        __type(value, struct image);
} images SEC(".maps");

/* Entries are made, used and taken away on all CPUs at once: half of one is none. */
static __always_inline __u64 image_check(const struct image *image, __u64 file)
{
        const __u64 multiplier = 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
        __u64 hash = (file ^ image->start_ns) * multiplier;

        hash = (hash ^ (hash >> 32) ^ ((__u64)image->exec_count << 32 | image->pid)) * multiplier;
        return (hash ^ (hash >> 32) ^ image->stack) * multiplier;
}

/* Needs the facts of the task. */
static __always_inline void remember_image(struct run *run, struct mm_struct *mm)
{
        const struct exec_facts *facts = &run->scratch->record.facts;
        __u64 file = (__u64)READ(mm, exe_file);
        struct image image = { .start_ns = facts->start_ns,
                               .pid = facts->pid,
                               .exec_count = facts->exec_count,
                               .stack = READ(mm, start_stack),
                               .boot_ns = run->boot_ns };
        struct image *known;

        image.check = image_check(&image, file);
        known = bpf_map_lookup_elem(&images, &file);
        if (known) /* most addresses come again soon */
                *known = image;
        else
                bpf_map_update_elem(&images, &file, &image, BPF_ANY);
}

/* The exec that a program comes from; false: it is not known. */
static __always_inline bool read_image(struct mm_struct *mm, __u32 exec_count, struct image *ret)
{
        __u64 file = (__u64)READ(mm, exe_file);
        const volatile struct image *known = bpf_map_lookup_elem(&images, &file);

        if (!known)
                return false;
        ret->start_ns = known->start_ns;
        ret->pid = known->pid;
        ret->exec_count = known->exec_count;
        ret->stack = known->stack;
        ret->check = known->check;
        ret->boot_ns = known->boot_ns;
        return ret->check == image_check(ret, file) && ret->exec_count == exec_count &&
               ret->stack == READ(mm, start_stack);
}

/* Likewise that of a parent which was only forked. */
static __always_inline void find_image(struct exec_facts *facts, struct mm_struct *mm,
                                       __u32 exec_count)
{
        struct image image;

        if (!read_image(mm, exec_count, &image))
                return;
        facts->parent_exec_start_ns = image.start_ns;
        facts->parent_exec_pid = image.pid;
        facts->parent_exec_count = image.exec_count;
        facts->present |= FACT_PARENT_EXEC;
}

/* Right before we look at its exec and right after, the parent had this mm, with this program. */
static __always_inline void collect_parent_exec(struct run *run, struct task_struct *leader)
{
        struct exec_facts *facts = &run->scratch->record.facts;
        __u32 flags = READ(leader, flags), exec_count = READ(leader, self_exec_id);
        struct task_struct *thread = run->parent;
        struct mm_struct *mm;

        barrier();
        mm = READ(thread, mm);
        if (!mm || (flags & PF_KTHREAD) || !READ(mm, env_end))
                return;
        if (flags & PF_FORKNOEXEC) {
                find_image(facts, mm, exec_count);
        } else {
                facts->parent_exec_start_ns = facts->parent_start_ns;
                facts->parent_exec_pid = facts->ppid;
                facts->parent_exec_count = exec_count;
                facts->present |= FACT_PARENT_EXEC;
        }
        barrier();
        if (READ(thread, mm) == mm && !((READ(leader, flags) ^ flags) & PF_FORKNOEXEC))
                run->parent_mm = mm;
        else
                facts->present &= ~FACT_PARENT_EXEC;
}

static __always_inline void collect_parent(struct run *run, struct task_struct *task)
{
        struct task_struct *thread = READ(task, real_parent), *leader = READ(thread, group_leader);
        struct exec_record *r = &run->scratch->record;

        run->parent = thread;
        run->parent_mm = NULL;
        if (!leader)
                return;
        r->facts.ppid = READ(leader, tgid);
        r->facts.parent_start_ns = READ(leader, start_boottime);
        r->facts.parent_uid = READ(leader, real_cred, uid.val);
        READ_BYTES(r->parent_comm, sizeof(r->parent_comm), leader->comm);
        /* Its first exec alone: what such a process, as PID 1, executes then is its own affair. */
        if (r->head.kind == RECORD_EXEC && (READ(leader, flags) & PF_KTHREAD) &&
            READ(task, self_exec_id) == 1)
                r->facts.traits |= TRAIT_KERNEL;
        r->facts.present |= FACT_PARENT | FACT_PARENT_UID;
        collect_parent_exec(run, leader);
}

/*
 * The path of the parent's program, wherever that is mounted. It was the parent's as long as we
 * looked, if it is afterwards: or else the walk may have been through somebody else's names.
 */
static __always_inline void collect_parent_exe(struct run *run)
{
        struct task_struct *thread = run->parent;
        struct mm_struct *mm = run->parent_mm;
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;
        struct vfsmount *mnt;
        struct file *file;

        if (!mm || !run->control->parents)
                return;
        file = READ(mm, exe_file);
        mnt = READ(file, f_path.mnt);
        if (!mnt)
                return;
        collect_path(run, FIELD_PARENT_EXE, READ(file, f_path.dentry), mnt,
                     READ(mount_of(mnt), mnt_ns));
        barrier();
        if (READ(thread, mm) == mm && READ(mm, exe_file) == file) {
                r->facts.present |= FACT_PARENT_EXE;
                return;
        }
        s->pos = s->start;
        r->len[FIELD_PARENT_EXE] = 0;
        r->cut &= ~EXEC_CUT(FIELD_PARENT_EXE);
}

/* The process that has made the session, if it is still there: nobody else gets its number. */
static __always_inline void collect_session_leader(struct exec_record *r, struct pid *session)
{
        struct hlist_node *node = READ(session, tasks[PIDTYPE_TGID].first);
        struct task_struct *leader;

        if (!node)
                return;
        leader = (void *)node - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID]);
        r->facts.leader_start_ns = READ(leader, start_boottime);
        READ_BYTES(r->leader_comm, sizeof(r->leader_comm), leader->comm);
        r->facts.present |= FACT_SESSION_LEADER;
}

#define TASK(member) COPIED(s, struct task_struct, task, pid, member)

/* An ancestor, or from a thread to its leader; true: no more. */
static __noinline int ancestor_step(struct scratch *s)
{
        struct task_struct *task = s->ancestors.task, *leader;
        struct exec_ancestor *a;
        __u64 pos = s->pos;

        barrier_var(pos);
        if (pos > SCRATCH_ARGV_START_MAX - sizeof(*a))
                return 1;
        /* From a thread, its leader is one step more; each step's copy has both. */
        COPY_FROM(s, struct task_struct, task, pid);
        leader = TASK(group_leader);
        if (leader != task) {
                s->ancestors.task = leader;
                return 0;
        }
        a = (void *)&s->data[pos];
        a->pid = TASK(tgid);
        if (!a->pid) /* the idle task, parent of init and kthreadd */
                return 1;
        READ_BYTES(a->comm, sizeof(a->comm), task->comm);
        a->start_ns = TASK(start_boottime);
        a->exec_count = TASK(self_exec_id);
        s->pos = pos + sizeof(*a);
        s->ancestors.task = TASK(real_parent);
        return 0;
}

static __always_inline void collect_ancestors(struct scratch *s, struct task_struct *task)
{
        walk_begin(s);
        s->ancestors.task = READ(task, real_parent);
        /* Each may take two steps: a parent can be a thread. */
        for (int i = 0; i < 2 * EXEC_ANCESTORS_MAX; i++)
                if (s->pos - s->start >= EXEC_ANCESTORS_MAX * sizeof(struct exec_ancestor) ||
                    ancestor_step(s))
                        break;
        s->done = WALK_COMPLETE; /* eight are as many as we promise */
        walk_end(s, FIELD_ANCESTORS);
}
