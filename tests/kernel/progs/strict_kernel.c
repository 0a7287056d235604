/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * To be preloaded: a kernel that asks for more than this one, or has less. $STRICT_KERNEL names
 * what:
 *
 *   perf       perf_event_open() wants CAP_SYS_ADMIN: Debian's, with kernel.perf_event_paranoid=3
 *   bpf        bpf() wants CAP_BPF: those before 5.19, with kernel.unprivileged_bpf_disabled
 *   functions  no BPF program may call functions of the kernel that are not its helpers
 *   loops      nor bpf_loop(): those before 5.17
 *   types      no room for a copy of the types of the kernel
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static long (*real_syscall)(long number, ...);

__attribute__((constructor)) static void find_real_syscall(void)
{
        real_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
}

static int is_effective(unsigned capability)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        if (real_syscall(SYS_capget, &header, data) < 0)
                abort();
        return data[capability / 32].effective >> capability % 32 & 1;
}

static int is_strict(const char *about)
{
        const char *list = getenv("STRICT_KERNEL");

        return list && strstr(list, about);
}

static int calls_functions(const union bpf_attr *attr)
{
        const struct bpf_insn *insn = (const void *)(uintptr_t)attr->insns;

        for (unsigned i = 0; i < attr->insn_cnt; i++)
                if (insn[i].code == (BPF_JMP | BPF_CALL) &&
                    insn[i].src_reg == BPF_PSEUDO_KFUNC_CALL)
                        return 1;
        return 0;
}

static int calls_loop(const union bpf_attr *attr)
{
        const struct bpf_insn *insn = (const void *)(uintptr_t)attr->insns;

        for (unsigned i = 0; i < attr->insn_cnt; i++)
                if (insn[i].code == (BPF_JMP | BPF_CALL) && insn[i].src_reg == 0 &&
                    insn[i].imm == BPF_FUNC_loop)
                        return 1;
        return 0;
}

/* By its log libbpf tells a helper that there is not from other errors. */
static int refuse_loop(const union bpf_attr *attr)
{
        if (attr->log_buf && attr->log_size > 0)
                strncpy((char *)(uintptr_t)attr->log_buf, "invalid func bpf_loop#181",
                        attr->log_size - 1);
        return EINVAL;
}

static int refusal(long number, long command, long argument)
{
        if (number == SYS_bpf && command == BPF_PROG_LOAD && is_strict("functions") &&
            calls_functions((const void *)argument))
                return EINVAL;
        if (number == SYS_bpf && command == BPF_PROG_LOAD && is_strict("loops") &&
            calls_loop((const void *)argument))
                return refuse_loop((const void *)argument);
        if (number == SYS_perf_event_open && is_strict("perf") && !is_effective(CAP_SYS_ADMIN))
                return EACCES;
        if (number == SYS_bpf && is_strict("bpf") && !is_effective(CAP_BPF) &&
            !is_effective(CAP_SYS_ADMIN))
                return EPERM;
        return 0;
}

/* In place of libc's. */
long syscall(long number, ...)
{
        va_list list;
        long a[6];
        int error;

        va_start(list, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(list, long);
        va_end(list);
        error = refusal(number, a[0], a[1]);
        if (error != 0) {
                errno = error;
                return -1;
        }
        return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int memfd_create(const char *name, unsigned flags)
{
        if (is_strict("types") && strcmp(name, "execsnoopd-types") == 0) {
                errno = EMFILE;
                return -1;
        }
        return (int)real_syscall(SYS_memfd_create, name, flags);
}
