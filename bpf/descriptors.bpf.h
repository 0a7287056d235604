/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Standard input, output and error: what kind of file each is, and for sockets between whom. For an
 * exec as the new program finds them, after close-on-exec; for what failed, as the caller has them.
 *
 * Often they are one open file, and that is looked at once. The type follows from the mode of the
 * inode; what is behind `private_data` depends on that, and is believed only if it fits: a
 * terminal's points back to its file. An address is added behind those of the descriptors before.
 *
 * struct unix_sock and vsock_sock may be in a module, whose BTF libbpf would look for in all
 * modules, which takes CAP_SYS_ADMIN. So the daemon asks for their members itself.
 */
#pragma once

#include "path.bpf.h"
#include "run.bpf.h"

/* include/linux/fs.h and uapi/linux/stat.h; the same since 2.6. */
#define FMODE_PATH 0x4000
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define PIPEFS_MAGIC 0x50495045
#define MINOR_BITS 20
#define DEV_NULL (1 << MINOR_BITS | 3)
#define TTYAUX_MAJOR                                                                               \
        5 /* /dev/tty, /dev/console, /dev/ptmx: names of a terminal of another number */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_VSOCK 40
#define STATE_ESTABLISHED 1 /* TCP's names, which other families use as well */
#define STATE_SYN_SENT 2
#define STATE_CLOSE 7
#define PORT_UNSET ((__u32)-1) /* VMADDR_PORT_ANY */

#define UNIX_NAME_MAX 108 /* sun_path */

/* Offsets of members; see kernel_offsets.h of the daemon. */
#define UNKNOWN ((__u32)-1)
const volatile __u32 cfg_unix_addr = UNKNOWN;         /* struct unix_sock */
const volatile __u32 cfg_unix_peer = UNKNOWN;         /* likewise */
const volatile __u32 cfg_unix_address_len = UNKNOWN;  /* struct unix_address */
const volatile __u32 cfg_unix_address_name = UNKNOWN; /* likewise */
const volatile __u32 cfg_vsock_local = UNKNOWN;       /* struct vsock_sock */
const volatile __u32 cfg_vsock_peer = UNKNOWN;        /* likewise */

/* Where the next address goes; NULL: no room, which does not happen. */
static __always_inline void *address_room(struct scratch *s)
{
        __u64 pos = s->pos;

        barrier_var(pos);
        if (pos > SCRATCH_ARGV_START_MAX - UNIX_NAME_MAX)
                return NULL;
        return &s->data[pos];
}

/* `size`: a constant. Returns the size that it has in the record. */
static __always_inline __u8 add_inet(struct scratch *s, const void *address, __u32 size, __u16 port)
{
        void *to = address_room(s);

        if (!to || READ_CHECKED(to, size, address))
                return 0;
        __builtin_memcpy(to + size, &port, sizeof(port));
        s->pos += size + sizeof(port);
        return size + sizeof(port);
}

/* As getsockname() and getpeername() have them; without a port it is not bound. */
static __always_inline void add_inet_addresses(struct scratch *s, struct exec_descriptor *d,
                                               const struct sock_common *sk, bool is_v6)
{
        const struct inet_sock *inet = (const void *)sk;
        __u16 local = __builtin_bswap16(READ(inet, inet_sport));
        __u16 peer = __builtin_bswap16(READ(sk, skc_dport));
        __u8 state = READ(sk, skc_state);

        if (state == STATE_CLOSE || state == STATE_SYN_SENT)
                peer = 0;
        if (!is_v6) {
                if (local)
                        d->local_size = add_inet(s, &sk->skc_rcv_saddr, 4, local);
                if (peer)
                        d->peer_size = add_inet(s, &sk->skc_daddr, 4, peer);
        } else if (bpf_core_field_exists(sk->skc_v6_daddr)) {
                if (local)
                        d->local_size = add_inet(s, &sk->skc_v6_rcv_saddr, 16, local);
                if (peer)
                        d->peer_size = add_inet(s, &sk->skc_v6_daddr, 16, peer);
        }
}

/* The name that a Unix socket is bound to, if it is. */
static __always_inline __u8 add_unix(struct scratch *s, const void *sk)
{
        void *to = address_room(s);
        const void *address = NULL;
        __u32 len = 0;
        __u64 size;

        READ_BYTES(&address, sizeof(address), sk + cfg_unix_addr);
        if (!address || !to)
                return 0;
        READ_BYTES(&len, sizeof(len), address + cfg_unix_address_len);
        size = (__u64)len - sizeof(__u16); /* behind sun_family */
        barrier_var(size);
        if (size > UNIX_NAME_MAX ||
            READ_CHECKED(to, size, address + cfg_unix_address_name + sizeof(__u16)))
                return 0;
        s->pos += size;
        return size;
}

static __always_inline void add_unix_addresses(struct scratch *s, struct exec_descriptor *d,
                                               const void *sk)
{
        const void *peer = NULL;

        if (cfg_unix_addr == UNKNOWN || cfg_unix_peer == UNKNOWN ||
            cfg_unix_address_len == UNKNOWN || cfg_unix_address_name == UNKNOWN)
                return;
        d->local_size = add_unix(s, sk);
        READ_BYTES(&peer, sizeof(peer), sk + cfg_unix_peer);
        if (peer)
                d->peer_size = add_unix(s, peer);
}

/* `address`: a struct sockaddr_vm, which has its port behind four bytes, and then its CID. */
static __always_inline __u8 add_vsock(struct scratch *s, const void *address)
{
        __u32 *to = address_room(s);

        if (!to || READ_CHECKED(to, 2 * sizeof(*to), address + 4) || *to == PORT_UNSET)
                return 0;
        s->pos += 2 * sizeof(*to);
        return 2 * sizeof(*to);
}

static __always_inline void describe_socket(struct scratch *s, const struct socket *socket,
                                            struct exec_descriptor *d)
{
        const void *sk = READ(socket, sk); /* each family's structure begins with a sock_common */
        const struct sock_common *common = sk;

        d->type = DESCRIPTOR_SOCKET;
        d->family = READ(common, skc_family);
        switch (d->family) {
        case AF_INET:
        case AF_INET6:
                add_inet_addresses(s, d, common, d->family == AF_INET6);
                break;
        case AF_UNIX:
                add_unix_addresses(s, d, sk);
                break;
        case AF_VSOCK:
                if (cfg_vsock_local != UNKNOWN)
                        d->local_size = add_vsock(s, sk + cfg_vsock_local);
                if (cfg_vsock_peer != UNKNOWN && READ(common, skc_state) == STATE_ESTABLISHED)
                        d->peer_size = add_vsock(s, sk + cfg_vsock_peer);
                break;
        }
}

/* `task`: whose descriptor it is, which for the snapshot is not the calling one. */
static __always_inline __u8 type_of_device(const struct task_struct *task, struct file *file,
                                           const struct tty_file_private *private, __u32 dev)
{
        int major = dev >> MINOR_BITS;
        struct tty_struct *tty;

        if (dev == DEV_NULL)
                return DESCRIPTOR_NULL;
        if (!private || READ(private, file) != file)
                return DESCRIPTOR_OTHER;
        tty = READ(private, tty);
        if (tty && tty == READ(task, signal, tty))
                return DESCRIPTOR_CONTROLLING_TTY;
        if (major != TTYAUX_MAJOR && major != READ(tty, driver, major))
                return DESCRIPTOR_OTHER;
        return DESCRIPTOR_TTY;
}

/* A pipe that has a name is numbered by its file system, which therefore is told as well. */
static __always_inline void describe_pipe(struct super_block *sb, struct exec_descriptor *d)
{
        d->type = DESCRIPTOR_PIPE;
        if (READ(sb, s_magic) != PIPEFS_MAGIC)
                d->dev = READ(sb, s_dev);
}

#define INODE(member) COPIED(s, struct inode, inode, i_mode, member)

static __always_inline void describe_inode(struct scratch *s, const struct task_struct *task,
                                           struct file *file, struct inode *inode, void *private,
                                           struct exec_descriptor *d)
{
        COPY_FROM(s, struct inode, inode, i_mode);
        switch (INODE(i_mode) & S_IFMT) {
        case S_IFREG:
                d->type = DESCRIPTOR_FILE;
                if (!INODE(i_nlink) && is_memfd(READ(file, f_path.dentry)))
                        d->type = DESCRIPTOR_MEMFD;
                break;
        case S_IFCHR:
                d->type = type_of_device(task, file, private, INODE(i_rdev));
                break;
        case S_IFIFO:
                d->ino = INODE(i_ino);
                describe_pipe(INODE(i_sb), d);
                break;
        case S_IFSOCK:
                d->ino = INODE(i_ino);
                describe_socket(s, private, d);
                break;
        }
}

#define FILE(member) COPIED(s, struct file, file, f_mode, member)

static __noinline int describe_file(struct scratch *s, const struct task_struct *task,
                                    struct file *file, __u64 fd)
{
        struct exec_descriptor *d;

        barrier_var(fd);
        if (fd >= EXEC_DESCRIPTORS)
                return 0;
        d = &s->record.facts.descriptors[fd];
        d->type = DESCRIPTOR_OTHER;
        COPY_FROM(s, struct file, file, f_mode);
        if (!(FILE(f_mode) & FMODE_PATH))
                describe_inode(s, task, file, FILE(f_inode), FILE(private_data), d);
        return 0;
}

#define FILES(member) COPIED(s, struct files_struct, files, fdt, member)

/* Who never had more than 64 files open has them in one piece with all the rest. */
static __always_inline void read_files(struct scratch *s, struct task_struct *task,
                                       struct file *ret[EXEC_DESCRIPTORS])
{
        struct files_struct *files = READ(task, files);
        struct fdtable *table;

        COPY_FROM(s, struct files_struct, files, fdt);
        table = FILES(fdt);
        if (table == &files->fdtab && FILES(fdtab.fd) == files->fd_array) {
                ret[0] = FILES(fd_array[0]);
                ret[1] = FILES(fd_array[1]);
                ret[2] = FILES(fd_array[2]);
                return;
        }
        /* There are 64 at least. */
        READ_BYTES(ret, EXEC_DESCRIPTORS * sizeof(ret[0]), READ(table, fd));
}

static __always_inline void collect_descriptors(struct run *run, struct task_struct *task)
{
        struct scratch *s = run->scratch;
        struct exec_descriptor *d = s->record.facts.descriptors;
        struct file *file[EXEC_DESCRIPTORS] = {}, *again[EXEC_DESCRIPTORS] = {};

        if (!run->control->descriptors)
                return;
        walk_begin(s);
        read_files(s, task, file);
        if (file[0])
                describe_file(s, task, file[0], 0);
        if (file[1] && file[1] == file[0])
                d[1].type = DESCRIPTOR_AS_STDIN;
        else if (file[1])
                describe_file(s, task, file[1], 1);
        if (file[2] && file[2] == file[0])
                d[2].type = DESCRIPTOR_AS_STDIN;
        else if (file[2] && file[2] == file[1])
                d[2].type = DESCRIPTOR_AS_STDOUT;
        else if (file[2])
                describe_file(s, task, file[2], 2);
        s->done = WALK_COMPLETE;
        walk_end(s, FIELD_ADDRESSES);
        if (s->head.kind == RECORD_EXEC)
                return;
        /* A caller may share them with others, who close one while we look. */
        read_files(s, task, again);
        for (int i = 0; i < EXEC_DESCRIPTORS; i++)
                if (again[i] != file[i])
                        d[i].type = DESCRIPTOR_CLOSED;
}
