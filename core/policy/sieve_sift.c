/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The sieve as any machine can run it. */
#include "policy/sieve_sift.h"

const char *sift_with_any(struct sift *s)
{
        return sift(s);
}
