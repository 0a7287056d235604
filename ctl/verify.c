/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `verify`: is this log complete? The exit code is the verdict. */
#include <errno.h>
#include <stdio.h>

#include "input.h"
#include "verbs.h"
#include "view/audit_show.h"

static int read_all(const struct options *o, struct input *in, struct audit *a)
{
        int r;

        for (;;) {
                r = input_next(in);
                if (r == -EAGAIN) {
                        r = input_wait(in);
                        if (r <= 0)
                                return r;
                        continue;
                }
                if (r < 0)
                        return r;
                if (chosen_in_time(o->chosen, &in->line) != CHOSEN_TIME)
                        continue;
                r = audit_take(a, &in->line, r == LINE_EVENT);
                if (r < 0)
                        return r;
        }
}

/* What the reader itself has found: lines that were cut or spoiled are no longer as they were. */
static enum audit_result verdict_of_lines(const struct input *in)
{
        if (in->n_bad > 0 || in->n_strange > 0 || in->source->n_too_long > 0 ||
            in->source->n_cut > 0)
                return AUDIT_UNEXPLAINED;
        return in->source->n_packed > 0 ? AUDIT_EXPLAINED : AUDIT_COMPLETE;
}

static enum audit_result show(const struct options *o, const struct input *in,
                              const struct audit *a)
{
        const enum sink_place hint = o->file ? _SINK_PLACE_MAX : SINK_JOURNAL;
        enum audit_result verdict = verdict_of_lines(in);
        struct buf out = { 0 };

        for (size_t i = 0; i < a->n_hosts; i++) {
                const struct audit_host *h = &a->hosts[i];
                const enum sink_place place = audit_place(h, hint);

                verdict = MAX(verdict, audit_verdict(h, place));
                buf_reset(&out);
                if (o->output == OUTPUT_JSON)
                        audit_show_json(h, place, &out);
                else
                        audit_show(h, place, o->utc, &out);
                (void)fwrite(out.data, 1, out.size, stdout);
        }
        if (a->n_ignored > 0)
                verdict = AUDIT_UNEXPLAINED;
        buf_done(&out);
        return a->n_lines == 0 ? AUDIT_NOT_OURS : verdict;
}

int verb_verify(const struct options *o)
{
        struct audit audit = { 0 };
        struct input in;
        int r;

        if (input_open(o, &in) < 0)
                return EXIT_CODE_NO_INPUT;
        r = read_all(o, &in, &audit);
        if (r >= 0)
                r = audit_finish(&audit);
        input_finish(&in);
        if (r >= 0)
                r = (int)show(o, &in, &audit);
        else
                r = EXIT_CODE_NO_INPUT;
        if (audit.n_lines == 0 && r == (int)AUDIT_NOT_OURS)
                (void)fprintf(stderr, "execsnoopctl: %s has no line of execsnoopd\n", in.name);
        input_say(audit.n_ignored,
                  "line of more hosts or runs than can be told apart was not looked at",
                  "lines of more hosts or runs than can be told apart were not looked at");
        audit_done(&audit);
        input_done(&in);
        return fflush(stdout) == 0 ? r : EXIT_FAILURE;
}
