/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Path walks: dentries and mounts (exe, cwd), kernfs nodes (cgroup).
 *
 * bpf_d_path() is refused in tracepoints, so we climb by hand and write the components leaf first,
 * each with its NUL; user space reverses and joins them. A walk ends at the root of the mount
 * namespace, whatever the process's own root is. What it finds is marked in `cut` if that is not
 * the namespace of the process, or none (unmounted, or never mounted): anybody can give such a file
 * the path of a well-known one. So it is if the walk does not end at the root of a mount at all, if
 * a name on its way is gone (what the kernel shows as "(deleted)": its dentry is not hashed), and
 * after WALK_STEPS_MAX steps, WALK_SIZE_MAX bytes, or a name that is longer than we take.
 *
 * The verifier made us: the body of each loop is a function of its own that is not inlined, since
 * clang 14 turns a `continue` into a back-edge that 6.1 refuses; and WALK() is two loops.
 */
#pragma once

#include "read.bpf.h"
#include "run.bpf.h"

#define WALK_STEPS_MAX 256
#define WALK_SIZE_MAX 4352 /* PATH_MAX and 256: paths that user space can name are whole */
/* NUL included, and one more to detect longer ones: FUSE and cgroups exceed NAME_MAX. */
#define WALK_NAME_SIZE 1026

#define NAME_MEMFD 0x3a64666d656dULL /* "memfd:", little endian */
#define NAME_MEMFD_SIZE 6

/* PATH_MAX, NUL included, and one more to detect longer ones. */
#define FILENAME_SIZE 4097

/* `n`: of a string read to data[pos], its length with the NUL, or -errno. Goes on with the field.
 */
static __always_inline void add_filename(struct scratch *s, long n)
{
        if (n <= 0) {
                s->record.cut |= EXEC_CUT(FIELD_FILENAME);
                return;
        }
        if (n == FILENAME_SIZE) /* the kernel refuses it as well */
                s->record.cut |= EXEC_CUT(FIELD_FILENAME);
        s->record.len[FIELD_FILENAME] += n - 1; /* without the NUL */
        s->pos += n - 1;
}

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

/* A dentry that belongs to no directory, its own parent, with the name of a memfd. */
static __always_inline bool is_memfd(struct dentry *dentry)
{
        return READ(dentry, d_parent) == dentry && is_memfd_name(READ(dentry, d_name.name));
}

/* From the root of a mount to where that is mounted. True: it is the root of a namespace. */
static __always_inline int leave_mount(struct scratch *s)
{
        struct mount *mount = s->path.mount, *parent;
        struct mnt_namespace *space;

        COPY_FROM(s, struct mount, mount, mnt_parent);
        parent = COPIED(s, struct mount, mount, mnt_parent, mnt_parent);
        if (mount == parent) {
                space = COPIED(s, struct mount, mount, mnt_parent, mnt_ns);
                s->done = space && space == s->path.space ? WALK_COMPLETE : WALK_CUT;
                return 1;
        }
        s->path.dentry = COPIED(s, struct mount, mount, mnt_parent, mnt_mountpoint);
        s->path.mount = parent;
        s->path.mount_root = READ(parent, mnt.mnt_root);
        return 0;
}

/* From a dentry to its directory, in one mount. True: it has none, or there is no room. */
static __always_inline int leave_dentry(struct scratch *s)
{
        struct dentry *dentry = s->path.dentry, *parent;
        const void *name;

        COPY_FROM(s, struct dentry, dentry, d_hash);
        name = COPIED(s, struct dentry, dentry, d_hash, d_name.name);
        parent = COPIED(s, struct dentry, dentry, d_hash, d_parent);
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
        if (!COPIED(s, struct dentry, dentry, d_hash, d_hash.pprev))
                s->path.space = NULL; /* the name is gone: the walk ends at no root that counts */
        s->path.dentry = parent;
        return 0;
}

/* One step towards the root. True: the walk is over. */
static __noinline int path_step(struct scratch *s)
{
        if (s->path.dentry == s->path.mount_root)
                return leave_mount(s);
        return leave_dentry(s);
}

DEFINE_IN_LOOP(path_step)

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
        struct kernfs_node___since_6_15 *renamed = (void *)kn;

        if (bpf_core_field_exists(renamed->__parent))
                return READ(renamed, __parent);
        return READ(kn, parent);
}

static __noinline int kernfs_step(struct scratch *s)
{
        struct kernfs_node *kn = s->kernfs.node, *parent = kernfs_parent(kn);

        if (!parent) { /* the root of the hierarchy has no name */
                s->done = WALK_COMPLETE;
                return 1;
        }
        if (!walk_emit(s, READ(kn, name)))
                return 1;
        s->kernfs.node = parent;
        return 0;
}

DEFINE_IN_LOOP(kernfs_step)

static __always_inline void walk_begin(struct scratch *s)
{
        s->start = s->pos;
        s->done = WALK_GOING;
}

static __always_inline void walk_end(struct scratch *s, enum exec_field field)
{
        s->record.len[field] = s->pos - s->start;
        if (s->done != WALK_COMPLETE)
                s->record.cut |= EXEC_CUT(field);
}

static __always_inline void collect_path(const struct run *run, enum exec_field field,
                                         struct dentry *dentry, struct vfsmount *mnt,
                                         struct mnt_namespace *space)
{
        struct scratch *s = run->scratch;

        walk_begin(s);
        s->path.dentry = dentry;
        s->path.mount = mount_of(mnt);
        s->path.mount_root = READ(mnt, mnt_root);
        s->path.space = space;
        WALK(run, WALK_STEPS_MAX, path_step);
        walk_end(s, field);
}

#define CGROUP_HIERARCHIES_MAX 32
#define NAME_SYSTEMD 0x00646d6574737973ULL /* "systemd" and its NUL, little endian */

/* A link is to a cgroup of one hierarchy. True: found, or the end of the list. */
static __noinline int cgroup_link_step(struct scratch *s)
{
        struct list_head *entry = s->cgroup_links.entry;
        struct cgrp_cset_link *link;
        struct cgroup *cgroup;
        __u64 name = 0;

        if (!entry || entry == s->cgroup_links.head)
                return 1;
        link = (void *)entry - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
        cgroup = READ(link, cgrp);
        READ_BYTES(&name, sizeof(name), &READ(cgroup, root)->name);
        if (name == NAME_SYSTEMD) {
                s->cgroup_links.found = READ(cgroup, kn);
                return 1;
        }
        s->cgroup_links.entry = READ(entry, next);
        return 0;
}

DEFINE_IN_LOOP(cgroup_link_step)

/*
 * The path in the unified hierarchy; where that says "/", as everything does on v1 and hybrid
 * hosts, the path in systemd's own named hierarchy if there is one.
 */
static __always_inline void collect_cgroup(const struct run *run, struct task_struct *task)
{
        struct scratch *s = run->scratch;
        struct css_set *cset = READ(task, cgroups);
        struct kernfs_node *kn = READ(cset, dfl_cgrp, kn);

        if (kn && !kernfs_parent(kn)) {
                s->cgroup_links.head =
                        (void *)cset + bpf_core_field_offset(struct css_set, cgrp_links);
                s->cgroup_links.entry = READ(cset, cgrp_links.next);
                s->cgroup_links.found = kn;
                WALK(run, CGROUP_HIERARCHIES_MAX, cgroup_link_step);
                kn = s->cgroup_links.found;
        }

        walk_begin(s);
        s->kernfs.node = kn;
        WALK(run, WALK_STEPS_MAX, kernfs_step);
        walk_end(s, FIELD_CGROUP);
}
