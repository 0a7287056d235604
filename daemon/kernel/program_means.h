/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What this kernel has for programs, found out once for all of them. */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "kernel/direct.h"
#include "kernel/kernel_facts.h"
#include "kernel/kernel_offsets.h"

struct program_means {
        bool can_loop; /* bpf_loop(), 5.17 */
        struct direct direct;
        struct kernel_offsets offsets;
        int types; /* of kernel_subset_make(), or negative: libbpf reads all types; owned */
        const char *missing[KERNEL_FACTS_MAX]; /* keys of events, NULL-terminated */
};

#define PROGRAM_MEANS_NONE                                                                         \
        {                                                                                          \
                .types = -1                                                                        \
        }

/*
 * Into `means`, which has none. `named`: as of kernel_subset_make(). -errno: the kernel's BTF can't
 * be read.
 */
int program_means_find(const struct btf *const *named, struct program_means *means);
void program_means_done(struct program_means *means);
