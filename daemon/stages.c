/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "stages.h"

#include "config/config.h"
#include "event/enrich.h"
#include "flow/recorder.h"
#include "host/delivery.h"
#include "host/identity.h"
#include "host/log.h"

/* Records per run: some 5 ms of work, a tenth of the default time between two passes. */
#define BATCH 256

#define PASSWD_PATH "/etc/passwd"

/* An event must fit, however large ArgvMax lets it be: its argv, and the heads of the chunks. */
static size_t queue_size_of(const struct config *c)
{
        return MAX(c->queue.size, 2 * c->capture.argv_max + 256 * KIB);
}

int stages_build(struct stages *s, const struct recording_header *identity,
                 const struct config *config, const struct pipeline_ops *ops, void *userdata)
{
        const struct encode_context context = { .boot_id = identity->boot_id,
                                                .host = identity->host };
        int r;

        r = encoder_new(&context, &s->encoder);
        if (r < 0)
                return r;
        encoder_set_clock(s->encoder, identity->realtime_offset_ns);
        /* The users of this host are not those of a recording from elsewhere. */
        r = enricher_new(identity_is_ours(identity) ? PASSWD_PATH : NULL, &s->enricher);
        if (r < 0)
                return r;
        r = queue_new(queue_size_of(config), &s->queue);
        if (r < 0)
                return r;
        r = ledger_new(identity->n_cpus, &s->ledger);
        if (r < 0)
                return r;
        r = outputs_new(s->encoder, s->ledger, &s->outputs);
        if (r < 0)
                return r;
        r = pipeline_new(s->encoder, s->queue, s->ledger, s->outputs, ops, userdata, &s->pipeline);
        if (r < 0)
                return r;
        pipeline_set_enricher(s->pipeline, s->enricher);
        pipeline_configure(s->pipeline, config);
        return 0;
}

int stages_open_sinks(struct stages *s, struct sd_event *event, const struct config *config,
                      struct account *accounts, bool use_stdout)
{
        int r;

        r = delivery_new(event, s->pipeline, s->outputs, accounts, use_stdout, &s->sinks);
        if (r < 0)
                return r;
        r = delivery_prepare(s->sinks, config);
        if (r < 0)
                return r;
        delivery_commit(s->sinks);
        return 0;
}

void stages_release(struct stages *s)
{
        delivery_free(s->sinks);
        pipeline_free(s->pipeline);
        outputs_free(s->outputs);
        ledger_free(s->ledger);
        queue_free(s->queue);
        encoder_free(s->encoder);
        enricher_free(s->enricher);
        *s = (struct stages){};
}

int stages_prepare(struct stages *s, const struct config *config)
{
        int r;

        r = queue_resize(s->queue, queue_size_of(config));
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot resize the queue");
        return delivery_prepare(s->sinks, config);
}

void stages_commit(struct stages *s, const struct config *config)
{
        delivery_commit(s->sinks);
        pipeline_configure(s->pipeline, config);
}

void stages_revert(struct stages *s, const struct config *config)
{
        delivery_revert(s->sinks);
        (void)queue_resize(s->queue, queue_size_of(config));
}

bool stages_run(struct stages *s)
{
        int r;

        r = pipeline_run(s->pipeline, BATCH);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot encode an event of our own");
        return r > 0 || (r < 0 && queue_peek(s->queue));
}

void stages_drain(struct stages *s, uint64_t end_ns)
{
        bool more;

        queue_release_all(s->queue);
        do {
                more = stages_run(s);
                delivery_finish(s->sinks, end_ns);
        } while (more);
}
