/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `verify`: is this log complete? The exit code is the verdict. */
#include <stdio.h>

#include "input.h"
#include "verbs.h"
#include "view/audit_show.h"

struct verify_verb {
        const struct options *o;
        struct input in;
        struct audit audit;
};

static int on_line(void *userdata, int kind)
{
        struct verify_verb *v = userdata;

        if (chosen_in_time(v->o->chosen, &v->in.line) != CHOSEN_TIME)
                return 0;
        return audit_take(&v->audit, &v->in.line, kind == LINE_EVENT);
}

/* What the reader itself has found: lines that were cut or spoiled are no longer as they were. */
static enum audit_result verdict_of_lines(const struct input *in)
{
        if (in->n_bad > 0 || in->n_strange > 0 || in->source->n_too_long > 0 ||
            in->source->n_cut > 0 || in->source->n_broken > 0)
                return AUDIT_UNEXPLAINED;
        return in->source->n_packed > 0 || in->source->n_not_unpacked > 0 ? AUDIT_EXPLAINED
                                                                          : AUDIT_COMPLETE;
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
        struct verify_verb v = { .o = o };
        int r;

        if (input_open(o, &v.in) < 0)
                return EXIT_CODE_NO_INPUT;
        r = input_each(&v.in, on_line, NULL, &v);
        if (r >= 0)
                r = audit_finish(&v.audit);
        input_finish(&v.in);
        if (r >= 0)
                r = (int)show(o, &v.in, &v.audit);
        else
                r = EXIT_CODE_NO_INPUT;
        if (v.audit.n_lines == 0 && r == (int)AUDIT_NOT_OURS)
                (void)fprintf(stderr, "execsnoopctl: %s has no line of execsnoopd\n", v.in.name);
        input_say(v.audit.n_ignored,
                  "line of more hosts or runs than can be told apart was not looked at",
                  "lines of more hosts or runs than can be told apart were not looked at");
        audit_done(&v.audit);
        input_done(&v.in);
        return fflush(stdout) == 0 ? r : EXIT_FAILURE;
}
