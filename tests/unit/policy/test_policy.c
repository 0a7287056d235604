/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* policy: exits follow their exec, all that is hidden is accounted for, and rules may change. */
#include "policy_fixture.h"

#include "record_builder.h"

static struct policy *make(const char *text)
{
        struct policy *p;

        assert_int_equal(policy_new(good_rules(text), true, &p), 0);
        return p;
}

static void replace(struct policy *p, const char *text)
{
        struct summary summary;

        while (policy_take_summary(p, UINT64_MAX, &summary))
                ;
        policy_replace(p, good_rules(text), true);
}

static enum policy_result ask(struct policy *p, const struct exec_event *event)
{
        enum policy_result result;
        uint64_t tags;

        result = policy_decide(p, event, false, &tags);
        return result == POLICY_ENRICH ? policy_decide(p, event, true, &tags) : result;
}

static void exits_of_dropped_execs_are_dropped_by_the_same_rule(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nUser=bob\nAction=drop\n[Rule]\nExe=/usr/bin/ls\nAction=drop\n");
        const struct exec_event exec = person_event();
        struct exec_event e = exit_of(&exec);

        (void)state;
        assert_int_equal(ask(p, &exec), POLICY_DROP);
        e.facts.uid = 1001; /* whoever it is by then */
        assert_int_equal(ask(p, &e), POLICY_DROP);
        assert_int_equal(rules_counters(policy_rules(p), 1)->dropped, 2);
        assert_int_equal(rules_counters(policy_rules(p), 0)->dropped, 0);
        assert_int_equal(policy_filtered(p), 2);
        assert_int_equal(ask(p, &e), POLICY_LOG); /* an exit comes once */
}

static void exits_of_logged_execs_are_logged(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Filter]\nDefault=drop\n[Rule]\nExe=/usr/bin/ls\nAction=keep\n"
                     "[Rule]\nUser=alice\nAction=drop\n");
        struct exec_event exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_int_equal(ask(p, &exec), POLICY_LOG);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        e.facts.pid++; /* one whose exec was never seen */
        assert_int_equal(ask(p, &e), POLICY_LOG);
        exec.exe = SPAN("/x");
        exec.facts.uid = 1;
        assert_int_equal(ask(p, &exec), POLICY_DROP);
        e = exit_of(&exec);
        assert_int_equal(ask(p, &e), POLICY_DROP);
        assert_int_equal(rules_counters(policy_rules(p), RULE_DEFAULT)->dropped, 2);
}

static void an_exit_belongs_to_the_last_exec(void **state)
{
        _cleanup_(policy_freep) struct policy *p = make("[Rule]\nComm=env\nAction=drop\n");
        struct exec_event first = person_event(), second = person_event(), e = exit_of(&first);

        (void)state;
        first.comm = SPAN("env");
        assert_int_equal(ask(p, &first), POLICY_DROP);
        assert_int_equal(ask(p, &second), POLICY_LOG);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        assert_int_equal(ask(p, &second), POLICY_LOG);
        assert_int_equal(ask(p, &first), POLICY_DROP);
        assert_int_equal(ask(p, &e), POLICY_DROP);
        /* Another process with its pid is another one. */
        assert_int_equal(ask(p, &first), POLICY_DROP);
        e.facts.start_ns++;
        assert_int_equal(ask(p, &e), POLICY_LOG);
}

static void failures_and_attempts_say_nothing_about_the_exit(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nEvent=exec_failed exec_attempt\nAction=drop\n"
                     "[Rule]\nComm=env\nAction=drop\n");
        struct exec_event failed = failed_event(ENOENT), exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_int_equal(ask(p, &exec), POLICY_LOG);
        assert_int_equal(ask(p, &failed), POLICY_DROP);
        failed.kind = EVENT_EXEC_ATTEMPT;
        assert_int_equal(ask(p, &failed), POLICY_DROP);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        exec.comm = SPAN("env");
        assert_int_equal(ask(p, &exec), POLICY_DROP);
        failed = failed_event(EACCES);
        failed.kind = EVENT_EXEC_FAILED;
        assert_int_equal(ask(p, &failed), POLICY_DROP);
        assert_int_equal(ask(p, &e), POLICY_DROP);
}

static void exits_that_are_no_events_are_not_waited_for(void **state)
{
        struct policy *p;
        const struct exec_event exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_int_equal(policy_new(good_rules("[Rule]\nUser=alice\nAction=drop\n"), false, &p), 0);
        assert_int_equal(ask(p, &exec), POLICY_DROP);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        policy_free(p);
}

static void tags_come_with_what_is_logged(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nUser=alice\nTag=a\n[Rule]\nUnit=session-*\nTag=b\n");
        const struct exec_event e = person_event();
        uint64_t tags;

        (void)state;
        assert_int_equal(policy_decide(p, &e, false, &tags), POLICY_ENRICH);
        assert_int_equal(policy_decide(p, &e, true, &tags), POLICY_LOG);
        assert_int_equal(tags, 3);
        assert_int_equal(rules_counters(policy_rules(p), 0)->matched, 1);
        /* At once, and with another event in the same place. */
        assert_int_equal(policy_decide(p, &e, true, &tags), POLICY_LOG);
        assert_int_equal(tags, 3);
}

static void summarized_events_are_enriched_first(void **state)
{
        _cleanup_(policy_freep) struct policy *p = make("[Rule]\nUser=alice\nAction=summarize\n");
        const struct exec_event e = person_event();
        uint64_t tags;

        (void)state;
        assert_int_equal(policy_decide(p, &e, false, &tags), POLICY_ENRICH);
        assert_int_equal(policy_decide(p, &e, true, &tags), POLICY_LOG);
        assert_int_equal(rules_counters(policy_rules(p), 0)->matched, 1);
}

/* 100,000 equal execs with their exits, and one rare exec in the middle. */
static void a_storm_is_a_handful_of_lines_and_the_numbers_add_up(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nUser=www-data\nAction=summarize\n");
        uint64_t logged = 0, seen = 0, told = 0, execs = 0;
        struct exec_event e = service_event(), rare = service_event(), exit_event;
        struct summary summary;
        unsigned lines = 0;

        (void)state;
        rare.argv = SPAN("convert\0secret\0");
        rare.facts.pid = 1;
        for (uint32_t i = 0; i < 100000; i++) {
                e.facts.pid = 100 + i % 30000;
                e.facts.start_ns = i;
                e.boot_ns = (uint64_t)i * NSEC_PER_MSEC;
                while (policy_take_summary(p, e.boot_ns, &summary)) {
                        lines++;
                        told += summary.count;
                }
                logged += ask(p, &e) == POLICY_LOG;
                exit_event = exit_of(&e);
                logged += ask(p, &exit_event) == POLICY_LOG;
                seen += 2;
                if (i == 50000) {
                        rare.boot_ns = e.boot_ns;
                        assert_int_equal(ask(p, &rare), POLICY_LOG);
                        logged++;
                        seen++;
                }
        }
        assert_int_equal(seen, logged + policy_filtered(p));
        assert_int_equal(policy_filtered(p), told + policy_pending(p));
        while (policy_take_summary(p, UINT64_MAX, &summary)) {
                lines++;
                told += summary.count;
                execs += summary.facts.kind == EVENT_EXEC;
        }
        assert_int_equal(policy_filtered(p), told);
        assert_int_equal(rules_counters(policy_rules(p), 0)->summarized, told);
        assert_in_range(lines + logged, 4, 12); /* in 100 s: two intervals */
        assert_int_equal(execs, 1);
}

/* The exits of those that were logged are logged. */
static void exits_of_the_first_of_a_group_are_logged(void **state)
{
        _cleanup_(policy_freep) struct policy *p = make("[Rule]\nUser=alice\nAction=summarize\n");
        struct exec_event exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_int_equal(ask(p, &exec), POLICY_LOG);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        exec.facts.pid++;
        assert_int_equal(ask(p, &exec), POLICY_SUM);
        e = exit_of(&exec);
        assert_int_equal(ask(p, &e), POLICY_SUM);
        assert_int_equal(policy_filtered(p), 2);
        assert_int_equal(policy_pending(p), 2);
}

static void counters_go_on_over_a_reload(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nName=a\nUser=alice\nAction=drop\n[Rule]\nName=b\nUser=bob\n"
                     "Action=drop\n");
        struct exec_event alice = person_event(), bob = person_event(), e;

        (void)state;
        bob.facts.uid = 1001;
        bob.facts.pid = 77;
        assert_int_equal(ask(p, &alice), POLICY_DROP);
        assert_int_equal(ask(p, &bob), POLICY_DROP);
        replace(p, "[Rule]\nName=c\nExe=/c\nAction=drop\n[Rule]\nName=b\nExe=/b\nAction=drop\n");
        assert_int_equal(rules_counters(policy_rules(p), 1)->dropped, 1);
        assert_int_equal(policy_gone(p)->dropped, 1);
        assert_int_equal(policy_filtered(p), 2);
        /* The exit of what b has dropped is b's; of a, which is gone, it is logged. */
        e = exit_of(&bob);
        assert_int_equal(ask(p, &e), POLICY_DROP);
        assert_int_equal(rules_counters(policy_rules(p), 1)->dropped, 2);
        e = exit_of(&alice);
        assert_int_equal(ask(p, &e), POLICY_LOG);
        /* No rules at all: nothing is hidden, and nothing of the account is lost. */
        replace(p, "");
        assert_int_equal(ask(p, &alice), POLICY_LOG);
        assert_int_equal(policy_filtered(p), 3);
        assert_int_equal(policy_gone(p)->dropped, 3);
}

/* A process that executes again while there are no rules is logged, and so is its exit. */
static void nothing_stays_hidden_while_there_are_no_rules(void **state)
{
        _cleanup_(policy_freep) struct policy *p = make("[Rule]\nExe=/usr/bin/ls\nAction=drop\n");
        const struct exec_event exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_int_equal(ask(p, &exec), POLICY_DROP);
        replace(p, "");
        assert_int_equal(ask(p, &exec), POLICY_LOG);
        replace(p, "[Rule]\nExe=/usr/bin/ls\nAction=drop\n");
        assert_int_equal(ask(p, &e), POLICY_LOG);
}

static void default_counters_go_on_over_a_reload(void **state)
{
        static const char drop_all_but[] =
                "[Filter]\nDefault=drop\n[Rule]\nUser=bob\nAction=keep\n";
        _cleanup_(policy_freep) struct policy *p = make(drop_all_but);
        const struct exec_event alice = person_event(), e = exit_of(&alice);

        (void)state;
        assert_int_equal(ask(p, &alice), POLICY_DROP);
        replace(p, drop_all_but);
        assert_int_equal(ask(p, &e), POLICY_DROP);
        assert_int_equal(rules_counters(policy_rules(p), RULE_DEFAULT)->dropped, 2);
        assert_int_equal(ask(p, &alice), POLICY_DROP);
        replace(p, "[Rule]\nUser=bob\nAction=drop\n"); /* now the default keeps */
        assert_int_equal(ask(p, &e), POLICY_LOG);
        assert_int_equal(policy_filtered(p), 3);
}

/* Many events of many kinds against rules of every kind: each is logged, dropped or told. */
static void every_event_is_accounted_for_once(void **state)
{
        _cleanup_(policy_freep) struct policy *p =
                make("[Rule]\nExe=/e1*\nAction=drop\n[Rule]\nUser=1-3\nTag=t\n"
                     "[Rule]\nExe=/e2*\nAction=summarize\nSummaryInterval=1s\n"
                     "[Rule]\nUnit=u3\nAction=summarize\n[Rule]\nEvent=exit\nUid=5\nAction=drop\n"
                     "[Rule]\nEvent=exit\nUid=6\nAction=summarize\n");
        static const char digits[] = "/e0/e1/e2/e3/e4";
        uint64_t seed = 5, logged = 0, told = 0, dropped = 0;
        const uint32_t n = 200000;
        struct summary summary;

        (void)state;
        for (uint32_t i = 0; i < n; i++) {
                const uint64_t x = random_next(&seed);
                struct exec_event e = service_event();

                e.exe = (struct span){ digits + x % 5 * 3, 3 };
                e.facts.uid = x >> 8 & 7;
                e.facts.pid = 1 + (x >> 16 & 0xfff);
                e.facts.start_ns = 1;
                e.names.unit = (x >> 32 & 3) == 3 ? SPAN("u3.service") : SPAN("u4.service");
                e.facts.traits = (x >> 40 & 31) == 31 ? TRAIT_MEMFD : 0;
                e.boot_ns = i * NSEC_PER_MSEC;
                if (x >> 48 & 1)
                        e = exit_of(&e);
                while (policy_take_summary(p, e.boot_ns, &summary))
                        told += summary.count;
                logged += ask(p, &e) == POLICY_LOG;
        }
        while (policy_take_summary(p, UINT64_MAX, &summary))
                told += summary.count;
        for (size_t i = 0; i < rules_count(policy_rules(p)); i++)
                dropped += rules_counters(policy_rules(p), (int)i)->dropped;
        assert_int_equal(policy_pending(p), 0);
        assert_int_equal(policy_filtered(p), told + dropped);
        assert_int_equal(n, logged + told + dropped);
        assert_true(told > 1000 && dropped > 1000 && logged > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(exits_of_dropped_execs_are_dropped_by_the_same_rule),
                cmocka_unit_test(exits_of_logged_execs_are_logged),
                cmocka_unit_test(an_exit_belongs_to_the_last_exec),
                cmocka_unit_test(failures_and_attempts_say_nothing_about_the_exit),
                cmocka_unit_test(exits_that_are_no_events_are_not_waited_for),
                cmocka_unit_test(tags_come_with_what_is_logged),
                cmocka_unit_test(summarized_events_are_enriched_first),
                cmocka_unit_test(a_storm_is_a_handful_of_lines_and_the_numbers_add_up),
                cmocka_unit_test(exits_of_the_first_of_a_group_are_logged),
                cmocka_unit_test(counters_go_on_over_a_reload),
                cmocka_unit_test(nothing_stays_hidden_while_there_are_no_rules),
                cmocka_unit_test(default_counters_go_on_over_a_reload),
                cmocka_unit_test(every_event_is_accounted_for_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
