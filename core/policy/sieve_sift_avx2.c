/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The sieve for machines with AVX2, which is nearly all of x86: blocks are half as many vectors.
 * This file is compiled for them alone: nobody may call it who has not asked the machine.
 */
#include "policy/sieve_sift.h"

_Static_assert(VECTOR_SIZE == 32, "compiled for AVX2");

const char *sift_with_avx2(struct sift *s)
{
        return sift(s);
}
