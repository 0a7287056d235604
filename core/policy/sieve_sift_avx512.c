/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The sieve for machines with AVX-512, most servers of x86: a block is one vector. */
#include "policy/sieve_sift.h"

_Static_assert(VECTOR_SIZE == 64, "compiled for AVX-512");

const char *sift_with_avx512(struct sift *s)
{
        return sift(s);
}
