/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The stages in their order, for one record at a time:
 *
 *   queue → (marks) → chunks → decode → filter → parents → rules → enrich → rules → redact → encode
 *   → outputs
 *
 * Every event that comes out of the queue is offered to the sinks, hidden by a rule and counted by
 * it, or lost here (LOSS_DECODE) and counted in the ledger. What a rule can decide without it is
 * not enriched.
 *
 * Continuations of an event follow it in the queue at once and are complete: the queue releases
 * nothing that is still in flight. So joining them needs no table of unfinished events; whatever is
 * missing then, is lost, and the event says that its argv was cut.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "encode/describe.h"
#include "event/decode.h"
#include "event/enrich.h"
#include "event/filter.h"
#include "event/hashes.h"
#include "event/parents.h"
#include "flow/pipeline.h"
#include "policy/screen.h"

/*
 * Of lines in one run. In the journal they may take twice as much, with their fields, or with what
 * of long ones is there twice; and the last may be as long as there is room for: see
 * builder_settle() in config.c, which adds 256 KiB to that.
 */
#define RUN_BYTES_MAX (64 * KIB)

/* Kinds of the daemon's own records, which never leave the queue. */
enum mark {
        MARK_STATS = RECORD_DAEMON,
        MARK_LOST,
        MARK_MOMENT, /* there may be something to say by then, though nothing has happened */
        MARK_CLOCK,  /* struct clock_mark */
};

struct clock_mark {
        struct exec_record_head head;
        int64_t realtime_offset_ns;
};

struct pipeline {
        struct encoders *encoders;
        struct queue *queue;
        struct ledger *ledger;
        struct outputs *outputs;
        struct decoder *decoder;
        struct enricher *enricher; /* or NULL */
        struct parents *parents;   /* or NULL */
        struct screen *screen;     /* or NULL */
        struct hashes *hashes;     /* or NULL */
        const struct pipeline_ops *ops;
        void *userdata;
        const struct config *config;
        uint64_t run_bytes; /* of lines, in this run */
        uint64_t cut;       /* events with something cut */
        bool lost_marked;
        struct pipeline_observer observer;
        struct buf argv; /* joined from continuations */
        struct buf env;
};

int pipeline_new(struct encoders *encoders, struct queue *queue, struct ledger *ledger,
                 struct outputs *outputs, const struct pipeline_ops *ops, void *userdata,
                 struct pipeline **ret)
{
        _cleanup_(pipeline_freep) struct pipeline *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->encoders = encoders;
        p->queue = queue;
        p->ledger = ledger;
        p->outputs = outputs;
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
        decoder_free(p->decoder);
        buf_done(&p->argv);
        buf_done(&p->env);
        free(p);
        return NULL;
}

void pipeline_set_enricher(struct pipeline *p, struct enricher *enricher)
{
        p->enricher = enricher;
}

void pipeline_set_parents(struct pipeline *p, struct parents *parents)
{
        p->parents = parents;
}

void pipeline_set_screen(struct pipeline *p, struct screen *screen)
{
        p->screen = screen;
}

void pipeline_set_hashes(struct pipeline *p, struct hashes *hashes)
{
        p->hashes = hashes;
}

void pipeline_configure(struct pipeline *p, const struct config *config)
{
        p->config = config;
        if (p->parents && !config->capture.parents)
                parents_clear(p->parents);
}

static int encode_this(struct encoder *e, const void *what, size_t limit, struct line *ret)
{
        return encode_event(e, what, limit, ret);
}

static int offer_event(struct pipeline *p, const struct exec_event *event, uint32_t events)
{
        struct offer offer = {
                .message = { .kind = event->kind, .event = event, .events = events },
        };
        struct buf *text = outputs_text(p->outputs);
        int r;

        if (text)
                describe_event(event, text);
        r = message_set_text(&offer.message, text);
        if (r >= 0)
                r = outputs_encode(p->outputs, encode_this, event, &offer);
        if (r < 0)
                return r;
        p->run_bytes += offer.size_max;
        if (event->cut)
                p->cut++;
        outputs_offer(p->outputs, &offer);
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
        /* After any failure the arguments of the record itself are left. */
        if (n < head->n_chunks || buf_error(&p->argv) < 0)
                event->cut |= EXEC_CUT(FIELD_ARGV);
        if (buf_error(&p->argv) == 0 && p->argv.size > event->argv.size)
                event->argv = buf_span(&p->argv);
}

/* POLICY_LOG: it is enriched then. */
static enum policy_result decide(struct pipeline *p, struct exec_event *event)
{
        enum policy_result result = POLICY_ENRICH;

        if (p->screen)
                result = screen_decide(p->screen, event, false);
        if (result != POLICY_LOG && result != POLICY_ENRICH)
                return result;
        if (p->enricher)
                enrich_event(p->enricher, event);
        if (p->screen && result == POLICY_ENRICH)
                return screen_decide(p->screen, event, true);
        return POLICY_LOG;
}

/* No memory for this one; the next may be smaller. */
static void lose_event(struct pipeline *p, uint32_t cpu, uint64_t boot_ns)
{
        ledger_add(p->ledger, LOSS_DECODE, cpu, 1, boot_ns, boot_ns);
}

static void offer_known(struct pipeline *p, struct exec_event *event)
{
        if (p->enricher)
                enrich_event(p->enricher, event);
        if (!p->screen || screen_redact(p->screen, event) >= 0)
                (void)offer_event(p, event, 0);
}

/*
 * A process that runs already: the daemon's own event, which no rule hides and nobody counts. One
 * that an earlier run has told of is only remembered.
 */
static void process_process(struct pipeline *p, const struct exec_record_head *head)
{
        struct exec_event event;

        if (decode_record(p->decoder, head, head->size, &event) != DECODE_OK)
                return;
        if (p->parents && p->config->capture.parents)
                parents_process(p->parents, &event, p->config->capture.parent_argv_max);
        if (head->kind == RECORD_PROCESS)
                offer_known(p, &event);
}

static void process_event(struct pipeline *p, const struct exec_record_head *head)
{
        struct exec_event event;

        if (decode_record(p->decoder, head, head->size, &event) != DECODE_OK) {
                lose_event(p, head->cpu, head->boot_ns);
                return;
        }
        if (head->n_chunks > 0)
                join_chunks(p, head, &event);
        if (event.env.data)
                event.env = filter_env(p->config->capture.environment, event.env, &p->env);
        if (p->parents && p->config->capture.parents)
                parents_process(p->parents, &event, p->config->capture.parent_argv_max);
        if (p->observer.on_event)
                p->observer.on_event(p->observer.userdata, &event);
        switch (decide(p, &event)) {
        case POLICY_DROP:
                outputs_hide(p->outputs);
                return;
        case POLICY_SUM: /* its summary will account for it */
                return;
        default:
                break;
        }
        if (p->hashes)
                event.exe_sha256 = hashes_look_up(p->hashes, &event);
        if ((p->screen && screen_redact(p->screen, &event) < 0) || offer_event(p, &event, 0) < 0)
                lose_event(p, head->cpu, head->boot_ns);
}

static bool has_summaries(const struct pipeline *p)
{
        return p->screen && screen_due_ns(p->screen) != UINT64_MAX;
}

/* Of the line of a summary: each byte may have to be escaped; and what is not a string. */
static size_t summary_room(const struct pipeline *p)
{
        return 8 * screen_next_size(p->screen) + 16 * KIB;
}

/*
 * The summaries that are due by `due_ns`, as events of the moment `boot_ns`. Unless these are the
 * last words, they wait until every sink has room for them: nobody would know of the events
 * otherwise.
 */
static void offer_summaries(struct pipeline *p, uint64_t due_ns, uint64_t boot_ns, bool is_last)
{
        struct exec_event event;
        uint64_t count = 0;
        int r;

        while (has_summaries(p) && screen_due_ns(p->screen) <= due_ns) {
                if (!is_last && (p->run_bytes >= RUN_BYTES_MAX ||
                                 !outputs_have_room(p->outputs, summary_room(p))))
                        return;
                r = screen_take_summary(p->screen, due_ns, &event, &count);
                if (r == 0)
                        return;
                count = MIN(count, (uint64_t)LOSS_COUNT_MAX);
                event.boot_ns = boot_ns;
                if (r > 0)
                        r = offer_event(p, &event, (uint32_t)count);
                if (r < 0)
                        ledger_add(p->ledger, LOSS_DECODE, LOSS_ANY_CPU, count, boot_ns, boot_ns);
        }
}

void pipeline_observe(struct pipeline *p, const struct pipeline_observer *observer)
{
        p->observer = observer ? *observer : (struct pipeline_observer){};
}

/* As for a summary: each byte of the path may have to be escaped. */
static size_t answer_room(const struct hash_request *request)
{
        return 8 * strlen(request->path) + 16 * KIB;
}

int pipeline_answer(struct pipeline *p, const struct hash_answer *answer)
{
        const struct hash_request *request = hashes_next(p->hashes);
        struct exec_event event;
        int r;

        if (!outputs_have_room(p->outputs, answer_room(request)))
                return -EAGAIN;
        event = hashes_event(request, answer, outputs_now(p->outputs));
        r = offer_event(p, &event, 0);
        if (r < 0)
                return r;
        hashes_answer(p->hashes, answer);
        return 0;
}

struct counters {
        enum event_kind kind;
        uint64_t boot_ns;
        struct stats stats;
};

static int encode_these(struct encoder *e, const void *what, size_t limit, struct line *ret)
{
        const struct counters *c = what;

        return encode_stats(e, c->kind, c->boot_ns, &c->stats, limit, ret);
}

static int encode_counters(struct pipeline *p, enum event_kind kind, uint64_t boot_ns,
                           struct offer *ret)
{
        struct counters counters = { .kind = kind, .boot_ns = boot_ns };
        struct buf *text = outputs_text(p->outputs);
        int r;

        ret->message = (struct message){ .kind = kind };
        pipeline_stats(p, &counters.stats);
        if (text)
                describe_stats(kind, &counters.stats, text);
        r = message_set_text(&ret->message, text);
        if (r < 0)
                return r;
        return outputs_encode(p->outputs, encode_these, &counters, ret);
}

/* A loss that it counts has been reported before it, unless that goes on. */
static int offer_stats(struct pipeline *p, uint64_t boot_ns)
{
        struct offer offer;
        int r;

        ledger_close_ended(p->ledger, boot_ns);
        r = outputs_report(p->outputs, boot_ns);
        if (r < 0)
                return r;
        r = encode_counters(p, EVENT_STATS, boot_ns, &offer);
        if (r < 0)
                return r;
        outputs_offer(p->outputs, &offer);
        return 0;
}

static int process_record(struct pipeline *p, const struct exec_record_head *head)
{
        struct clock_mark clock;

        outputs_advance(p->outputs, head->boot_ns);
        offer_summaries(p, head->boot_ns, head->boot_ns, false);
        switch (head->kind) {
        case MARK_MOMENT:
                return 0;
        case MARK_STATS:
                return offer_stats(p, head->boot_ns);
        case MARK_LOST:
                p->lost_marked = false;
                return outputs_report(p->outputs, head->boot_ns);
        case MARK_CLOCK:
                memcpy(&clock, head, sizeof(clock));
                encoders_set_clock(p->encoders, clock.realtime_offset_ns);
                return 0;
        case RECORD_CHUNK:
                return 0; /* its event was lost, and counted */
        case RECORD_PROCESS:
        case RECORD_PROCESS_TOLD:
                process_process(p, head);
                return 0;
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

int pipeline_mark_moment(struct pipeline *p, uint64_t now_ns)
{
        return push_mark(p, MARK_MOMENT, now_ns);
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
                encoders_set_clock(p->encoders, realtime_offset_ns);
}

bool pipeline_sum_up(struct pipeline *p)
{
        p->run_bytes = 0;
        offer_summaries(p, UINT64_MAX, outputs_now(p->outputs), false);
        return has_summaries(p);
}

int pipeline_end_sink(struct pipeline *p, enum sink_place place)
{
        struct offer offer;
        uint64_t end_ns;
        int r;

        end_ns = ledger_close(p->ledger, outputs_now(p->outputs));
        r = outputs_report_to(p->outputs, place, end_ns);
        if (r < 0)
                return r;
        r = encode_counters(p, EVENT_STATS, end_ns, &offer);
        if (r < 0)
                return r;
        return outputs_offer_to(p->outputs, place, &offer);
}

int pipeline_stop(struct pipeline *p, uint64_t now_ns)
{
        struct offer offer;
        int r;

        now_ns = ledger_close(p->ledger, MAX(now_ns, outputs_now(p->outputs)));
        offer_summaries(p, UINT64_MAX, now_ns, true);
        r = outputs_report(p->outputs, now_ns);
        if (r < 0)
                return r;
        r = encode_counters(p, EVENT_STOP, now_ns, &offer);
        if (r < 0)
                return r;
        outputs_offer(p->outputs, &offer);
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
        if (p->screen)
                screen_fill_stats(p->screen, &s);
        if (p->hashes)
                hashes_fill_stats(p->hashes, &s.files);
        outputs_fill_stats(p->outputs, &s);
        *ret = s;
}
