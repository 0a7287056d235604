/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Facts of fixed size about the calling task: who it is, what it may, where it lives, which file
 * it runs. A fact that cannot be read leaves its bit in `present` unset and is never made up.
 */
#pragma once

#include "descriptors.bpf.h"
#include "parents.bpf.h"
#include "path.bpf.h"

#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010
#define PFA_NO_NEW_PRIVS (1UL << 0)
#define MNT_NOSUID 1
#define CTIME_QUERIED (1U << 31) /* in i_ctime_nsec since 6.13: stat() has shown it */
#define SECBIT_NOROOT 1
#define AT_SECURE 23
#define AUXV_PAIRS 24          /* AT_SECURE is about the 15th, behind those of the architecture */
#define USER_NAMESPACES_MAX 33 /* the kernel nests 32 and the host's */
#define NOT_SET ((__u32)-1)    /* AUDIT_UID_UNSET, AUDIT_SID_UNSET */

#define CRED(member) COPIED(s, struct cred, cred, uid, member)

static __always_inline __u64 caps_value(kernel_cap_t caps)
{
        __u64 value;

        __builtin_memcpy(&value, &caps, sizeof(value)); /* its members differ between kernels */
        return value;
}

static __always_inline void collect_creds(struct scratch *s, struct exec_control *control,
                                          const struct cred *cred)
{
        struct exec_facts *facts = &s->record.facts;
        struct user_namespace *user_ns;
        __u64 known, usual;

        COPY_FROM(s, struct cred, cred, uid);
        facts->uid = CRED(uid.val);
        facts->gid = CRED(gid.val);
        facts->euid = CRED(euid.val);
        facts->egid = CRED(egid.val);
        facts->suid = CRED(suid.val);
        facts->sgid = CRED(sgid.val);
        facts->caps_effective = caps_value(CRED(cap_effective));
        facts->caps_permitted = caps_value(CRED(cap_permitted));
        user_ns = CRED(user_ns);
        facts->namespaces[NAMESPACE_USER] = READ(user_ns, ns.inum);
        facts->present |= FACT_CREDS;

        /* Usual is everything that this kernel knows for root, and nothing for all others. */
        known = facts->caps_permitted & control->caps_full;
        usual = facts->euid ? 0 : control->caps_full;
        if (facts->caps_effective != facts->caps_permitted || known != usual)
                facts->present |= FACT_CAPS;
}

#define SIGNAL(member) COPIED(s, struct signal_struct, signal, pids, member)

static __always_inline void collect_session(struct scratch *s, struct task_struct *task)
{
        struct signal_struct *signal = READ(task, signal);
        struct exec_record *r = &s->record;
        struct pid *session, *group;
        struct tty_struct *tty;

        COPY_FROM(s, struct signal_struct, signal, pids);
        session = SIGNAL(pids[PIDTYPE_SID]);
        group = SIGNAL(pids[PIDTYPE_PGID]);
        tty = SIGNAL(tty);
        if (session && group) {
                r->facts.sid = READ(session, numbers[0].nr);
                r->facts.pgid = READ(group, numbers[0].nr);
                r->facts.present |= FACT_SID;
                collect_session_leader(r, session);
        }
        if (tty && READ_STRING(r->tty, sizeof(r->tty), tty->name) > 0)
                r->facts.present |= FACT_TTY;
        if (bpf_core_field_exists(task->loginuid)) {
                r->facts.loginuid = READ(task, loginuid.val);
                if (r->facts.loginuid != NOT_SET)
                        r->facts.present |= FACT_LOGINUID;
        }
        if (bpf_core_field_exists(task->sessionid)) {
                r->facts.session = READ(task, sessionid);
                if (r->facts.session != NOT_SET)
                        r->facts.present |= FACT_SESSION;
        }
}

#define NAMESPACE(member)                                                                          \
        ({                                                                                         \
                const typeof(*ns->member) *space_ = COPIED(s, struct nsproxy, ns, uts_ns, member); \
                                                                                                   \
                READ(space_, ns.inum);                                                             \
        })

static __always_inline void collect_namespaces(struct scratch *s, struct task_struct *task)
{
        struct exec_facts *facts = &s->record.facts;
        struct nsproxy *ns = READ(task, nsproxy);
        struct pid *pid = READ(task, thread_pid);
        unsigned int level = READ(pid, level);
        struct upid upid = {};
        const void *own;

        if (!ns || !pid)
                return;
        COPY_FROM(s, struct nsproxy, ns, uts_ns);
        facts->namespaces[NAMESPACE_CGROUP] = NAMESPACE(cgroup_ns);
        facts->namespaces[NAMESPACE_IPC] = NAMESPACE(ipc_ns);
        facts->namespaces[NAMESPACE_MNT] = NAMESPACE(mnt_ns);
        facts->namespaces[NAMESPACE_NET] = NAMESPACE(net_ns);
        facts->namespaces[NAMESPACE_UTS] = NAMESPACE(uts_ns);
        if (bpf_core_field_exists(ns->time_ns))
                facts->namespaces[NAMESPACE_TIME] = NAMESPACE(time_ns);

        /* The task's own PID namespace; nsproxy has the one of its children. */
        own = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
              level * bpf_core_type_size(struct upid);
        READ_BYTES(&upid.nr, sizeof(upid.nr), own + bpf_core_field_offset(struct upid, nr));
        READ_BYTES(&upid.ns, sizeof(upid.ns), own + bpf_core_field_offset(struct upid, ns));
        facts->namespaces[NAMESPACE_PID] = READ(upid.ns, ns.inum);
        facts->present |= FACT_NAMESPACES;
        if (level > 0) {
                facts->ns_pid = upid.nr;
                facts->present |= FACT_NS_PID;
        }
}

static __always_inline void collect_mtime(struct scratch *s, struct inode *inode)
{
        struct exec_file *f = &s->record.facts.exe_file;
        struct inode___before_6_11 *before_6_11 = (void *)inode;
        struct inode___before_6_6 *before_6_6 = (void *)inode;

        if (bpf_core_field_exists(inode->i_mtime_sec)) {
                f->mtime_sec = INODE(i_mtime_sec);
                f->mtime_nsec = INODE(i_mtime_nsec);
        } else if (bpf_core_field_exists(before_6_11->__i_mtime)) {
                f->mtime_sec = READ(before_6_11, __i_mtime.tv_sec);
                f->mtime_nsec = READ(before_6_11, __i_mtime.tv_nsec);
        } else {
                f->mtime_sec = READ(before_6_6, i_mtime.tv_sec);
                f->mtime_nsec = READ(before_6_6, i_mtime.tv_nsec);
        }
}

/* It got its second name one version before mtime did. */
static __always_inline void collect_ctime(struct scratch *s, struct inode *inode)
{
        struct exec_facts *facts = &s->record.facts;
        struct exec_file *f = &facts->exe_file;
        struct inode___before_6_11 *before_6_11 = (void *)inode;
        struct inode___before_6_6 *before_6_6 = (void *)inode;

        if (bpf_core_field_exists(inode->i_ctime_sec)) {
                f->ctime_sec = INODE(i_ctime_sec);
                f->ctime_nsec = INODE(i_ctime_nsec) & ~CTIME_QUERIED;
        } else if (bpf_core_field_exists(before_6_11->__i_ctime)) {
                f->ctime_sec = READ(before_6_11, __i_ctime.tv_sec);
                f->ctime_nsec = READ(before_6_11, __i_ctime.tv_nsec);
        } else {
                f->ctime_sec = READ(before_6_6, i_ctime.tv_sec);
                f->ctime_nsec = READ(before_6_6, i_ctime.tv_nsec);
        }
        facts->present |= FACT_CTIME;
}

static __always_inline void collect_exe_file(struct scratch *s, struct file *file)
{
        struct inode *inode = READ(file, f_inode);
        struct exec_facts *facts = &s->record.facts;
        struct exec_file *f = &facts->exe_file;
        struct super_block *sb;
        void *upper = NULL;

        COPY_FROM(s, struct inode, inode, i_mode);
        f->ino = INODE(i_ino);
        f->size = INODE(i_size);
        f->mode = INODE(i_mode);
        f->uid = INODE(i_uid.val);
        f->gid = INODE(i_gid.val);
        f->nlink = INODE(i_nlink);
        sb = INODE(i_sb);
        f->dev = READ(sb, s_dev);
        collect_mtime(s, inode);
        collect_ctime(s, inode);
        facts->present |= FACT_EXE_FILE;

        if (is_memfd(READ(file, f_path.dentry)))
                facts->traits |= TRAIT_MEMFD;
        else if (f->nlink == 0)
                facts->traits |= TRAIT_DELETED;
        /* struct ovl_inode: the dentry on the upper layer comes right behind the inode. */
        if (READ(sb, s_magic) == OVERLAYFS_SUPER_MAGIC) {
                READ_BYTES(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
                if (upper)
                        facts->traits |= TRAIT_OVERLAY_UPPER;
        }
}

/*
 * Did the kernel look at these bits of the file at all? As its mnt_may_suid() has it, and not under
 * no_new_privs.
 */
static __always_inline bool may_set_ids(struct task_struct *task, const struct cred *cred)
{
        struct vfsmount *mnt = READ(task, mm, exe_file, f_path.mnt);
        struct user_namespace *owner = READ(mnt, mnt_sb, s_user_ns);
        struct user_namespace *space = READ(cred, user_ns);

        if ((READ(task, atomic_flags) & PFA_NO_NEW_PRIVS) || (READ(mnt, mnt_flags) & MNT_NOSUID) ||
            READ(mount_of(mnt), mnt_ns) != READ(task, nsproxy, mnt_ns))
                return false;
        for (int i = 0; i < USER_NAMESPACES_MAX && space && space != owner; i++)
                space = READ(space, parent);
        return space == owner;
}

/* Root has nothing to gain: what is another user's program does not make it more. */
static __always_inline void collect_set_ids(struct exec_facts *facts)
{
        const struct exec_file *f = &facts->exe_file;

        if ((f->mode & S_ISUID) && facts->euid == f->uid && facts->uid && facts->uid != facts->euid)
                facts->traits |= TRAIT_SETUID;
        if ((f->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && facts->egid == f->gid &&
            facts->gid != facts->egid)
                facts->traits |= TRAIT_SETGID;
}

/* The user who is root in a user namespace; NOT_SET: nobody is. */
static __always_inline __u32 root_of(struct user_namespace *space)
{
        struct uid_gid_extent extent[UID_GID_MAP_MAX_BASE_EXTENTS] = {};
        __u32 n = READ(space, uid_map.nr_extents);

        if (!READ(space, parent))
                return 0;
        if (n > UID_GID_MAP_MAX_BASE_EXTENTS)
                READ_BYTES(extent, sizeof(extent[0]), READ(space, uid_map.forward));
        else
                READ_BYTES(extent, sizeof(extent), &space->uid_map.extent);
        for (int i = 0; i < UID_GID_MAP_MAX_BASE_EXTENTS; i++)
                if (extent[i].count && !extent[i].first)
                        return extent[i].lower_first;
        return NOT_SET;
}

/*
 * To root, real or effective, exec gives capabilities for being root. For all others, and under
 * SECBIT_NOROOT, it leaves nothing in the permitted set but the file's and the ambient ones.
 */
static __always_inline bool has_file_caps(const struct exec_facts *facts, const struct cred *cred)
{
        __u32 root;

        if (!(facts->caps_permitted & ~caps_value(READ(cred, cap_ambient))))
                return false;
        if (READ(cred, securebits) & SECBIT_NOROOT)
                return true;
        root = root_of(READ(cred, user_ns));
        return facts->uid != root && facts->euid != root;
}

/* The kernel's own verdict, in the vector that it has given to the program: pairs of words. */
static __always_inline bool is_secure(struct scratch *s, struct mm_struct *mm)
{
        const __u64 *word = (void *)COPY(s);
        bool is_wide;

        if (READ_CHECKED(COPY(s), AUXV_PAIRS * 2 * sizeof(*word), &mm->saved_auxv))
                return false;
        is_wide = !(word[0] >> 32); /* else a 32-bit program's: a pair in each, and none is 0 */
#pragma unroll
        for (int i = 0; i < AUXV_PAIRS; i++) {
                if (is_wide && word[2 * i] == AT_SECURE)
                        return word[2 * i + 1];
                if (!is_wide && (__u32)word[i] == AT_SECURE)
                        return word[i] >> 32;
        }
        return false;
}

/* Effects of the exec on the credentials, as far as the new ones show them for sure. */
static __always_inline void collect_privilege(struct scratch *s, struct task_struct *task)
{
        struct exec_facts *facts = &s->record.facts;
        const struct cred *cred = READ(task, cred);

        if ((facts->exe_file.mode & (S_ISUID | S_ISGID)) && may_set_ids(task, cred))
                collect_set_ids(facts);
        if (has_file_caps(facts, cred))
                facts->traits |= TRAIT_FILECAPS;
        if (is_secure(s, READ(task, mm)))
                facts->traits |= TRAIT_SECURE;
}

/* Everything about a task that is the same question for each kind of record. */
static __always_inline void collect_about(struct run *run, struct task_struct *task,
                                          const struct cred *cred)
{
        struct scratch *s = run->scratch;
        struct exec_record *r = &s->record;

        __builtin_memset((void *)r + sizeof(r->head), 0, sizeof(*r) - sizeof(r->head));
        s->pos = sizeof(*r);
        r->facts.start_ns = READ(task, group_leader, start_boottime);
        collect_creds(s, run->control, cred);
        collect_parent(run, task);
        collect_session(s, task);
        collect_namespaces(s, task);
}

/* Likewise of the calling one. */
static __always_inline void collect_task(struct run *run, struct task_struct *task)
{
        struct exec_record *r = &run->scratch->record;
        __u64 pid_tgid = bpf_get_current_pid_tgid();

        collect_about(run, task, READ(task, cred));
        r->facts.pid = pid_tgid >> 32;
        r->facts.tid = (__u32)pid_tgid;
        if (r->facts.tid != r->facts.pid)
                r->facts.traits |= TRAIT_THREAD_EXEC;
        bpf_get_current_comm(r->comm, sizeof(r->comm));
}

/* The paths, in the order of enum exec_field; after the filename. */
static __always_inline void collect_places(struct run *run, struct task_struct *task)
{
        struct scratch *s = run->scratch;
        struct file *exe = READ(task, mm, exe_file);
        struct fs_struct *fs = READ(task, fs);
        struct mnt_namespace *space = READ(task, nsproxy, mnt_ns), *left = NULL;
        struct vfsmount *mnt;

        if (exe) {
                collect_exe_file(s, exe);
                mnt = READ(exe, f_path.mnt);
                /* A caller may have left the namespace where it was executed itself. */
                if (s->head.kind != RECORD_EXEC)
                        left = READ(mount_of(mnt), mnt_ns);
                collect_path(run, FIELD_EXE, READ(exe, f_path.dentry), mnt, left ?: space);
        }
        if (fs)
                collect_path(run, FIELD_CWD, READ(fs, pwd.dentry), READ(fs, pwd.mnt), space);
        else
                s->record.cut |= EXEC_CUT(FIELD_CWD);
        collect_cgroup(run, task);
        collect_ancestors(s, task);
        collect_descriptors(run, task);
}
