/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Redaction: arguments and variables as they may leave, with "<redacted>" in place of secrets.
 *
 * Pure decisions. Number and positions of the strings never change, and what holds no secret is the
 * same to the byte. No string is joined with another one: each ends at its NUL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_value.h"

/*
 * How strings are found that are passed over unseen: as the machine can, or with smaller vectors,
 * which is slower, or not at all. The result is the same, and tests compare it.
 */
enum redact_sieve {
        REDACT_SIEVE_BEST,
        REDACT_SIEVE_BY_32,
        REDACT_SIEVE_BY_16,
        REDACT_SIEVE_ANY,
        REDACT_SIEVE_NONE,
        _REDACT_SIEVE_MAX,
};

struct redact_options {
        enum redact_mode arguments, environment;
        char *const *names;      /* globs of names of secrets, as in Names=; copied */
        char *const *keep_names; /* of which these are none */
        enum redact_sieve sieve;
};

/* The program that has been executed, as far as known; .data NULL: it isn't. */
struct redact_program {
        struct span exe;      /* of a script its interpreter */
        struct span filename; /* of a script itself */
};

struct redacted {
        struct span strings;     /* each with its NUL; the last lacks it if it did before */
        const uint32_t *indexes; /* those that have been changed, ascending */
        size_t n_indexes;
};

struct redactor;

/* 0, or -ENOMEM. */
int redactor_new(const struct redact_options *options, struct redactor **ret);

struct redactor *redactor_free(struct redactor *r);
DEFINE_FREEP(struct redactor, redactor_free)

/*
 * Strings as in struct exec_event, each with its NUL; the last lacks it if it was cut. 0, and the
 * result is borrowed: from the redactor until its next call, and from the strings themselves if
 * nothing had to be hidden. -ENOMEM: there is no result, and the strings must not leave.
 */
int redact_argv(struct redactor *r, const struct redact_program *program, struct span argv,
                struct redacted *ret);

/* Likewise, of NAME=value strings. */
int redact_env(struct redactor *r, struct span env, struct redacted *ret);
