/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Path walks: dentries and mounts (exe, cwd), kernfs nodes (cgroup).
 *
 * bpf_d_path() is refused in tracepoints, so we climb by hand and write the components leaf first,
 * each with its NUL; user space reverses and joins them. A walk ends at the root of the mount
 * namespace, whatever the process's own root is. What it finds is marked in `cut` if that is not
 * the namespace of the process, or none (unmounted, or never mounted): anybody can give such a file
 * the path of a well-known one. So it is if the walk does not end at the root of a mount at all,
 * and after WALK_STEPS_MAX steps, WALK_SIZE_MAX bytes, or a name that is longer than we take.
 *
 * The verifier made us: the body of each loop is a function of its own that is not inlined, since
 * clang 14 turns a `continue` into a back-edge that 6.1 refuses.
 */
#pragma once

#include "read.bpf.h"

#define WALK_STEPS_MAX 256
#define WALK_SIZE_MAX 4352 /* PATH_MAX and 256: paths that user space can name are whole */
/* NUL included, and one more to tell what is longer: FUSE and cgroups exceed NAME_MAX. */
#define WALK_NAME_SIZE 1026

#define NAME_MEMFD 0x3a64666d656dULL /* "memfd:", little endian */
#define NAME_MEMFD_SIZE 6

enum walk_done {
        WALK_GOING,
        WALK_COMPLETE,
        WALK_CUT,
};

/* Appends the name; false: no room, or not for all of it. */
static __always_inline bool walk_emit(struct scratch *s, const void *name)
{
        __u64 pos = s->pos;
        long n;

        barrier_var(pos);
        if (pos > SCRATCH_ARGV_START_MAX - WALK_NAME_SIZE || pos > s->start + WALK_SIZE_MAX) {
                s->done = WALK_CUT;
                return false;
        }
        n = READ_STRING(&s->data[pos], WALK_NAME_SIZE, name);
        if (n < 0) {
                s->done = WALK_CUT;
                return false;
        }
        s->pos = pos + n;
        if (n < WALK_NAME_SIZE)
                return true;
        s->done = WALK_CUT;
        return false;
}

static __always_inline struct mount *mount_of(const struct vfsmount *mnt)
{
        return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* Of a dentry that is its own parent: is it one that memfd_create() made? */
static __always_inline bool is_memfd_name(const void *string)
{
        __u64 name = 0;

        READ_BYTES(&name, NAME_MEMFD_SIZE, string);
        return name == NAME_MEMFD;
}

/*
 * One step towards the root: in `node` the dentry, in `mount` its struct mount, in `user` the root
 * of that, in `user_end` the mount namespace where it has to end. True: the walk is over.
 */
static __noinline int path_step(struct scratch *s)
{
        struct dentry *dentry = (void *)s->node, *parent;
        struct mount *mount = (void *)s->mount, *mount_parent;
        struct mnt_namespace *space;
        const void *name;

        if (s->node == s->user) {
                COPY_FROM(s, struct mount, mount, mnt_parent);
                mount_parent = COPIED(s, struct mount, mount, mnt_parent, mnt_parent);
                if (mount == mount_parent) {
                        space = COPIED(s, struct mount, mount, mnt_parent, mnt_ns);
                        s->done = (__u64)space == s->user_end ? WALK_COMPLETE : WALK_CUT;
                        return 1;
                }
                s->node = (__u64)COPIED(s, struct mount, mount, mnt_parent, mnt_mountpoint);
                s->mount = (__u64)mount_parent;
                s->user = (__u64)READ(mount_parent, mnt.mnt_root);
                return 0;
        }

        COPY_FROM(s, struct dentry, dentry, d_parent);
        name = COPIED(s, struct dentry, dentry, d_parent, d_name.name);
        parent = COPIED(s, struct dentry, dentry, d_parent, d_parent);
        /* Moved out of what is mounted, or opened by handle. */
        if (parent == dentry && !is_memfd_name(name)) {
                s->done = WALK_CUT;
                return 1;
        }
        if (!walk_emit(s, name))
                return 1;
        if (parent == dentry) { /* a memfd has a name, but no place */
                s->done = WALK_COMPLETE;
                return 1;
        }
        s->node = (__u64)parent;
        return 0;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
        struct kernfs_node___since_6_15 *renamed = (void *)kn;

        if (bpf_core_field_exists(renamed->__parent))
                return READ(renamed, __parent);
        return READ(kn, parent);
}

static __noinline int kernfs_step(struct scratch *s)
{
        struct kernfs_node *kn = (void *)s->node, *parent = kernfs_parent(kn);

        if (!parent) { /* the root of the hierarchy has no name */
                s->done = WALK_COMPLETE;
                return 1;
        }
        if (!walk_emit(s, READ(kn, name)))
                return 1;
        s->node = (__u64)parent;
        return 0;
}

static __always_inline void walk_begin(struct scratch *s, const void *node, const void *mount)
{
        s->node = (__u64)node;
        s->mount = (__u64)mount;
        s->start = s->pos;
        s->done = WALK_GOING;
}

static __always_inline void walk_end(struct scratch *s, enum exec_field field)
{
        s->record.len[field] = s->pos - s->start;
        if (s->done != WALK_COMPLETE)
                s->record.cut |= EXEC_CUT(field);
}

static __always_inline void collect_path(struct scratch *s, enum exec_field field,
                                         struct dentry *dentry, struct vfsmount *mnt,
                                         const struct mnt_namespace *space)
{
        walk_begin(s, dentry, mount_of(mnt));
        s->user_end = (__u64)space;
        s->user = (__u64)READ(mnt, mnt_root);
        for (int i = 0; i < WALK_STEPS_MAX; i++)
                if (path_step(s))
                        break;
        walk_end(s, field);
}

#define CGROUP_HIERARCHIES_MAX 32
#define NAME_SYSTEMD 0x00646d6574737973ULL /* "systemd" and its NUL, little endian */

/* In `node` the list head, in `mount` the current entry; ends with the cgroup's kernfs node. */
static __noinline int cgroup_link_step(struct scratch *s)
{
        struct list_head *entry = (void *)s->mount;
        struct cgrp_cset_link *link;
        struct cgroup *cgroup;
        __u64 name = 0;

        if (!entry || (__u64)entry == s->node)
                return 1;
        link = (void *)entry - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
        cgroup = READ(link, cgrp);
        READ_BYTES(&name, sizeof(name), &READ(cgroup, root)->name);
        if (name == NAME_SYSTEMD) {
                s->user = (__u64)READ(cgroup, kn);
                return 1;
        }
        s->mount = (__u64)READ(entry, next);
        return 0;
}

/*
 * The path in the unified hierarchy; where that says "/", as everything does on v1 and hybrid
 * hosts, the path in systemd's own named hierarchy if there is one.
 */
static __always_inline void collect_cgroup(struct scratch *s, struct task_struct *task)
{
        struct css_set *cset = READ(task, cgroups);
        struct kernfs_node *kn = READ(cset, dfl_cgrp, kn);

        if (kn && !kernfs_parent(kn)) {
                s->node = (__u64)cset + bpf_core_field_offset(struct css_set, cgrp_links);
                s->mount = (__u64)READ(cset, cgrp_links.next);
                s->user = (__u64)kn;
                for (int i = 0; i < CGROUP_HIERARCHIES_MAX; i++)
                        if (cgroup_link_step(s))
                                break;
                kn = (void *)s->user;
        }

        walk_begin(s, kn, NULL);
        for (int i = 0; i < WALK_STEPS_MAX; i++)
                if (kernfs_step(s))
                        break;
        walk_end(s, FIELD_CGROUP);
}
