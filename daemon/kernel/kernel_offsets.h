/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Where members are in structures of the kernel that may be those of a module. The programs cannot
 * have libbpf find them as it does all others: see bpf/descriptors.bpf.h.
 */
#pragma once

#include <stdint.h>

/* Or it is not known: no such structure, or its module is not loaded yet. */
#define KERNEL_OFFSET_UNKNOWN UINT32_MAX

struct kernel_offsets {
        uint32_t unix_addr, unix_peer;                /* struct unix_sock */
        uint32_t unix_address_len, unix_address_name; /* struct unix_address */
        uint32_t vsock_local, vsock_peer;             /* struct vsock_sock */
};

void kernel_offsets_read(struct kernel_offsets *ret);
