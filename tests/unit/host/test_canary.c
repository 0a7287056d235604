/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* canary: which event is the one that it waits for. Whether it is sent, see tests/kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "event/event.h"
#include "host/canary.h"

/* Waiting for 7 in 99. */
static void canary_is_known_by_its_number_in_its_namespace(void **state _unused_)
{
        static const struct {
                uint32_t pid, ns_pid, namespace;
                bool is_it;
        } cases[] = {
                { 7, 0, 99, true },  { 7, 0, 98, false }, { 8, 7, 99, true },
                { 8, 7, 98, false }, { 7, 8, 99, false }, { 7, 0, 0, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = { .kind = EVENT_EXEC, .facts.pid = cases[i].pid };

                event.facts.ns_pid = cases[i].ns_pid;
                event.facts.namespaces[NAMESPACE_PID] = cases[i].namespace;
                event.facts.present |= cases[i].ns_pid ? FACT_NS_PID : 0;
                event.facts.present |= cases[i].namespace ? FACT_NAMESPACES : 0;
                assert_int_equal(canary_is_that(&event, 7, 99), cases[i].is_it);
                event.kind = EVENT_EXIT;
                assert_false(canary_is_that(&event, 7, 99));
        }
}

static void canary_that_does_not_know_its_namespace_goes_by_its_number(void **state _unused_)
{
        struct exec_event event = { .kind = EVENT_EXEC,
                                    .facts.pid = 7,
                                    .facts.present = FACT_NAMESPACES };

        event.facts.namespaces[NAMESPACE_PID] = 98;
        assert_true(canary_is_that(&event, 7, 0));
        assert_false(canary_is_that(&event, 8, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(canary_is_known_by_its_number_in_its_namespace),
                cmocka_unit_test(canary_that_does_not_know_its_namespace_goes_by_its_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
