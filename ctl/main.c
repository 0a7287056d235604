/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * execsnoopctl: what execsnoopd has logged, for people. It reads, and changes nothing; it needs no
 * right but to read the log.
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "options.h"
#include "screen.h"
#include "verbs.h"
#include "version.h"

/* A file that is opened would get the number of one that is closed, and our output. */
static void keep_numbers(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int show_text(const struct options *o, const char *text)
{
        struct screen screen;

        screen_open(o, false, &screen);
        buf_append_string(&screen.out, text);
        (void)screen_flush(&screen);
        screen_close(&screen);
        return screen.has_failed ? EXIT_CODE_OUTPUT : EXIT_SUCCESS;
}

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
                return show_text(o, options_help);
        case VERB_VERSION:
                return show_text(o, "execsnoopctl " EXECSNOOPD_VERSION "\n");
        }
        return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
        struct options options;
        int r;

        keep_numbers();
        (void)signal(SIGCHLD, SIG_DFL); /* of a parent that ignores it, children have no status */
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters; the log is UTF-8 */
        r = options_parse(argc, argv, &options) < 0 ? EXIT_CODE_USAGE : run(&options);
        options_done(&options);
        return r;
}
