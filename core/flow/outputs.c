/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Every event that is offered ends, for each sink, in exactly one of two ways: the sink has it, or
 * the ledger has counted it as lost for that sink.
 *
 * Two numbers join a sink's stream with the kernel's count: `before`, the events of the
 * time before the sink; and the account, in memory that outlives us, of how many events the
 * lines in the destination account for. Events that the kernel has counted beyond the account
 * of the previous run were lost while no daemon was reading.
 */
#include <errno.h>
#include <stdlib.h>

#include "encode/describe.h"
#include "event/ledger.h"
#include "event/stats.h"
#include "flow/outputs.h"
#include "sink/sink_kind.h"

struct output {
        struct sink *sink; /* or NULL */
        enum config_format format;
        uint64_t before; /* events offered, or reported, before the sink was there */
        bool is_new;     /* its stream goes on with none of an earlier run */
};

struct outputs {
        struct encoders *encoders;
        struct ledger *ledger;
        struct output output[_SINK_PLACE_MAX];
        uint64_t now_ns;  /* the moment of the stream */
        uint64_t earlier; /* events before this run */
        uint64_t down_from_ns, down_to_ns;
        uint64_t events;   /* of the kernel, offered */
        uint64_t hidden;   /* likewise, not offered, and accounted for */
        uint64_t *dropped; /* of these: by rules, since the first run; borrowed, or NULL */
        uint64_t dropped_earlier;
        struct start_info info; /* of the start; its version is NULL before */
        struct buf text;        /* of the message that is being made */
};

int outputs_new(struct encoders *encoders, struct ledger *ledger, struct outputs **ret)
{
        struct outputs *o;

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->encoders = encoders;
        o->ledger = ledger;
        *ret = o;
        return 0;
}

struct outputs *outputs_free(struct outputs *o)
{
        if (!o)
                return NULL;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                sink_free(o->output[i].sink);
        buf_done(&o->text);
        free(o);
        return NULL;
}

void outputs_begin(struct outputs *o, uint64_t earlier, uint64_t from_ns, uint64_t now_ns)
{
        o->earlier = earlier;
        o->down_from_ns = from_ns;
        o->down_to_ns = now_ns;
}

void outputs_keep_dropped(struct outputs *o, uint64_t *dropped)
{
        o->dropped = dropped;
        o->dropped_earlier = *dropped;
}

void outputs_advance(struct outputs *o, uint64_t boot_ns)
{
        o->now_ns = boot_ns;
}

uint64_t outputs_now(const struct outputs *o)
{
        return o->now_ns;
}

/* A new stream: it does not account for the time before. */
static void account_open(struct outputs *o, enum sink_place place, struct account *account)
{
        struct account_state state = account_read(account);
        struct stats lost = {};

        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                lost.lost[where] = ledger_lost(o->ledger, where);
        o->output[place].before = o->earlier + o->events - MIN(o->earlier, o->dropped_earlier);
        state.accounted = o->earlier + o->events + stats_lost(&lost) + o->hidden;
        state.sending = state.uncertain = 0;
        account_write(account, &state);
        account->is_open = true;
}

/* The stream of the previous run goes on: what it lacks is lost, and has to be reported. */
static void account_resume(struct outputs *o, enum sink_place place, struct sink *sink)
{
        struct account_state state = account_read(sink->account);
        const struct loss down = {
                .where = LOSS_DOWN,
                .cpu = LOSS_ANY_CPU,
                .count = o->earlier - MIN(o->earlier, state.accounted),
                .uncertain = state.uncertain + state.sending,
                .from_ns = o->down_from_ns,
                .to_ns = o->down_to_ns,
        };

        /* Events that a previous run has dropped are still `filtered`. */
        o->output[place].before = o->earlier - down.count;
        o->output[place].before -= MIN(o->output[place].before, o->dropped_earlier);
        ledger_sink_down(o->ledger, place, &down);
        state.accounted = MIN(state.accounted, o->earlier);
        state.uncertain = down.uncertain;
        state.sending = 0;
        account_write(sink->account, &state);
}

/* Events that it could not deliver are lost. */
static void end_sink(struct outputs *o, enum sink_place place)
{
        struct sink *s = o->output[place].sink;

        if (!s)
                return;
        ledger_sink_lost(o->ledger, place, s->stats.backlog, o->now_ns);
        s->account->is_open = false;
        o->output[place].sink = sink_free(s);
}

void outputs_set_sink(struct outputs *o, enum sink_place place, struct sink *sink,
                      enum config_format format)
{
        end_sink(o, place);
        o->output[place].sink = sink;
        o->output[place].format = format;
        ledger_reset_sink(o->ledger, place);
        o->output[place].is_new = sink && !sink->account->is_open;
        if (sink && sink->account->is_open)
                account_resume(o, place, sink);
        else if (sink)
                account_open(o, place, sink->account);
}

struct sink *outputs_sink(const struct outputs *o, enum sink_place place)
{
        return o->output[place].sink;
}

/*
 * False: no sink has this format. Else the most bytes of a line that each that has it can show
 * whole; 0: no limit.
 */
static bool line_limit(const struct outputs *o, enum config_format format, size_t *ret)
{
        bool is_used = false;
        size_t limit = 0;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                const struct output *out = &o->output[i];
                size_t own = sink_kinds[i].line_limit;

                if (!out->sink || out->format != format)
                        continue;
                is_used = true;
                if (own > 0 && (limit == 0 || own < limit))
                        limit = own;
        }
        *ret = limit;
        return is_used;
}

/* The least line_max of the sinks that have this format; 0: none of them has one. */
static size_t line_max(const struct outputs *o, enum config_format format)
{
        size_t least = 0;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                const struct output *out = &o->output[i];

                if (out->sink && out->format == format && out->sink->line_max > 0 &&
                    (least == 0 || out->sink->line_max < least))
                        least = out->sink->line_max;
        }
        return least;
}

struct buf *outputs_text(struct outputs *o)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (o->output[i].sink && o->output[i].sink->wants_text) {
                        buf_reset(&o->text);
                        return &o->text;
                }
        return NULL;
}

/* Of events alone: what the daemon has to say of itself is as long as it has to be. */
static int encode_bounded(const struct outputs *o, enum config_format format, encode_what encode,
                          const void *what, struct offer *offer)
{
        const size_t max = offer->message.event ? line_max(o, format) : 0;

        offer->bounded[format] = offer->whole[format];
        if (max == 0 || line_size_max(&offer->whole[format]) <= max)
                return 0;
        return encode(o->encoders->bounded[format], what, max, &offer->bounded[format]);
}

static int encode_as(const struct outputs *o, enum config_format format, size_t limit,
                     encode_what encode, const void *what, struct offer *offer)
{
        struct encoder *e = o->encoders->of[format];
        size_t size;
        int r;

        r = encode(e, what, 0, &offer->whole[format]);
        if (r < 0)
                return r;
        offer->brief[format] = offer->whole[format];
        size = line_size_max(&offer->whole[format]);
        offer->size_max = MAX(offer->size_max, size);
        r = encode_bounded(o, format, encode, what, offer);
        if (r < 0)
                return r;
        if (limit == 0 || size <= limit)
                return 0;
        return encode(e, what, limit, &offer->brief[format]);
}

int outputs_encode(const struct outputs *o, encode_what encode, const void *what, struct offer *ret)
{
        size_t limit;
        int r;

        ret->size_max = 0;
        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                if (!line_limit(o, f, &limit))
                        continue;
                r = encode_as(o, f, limit, encode, what, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Likewise in the shape of one sink, which is there. */
static int encode_for(const struct outputs *o, enum sink_place place, encode_what encode,
                      const void *what, struct offer *ret)
{
        const enum config_format format = o->output[place].format;
        size_t limit;

        ret->size_max = 0;
        (void)line_limit(o, format, &limit);
        return encode_as(o, format, limit, encode, what, ret);
}

int outputs_offer_to(struct outputs *o, enum sink_place place, const struct offer *offer)
{
        const struct output *out = &o->output[place];
        struct message m = offer->message;
        int r;

        m.line = out->sink->line_max > 0 ? offer->bounded[out->format] : offer->whole[out->format];
        m.brief = offer->brief[out->format];
        if (line_size_max(&m.brief) > line_size_max(&m.line))
                m.brief = m.line;
        r = sink_write(out->sink, &m);
        if (r < 0 && event_kind_is_kernel(m.kind))
                ledger_sink_lost(o->ledger, place, 1, o->now_ns);
        return r;
}

void outputs_offer(struct outputs *o, const struct offer *offer)
{
        const struct message *m = &offer->message;

        if (event_kind_is_kernel(m->kind))
                o->events++;
        if (m->kind == EVENT_SUMMARY)
                o->hidden += m->events;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (o->output[i].sink)
                        (void)outputs_offer_to(o, i, offer);
}

void outputs_hide(struct outputs *o)
{
        o->hidden++;
        if (o->dropped)
                (*o->dropped)++;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (o->output[i].sink)
                        sink_account(o->output[i].sink, 1);
}

bool outputs_have_room(const struct outputs *o, size_t size)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (o->output[i].sink && !sink_has_room(o->output[i].sink, size))
                        return false;
        return true;
}

/* An event of the stream's own, for encode_what. */
struct own_event {
        uint64_t boot_ns;
        const struct start_info *info;
        const struct loss *loss;
};

static int encode_own_start(struct encoder *e, const void *what, size_t limit, struct line *ret)
{
        const struct own_event *own = what;

        return encode_start(e, own->boot_ns, own->info, limit, ret);
}

static int encode_own_loss(struct encoder *e, const void *what, size_t limit _unused_,
                           struct line *ret)
{
        const struct own_event *own = what;

        return encode_lost(e, own->boot_ns, own->loss, ret); /* which is short */
}

/* What is in it but its lines. */
static int begin_start(struct outputs *o, const struct start_info *info, struct offer *ret)
{
        struct buf *text = outputs_text(o);

        ret->message = (struct message){ .kind = EVENT_START };
        if (text)
                describe_start(o->now_ns, info, text);
        return message_set_text(&ret->message, text);
}

int outputs_start(struct outputs *o, const struct start_info *info)
{
        const struct own_event own = { .boot_ns = o->now_ns, .info = info };
        struct offer offer;
        int r;

        r = begin_start(o, info, &offer);
        if (r >= 0)
                r = outputs_encode(o, encode_own_start, &own, &offer);
        if (r < 0)
                return r;
        outputs_offer(o, &offer);
        o->info = *info;
        o->info.inherited = NULL; /* the stream's, not a later sink's */
        return 0;
}

void outputs_set_rules(struct outputs *o, const struct rules *rules)
{
        o->info.rules = rules;
}

int outputs_start_sink(struct outputs *o, enum sink_place place, const struct config *config)
{
        struct offer offer;
        struct start_info info = o->info;
        /* Of the stream's moment, not of now: events in the queue are older, and come behind it. */
        const struct own_event own = { .boot_ns = o->now_ns, .info = &info };
        int r;

        if (!o->output[place].sink || !info.version)
                return 0; /* outputs_start() is still to come */
        info.config = config;
        r = begin_start(o, &info, &offer);
        if (r >= 0)
                r = encode_for(o, place, encode_own_start, &own, &offer);
        if (r < 0)
                return r;
        return outputs_offer_to(o, place, &offer);
}

/* A sink without room gets it later. */
static int report_loss(struct outputs *o, enum sink_place place, const struct loss *loss,
                       uint64_t boot_ns)
{
        struct offer offer = { .message = { .kind = EVENT_LOST, .settles = loss->uncertain > 0 } };
        struct buf *text = outputs_text(o);
        struct loss part = *loss;
        const struct own_event own = { .boot_ns = boot_ns, .loss = &part };
        int r;

        part.count = MIN(loss->count, LOSS_COUNT_MAX);
        if (loss_concerns(part.where, place))
                offer.message.events = part.count;
        if (text)
                describe_lost(&part, text);
        r = message_set_text(&offer.message, text);
        if (r >= 0)
                r = encode_for(o, place, encode_own_loss, &own, &offer);
        if (r < 0)
                return r;
        if (outputs_offer_to(o, place, &offer) >= 0)
                ledger_reported(o->ledger, place, part.where, part.count);
        return 0;
}

int outputs_report_to(struct outputs *o, enum sink_place place, uint64_t boot_ns)
{
        const struct loss *loss;
        int r;

        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++) {
                loss = ledger_unreported(o->ledger, place, where);
                if (!loss || loss->to_ns > boot_ns) /* closed for a mark that is later */
                        continue;
                r = report_loss(o, place, loss, boot_ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

int outputs_report(struct outputs *o, uint64_t boot_ns)
{
        int r;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!o->output[i].sink)
                        continue;
                r = outputs_report_to(o, i, boot_ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

bool outputs_has_unreported(const struct outputs *o)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (o->output[i].sink && ledger_has_unreported(o->ledger, i))
                        return true;
        return false;
}

void outputs_sink_stats(const struct outputs *o, enum sink_place place, struct sink_stats *ret)
{
        const struct output *out = &o->output[place];

        *ret = out->sink->stats;
        ret->name = sink_place_name(place);
        ret->before = out->before;
        ret->is_new = out->is_new;
        ret->error = out->sink->error;
        ret->error_what = out->sink->error_what;
        ledger_fill_sink(o->ledger, place, ret);
}

void outputs_fill_stats(const struct outputs *o, struct stats *stats)
{
        stats->hidden += o->dropped_earlier;
        stats->hidden_by_earlier = o->dropped_earlier;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                struct sink_stats *ret = &stats->sink[stats->n_sinks];

                if (!o->output[i].sink)
                        continue;
                outputs_sink_stats(o, i, ret);
                stats->lost[LOSS_DOWN] = MAX(stats->lost[LOSS_DOWN], ret->down);
                stats->n_sinks++;
        }
}
