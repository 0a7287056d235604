/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * The wire format: the records that the BPF programs send to the daemon.
 *
 * A record is self-contained: the daemon never asks /proc about an event. It has a head, a fixed
 * part and a variable part, in that order and without gaps. The variable part is the concatenation
 * of the fields of enum exec_field, each `len[field]` bytes long, in the order of the enum.
 *
 * An argv that does not fit goes on in chunk records: a head with kind RECORD_CHUNK and the same
 * program, cpu, seq and boot_ns as its event, then raw argv bytes. A ring delivers them behind
 * their event.
 *
 * Both sides are built from one tree, so there is one version and no compatibility code; recordings
 * carry it and are refused when it differs. Any change of layout bumps EXEC_RECORD_VERSION.
 *
 * Integers are in host byte order; every structure has explicit padding and an asserted size.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define EXEC_RECORD_VERSION 6

/*
 * A per-CPU map value is at most 32 KiB (PCPU_MIN_UNIT_SIZE), so no record is larger, and all stay
 * far below the 65,516 bytes beyond which perf_event_output() drops a sample without an error.
 */
#define EXEC_RECORD_SIZE_MAX 32768

/* Lengths of fixed kernel strings: TASK_COMM_LEN, and tty_struct.name. */
#define EXEC_COMM_SIZE 16
#define EXEC_TTY_SIZE 64
#define EXEC_ANCESTORS_MAX 8
#define EXEC_DESCRIPTORS 3        /* standard input, output, error */
#define EXEC_ADDRESS_SIZE_MAX 108 /* of sockets the longest: a Unix path */

/* One program, one scratch, one counter set, one sequence per CPU. */
enum exec_program {
        PROGRAM_EXEC,       /* tracepoint/sched/sched_process_exec */
        PROGRAM_EXIT,       /* tracepoint/sched/sched_process_exit */
        PROGRAM_FAILED,     /* tracepoint/syscalls/sys_exit_execve */
        PROGRAM_FAILED_AT,  /* tracepoint/syscalls/sys_exit_execveat */
        PROGRAM_ATTEMPT,    /* tracepoint/syscalls/sys_enter_execve */
        PROGRAM_ATTEMPT_AT, /* tracepoint/syscalls/sys_enter_execveat */
        _PROGRAM_MAX,
};

enum exec_record_kind {
        RECORD_EXEC = 1,
        RECORD_EXEC_FAILED,
        RECORD_EXEC_ATTEMPT,
        RECORD_EXIT,
        RECORD_CHUNK,
        RECORD_PROCESS,      /* runs already when the daemon starts: see snapshot.bpf.c */
        RECORD_PROCESS_TOLD, /* likewise, and an earlier run has told of it */
        RECORD_DAEMON = 128, /* from here on: the daemon's own, never from the kernel */
};

struct exec_record_head {
        __u32 size; /* bytes of the whole record, this head included; perf pads, hence our own */
        __u16 version;
        __u8 kind;    /* enum exec_record_kind */
        __u8 program; /* enum exec_program */
        __u32 cpu;
        __u32 pad;
        __u64 seq;      /* unfiltered events of this program on this CPU, from 1; a hole is a loss.
                           Of a process: its place among them; from the kernel: when its exec was
                          seen, or 0 */
        __u64 boot_ns;  /* CLOCK_BOOTTIME when the program started */
        __u32 chunk;    /* 0: the event itself; 1..n_chunks: its continuations */
        __u32 n_chunks; /* how many continuations the event was meant to have */
};

/* True for what the kernel counts: not for continuations, nor the daemon's own. */
static inline int exec_record_is_event(const struct exec_record_head *head)
{
        return head->kind >= RECORD_EXEC && head->kind <= RECORD_EXIT;
}

/* Of the daemon's own that come with a record like those of execs; no number, no continuations. */
static inline int exec_record_is_process(const struct exec_record_head *head)
{
        return head->kind == RECORD_PROCESS || head->kind == RECORD_PROCESS_TOLD;
}

/* The variable part, in this order. */
enum exec_field {
        FIELD_FILENAME,   /* as given to the kernel, no NUL */
        FIELD_EXE,        /* path components, leaf first, each with its NUL */
        FIELD_CWD,        /* likewise */
        FIELD_CGROUP,     /* likewise */
        FIELD_ANCESTORS,  /* struct exec_ancestor, parent first */
        FIELD_ADDRESSES,  /* of sockets, see struct exec_descriptor */
        FIELD_PARENT_EXE, /* as FIELD_EXE */
        FIELD_ENV,        /* NAME=value strings, each with its NUL; allowed names only */
        FIELD_ARGV,       /* strings, each with its NUL; may go on in chunks */
        _FIELD_MAX,
};

/* exec_facts.present: which facts of the fixed part the kernel could give. */
enum exec_fact {
        FACT_CREDS = 1 << 0,
        FACT_PARENT = 1 << 1, /* ppid, parent_comm, parent_start_ns */
        FACT_RETVAL = 1 << 2,
        FACT_ARGC = 1 << 3,
        FACT_ARGV_BYTES = 1 << 4,
        FACT_EXE_FILE = 1 << 5,
        FACT_TTY = 1 << 6,
        FACT_LOGINUID = 1 << 7,
        FACT_SESSION = 1 << 8,
        FACT_NS_PID = 1 << 9,
        FACT_NAMESPACES = 1 << 10,
        FACT_CAPS = 1 << 11,
        FACT_SID = 1 << 12,   /* sid, pgid */
        FACT_CTIME = 1 << 13, /* exe_file.ctime_sec, ctime_nsec */
        FACT_EXEC_COUNT = 1 << 14,
        FACT_PARENT_UID = 1 << 15,
        FACT_PARENT_EXEC = 1 << 16,    /* parent_exec_* */
        FACT_PARENT_EXE = 1 << 17,     /* FIELD_PARENT_EXE */
        FACT_SESSION_LEADER = 1 << 18, /* leader_start_ns, leader_comm */
        FACT_FORKED = 1 << 19,         /* of a process: it has executed nothing itself */
};

/* exec_record.cut: one bit per enum exec_field, set if the field is incomplete or missing. */
#define EXEC_CUT(field) (1u << (field))

/* exec_facts.traits: what can be told about the program for sure. */
enum exec_trait {
        TRAIT_MEMFD = 1 << 0,
        TRAIT_DELETED = 1 << 1,
        TRAIT_OVERLAY_UPPER = 1 << 2,
        TRAIT_SETUID = 1 << 3,
        TRAIT_SETGID = 1 << 4,
        TRAIT_FILECAPS = 1 << 5,
        TRAIT_THREAD_EXEC = 1 << 6,
        TRAIT_KERNEL = 1 << 7,
        TRAIT_IMAGE32 = 1 << 8,
        TRAIT_SCRIPT = 1 << 9,
        TRAIT_EXECVEAT = 1 << 10,
        TRAIT_POINT_OF_NO_RETURN = 1 << 11, /* failed after the old image was gone */
        TRAIT_SECURE = 1 << 12,             /* AT_SECURE */
};

enum exec_namespace {
        NAMESPACE_CGROUP,
        NAMESPACE_IPC,
        NAMESPACE_MNT,
        NAMESPACE_NET,
        NAMESPACE_PID,
        NAMESPACE_TIME,
        NAMESPACE_USER,
        NAMESPACE_UTS,
        _NAMESPACE_MAX,
};

struct exec_ancestor {
        __u32 pid;
        char comm[EXEC_COMM_SIZE];
        __u32 exec_count; /* as in struct exec_facts */
        __u64 start_ns;
};

/* The file that runs: the interpreter's for a script. */
struct exec_file {
        __u64 ino;
        __u64 size; /* bytes */
        __s64 mtime_sec;
        __s64 ctime_sec;
        __u32 mtime_nsec;
        __u32 ctime_nsec;
        __u32 dev; /* kernel's dev_t: major << 20 | minor */
        __u32 mode;
        __u32 uid;
        __u32 gid;
        __u32 nlink;
        __u32 pad;
};

enum exec_descriptor_type {
        DESCRIPTOR_CLOSED, /* or not asked for */
        DESCRIPTOR_TTY,
        DESCRIPTOR_CONTROLLING_TTY, /* of the process itself */
        DESCRIPTOR_PIPE,
        DESCRIPTOR_SOCKET,
        DESCRIPTOR_FILE,
        DESCRIPTOR_NULL,
        DESCRIPTOR_MEMFD,
        DESCRIPTOR_OTHER,
        DESCRIPTOR_AS_STDIN, /* the same open file */
        DESCRIPTOR_AS_STDOUT,
        _DESCRIPTOR_TYPE_MAX,
};

/*
 * A file that is open as 0, 1 or 2. FIELD_ADDRESSES has for each of them its own address and its
 * peer's, of these sizes; 0: it has none. Of AF_INET and AF_INET6 the address, in the order of
 * networks, and then the port, in that of the host; of AF_UNIX the name, which begins with a NUL if
 * it is abstract; of AF_VSOCK the port and the CID, four bytes each.
 */
struct exec_descriptor {
        __u64 ino;   /* of pipes and sockets */
        __u32 dev;   /* of pipes that have a name, else 0 */
        __u8 type;   /* enum exec_descriptor_type */
        __u8 family; /* of sockets */
        __u8 local_size;
        __u8 peer_size;
};

/*
 * Facts of fixed size, as one piece from the kernel to whoever writes them down: what is added here
 * is in the record and in the event, and nobody in between copies it. Numbers without a bit in
 * `present` are always known. Before those of eight bytes there is an even number of those of four.
 */
struct exec_facts {
        __u32 present; /* enum exec_fact */
        __u32 traits;  /* enum exec_trait */
        __s32 retval;
        __u32 pid; /* thread group */
        __u32 tid; /* the thread that called, before exec made it the leader */
        __u32 ppid;
        __u32 sid;    /* session: what setsid(2) makes, not the audit's */
        __u32 pgid;   /* process group */
        __u32 ns_pid; /* pid in the process's own PID namespace */
        __u32 uid;
        __u32 gid;
        __u32 euid;
        __u32 egid;
        __u32 suid;
        __u32 sgid;
        __u32 loginuid;
        __u32 session;
        __u32 argc;              /* of the original */
        __u32 exec_count;        /* of the process, and of who has forked it before that */
        __u32 parent_uid;        /* real */
        __u32 parent_exec_pid;   /* the exec that the parent's program comes from: whose it was, */
        __u32 parent_exec_count; /* and which */
        __u32 namespaces[_NAMESPACE_MAX]; /* inode numbers, 0: not known */
        __u64 start_ns;                   /* CLOCK_BOOTTIME start of the process (its leader) */
        __u64 parent_start_ns;            /* likewise of the parent */
        __u64 parent_exec_start_ns;       /* likewise of parent_exec_pid */
        __u64 leader_start_ns;            /* likewise of the session's leader, whose pid is sid */
        __u64 caps_effective;
        __u64 caps_permitted;
        __u64 argv_bytes; /* of the original, NULs included */
        struct exec_file exe_file;
        struct exec_descriptor descriptors[EXEC_DESCRIPTORS];
};

/* RECORD_EXEC, RECORD_EXEC_FAILED, RECORD_EXEC_ATTEMPT, RECORD_PROCESS, RECORD_PROCESS_TOLD */
struct exec_record {
        struct exec_record_head head;
        struct exec_facts facts;
        __u32 cut; /* EXEC_CUT() of enum exec_field */
        __u32 len[_FIELD_MAX];
        char comm[EXEC_COMM_SIZE];
        char parent_comm[EXEC_COMM_SIZE];
        char leader_comm[EXEC_COMM_SIZE]; /* of the session */
        char tty[EXEC_TTY_SIZE];          /* as the kernel names it: "pts0" */
};

/* RECORD_EXIT: the last thread of a process that we saw exec has ended. */
struct exec_exit_record {
        struct exec_record_head head;
        __u32 pid;
        __u32 uid;
        __u32 status; /* as from wait(2) */
        __u32 pad;
        __u64 start_ns; /* as in struct exec_facts */
        __u64 exec_ns;  /* CLOCK_BOOTTIME of its last exec */
        char comm[EXEC_COMM_SIZE];
};

#define EXEC_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has a hole")
EXEC_ASSERT_SIZE(struct exec_record_head, 40);
EXEC_ASSERT_SIZE(struct exec_ancestor, 32);
EXEC_ASSERT_SIZE(struct exec_file, 64);
EXEC_ASSERT_SIZE(struct exec_descriptor, 16);
EXEC_ASSERT_SIZE(struct exec_facts, 288);
EXEC_ASSERT_SIZE(struct exec_record, 480);
EXEC_ASSERT_SIZE(struct exec_exit_record, 88);
