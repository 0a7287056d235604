/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * queue: order in time over all CPUs, the watermark, the exact bound in bytes; and a long random
 * walk beside a model that is too simple to be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "event/queue.h"
#include "record_builder.h"

#define ALL UINT64_MAX

/* The smallest record: its head and the slot's. */
#define SLOT_MIN (sizeof(struct exec_record_head) + 8)

static struct record record;

static struct queue *make_queue(size_t size)
{
        struct queue *q = NULL;

        assert_int_equal(queue_new(size, &q), 0);
        return q;
}

/* A bare head: enough for the queue. */
static int push(struct queue *q, uint64_t boot_ns, uint32_t cpu, uint64_t seq)
{
        const struct exec_record_head h = record_head(RECORD_EXEC, PROGRAM_EXEC, cpu, seq, boot_ns);

        return queue_push(q, &h, sizeof(h));
}

static int push_sized(struct queue *q, uint64_t boot_ns, size_t size)
{
        record.head = record_head(RECORD_EXEC, PROGRAM_EXEC, 0, 0, boot_ns);
        record.head.size = size;
        return queue_push(q, &record, size);
}

static void assert_pops(struct queue *q, uint64_t boot_ns, uint32_t cpu, uint64_t seq)
{
        const struct exec_record_head *peeked = queue_peek(q), *h = queue_pop(q);

        assert_non_null(h);
        assert_ptr_equal(h, peeked);
        assert_int_equal((uintptr_t)h % 8, 0);
        assert_int_equal(h->boot_ns, boot_ns);
        assert_int_equal(h->cpu, cpu);
        assert_int_equal(h->seq, seq);
}

static void assert_empty(struct queue *q)
{
        assert_null(queue_peek(q));
        assert_null(queue_pop(q));
        assert_int_equal(queue_count(q), 0);
        assert_int_equal(queue_events(q), 0);
        assert_int_equal(queue_bytes(q), 0);
}

static void streams_of_all_cpus_come_out_in_time_order(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);

        (void)state;
        assert_int_equal(push(q, 10, 0, 1), 0);
        assert_int_equal(push(q, 40, 0, 2), 0);
        assert_int_equal(push(q, 20, 1, 1), 0);
        assert_int_equal(push(q, 30, 1, 2), 0);
        assert_int_equal(push(q, 25, 2, 1), 0);
        queue_release(q, ALL);
        assert_pops(q, 10, 0, 1);
        assert_pops(q, 20, 1, 1);
        assert_pops(q, 25, 2, 1);
        assert_pops(q, 30, 1, 2);
        assert_pops(q, 40, 0, 2);
        assert_empty(q);
}

static void equal_times_are_ordered_by_cpu_program_and_seq(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);
        struct exec_record_head h = record_head(RECORD_EXIT, PROGRAM_EXIT, 1, 1, 10);

        (void)state;
        assert_int_equal(queue_push(q, &h, sizeof(h)), 0);
        assert_int_equal(push(q, 10, 2, 1), 0);
        assert_int_equal(push(q, 10, 1, 6), 0);
        assert_int_equal(push(q, 10, 0, 9), 0);
        assert_int_equal(push(q, 10, 1, 5), 0);
        queue_release(q, 11);
        assert_pops(q, 10, 0, 9);
        assert_pops(q, 10, 1, 5);
        assert_pops(q, 10, 1, 6);
        assert_int_equal(queue_peek(q)->kind, RECORD_EXIT);
        assert_pops(q, 10, 1, 1);
        assert_pops(q, 10, 2, 1);
}

static void chunks_follow_their_event_however_they_arrive(void **state)
{
        static const uint32_t arrival[] = { 3, 1, 0, 2 };
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);
        struct exec_record_head h = record_head(RECORD_EXEC, PROGRAM_EXEC, 1, 5, 10);

        (void)state;
        assert_int_equal(push(q, 10, 1, 6), 0);
        assert_int_equal(push(q, 10, 0, 5), 0);
        for (size_t i = 0; i < ELEMENTSOF(arrival); i++) {
                h.chunk = arrival[i];
                h.kind = h.chunk ? RECORD_CHUNK : RECORD_EXEC;
                assert_int_equal(queue_push(q, &h, sizeof(h)), 0);
        }
        assert_int_equal(queue_events(q), 3);
        assert_int_equal(queue_count(q), 6);
        queue_release(q, ALL);
        assert_pops(q, 10, 0, 5);
        for (uint32_t chunk = 0; chunk <= 3; chunk++) {
                assert_int_equal(queue_peek(q)->chunk, chunk);
                assert_pops(q, 10, 1, 5);
        }
        assert_pops(q, 10, 1, 6);
}

static void watermark_lets_nothing_younger_pass(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);

        (void)state;
        assert_int_equal(push(q, 10, 0, 1), 0);
        assert_int_equal(push(q, 20, 1, 1), 0);
        assert_null(queue_pop(q)); /* released nothing yet */
        queue_release(q, 10);
        assert_null(queue_pop(q)); /* something as old may still come */
        queue_release(q, 11);
        assert_pops(q, 10, 0, 1);
        assert_null(queue_pop(q));
        queue_release(q, 5); /* it never goes back */
        assert_int_equal(push(q, 7, 0, 2), 0);
        assert_pops(q, 7, 0, 2); /* late, but not lost */
        queue_release(q, 20);
        assert_null(queue_pop(q));
        queue_release(q, 21);
        assert_pops(q, 20, 1, 1);
        assert_empty(q);
}

static void everything_comes_out_at_the_end_of_time(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);

        (void)state;
        assert_int_equal(push(q, UINT64_MAX, 0, 1), 0);
        assert_int_equal(push(q, UINT64_MAX - 1, 0, 2), 0);
        queue_release(q, UINT64_MAX - 1);
        assert_null(queue_pop(q));
        queue_release(q, ALL);
        assert_pops(q, UINT64_MAX - 1, 0, 2);
        assert_pops(q, UINT64_MAX, 0, 1);
        assert_empty(q);
}

static void what_comes_after_a_release_of_all_waits_again(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);

        (void)state;
        queue_release_all(q);
        assert_int_equal(push(q, 30, 0, 1), 0);
        assert_int_equal(push(q, 10, 1, 1), 0);
        assert_null(queue_peek(q));
        queue_release_all(q);
        assert_int_equal(push(q, 31, 0, 2), 0);
        assert_pops(q, 10, 1, 1);
        assert_pops(q, 30, 0, 1);
        assert_null(queue_peek(q));
        assert_int_equal(push(q, ALL, 0, 3), 0);
        queue_release_all(q);
        assert_pops(q, 31, 0, 2);
        assert_pops(q, ALL, 0, 3);
}

static void records_that_are_none_are_refused(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);
        struct exec_record_head h = record_head(RECORD_EXEC, PROGRAM_EXEC, 0, 1, 1);

        (void)state;
        assert_int_equal(queue_push(q, &h, 0), -EINVAL);
        assert_int_equal(queue_push(q, &h, sizeof(h) - 1), -EINVAL);
        h.size = sizeof(h) + 1;
        assert_int_equal(queue_push(q, &h, sizeof(h)), -EINVAL);
        h.size = sizeof(h) - 1;
        assert_int_equal(queue_push(q, &h, sizeof(h)), -EINVAL);
        h.size = 0;
        assert_int_equal(queue_push(q, &h, sizeof(h)), -EINVAL);
        h.size = UINT32_MAX;
        assert_int_equal(queue_push(q, &h, sizeof(h)), -EINVAL);
        queue_release(q, ALL);
        assert_empty(q);
}

static void padding_of_the_ring_takes_no_room(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(SLOT_MIN);

        (void)state;
        record.head = record_head(RECORD_EXEC, PROGRAM_EXEC, 0, 1, 1);
        assert_int_equal(queue_push(q, &record, sizeof(record.head) + 4), 0);
        assert_int_equal(queue_bytes(q), SLOT_MIN);
        queue_release(q, ALL);
        assert_pops(q, 1, 0, 1);
}

static void it_fills_to_the_last_byte_and_no_further(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(5 * SLOT_MIN);

        (void)state;
        for (uint64_t i = 1; i <= 5; i++)
                assert_int_equal(push(q, i, 0, i), 0);
        assert_int_equal(queue_bytes(q), 5 * SLOT_MIN);
        assert_int_equal(push(q, 6, 0, 6), -ENOBUFS);
        assert_int_equal(queue_count(q), 5);
        assert_int_equal(queue_events(q), 5);

        queue_release(q, ALL);
        assert_pops(q, 1, 0, 1);
        assert_int_equal(push(q, 6, 0, 6), 0); /* wraps */
        assert_int_equal(push(q, 7, 0, 7), -ENOBUFS);
        for (uint64_t i = 2; i <= 6; i++)
                assert_pops(q, i, 0, i);
        assert_empty(q);
}

static void record_larger_than_the_queue_never_fits(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(1000);

        (void)state;
        assert_int_equal(push_sized(q, 1, 993), -ENOBUFS);
        assert_int_equal(push_sized(q, 1, EXEC_RECORD_SIZE_MAX), -ENOBUFS);
        assert_int_equal(push_sized(q, 1, 992), 0);
}

/* At every offset of the ring: a queue that is empty has all its room in one piece. */
static void empty_queue_takes_a_record_of_its_size(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(1000);

        (void)state;
        queue_release(q, ALL);
        for (size_t n = sizeof(record.head); n < 992; n++) {
                assert_int_equal(push_sized(q, n, n), 0);
                assert_non_null(queue_pop(q));
                assert_int_equal(push_sized(q, n, 992), 0);
                assert_non_null(queue_pop(q));
                assert_empty(q);
        }
}

/* With a hole at the end too small for the next record, at every possible size of the hole. */
static void unused_end_of_the_ring_is_given_back(void **state)
{
        (void)state;
        for (size_t hole = 0; hole <= 200; hole += 8) {
                _cleanup_(queue_freep) struct queue *q = make_queue(200 + 200 + hole);

                assert_int_equal(push_sized(q, 1, 192), 0);
                assert_int_equal(push_sized(q, 2, 192), 0);
                queue_release(q, 2);
                assert_non_null(queue_pop(q));
                assert_int_equal(push_sized(q, 3, 192), 0);
                assert_int_equal(push_sized(q, 4, 192), hole < 200 ? -ENOBUFS : 0);
                queue_release(q, ALL);
                for (uint64_t i = 2; i <= (hole < 200 ? 3 : 4); i++)
                        assert_int_equal(queue_pop(q)->boot_ns, i);
                assert_empty(q);
        }
}

static void popped_record_stays_readable_until_the_next_push(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(1000);
        const struct exec_record_head *first, *second;

        (void)state;
        assert_int_equal(push(q, 1, 0, 1), 0);
        assert_int_equal(push(q, 2, 0, 2), 0);
        queue_release(q, ALL);
        first = queue_pop(q);
        second = queue_pop(q);
        assert_int_equal(first->seq, 1);
        assert_int_equal(second->seq, 2);
}

static void marks_of_the_daemon_are_no_events(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(1000);
        struct exec_record_head h = record_head(RECORD_DAEMON, _PROGRAM_MAX, UINT32_MAX >> 8, 0, 5);

        (void)state;
        assert_int_equal(queue_push(q, &h, sizeof(h)), 0);
        assert_int_equal(push(q, 5, 8191, UINT64_MAX), 0);
        assert_int_equal(queue_events(q), 1);
        queue_release(q, ALL);
        assert_pops(q, 5, 8191, UINT64_MAX);
        assert_int_equal(queue_events(q), 0);
        assert_int_equal(queue_count(q), 1);
        assert_int_equal(queue_pop(q)->kind, RECORD_DAEMON); /* behind all CPUs */
        assert_empty(q);
}

static void resize_keeps_records_and_watermark(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(1000);

        (void)state;
        for (uint64_t i = 9; i > 0; i--)
                assert_int_equal(push(q, i, 0, i), 0);
        queue_release(q, 5);
        assert_pops(q, 1, 0, 1);
        assert_int_equal(queue_resize(q, 8 * SLOT_MIN), 0);
        assert_int_equal(queue_events(q), 8);
        assert_int_equal(queue_bytes(q), 8 * SLOT_MIN);
        for (uint64_t i = 2; i < 5; i++)
                assert_pops(q, i, 0, i);
        assert_null(queue_pop(q));
        assert_int_equal(queue_resize(q, 4096), 0);
        queue_release(q, ALL);
        for (uint64_t i = 5; i <= 9; i++)
                assert_pops(q, i, 0, i);
        assert_empty(q);
}

static void resize_that_would_lose_changes_nothing(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4 * SLOT_MIN);

        (void)state;
        for (uint64_t i = 1; i <= 4; i++)
                assert_int_equal(push(q, i, 0, i), 0);
        assert_int_equal(queue_resize(q, 4 * SLOT_MIN - 1), 0); /* rounded up */
        assert_int_equal(queue_resize(q, 4 * SLOT_MIN - 8), -ENOBUFS);
        assert_int_equal(push(q, 5, 0, 5), -ENOBUFS);
        queue_release(q, ALL);
        for (uint64_t i = 1; i <= 4; i++)
                assert_pops(q, i, 0, i);
        assert_empty(q);
}

static void queue_of_nothing_can_be_freed(void **state)
{
        (void)state;
        assert_null(queue_free(NULL));
}

/* The model: what is in the queue, unordered; and what holds memory, in order of arrival. */

#define MODEL_MAX 4096
#define SIZE_MAX_OF_WALK 400

struct item {
        struct exec_record_head head;
        uint64_t fill; /* seed of the bytes behind the head */
};

struct model {
        struct item items[MODEL_MAX];
        size_t n_items;
        uint64_t watermark_ns;
        size_t size, live; /* bytes */
        uint64_t n_events, n_pushed, n_refused, n_popped;
};

static size_t slot_size(const struct exec_record_head *h)
{
        return (8 + h->size + 7) / 8 * 8;
}

static bool item_before(const struct exec_record_head *a, const struct exec_record_head *b)
{
        if (a->boot_ns != b->boot_ns)
                return a->boot_ns < b->boot_ns;
        if (a->cpu != b->cpu)
                return a->cpu < b->cpu;
        if (a->program != b->program)
                return a->program < b->program;
        if (a->seq != b->seq)
                return a->seq < b->seq;
        return a->chunk < b->chunk;
}

static void fill_bytes(const struct item *item, char *bytes)
{
        uint64_t seed = item->fill;

        for (size_t i = sizeof(item->head); i < item->head.size; i++)
                bytes[i] = (char)random_next(&seed);
}

static void walk_push(struct queue *q, struct model *m, uint64_t *seed)
{
        struct item item = { .fill = random_next(seed) };
        uint64_t base = m->watermark_ns > 20 ? m->watermark_ns - 20 : 0;
        int r;

        item.head = record_head(random_next(seed) % 3 ? RECORD_EXEC : RECORD_CHUNK,
                                random_next(seed) % _PROGRAM_MAX, random_next(seed) % 3,
                                m->n_pushed + m->n_refused, base + random_next(seed) % 80);
        item.head.size += random_next(seed) % 4 ? 0 : random_next(seed) % SIZE_MAX_OF_WALK;
        item.head.chunk = random_next(seed) % 2;
        memcpy(&record, &item.head, sizeof(item.head));
        fill_bytes(&item, record.bytes);

        r = queue_push(q, &record, item.head.size + random_next(seed) % 8);
        if (r < 0) {
                assert_int_equal(r, -ENOBUFS);
                m->n_refused++;
                return;
        }
        assert_true(m->n_items < MODEL_MAX);
        m->items[m->n_items++] = item;
        m->live += slot_size(&item.head);
        m->n_events += item.head.kind == RECORD_EXEC;
        m->n_pushed++;
}

static void walk_pop(struct queue *q, struct model *m)
{
        const struct exec_record_head *h = queue_pop(q);
        struct item *first = NULL;

        for (size_t i = 0; i < m->n_items; i++)
                if (!first || item_before(&m->items[i].head, &first->head))
                        first = &m->items[i];
        if (!first || first->head.boot_ns >= m->watermark_ns) {
                assert_null(h);
                return;
        }
        assert_non_null(h);
        memcpy(&record, &first->head, sizeof(first->head));
        fill_bytes(first, record.bytes);
        assert_memory_equal(h, &record, record.head.size);

        m->live -= slot_size(&first->head);
        m->n_events -= first->head.kind == RECORD_EXEC;
        m->n_popped++;
        *first = m->items[--m->n_items];
}

static void walk_resize(struct queue *q, struct model *m, uint64_t *seed)
{
        size_t size = (400 + random_next(seed) % 8000) / 8 * 8;
        int r = queue_resize(q, size);

        if (size == m->size || size >= m->live)
                assert_int_equal(r, 0);
        else
                assert_int_equal(r, -ENOBUFS);
        if (r == 0)
                m->size = size;
}

static void walk_step(struct queue *q, struct model *m, uint64_t *seed, bool filling)
{
        switch (random_next(seed) % 16) {
        case 0:
                m->watermark_ns += random_next(seed) % 60;
                queue_release(q, m->watermark_ns);
                return;
        case 1:
                queue_release(q, m->watermark_ns / 2);
                return;
        case 2:
                if (random_next(seed) % 16 == 0)
                        walk_resize(q, m, seed);
                return;
        default:
                if (random_next(seed) % 8 < (filling ? 6 : 2))
                        walk_push(q, m, seed);
                else
                        walk_pop(q, m);
        }
}

static void it_agrees_with_a_model_on_random_walks(void **state)
{
        static struct model model;
        uint64_t n_refused = 0;

        (void)state;
        for (uint64_t walk = 1; walk <= 40; walk++) {
                _cleanup_(queue_freep) struct queue *q = make_queue(4096);
                uint64_t seed = walk;

                model = (struct model){ .size = 4096 };
                for (unsigned step = 0; step < 4000; step++) {
                        walk_step(q, &model, &seed, step / 400 % 2 == 0);
                        assert_int_equal(queue_count(q), model.n_items);
                        assert_int_equal(queue_events(q), model.n_events);
                        assert_true(queue_bytes(q) >= model.live);
                        assert_true(queue_bytes(q) <= model.size);
                }
                model.watermark_ns = ALL;
                queue_release(q, ALL);
                while (model.n_items > 0)
                        walk_pop(q, &model);
                assert_empty(q);
                assert_int_equal(model.n_popped, model.n_pushed);
                n_refused += model.n_refused;
        }
        assert_true(n_refused > 1000); /* the walks were where it matters */
}

/*
 * If records leave in their order of arrival, room is refused only where it is in two pieces that
 * are both too small.
 */
static void room_is_refused_only_when_there_is_none(void **state)
{
        _cleanup_(queue_freep) struct queue *q = make_queue(4096);
        size_t sizes[4096 / SLOT_MIN], first = 0, n = 0, live = 0, largest = 8 + SIZE_MAX_OF_WALK;
        uint64_t seed = 1;

        (void)state;
        queue_release(q, ALL);
        for (uint64_t i = 1; i < 100000; i++) {
                size_t size = sizeof(record.head) + random_next(&seed) % (SIZE_MAX_OF_WALK - 47);
                struct exec_record_head h = { .size = size };

                if (n > 0 && random_next(&seed) % 2) {
                        assert_non_null(queue_pop(q));
                        live -= sizes[first++ % ELEMENTSOF(sizes)];
                        n--;
                        continue;
                }
                if (push_sized(q, i, size) < 0) {
                        assert_true(live + 2 * largest > 4096);
                        continue;
                }
                sizes[(first + n++) % ELEMENTSOF(sizes)] = slot_size(&h);
                live += slot_size(&h);
        }
}

static void marks_find_room_in_a_full_queue(void **state)
{
        const struct exec_record_head mark = record_head(RECORD_DAEMON, _PROGRAM_MAX, 9, 0, 3);
        _cleanup_(queue_freep) struct queue *q = make_queue(4 * SLOT_MIN);

        (void)state;
        for (uint64_t i = 1; i <= 4; i++)
                assert_int_equal(push(q, i, 0, i), 0);
        assert_int_equal(push(q, 5, 0, 5), -ENOBUFS);
        for (size_t i = 0; i < QUEUE_MARKS_MAX; i++)
                assert_int_equal(queue_push_mark(q, &mark), 0);
        assert_int_equal(queue_push_mark(q, &mark), -ENOBUFS);
        assert_int_equal(queue_resize(q, 8 * SLOT_MIN), 0);
        assert_int_equal(queue_events(q), 4);
        assert_int_equal(queue_count(q), 4 + QUEUE_MARKS_MAX);

        queue_release(q, ALL);
        for (uint64_t i = 1; i <= 3; i++)
                assert_pops(q, i, 0, i);
        for (size_t i = 0; i < QUEUE_MARKS_MAX; i++)
                assert_pops(q, 3, 9, 0);                /* behind the event of the same moment */
        assert_int_equal(queue_push_mark(q, &mark), 0); /* their places are free again */
        assert_pops(q, 3, 9, 0);
        assert_pops(q, 4, 0, 4);
        assert_empty(q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(streams_of_all_cpus_come_out_in_time_order),
                cmocka_unit_test(equal_times_are_ordered_by_cpu_program_and_seq),
                cmocka_unit_test(chunks_follow_their_event_however_they_arrive),
                cmocka_unit_test(watermark_lets_nothing_younger_pass),
                cmocka_unit_test(everything_comes_out_at_the_end_of_time),
                cmocka_unit_test(what_comes_after_a_release_of_all_waits_again),
                cmocka_unit_test(records_that_are_none_are_refused),
                cmocka_unit_test(padding_of_the_ring_takes_no_room),
                cmocka_unit_test(it_fills_to_the_last_byte_and_no_further),
                cmocka_unit_test(record_larger_than_the_queue_never_fits),
                cmocka_unit_test(empty_queue_takes_a_record_of_its_size),
                cmocka_unit_test(unused_end_of_the_ring_is_given_back),
                cmocka_unit_test(popped_record_stays_readable_until_the_next_push),
                cmocka_unit_test(marks_of_the_daemon_are_no_events),
                cmocka_unit_test(marks_find_room_in_a_full_queue),
                cmocka_unit_test(resize_keeps_records_and_watermark),
                cmocka_unit_test(resize_that_would_lose_changes_nothing),
                cmocka_unit_test(queue_of_nothing_can_be_freed),
                cmocka_unit_test(it_agrees_with_a_model_on_random_walks),
                cmocka_unit_test(room_is_refused_only_when_there_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
