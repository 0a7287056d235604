/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Parents: what an exec's event said is said of its children, and never of another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/parents.h"

#define ARGV_MAX 64
#define SPAN(literal) ((struct span){ .data = (literal), .size = sizeof(literal) - 1 })

static int set_up(void **state)
{
        struct parents *p;

        assert_int_equal(parents_new(PARENTS_BYTES_MAX, &p), 0);
        *state = p;
        return 0;
}

static int tear_down(void **state)
{
        parents_free(*state);
        return 0;
}

static struct exec_event exec_of(uint32_t pid, uint32_t count)
{
        return (struct exec_event){
                .kind = EVENT_EXEC,
                .facts = { .present = FACT_EXEC_COUNT,
                           .pid = pid,
                           .start_ns = 1000 + pid,
                           .exec_count = count },
                .exe = SPAN("/usr/bin/make"),
                .filename = SPAN("/usr/bin/make"),
                .argv = SPAN("make\0-j2\0"),
        };
}

/* A child of what came by that exec. */
static struct exec_event child_of(uint32_t pid, uint32_t count)
{
        struct exec_event e = exec_of(77, 9);

        e.facts.present |= FACT_PARENT_EXEC;
        e.facts.parent_exec_pid = pid;
        e.facts.parent_exec_start_ns = 1000 + pid;
        e.facts.parent_exec_count = count;
        return e;
}

static void add(struct parents *p, struct exec_event e)
{
        parents_process(p, &e, ARGV_MAX);
}

static struct exec_event seen(struct parents *p, struct exec_event e)
{
        parents_process(p, &e, ARGV_MAX);
        return e;
}

static void assert_unknown(struct parents *p, struct exec_event child)
{
        parents_process(p, &child, ARGV_MAX);
        assert_null(child.parent_argv.data);
        assert_null(child.parent_exe.data);
        assert_int_equal(child.cut, 0);
}

#define assert_span(span, literal) assert_true(span_equal((span), SPAN(literal)))

static void a_child_has_what_the_exec_of_its_parent_said(void **state)
{
        struct exec_event child;

        add(*state, exec_of(1, 1));
        child = seen(*state, child_of(1, 1));
        assert_span(child.parent_exe, "/usr/bin/make");
        assert_span(child.parent_argv, "make\0-j2\0");
        assert_int_equal(child.parent_filename.size, 0);
        assert_int_equal(child.cut, 0);
}

static void every_part_of_the_name_counts(void **state)
{
        struct exec_event child = child_of(1, 1);

        add(*state, exec_of(1, 1));
        assert_unknown(*state, child_of(1, 2));
        assert_unknown(*state, child_of(2, 1));
        child.facts.parent_exec_start_ns++;
        assert_unknown(*state, child);
        child = child_of(1, 1);
        child.facts.present &= ~FACT_PARENT_EXEC;
        assert_unknown(*state, child);
}

/* As it was found when the daemon started. */
static struct exec_event process_of(uint32_t pid, uint32_t count)
{
        struct exec_event e = exec_of(pid, count);

        e.kind = EVENT_PROCESS;
        e.facts.present |= FACT_FORKED;
        e.exe = SPAN("/usr/sbin/nginx");
        e.filename = (struct span){ 0 };
        e.argv = SPAN("nginx: worker\0");
        return e;
}

/* A child of who was only forked, by nobody knows whom. */
static struct exec_event child_of_forked(uint32_t pid, uint32_t count)
{
        struct exec_event e = exec_of(77, 9);

        e.facts.present |= FACT_PARENT | FACT_PARENT_EXE;
        e.facts.ppid = pid;
        e.facts.parent_start_ns = 1000 + pid;
        e.parent_exe = SPAN("/usr/sbin/nginx");
        e.ancestors[0] =
                (struct event_ancestor){ .pid = pid, .exec_count = count, .start_ns = 1000 + pid };
        e.n_ancestors = 1;
        return e;
}

static void a_process_that_was_found_is_a_parent(void **state)
{
        struct exec_event child = child_of_forked(5, 3);

        add(*state, process_of(5, 3));
        child = seen(*state, child);
        assert_span(child.parent_argv, "nginx: worker\0");
        assert_span(child.ancestors[0].exe, "/usr/sbin/nginx");
        child = seen(*state, child_of(5, 3)); /* or by its own exec, if it had one */
        assert_span(child.parent_argv, "nginx: worker\0");
}

static void a_process_that_was_found_is_no_other(void **state)
{
        struct exec_event child = child_of_forked(5, 4); /* it has executed something since */

        add(*state, process_of(5, 3));
        assert_null(seen(*state, child).parent_argv.data);
        assert_null(seen(*state, child_of_forked(6, 3)).parent_argv.data);
        child = child_of_forked(5, 3);
        child.facts.parent_start_ns++; /* the first ancestor was read later: another parent */
        assert_null(seen(*state, child).parent_argv.data);
        child = child_of_forked(5, 3);
        child.facts.present &= ~FACT_PARENT_EXE; /* nor is it sure to be the same one */
        assert_null(seen(*state, child).parent_argv.data);
}

static void an_exec_says_more_than_what_was_found(void **state)
{
        add(*state, exec_of(1, 1));
        add(*state, process_of(1, 1));
        assert_span(seen(*state, child_of(1, 1)).parent_argv, "make\0-j2\0");
        add(*state, process_of(2, 1));
        add(*state, exec_of(2, 1));
        assert_span(seen(*state, child_of(2, 1)).parent_argv, "make\0-j2\0");
}

/* So many that some have to fall together with the one that is there. */
static void names_that_fall_together_are_told_apart(void **state)
{
        struct exec_event child = child_of(1, 1);

        child.kind = EVENT_EXEC_FAILED; /* which is not remembered */
        add(*state, exec_of(1, 1));
        for (uint32_t i = 1; i <= 200000; i++) {
                child.facts.parent_exec_count = 1 + i;
                assert_unknown(*state, child);
                child.facts.parent_exec_count = 1;
                child.facts.parent_exec_pid = 1 + i;
                assert_unknown(*state, child);
                child.facts.parent_exec_pid = 1;
                child.facts.parent_exec_start_ns = 1001 + i;
                assert_unknown(*state, child);
                child.facts.parent_exec_start_ns = 1001;
        }
}

static void only_execs_that_have_a_name_are_remembered(void **state)
{
        struct exec_event e = exec_of(1, 1);

        e.facts.present = 0;
        add(*state, e);
        e = exec_of(1, 1);
        e.kind = EVENT_EXEC_FAILED;
        add(*state, e);
        assert_unknown(*state, child_of(1, 1));
}

/* The kernel's own path is of this moment; ours of the parent's exec. */
static void what_the_kernel_says_stays(void **state)
{
        struct exec_event child = child_of(1, 1);

        add(*state, exec_of(1, 1));
        child.parent_exe = SPAN("/moved/make");
        child = seen(*state, child);
        assert_span(child.parent_exe, "/moved/make");
        child.parent_exe = (struct span){ 0 };
        child.cut = EXEC_CUT(FIELD_PARENT_EXE) | EXEC_CUT(FIELD_CWD);
        child = seen(*state, child);
        assert_span(child.parent_exe, "/usr/bin/make");
        assert_int_equal(child.cut, EXEC_CUT(FIELD_CWD));
}

static void arguments_are_cut_and_marked(void **state)
{
        static const char many[100] = "a";
        struct exec_event e = exec_of(1, 1), child;

        e.argv = (struct span){ many, sizeof(many) };
        add(*state, e);
        child = seen(*state, child_of(1, 1));
        assert_int_equal(child.parent_argv.size, ARGV_MAX);
        assert_int_equal(child.cut, EVENT_CUT_PARENT_ARGV);
        e.argv.size = ARGV_MAX;
        add(*state, e);
        child = seen(*state, child_of(1, 1));
        assert_int_equal(child.parent_argv.size, ARGV_MAX);
        assert_int_equal(child.cut, 0);
        child = child_of(1, 1); /* a reload has made it smaller */
        parents_process(*state, &child, 10);
        assert_int_equal(child.parent_argv.size, 10);
        assert_int_equal(child.cut, EVENT_CUT_PARENT_ARGV);
        e.cut = EXEC_CUT(FIELD_ARGV);
        add(*state, e);
        assert_int_equal(seen(*state, child_of(1, 1)).cut, EVENT_CUT_PARENT_ARGV);
}

static void what_an_exec_lacks_its_children_lack(void **state)
{
        struct exec_event e = exec_of(1, 1), child;

        e.argv = (struct span){ 0 };
        e.cut = EXEC_CUT(FIELD_ARGV);
        add(*state, e);
        child = seen(*state, child_of(1, 1));
        assert_span(child.parent_exe, "/usr/bin/make");
        assert_null(child.parent_argv.data);
        assert_int_equal(child.cut, 0);
        e = exec_of(1, 2);
        e.cut = EXEC_CUT(FIELD_EXE); /* without its beginning */
        add(*state, e);
        child = seen(*state, child_of(1, 2));
        assert_null(child.parent_exe.data);
        assert_span(child.parent_argv, "make\0-j2\0");
        e = exec_of(1, 3);
        e.argv = SPAN("");
        add(*state, e);
        child = seen(*state, child_of(1, 3));
        assert_non_null(child.parent_argv.data);
        assert_int_equal(child.parent_argv.size, 0);
}

/* Redaction goes by it. */
static void a_filename_is_kept_that_says_more(void **state)
{
        struct exec_event e = exec_of(1, 1), child;

        e.filename = SPAN("/usr/bin/mysql");
        add(*state, e);
        child = seen(*state, child_of(1, 1));
        assert_span(child.parent_filename, "/usr/bin/mysql");
        assert_span(child.parent_argv, "make\0-j2\0");
        e.argv = SPAN("mysql\0");
        add(*state, e);
        assert_int_equal(seen(*state, child_of(1, 1)).parent_filename.size, 0);
}

static void ancestors_have_the_program_of_their_own_exec(void **state)
{
        struct exec_event e = exec_of(5, 5);

        e.n_ancestors = 3;
        e.ancestors[0] = (struct event_ancestor){ .pid = 1, .start_ns = 1001, .exec_count = 1 };
        e.ancestors[1] = (struct event_ancestor){ .pid = 1, .start_ns = 1001, .exec_count = 2 };
        e.ancestors[2] = (struct event_ancestor){ .pid = 2, .start_ns = 1001, .exec_count = 1 };
        add(*state, exec_of(1, 1));
        e = seen(*state, e);
        assert_span(e.ancestors[0].exe, "/usr/bin/make");
        assert_null(e.ancestors[1].exe.data);
        assert_null(e.ancestors[2].exe.data);
}

/* What is borrowed is there although the event itself has taken the room of another. */
static void the_bound_holds_and_who_is_asked_for_stays(void **state)
{
        const size_t room = 4096;
        struct exec_event child;
        struct parents *p;
        unsigned n = 0;

        (void)state;
        assert_int_equal(parents_new(room, &p), 0);
        add(p, exec_of(1, 1));
        for (uint32_t i = 2; i < 1000; i++) {
                child = exec_of(i, 1);
                child.facts.present |= FACT_PARENT_EXEC;
                child.facts.parent_exec_pid = 1;
                child.facts.parent_exec_start_ns = 1001;
                child.facts.parent_exec_count = 1;
                child = seen(p, child);
                assert_span(child.parent_argv, "make\0-j2\0");
        }
        for (uint32_t i = 2; i < 1000; i++) {
                child = child_of(i, 1);
                child.kind = EVENT_EXEC_FAILED; /* which is not remembered */
                n += seen(p, child).parent_argv.data != NULL;
        }
        assert_in_range(n, 20, room / 90);
        parents_free(p);
}

static void too_much_for_all_room_is_the_only_one(void **state)
{
        static const char huge[8192] = "a";
        struct exec_event e = exec_of(1, 1);
        struct parents *p;

        (void)state;
        assert_int_equal(parents_new(512, &p), 0);
        e.argv = (struct span){ huge, sizeof(huge) };
        parents_process(p, &e, sizeof(huge));
        add(p, exec_of(2, 1));
        assert_unknown(p, child_of(1, 1));
        parents_free(p);
}

static void all_is_forgotten_on_request(void **state)
{
        add(*state, exec_of(1, 1));
        add(*state, exec_of(2, 1));
        parents_clear(*state);
        assert_unknown(*state, child_of(1, 1));
        add(*state, exec_of(1, 1));
        assert_span(seen(*state, child_of(1, 1)).parent_argv, "make\0-j2\0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_child_has_what_the_exec_of_its_parent_said),
                TEST(every_part_of_the_name_counts),
                TEST(a_process_that_was_found_is_a_parent),
                TEST(a_process_that_was_found_is_no_other),
                TEST(an_exec_says_more_than_what_was_found),
                TEST(names_that_fall_together_are_told_apart),
                TEST(only_execs_that_have_a_name_are_remembered),
                TEST(what_the_kernel_says_stays),
                TEST(arguments_are_cut_and_marked),
                TEST(what_an_exec_lacks_its_children_lack),
                TEST(a_filename_is_kept_that_says_more),
                TEST(ancestors_have_the_program_of_their_own_exec),
                TEST(the_bound_holds_and_who_is_asked_for_stays),
                TEST(too_much_for_all_room_is_the_only_one),
                TEST(all_is_forgotten_on_request),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
