/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The sieve for machines of x86 that are older, or pretend to be: with SSSE3, which looks up. */
#include "policy/sieve_sift.h"

const char *sift_with_ssse3(struct sift *s)
{
        return sift(s);
}
