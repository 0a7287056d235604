/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Lines to their run; their numbers. */
#include <errno.h>

#include "view/audit.h"

/* Less than this is no step of the clock: stamps of the daemon's own lines may be as far apart. */
#define CLOCK_STEP_NS (100 * NSEC_PER_MSEC)

static void host_done(struct audit_host *h)
{
        for (size_t i = 0; i < h->n_boots; i++)
                free(h->boots[i].runs);
        free(h->boots);
        free(h->findings);
        free(h->where);
        free(h->name);
}

void audit_done(struct audit *a)
{
        for (size_t i = 0; i < a->n_hosts; i++)
                host_done(&a->hosts[i]);
        free(a->hosts);
        *a = (struct audit){ 0 };
}

/* One more element, zeroed; NULL: no memory. */
static void *grow(void *array, size_t *n, size_t size)
{
        char **elements = array;
        char *grown = reallocarray(*elements, *n + 1, size);

        if (!grown)
                return NULL;
        *elements = grown;
        memset(grown + *n * size, 0, size);
        return grown + (*n)++ * size;
}

static struct audit_host *find_host(struct audit *a, const struct event_line *line)
{
        struct audit_host *h;

        for (size_t i = a->n_hosts; i-- > 0;)
                if (span_is(line->host, a->hosts[i].name))
                        return &a->hosts[i];
        if (a->n_hosts == AUDIT_HOSTS_MAX)
                return NULL;
        h = grow(&a->hosts, &a->n_hosts, sizeof(*h));
        if (!h)
                return NULL;
        h->name = strndup(line->host.data, line->host.size);
        if (!h->name)
                a->n_hosts--;
        return h->name ? h : NULL;
}

static struct audit_boot *find_boot(struct audit_host *h, const struct event_line *line)
{
        /* Most lines are of the same as the one before. */
        if (h->last_boot < h->n_boots && span_is(line->boot_id, h->boots[h->last_boot].boot_id))
                return &h->boots[h->last_boot];
        for (size_t i = h->n_boots; i-- > 0;) {
                if (!span_is(line->boot_id, h->boots[i].boot_id))
                        continue;
                h->last_boot = i;
                return &h->boots[i];
        }
        return NULL;
}

/* Each boot has a run, so that the bound of runs is theirs, too. */
static struct audit_boot *add_boot(struct audit_host *h, const struct event_line *line)
{
        struct audit_boot *b = grow(&h->boots, &h->n_boots, sizeof(*b));

        if (b)
                memcpy(b->boot_id, line->boot_id.data, BOOT_ID_SIZE);
        return b;
}

static int find(const struct audit_at *at, enum finding_kind kind, uint64_t a, uint64_t b)
{
        return audit_find(at, &(struct audit_finding){ .kind = kind, .a = a, .b = b });
}

static int begin_run(struct audit *a, const struct audit_at *at, const struct event_line *line,
                     struct audit_run **ret)
{
        struct audit_boot *b = at->boot;
        struct audit_run *run;

        run = grow(&b->runs, &b->n_runs, sizeof(*run));
        if (!run)
                return -ENOMEM;
        a->n_runs++;
        b->current = b->n_runs - 1;
        run->from_ns = line->time_ns;
        run->first_seq = line->seq;
        run->has_start = line->event.kind == EVENT_START;
        run->is_counted = span_is(line->down, "counted");
        run->is_unknown = span_is(line->down, "unknown");
        run->has_inherited = line->inherited.text.size > 0;
        run->boot_age_ns = line->counters.boot_age_ns;
        *ret = run;
        return 0;
}

static int note_begin(const struct audit_at *at, const struct event_line *line)
{
        const bool is_first = at->host->n_boots == 1 && at->boot->n_runs == 1;

        if (!at->run->has_start && line->seq > 1)
                return find(at, is_first ? FINDING_HEADLESS : FINDING_BEHEADED,
                            is_first ? line->seq : line->seq - 1, 0);
        /* The first start of a boot is always unknown: nobody was there. */
        if (at->run->has_start && at->boot->n_runs > 1 && !at->run->has_inherited)
                return find(at, FINDING_UNCOUNTED, 0, 0);
        return audit_inherited(at, line);
}

/* A number from the past: of a hole, or for the second time. */
static int step_back(const struct audit_at *at, uint64_t seq)
{
        struct audit_run *run = at->run;

        run->is_broken_since = true;
        for (unsigned i = 0; i < run->n_holes; i++) {
                if (seq < run->hole[i].from || seq > run->hole[i].to)
                        continue;
                run->n_reordered++;
                if (seq == run->hole[i].from) {
                        run->hole[i].from++;
                } else {
                        const uint64_t to = run->hole[i].to;

                        run->hole[i].to = seq - 1;
                        if (seq < to && run->n_holes < OPEN_HOLES_MAX) {
                                run->hole[run->n_holes].from = seq + 1;
                                run->hole[run->n_holes++].to = to;
                        }
                }
                if (run->hole[i].from > run->hole[i].to)
                        run->hole[i] = run->hole[--run->n_holes];
                return find(at, FINDING_ORDER, seq, seq);
        }
        run->n_doubled++;
        return find(at, FINDING_DOUBLED, seq, seq);
}

/* A hole that nothing can fill any more, for want of room to remember it. */
static int close_hole(const struct audit_at *at, unsigned i)
{
        struct audit_run *run = at->run;
        const uint64_t from = run->hole[i].from, to = run->hole[i].to;

        run->n_missing += to - from + 1;
        run->n_holes--;
        for (unsigned k = i; k < run->n_holes; k++)
                run->hole[k] = run->hole[k + 1];
        return find(at, FINDING_HOLE, from, to);
}

/* 1: the line is new; 0: it was there before. */
static int step(const struct audit_at *at, uint64_t seq)
{
        struct audit_run *run = at->run;
        unsigned n_doubled = (unsigned)run->n_doubled;
        int r = 0;

        if (run->last_seq > 0 && seq <= run->last_seq) {
                r = step_back(at, seq);
                return r < 0 ? r : (unsigned)run->n_doubled == n_doubled;
        }
        if (run->last_seq > 0 && seq > run->last_seq + 1) {
                run->is_broken_since = true;
                if (run->n_holes == OPEN_HOLES_MAX)
                        r = close_hole(at, 0);
                run->hole[run->n_holes].from = run->last_seq + 1;
                run->hole[run->n_holes++].to = seq - 1;
        }
        run->last_seq = seq;
        return r < 0 ? r : 1;
}

static void count_lost(struct audit_run *run, const struct event_line *line)
{
        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (span_is(line->where, loss_where_name(w)))
                        run->n_reported[w] += line->counters.count;
        run->uncertain += line->counters.uncertain;
}

static int count(const struct audit_at *at, const struct event_line *line)
{
        struct audit_run *run = at->run;

        switch (line->event.kind) {
        case EVENT_LOST:
                count_lost(run, line);
                return 0;
        case EVENT_SUMMARY:
                run->n_summarized += line->counters.count;
                return 0;
        case EVENT_STATS:
                return audit_counters(at, line);
        case EVENT_STOP:
                run->has_stop = true;
                return audit_counters(at, line);
        case EVENT_START:
        case EVENT_PROCESS:
        case EVENT_FILE:
                return 0;
        default:
                run->n_events++;
                run->n_events_since++;
                return 0;
        }
}

static int note_clock(const struct audit_at *at, const struct event_line *line)
{
        struct audit_boot *b = at->boot;
        int r = 0;

        if (line->time_ns + CLOCK_STEP_NS < b->last_time_ns)
                r = audit_find(at, &(struct audit_finding){ .kind = FINDING_CLOCK_BACK,
                                                            .seq = line->seq,
                                                            .a = b->last_time_ns - line->time_ns });
        b->last_time_ns = line->time_ns;
        return r;
}

/* Which run the line is of; false: of a new one. */
static bool find_run(struct audit_boot *b, const struct event_line *line)
{
        if (line->event.kind != EVENT_START)
                return b->n_runs > 0;
        /* The same start once more: that line was doubled, or all of that run. */
        for (size_t i = b->n_runs; i-- > 0;) {
                if (!b->runs[i].has_start || b->runs[i].from_ns != line->time_ns)
                        continue;
                b->current = i;
                return true;
        }
        return false;
}

/* Whether the line is before or behind those of its boot that are looked at. */
static bool is_passed(const struct audit *a, const struct event_line *line, enum chosen_time time)
{
        for (size_t i = a->n_hosts; i-- > 0;) {
                struct audit_boot *b;

                if (!span_is(line->host, a->hosts[i].name))
                        continue;
                b = find_boot(&a->hosts[i], line);
                if (!b)
                        break;
                b->has_ended |= time == CHOSEN_LATER;
                return b->has_ended;
        }
        return time != CHOSEN_TIME;
}

int audit_take(struct audit *a, const struct event_line *line, enum chosen_time time, bool is_known)
{
        struct audit_at at = { 0 };
        bool is_new;
        int r;

        a->n_read++;
        if (is_passed(a, line, time))
                return 0;
        a->n_lines++;
        at.host = find_host(a, line);
        if (!at.host) {
                a->n_ignored++;
                return a->n_hosts < AUDIT_HOSTS_MAX ? -ENOMEM : 0;
        }
        at.boot = find_boot(at.host, line);
        is_new = !at.boot || !find_run(at.boot, line);
        if (is_new && a->n_runs == AUDIT_RUNS_MAX) {
                a->n_ignored++;
                return 0;
        }
        if (!at.boot)
                at.boot = add_boot(at.host, line);
        if (!at.boot)
                return -ENOMEM;
        if (is_new) {
                r = begin_run(a, &at, line, &at.run);
                if (r >= 0)
                        r = note_begin(&at, line);
                if (r < 0)
                        return r;
        }
        at.run = &at.boot->runs[at.boot->current];
        at.run->n_lines++;
        at.run->to_ns = line->time_ns;
        r = note_clock(&at, line);
        if (r >= 0)
                r = step(&at, line->seq);
        if (r <= 0 || !is_known)
                return MIN(r, 0);
        return count(&at, line);
}

static int finish_run(const struct audit_at *at, bool is_last_boot, bool is_last_run)
{
        struct audit_run *run = at->run;
        int r = 0;

        while (r >= 0 && run->n_holes > 0)
                r = close_hole(at, 0);
        for (unsigned w = 0; r >= 0 && w < _LOSS_WHERE_MAX; w++) {
                struct audit_finding f = { .kind = FINDING_LOST, .a = run->n_reported[w] };

                if (f.a == 0)
                        continue;
                f.is_of_sink = loss_is_of_sink(w);
                f.place = f.is_of_sink ? (enum sink_place)(w - LOSS_SINK) : 0;
                strcpy(f.text, loss_where_name(w));
                r = audit_find(at, &f);
        }
        if (r >= 0 && is_last_run && !is_last_boot && !run->has_stop)
                r = find(at, FINDING_NO_STOP, 0, 0);
        return r;
}

int audit_finish(struct audit *a)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_hosts; i++) {
                struct audit_at at = { .host = &a->hosts[i] };

                for (size_t k = 0; r >= 0 && k < at.host->n_boots; k++) {
                        at.boot = &at.host->boots[k];
                        for (size_t n = 0; r >= 0 && n < at.boot->n_runs; n++) {
                                at.run = &at.boot->runs[n];
                                r = finish_run(&at, k + 1 == at.host->n_boots,
                                               n + 1 == at.boot->n_runs);
                        }
                }
        }
        return r;
}
