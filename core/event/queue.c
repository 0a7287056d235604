/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A byte ring with the records in order of arrival, and a binary heap over them in order of time.
 *
 * Records come out by time but memory is freed by arrival: a record that has come out is marked,
 * and the ring's head moves on over marked ones. As streams of CPUs are drained together and differ
 * by moments only, little memory waits behind a late one. An entry of the heap carries its key, so
 * sifting does not touch the records.
 *
 * The heap has room for as many records as the ring can hold of the smallest kind, and for all
 * marks, so a push fails for one reason only: the ring, or the last place for a mark, is taken.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "event/queue.h"

struct slot {
        uint32_t size; /* of the whole slot, a multiple of 8 */
        uint32_t gone; /* popped, or the unused end of the ring */
};

struct entry {
        uint64_t boot_ns;
        uint64_t seq;
        uint32_t lane; /* cpu and program */
        uint32_t chunk;
        size_t offset; /* of the slot; from MARK_OFFSET on: of a mark, by number */
};

/* Beyond all memory, and thus beyond any slot. */
#define MARK_OFFSET (SIZE_MAX - QUEUE_MARKS_MAX)

struct queue {
        char *ring;
        size_t size;
        size_t head, tail; /* offsets of the oldest slot and of the free room; equal: empty */
        size_t used;       /* bytes of slots */
        struct entry *heap;
        size_t count, max_count;
        uint64_t watermark_ns;
        uint64_t events;
        struct exec_record_head marks[QUEUE_MARKS_MAX];
        bool mark_taken[QUEUE_MARKS_MAX];
};

static size_t round_up8(size_t n)
{
        return (n + 7) & ~(size_t)7;
}

static void *map_memory(size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

int queue_new(size_t size, struct queue **ret)
{
        _cleanup_(queue_freep) struct queue *q = NULL;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->size = round_up8(size);
        q->max_count = q->size / (sizeof(struct slot) + sizeof(struct exec_record_head)) + 1 +
                       QUEUE_MARKS_MAX;
        q->ring = map_memory(q->size);
        q->heap = map_memory(q->max_count * sizeof(*q->heap));
        if (!q->ring || !q->heap)
                return -ENOMEM;

        *ret = TAKE_PTR(q);
        return 0;
}

struct queue *queue_free(struct queue *q)
{
        if (!q)
                return NULL;
        if (q->ring)
                (void)munmap(q->ring, q->size);
        if (q->heap)
                (void)munmap(q->heap, q->max_count * sizeof(*q->heap));
        free(q);
        return NULL;
}

static struct slot *slot_at(const struct queue *q, size_t offset)
{
        return (struct slot *)(q->ring + offset);
}

static const struct exec_record_head *record_at(const struct queue *q, size_t offset)
{
        if (offset >= MARK_OFFSET)
                return &q->marks[offset - MARK_OFFSET];
        return (const void *)(q->ring + offset + sizeof(struct slot));
}

/* Room for one slot in one piece, or -ENOBUFS. Skips the end of the ring if it is too short. */
static int ring_allocate(struct queue *q, size_t size, size_t *ret_offset)
{
        size_t end;

        if (q->used == 0)
                q->head = q->tail = 0;
        if (q->used > 0 && q->tail <= q->head) { /* wrapped: free is tail..head */
                if (q->head - q->tail < size)
                        return -ENOBUFS;
        } else {
                end = q->size - q->tail;
                if (end < size) {
                        if (q->head < size)
                                return -ENOBUFS;
                        if (end > 0) {
                                *slot_at(q, q->tail) = (struct slot){ .size = end, .gone = 1 };
                                q->used += end;
                        }
                        q->tail = 0;
                }
        }

        *ret_offset = q->tail;
        q->tail += size;
        if (q->tail == q->size)
                q->tail = 0;
        q->used += size;
        return 0;
}

/* Moves the head over everything that has come out. */
static void ring_reclaim(struct queue *q)
{
        while (q->used > 0) {
                struct slot *s = slot_at(q, q->head);

                if (!s->gone)
                        return;
                q->used -= s->size;
                q->head += s->size;
                if (q->head == q->size)
                        q->head = 0;
        }
}

static uint32_t lane_of(const struct exec_record_head *h)
{
        return h->cpu << 8 | h->program;
}

static bool entry_before(const struct entry *a, const struct entry *b)
{
        if (a->boot_ns != b->boot_ns)
                return a->boot_ns < b->boot_ns;
        if (a->lane != b->lane)
                return a->lane < b->lane;
        if (a->seq != b->seq)
                return a->seq < b->seq;
        return a->chunk < b->chunk;
}

static void heap_insert(struct queue *q, struct entry e)
{
        size_t i = q->count++;

        while (i > 0 && entry_before(&e, &q->heap[(i - 1) / 2])) {
                q->heap[i] = q->heap[(i - 1) / 2];
                i = (i - 1) / 2;
        }
        q->heap[i] = e;
}

static void heap_remove_first(struct queue *q)
{
        struct entry last = q->heap[--q->count];
        size_t i = 0, child;

        while ((child = 2 * i + 1) < q->count) {
                if (child + 1 < q->count && entry_before(&q->heap[child + 1], &q->heap[child]))
                        child++;
                if (!entry_before(&q->heap[child], &last))
                        break;
                q->heap[i] = q->heap[child];
                i = child;
        }
        q->heap[i] = last;
}

int queue_push(struct queue *q, const void *record, size_t size)
{
        struct exec_record_head h;
        size_t need, offset;
        int r;

        if (size < sizeof(h))
                return -EINVAL;
        memcpy(&h, record, sizeof(h));
        if (h.size < sizeof(h) || h.size > size)
                return -EINVAL;

        need = round_up8(sizeof(struct slot) + h.size); /* without the padding of the ring */
        ring_reclaim(q);
        r = ring_allocate(q, need, &offset);
        if (r < 0)
                return r;
        *slot_at(q, offset) = (struct slot){ .size = need };
        memcpy(slot_at(q, offset) + 1, record, h.size);
        heap_insert(q, (struct entry){
                               .boot_ns = h.boot_ns,
                               .seq = h.seq,
                               .lane = lane_of(&h),
                               .chunk = h.chunk,
                               .offset = offset,
                       });
        if (exec_record_is_event(&h))
                q->events++;
        return 0;
}

int queue_push_mark(struct queue *q, const struct exec_record_head *mark)
{
        for (size_t i = 0; i < QUEUE_MARKS_MAX; i++) {
                if (q->mark_taken[i])
                        continue;
                q->mark_taken[i] = true;
                q->marks[i] = *mark;
                heap_insert(q, (struct entry){
                                       .boot_ns = mark->boot_ns,
                                       .lane = lane_of(mark),
                                       .offset = MARK_OFFSET + i,
                               });
                return 0;
        }
        return -ENOBUFS;
}

int queue_resize(struct queue *q, size_t size)
{
        _cleanup_(queue_freep) struct queue *fresh = NULL;
        struct queue old = *q;
        int r;

        if (round_up8(size) == q->size)
                return 0;
        r = queue_new(size, &fresh);
        if (r < 0)
                return r;
        for (size_t i = 0; i < q->count; i++) {
                const struct exec_record_head *h = record_at(q, q->heap[i].offset);

                if (q->heap[i].offset >= MARK_OFFSET)
                        r = queue_push_mark(fresh, h);
                else
                        r = queue_push(fresh, h, h->size);
                if (r < 0)
                        return r;
        }
        fresh->watermark_ns = q->watermark_ns;
        *q = *fresh;
        *fresh = old; /* to be freed */
        return 0;
}

void queue_release(struct queue *q, uint64_t watermark_ns)
{
        q->watermark_ns = MAX(q->watermark_ns, watermark_ns);
}

void queue_release_all(struct queue *q)
{
        uint64_t newest_ns = 0;

        for (size_t i = 0; i < q->count; i++)
                newest_ns = MAX(newest_ns, q->heap[i].boot_ns);
        queue_release(q, newest_ns < UINT64_MAX ? newest_ns + 1 : UINT64_MAX);
}

const struct exec_record_head *queue_peek(const struct queue *q)
{
        if (q->count == 0)
                return NULL;
        if (q->heap[0].boot_ns >= q->watermark_ns && q->watermark_ns != UINT64_MAX)
                return NULL;
        return record_at(q, q->heap[0].offset);
}

const struct exec_record_head *queue_pop(struct queue *q)
{
        const struct exec_record_head *h = queue_peek(q);

        if (!h)
                return NULL;
        if (q->heap[0].offset >= MARK_OFFSET)
                q->mark_taken[q->heap[0].offset - MARK_OFFSET] = false;
        else
                slot_at(q, q->heap[0].offset)->gone = 1;
        heap_remove_first(q);
        if (exec_record_is_event(h))
                q->events--;
        return h;
}

size_t queue_bytes(const struct queue *q)
{
        return q->count > 0 ? q->used : 0;
}

bool queue_is_half_full(const struct queue *q)
{
        return queue_bytes(q) > q->size / 2;
}

uint64_t queue_events(const struct queue *q)
{
        return q->events;
}

size_t queue_count(const struct queue *q)
{
        return q->count;
}
