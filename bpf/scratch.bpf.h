/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The scratch: where a program keeps the state of its loops and builds its record.
 *
 * All state of loops lives here and not in registers or on the stack: the verifier then sees the
 * same state in every round and stops early. With state in registers it gave up at 1 M
 * instructions.
 *
 * A bound that the verifier has to see needs barrier_var() right before its check: libbpf's empty
 * asm, of which clang must think that it changes the variable. Without it clang drops a check that
 * it can prove, as the verifier cannot, or checks one register and uses another. The variable is a
 * __u64, as what is narrower gets widened between the check and the use.
 */
#pragma once

#include <linux/bpf.h> /* before the helpers, which lack its types */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "exec_record.h"
#include "kernel_types.h"

/* The state of loops; the record has the rest of the 32 KiB that a map value may have. */
#define SCRATCH_STATE_SIZE 64
#define SCRATCH_DATA_SIZE (EXEC_RECORD_SIZE_MAX - SCRATCH_STATE_SIZE)

/* Everything but argv ends before this; argv may then use the rest. */
#define SCRATCH_ARGV_START_MAX 22528
#define SCRATCH_ARGV_SIZE (SCRATCH_DATA_SIZE - SCRATCH_ARGV_START_MAX)

enum walk_done {
        WALK_GOING,
        WALK_COMPLETE,
        WALK_CUT,
};

struct scratch {
        union {
                struct {
                        union { /* one walk at a time; argv's is the last, and chunks go on with it
                                 */
                                struct {
                                        struct dentry *dentry;
                                        struct mount *mount; /* where that dentry is */
                                        struct dentry *mount_root;
                                        struct mnt_namespace
                                                *space; /* where it has to end, or NULL */
                                } path;
                                struct {
                                        struct list_head *head, *entry;
                                        struct kernfs_node *found;
                                } cgroup_links;
                                struct {
                                        struct kernfs_node *node;
                                } kernfs;
                                struct {
                                        struct task_struct *task; /* or a thread of it */
                                } ancestors;
                                struct {
                                        __u64 next; /* user address of what is not sent yet */
                                        __u64 end;
                                } argv;
                                struct {
                                        __u64 next;    /* user address of the next pointer */
                                        __u64 rest;    /* of the string being read, or 0 */
                                        __u64 is_full; /* no room: we only count */
                                } vector;
                        };
                        __u32 pos;   /* bytes of data[] in use */
                        __u32 start; /* where in data[] the current field began */
                        __u32 done;  /* enum walk_done */
                        __u32 count;
                        __u32 done_by; /* the generation that has handled the event, or 0 */
                };
                __u8 state[SCRATCH_STATE_SIZE];
        };
        union {
                struct exec_record_head head;
                struct exec_record record;
                struct exec_exit_record exit;
                __u8 data[SCRATCH_DATA_SIZE];
        };
};

EXEC_ASSERT_SIZE(struct scratch, EXEC_RECORD_SIZE_MAX);

/* Programs of two builds share the map while one daemon takes over from another: see is_mine(). */
_Static_assert(__builtin_offsetof(struct scratch, done_by) == 48, "done_by has moved");
