/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Where members are in structures of the kernel that may be those of a module. The programs cannot
 * have libbpf find them as it does all others: see bpf/descriptors.bpf.h.
 */
#pragma once

#include <stdint.h>

struct btf;

/* Or it is not known: no such structure, or its module is not loaded yet. */
#define KERNEL_OFFSET_UNKNOWN UINT32_MAX

struct kernel_offsets {
        uint32_t unix_addr, unix_peer;                /* struct unix_sock */
        uint32_t unix_address_len, unix_address_name; /* struct unix_address */
        uint32_t vsock_local, vsock_peer;             /* struct vsock_sock */
};

/* `kernel`: its own BTF; that of modules is read in addition. */
void kernel_offsets_read(struct btf *kernel, struct kernel_offsets *ret);

/* Into the constants of whatever object has them: `rodata` of its skeleton. */
#define KERNEL_OFFSETS_SET(offsets, rodata)                                                        \
        do {                                                                                       \
                (rodata)->cfg_unix_addr = (offsets)->unix_addr;                                    \
                (rodata)->cfg_unix_peer = (offsets)->unix_peer;                                    \
                (rodata)->cfg_unix_address_len = (offsets)->unix_address_len;                      \
                (rodata)->cfg_unix_address_name = (offsets)->unix_address_name;                    \
                (rodata)->cfg_vsock_local = (offsets)->vsock_local;                                \
                (rodata)->cfg_vsock_peer = (offsets)->vsock_peer;                                  \
        } while (0)
