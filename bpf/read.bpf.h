/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Reads of kernel memory: there are no others than these macros, so that how it is read can change
 * in one place. Reads of user memory say so: bpf_probe_read_user().
 *
 * They are direct loads where the kernel has them, and calls elsewhere: see exec_direct.h. Of an
 * address that leads nowhere either makes zeros; where that has to be told from a value that is 0,
 * it takes a call, READ_CHECKED(). A string takes one as well.
 *
 * READ() follows pointers to a member. An address that is &pointer->member, for READ_BYTES() and
 * READ_STRING(), is relocated to the running kernel's layout as well.
 *
 * Several members of one structure for the price of one: what a read by call costs is the call, not
 * the bytes. So COPY_FROM() copies a structure, from a member on, and COPIED() takes the members
 * from the copy; with direct loads there is no copy, and each member is loaded. Offsets come from
 * BTF when the program is loaded; the verifier then knows them, and of COPIED() only one branch is
 * left: the load from the copy or, for a member that lies outside of it on this kernel, a read of
 * its own. There is one copy at a time, in the part of the scratch that argv takes later.
 */
#pragma once

#include "direct.bpf.h"
#include "scratch.bpf.h"

/* READ(task, mm, exe_file): task->mm->exe_file, or 0 if a pointer on the way leads nowhere. */
#define READ(pointer, ...)                                                                         \
        ({                                                                                         \
                typeof(pointer) pointer_ = (pointer);                                              \
                typeof(BPF_CORE_READ(pointer_, __VA_ARGS__)) read_;                                \
                                                                                                   \
                if (has_direct_loads())                                                            \
                        read_ = DIRECT_READ(pointer_, __VA_ARGS__);                                \
                else                                                                               \
                        read_ = BPF_CORE_READ(pointer_, __VA_ARGS__);                              \
                read_;                                                                             \
        })

/* 0, or -errno and `to` is zeroed. */
#define READ_CHECKED(to, size, address) bpf_probe_read_kernel(to, size, (const void *)(address))

/* `size`: a constant, and an even number. */
#define READ_BYTES(to, size, address)                                                              \
        do                                                                                         \
                if (has_direct_loads())                                                            \
                        direct_copy(to, size, (const void *)(address));                            \
                else                                                                               \
                        READ_CHECKED(to, size, address);                                           \
        while (0)

/* The length with the NUL that it always puts, or -errno. */
#define READ_STRING(to, size, address) bpf_probe_read_kernel_str(to, size, (const void *)(address))

#define COPY_SIZE 768 /* of a task, from its pid to self_exec_id */

#define COPY(scratch) (&(scratch)->data[SCRATCH_ARGV_START_MAX])

/* Copies `type` from its member `first` on: to its end, or COPY_SIZE bytes. */
#define COPY_FROM(scratch, type, source, first)                                                    \
        do {                                                                                       \
                __u64 start_ = bpf_core_field_offset(type, first);                                 \
                __u64 size_ = bpf_core_type_size(type) - start_;                                   \
                                                                                                   \
                if (size_ > COPY_SIZE)                                                             \
                        size_ = COPY_SIZE;                                                         \
                if (!has_direct_loads())                                                           \
                        READ_CHECKED(COPY(scratch), size_, (const void *)(source) + start_);       \
        } while (0)

/* A member of `source`, which COPY_FROM(…, first) has copied. */
#define COPIED(scratch, type, source, first, member)                                               \
        ({                                                                                         \
                typeof(((type *)0)->member) value_;                                                \
                const void *member_ =                                                              \
                        (const void *)(source) + bpf_core_field_offset(type, member);              \
                __u64 at_ =                                                                        \
                        bpf_core_field_offset(type, member) - bpf_core_field_offset(type, first);  \
                                                                                                   \
                if (has_direct_loads())                                                            \
                        value_ = DIRECT_LOAD((const typeof(value_) *)member_);                     \
                else if (at_ <= COPY_SIZE - sizeof(value_))                                        \
                        value_ = *(typeof(value_) *)(COPY(scratch) + at_);                         \
                else                                                                               \
                        READ_CHECKED(&value_, sizeof(value_), member_);                            \
                value_;                                                                            \
        })
