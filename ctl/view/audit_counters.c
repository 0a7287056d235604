/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The counters of `stats` and `stop` against the lines: see ACCOUNTING in execsnoopd-events(7).
 *
 * What a sink has accepted since it was opened, written + backlog, are the lines of events in the
 * run; its `lines` are all of them. What is `lost`, there and before it, is what `lost` events
 * tell, and `before` is what the lines of the earlier runs stand for. Where a number is missing in
 * between, as at a run whose start is not here, only differences can be compared.
 */
#include <errno.h>
#include <stdio.h>

#include "view/audit.h"

static int find_at(const struct audit_at *at, struct audit_finding f, const struct event_line *line)
{
        f.seq = line->seq;
        return audit_find(at, &f);
}

static uint64_t number_of(const struct json_value *v)
{
        uint64_t value = 0;

        (void)json_to_u64(v, &value);
        return value;
}

static void read_sink(struct span text, struct audit_sink *ret)
{
        const struct {
                const char *name;
                uint64_t *to;
        } members[] = {
                { "before", &ret->before },
                { "written", &ret->written },
                { "lost", &ret->lost },
                { "down", &ret->down },
                { "backlog", &ret->backlog },
                { "lines", &ret->lines },
                { "backlog_bytes", &ret->backlog_bytes },
        };
        struct json_value value;
        struct json_scan scan;
        struct span key;

        *ret = (struct audit_sink){ .is_there = true };
        if (!json_scan_object(&scan, text))
                return;
        while (json_next_member(&scan, &key, &value) > 0) {
                if (span_is(key, "opened"))
                        ret->is_new = span_is(value.text, "true");
                if (span_is(key, "unaccounted"))
                        (void)json_to_i64(&value, &ret->unaccounted);
                for (size_t i = 0; i < ELEMENTSOF(members); i++)
                        if (span_is(key, members[i].name))
                                *members[i].to = number_of(&value);
        }
}

static void read_sinks(const struct event_line *line, struct audit_sink *ret)
{
        struct json_value value;
        struct json_scan scan;
        struct span key;

        memset(ret, 0, _SINK_PLACE_MAX * sizeof(*ret));
        if (!json_scan_object(&scan, line->sinks.text))
                return;
        while (json_next_member(&scan, &key, &value) > 0)
                for (unsigned p = 0; p < _SINK_PLACE_MAX; p++)
                        if (span_is(key, sink_place_name(p)))
                                read_sink(value.text, &ret[p]);
}

/* The sum of an object's numbers. */
static uint64_t sum_of(const struct json_value *object, bool (*counts)(struct span key))
{
        struct json_value value;
        struct json_scan scan;
        uint64_t sum = 0;
        struct span key;

        if (!json_scan_object(&scan, object->text))
                return 0;
        while (json_next_member(&scan, &key, &value) > 0)
                if (!counts || counts(key))
                        sum += number_of(&value);
        return sum;
}

static bool is_before_sinks(struct span where)
{
        return span_is(where, "ring") || span_is(where, "recursion") || span_is(where, "queue") ||
               span_is(where, "decode");
}

static int check_parts(const struct audit_at *at, const struct event_line *line, const char *name,
                       uint64_t whole, uint64_t sum)
{
        struct audit_finding f = { .kind = FINDING_PARTS, .a = whole, .b = sum };

        (void)snprintf(f.text, sizeof(f.text), "%s", name);
        return whole == sum ? 0 : find_at(at, f, line);
}

/* What the counters say of themselves. */
static int check_sums(const struct audit_at *at, const struct event_line *line,
                      const struct audit_sink *sinks)
{
        const struct line_counters *c = &line->counters;
        int r = 0;

        if (line->filtered_by.text.size > 0)
                r = check_parts(at, line, "filtered", c->filtered,
                                sum_of(&line->filtered_by, NULL));
        if (r >= 0 && line->lost_by.text.size > 0)
                r = check_parts(at, line, "lost", c->lost, sum_of(&line->lost_by, is_before_sinks));
        for (unsigned p = 0; r >= 0 && p < _SINK_PLACE_MAX; p++) {
                const struct audit_sink *s = &sinks[p];
                const uint64_t known = c->filtered + c->lost + c->in_rings + c->queued + s->before +
                                       s->written + s->lost + s->backlog;
                struct audit_finding f = { .is_of_sink = true, .place = p };

                if (!s->is_there)
                        continue;
                at->boot->n_counters[p]++;
                f.kind = FINDING_UNACCOUNTED;
                f.a = (uint64_t)s->unaccounted;
                if (s->unaccounted != 0)
                        r = find_at(at, f, line);
                f.kind = FINDING_SUM;
                f.a = c->seen - known - (uint64_t)s->unaccounted;
                if (r >= 0 && f.a != 0)
                        r = find_at(at, f, line);
        }
        return r;
}

static int check_back(const struct audit_at *at, const struct event_line *line, const char *name,
                      uint64_t from, uint64_t to)
{
        struct audit_finding f = { .kind = FINDING_BACK, .a = from, .b = to };

        (void)snprintf(f.text, sizeof(f.text), "%s", name);
        return to >= from ? 0 : find_at(at, f, line);
}

/* The lines since the counters before, or the start, against what the sink has accepted since. */
static int check_events(const struct audit_at *at, const struct event_line *line,
                        enum sink_place place, const struct audit_sink *s)
{
        const struct audit_run *run = at->run;
        const struct audit_sink *old = &run->sink[place];
        struct audit_finding f = { .kind = FINDING_EVENTS, .is_of_sink = true, .place = place };

        if (!old->is_there && !(run->has_start && !run->has_counters))
                return 0; /* from where on is not known */
        f.a = s->written + s->backlog - old->written - old->backlog;
        f.b = run->n_events_since;
        /* Where lines are missing some of them were events. */
        if (f.a == f.b || (run->is_broken_since && f.a > f.b))
                return 0;
        return find_at(at, f, line);
}

/* Its lines are those before this one, unless some still wait. */
static int check_lines(const struct audit_at *at, const struct event_line *line,
                       enum sink_place place, const struct audit_sink *s)
{
        struct audit_finding f = { .kind = FINDING_LINES,
                                   .is_of_sink = true,
                                   .place = place,
                                   .a = s->lines,
                                   .b = line->seq - 1 };

        if (!at->run->has_start || s->lines == line->seq - 1 ||
            (s->lines < line->seq - 1 && s->backlog_bytes > 0))
                return 0;
        return find_at(at, f, line);
}

static uint64_t reported(const struct audit_run *run, enum sink_place place)
{
        uint64_t sum = 0;

        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (loss_concerns(w, place) && w != LOSS_BLIND)
                        sum += run->n_reported[w];
        return sum;
}

uint64_t audit_accounted(const struct audit_run *run, enum sink_place place)
{
        return run->n_events + run->n_summarized + reported(run, place);
}

/*
 * By a reload: what had been lost or summed up in that run before is in none of its lines, and in
 * none of its counters.
 */
static bool is_opened_meanwhile(const struct audit_run *run, const struct audit_sink *s)
{
        return !run->has_inherited && s->before > 0;
}

/* What is lost by now, and told; at the end exactly. */
static int check_losses(const struct audit_at *at, const struct event_line *line,
                        enum sink_place place, const struct audit_sink *s)
{
        const struct audit_run *run = at->run;
        struct audit_finding f = { .kind = FINDING_LOSSES,
                                   .is_of_sink = true,
                                   .place = place,
                                   .a = line->counters.lost + s->lost,
                                   .b = reported(run, place) };
        const bool is_whole = !is_opened_meanwhile(run, s);

        if (!run->has_start || run->is_broken_since || run->n_missing > 0 || run->n_holes > 0)
                return 0;
        if (f.b > f.a || (line->event.kind == EVENT_STOP && is_whole && f.b < f.a))
                return find_at(at, f, line);
        return 0;
}

/*
 * What the lines of the runs before this one stand for. They have it in their counters, but for
 * those that were killed before they had told any: from the last one that has on. `ret_uncertain`:
 * so many of them may have been counted twice, at a kill. False: not all of it is here.
 */
static bool earlier_events(const struct audit_at *at, enum sink_place place, uint64_t *ret,
                           uint64_t *ret_uncertain)
{
        uint64_t sum = 0, uncertain = at->run->uncertain;

        for (const struct audit_run *run = at->run; run-- > at->boot->runs;) {
                if (!run->has_start)
                        return false;
                sum += audit_accounted(run, place);
                if (!run->has_counters && run->has_inherited) {
                        uncertain += run->uncertain;
                        continue;
                }
                if (!run->has_counters || !run->sink[place].is_there ||
                    is_opened_meanwhile(run, &run->sink[place]))
                        return false;
                *ret = sum + run->sink[place].before;
                *ret_uncertain = uncertain;
                return true;
        }
        return false;
}

/* `before` against that. */
static int check_before(const struct audit_at *at, const struct event_line *line,
                        enum sink_place place, const struct audit_sink *s)
{
        struct audit_finding f = {
                .kind = FINDING_TAIL, .is_of_sink = true, .place = place, .a = s->before
        };

        uint64_t uncertain;

        if (!at->run->has_inherited || at->run->has_counters ||
            !earlier_events(at, place, &f.b, &uncertain))
                return 0;
        if (f.a == f.b || (f.b > f.a && f.b - f.a <= uncertain))
                return 0;
        if (s->is_new && f.a > f.b)
                f.kind = FINDING_OPENED;
        return find_at(at, f, line);
}

static int check_sink(const struct audit_at *at, const struct event_line *line,
                      enum sink_place place, const struct audit_sink *s)
{
        int r;

        r = check_events(at, line, place, s);
        if (r >= 0)
                r = check_lines(at, line, place, s);
        if (r >= 0)
                r = check_losses(at, line, place, s);
        if (r >= 0)
                r = check_before(at, line, place, s);
        return r;
}

int audit_counters(const struct audit_at *at, const struct event_line *line)
{
        struct audit_run *run = at->run;
        struct audit_sink sinks[_SINK_PLACE_MAX];
        int r = 0;

        read_sinks(line, sinks);
        r = check_sums(at, line, sinks);
        if (r >= 0 && run->has_counters)
                r = check_back(at, line, "seen", run->seen, line->counters.seen);
        if (r >= 0 && run->has_counters)
                r = check_back(at, line, "lost", run->lost, line->counters.lost);
        for (unsigned p = 0; r >= 0 && p < _SINK_PLACE_MAX; p++)
                if (sinks[p].is_there)
                        r = check_sink(at, line, p, &sinks[p]);
        if (r >= 0)
                r = audit_note_rules(at, line);
        run->has_counters = true;
        run->n_events_since = 0;
        run->is_broken_since = false;
        run->seen = line->counters.seen;
        run->filtered = line->counters.filtered;
        run->lost = line->counters.lost;
        run->has_redacted |= event_line_has(line, LINE_HAS(redacted));
        run->redacted = line->counters.redacted;
        memcpy(run->sink, sinks, sizeof(sinks));
        return r;
}

int audit_inherited(const struct audit_at *at, const struct event_line *line)
{
        const size_t n = (size_t)(at->run - at->boot->runs);
        struct json_value value;
        struct json_scan scan;
        struct span key;

        if (n == 0 || !at->run[-1].has_counters || !json_scan_object(&scan, line->inherited.text))
                return 0;
        while (json_next_member(&scan, &key, &value) > 0)
                if (span_is(key, "seen"))
                        return check_back(at, line, "seen", at->run[-1].seen, number_of(&value));
        return 0;
}
