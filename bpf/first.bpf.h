/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The namespaces of PID 1, with which those of every exec are compared. The daemon cannot ask /proc
 * in its sandbox, so it runs a program that nothing is attached to (BPF_PROG_TEST_RUN), once for
 * each: the number of the namespace goes in as the argument, its inode number comes out.
 */
#pragma once

#include "read.bpf.h"

static __always_inline __u32 first_namespace(__u64 which)
{
        struct task_struct *task = (void *)bpf_get_current_task();
        /* Each process has a number in the initial PID namespace, whose reaper is PID 1. */
        struct pid_namespace *initial = READ(task, thread_pid, numbers[0].ns);
        struct task_struct *first = READ(initial, child_reaper);
        struct nsproxy *ns = READ(first, nsproxy);

        switch (which) {
        case NAMESPACE_CGROUP:
                return READ(ns, cgroup_ns, ns.inum);
        case NAMESPACE_IPC:
                return READ(ns, ipc_ns, ns.inum);
        case NAMESPACE_MNT:
                return READ(ns, mnt_ns, ns.inum);
        case NAMESPACE_NET:
                return READ(ns, net_ns, ns.inum);
        case NAMESPACE_PID:
                return READ(initial, ns.inum);
        case NAMESPACE_TIME:
                return bpf_core_field_exists(ns->time_ns) ? READ(ns, time_ns, ns.inum) : 0;
        case NAMESPACE_USER:
                return READ(first, cred, user_ns, ns.inum);
        case NAMESPACE_UTS:
                return READ(ns, uts_ns, ns.inum);
        default:
                return 0;
        }
}
