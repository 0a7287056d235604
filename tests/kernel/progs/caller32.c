/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * caller32 PROGRAM [ARG...]: a 32-bit program that executes another one, by the 32-bit system call.
 * Without libc, so that no 32-bit one has to be installed. Exits with 1 if the exec fails.
 */
#define SYS_EXIT 1
#define SYS_EXECVE 11

void start(const long *stack);

/* argc, argv[0] .. argv[argc - 1], NULL lie on the stack. */
__asm__(".globl _start\n"
        "_start: mov %esp, %eax\n"
        "push %eax\n"
        "call start\n");

void start(const long *stack)
{
        const char *const *argv = (const char *const *)(stack + 2);
        const char *const no_environment[] = { 0 };
        long result;

        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(SYS_EXECVE), "b"(argv[0]), "c"(argv), "d"(no_environment)
                         : "memory");
        __asm__ volatile("int $0x80" : : "a"(SYS_EXIT), "b"(1));
        __builtin_unreachable();
}
