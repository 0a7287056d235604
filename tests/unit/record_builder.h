/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Well-formed records, as the kernel side writes them, for tests to feed in whole or to damage.
 *
 * A record is large: tests make them static or change one again and again.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "exec_record.h"

struct record {
        union {
                struct exec_record_head head;
                struct exec_record exec;
                struct exec_exit_record exit;
                char bytes[EXEC_RECORD_SIZE_MAX];
        };
};

static inline struct exec_record_head record_head(enum exec_record_kind kind,
                                                  enum exec_program program, uint32_t cpu,
                                                  uint64_t seq, uint64_t boot_ns)
{
        return (struct exec_record_head){
                .size = sizeof(struct exec_record_head),
                .version = EXEC_RECORD_VERSION,
                .kind = kind,
                .program = program,
                .cpu = cpu,
                .seq = seq,
                .boot_ns = boot_ns,
        };
}

/* An exec of which nothing is known but who it was; its fields are empty, and not cut. */
static inline void record_make_exec(struct record *r, uint32_t cpu, uint64_t seq, uint64_t boot_ns)
{
        memset(&r->exec, 0, sizeof(r->exec));
        r->head = record_head(RECORD_EXEC, PROGRAM_EXEC, cpu, seq, boot_ns);
        r->head.size = sizeof(r->exec);
        r->exec.facts.pid = 4242;
        r->exec.facts.tid = 4243;
        r->exec.facts.start_ns = 17;
        memcpy(r->exec.comm, "true", sizeof("true"));
}

static inline void record_make_exit(struct record *r, uint32_t cpu, uint64_t seq, uint64_t boot_ns)
{
        memset(&r->exit, 0, sizeof(r->exit));
        r->head = record_head(RECORD_EXIT, PROGRAM_EXIT, cpu, seq, boot_ns);
        r->head.size = sizeof(r->exit);
        r->exit.pid = 4242;
        r->exit.uid = 1000;
        r->exit.status = 3 << 8;
        r->exit.start_ns = 17;
        r->exit.exec_ns = boot_ns - MIN(boot_ns, UINT64_C(5));
        memcpy(r->exit.comm, "true", sizeof("true"));
}

/* Appends to a field of an exec, wherever the field is. */
static inline void record_add(struct record *r, enum exec_field field, const void *data,
                              size_t size)
{
        size_t end = sizeof(r->exec);

        for (unsigned f = 0; f <= field; f++)
                end += r->exec.len[f];
        assert(r->head.size + size <= sizeof(r->bytes));
        memmove(r->bytes + end + size, r->bytes + end, r->head.size - end);
        memcpy(r->bytes + end, data, size);
        r->exec.len[field] += size;
        r->head.size += size;
}

/* A string with its NUL; the literal may have more of them inside. */
#define record_add_strings(r, field, literal) record_add(r, field, literal, sizeof(literal))

/* One that knows everything about itself, in few bytes. */
static inline void record_make_full(struct record *r, uint32_t cpu, uint64_t seq, uint64_t boot_ns)
{
        const struct exec_ancestor ancestors[] = {
                { .pid = 2, .comm = "init", .exec_count = 4, .start_ns = 13 },
                { .pid = 1, .comm = "systemd" },
        };
        static const char addresses[] = "\x7f\0\0\1\x16\0\x0a\0\0\2\x39\x30\0abstract";

        record_make_exec(r, cpu, seq, boot_ns);
        r->exec.facts.present = (FACT_SESSION_LEADER << 1) - 1;
        r->exec.facts.traits = TRAIT_SCRIPT | TRAIT_SETUID;
        r->exec.facts.ppid = 41;
        r->exec.facts.ns_pid = 7;
        r->exec.facts.uid = 1000;
        r->exec.facts.gid = 1001;
        r->exec.facts.euid = 0;
        r->exec.facts.egid = 1002;
        r->exec.facts.suid = 1003;
        r->exec.facts.sgid = 1004;
        r->exec.facts.loginuid = 1005;
        r->exec.facts.session = 9;
        r->exec.facts.parent_start_ns = 16;
        r->exec.facts.sid = 40;
        r->exec.facts.pgid = 4240;
        r->exec.facts.exec_count = 3;
        r->exec.facts.parent_uid = 1006;
        r->exec.facts.parent_exec_pid = 40;
        r->exec.facts.parent_exec_count = 2;
        r->exec.facts.parent_exec_start_ns = 15;
        r->exec.facts.leader_start_ns = 14;
        r->exec.facts.caps_effective = 0x3;
        r->exec.facts.caps_permitted = 0x1ff;
        r->exec.facts.argv_bytes = sizeof("sh\0-c\0ls");
        r->exec.facts.argc = 3;
        r->exec.facts.namespaces[NAMESPACE_MNT] = 4026531841;
        r->exec.facts.exe_file = (struct exec_file){ .ino = 131, .size = 125688, .mode = 0104755 };
        r->exec.facts.descriptors[0] = (struct exec_descriptor){
                .type = DESCRIPTOR_SOCKET, .ino = 9, .family = 2, .local_size = 6, .peer_size = 6
        };
        r->exec.facts.descriptors[1] = (struct exec_descriptor){ .type = DESCRIPTOR_AS_STDIN };
        r->exec.facts.descriptors[2] = (struct exec_descriptor){
                .type = DESCRIPTOR_SOCKET, .ino = 8, .family = 1, .peer_size = 9
        };
        memcpy(r->exec.parent_comm, "bash", sizeof("bash"));
        memcpy(r->exec.leader_comm, "sshd", sizeof("sshd"));
        memcpy(r->exec.tty, "pts0", sizeof("pts0"));
        record_add(r, FIELD_FILENAME, "./run", 5);
        record_add_strings(r, FIELD_EXE, "sh\0bin\0usr");
        record_add_strings(r, FIELD_CWD, "jo\0home");
        record_add_strings(r, FIELD_CGROUP, "jo.service\0user.slice");
        record_add(r, FIELD_ANCESTORS, ancestors, sizeof(ancestors));
        record_add(r, FIELD_ADDRESSES, addresses, sizeof(addresses) - 1);
        record_add_strings(r, FIELD_PARENT_EXE, "bash\0bin\0usr");
        record_add_strings(r, FIELD_ENV, "LD_PRELOAD=/x.so");
        record_add_strings(r, FIELD_ARGV, "sh\0-c\0ls");
}

/* A continuation of the event with this head. */
static inline void record_make_chunk(struct record *r, const struct exec_record_head *event,
                                     uint32_t chunk, const void *data, size_t size)
{
        struct exec_record_head head = *event;

        assert(size <= sizeof(r->bytes) - sizeof(head));
        head.kind = RECORD_CHUNK;
        head.chunk = chunk;
        head.size = sizeof(head) + size;
        memcpy(r->bytes + sizeof(head), data, size);
        r->head = head;
}

/* splitmix64: the same numbers everywhere. */
static inline uint64_t random_next(uint64_t *seed)
{
        uint64_t z = (*seed += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}
