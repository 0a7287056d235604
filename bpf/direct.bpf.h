/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Direct loads, which the daemon makes of the two numbers of exec_direct.h, or dead code. What is
 * here must look to clang as something that cannot be known or moved; the verifier knows it.
 */
#pragma once

#include "exec_direct.h"
#include "scratch.bpf.h"

/* A constant when the program is loaded: the verifier sees one of the two branches behind it. */
static __always_inline bool has_direct_loads(void)
{
        __u64 type;

        asm volatile("%0 = %1" : "=r"(type) : "i"(DIRECT_TYPE));
        return type;
}

/* Where a word can be loaded from, by a direct load; it is 0 if the address leads nowhere. */
static __always_inline const volatile void *direct_pointer(const volatile void *address)
{
        register __u64 r0 asm("r0");
        register __u64 r1 asm("r1") = (__u64)address;

        /* As any call, it leaves nothing in these registers. */
        asm volatile("r2 = %2\n\t"
                     "call %3"
                     : "=r"(r0), "+r"(r1)
                     : "i"(DIRECT_TYPE), "i"(DIRECT_CAST)
                     : "r2", "r3", "r4", "r5");
        return (const volatile void *)r0;
}

/* The value at that address, of a type of a word at most, or of two halves of one. */
#define DIRECT_LOAD(address)                                                                       \
        ({                                                                                         \
                typeof(address) address_ = (address);                                              \
                                                                                                   \
                *(const volatile typeof(*address_) *)direct_pointer(address_);                     \
        })

#define DIRECT_READ1(pointer, a) DIRECT_LOAD(&(pointer)->a)
#define DIRECT_READ2(pointer, a, ...) DIRECT_READ1(DIRECT_READ1(pointer, a), __VA_ARGS__)
#define DIRECT_READ3(pointer, a, ...) DIRECT_READ2(DIRECT_READ1(pointer, a), __VA_ARGS__)
#define DIRECT_READ4(pointer, a, ...) DIRECT_READ3(DIRECT_READ1(pointer, a), __VA_ARGS__)
#define DIRECT_PICK(_1, _2, _3, _4, name, ...) name

/* As BPF_CORE_READ(), for up to four members. */
#define DIRECT_READ(pointer, ...)                                                                  \
        DIRECT_PICK(__VA_ARGS__, DIRECT_READ4, DIRECT_READ3, DIRECT_READ2, DIRECT_READ1)           \
        (pointer, __VA_ARGS__)

/* `size`: a constant. In pieces that are as large as can be. */
static __always_inline void direct_copy(void *to, __u32 size, const void *from)
{
        __u32 i = 0;

#pragma unroll
        for (; i + sizeof(__u64) <= size; i += sizeof(__u64))
                *(__u64 *)(to + i) = DIRECT_LOAD((const __u64 *)(from + i));
        if (size & sizeof(__u32)) {
                *(__u32 *)(to + i) = DIRECT_LOAD((const __u32 *)(from + i));
                i += sizeof(__u32);
        }
        if (size & sizeof(__u16))
                *(__u16 *)(to + i) = DIRECT_LOAD((const __u16 *)(from + i));
}
