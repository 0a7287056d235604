/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A redactor as the default configuration makes it. */
#pragma once

#include <stddef.h>

#include "config/config.h"
#include "policy/redact.h"

/* 0, or -ENOMEM. */
static inline int redactor_for_test(enum redact_mode arguments, enum redact_mode environment,
                                    enum redact_sieve sieve, struct redactor **ret)
{
        _cleanup_(config_freep) struct config *c = NULL;
        struct redact_options options;
        int r;

        r = config_new(&c);
        if (r < 0)
                return r;
        options = (struct redact_options){ .arguments = arguments,
                                           .environment = environment,
                                           .names = c->redact.names,
                                           .keep_names = c->redact.keep_names,
                                           .sieve = sieve };
        return redactor_new(&options, ret);
}

static inline int redactor_by_default(enum redact_mode arguments, enum redact_mode environment,
                                      struct redactor **ret)
{
        return redactor_for_test(arguments, environment, REDACT_SIEVE_BEST, ret);
}
