/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The stages between a source and the sinks, wired as the daemon wires them when it replays a
 * recording; with all defaults for settings. For tests, golden files and fuzz targets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"
#include "event/enrich.h"
#include "event/queue.h"
#include "flow/intake.h"
#include "flow/source_replay.h"

struct replay_stages {
        struct intake intake; /* first: a handler may be made before the rest is there */
        struct encoder *encoder;
        struct enricher *enricher;
        struct queue *queue;
        struct ledger *ledger;
        struct outputs *outputs;
        struct pipeline *pipeline;
        struct config *config;
        unsigned n_cpus;
        uint64_t start_ns;
        /* What the kernel has seen, [cpu * _PROGRAM_MAX + program]; NULL: what its numbers say. */
        const uint64_t *kernel_seq;
};

static inline void replay_stages_fill_stats(void *userdata, struct stats *stats)
{
        const struct replay_stages *s = userdata;

        for (unsigned program = 0; program < _PROGRAM_MAX; program++) {
                for (unsigned cpu = 0; cpu < s->n_cpus; cpu++) {
                        uint64_t known = ledger_seq(s->ledger, program, cpu), seen = known;

                        if (s->kernel_seq)
                                seen = s->kernel_seq[cpu * _PROGRAM_MAX + program];
                        stats->program[program].seen += seen;
                        stats->in_rings += seen - known;
                }
                stats->recursion_misses[program] = s->intake.missed[program];
        }
}

static inline void replay_stages_done(struct replay_stages *s)
{
        pipeline_free(s->pipeline);
        outputs_free(s->outputs);
        ledger_free(s->ledger);
        queue_free(s->queue);
        enricher_free(s->enricher);
        encoder_free(s->encoder);
        config_free(s->config);
        *s = (struct replay_stages){ 0 };
}

/* `s` is zeroed; to be given to replay_stages_done() also after an error. */
static inline int replay_stages_init(struct replay_stages *s, const struct recording_header *h,
                                     size_t queue_size)
{
        static const struct pipeline_ops ops = { .fill_stats = replay_stages_fill_stats };
        const struct encode_context context = { .boot_id = h->boot_id, .host = h->host };
        int r;

        s->n_cpus = h->n_cpus;
        s->start_ns = h->start_ns;
        r = config_new(&s->config);
        if (r < 0)
                return r;
        r = encoder_new(&context, &s->encoder);
        if (r < 0)
                return r;
        encoder_set_clock(s->encoder, h->realtime_offset_ns);
        r = enricher_new(NULL, &s->enricher);
        if (r < 0)
                return r;
        r = queue_new(queue_size, &s->queue);
        if (r < 0)
                return r;
        r = ledger_new(h->n_cpus, &s->ledger);
        if (r < 0)
                return r;
        r = outputs_new(s->encoder, s->ledger, &s->outputs);
        if (r < 0)
                return r;
        r = pipeline_new(s->encoder, s->queue, s->ledger, s->outputs, &ops, s, &s->pipeline);
        if (r < 0)
                return r;
        pipeline_set_enricher(s->pipeline, s->enricher);
        pipeline_configure(s->pipeline, s->config);
        s->intake.queue = s->queue;
        s->intake.ledger = s->ledger;
        s->intake.outputs = s->outputs;
        s->intake.pipeline = s->pipeline;
        return 0;
}

/* Everything that is released goes to the sinks, and they deliver what they can. */
static inline int replay_stages_run(struct replay_stages *s)
{
        int r;

        do {
                r = pipeline_run(s->pipeline, 256);
                for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                        if (outputs_sink(s->outputs, i))
                                (void)sink_flush(outputs_sink(s->outputs, i));
        } while (r > 0);
        return r;
}

/* The end of the stream: everything goes out, `stop` last. */
static inline int replay_stages_stop(struct replay_stages *s)
{
        uint64_t now_ns = MAX(s->intake.watermark_ns, s->start_ns);
        int r;

        queue_release(s->queue, UINT64_MAX);
        r = replay_stages_run(s);
        if (r < 0)
                return r;
        r = pipeline_stop(s->pipeline, now_ns);
        if (r < 0)
                return r;
        return replay_stages_run(s);
}

/* Says a whole recording, and `stop`. Returns how it ended, as source_replay_step(). */
static inline int replay_stages_replay(struct replay_stages *s, struct source_replay *replay)
{
        int end, r;

        do {
                end = source_replay_step(replay);
                r = replay_stages_run(s);
                if (r < 0)
                        return r;
        } while (end > 0);
        r = replay_stages_stop(s);
        return r < 0 ? r : end;
}

/* The identity of the sink in this place: 0, or somebody cannot count. */
static inline int64_t replay_stages_unaccounted(const struct replay_stages *s,
                                                enum sink_place place)
{
        struct sink *sink = outputs_sink(s->outputs, place);
        struct stats stats;

        pipeline_stats(s->pipeline, &stats);
        for (unsigned i = 0; i < stats.n_sinks; i++)
                if (strcmp(stats.sink[i].name, sink->stats.name) == 0)
                        return stats_unaccounted(&stats, &stats.sink[i]);
        return INT64_MIN;
}
