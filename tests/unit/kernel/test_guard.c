/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What somebody else does to the page is found and put right; what we do ourselves is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "kernel/guard.h"

#define N_CPUS 2
#define SET_NS (100 * NSEC_PER_SEC)
#define SETTLED_NS (SET_NS + 2 * NSEC_PER_SEC)

struct page {
        struct exec_control control;
        struct exec_inflight inflight[N_CPUS];
        struct guard guard;
        struct guard_findings found;
};

static bool check(struct page *p, uint64_t now_ns)
{
        return guard_check(&p->guard, &p->control, p->inflight, N_CPUS, now_ns, &p->found);
}

/* Programs of generation 5 and 6, as the daemon has set them a while ago. */
static void page_init(struct page *p)
{
        *p = (struct page){
                .control = { .running = { [PROGRAM_EXEC] = 5, [PROGRAM_EXIT] = 6 },
                             .argv_max = 65536,
                             .caps_full = 0x1ff,
                             .env_bloom = 7,
                             .track_exits = 1,
                             .parents = 1,
                             .descriptors = 1,
                             .ignore_errnos = { 4 } },
        };
        p->inflight[1].passed[1][PROGRAM_EXEC] = 40; /* of takeovers before */
        guard_set(&p->guard, &p->control, SET_NS);
        assert_false(check(p, SETTLED_NS));
}

static void page_as_it_was_set_is_well(void **state)
{
        struct page p;

        (void)state;
        page_init(&p);
        p.control.armed = 1; /* of the programs and the daemon */
        assert_false(check(&p, SETTLED_NS + 1));
        assert_int_equal(p.control.armed, 1);
}

static void stopped_program_is_put_right(void **state)
{
        struct page p;

        (void)state;
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                page_init(&p);
                p.control.running[i] ^= 1;
                assert_true(check(&p, SETTLED_NS + 5));
                assert_int_equal(p.found.from_ns, SETTLED_NS);
                assert_int_equal(p.found.n_passed, 0);
                assert_false(p.found.settings);
                for (unsigned k = 0; k < _PROGRAM_MAX; k++)
                        assert_int_equal(p.found.is_stopped[k], k == i);
                assert_int_equal(p.control.running[i], p.guard.wanted.running[i]);
                assert_false(check(&p, SETTLED_NS + 6));
        }
}

static void successor_that_is_none_is_put_right(void **state)
{
        struct page p;

        (void)state;
        page_init(&p);
        p.control.before[PROGRAM_EXEC] = 4;
        assert_true(check(&p, SETTLED_NS + 1));
        assert_true(p.found.is_stopped[PROGRAM_EXEC]);
        assert_int_equal(p.control.before[PROGRAM_EXEC], 0);
}

static void each_setting_is_put_right(void **state)
{
        static const size_t places[] = {
                offsetof(struct exec_control, track_exits),
                offsetof(struct exec_control, descriptors),
                offsetof(struct exec_control, parents),
                offsetof(struct exec_control, argv_max),
                offsetof(struct exec_control, argv_max) + 7,
                offsetof(struct exec_control, caps_full),
                offsetof(struct exec_control, env_bloom),
                offsetof(struct exec_control, ignore_errnos),
                sizeof(struct exec_control) - 1,
        };
        struct exec_control wanted;
        struct page p;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                page_init(&p);
                wanted = p.control;
                ((uint8_t *)&p.control)[places[i]] ^= 0xff;
                assert_true(check(&p, SETTLED_NS + 1));
                assert_true(p.found.settings);
                assert_memory_equal(&p.control, &wanted, sizeof(wanted));
                assert_false(check(&p, SETTLED_NS + 2));
        }
}

static void what_passed_is_counted_though_all_was_put_back(void **state)
{
        struct page p;

        (void)state;
        page_init(&p);
        p.inflight[0].passed[1][PROGRAM_EXEC] += 20;
        p.inflight[1].passed[1][PROGRAM_EXEC] += 3;
        p.inflight[1].passed[0][PROGRAM_EXIT] += 2;
        assert_true(check(&p, SETTLED_NS + 1));
        assert_int_equal(p.found.n_passed, 25);
        assert_true(p.found.is_stopped[PROGRAM_EXEC] && p.found.is_stopped[PROGRAM_EXIT]);
        assert_false(p.found.is_stopped[PROGRAM_FAILED]);
        assert_false(check(&p, SETTLED_NS + 2));
}

static void programs_that_take_over_let_pass(void **state)
{
        struct page p;

        (void)state;
        page_init(&p);
        /* Those before, which are still attached. */
        p.inflight[0].passed[0][PROGRAM_EXEC] += 9;
        assert_false(check(&p, SETTLED_NS + 1));
        /* Those that are new, before they are told to run, and a moment later. */
        p.control.running[PROGRAM_EXEC] = 7;
        p.inflight[0].passed[1][PROGRAM_EXEC] += 2;
        guard_set(&p.guard, &p.control, SETTLED_NS + 2);
        p.inflight[0].passed[1][PROGRAM_EXEC] += 1;
        assert_false(check(&p, SETTLED_NS + 3));
        p.inflight[0].passed[1][PROGRAM_EXEC] += 1;
        assert_false(check(&p, SETTLED_NS + 2 + NSEC_PER_SEC));
        p.inflight[0].passed[1][PROGRAM_EXEC] += 1;
        assert_true(check(&p, SETTLED_NS + 3 + NSEC_PER_SEC));
        assert_int_equal(p.found.n_passed, 1);
}

static void page_is_put_right_before_it_has_settled(void **state)
{
        struct page p;

        (void)state;
        page_init(&p);
        guard_set(&p.guard, &p.control, SETTLED_NS);
        p.control.running[PROGRAM_EXEC] = 0;
        assert_true(check(&p, SETTLED_NS + 1));
        assert_int_equal(p.control.running[PROGRAM_EXEC], 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(page_as_it_was_set_is_well),
                cmocka_unit_test(stopped_program_is_put_right),
                cmocka_unit_test(successor_that_is_none_is_put_right),
                cmocka_unit_test(each_setting_is_put_right),
                cmocka_unit_test(what_passed_is_counted_though_all_was_put_back),
                cmocka_unit_test(programs_that_take_over_let_pass),
                cmocka_unit_test(page_is_put_right_before_it_has_settled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
