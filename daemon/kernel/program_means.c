/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The kernel's BTF has some 6 MB: it is read once, and nothing of it is kept. */
#include <errno.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "host/log.h"
#include "kernel/kernel_subset.h"
#include "kernel/program_means.h"

int program_means_find(const struct btf *const *named, struct program_means *means)
{
        struct btf *kernel = btf__load_vmlinux_btf();

        if (!kernel)
                return -errno;
        means->can_loop =
                libbpf_probe_bpf_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_loop, NULL) > 0;
        direct_find(kernel, &means->direct);
        kernel_offsets_read(kernel, &means->offsets);
        kernel_facts_missing(kernel, means->missing);
        means->types = kernel_subset_make(kernel, named);
        if (means->types < 0) /* all is as with it, but slower */
                log_errno(LOG_NOTICE, means->types,
                          "Cannot copy the kernel's types; programs load slower");
        btf__free(kernel);
        return 0;
}

void program_means_done(struct program_means *means)
{
        if (means->types >= 0)
                (void)close(means->types);
        *means = (struct program_means)PROGRAM_MEANS_NONE;
}
