/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The kernel structures that our programs read, and of them only the members that they read.
 *
 * CO-RE relocates every access to the running kernel's layout by BTF, so order and size here mean
 * nothing; names do. A member that was renamed has a flavour (`___suffix`, ignored by libbpf) for
 * each name; the reader asks bpf_core_field_exists(), never a kernel version. No vmlinux.h: 3 MB of
 * one kernel's layout are neither reproducible nor there in a build chroot.
 */
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
        __u32 val;
} kuid_t;

typedef struct {
        __u32 val;
} kgid_t;

struct list_head {
        struct list_head *next;
};

struct hlist_node {
        struct hlist_node *next;
};

struct hlist_head {
        struct hlist_node *first;
};

struct ns_common {
        unsigned int inum;
};

struct uid_gid_extent {
        __u32 first, lower_first, count;
};

#define UID_GID_MAP_MAX_BASE_EXTENTS 5

struct uid_gid_map {
        __u32 nr_extents;
        struct uid_gid_extent extent[UID_GID_MAP_MAX_BASE_EXTENTS];
        struct uid_gid_extent *forward; /* in their place if there are more, sorted */
};

struct user_namespace {
        struct uid_gid_map uid_map;
        struct user_namespace *parent;
        struct ns_common ns;
};

struct task_struct;

struct pid_namespace {
        struct task_struct *child_reaper;
        struct ns_common ns;
};

struct uts_namespace {
        struct ns_common ns;
};

struct ipc_namespace {
        struct ns_common ns;
};

struct mnt_namespace {
        struct ns_common ns;
};

struct net {
        struct ns_common ns;
};

struct time_namespace {
        struct ns_common ns;
};

struct cgroup_namespace {
        struct ns_common ns;
};

struct nsproxy {
        struct uts_namespace *uts_ns;
        struct ipc_namespace *ipc_ns;
        struct mnt_namespace *mnt_ns;
        struct net *net_ns;
        struct time_namespace *time_ns; /* 5.6 */
        struct cgroup_namespace *cgroup_ns;
};

struct upid {
        int nr;
        struct pid_namespace *ns;
};

/* include/linux/pid.h, since 4.19 */
enum pid_type {
        PIDTYPE_TGID = 1,
        PIDTYPE_PGID = 2,
        PIDTYPE_SID = 3,
        PIDTYPE_MAX = 4,
};

struct pid {
        unsigned int level;
        struct hlist_head tasks[PIDTYPE_MAX];
        struct upid numbers[1];
};

/* Two u32 before 6.3, one u64 since; the same 8 bytes on little endian machines. */
typedef struct {
        __u32 cap[2];
} kernel_cap_t;

struct cred {
        kuid_t uid, suid, euid;
        kgid_t gid, sgid, egid;
        unsigned int securebits;
        kernel_cap_t cap_permitted, cap_effective, cap_ambient;
        struct user_namespace *user_ns;
};

struct qstr {
        const unsigned char *name;
};

struct hlist_bl_node {
        struct hlist_bl_node **pprev;
};

struct dentry {
        struct hlist_bl_node d_hash;
        struct dentry *d_parent;
        struct qstr d_name;
};

struct super_block;

struct vfsmount {
        struct dentry *mnt_root;
        struct super_block *mnt_sb;
        int mnt_flags;
};

struct mount {
        struct mount *mnt_parent;
        struct dentry *mnt_mountpoint;
        struct vfsmount mnt;
        struct mnt_namespace *mnt_ns;
};

struct path {
        struct vfsmount *mnt;
        struct dentry *dentry;
};

struct super_block {
        __u32 s_dev;
        unsigned long s_magic;
        struct user_namespace *s_user_ns;
};

struct inode {
        __u16 i_mode;
        kuid_t i_uid;
        kgid_t i_gid;
        struct super_block *i_sb;
        unsigned long i_ino;
        __u32 i_rdev;
        unsigned int i_nlink;
        __s64 i_size;
        __s64 i_mtime_sec; /* 6.11, as are: */
        __s64 i_ctime_sec;
        __u32 i_mtime_nsec;
        __u32 i_ctime_nsec;
};

struct timespec64 {
        __s64 tv_sec;
        long tv_nsec;
};

struct inode___before_6_6 {
        struct timespec64 i_mtime;
        struct timespec64 i_ctime;
};

struct inode___before_6_11 {
        struct timespec64 __i_mtime;
        struct timespec64 __i_ctime; /* 6.6 */
};

struct file {
        struct path f_path;
        struct inode *f_inode;
        unsigned int f_mode;
        void *private_data;
};

struct fdtable {
        struct file **fd;
};

struct files_struct {
        struct fdtable *fdt;
        struct fdtable fdtab;     /* the first one, */
        struct file *fd_array[3]; /* and its 64 files */
};

struct in6_addr {
        __u8 bytes[16];
};

struct sock_common {
        __u32 skc_daddr, skc_rcv_saddr;
        __u16 skc_dport;
        unsigned short skc_family;
        unsigned char skc_state;
        struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr; /* CONFIG_IPV6 */
};

struct inet_sock {
        __u16 inet_sport;
};

struct sock;

struct socket {
        struct sock *sk;
};

struct fs_struct {
        struct path pwd;
};

struct mm_struct {
        unsigned long task_size;
        unsigned long start_stack;
        unsigned long arg_start, arg_end, env_start, env_end;
        unsigned long saved_auxv[1];
        struct file *exe_file;
};

struct vm_area_struct {
        unsigned long vm_end;
        struct file *vm_file;
};

struct tty_driver {
        int major;
};

struct tty_struct {
        struct tty_driver *driver;
        char name[64];
};

/* What `private_data` of an open terminal is. */
struct tty_file_private {
        struct tty_struct *tty;
        struct file *file;
};

typedef struct {
        unsigned long sig[1];
} sigset_t;

struct sigpending {
        sigset_t signal;
};

typedef struct {
        int counter;
} atomic_t;

struct signal_struct {
        atomic_t live;
        int group_exit_code;
        unsigned int flags;
        struct pid *pids[PIDTYPE_MAX];
        struct tty_struct *tty;
};

struct kernfs_node {
        struct kernfs_node *parent;
        const char *name;
};

struct kernfs_node___since_6_15 {
        struct kernfs_node *__parent;
};

struct cgroup_root {
        char name[64];
};

struct cgroup {
        struct kernfs_node *kn;
        struct cgroup_root *root;
};

struct css_set {
        struct cgroup *dfl_cgrp;
        struct list_head cgrp_links;
};

struct cgrp_cset_link {
        struct cgroup *cgrp;
        struct list_head cgrp_link;
};

struct task_struct {
        void *stack;
        unsigned int flags;
        unsigned long atomic_flags;
        struct mm_struct *mm;
        int exit_code;
        int pid;
        int tgid;
        struct task_struct *real_parent;
        struct task_struct *group_leader;
        struct pid *thread_pid;
        struct hlist_node pid_links[PIDTYPE_MAX];
        __u64 start_boottime;
        __u32 self_exec_id; /* u64 since 5.7, of which this is the lower half */
        const struct cred *cred;
        const struct cred *real_cred; /* what others see of it */
        char comm[16];
        struct fs_struct *fs;
        struct files_struct *files;
        struct nsproxy *nsproxy;
        struct signal_struct *signal;
        struct sigpending pending;
        kuid_t loginuid;        /* CONFIG_AUDIT */
        unsigned int sessionid; /* CONFIG_AUDIT */
        struct css_set *cgroups;
};

/* Contexts of the tracepoints. */
struct trace_event_raw_sched_process_exec {
        __u32 __data_loc_filename;
        int pid;
        int old_pid;
};

struct seq_file;

struct bpf_iter_meta {
        struct seq_file *seq;
};

struct bpf_iter__task {
        struct bpf_iter_meta *meta;
        struct task_struct *task; /* NULL: that was the last */
};

/* Not trace_event_raw_sys_*: RT and lazy-preempt kernels moved their members. */
struct syscall_trace_enter {
        unsigned long args[6];
};

struct syscall_trace_exit {
        long ret;
};

/* Registers saved at the entry into the kernel: the arguments of the system call. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
        unsigned long r8, dx, si, di;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
        __u64 regs[31];
        __u64 orig_x0;
};
#else
#error "no pt_regs for this architecture"
#endif

#pragma clang attribute pop
