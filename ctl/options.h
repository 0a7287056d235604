/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "view/chosen.h"
#include "view/plot.h"
#include "view/tops.h"

enum verb {
        VERB_LOG,
        VERB_TREE,
        VERB_PLOT,
        VERB_TOP,
        VERB_STATS,
        VERB_VERIFY,
        VERB_HELP,
        VERB_VERSION,
};

enum output {
        OUTPUT_SHORT,
        OUTPUT_WIDE,
        OUTPUT_VERBOSE,
        OUTPUT_JSON,
        OUTPUT_CSV,
};

enum when {
        WHEN_AUTO,
        WHEN_ALWAYS,
        WHEN_NEVER,
};

enum boot_by {
        BOOT_ANY,
        BOOT_THIS,
        BOOT_ID,
        BOOT_PLACE,
};

/* Exit codes: those of sysexits.h; of `verify` the others are verdicts. */
#define EXIT_CODE_USAGE 64
#define EXIT_CODE_NO_INPUT 66
#define EXIT_CODE_SYSTEM 71
#define EXIT_CODE_OUTPUT 74

struct options {
        enum verb verb;

        const char *file; /* "-": standard input; NULL: the journal */
        const char *directory;
        const char *cursor_file;
        enum boot_by boot_by;
        char boot_id[BOOT_ID_SIZE + 1];
        long boot_place; /* as of journalctl(1): 1 is the first of the log, 0 the last */
        bool follow;
        uint64_t n_lines; /* from the end of the log; UINT64_MAX: all */
        uint64_t n_rows;  /* of a ranking */
        uint64_t since_ns, until_ns;

        struct chosen *chosen; /* words and processes; times and boots are added by the input */

        enum output output;
        enum when colour;
        bool no_pager;
        bool full;
        bool utc;
        bool quotes_all;
        bool counts_seconds;
        bool shows_failed;
        unsigned top_by; /* bits: 1 << enum top_by */
        enum plot_by plot_by;
};

/* 0; -EINVAL: it has been said why. */
int options_parse(int argc, char **argv, struct options *ret);
void options_done(struct options *o);

extern const char options_help[];
