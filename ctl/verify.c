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

        return audit_take(&v->audit, &v->in.line, chosen_in_time(v->o->chosen, &v->in.line),
                          kind == LINE_EVENT);
}

/* What the reader itself has found: lines that were cut or spoiled are no longer as they were. */
static void count_faults(const struct input *in, const struct audit *a,
                         uint64_t ret[static _LOG_FAULT_MAX])
{
        ret[FAULT_NO_JSON] = in->n_bad;
        ret[FAULT_VALUE] = in->n_strange;
        ret[FAULT_CUT] = in->source->n_cut;
        ret[FAULT_TOO_LONG] = in->source->n_too_long;
        ret[FAULT_DAMAGED] = in->source->n_broken;
        ret[FAULT_IGNORED] = a->n_ignored;
        ret[FAULT_UNREAD] = in->source->n_packed + in->source->n_not_unpacked;
}

static void put(struct buf *b)
{
        if (b->size > 0)
                (void)fwrite(b->data, 1, b->size, stdout);
        buf_reset(b);
}

static enum audit_result show(const struct options *o, const struct input *in,
                              const struct audit *a)
{
        const enum sink_place hint = o->file ? _SINK_PLACE_MAX : SINK_JOURNAL;
        uint64_t faults[_LOG_FAULT_MAX];
        enum audit_result verdict;
        struct buf out = { 0 };

        if (a->n_lines == 0)
                return AUDIT_NOT_OURS;
        count_faults(in, a, faults);
        verdict = audit_log_verdict(faults);
        for (size_t i = 0; i < a->n_boots; i++) {
                enum sink_place place;

                if (a->boots[i].host != i)
                        continue;
                place = audit_place(a, i, hint);
                verdict = MAX(verdict, audit_verdict(a, i, place));
                if (o->output == OUTPUT_JSON)
                        audit_show_json(a, i, place, &out);
                else
                        audit_show(a, i, place, o->utc, &out);
                put(&out);
        }
        audit_show_log(faults, o->output == OUTPUT_JSON, &out);
        put(&out);
        buf_done(&out);
        return verdict;
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
                (void)fprintf(stderr, "execsnoopctl: %s has no line of execsnoopd%s\n", v.in.name,
                              v.audit.n_read > 0 ? " in that time or boot" : "");
        input_say(v.audit.n_ignored,
                  "line of more hosts or runs than can be told apart was not looked at",
                  "lines of more hosts or runs than can be told apart were not looked at");
        audit_done(&v.audit);
        input_done(&v.in);
        return fflush(stdout) == 0 ? r : EXIT_FAILURE;
}
