/* SPDX-License-Identifier: (LGPL-2.1-or-later OR BSD-2-Clause) */
/*
 * Direct loads, in place of a call for each read of kernel memory: two numbers in the instructions
 * of the BPF object, which the daemon replaces before it loads a program.
 *
 * bpf_rdonly_cast() (since 6.2, and for nothing at run time) makes a pointer to one of the kernel's
 * own types of any address. A load through such a pointer cannot fault: of an address that leads
 * nowhere it is 0. Without that function the first number becomes 0, by which the verifier knows
 * the branch with the direct loads for dead code, and the second an instruction that does nothing.
 *
 * Not a weak ksym: libbpf would look for it in the BTF of all modules, which takes CAP_SYS_ADMIN,
 * and kernels from 5.13 to 5.15 refuse its unresolved call in dead code as well.
 *
 * Nothing but these instructions has such an operand.
 */
#pragma once

#define DIRECT_TYPE 0x45534454 /* `rN = DIRECT_TYPE`: the BTF id of DIRECT_TYPE_NAME, or 0 */
#define DIRECT_CAST 0x45534443 /* `call DIRECT_CAST`: that of DIRECT_CAST_NAME, or `r0 = 0` */

/* 16 bytes, of which each half can be loaded whole or in part. */
#define DIRECT_TYPE_NAME "timespec64"
#define DIRECT_CAST_NAME "bpf_rdonly_cast"
