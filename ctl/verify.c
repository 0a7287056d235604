/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `verify`: is this log complete? The exit code is the verdict. */
#include <stdio.h>

#include "input.h"
#include "screen.h"
#include "verbs.h"
#include "view/audit_show.h"

struct verify_verb {
        const struct options *o;
        struct input in;
        struct audit audit;
        struct screen screen;
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

static enum audit_result show_host(struct verify_verb *v, size_t host)
{
        const enum sink_place hint = v->o->file ? _SINK_PLACE_MAX : SINK_JOURNAL;
        const enum sink_place place = audit_place(&v->audit, host, hint);

        if (v->o->output == OUTPUT_JSON)
                audit_show_json(&v->audit, host, place, &v->screen.out);
        else
                audit_show(&v->audit, host, place, v->o->utc, &v->screen.out);
        return audit_verdict(&v->audit, host, place);
}

/* 0 or -errno, of which `ret` is independent. */
static int show(struct verify_verb *v, enum audit_result *ret)
{
        const struct options *o = v->o;
        struct buf *out = &v->screen.out;
        const struct audit *a = &v->audit;
        uint64_t faults[_LOG_FAULT_MAX];
        int r = 0;

        count_faults(&v->in, a, faults);
        *ret = audit_log_verdict(faults);
        for (size_t i = 0; i < a->n_boots; i++) {
                enum audit_result verdict;

                if (a->boots[i].host != i)
                        continue;
                verdict = show_host(v, i);
                *ret = MAX(*ret, verdict);
                if (r >= 0)
                        r = screen_flush(&v->screen);
        }
        if (o->output == OUTPUT_JSON)
                audit_show_log_json(faults, buf_span(&v->in.source->names), out);
        else
                audit_show_log(faults, buf_span(&v->in.source->names), out);
        return r < 0 ? r : screen_flush(&v->screen);
}

static void say_what_was_not_looked_at(const struct verify_verb *v)
{
        if (v->audit.n_lines == 0)
                (void)fprintf(stderr, "execsnoopctl: %s has no line of execsnoopd%s\n", v->in.name,
                              v->audit.n_read > 0 ? " in that time or boot" : "");
        input_say(v->audit.n_ignored,
                  "line of more hosts or runs than can be told apart was not looked at",
                  "lines of more hosts or runs than can be told apart were not looked at");
}

int verb_verify(const struct options *o)
{
        struct verify_verb v = { .o = o };
        enum audit_result verdict = AUDIT_NOT_OURS;
        int r;

        if (input_open(o, &v.in) < 0)
                return EXIT_CODE_NO_INPUT;
        screen_open(o, false, &v.screen);
        r = input_each(&v.in, on_line, NULL, &v);
        if (r >= 0)
                r = audit_finish(&v.audit);
        input_finish(&v.in);
        if (r >= 0)
                say_what_was_not_looked_at(&v);
        if (r >= 0 && v.audit.n_lines > 0)
                r = show(&v, &verdict);
        r = verb_result(&v.in, &v.screen, r);
        screen_close(&v.screen);
        audit_done(&v.audit);
        input_done(&v.in);
        return r == EXIT_SUCCESS ? (int)verdict : r;
}
