/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A flow as the daemon wires it, over a source of the test's choice; with all defaults for settings
 * but the queue's size. For tests, golden files and fuzz targets. In place of a loop: whatever is
 * released goes to the sinks at once, and they deliver what they can.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"
#include "flow/flow_internal.h"
#include "flow/source_replay.h"

struct flow_fixture {
        struct source *source; /* owned */
        struct config *config;
        struct flow *flow;
};

/* A source for which the test speaks, through `source.handler`. */
struct spoken_source {
        struct source source;
        struct recording_header header;
        /* Seen by the kernel, [cpu * _PROGRAM_MAX + program]; NULL: it has no counters. */
        const uint64_t *seen;
        struct exec_counters counters[_PROGRAM_MAX];
};

static inline int spoken_identify(const struct source *source, struct recording_header *ret)
{
        *ret = ((const struct spoken_source *)source)->header;
        return 0;
}

static inline uint64_t spoken_now_ns(const struct source *source)
{
        return MAX(source->watermark_ns, ((const struct spoken_source *)source)->header.start_ns);
}

static inline const struct exec_counters *spoken_counters(const struct source *source,
                                                          enum exec_program program, unsigned cpu)
{
        struct spoken_source *s = (struct spoken_source *)source;

        if (!s->seen)
                return NULL;
        s->counters[program].seen = s->seen[cpu * _PROGRAM_MAX + program];
        return &s->counters[program];
}

static inline void spoken_free(struct source *source)
{
        free(source);
}

static inline struct source *spoken_source_new(const struct recording_header *header,
                                               const uint64_t *seen)
{
        static const struct source_ops ops = { .identify = spoken_identify,
                                               .now_ns = spoken_now_ns,
                                               .free = spoken_free,
                                               .counters = spoken_counters };
        struct spoken_source *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        s->source.ops = &ops;
        s->source.n_cpus = header->n_cpus;
        s->header = *header;
        s->seen = seen;
        return &s->source;
}

static inline void spoken_round(struct source *s, uint64_t watermark_ns)
{
        s->watermark_ns = watermark_ns;
        s->handler.on_round(s->handler.userdata, watermark_ns);
}

static inline void flow_fixture_done(struct flow_fixture *f)
{
        flow_free(f->flow);
        source_free(f->source);
        config_free(f->config);
        *f = (struct flow_fixture){ 0 };
}

/* Takes the source over; `f` is zeroed, and to be given to flow_fixture_done() also after an error.
 */
static inline int flow_fixture_init(struct flow_fixture *f, struct source *source,
                                    size_t queue_size)
{
        struct recording_header identity;
        int r;

        f->source = source;
        r = config_new(&f->config);
        if (r < 0)
                return r;
        f->config->queue.size = queue_size;
        r = source_identify(source, &identity);
        if (r < 0)
                return r;
        r = flow_new(source, &identity, NULL, f->config, NULL, &f->flow);
        return r < 0 ? r : flow_open(f->flow);
}

static inline int flow_fixture_run(struct flow_fixture *f)
{
        struct sink *sink;
        int r;

        do {
                r = flow_run(f->flow);
                for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                        sink = outputs_sink(flow_outputs(f->flow), i);
                        if (sink)
                                (void)sink_flush(sink);
                }
        } while (r > 0);
        return r;
}

/* The end of the stream: everything goes out, `stop` last. */
static inline int flow_fixture_stop(struct flow_fixture *f)
{
        int r;

        flow_release_all(f->flow);
        r = flow_fixture_run(f);
        if (r < 0)
                return r;
        r = flow_stop(f->flow);
        return r < 0 ? r : flow_fixture_run(f);
}

/* Says a whole recording, and `stop`. Returns how it ended, as source_step(). */
static inline int flow_fixture_replay(struct flow_fixture *f)
{
        int end, r;

        do {
                end = source_step(f->source);
                r = flow_fixture_run(f);
                if (r < 0)
                        return r;
        } while (end > 0);
        r = flow_fixture_stop(f);
        return r < 0 ? r : end;
}

/* The identity of the sink in this place: 0, or somebody cannot count. */
static inline int64_t flow_fixture_unaccounted(const struct flow_fixture *f, enum sink_place place)
{
        struct sink_stats sink;
        struct stats stats;

        flow_stats(f->flow, &stats);
        outputs_sink_stats(flow_outputs(f->flow), place, &sink);
        return stats_unaccounted(&stats, &sink);
}
