/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Which process is whose, by what lines say of themselves and of their ancestors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "view/family.h"

static struct event_line line;
static char text[4096];

static void make_line(const char *kind, unsigned second, unsigned boot, const char *members)
{
        (void)snprintf(text, sizeof(text),
                       "{\"event\":\"%s\",\"time\":\"2026-11-22T18:31:%02uZ\",\"seq\":1,"
                       "\"boot_id\":\"%032x\",\"host\":\"a\"%s}",
                       kind, second, boot, members);
        assert_int_equal(event_line_read(&line, span_of(text)), LINE_EVENT);
}

static void take(struct family *f, const char *kind, unsigned second, const char *members)
{
        make_line(kind, second, 1, members);
        if (line.event.kind == EVENT_EXIT)
                family_exit(f, &line);
        else
                family_event(f, &line);
}

/* "boot(systemd(bash(ls,id)))": the commands, `>` before one that the same process has executed. */
static void assert_tree(const struct family *f, const char *expected)
{
        const struct member *members;
        struct buf out = { 0 };
        uint32_t n, depth = 0;

        members = family_members(f, &n);
        for (uint32_t at = family_next(f, 0); at != NO_MEMBER; at = family_next(f, at)) {
                const struct member *m = &members[at];

                for (; depth > m->depth; depth--)
                        buf_append_char(&out, ')');
                if (m->depth > depth)
                        buf_append_char(&out, '(');
                else if (out.size > 0)
                        buf_append_char(&out, ',');
                depth = m->depth;
                buf_append_string(&out, m->is_again ? ">" : "");
                buf_append_span(&out, m->kind == MEMBER_BOOT ? SPAN_LITERAL("boot")
                                                             : family_text(f, m->command));
        }
        for (; depth > 0; depth--)
                buf_append_char(&out, ')');
        buf_append_char(&out, '\0');
        assert_string_equal(out.data, expected);
        buf_done(&out);
}

#define BELOW_BASH                                                                                 \
        ",\"parent_comm\":\"bash\",\"ancestors\":[{\"pid\":20,\"comm\":\"bash\"},"                 \
        "{\"pid\":1,\"comm\":\"systemd\"}]"

static void parents_without_a_line_are_known_by_their_children(void **state)
{
        struct family *f;

        (void)state;
        assert_int_equal(family_new(100, &f), 0);
        take(f, "exec", 1,
             ",\"pid\":30,\"ppid\":20,\"process_id\":\"p30\",\"parent_process_id\":\"p20\","
             "\"argv\":[\"make\"]" BELOW_BASH);
        take(f, "exec", 2,
             ",\"pid\":32,\"ppid\":31,\"process_id\":\"p32\",\"parent_process_id\":\"p31\","
             "\"argv\":[\"cc\"],\"parent_comm\":\"sh\",\"ancestors\":[{\"pid\":31,\"comm\":"
             "\"sh\"},{\"pid\":30,\"comm\":\"make\"},{\"pid\":20,\"comm\":\"bash\"}]");
        take(f, "exec", 3,
             ",\"pid\":33,\"ppid\":20,\"process_id\":\"p33\",\"parent_process_id\":\"p20\","
             "\"argv\":[\"id\"]" BELOW_BASH);
        take(f, "exec_failed", 3,
             ",\"pid\":34,\"ppid\":33,\"process_id\":\"p34\",\"parent_process_id\":\"p33\","
             "\"argv\":[\"nix\"],\"error\":\"ENOENT\"");
        take(f, "exec", 4, ",\"pid\":2,\"process_id\":\"p2\",\"argv\":[\"alone\"]");
        assert_tree(f, "boot(systemd(bash(make(sh(cc)),id(nix))),alone)");
        family_free(f);
}

static void a_process_goes_on_by_another_exec(void **state)
{
        const struct member *members;
        struct family *f;
        uint32_t n;

        (void)state;
        assert_int_equal(family_new(100, &f), 0);
        take(f, "exec", 1, ",\"pid\":30,\"process_id\":\"p30\",\"argv\":[\"sh\"]");
        take(f, "exec", 2, ",\"pid\":40,\"process_id\":\"p40\",\"argv\":[\"b\"]");
        take(f, "exec", 3,
             ",\"pid\":31,\"ppid\":30,\"process_id\":\"p31\",\"parent_process_id\":\"p30\","
             "\"argv\":[\"ls\"]");
        take(f, "exec", 4, ",\"pid\":30,\"process_id\":\"p30\",\"argv\":[\"true\"]");
        take(f, "exit", 5,
             ",\"pid\":30,\"process_id\":\"p30\",\"exit_code\":3,\"duration_ns\":1000000000");
        take(f, "exit", 5, ",\"pid\":99,\"process_id\":\"p99\",\"exit_code\":3");
        assert_tree(f, "boot(sh(ls),>true,b)");
        members = family_members(f, &n);
        assert_true(members[2].is_replaced);
        assert_int_equal(members[2].end_ns - members[2].begin_ns, 3 * NSEC_PER_SEC);
        assert_true(members[5].has_ended && members[5].is_bad && !members[5].is_replaced);
        assert_string_equal(members[5].status, "3");
        family_free(f);
}

static void a_pid_is_used_again(void **state)
{
        struct family *f;

        (void)state;
        assert_int_equal(family_new(100, &f), 0);
        take(f, "exec", 1, ",\"pid\":30,\"process_id\":\"p30\",\"argv\":[\"old\"]");
        take(f, "exec", 2,
             ",\"pid\":31,\"ppid\":30,\"process_id\":\"p31\",\"parent_process_id\":\"q30\","
             "\"argv\":[\"x\"],\"parent_comm\":\"new\"");
        take(f, "exit", 3, ",\"pid\":31,\"process_id\":\"p31\",\"exit_code\":0");
        take(f, "exec", 4,
             ",\"pid\":32,\"ppid\":31,\"process_id\":\"p32\",\"argv\":[\"y\"],"
             "\"parent_comm\":\"another\"");
        make_line("exec", 5, 2, ",\"pid\":33,\"ppid\":32,\"process_id\":\"p33\",\"argv\":[\"z\"]");
        family_event(f, &line);
        assert_tree(f, "boot(old,new(x),another(y)),boot((z))");
        family_free(f);
}

static void what_has_no_room_is_counted(void **state)
{
        char members[256];
        struct family *f;
        uint32_t n;

        (void)state;
        assert_int_equal(family_new(10, &f), 0);
        for (unsigned i = 0; i < 20; i++) {
                (void)snprintf(members, sizeof(members),
                               ",\"pid\":%u,\"process_id\":\"p%u\",\"argv\":[\"x\"]", i + 2, i);
                take(f, "exec", 1, members);
        }
        (void)family_members(f, &n);
        assert_int_equal(n, 10);
        assert_int_equal(family_n_left_out(f), 12);
        family_free(f);
}

/* The member of a new boot takes the last place, and a process that is known goes on behind it. */
static void a_boot_in_the_last_place_is_the_last(void **state)
{
        char members[256];
        struct family *f;
        uint32_t n;

        (void)state;
        assert_int_equal(family_new(10, &f), 0);
        for (unsigned i = 0; i < 7; i++) {
                (void)snprintf(members, sizeof(members),
                               ",\"pid\":%u,\"process_id\":\"p%u\",\"argv\":[\"x\"]", i + 2, i);
                take(f, "exec", 1, members);
        }
        for (unsigned i = 0; i < 20; i++) {
                make_line("exec", 2, 2, ",\"pid\":2,\"process_id\":\"p0\",\"argv\":[\"y\"]");
                family_event(f, &line);
        }
        (void)family_members(f, &n);
        assert_int_equal(n, 10);
        assert_int_equal(family_n_left_out(f), 20);
        assert_tree(f, "boot(x,x,x,x,x,x,x),boot");
        family_free(f);
}

/* A process that says it is its own parent, its own ancestor. */
static void a_circle_is_no_circle(void **state)
{
        struct family *f;

        (void)state;
        assert_int_equal(family_new(100, &f), 0);
        take(f, "exec", 1,
             ",\"pid\":30,\"ppid\":30,\"process_id\":\"p30\",\"parent_process_id\":\"p30\","
             "\"argv\":[\"x\"],\"parent_comm\":\"y\",\"ancestors\":[{\"pid\":30,\"comm\":\"a\"},"
             "{\"pid\":30,\"comm\":\"b\"},{\"pid\":30,\"comm\":\"c\"}]");
        take(f, "exec", 2,
             ",\"pid\":30,\"ppid\":30,\"process_id\":\"p30\",\"parent_process_id\":\"p30\","
             "\"argv\":[\"z\"]");
        assert_int_equal(family_n_left_out(f), 0);
        assert_tree(f, "boot(c(b(y(x,>z))))");
        family_free(f);
}

static int done(void **state)
{
        (void)state;
        event_line_done(&line);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parents_without_a_line_are_known_by_their_children),
                cmocka_unit_test(a_process_goes_on_by_another_exec),
                cmocka_unit_test(a_pid_is_used_again),
                cmocka_unit_test(what_has_no_room_is_counted),
                cmocka_unit_test(a_boot_in_the_last_place_is_the_last),
                cmocka_unit_test(a_circle_is_no_circle),
        };

        return cmocka_run_group_tests(tests, NULL, done);
}
