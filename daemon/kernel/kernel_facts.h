/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Which of the optional facts this kernel can give, as the programs find out by the same question.
 */
#pragma once

struct btf;

/* Enough for all of them and the NULL at the end. */
#define KERNEL_FACTS_MAX 8

/* Keys of events that there will not be; NULL-terminated, static. */
void kernel_facts_missing(const struct btf *kernel, const char *ret[KERNEL_FACTS_MAX]);
