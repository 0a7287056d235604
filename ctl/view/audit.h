/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Is a log complete? The lines of each run of the daemon, of each boot, of each host, against their
 * numbers and against the counters that the daemon has put among them.
 *
 * A boot has an ID that no other has, so its lines are one stream whatever the host was called
 * meanwhile. Which boots are of one host is found out at the end: by the machine ID, or the name.
 *
 * What is missing is either explained by the log itself (a `lost` event, a start that nobody
 * counted before) or not (a hole in the numbers, counters that other lines than these make).
 * Nothing is signed: whoever changes lines and all counters and numbers with them is not found out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "read/event_line.h"
#include "view/chosen.h"

/* Of one log; what is beyond is counted, and said. */
#define AUDIT_RUNS_MAX 10000
#define AUDIT_FINDINGS_MAX 1000 /* of each boot */
#define AUDIT_CLOCKS_MAX 20     /* of these: steps of the clock */
#define AUDIT_FINDINGS_ALL_MAX 100000
#define AUDIT_NAMES_MAX 16 /* of the host in each boot */
#define AUDIT_RULES_MAX 4096

enum audit_result {
        AUDIT_COMPLETE,
        AUDIT_EXPLAINED,   /* something is missing, and the log says what and why */
        AUDIT_UNEXPLAINED, /* the log contradicts itself, or has a hole */
        AUDIT_NOT_OURS,    /* not one line of ours */
};

enum finding_kind {
        /* explained */
        FINDING_LOST,       /* `a` events, `text` is where */
        FINDING_UNCOUNTED,  /* nobody has counted what was executed before this start */
        FINDING_HEADLESS,   /* the log begins with line `a` of a run */
        FINDING_NO_STOP,    /* the run ends without a stop, and another boot follows */
        FINDING_OPENED,     /* `a` events of earlier runs, of which `b` are here: not in use then */
        FINDING_CLOCK_BACK, /* by `a` nanoseconds; no fault */
        /* unexplained */
        FINDING_HOLE,        /* lines `a` to `b` */
        FINDING_DOUBLED,     /* lines `a` to `b` come again */
        FINDING_ORDER,       /* lines `a` to `b` come behind later ones */
        FINDING_BEHEADED,    /* lines 1 to `a` of a run are missing that is not the log's first */
        FINDING_EVENTS,      /* `a` events by the counters at `seq`, `b` by the lines */
        FINDING_LINES,       /* `a` lines by the counters at `seq`, `b` by the numbers */
        FINDING_LOSSES,      /* `a` lost by the counters at `seq`, `b` by `lost` events */
        FINDING_SUM,         /* the counters at `seq` do not add up: by `a`, signed */
        FINDING_UNACCOUNTED, /* the daemon itself says so: `a`, signed */
        FINDING_PARTS,       /* parts of `text` at `seq` add up to `b`, not `a` */
        FINDING_BACK,        /* `text` goes back at `seq` from `a` to `b` */
        FINDING_SPAN,        /* the loss of line `seq` was from `a` to `b`, which can't be */
        FINDING_TAIL, /* `a` events of earlier runs by the counters at `seq`, `b` by the lines */
        _FINDING_KIND_MAX,
};

/* The counters of a sink, at one moment. */
struct audit_sink {
        bool is_there;
        bool is_new; /* its stream begins in that run */
        uint64_t before, written, lost, down, backlog, lines, backlog_bytes;
        int64_t unaccounted;
};

struct audit_finding {
        enum finding_kind kind;
        size_t run;
        bool is_of_sink; /* it is one if the log is of `place` */
        enum sink_place place;
        uint64_t seq, a, b;
        char text[16];
};

#define OPEN_HOLES_MAX 64

struct audit_run {
        bool has_start, has_stop, has_inherited, is_counted, is_unknown;
        uint64_t first_seq, last_seq; /* the highest */
        uint64_t from_ns, to_ns, boot_age_ns;
        uint64_t n_lines, n_events, n_summarized;
        uint64_t n_reported[_LOSS_WHERE_MAX]; /* by `lost` events */
        uint64_t uncertain;

        /* Up to here numbers have been looked at; holes in them that may still be filled. */
        struct {
                uint64_t from, to;
        } hole[OPEN_HOLES_MAX];
        unsigned n_holes;
        uint64_t n_missing, n_doubled, n_reordered;

        /* Since the counters before, and these. */
        uint64_t n_events_since;
        bool is_broken_since; /* numbers were not as they should be */
        bool has_counters;
        bool has_redacted;
        uint64_t seen, filtered, lost, redacted;
        struct audit_sink sink[_SINK_PLACE_MAX];
};

/* Events that a rule has hidden, over all runs of the boot. */
struct audit_rule {
        char *name;
        uint64_t count; /* of earlier runs */
        uint64_t last;  /* of the current one */
};

/* Names of one host: the first, and those after it; `last` is what it was called in the end. */
struct audit_names {
        char *name[AUDIT_NAMES_MAX];
        size_t n, last;
        uint64_t n_more; /* changes to names beyond what is kept */
};

struct audit_boot {
        char boot_id[BOOT_ID_SIZE + 1];
        char machine_id[BOOT_ID_SIZE + 1]; /* empty: no start has said it */
        struct audit_names names;
        size_t host; /* from audit_finish() on: its first boot */
        struct audit_run *runs;
        size_t n_runs;
        size_t current; /* the run that lines are of: the last, or one that comes again */
        uint64_t first_line, last_line; /* in the log */
        uint64_t first_time_ns, last_time_ns;
        bool has_ended; /* a line was later than what is to be looked at */

        struct audit_finding *findings;
        size_t n_findings;
        uint64_t n_more, n_more_unexplained;  /* beyond what is kept */
        uint64_t n_sink[_SINK_PLACE_MAX];     /* findings that are there if the log is of it */
        uint64_t n_counters[_SINK_PLACE_MAX]; /* `stats` and `stop` events that have the sink */
        struct audit_rule *rules;
        size_t n_rules;
};

struct audit {
        struct audit_boot *boots;
        size_t n_boots;
        size_t last_boot; /* of the line before */
        size_t n_runs, n_findings, n_rules;
        bool has_more_rules;      /* than are kept */
        uint64_t n_ignored;       /* lines beyond what is kept apart */
        uint64_t n_read, n_lines; /* of ours; and those that were looked at */
};

/*
 * The line has to be ours, in the order of the log. Of each boot the lines from the first that is
 * in time to the one before the first that is later are looked at, so that a clock that was set
 * leaves no hole. -ENOMEM
 */
int audit_take(struct audit *a, const struct event_line *line, enum chosen_time time,
               bool is_known);

/* The log is at its end: what can be said only now. */
int audit_finish(struct audit *a);
void audit_done(struct audit *a);

/*
 * A host is known by the first of its boots. Which destination its log is of: of those that the
 * most counters tell of, the one that fits best. `hint`: from where it was read.
 */
enum sink_place audit_place(const struct audit *a, size_t host, enum sink_place hint);

/* Whether that finding is one, of a log of this place. */
static inline bool finding_counts(const struct audit_finding *f, enum sink_place place)
{
        return !f->is_of_sink || f->place == place;
}

static inline bool finding_is_explained(enum finding_kind kind)
{
        return kind < FINDING_HOLE;
}

enum audit_result audit_verdict(const struct audit *a, size_t host, enum sink_place place);

/* audit_findings.c: notes it for the run that is current; what is too much is counted. */
struct audit_at {
        struct audit *audit;
        struct audit_boot *boot;
        struct audit_run *run;
};
int audit_find(const struct audit_at *at, const struct audit_finding *finding);

/* audit_counters.c: the counters of a `stats` or `stop`. */
int audit_counters(const struct audit_at *at, const struct event_line *line);

/* audit_counters.c: what a start has taken over from the run before. */
int audit_inherited(const struct audit_at *at, const struct event_line *line);

/* What the lines of a run stand for in the account of that sink. */
uint64_t audit_accounted(const struct audit_run *run, enum sink_place place);

/* audit_rules.c: events that rules have hidden, by the counters. -ENOMEM */
int audit_note_rules(const struct audit_at *at, const struct event_line *line);

/* The next rule of a host and how much it has hidden in all boots; from 0 on. False: no more. */
struct audit_rules_walk {
        size_t boot, rule;
};
bool audit_next_rule(const struct audit *a, size_t host, struct audit_rules_walk *walk,
                     const char **ret_name, uint64_t *ret_count);

/* audit_hosts.c: what the host is called from this line on. -ENOMEM */
int audit_names_take(struct audit_names *names, struct span name);
void audit_names_done(struct audit_names *names);

/* Which boots are of one host. */
void audit_find_hosts(struct audit *a);

/* Whether it is the first, or the last boot of its host. */
bool audit_is_first_boot(const struct audit *a, const struct audit_boot *boot);
bool audit_is_last_boot(const struct audit *a, const struct audit_boot *boot);
