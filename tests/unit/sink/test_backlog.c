/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The backlog against its contract: order, content, exact bounds, and a long random walk beside a
 * model that is too simple to be wrong (an array of copies).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "sink/backlog.h"

#define HEAD_BYTES 8 /* of each entry, whose bytes are padded to a multiple of it */

static struct backlog *backlog_make(size_t limit)
{
        struct backlog *b = NULL;

        assert_int_equal(backlog_new(limit, &b), 0);
        return b;
}

static int push_string(struct backlog *b, const char *s, uint32_t tag)
{
        struct span part = span_of(s);

        return backlog_push(b, &part, 1, tag);
}

static int push_size(struct backlog *b, size_t size)
{
        _cleanup_(freep) char *data = malloc(size + 1);
        struct span part = { .data = data, .size = size };

        assert_non_null(data);
        memset(data, 'x', size);
        return backlog_push(b, &part, 1, 0);
}

static void assert_oldest(const struct backlog *b, const char *expected, uint32_t tag)
{
        struct backlog_entry e;

        assert_int_equal(backlog_peek(b, &e, 1), 1);
        assert_int_equal(e.data.size, strlen(expected));
        assert_memory_equal(e.data.data, expected, e.data.size);
        assert_int_equal(e.tag, tag);
}

static void backlog_refuses_limit_without_room_for_any_entry(void **state)
{
        struct backlog *b = NULL;

        (void)state;
        assert_int_equal(backlog_new(0, &b), -EINVAL);
        assert_int_equal(backlog_new(HEAD_BYTES - 1, &b), -EINVAL);
        assert_null(b);
}

static void backlog_reports_memory_that_cannot_be_reserved(void **state)
{
        struct backlog *b = NULL;

        (void)state;
        assert_int_equal(backlog_new(SIZE_MAX / 2, &b), -ENOMEM);
        assert_null(b);
}

static void backlog_has_room_if_it_is_empty_or_wherever_the_tail_is(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);

        (void)state;
        assert_true(backlog_has_room(b, 100000));
        assert_int_equal(push_size(b, 1000), 0);
        assert_false(backlog_has_room(b, 100000));
        assert_true(backlog_has_room(b, 1400));
        /* 3,080 bytes are free, but not in one piece. */
        assert_false(backlog_has_room(b, 1600));
        backlog_pop(b, 1);
        assert_true(backlog_has_room(b, 100000));
}

static void backlog_free_takes_null(void **state)
{
        (void)state;
        assert_null(backlog_free(NULL));
}

static void backlog_new_is_empty(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);
        struct backlog_entry e;

        (void)state;
        assert_int_equal(backlog_count(b), 0);
        assert_int_equal(backlog_bytes(b), 0);
        assert_int_equal(backlog_peek(b, &e, 1), 0);
        backlog_pop(b, 0);
        assert_int_equal(backlog_count(b), 0);
}

static void backlog_returns_entries_in_order_with_their_tags(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);

        (void)state;
        assert_int_equal(push_string(b, "one", 1), 0);
        assert_int_equal(push_string(b, "two-two", UINT32_MAX), 0);
        assert_int_equal(push_string(b, "three", 0), 0);
        assert_int_equal(backlog_count(b), 3);

        assert_oldest(b, "one", 1);
        backlog_pop(b, 1);
        assert_oldest(b, "two-two", UINT32_MAX);
        backlog_pop(b, 1);
        assert_oldest(b, "three", 0);
        backlog_pop(b, 1);
        assert_int_equal(backlog_count(b), 0);
        assert_int_equal(backlog_bytes(b), 0);
}

static void backlog_joins_parts_and_takes_empty_ones(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);
        const struct span parts[] = {
                SPAN_LITERAL("head"),
                { .data = NULL, .size = 0 },
                SPAN_LITERAL("7"),
                SPAN_LITERAL("tail\n"),
        };

        (void)state;
        assert_int_equal(backlog_push(b, parts, ELEMENTSOF(parts), 3), 0);
        assert_oldest(b, "head7tail\n", 3);
        backlog_pop(b, 1);
        assert_int_equal(backlog_push(b, NULL, 0, 4), 0);
        assert_oldest(b, "", 4);
}

static void backlog_keeps_a_copy(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);
        char text[] = "original";

        (void)state;
        assert_int_equal(push_string(b, text, 0), 0);
        memset(text, '!', sizeof(text) - 1);
        assert_oldest(b, "original", 0);
}

static void backlog_peek_returns_no_more_than_asked(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);
        struct backlog_entry e[4] = { 0 };

        (void)state;
        for (uint32_t i = 0; i < 4; i++)
                assert_int_equal(push_string(b, "x", i), 0);
        assert_int_equal(backlog_peek(b, e, 0), 0);
        assert_int_equal(backlog_peek(b, e, 3), 3);
        assert_null(e[3].data.data);
        assert_int_equal(backlog_peek(b, e, 4), 4);
        assert_int_equal(e[3].tag, 3);
}

static void backlog_counts_overhead_in_bytes(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);

        (void)state;
        assert_int_equal(push_size(b, 0), 0);
        assert_int_equal(backlog_bytes(b), HEAD_BYTES);
        assert_int_equal(push_size(b, 1), 0);
        assert_int_equal(backlog_bytes(b), 3 * HEAD_BYTES);
        backlog_pop(b, 1);
        assert_int_equal(backlog_bytes(b), 2 * HEAD_BYTES);
}

static void backlog_takes_entry_that_fills_it_exactly(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);

        (void)state;
        for (int round = 0; round < 3; round++) {
                assert_int_equal(push_size(b, 64 - HEAD_BYTES), 0);
                assert_int_equal(push_size(b, 0), -ENOBUFS);
                backlog_pop(b, 1);
        }
}

static void backlog_refuses_entry_larger_than_limit(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);

        (void)state;
        assert_int_equal(push_size(b, 64 - HEAD_BYTES + 1), -EMSGSIZE);
        assert_int_equal(backlog_count(b), 0);
        assert_int_equal(push_string(b, "fits", 0), 0);
        assert_int_equal(push_size(b, 64 - HEAD_BYTES + 1), -EMSGSIZE);
        assert_oldest(b, "fits", 0);
}

static void backlog_refuses_sizes_that_overflow(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(4096);
        const struct span huge[] = {
                { .data = "x", .size = SIZE_MAX },
                { .data = "x", .size = 9 }, /* the sum wraps round to 8 */
        };
        const struct span skip = { .data = "x", .size = UINT32_MAX };

        (void)state;
        assert_int_equal(backlog_push(b, huge, 1, 0), -EMSGSIZE);
        assert_int_equal(backlog_push(b, huge, 2, 0), -EMSGSIZE);
        assert_int_equal(backlog_push(b, &skip, 1, 0), -EMSGSIZE);
        assert_int_equal(backlog_count(b), 0);
}

static void backlog_without_room_changes_nothing(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);

        (void)state;
        assert_int_equal(push_string(b, "aaaaaaaa", 1), 0);
        assert_int_equal(push_string(b, "bbbbbbbb", 2), 0);
        assert_int_equal(push_size(b, 40), -ENOBUFS);
        assert_int_equal(backlog_count(b), 2);
        assert_int_equal(backlog_bytes(b), 32);
        assert_oldest(b, "aaaaaaaa", 1);
        assert_int_equal(push_size(b, 24), 0); /* what is left, to the byte */
        assert_int_equal(push_size(b, 0), -ENOBUFS);
}

/* [a][b][c] full, then a and b leave: d has to go to the front as a whole. */
static void backlog_wraps_keeping_entries_contiguous(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);
        struct backlog_entry e[3];

        (void)state;
        assert_int_equal(push_string(b, "aaaaaaaa", 1), 0);
        assert_int_equal(push_string(b, "bbbbbbbb", 2), 0);
        assert_int_equal(push_string(b, "cccccccc", 3), 0); /* 16 bytes stay free behind it */
        backlog_pop(b, 2);
        assert_int_equal(push_string(b, "dddddddddddddddd", 4), 0);
        assert_int_equal(push_size(b, 1), -ENOBUFS); /* 8 are free before c */
        assert_int_equal(push_size(b, 0), 0);

        assert_int_equal(backlog_peek(b, e, 3), 3);
        assert_int_equal(e[0].tag, 3);
        assert_int_equal(e[1].tag, 4);
        assert_int_equal(e[1].data.size, 16);
        assert_memory_equal(e[1].data.data, "dddddddddddddddd", 16);
        assert_true(e[1].data.data < e[0].data.data);
        assert_int_equal(e[2].data.size, 0);
}

static void backlog_fills_the_front_to_the_byte_when_it_wraps(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);

        (void)state;
        assert_int_equal(push_size(b, 24), 0);
        assert_int_equal(push_string(b, "bbbbbbbb", 2), 0); /* 16 bytes stay free behind it */
        backlog_pop(b, 1);
        assert_int_equal(push_size(b, 25), -ENOBUFS);
        assert_int_equal(push_string(b, "cccccccccccccccccccccccc", 3), 0);
        assert_int_equal(push_size(b, 0), -ENOBUFS);
        assert_oldest(b, "bbbbbbbb", 2);
        backlog_pop(b, 1);
        assert_oldest(b, "cccccccccccccccccccccccc", 3);
}

static void backlog_wraps_without_skip_when_the_end_is_reached_exactly(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(64);

        (void)state;
        assert_int_equal(push_size(b, 24), 0);
        assert_int_equal(push_string(b, "bbbbbbbbbbbbbbbbbbbbbbbb", 2), 0);
        backlog_pop(b, 1);
        assert_int_equal(push_string(b, "cccccccc", 3), 0);
        assert_oldest(b, "bbbbbbbbbbbbbbbbbbbbbbbb", 2);
        backlog_pop(b, 1);
        assert_oldest(b, "cccccccc", 3);
        assert_int_equal(push_size(b, 64 - 16 - HEAD_BYTES), 0); /* all the rest is free again */
}

/* An idle sink must stay small: what it touches is at the front, whatever went through before. */
static void backlog_restarts_at_front_when_empty(void **state)
{
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(1 << 16);
        struct backlog_entry first, e;

        (void)state;
        assert_int_equal(push_string(b, "first", 0), 0);
        assert_int_equal(backlog_peek(b, &first, 1), 1);
        backlog_pop(b, 1);
        for (int i = 0; i < 100; i++) {
                assert_int_equal(push_size(b, 1000), 0);
                assert_int_equal(backlog_peek(b, &e, 1), 1);
                assert_ptr_equal(e.data.data, first.data.data);
                backlog_pop(b, 1);
        }
}

static size_t resident_bytes(const char *start, size_t size)
{
        static unsigned char page[4096];
        size_t page_size = (size_t)sysconf(_SC_PAGESIZE), n = 0;

        assert_true(size / page_size <= sizeof(page));
        assert_int_equal(mincore((char *)start, size, page), 0);
        for (size_t i = 0; i < size / page_size; i++)
                n += page[i] & 1 ? page_size : 0;
        return n;
}

static void backlog_gives_memory_back_after_a_burst(void **state)
{
        const size_t limit = 16 * MIB;
        _cleanup_(backlog_freep) struct backlog *b = backlog_make(limit);
        const char *start;
        struct backlog_entry e;

        (void)state;
        assert_int_equal(push_size(b, 1), 0);
        assert_int_equal(backlog_peek(b, &e, 1), 1);
        start = e.data.data - HEAD_BYTES;
        assert_true(resident_bytes(start, limit) <= limit / 4); /* a huge page may be in it */

        while (push_size(b, 64 * KIB) == 0)
                ;
        assert_true(resident_bytes(start, limit) > limit - 128 * KIB);
        backlog_pop(b, backlog_count(b));
        assert_int_equal(resident_bytes(start, limit), 0);
        assert_int_equal(push_string(b, "usable", 1), 0);
        assert_oldest(b, "usable", 1);
}

/* The model: copies in an array, and only the rule that refusals are about room. */
#define MODEL_MAX 4096

struct model {
        char *data[MODEL_MAX];
        size_t size[MODEL_MAX];
        uint32_t tag[MODEL_MAX];
        size_t first, n;
        size_t bytes;
};

static uint32_t random_next(uint64_t *seed)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*seed >> 33);
}

static size_t padded(size_t size)
{
        return HEAD_BYTES + (size + HEAD_BYTES - 1) / HEAD_BYTES * HEAD_BYTES;
}

static size_t model_largest(const struct model *m)
{
        size_t largest = 0;

        for (size_t i = 0; i < m->n; i++)
                largest = MAX(largest, padded(m->size[m->first + i]));
        return largest;
}

static void model_push(struct model *m, struct backlog *b, size_t limit, uint64_t *seed)
{
        size_t size = random_next(seed) % (random_next(seed) % 8 ? 40 : limit + 16);
        _cleanup_(freep) char *data = malloc(size + 1);
        size_t cut = size ? random_next(seed) % size : 0;
        uint32_t tag = random_next(seed);
        int r;

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = (char)random_next(seed);

        const struct span parts[] = {
                { .data = data, .size = cut },
                { .data = data + cut, .size = size - cut },
        };
        r = backlog_push(b, parts, 2, tag);
        if (padded(size) > limit) {
                assert_int_equal(r, -EMSGSIZE);
                return;
        }
        if (m->bytes + padded(size) > limit || r == -ENOBUFS) {
                assert_int_equal(r, -ENOBUFS);
                /*
                 * Free bytes are refused only when they lie in two gaps: one too small for this
                 * entry, and one that is too, or that a larger entry has skipped.
                 */
                assert_true(m->bytes + padded(size) + MAX(padded(size), model_largest(m)) > limit);
                assert_true(m->n > 0);
                return;
        }
        assert_int_equal(r, 0);
        m->data[m->first + m->n] = TAKE_PTR(data);
        m->size[m->first + m->n] = size;
        m->tag[m->first + m->n++] = tag;
        m->bytes += padded(size);
}

static void model_pop(struct model *m, struct backlog *b, uint64_t *seed)
{
        size_t n = random_next(seed) % (random_next(seed) % 16 ? 4 : m->n + 1);

        n = MIN(n, m->n);
        backlog_pop(b, n);
        for (; n > 0; n--) {
                m->bytes -= padded(m->size[m->first]);
                free(m->data[m->first++]);
                m->n--;
        }
}

static void assert_same(const struct model *m, const struct backlog *b)
{
        static struct backlog_entry e[MODEL_MAX];

        assert_int_equal(backlog_count(b), m->n);
        assert_int_equal(backlog_bytes(b), m->bytes);
        assert_int_equal(backlog_peek(b, e, ELEMENTSOF(e)), m->n);
        for (size_t i = 0; i < m->n; i++) {
                assert_int_equal(e[i].tag, m->tag[m->first + i]);
                assert_int_equal(e[i].data.size, m->size[m->first + i]);
                assert_memory_equal(e[i].data.data, m->data[m->first + i], e[i].data.size);
        }
}

static void backlog_agrees_with_a_model_on_random_walks(void **state)
{
        static const size_t limits[] = { 16, 64, 200, 256, 1000, 4096 };

        (void)state;
        for (uint64_t walk = 0; walk < 120; walk++) {
                size_t limit = limits[walk % ELEMENTSOF(limits)];
                _cleanup_(backlog_freep) struct backlog *b = backlog_make(limit);
                struct model m = { 0 };
                uint64_t seed = walk;

                for (size_t step = 0; step < MODEL_MAX / 2; step++) {
                        if (random_next(&seed) % 5 < 3)
                                model_push(&m, b, limit, &seed);
                        else
                                model_pop(&m, b, &seed);
                        assert_same(&m, b);
                }
                while (m.n > 0)
                        model_pop(&m, b, &seed);
                assert_same(&m, b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(backlog_refuses_limit_without_room_for_any_entry),
                cmocka_unit_test(backlog_reports_memory_that_cannot_be_reserved),
                cmocka_unit_test(backlog_free_takes_null),
                cmocka_unit_test(backlog_has_room_if_it_is_empty_or_wherever_the_tail_is),
                cmocka_unit_test(backlog_new_is_empty),
                cmocka_unit_test(backlog_returns_entries_in_order_with_their_tags),
                cmocka_unit_test(backlog_joins_parts_and_takes_empty_ones),
                cmocka_unit_test(backlog_keeps_a_copy),
                cmocka_unit_test(backlog_peek_returns_no_more_than_asked),
                cmocka_unit_test(backlog_counts_overhead_in_bytes),
                cmocka_unit_test(backlog_takes_entry_that_fills_it_exactly),
                cmocka_unit_test(backlog_refuses_entry_larger_than_limit),
                cmocka_unit_test(backlog_refuses_sizes_that_overflow),
                cmocka_unit_test(backlog_without_room_changes_nothing),
                cmocka_unit_test(backlog_wraps_keeping_entries_contiguous),
                cmocka_unit_test(backlog_fills_the_front_to_the_byte_when_it_wraps),
                cmocka_unit_test(backlog_wraps_without_skip_when_the_end_is_reached_exactly),
                cmocka_unit_test(backlog_restarts_at_front_when_empty),
                cmocka_unit_test(backlog_gives_memory_back_after_a_burst),
                cmocka_unit_test(backlog_agrees_with_a_model_on_random_walks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
