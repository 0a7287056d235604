/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The lines that a verb looks at: read from where the options say, each told apart from what is not
 * ours, and what is not is counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config_value.h"
#include "options.h"
#include "read/event_line.h"
#include "read/log_source.h"
#include "screen.h"

struct input {
        struct log_source *source;
        struct event_line line;
        int signal_fd; /* -1: signals end the program */
        const char *name;
        char *cursor_path; /* NULL: it is not to be noted where it has come to */
        char *cursor;      /* with an end in time: of the last entry that was before it */
        uint64_t until_ns;
        bool has_no_reader; /* not all that was read could be shown */
        bool has_no_cursor; /* it could not be noted, and it has been said why */

        uint64_t n_lines, n_bad, n_foreign, n_unknown, n_strange;
        uint64_t n_of_format[_FORMAT_MAX]; /* ours, and of another format than the native one */

        bool shows_progress, has_shown_progress;
        uint64_t begun_ns, next_look;
};

/* 0; or -errno, and it has been said why. */
int input_open(const struct options *o, struct input *ret);
void input_done(struct input *in);

/*
 * Each line of ours, in `in->line`: `take` gets its enum line_kind, LINE_EVENT or LINE_UNKNOWN.
 * `idle`, which may be NULL: there is no more at the moment; also each second until there is. 0: it
 * was all; or the first -errno of any, and if it is of the input, it has been said why.
 */
int input_each(struct input *in, int (*take)(void *userdata, int kind), int (*idle)(void *userdata),
               void *userdata);

/* `r`, of what was done to show something: of a reader that has left the cursor is not noted. */
int input_shown(struct input *in, int r);

/* What was not as it should be, on standard error; of a journal, notes where it has come to. */
void input_finish(struct input *in);

/*
 * The exit code of a verb that has shown what it could: 0 or -errno, of the screen, of memory or of
 * the input, which has said why. Readers may leave.
 */
int verb_result(const struct input *in, const struct screen *s, int r);

/* What was not shown, in the words of all verbs. */
#define INPUT_FAILED_ONE "failed exec or attempt is not shown: see --failed"
#define INPUT_FAILED_MANY "failed execs and attempts are not shown: see --failed"
#define INPUT_TREE_IS_CUT                                                                          \
        "execsnoopctl: the tree is larger than what can be kept of it: some may be missing\n"

/* On standard error, unless there is none. */
void input_say(uint64_t n, const char *one, const char *many);
