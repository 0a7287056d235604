/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Secrets that are a string by themselves, behind a name that says so: --password=X, TOKEN=X, and
 * "--password" "X". A list may be of nothing else. What is hidden is what all stages together would
 * hide; what is not as simple as that is left to them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/secret_name.h"

/* The last names, with the '=' or NUL behind them: lists repeat them. Borrowed from the strings. */
struct quick {
        struct span pair, option;
        bool pair_has_files, option_has_files; /* value_is_harmless() asks for the name */
};

/* Where in the string [p, end) the secret begins that goes on to its end; 0: ask the stages. */
size_t quick_pair(struct quick *q, const struct secret_names *names, const char *p,
                  const char *end);

/* True: the string is an option whose value is the next one. */
bool quick_option(struct quick *q, const struct secret_names *names, const char *p,
                  const char *end);

/* True: the string behind such an option is a secret, all of it. */
bool quick_value(const struct quick *q, const char *p, const char *end);

/* True: at `p` is one of the last names again. */
bool quick_repeats(const struct quick *q, const char *p, const char *end);
