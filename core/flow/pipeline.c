/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The stages in their order, for one record at a time:
 *
 *   queue → (marks) → chunks → decode → filter → enrich → encode → each sink
 *
 * Every event that comes out of the queue ends in exactly one of three ways for each sink:
 * accepted, dropped and counted by the sink, or lost here (LOSS_DECODE) and counted in the ledger.
 *
 * Continuations of an event follow it in the queue at once and are complete: the queue releases
 * nothing that is still in flight. So joining them needs no table of unfinished events; whatever is
 * missing then, is lost, and the event says that its argv was cut.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "event/decode.h"
#include "event/enrich.h"
#include "event/filter.h"
#include "flow/pipeline.h"

/*
 * Of lines in one run. In the journal they may take twice as much, with their fields, or with what
 * of long ones is there twice; and the last may be as long as there is room for: see
 * backlog_size_of(), which adds 256 KiB to that.
 */
#define RUN_BYTES_MAX (64 * KIB)

/* Kinds of the daemon's own records, which never leave the queue. */
enum mark {
        MARK_STATS = RECORD_DAEMON,
        MARK_LOST,
        MARK_CLOCK, /* struct clock_mark */
};

struct clock_mark {
        struct exec_record_head head;
        int64_t realtime_offset_ns;
};

struct pipeline {
        struct encoder *encoder;
        struct queue *queue;
        struct ledger *ledger;
        struct decoder *decoder;
        struct enricher *enricher; /* or NULL */
        const struct pipeline_ops *ops;
        void *userdata;
        const struct config *config;
        struct sink *sinks[_SINK_PLACE_MAX];
        uint64_t earlier; /* events of the time before us */
        uint64_t down_from_ns, down_to_ns;
        uint64_t before[_SINK_PLACE_MAX]; /* events offered, or told, before the sink was there */
        uint64_t lost[_SINK_PLACE_MAX];   /* of sink_stats.lost: what the ledger knows of */
        uint64_t boot_ns;                 /* of the record that came last, or of the start */
        struct start_info info;           /* of the start; its version is NULL before */
        uint64_t events;                  /* offered to the sinks */
        uint64_t run_bytes;               /* of lines, in this run */
        uint64_t cut;                     /* of them, with something cut */
        bool lost_marked;
        uint32_t expected_pid; /* 0: none */
        uint32_t expected_namespace;
        struct buf argv; /* joined from continuations */
        struct buf env;
};

int pipeline_new(struct encoder *encoder, struct queue *queue, struct ledger *ledger,
                 const struct pipeline_ops *ops, void *userdata, struct pipeline **ret)
{
        _cleanup_(pipeline_freep) struct pipeline *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->encoder = encoder;
        p->queue = queue;
        p->ledger = ledger;
        p->ops = ops;
        p->userdata = userdata;
        r = decoder_new(&p->decoder);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(p);
        return 0;
}

struct pipeline *pipeline_free(struct pipeline *p)
{
        if (!p)
                return NULL;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                sink_free(p->sinks[i]);
        decoder_free(p->decoder);
        buf_done(&p->argv);
        buf_done(&p->env);
        free(p);
        return NULL;
}

void pipeline_begin(struct pipeline *p, uint64_t earlier, uint64_t from_ns, uint64_t now_ns)
{
        p->earlier = earlier;
        p->down_from_ns = from_ns;
        p->down_to_ns = now_ns;
}

/* A new stream: whatever was before is none of its business. */
static void account_open(struct pipeline *p, enum sink_place place, struct account *account)
{
        struct account_state state = account_read(account);
        struct stats lost = {};

        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                lost.lost[where] = ledger_lost(p->ledger, where);
        p->before[place] = p->earlier + p->events;
        state.told = p->before[place] + stats_lost(&lost);
        state.sending = state.uncertain = 0;
        account_write(account, &state);
        account->is_open = true;
}

/* The stream of the run before us goes on: what it lacks is lost, and has to be told. */
static void account_resume(struct pipeline *p, enum sink_place place, struct sink *sink)
{
        struct account_state state = account_read(sink->account);
        const struct loss down = {
                .where = LOSS_DOWN,
                .cpu = LOSS_ANY_CPU,
                .count = p->earlier - MIN(p->earlier, state.told),
                .uncertain = state.uncertain + state.sending,
                .from_ns = p->down_from_ns,
                .to_ns = p->down_to_ns,
        };

        p->before[place] = p->earlier - down.count;
        sink->stats.down = down.count;
        sink->stats.lost += down.count;
        ledger_add_for(p->ledger, place, &down);
        state.told = MIN(state.told, p->earlier);
        state.uncertain = down.uncertain;
        state.sending = 0;
        account_write(sink->account, &state);
}

void pipeline_set_sink(struct pipeline *p, enum sink_place place, struct sink *sink)
{
        const struct sink *old = p->sinks[place];

        pipeline_note_losses(p, p->boot_ns);
        if (old) { /* what it could not deliver, nobody will */
                ledger_add(p->ledger, old->ops->loss, LOSS_ANY_CPU, old->stats.backlog, p->boot_ns,
                           p->boot_ns);
                old->account->is_open = false;
        }
        sink_free(p->sinks[place]);
        p->sinks[place] = sink;
        ledger_reset_reader(p->ledger, place);
        if (sink && sink->account->is_open)
                account_resume(p, place, sink);
        else if (sink)
                account_open(p, place, sink->account);
        p->lost[place] = sink ? sink->stats.lost : 0;
}

struct sink *pipeline_sink(const struct pipeline *p, enum sink_place place)
{
        return p->sinks[place];
}

void pipeline_set_enricher(struct pipeline *p, struct enricher *enricher)
{
        p->enricher = enricher;
}

void pipeline_configure(struct pipeline *p, const struct config *config)
{
        p->config = config;
}

void pipeline_note_losses(struct pipeline *p, uint64_t boot_ns)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                const struct sink *s = p->sinks[i];

                if (!s || s->stats.lost == p->lost[i])
                        continue;
                ledger_add(p->ledger, s->ops->loss, LOSS_ANY_CPU, s->stats.lost - p->lost[i],
                           boot_ns, boot_ns);
                p->lost[i] = s->stats.lost;
        }
}

static void offer(struct pipeline *p, const struct message *m, uint64_t boot_ns)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (p->sinks[i])
                        (void)sink_write(p->sinks[i], m); /* a loss is counted there */
        pipeline_note_losses(p, boot_ns);
}

static void offer_line(struct pipeline *p, enum event_kind kind, const struct line *line,
                       uint64_t boot_ns)
{
        struct message m = { .kind = kind, .line = *line, .brief = *line };

        offer(p, &m, boot_ns);
}

static bool is_expected(const struct pipeline *p, const struct exec_event *event)
{
        uint32_t pid = event->present & FACT_NS_PID ? event->ns_pid : event->pid;

        if (event->kind != EVENT_EXEC || pid != p->expected_pid)
                return false;
        return p->expected_namespace == 0 || !(event->present & FACT_NAMESPACES) ||
               event->namespaces[NAMESPACE_PID] == p->expected_namespace;
}

/* Encodes the event, twice if the journal could not show it whole, and offers it. */
static int offer_event(struct pipeline *p, const struct exec_event *event)
{
        struct message m = { .kind = event->kind, .event = event };
        int r;

        r = encode_event(p->encoder, event, 0, &m.line);
        if (r < 0)
                return r;
        m.brief = m.line;
        if (p->sinks[SINK_JOURNAL] && line_size_max(&m.line) > BRIEF_LINE_MAX) {
                r = encode_event(p->encoder, event, BRIEF_LINE_MAX, &m.brief);
                if (r < 0)
                        return r;
        }

        p->events++;
        if (p->expected_pid != 0 && is_expected(p, event))
                p->expected_pid = 0;
        p->run_bytes += line_size_max(&m.line);
        if (event->cut)
                p->cut++;
        offer(p, &m, event->boot_ns);
        return 0;
}

static bool is_chunk_of(const struct exec_record_head *chunk, const struct exec_record_head *head)
{
        return chunk->kind == RECORD_CHUNK && chunk->program == head->program &&
               chunk->cpu == head->cpu && chunk->seq == head->seq;
}

/* Takes the event's continuations out of the queue; argv is then joined, or marked as cut. */
static void join_chunks(struct pipeline *p, const struct exec_record_head *head,
                        struct exec_event *event)
{
        const struct exec_record_head *next;
        struct exec_record_head h;
        struct span piece;
        uint32_t n = 0;

        buf_reset(&p->argv);
        buf_append_span(&p->argv, event->argv);
        while ((next = queue_peek(p->queue)) && is_chunk_of(next, head)) {
                (void)queue_pop(p->queue);
                if (decode_chunk(next, next->size, &h, &piece) != DECODE_OK || h.chunk != n + 1)
                        continue; /* behind a hole: not ours to guess where it belongs */
                buf_append_span(&p->argv, piece);
                n++;
        }
        /* Whatever fails, there is what the record itself has. */
        if (n < head->n_chunks || buf_error(&p->argv) < 0)
                event->cut |= EXEC_CUT(FIELD_ARGV);
        if (buf_error(&p->argv) == 0 && p->argv.size > event->argv.size)
                event->argv = buf_span(&p->argv);
}

static void process_event(struct pipeline *p, const struct exec_record_head *head)
{
        struct exec_event event;
        int r;

        if (decode_record(p->decoder, head, head->size, &event) != DECODE_OK) {
                ledger_add(p->ledger, LOSS_DECODE, head->cpu, 1, head->boot_ns, head->boot_ns);
                return;
        }
        if (head->n_chunks > 0)
                join_chunks(p, head, &event);
        if (event.env.data)
                event.env = filter_env(p->config->capture.environment, event.env, &p->env);
        if (p->enricher)
                enrich_event(p->enricher, &event);

        r = offer_event(p, &event);
        if (r < 0) /* no memory for this one; the next may be smaller */
                ledger_add(p->ledger, LOSS_DECODE, head->cpu, 1, head->boot_ns, head->boot_ns);
}

void pipeline_expect(struct pipeline *p, uint32_t pid, uint32_t pid_namespace)
{
        p->expected_pid = pid;
        p->expected_namespace = pid_namespace;
}

bool pipeline_is_expecting(const struct pipeline *p)
{
        return p->expected_pid != 0;
}

static int tell_stats(struct pipeline *p, uint64_t boot_ns)
{
        struct stats stats;
        struct line line;
        int r;

        pipeline_stats(p, &stats);
        r = encode_stats(p->encoder, boot_ns, &stats, &line);
        if (r < 0)
                return r;
        offer_line(p, EVENT_STATS, &line, boot_ns);
        return 0;
}

/* A sink without room is told later. */
static int tell_loss(struct pipeline *p, enum sink_place place, const struct loss *loss,
                     uint64_t boot_ns)
{
        struct message m = { .kind = EVENT_LOST, .settles = loss->uncertain > 0 };
        struct loss part = *loss;
        int r;

        part.count = MIN(loss->count, LOSS_COUNT_MAX);
        if (loss_concerns(part.where, p->sinks[place]->ops->loss))
                m.lost = part.count;
        r = encode_lost(p->encoder, boot_ns, &part, &m.line);
        if (r < 0)
                return r;
        m.brief = m.line;
        if (sink_write(p->sinks[place], &m) >= 0)
                ledger_told(p->ledger, place, part.where, part.count);
        return 0;
}

static int tell_lost_to(struct pipeline *p, enum sink_place place, uint64_t boot_ns)
{
        const struct loss *loss;
        int r;

        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++) {
                loss = ledger_untold(p->ledger, place, where);
                if (!loss)
                        continue;
                r = tell_loss(p, place, loss, boot_ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Tells each sink what it has not been told. */
static int tell_lost(struct pipeline *p, uint64_t boot_ns)
{
        int r;

        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!p->sinks[i])
                        continue;
                r = tell_lost_to(p, i, boot_ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int process_record(struct pipeline *p, const struct exec_record_head *head)
{
        struct clock_mark clock;

        p->boot_ns = head->boot_ns;
        switch (head->kind) {
        case MARK_STATS:
                return tell_stats(p, head->boot_ns);
        case MARK_LOST:
                p->lost_marked = false;
                return tell_lost(p, head->boot_ns);
        case MARK_CLOCK:
                memcpy(&clock, head, sizeof(clock));
                encoder_set_clock(p->encoder, clock.realtime_offset_ns);
                return 0;
        case RECORD_CHUNK:
                return 0; /* its event was lost, and counted */
        default:
                process_event(p, head);
                return 0;
        }
}

int pipeline_run(struct pipeline *p, unsigned max)
{
        const struct exec_record_head *head;
        int r;

        p->run_bytes = 0;
        for (unsigned i = 0; i < max && p->run_bytes < RUN_BYTES_MAX; i++) {
                head = queue_pop(p->queue);
                if (!head)
                        return 0;
                r = process_record(p, head);
                if (r < 0)
                        return r;
        }
        return queue_peek(p->queue) != NULL;
}

/* At the end of all CPUs, so that a mark comes behind the events of the same nanosecond. */
static struct exec_record_head mark_head(enum mark mark, size_t size, uint64_t boot_ns)
{
        return (struct exec_record_head){
                .size = size,
                .version = EXEC_RECORD_VERSION,
                .kind = mark,
                .program = _PROGRAM_MAX,
                .cpu = UINT32_MAX >> 8,
                .boot_ns = boot_ns,
        };
}

static int push_mark(struct pipeline *p, enum mark mark, uint64_t now_ns)
{
        const struct exec_record_head head = mark_head(mark, sizeof(head), now_ns);

        return queue_push_mark(p->queue, &head);
}

int pipeline_mark_stats(struct pipeline *p, uint64_t now_ns)
{
        return push_mark(p, MARK_STATS, now_ns);
}

int pipeline_mark_lost(struct pipeline *p, uint64_t now_ns, uint64_t *ret_mark_ns)
{
        uint64_t mark_ns;
        int r;

        if (p->lost_marked)
                return 0;
        mark_ns = ledger_close(p->ledger, now_ns);
        r = push_mark(p, MARK_LOST, mark_ns);
        if (r < 0)
                return r;
        p->lost_marked = true;
        *ret_mark_ns = mark_ns;
        return 0;
}

void pipeline_mark_clock(struct pipeline *p, uint64_t from_ns, int64_t realtime_offset_ns)
{
        const struct clock_mark mark = {
                .head = mark_head(MARK_CLOCK, sizeof(mark), from_ns - MIN(from_ns, UINT64_C(1))),
                .realtime_offset_ns = realtime_offset_ns,
        };

        if (queue_push(p->queue, &mark, sizeof(mark)) < 0)
                encoder_set_clock(p->encoder, realtime_offset_ns);
}

bool pipeline_has_untold(const struct pipeline *p)
{
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++)
                if (p->sinks[i] && ledger_has_untold(p->ledger, i))
                        return true;
        return false;
}

/* Once more if the journal could not show it whole. */
static int encode_start_message(struct pipeline *p, uint64_t boot_ns, const struct start_info *info,
                                struct message *ret)
{
        int r;

        *ret = (struct message){ .kind = EVENT_START };
        r = encode_start(p->encoder, boot_ns, info, 0, &ret->line);
        if (r < 0)
                return r;
        ret->brief = ret->line;
        if (line_size_max(&ret->line) > BRIEF_LINE_MAX)
                r = encode_start(p->encoder, boot_ns, info, BRIEF_LINE_MAX, &ret->brief);
        return r;
}

int pipeline_start(struct pipeline *p, uint64_t now_ns, const struct start_info *info)
{
        struct message m;
        int r;

        r = encode_start_message(p, now_ns, info, &m);
        if (r < 0)
                return r;
        offer(p, &m, now_ns);
        p->boot_ns = now_ns;
        p->info = *info;
        p->info.inherited = NULL; /* the stream's, not a later sink's */
        return 0;
}

int pipeline_start_sink(struct pipeline *p, enum sink_place place, const struct config *config)
{
        struct start_info info = p->info;
        struct message m;
        int r;

        if (!p->sinks[place] || !info.version)
                return 0; /* pipeline_start() is still to come */
        info.config = config;
        /* Not now: what is in the queue is older, and comes behind it. */
        r = encode_start_message(p, p->boot_ns, &info, &m);
        if (r < 0)
                return r;
        return sink_write(p->sinks[place], &m);
}

int pipeline_end_sink(struct pipeline *p, enum sink_place place)
{
        struct stats stats;
        struct line line;
        uint64_t end_ns;
        int r;

        pipeline_note_losses(p, p->boot_ns);
        end_ns = ledger_close(p->ledger, p->boot_ns);
        r = tell_lost_to(p, place, end_ns);
        if (r < 0)
                return r;
        pipeline_stats(p, &stats);
        r = encode_stats(p->encoder, end_ns, &stats, &line);
        if (r < 0)
                return r;
        return sink_write(p->sinks[place],
                          &(struct message){ .kind = EVENT_STATS, .line = line, .brief = line });
}

int pipeline_stop(struct pipeline *p, uint64_t now_ns)
{
        struct stats stats;
        struct line line;
        int r;

        now_ns = ledger_close(p->ledger, MAX(now_ns, p->boot_ns));
        r = tell_lost(p, now_ns);
        if (r < 0)
                return r;
        pipeline_stats(p, &stats);
        r = encode_stop(p->encoder, now_ns, &stats, &line);
        if (r < 0)
                return r;
        offer_line(p, EVENT_STOP, &line, now_ns);
        return 0;
}

void pipeline_stats(const struct pipeline *p, struct stats *ret)
{
        struct stats s = {};

        p->ops->fill_stats(p->userdata, &s);
        for (unsigned where = 0; where < _LOSS_WHERE_MAX; where++)
                s.lost[where] = ledger_lost(p->ledger, where);
        s.queued = queue_events(p->queue);
        s.queue_bytes = queue_bytes(p->queue);
        s.cut = p->cut;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                if (!p->sinks[i])
                        continue;
                s.sink[s.n_sinks] = p->sinks[i]->stats;
                s.lost[LOSS_DOWN] = MAX(s.lost[LOSS_DOWN], p->sinks[i]->stats.down);
                s.sink[s.n_sinks].error = p->sinks[i]->error;
                s.sink[s.n_sinks].error_what = p->sinks[i]->error_what;
                s.sink[s.n_sinks++].before = p->before[i];
        }
        *ret = s;
}
