/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The smallest program to exec, static and without a libc: what is measured then is the exec, and
 * not what a program does to start.
 */
#include <sys/syscall.h>

_Noreturn void _start(void);

_Noreturn void _start(void)
{
#if defined(__x86_64__)
        __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
        register long nr __asm__("x8") = SYS_exit_group;
        register long code __asm__("x0") = 0;

        __asm__ volatile("svc 0" : : "r"(nr), "r"(code) : "memory");
#else
#error "how does a process exit here?"
#endif
        __builtin_unreachable();
}
