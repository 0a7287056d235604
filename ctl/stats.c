/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `stats`: the newest counters of each host in words. */
#include <errno.h>
#include <stdio.h>

#include "input.h"
#include "screen.h"
#include "verbs.h"
#include "view/counters.h"
#include "view/lines.h"

/* Hosts that are told apart, and the longest line that is kept of each: 32 MiB at most. */
#define HOSTS_MAX 128
#define LINE_BYTES_MAX (256 * KIB)

struct host {
        char *name;                                               /* as it is called by now */
        char boot_id[BOOT_ID_SIZE], machine_id[BOOT_ID_SIZE + 1]; /* of its last start, if known */
        struct buf newest; /* its line with counters; empty: there was none yet */
        uint64_t time_ns, seen;
        struct counters_before before;
};

struct stats_verb {
        const struct options *o;
        struct input in;
        struct screen screen;
        struct host hosts[HOSTS_MAX];
        size_t n_hosts;
        uint64_t n_ignored;
};

static bool is_boot(const struct host *h, const struct event_line *line)
{
        return memcmp(h->boot_id, line->boot_id.data, BOOT_ID_SIZE) == 0;
}

/* In another boot: the same machine, or where that is not known, the same name. */
static bool is_host(const struct host *h, const struct event_line *line)
{
        if (line->machine_id.size > 0 && h->machine_id[0])
                return span_is(line->machine_id, h->machine_id);
        return h->name && span_is(line->host, h->name);
}

static bool note(struct host *h, const struct event_line *line)
{
        memcpy(h->boot_id, line->boot_id.data, BOOT_ID_SIZE);
        if (line->machine_id.size == BOOT_ID_SIZE)
                memcpy(h->machine_id, line->machine_id.data, BOOT_ID_SIZE);
        if (h->name && span_is(line->host, h->name))
                return true;
        free(h->name);
        h->name = strndup(line->host.data, line->host.size);
        return h->name;
}

/* By the boot, as a host may get another name in one. */
static struct host *host_of(struct stats_verb *v, const struct event_line *line)
{
        size_t i = 0;

        while (i < v->n_hosts && !is_boot(&v->hosts[i], line))
                i++;
        if (i == v->n_hosts)
                for (i = 0; i < v->n_hosts && !is_host(&v->hosts[i], line);)
                        i++;
        if (i == HOSTS_MAX || !note(&v->hosts[i], line))
                return NULL;
        v->n_hosts = MAX(v->n_hosts, i + 1);
        return &v->hosts[i];
}

static int on_line(void *userdata, int kind)
{
        struct stats_verb *v = userdata;
        const struct event_line *line = &v->in.line;
        struct host *h;

        if (kind != LINE_EVENT || chosen_in_time(v->o->chosen, line) != CHOSEN_TIME)
                return 0;
        if (line->event.kind != EVENT_START && line->event.kind != EVENT_STATS &&
            line->event.kind != EVENT_STOP)
                return 0;
        h = host_of(v, line);
        if (!h || line->text.size > LINE_BYTES_MAX) {
                v->n_ignored++;
                return 0;
        }
        if (line->event.kind == EVENT_START) { /* all begins at 0 */
                h->time_ns = 0;
                return 0;
        }
        h->before = (struct counters_before){ h->time_ns, h->seen };
        h->time_ns = line->time_ns;
        h->seen = line->counters.seen;
        buf_reset(&h->newest);
        buf_append_span(&h->newest, line->text);
        return buf_error(&h->newest);
}

static int show_host(struct stats_verb *v, const struct host *h, bool is_first)
{
        struct event_line line = { 0 };
        int r;

        if (h->newest.size == 0)
                return 0;
        r = event_line_read(&line, buf_span(&h->newest));
        if (r >= 0 && v->o->output == OUTPUT_JSON) {
                line_show_json(&line, v->screen.is_terminal, &v->screen.out);
        } else if (r >= 0) {
                buf_append_string(&v->screen.out, is_first ? "" : "\n");
                counters_show(&line, &h->before, v->o->utc, v->screen.has_colours, &v->screen.out);
        }
        event_line_done(&line);
        return r < 0 ? r : screen_flush(&v->screen);
}

static int show(struct stats_verb *v)
{
        bool any = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n_hosts; i++) {
                r = show_host(v, &v->hosts[i], !any);
                any = any || v->hosts[i].newest.size > 0;
        }
        if (!any)
                (void)fprintf(stderr,
                              "execsnoopctl: %s has no counters: see Interval= in "
                              "execsnoopd.conf(5)\n",
                              v->in.name);
        return r;
}

static void stats_done(struct stats_verb *v)
{
        for (size_t i = 0; i < v->n_hosts; i++) {
                free(v->hosts[i].name);
                buf_done(&v->hosts[i].newest);
        }
        screen_close(&v->screen);
        input_done(&v->in);
}

int verb_stats(const struct options *o)
{
        struct stats_verb *v;
        int r;

        v = calloc(1, sizeof(*v));
        if (!v)
                return EXIT_CODE_SYSTEM;
        v->o = o;
        if (input_open(o, &v->in) < 0) {
                free(v);
                return EXIT_CODE_NO_INPUT;
        }
        r = input_each(&v->in, on_line, NULL, v);
        screen_open(o, true, &v->screen);
        if (r >= 0)
                r = show(v);
        input_finish(&v->in);
        input_say(v->n_ignored, "line of more hosts than can be told apart was not looked at",
                  "lines of more hosts than can be told apart were not looked at");
        stats_done(v);
        r = verb_result(&v->in, &v->screen, r);
        free(v);
        return r;
}
