/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Several members of one kernel structure for the price of one.
 *
 * What a read of kernel memory costs is the call, not the bytes. So we copy a structure, from a
 * member on, and take the members from the copy. Offsets come from BTF when the program is loaded;
 * the verifier then knows them, and of COPIED() only one branch is left: the load from the copy or,
 * for a member that lies outside of it on this kernel, a read of its own.
 *
 * There is one copy at a time, in the part of the scratch that argv takes later.
 */
#pragma once

#include "run.bpf.h"

#define COPY_SIZE 256

#define COPY(scratch) (&(scratch)->data[SCRATCH_ARGV_START_MAX])

/* Copies `type` from its member `first` on: to its end, or COPY_SIZE bytes. */
#define COPY_FROM(scratch, type, source, first)                                                    \
        ({                                                                                         \
                __u64 start_ = bpf_core_field_offset(type, first);                                 \
                __u64 size_ = bpf_core_type_size(type) - start_;                                   \
                                                                                                   \
                if (size_ > COPY_SIZE)                                                             \
                        size_ = COPY_SIZE;                                                         \
                bpf_probe_read_kernel(COPY(scratch), size_, (const void *)(source) + start_);      \
        })

/* A member of `source`, which COPY_FROM(…, first) has copied. */
#define COPIED(scratch, type, source, first, member)                                               \
        ({                                                                                         \
                typeof(((type *)0)->member) value_;                                                \
                __u64 at_ =                                                                        \
                        bpf_core_field_offset(type, member) - bpf_core_field_offset(type, first);  \
                                                                                                   \
                if (at_ <= COPY_SIZE - sizeof(value_))                                             \
                        value_ = *(typeof(value_) *)(COPY(scratch) + at_);                         \
                else                                                                               \
                        bpf_probe_read_kernel(&value_, sizeof(value_),                             \
                                              (const void *)(source) +                             \
                                                      bpf_core_field_offset(type, member));        \
                value_;                                                                            \
        })
