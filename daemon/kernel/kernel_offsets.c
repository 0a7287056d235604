/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The kernel's BTF and that of a module are files that everybody may read. */
#include <string.h>

#include <bpf/btf.h>

#include "kernel/kernel_offsets.h"

/* Of members that are directly in it: none is in a union, or less than a byte. */
static uint32_t offset_in(const struct btf *btf, const char *structure, const char *name)
{
        int id = btf ? btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT) : -1;
        const struct btf_type *type;

        if (id < 0)
                return KERNEL_OFFSET_UNKNOWN;
        type = btf__type_by_id(btf, id);
        for (unsigned i = 0; i < btf_vlen(type); i++)
                if (strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name) == 0)
                        return btf_member_bit_offset(type, i) / 8;
        return KERNEL_OFFSET_UNKNOWN;
}

/* Of the kernel itself or, if it has no such structure, of that module. */
static uint32_t find_offset(struct btf *kernel, const char *module, const char *structure,
                            const char *name)
{
        uint32_t offset = offset_in(kernel, structure, name);
        struct btf *btf;

        if (offset != KERNEL_OFFSET_UNKNOWN)
                return offset;
        btf = btf__load_module_btf(module, kernel);
        offset = offset_in(btf, structure, name);
        btf__free(btf);
        return offset;
}

void kernel_offsets_read(struct btf *kernel, struct kernel_offsets *ret)
{
        *ret = (struct kernel_offsets){
                .unix_addr = find_offset(kernel, "unix", "unix_sock", "addr"),
                .unix_peer = find_offset(kernel, "unix", "unix_sock", "peer"),
                .unix_address_len = find_offset(kernel, "unix", "unix_address", "len"),
                .unix_address_name = find_offset(kernel, "unix", "unix_address", "name"),
                .vsock_local = find_offset(kernel, "vsock", "vsock_sock", "local_addr"),
                .vsock_peer = find_offset(kernel, "vsock", "vsock_sock", "remote_addr"),
        };
}
