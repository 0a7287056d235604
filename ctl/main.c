/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * execsnoopctl: what execsnoopd has logged, for people. It reads, and changes nothing; it needs no
 * right but to read the log.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"
#include "verbs.h"
#include "version.h"

static int run(const struct options *o)
{
        switch (o->verb) {
        case VERB_LOG:
                return verb_log(o);
        case VERB_TREE:
                return verb_tree(o);
        case VERB_PLOT:
                return verb_plot(o);
        case VERB_TOP:
                return verb_top(o);
        case VERB_STATS:
                return verb_stats(o);
        case VERB_VERIFY:
                return verb_verify(o);
        case VERB_HELP:
                (void)fputs(options_help, stdout);
                break;
        case VERB_VERSION:
                (void)puts("execsnoopctl " EXECSNOOPD_VERSION);
                break;
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        struct options options;
        int r;

        (void)signal(SIGCHLD, SIG_DFL); /* of a parent that ignores it, children have no status */
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters; the log is UTF-8 */
        r = options_parse(argc, argv, &options) < 0 ? EXIT_CODE_USAGE : run(&options);
        options_done(&options);
        return r;
}
