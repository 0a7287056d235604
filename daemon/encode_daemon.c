/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon's own events → JSON lines: start, lost, stats, stop. They are the heartbeat and the
 * ledger of the stream: with them a reader can tell that nothing is missing, or how much, where and
 * when.
 *
 * All counters are there even when 0, so that a query needs no special case; only programs that
 * have never run are left out. The values come from one struct stats; what does not add up is
 * `unaccounted`, and is shown rather than explained away.
 */
#include <stdio.h>

#include "config.h"
#include "encode_internal.h"
#include "stats.h"

int encode_lost(struct encoder *e, uint64_t boot_ns, const struct loss *loss, struct line *ret)
{
        _cleanup_(object_done) struct object o = object_new(e);

        line_start(e);
        object_put_string(&o, "where", loss_where_name(loss->where));
        object_put_u64(&o, "count", loss->count);
        if (loss->cpu != LOSS_ANY_CPU)
                object_put_u64(&o, "cpu", loss->cpu);
        object_put_time(&o, "from", loss->from_ns);
        object_put_time(&o, "to", loss->to_ns);
        return line_finish(e, EVENT_LOST, boot_ns, &o, ret);
}

static void put_lost_by(struct object *o, const struct stats *s)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        for (enum loss_where w = 0; w < _LOSS_WHERE_MAX; w++) {
                bool of_sink = w == LOSS_JOURNAL || w == LOSS_FILE || w == LOSS_STDOUT;

                if (!of_sink || s->lost[w] > 0)
                        object_put_u64(&child, loss_where_name(w), s->lost[w]);
        }
        object_put_object(o, "lost_by", &child);
}

static void put_program(struct object *o, const char *name, const struct exec_counters *c,
                        uint64_t recursion_misses)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        object_put_u64(&child, "seen", c->seen);
        object_put_u64(&child, "sent", c->sent);
        object_put_u64(&child, "filtered", c->filtered);
        object_put_u64(&child, "lost_ring_full", c->lost_ring_full);
        object_put_u64(&child, "lost_no_ring", c->lost_no_ring);
        object_put_u64(&child, "lost_other", c->lost_other);
        object_put_u64(&child, "recursion_misses", recursion_misses);
        object_put_u64(&child, "bare", c->bare);
        object_put_u64(&child, "lost_chunks", c->lost_chunks);
        object_put_u64(&child, "faults", c->faults);
        object_put_u64(&child, "untracked", c->untracked);
        object_put_object(o, name, &child);
}

static void put_programs(struct object *o, const struct stats *s)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        for (enum exec_program p = 0; p < _PROGRAM_MAX; p++)
                if (p == PROGRAM_EXEC || s->program[p].seen > 0 || s->recursion_misses[p] > 0)
                        put_program(&child, exec_program_name(p), &s->program[p],
                                    s->recursion_misses[p]);
        object_put_object(o, "programs", &child);
}

static void put_sink(struct object *o, const struct stats *s, const struct sink_stats *sink)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        object_put_u64(&child, "before", sink->before);
        object_put_u64(&child, "written", sink->written);
        object_put_u64(&child, "lost", sink->lost);
        object_put_u64(&child, "backlog", sink->backlog);
        object_put_u64(&child, "lines", sink->lines);
        object_put_u64(&child, "bytes", sink->bytes);
        object_put_u64(&child, "retries", sink->retries);
        object_put_u64(&child, "backlog_bytes", sink->backlog_bytes);
        object_put_i64(&child, "unaccounted", stats_unaccounted(s, sink));
        object_put_object(o, sink->name, &child);
}

static uint64_t magnitude(int64_t value)
{
        return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

static void put_sinks(struct object *o, const struct stats *s)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);
        int64_t worst = 0;

        for (unsigned i = 0; i < s->n_sinks; i++) {
                int64_t unaccounted = stats_unaccounted(s, &s->sink[i]);

                put_sink(&child, s, &s->sink[i]);
                if (magnitude(unaccounted) > magnitude(worst))
                        worst = unaccounted;
        }
        object_put_object(o, "sinks", &child);
        object_put_i64(o, "unaccounted", worst);
}

static void put_stats(struct object *o, const struct stats *s)
{
        object_put_u64(o, "seen", stats_seen(s));
        object_put_u64(o, "filtered", stats_filtered(s));
        object_put_u64(o, "lost", stats_lost(s));
        put_lost_by(o, s);
        object_put_u64(o, "in_rings", s->in_rings);
        object_put_u64(o, "queued", s->queued);
        object_put_u64(o, "queue_bytes", s->queue_bytes);
        object_put_u64(o, "wakeups", s->wakeups);
        object_put_u64(o, "cut", s->cut);
        put_programs(o, s);
        put_sinks(o, s);
}

static int encode_counters(struct encoder *e, enum event_kind kind, uint64_t boot_ns,
                           const struct stats *stats, struct line *ret)
{
        _cleanup_(object_done) struct object o = object_new(e);

        line_start(e);
        put_stats(&o, stats);
        return line_finish(e, kind, boot_ns, &o, ret);
}

int encode_stats(struct encoder *e, uint64_t boot_ns, const struct stats *stats, struct line *ret)
{
        return encode_counters(e, EVENT_STATS, boot_ns, stats, ret);
}

int encode_stop(struct encoder *e, uint64_t boot_ns, const struct stats *stats, struct line *ret)
{
        return encode_counters(e, EVENT_STOP, boot_ns, stats, ret);
}

/* Borrowed from the parent; a failure is in the parent. */
static struct object section_of(struct object *settings, const char *name)
{
        struct object section = { .encoder = settings->encoder };

        if (!json_object_object_get_ex(settings->json, name, &section.json)) {
                section.json = json_object_new_object();
                object_put_copied_key(settings, name, section.json);
        }
        section.error = settings->error;
        return section;
}

static int on_setting(void *userdata, const char *section_name, const char *key, const char *value)
{
        struct object *settings = userdata;
        struct encoder *e = settings->encoder;
        struct object section = section_of(settings, section_name);
        struct span bytes = span_of_string(value), text = encoder_repair(e, bytes);
        char key_base64[64];

        object_put_copied_key(&section, key, json_text(text));
        if (text.data != bytes.data) { /* a path is any bytes here, too */
                (void)snprintf(key_base64, sizeof(key_base64), "%s_base64", key);
                object_put_copied_key(&section, key_base64, json_base64(e, bytes));
        }
        return section.error;
}

static void put_settings(struct object *o, const struct config *config)
{
        _cleanup_(object_done) struct object child = object_new(o->encoder);

        if (child.error == 0)
                child.error = config_each(config, on_setting, &child);
        object_put_object(o, "settings", &child);
}

static void put_missing(struct object *o, const char *const *missing)
{
        struct json_object *array;

        if (!missing || !missing[0])
                return;
        array = json_object_new_array();
        object_put(o, "missing", array);
        for (size_t i = 0; o->error == 0 && missing[i]; i++)
                o->error = array_put(array, json_object_new_string(missing[i]));
}

static void put_inherited(struct object *o, const struct stats *inherited)
{
        _cleanup_(object_done) struct object child = { 0 };

        if (!inherited)
                return;
        child = object_new(o->encoder);
        put_stats(&child, inherited);
        object_put_object(o, "inherited", &child);
}

int encode_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info,
                 struct line *ret)
{
        _cleanup_(object_done) struct object o = object_new(e);

        line_start(e);
        object_put_string(&o, "version", info->version);
        object_put_text(&o, "kernel", span_of_string(info->kernel));
        object_put_u64(&o, "boot_age_ns", boot_ns);
        put_settings(&o, info->config);
        put_missing(&o, info->missing);
        put_inherited(&o, info->inherited);
        return line_finish(e, EVENT_START, boot_ns, &o, ret);
}
