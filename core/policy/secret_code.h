/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets in the quotes of statements and calls: SQL's PASSWORD '...', setPassword('...'). */
#pragma once

#include "policy/draft.h"
#include "policy/secret_name.h"

void secret_code_hide(struct draft *d, const struct secret_names *names);

/* The letter of E'...' and N'...'. */
static inline bool is_quote_prefix(char c)
{
        return (c | 0x20) == 'e' || (c | 0x20) == 'n';
}

/*
 * Where the bytes that the quote at `p` makes a secret begin: itself, or the bracket of the call
 * that it is in; NULL: it makes none. A bounded look back, to `begin` at most.
 */
const char *secret_code_begin(const struct secret_names *names, const char *begin, const char *p);
