/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Lines to their run; their numbers. */
#include <errno.h>

#include "view/audit.h"

/* Less than this is no step of the clock: stamps of the daemon's own lines may be as far apart. */
#define CLOCK_STEP_NS (100 * NSEC_PER_MSEC)

static void boot_done(struct audit_boot *b)
{
        audit_names_done(&b->names);
        for (size_t i = 0; i < b->n_rules; i++)
                free(b->rules[i].name);
        free(b->rules);
        free(b->findings);
        free(b->runs);
}

void audit_done(struct audit *a)
{
        for (size_t i = 0; i < a->n_boots; i++)
                boot_done(&a->boots[i]);
        free(a->boots);
        *a = (struct audit){ 0 };
}

/* One more element, zeroed; NULL: no memory. There is room for the next power of two. */
static void *grow(void *array, size_t *n, size_t size)
{
        char **elements = array, *element;
        bool is_full = (*n & (*n - 1)) == 0; /* 0 as well */

        if (is_full) {
                char *grown = reallocarray(*elements, MAX(2 * *n, (size_t)1), size);

                if (!grown)
                        return NULL;
                *elements = grown;
        }
        element = *elements + (*n)++ * size;
        memset(element, 0, size);
        return element;
}

static struct audit_boot *find_boot(struct audit *a, const struct event_line *line)
{
        /* Most lines are of the same as the one before. */
        if (a->last_boot < a->n_boots && span_is(line->boot_id, a->boots[a->last_boot].boot_id))
                return &a->boots[a->last_boot];
        for (size_t i = a->n_boots; i-- > 0;) {
                if (!span_is(line->boot_id, a->boots[i].boot_id))
                        continue;
                a->last_boot = i;
                return &a->boots[i];
        }
        return NULL;
}

/* Each boot has a run, so that the bound of runs is theirs, too. */
static struct audit_boot *add_boot(struct audit *a, const struct event_line *line)
{
        struct audit_boot *b = grow(&a->boots, &a->n_boots, sizeof(*b));

        if (!b)
                return NULL;
        memcpy(b->boot_id, line->boot_id.data, BOOT_ID_SIZE);
        b->first_line = a->n_lines;
        b->first_time_ns = line->time_ns;
        return b;
}

static int note_host(const struct audit_at *at, const struct event_line *line)
{
        at->boot->last_line = at->audit->n_lines;
        if (line->machine_id.size == BOOT_ID_SIZE)
                memcpy(at->boot->machine_id, line->machine_id.data, BOOT_ID_SIZE);
        return audit_names_take(&at->boot->names, line->host);
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

/* A loss is reported when it is over. */
static int count_lost(const struct audit_at *at, const struct event_line *line)
{
        struct audit_run *run = at->run;

        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (span_is(line->where, loss_where_name(w)))
                        run->n_reported[w] += line->counters.count;
        run->uncertain += line->counters.uncertain;
        if (line->from_ns == TIME_UNKNOWN || line->to_ns == TIME_UNKNOWN ||
            (line->from_ns <= line->to_ns && line->to_ns <= line->time_ns))
                return 0;
        return audit_find(at, &(struct audit_finding){ .kind = FINDING_SPAN,
                                                       .seq = line->seq,
                                                       .a = line->from_ns,
                                                       .b = line->to_ns });
}

static int count(const struct audit_at *at, const struct event_line *line)
{
        struct audit_run *run = at->run;

        switch (line->event.kind) {
        case EVENT_LOST:
                return count_lost(at, line);
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
static bool is_passed(struct audit *a, const struct event_line *line, enum chosen_time time)
{
        struct audit_boot *b = find_boot(a, line);

        if (!b)
                return time != CHOSEN_TIME;
        b->has_ended |= time == CHOSEN_LATER;
        return b->has_ended;
}

static int take(const struct audit_at *at, const struct event_line *line, bool is_known)
{
        int r;

        at->run->n_lines++;
        at->run->to_ns = line->time_ns;
        r = note_host(at, line);
        if (r >= 0)
                r = note_clock(at, line);
        if (r >= 0)
                r = step(at, line->seq);
        if (r <= 0 || !is_known)
                return MIN(r, 0);
        return count(at, line);
}

int audit_take(struct audit *a, const struct event_line *line, enum chosen_time time, bool is_known)
{
        struct audit_at at = { .audit = a };
        bool is_new;
        int r;

        a->n_read++;
        if (is_passed(a, line, time))
                return 0;
        a->n_lines++;
        at.boot = find_boot(a, line);
        is_new = !at.boot || !find_run(at.boot, line);
        if (is_new && a->n_runs == AUDIT_RUNS_MAX) {
                a->n_ignored++;
                return 0;
        }
        if (!at.boot)
                at.boot = add_boot(a, line);
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
        return take(&at, line, is_known);
}

/* The lines before the first that is here; at the begin of the log that is explained. */
static int find_head(const struct audit_at *at)
{
        const uint64_t first = at->run->first_seq;

        if (at->run->has_start || first <= 1)
                return 0;
        if (audit_is_first_boot(at->audit, at->boot))
                return find(at, FINDING_HEADLESS, first, 0);
        return find(at, FINDING_BEHEADED, first - 1, 0);
}

static int finish_run(const struct audit_at *at, bool is_last_run)
{
        struct audit_run *run = at->run;
        int r;

        r = find_head(at);
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
        if (r >= 0 && is_last_run && !run->has_stop && !audit_is_last_boot(at->audit, at->boot))
                r = find(at, FINDING_NO_STOP, 0, 0);
        return r;
}

int audit_finish(struct audit *a)
{
        int r = 0;

        audit_find_hosts(a);
        for (size_t i = 0; r >= 0 && i < a->n_boots; i++) {
                struct audit_at at = { .audit = a, .boot = &a->boots[i] };

                for (size_t n = 0; r >= 0 && n < at.boot->n_runs; n++) {
                        at.run = &at.boot->runs[n];
                        r = finish_run(&at, n + 1 == at.boot->n_runs);
                }
        }
        return r;
}
