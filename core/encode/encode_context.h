/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What lines say that is no fact of one event: whose they are, and how the daemon starts. */
#pragma once

#include <stdint.h>

#include "config/config_value.h"

struct config;
struct rules;
struct stats;

/* The same in every event. Strings are copied. */
struct encode_context {
        enum config_format format;
        const char *boot_id;        /* 32 lower case hex digits, as in /proc without the dashes */
        const char *host;           /* any bytes */
        const char *machine_id;     /* as boot_id; NULL or empty: the host has none */
        const uint32_t *namespaces; /* of PID 1, by enum exec_namespace; 0: not known; or NULL */
};

/* For start events alone. */
struct start_info {
        const char *version;
        const char *kernel;          /* uname -r */
        const char *machine_id;      /* as boot_id; NULL or empty: the host has none */
        const struct config *config; /* the effective settings */
        const struct rules *rules;   /* in force; NULL: none */
        const char *const
                *missing; /* NULL-terminated; keys that this kernel cannot give, or NULL */
        const char *down; /* what happened before: "counted", "unknown", or NULL (a replay) */
        const struct stats *inherited; /* counters carried over, or NULL */
};
