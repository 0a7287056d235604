/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The wiring. A stage does alone what concerns it alone; here is the work that takes two: the
 * counters of the source against the numbers in the ledger, and the order of beginning and end.
 */
#include "flow/flow_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "flow/snapshot.h"
#include "flow/source.h"
#include "policy/screen.h"

/* Records per run: some 5 ms of work, a tenth of the default time between two rounds. */
#define BATCH 256

/*
 * A record that came out of a ring after the last reading of its counter was seen as well: at the
 * end, when the programs go on for the next run, or if the counters could not be read. And so were
 * all of a recording, which has no counters.
 */
static void count_lane(const struct flow *f, enum exec_program program, unsigned cpu,
                       struct stats *stats)
{
        const struct exec_counters *c = source_counters(f->source, program, cpu);
        uint64_t counted = c ? c->seen - c->filtered : 0, seq = ledger_seq(f->ledger, program, cpu);
        struct exec_counters *sum = &stats->program[program];

        if (c)
                stats_add_counters(sum, c);
        if (counted >= seq) {
                stats->in_rings += counted - seq;
                return;
        }
        sum->seen += seq - counted;
        if (c)
                sum->sent += seq - counted;
}

static void fill_stats(void *userdata, struct stats *stats)
{
        const struct flow *f = userdata;

        source_read_counters(f->source);
        for (unsigned program = 0; program < _PROGRAM_MAX; program++) {
                for (unsigned cpu = 0; cpu < f->source->n_cpus; cpu++)
                        count_lane(f, program, cpu, stats);
                stats->recursion_misses[program] = ledger_misses(f->ledger, program);
        }
        stats->wakeups = f->source->wakeups;
}

static struct encode_context context_of(const struct flow *f)
{
        return (struct encode_context){ .boot_id = f->identity.boot_id,
                                        .host = f->identity.host,
                                        .machine_id = f->identity.machine_id,
                                        .namespaces = f->identity.namespaces };
}

static int init_encoders(struct flow *f)
{
        const struct encode_context context = context_of(f);
        int r;

        r = encoders_init(&f->encoders, &context);
        if (r < 0)
                return r;
        encoders_set_clock(&f->encoders, f->identity.realtime_offset_ns);
        return 0;
}

static int wire(struct flow *f)
{
        static const struct pipeline_ops ops = { .fill_stats = fill_stats };
        int r;

        r = outputs_new(&f->encoders, f->ledger, &f->outputs);
        if (r < 0)
                return r;
        r = pipeline_new(&f->encoders, f->queue, f->ledger, f->outputs, &ops, f, &f->pipeline);
        if (r < 0)
                return r;
        pipeline_set_enricher(f->pipeline, f->enricher);
        pipeline_set_parents(f->pipeline, f->parents);
        pipeline_set_screen(f->pipeline, f->screen);
        pipeline_configure(f->pipeline, f->config);
        f->intake.queue = f->queue;
        f->intake.ledger = f->ledger;
        f->intake.outputs = f->outputs;
        f->intake.pipeline = f->pipeline;
        return 0;
}

int flow_new(struct source *source, const struct recording_header *identity, const char *etc,
             const struct config *config, struct rules *rules, struct flow **ret)
{
        _cleanup_(flow_freep) struct flow *f = NULL;
        int r;

        f = calloc(1, sizeof(*f));
        if (!f) {
                rules_free(rules);
                return -ENOMEM;
        }
        f->source = source;
        f->identity = *identity;
        f->config = config;
        r = screen_new(config, rules, &f->screen);
        if (r < 0)
                return r;
        r = init_encoders(f);
        if (r < 0)
                return r;
        r = enricher_new(etc, &f->enricher);
        if (r < 0)
                return r;
        r = parents_new(PARENTS_BYTES_MAX, &f->parents);
        if (r < 0)
                return r;
        r = queue_new(config->queue.size, &f->queue);
        if (r < 0)
                return r;
        r = ledger_new(source->n_cpus, &f->ledger);
        if (r < 0)
                return r;
        r = wire(f);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(f);
        return 0;
}

static void end_snapshot(struct flow *f)
{
        f->intake.snapshot = f->snapshot = snapshot_free(f->snapshot);
}

struct flow *flow_free(struct flow *f)
{
        if (!f)
                return NULL;
        end_snapshot(f);
        pipeline_free(f->pipeline);
        outputs_free(f->outputs);
        ledger_free(f->ledger);
        queue_free(f->queue);
        parents_free(f->parents);
        enricher_free(f->enricher);
        screen_free(f->screen);
        encoders_done(&f->encoders);
        free(f);
        return NULL;
}

int flow_open(struct flow *f)
{
        const struct source_handler handler = intake_handler(&f->intake);
        uint64_t now_ns;
        int r;

        r = source_open(f->source, &handler, f->ledger);
        if (r < 0)
                return r;
        /* Events without a number yet belong to this stream. */
        now_ns = f->identity.start_ns = source_now_ns(f->source);
        outputs_begin(f->outputs, ledger_total(f->ledger), MIN(f->source->watermark_ns, now_ns),
                      now_ns);
        return 0;
}

int flow_set_host(struct flow *f, const char *host)
{
        struct encode_context context = context_of(f);
        int r;

        context.host = host;
        r = encoders_set_host(&f->encoders, &context);
        if (r < 0)
                return r;
        (void)snprintf(f->identity.host, sizeof(f->identity.host), "%s", host);
        return 0;
}

const struct recording_header *flow_identity(const struct flow *f)
{
        return &f->identity;
}

struct outputs *flow_outputs(const struct flow *f)
{
        return f->outputs;
}

void flow_set_recorder(struct flow *f, struct recorder *recorder)
{
        f->intake.recorder = recorder;
}

void flow_observe(struct flow *f, const struct pipeline_observer *observer)
{
        pipeline_observe(f->pipeline, observer);
}

void flow_set_hashes(struct flow *f, struct hashes *hashes)
{
        pipeline_set_hashes(f->pipeline, hashes);
}

int flow_answer(struct flow *f, const struct hash_answer *answer)
{
        return pipeline_answer(f->pipeline, answer);
}

int flow_start(struct flow *f, const char *version)
{
        static const char *const down[] = {
                [SOURCE_PAST_UNKNOWN] = "unknown", [SOURCE_PAST_COUNTED] = "counted"
        };
        struct start_info info = { .version = version,
                                   .kernel = f->identity.kernel,
                                   .machine_id = f->identity.machine_id,
                                   .config = f->config,
                                   .rules = screen_rules(f->screen),
                                   .missing = f->source->missing_keys,
                                   .down = down[f->source->past] };
        struct stats inherited;

        if (f->source->past == SOURCE_PAST_COUNTED) {
                flow_stats(f, &inherited);
                info.inherited = &inherited;
        }
        outputs_advance(f->outputs, f->identity.start_ns);
        return outputs_start(f->outputs, &info);
}

int flow_begin_snapshot(struct flow *f)
{
        const bool is_told = f->source->past == SOURCE_PAST_COUNTED;
        int r;

        if (!f->config->capture.snapshot || (is_told && !f->config->capture.parents))
                return 0;
        r = snapshot_new(f->source, f->queue, f->outputs, f->identity.start_ns, is_told,
                         &f->snapshot);
        if (r < 0)
                return r;
        f->intake.snapshot = f->snapshot;
        return 0;
}

bool flow_can_take_snapshot(const struct flow *f)
{
        return f->snapshot && snapshot_has_room(f->snapshot, f->config->queue.backlog);
}

int flow_take_snapshot(struct flow *f)
{
        const int r = snapshot_take(f->snapshot);

        if (r == 0)
                end_snapshot(f);
        return r;
}

void flow_let_go(struct flow *f)
{
        while (flow_can_take_snapshot(f) && flow_take_snapshot(f) > 0)
                ;
        if (f->snapshot)
                snapshot_let_go(f->snapshot);
}

int flow_stop(struct flow *f)
{
        return pipeline_stop(f->pipeline, source_now_ns(f->source));
}

int flow_end_sink(struct flow *f, enum sink_place place)
{
        return pipeline_end_sink(f->pipeline, place);
}

int flow_prepare(struct flow *f, const struct config *config, struct rules *rules)
{
        int r;

        r = screen_prepare(f->screen, config, rules);
        if (r < 0)
                return r;
        return queue_resize(f->queue, config->queue.size);
}

void flow_commit(struct flow *f, const struct config *config)
{
        f->config = config;
        screen_commit(f->screen);
        outputs_set_rules(f->outputs, screen_rules(f->screen));
        pipeline_configure(f->pipeline, config);
}

void flow_revert(struct flow *f)
{
        screen_revert(f->screen);
        (void)queue_resize(f->queue, f->config->queue.size);
}

int flow_run(struct flow *f)
{
        return pipeline_run(f->pipeline, BATCH);
}

bool flow_is_idle(const struct flow *f)
{
        return !queue_peek(f->queue);
}

void flow_release_all(struct flow *f)
{
        flow_let_go(f);
        queue_release_all(f->queue);
}

bool flow_sum_up(struct flow *f)
{
        return pipeline_sum_up(f->pipeline);
}

void flow_lose(struct flow *f, enum loss_where where, uint64_t count, uint64_t from_ns,
               uint64_t to_ns)
{
        ledger_add(f->ledger, where, LOSS_ANY_CPU, count, from_ns, to_ns);
}

void flow_mark_lost(struct flow *f)
{
        uint64_t mark_ns;

        (void)pipeline_mark_lost(f->pipeline, source_now_ns(f->source), &mark_ns);
}

uint64_t flow_due_ns(const struct flow *f)
{
        return screen_due_ns(f->screen);
}

void flow_mark_moment(struct flow *f)
{
        (void)pipeline_mark_moment(f->pipeline, source_now_ns(f->source));
}

int flow_mark_stats(struct flow *f)
{
        return pipeline_mark_stats(f->pipeline, source_now_ns(f->source));
}

void flow_stats(const struct flow *f, struct stats *ret)
{
        pipeline_stats(f->pipeline, ret);
}
