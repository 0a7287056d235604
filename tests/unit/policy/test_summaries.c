/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* summaries: what is the same again, when it is told, and what happens when there is no room. */
#include "policy_fixture.h"

#include "policy/summaries.h"

#define MINUTE (60 * NSEC_PER_SEC)

static struct summaries *make(void)
{
        struct summaries *s;

        assert_int_equal(summaries_new(&s), 0);
        return s;
}

static enum summaries_result add(struct summaries *s, struct exec_event *event, uint64_t boot_ns)
{
        event->boot_ns = boot_ns;
        return summaries_add(s, 0, MINUTE, event, false);
}

static void the_first_is_logged_and_the_rest_is_told(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();
        struct summary summary;

        (void)state;
        assert_int_equal(summaries_due_ns(s), UINT64_MAX);
        assert_int_equal(add(s, &e, 1000), SUMMARIES_FIRST);
        e.facts.pid++;
        e.facts.start_ns++;
        assert_int_equal(add(s, &e, 2000), SUMMARIES_COUNTED);
        assert_int_equal(add(s, &e, 3000), SUMMARIES_COUNTED);
        assert_int_equal(summaries_pending(s), 2);
        assert_int_equal(summaries_due_ns(s), 1000 + MINUTE);
        assert_false(summaries_take(s, 999 + MINUTE, &summary));
        assert_true(summaries_take(s, 1000 + MINUTE, &summary));
        assert_int_equal(summary.count, 2);
        assert_int_equal(summary.from_ns, 2000);
        assert_int_equal(summary.to_ns, 3000);
        assert_int_equal(summary.rule, 0);
        assert_int_equal(summaries_pending(s), 0);
        assert_false(summaries_take(s, UINT64_MAX, &summary));
        /* And the next is a first one again. */
        assert_int_equal(add(s, &e, 2 * MINUTE), SUMMARIES_FIRST);
}

static void one_alone_is_not_told_again(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();
        struct summary summary;

        (void)state;
        assert_int_equal(add(s, &e, 1000), SUMMARIES_FIRST);
        assert_false(summaries_take(s, UINT64_MAX, &summary));
        assert_int_equal(summaries_due_ns(s), UINT64_MAX);
}

static void assert_span(struct span s, const char *expected, size_t size)
{
        assert_int_equal(s.size, size);
        assert_memory_equal(s.data, expected, size);
}

static void a_summary_has_the_facts_of_its_group(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = container_event();
        struct summary summary;

        (void)state;
        e.user = SPAN("root");
        (void)add(s, &e, 1000);
        (void)add(s, &e, 2000);
        assert_true(summaries_take(s, UINT64_MAX, &summary));
        assert_int_equal(summary.facts.kind, EVENT_EXEC);
        assert_int_equal(summary.facts.facts.present, FACT_CREDS | FACT_EXE_FILE);
        assert_int_equal(summary.facts.facts.uid, 0);
        assert_span(summary.facts.exe, "/bin/sh", 7);
        assert_span(summary.facts.argv, "sh\0-c\0redis-cli ping", 21);
        assert_span(summary.facts.user, "root", 4);
        assert_span(summary.facts.parent_exe, "/usr/bin/runc", 13);
        assert_span(summary.facts.names.container_id, CONTAINER_ID, 64);
        assert_null(summary.facts.names.user_unit.data);
        assert_null(summary.facts.env.data);
        assert_int_equal(summary.facts.facts.pid, 0);
        assert_int_equal(summary.facts.n_ancestors, 0);
}

static void exits_of_what_was_not_logged_are_counted_from_the_first(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        const struct exec_event exec = service_event();
        struct exec_event e = exit_of(&exec);
        struct summary summary;

        (void)state;
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(summaries_add(s, 4, MINUTE, &e, true), SUMMARIES_COUNTED);
        e.status = 256;
        assert_int_equal(summaries_add(s, 4, MINUTE, &e, true), SUMMARIES_COUNTED);
        assert_true(summaries_take(s, UINT64_MAX, &summary));
        assert_int_equal(summary.facts.kind, EVENT_EXIT);
        assert_int_equal(summary.rule, 4);
        assert_int_equal(summary.count + summary.facts.status / 128, 3);
        assert_true(summaries_take(s, UINT64_MAX, &summary));
        assert_int_equal(summary.count + summary.facts.status / 128, 3);
        assert_false(summaries_take(s, UINT64_MAX, &summary));
}

/* Everything that makes an event another one: one difference at a time. */
static void nothing_different_is_merged(void **state)
{
        struct exec_event events[24];
        _cleanup_(summaries_freep) struct summaries *s = make();
        size_t n = 0;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                events[i] = container_event();
                events[i].env = SPAN("LD_PRELOAD=/a.so\0");
        }
        events[n++].facts.uid = 1;
        events[n++].facts.euid = 1;
        events[n++].facts.gid = 1;
        events[n].facts.loginuid = 1000;
        events[n++].facts.present |= FACT_LOGINUID;
        events[n++].exe = SPAN("/bin/dash");
        events[n++].facts.exe_file.ino = 9;
        events[n++].facts.exe_file.mtime_sec = 9;
        events[n++].argv = SPAN("sh\0-c\0redis-cli pong\0");
        events[n++].argv = SPAN("sh\0-c\0redis-cli\0ping\0");
        events[n++].argv = SPAN("sh\0-c\0redis-cli ping\0\0");
        events[n++].filename = SPAN("./sh");
        events[n++].cwd = SPAN("/tmp");
        events[n++].env = SPAN("LD_PRELOAD=/b.so\0");
        events[n++].env = (struct span){ 0 };
        events[n++].names.unit = SPAN("other.service");
        events[n++].names.user_unit = SPAN("");
        events[n++].names.container_id = SPAN("other");
        events[n++].parent_exe = SPAN("/usr/bin/crun");
        events[n++].facts.traits = TRAIT_SCRIPT;
        events[n++].kind = EVENT_EXEC_ATTEMPT;
        events[n].kind = EVENT_EXEC_FAILED;
        events[n++].facts.retval = -ENOENT;
        events[n].kind = EVENT_EXEC_FAILED;
        events[n++].facts.retval = -EACCES;
        events[n++].comm = SPAN("sh2");
        n++; /* as it is */
        assert_int_equal(n, ELEMENTSOF(events));
        for (size_t i = 0; i < n; i++)
                if (add(s, &events[i], 1000) != SUMMARIES_FIRST)
                        fail_msg("%zu is merged", i);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(add(s, &events[i], 1001), SUMMARIES_COUNTED);
        /* Nor by different rules. */
        assert_int_equal(summaries_add(s, 1, MINUTE, &events[0], false), SUMMARIES_FIRST);
}

static void what_only_tells_processes_apart_is_merged(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = container_event();

        (void)state;
        assert_int_equal(add(s, &e, 1000), SUMMARIES_FIRST);
        e.facts.pid = e.facts.tid = 1;
        e.facts.ppid = 2;
        e.facts.start_ns = 3;
        e.facts.session = 4;
        e.parent_comm = SPAN("runc:[2:INIT]");
        e.n_ancestors = 0;
        e.cut = EXEC_CUT(FIELD_ANCESTORS);
        assert_int_equal(add(s, &e, 1001), SUMMARIES_COUNTED);
        e.parent_exe = (struct span){ 0 }; /* then its name is all there is */
        assert_int_equal(add(s, &e, 1001), SUMMARIES_FIRST);
        e.parent_comm = SPAN("runc");
        assert_int_equal(add(s, &e, 1001), SUMMARIES_FIRST);
}

static void what_is_cut_is_not_the_same_as_anything(void **state)
{
        static const enum exec_field fields[] = { FIELD_FILENAME, FIELD_EXE, FIELD_CWD,
                                                  FIELD_CGROUP,   FIELD_ENV, FIELD_ARGV };
        _cleanup_(summaries_freep) struct summaries *s = make();

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                struct exec_event e = container_event();

                e.cut = EXEC_CUT(fields[i]);
                assert_int_equal(add(s, &e, 1000), SUMMARIES_FULL);
        }
}

static void intervals_end_in_their_order(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();
        uint64_t due, last = 0;
        struct summary summary;
        unsigned n = 0;

        (void)state;
        e.boot_ns = 0;
        for (uint32_t i = 0; i < 1000; i++) {
                e.facts.uid = i;
                (void)summaries_add(s, (int)i, 1 + i * 7919 % 1000, &e, false);
                (void)summaries_add(s, (int)i, 1 + i * 7919 % 1000, &e, false);
        }
        while ((due = summaries_due_ns(s)) != UINT64_MAX) {
                assert_true(due > last);
                assert_false(summaries_take(s, due - 1, &summary));
                assert_true(summaries_take(s, due, &summary));
                assert_int_equal(1 + (uint64_t)summary.rule * 7919 % 1000, due);
                last = due;
                n++;
        }
        assert_int_equal(n, 1000);
}

/* Ever new commands fill the table; a rare one is then logged in full, and so is each new one. */
static void a_flood_of_new_groups_ends_at_the_limit(void **state)
{
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();
        uint64_t logged = 0, counted = 0;
        struct summary summary;

        (void)state;
        for (uint32_t i = 0; i < 2 * SUMMARIES_GROUPS_MAX; i++) {
                e.facts.uid = i;
                assert_int_equal(add(s, &e, 1000 + i),
                                 i < SUMMARIES_GROUPS_MAX ? SUMMARIES_FIRST : SUMMARIES_FULL);
        }
        for (uint32_t i = 0; i < 2 * SUMMARIES_GROUPS_MAX; i++) {
                e.facts.uid = i;
                if (add(s, &e, 100000 + i) == SUMMARIES_COUNTED)
                        counted++;
                else
                        logged++;
        }
        assert_int_equal(counted, SUMMARIES_GROUPS_MAX);
        assert_int_equal(logged, SUMMARIES_GROUPS_MAX);
        assert_int_equal(summaries_pending(s), counted);
        while (summaries_take(s, UINT64_MAX, &summary))
                counted -= summary.count;
        assert_int_equal(counted, 0);
        /* There is room again. */
        assert_int_equal(add(s, &e, 2 * MINUTE), SUMMARIES_FIRST);
}

static void large_groups_end_at_the_limit_of_bytes(void **state)
{
        static char argv[64 * KIB];
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();
        unsigned n = 0;

        (void)state;
        memset(argv, 'x', sizeof(argv));
        e.argv = (struct span){ argv, sizeof(argv) };
        for (e.facts.uid = 0; e.facts.uid < 1000; e.facts.uid++)
                n += add(s, &e, 1000) == SUMMARIES_FIRST;
        assert_in_range(n, SUMMARIES_BYTES_MAX / sizeof(argv) - 2,
                        SUMMARIES_BYTES_MAX / sizeof(argv));
}

static void one_group_does_not_take_all_room(void **state)
{
        const size_t size = SUMMARIES_BYTES_MAX / 8;
        _cleanup_(freep) char *argv = calloc(1, size);
        _cleanup_(summaries_freep) struct summaries *s = make();
        struct exec_event e = service_event();

        (void)state;
        e.argv = (struct span){ argv, size };
        assert_int_equal(add(s, &e, 1000), SUMMARIES_FULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_is_logged_and_the_rest_is_told),
                cmocka_unit_test(one_alone_is_not_told_again),
                cmocka_unit_test(a_summary_has_the_facts_of_its_group),
                cmocka_unit_test(exits_of_what_was_not_logged_are_counted_from_the_first),
                cmocka_unit_test(nothing_different_is_merged),
                cmocka_unit_test(what_only_tells_processes_apart_is_merged),
                cmocka_unit_test(what_is_cut_is_not_the_same_as_anything),
                cmocka_unit_test(intervals_end_in_their_order),
                cmocka_unit_test(a_flood_of_new_groups_ends_at_the_limit),
                cmocka_unit_test(large_groups_end_at_the_limit_of_bytes),
                cmocka_unit_test(one_group_does_not_take_all_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
