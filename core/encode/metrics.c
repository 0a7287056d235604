/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <inttypes.h>
#include <stddef.h>

#include "base/text.h"
#include "encode/metrics.h"
#include "event/stats.h"
#include "policy/rules.h"

#define PREFIX "execsnoopd_"

/* One name, its samples behind it. */
struct family {
        const char *name;
        const char *type;
        const char *help;
};

static void put_family(struct buf *b, const struct family *f)
{
        buf_printf(b, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", f->name, f->help, f->name,
                   f->type);
}

/* Of a rule the name is an administrator's text, of any bytes. */
static void put_label(struct buf *b, const char *label, const char *value)
{
        _cleanup_(buf_done) struct buf text = {};

        text_repair(span_of(value), &text);
        if (buf_error(&text) < 0)
                b->error = buf_error(&text);
        buf_printf(b, "{%s=\"", label);
        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] == '\n') {
                        buf_append_string(b, "\\n");
                        continue;
                }
                if (text.data[i] == '"' || text.data[i] == '\\')
                        buf_append_char(b, '\\');
                buf_append_char(b, text.data[i]);
        }
        buf_append_string(b, "\"}");
}

static void put_sample(struct buf *b, const char *name, const char *label, const char *value,
                       uint64_t number)
{
        buf_printf(b, PREFIX "%s", name);
        if (label)
                put_label(b, label, value);
        buf_printf(b, " %" PRIu64 "\n", number);
}

static void put_single(struct buf *b, const char *name, const char *type, const char *help,
                       uint64_t number)
{
        const struct family f = { .name = name, .type = type, .help = help };

        put_family(b, &f);
        put_sample(b, name, NULL, NULL, number);
}

static void put_seen(struct buf *b, const struct stats *s)
{
        static const struct family f = { "events_seen_total", "counter",
                                         "Events that the kernel saw, by program." };

        put_family(b, &f);
        for (enum exec_program p = 0; p < _PROGRAM_MAX; p++)
                put_sample(b, f.name, "program", exec_program_name(p),
                           s->program[p].seen + s->recursion_misses[p]);
}

static void put_filtered(struct buf *b, const struct stats *s)
{
        static const struct family f = { "events_filtered_total", "counter",
                                         "Events left out as configured, by the part of the "
                                         "configuration that says so." };
        const char *label = "by";

        put_family(b, &f);
        put_sample(b, f.name, label, NOT_A_RULE_DEFAULT, s->hidden_by_default);
        put_sample(b, f.name, label, NOT_A_RULE_REMOVED, s->hidden_by_removed);
        put_sample(b, f.name, label, NOT_A_RULE_EARLIER, s->hidden_by_earlier);
        put_sample(b, f.name, label, NOT_A_RULE_ERRNOS, stats_filtered(s) - s->hidden);
        for (size_t i = 0; i < s->n_rules; i++)
                put_sample(b, f.name, label, s->rules[i].name,
                           s->rules[i].dropped + s->rules[i].summarized);
}

/* Losses of a sink are that sink's. */
static void put_lost(struct buf *b, const struct stats *s)
{
        static const struct family f = { "events_lost_total", "counter",
                                         "Events lost before any sink, by place." };

        put_family(b, &f);
        for (enum loss_where w = 0; w < _LOSS_WHERE_MAX; w++)
                if (!loss_is_of_sink(w) && w != LOSS_DOWN)
                        put_sample(b, f.name, "where", loss_where_name(w), s->lost[w]);
}

/* A family with a sample for each of several structs: its number is at an offset. */
struct member {
        struct family family;
        size_t offset;
};

static uint64_t member_of(const void *object, size_t offset)
{
        return *(const uint64_t *)((const char *)object + offset);
}

static void put_rules(struct buf *b, const struct stats *s)
{
#define RULE(member, help)                                                                         \
        {                                                                                          \
                { "rule_" #member "_total", "counter", help }, offsetof(struct rule_stats, member) \
        }
        static const struct member members[] = {
                RULE(matched, "Events that the rule decided or tagged."),
                RULE(dropped, "Events that the rule dropped, exits of dropped execs included."),
                RULE(summarized, "Events that the rule counted for a summary, likewise."),
                RULE(spared, "Events logged on account of their flags, though the rule matched."),
        };
#undef RULE

        for (size_t i = 0; s->n_rules > 0 && i < ELEMENTSOF(members); i++) {
                put_family(b, &members[i].family);
                for (size_t n = 0; n < s->n_rules; n++)
                        put_sample(b, members[i].family.name, "rule", s->rules[n].name,
                                   member_of(&s->rules[n], members[i].offset));
        }
}

static void put_sinks(struct buf *b, const struct stats *s)
{
#define SINK(member, name, type, help)                                                             \
        {                                                                                          \
                { "sink_" name, type, help }, offsetof(struct sink_stats, member)                  \
        }
        static const struct member members[] = {
                SINK(written, "events_written_total", "counter", "Events delivered by the sink."),
                SINK(lost, "events_lost_total", "counter",
                     "Events that the sink lacks: refused, or from the time without a daemon."),
                SINK(down, "events_down_total", "counter",
                     "Of the lost events: from the time without a daemon."),
                SINK(before, "events_before_total", "counter",
                     "Events seen before the sink was opened."),
                SINK(lines, "lines_total", "counter",
                     "Lines delivered by the sink, the daemon's own events included."),
                SINK(bytes, "bytes_total", "counter", "Bytes of these lines."),
                SINK(deleted_files, "files_deleted_total", "counter",
                     "Files of the sink deleted for its own limit (MaxFiles=)."),
                SINK(deleted_bytes, "bytes_deleted_total", "counter", "Bytes of these files."),
                SINK(retries, "retries_total", "counter", "Deliveries that were tried again."),
                SINK(backlog, "backlog_events", "gauge", "Events that wait for the sink."),
                SINK(backlog_bytes, "backlog_bytes", "gauge", "Memory that they take."),
        };
#undef SINK

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                put_family(b, &members[i].family);
                for (unsigned n = 0; n < s->n_sinks; n++)
                        put_sample(b, members[i].family.name, "sink", s->sink[n].name,
                                   member_of(&s->sink[n], members[i].offset));
        }
}

static void put_unaccounted(struct buf *b, const struct stats *s)
{
        static const struct family f = { "sink_unaccounted_events", "gauge",
                                         "Seen, but neither filtered nor lost nor written: 0." };
        const char *name = f.name;

        put_family(b, &f);
        for (unsigned i = 0; i < s->n_sinks; i++) {
                buf_printf(b, PREFIX "%s", name);
                put_label(b, "sink", s->sink[i].name);
                buf_printf(b, " %" PRId64 "\n", stats_unaccounted(s, &s->sink[i]));
        }
}

static void put_state(struct buf *b, const struct stats *s)
{
        put_single(b, "ring_events", "gauge", "Events numbered by the kernel, not read yet.",
                   s->in_rings);
        put_single(b, "queue_events", "gauge", "Events in the queue.", s->queued);
        put_single(b, "queue_bytes", "gauge", "Memory that they take.", s->queue_bytes);
        put_single(b, "summing_events", "gauge", "Events counted, and in no summary yet.",
                   s->summing);
        put_single(b, "events_cut_total", "counter", "Events of which something was cut.", s->cut);
        put_single(b, "redacted_total", "counter",
                   "Arguments and variables of which something was hidden.", s->redacted);
        put_single(b, "wakeups_total", "counter", "Wake-ups of the daemon by the kernel side.",
                   s->wakeups);
}

static void put_files(struct buf *b, const struct hash_stats *files)
{
        if (!files->is_on)
                return;
        put_single(b, "files_hashed_total", "counter",
                   "Files of programs of which a hash was made.", files->hashed);
        put_single(b, "files_failed_total", "counter",
                   "Files of programs that could not be hashed; a file event says why.",
                   files->failed);
        put_single(b, "files_dropped_total", "counter",
                   "Execs of new files for which there was no room to wait.", files->dropped);
        put_single(b, "files_waiting", "gauge", "Files that are still to be hashed.",
                   files->waiting);
        put_single(b, "hasher_restarts_total", "counter",
                   "Restarts of the process that reads these files.", files->restarts);
}

void metrics_encode(const struct stats *stats, const char *version, struct buf *ret)
{
        static const struct family build = { "build_info", "gauge", "The version that runs." };

        put_family(ret, &build);
        put_sample(ret, build.name, "version", version, 1);
        put_seen(ret, stats);
        put_filtered(ret, stats);
        put_lost(ret, stats);
        put_state(ret, stats);
        put_files(ret, &stats->files);
        put_rules(ret, stats);
        put_sinks(ret, stats);
        put_unaccounted(ret, stats);
}
