/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * How programs read the kernel's memory: by direct loads, or by a call for each read. See
 * bpf/exec_direct.h.
 */
#pragma once

#include <stdint.h>

struct btf;

/* Ids in the BTF of the running kernel; 0: there are no direct loads. */
struct direct {
        uint32_t cast, type;
};

/* No direct loads either, if $EXECSNOOPD_NO_DIRECT_LOADS is 1. */
void direct_find(const struct btf *kernel, struct direct *ret);

/* Writes them into all instructions of an ELF object of our own, in memory of malloc(). */
void direct_apply(const struct direct *direct, void *object);
