/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A process whose exec is in the stream is left out, as is one that was forked since the programs
 * run: it has the program of one whom we know.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "event/queue.h"
#include "flow/outputs.h"
#include "flow/snapshot.h"
#include "flow/source.h"

struct snapshot {
        struct source *source;
        const struct queue *queue;
        const struct outputs *outputs;
        uint64_t stream_ns; /* when the stream began */
        uint64_t begin_ns;  /* by then the programs ran */
        uint64_t n_said;    /* which keeps them in their order */
        bool is_told;
        bool has_let_go;
        char piece[EXEC_RECORD_SIZE_MAX] __attribute__((aligned(8)));
};

int snapshot_new(struct source *source, const struct queue *queue, const struct outputs *outputs,
                 uint64_t stream_ns, bool is_told, struct snapshot **ret)
{
        struct snapshot *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->source = source;
        s->queue = queue;
        s->outputs = outputs;
        s->stream_ns = stream_ns;
        s->begin_ns = MAX(stream_ns, source_now_ns(source));
        s->is_told = is_told;
        *ret = s;
        return 0;
}

struct snapshot *snapshot_free(struct snapshot *s)
{
        free(s);
        return NULL;
}

bool snapshot_has_room(const struct snapshot *s, size_t backlog)
{
        /* A backlog wants twice as much free, in case that it is in two places. */
        return !queue_is_half_full(s->queue) && outputs_have_room(s->outputs, backlog / 4);
}

/* `now_ns`: before the piece was taken. */
static void say(struct snapshot *s, char *record, const struct exec_record_head *head,
                uint64_t now_ns)
{
        const struct source_handler *h = &s->source->handler;
        struct exec_record_head own = *head;
        uint64_t start_ns;

        memcpy(&start_ns, record + offsetof(struct exec_record, facts.start_ns), sizeof(start_ns));
        if (start_ns > s->begin_ns || own.seq >= s->stream_ns)
                return;
        own.seq = ++s->n_said;
        own.kind = s->is_told ? RECORD_PROCESS_TOLD : RECORD_PROCESS;
        own.boot_ns = s->has_let_go ? now_ns : MAX(s->stream_ns, start_ns);
        memcpy(record, &own, sizeof(own));
        h->on_record(h->userdata, record, own.size);
}

int snapshot_take(struct snapshot *s)
{
        const uint64_t now_ns = source_now_ns(s->source);
        const ssize_t size = source_list(s->source, s->piece, sizeof(s->piece));
        struct exec_record_head head;

        if (size == -EAGAIN)
                return -EAGAIN;
        for (ssize_t at = 0; at < size; at += head.size) {
                if (size - at < (ssize_t)sizeof(struct exec_record))
                        return 0;
                memcpy(&head, s->piece + at, sizeof(head));
                if (head.size < sizeof(struct exec_record) || (ssize_t)head.size > size - at)
                        return 0;
                say(s, s->piece + at, &head, now_ns);
        }
        return size > 0;
}

uint64_t snapshot_limit(struct snapshot *s, uint64_t watermark_ns)
{
        if (watermark_ns > s->begin_ns + SNAPSHOT_WAIT_NS || queue_is_half_full(s->queue))
                s->has_let_go = true;
        return s->has_let_go ? watermark_ns : MIN(watermark_ns, s->stream_ns + 1);
}

void snapshot_let_go(struct snapshot *s)
{
        s->has_let_go = true;
}
