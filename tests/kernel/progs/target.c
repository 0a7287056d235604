/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What the tests start: lives until its standard input ends, then exits with status 0.
 *
 * While it lives a test can compare /proc with the log. It has no libc and no interpreter, so that
 * one exec is one exec and nothing else, thousands a second, and so that it also starts in an empty
 * root. Built a second time as a 32-bit program.
 */
#if defined(__x86_64__)
#define SYS_READ 0
#define SYS_EXIT 60
#elif defined(__i386__)
#define SYS_READ 3
#define SYS_EXIT 1
#elif defined(__aarch64__)
#define SYS_READ 63
#define SYS_EXIT 93
#endif

static long system_call(long number, long a, const void *b, long c)
{
        long result;

#if defined(__x86_64__)
        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c)
                         : "rcx", "r11", "memory");
#elif defined(__i386__)
        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(number), "b"(a), "c"(b), "d"(c)
                         : "memory");
#elif defined(__aarch64__)
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register const void *x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;

        __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
        result = x0;
#endif
        return result;
}

void _start(void);

void _start(void)
{
        char c;

        while (system_call(SYS_READ, 0, &c, 1) > 0)
                ;
        system_call(SYS_EXIT, 0, 0, 0);
        __builtin_unreachable();
}
