/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A line of our stream, read back: the event that the encoder had, as far as the line has it, and
 * what lines have beyond it. The bytes come from anywhere: whatever is no line of ours is told
 * apart, and a value of another kind or size than ours has is as if it were not there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "read/json_scan.h"

enum line_kind {
        LINE_EVENT,
        LINE_UNKNOWN, /* ours, of a kind that only a later version knows */
        LINE_FOREIGN, /* JSON, but not ours */
        LINE_BAD,     /* not JSON */
};

/* The text of a boot ID: 32 hexadecimal digits. */
#define BOOT_ID_SIZE 32

#define TIME_UNKNOWN UINT64_MAX

/* Counters of `stats` and `stop`, and of `lost` and `summary`. */
struct line_counters {
        uint64_t seen, filtered, lost, in_rings, queued, cut, redacted, summing;
        int64_t unaccounted;
        uint64_t count, uncertain, boot_age_ns;
};

/* Which of them the line has; bit by bit in the order of the struct. */
#define LINE_HAS(member)                                                                           \
        (UINT32_C(1) << (offsetof(struct line_counters, member) / sizeof(uint64_t)))

struct event_line {
        struct span text;        /* all of it; everything below is borrowed from it */
        struct exec_event event; /* of LINE_UNKNOWN: kind is _EVENT_KIND_MAX */
        uint64_t time_ns;        /* CLOCK_REALTIME; of LINE_EVENT and LINE_UNKNOWN always known */
        uint64_t from_ns, to_ns; /* likewise, or TIME_UNKNOWN */
        uint64_t seq;
        struct span kind, boot_id, host;
        struct span process_id, parent_process_id, error, signal_name;
        struct span where, of, rule, version, kernel, machine_id, down;
        struct json_value settings, rules, inherited, lost_by, filtered_by, sinks, missing,
                programs;
        struct line_counters counters;
        uint32_t has_counters; /* LINE_HAS() */
        uint32_t cpu;          /* of a loss, or LOSS_ANY_CPU */
        bool has_status;       /* an exit that says how */
        unsigned n_strange;    /* values of another kind or size than ours have */

        struct buf memory; /* of what is not in the text as it is */
};

/*
 * Reads a line, without its newline; `l` is zero, or has been used before and gives its memory.
 * What it says is valid as long as the text is, and until the next one is read. Returns -ENOMEM or
 * an enum line_kind; of LINE_FOREIGN and LINE_BAD nothing but the text is set.
 */
int event_line_read(struct event_line *l, struct span text);
void event_line_done(struct event_line *l);

/* Whether it has all of these: LINE_HAS(). */
static inline bool event_line_has(const struct event_line *l, uint32_t counters)
{
        return (l->has_counters & counters) == counters;
}
