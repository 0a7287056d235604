/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * describe: each kind of event in words; that whatever is in an event neither acts on a terminal
 * nor makes the text longer than is shown.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "encode/describe.h"
#include "encode/encode.h"
#include "event/stats.h"

/* As a shell below sshd has it. */
static struct exec_event typed(enum event_kind kind)
{
        struct exec_event e = {
                .kind = kind,
                .facts = { .present = FACT_CREDS | FACT_LOGINUID | FACT_PARENT, .pid = 4711 },
                .user = SPAN_LITERAL("root"),
                .tty = SPAN_LITERAL("pts/0"),
                .argv = SPAN_LITERAL("sudo\0id\0"),
                .names.unit = SPAN_LITERAL("session-5.scope"),
                .parent_comm = SPAN_LITERAL("bash"),
                .ancestors = { { .pid = 30, .comm = "bash" },
                               { .pid = 20, .comm = "sshd" },
                               { .pid = 1, .comm = "systemd" } },
                .n_ancestors = 3,
        };

        return e;
}

static void assert_text(struct buf *b, const char *expected)
{
        buf_append_char(b, '\0');
        assert_string_equal(b->data, expected);
        buf_done(b);
}

static void assert_event(const struct exec_event *e, const char *expected)
{
        struct buf b = { 0 };

        describe_event(e, &b);
        assert_text(&b, expected);
}

static void an_exec_says_who_from_where_what_and_below_what(void **state)
{
        const struct exec_event e = typed(EVENT_EXEC);

        (void)state;
        assert_event(&e, "root(0) ssh pts/0: sudo id  [session-5.scope] < bash < sshd");
}

static void another_user_in_effect_and_another_login_are_named(void **state)
{
        struct exec_event e = typed(EVENT_EXEC);

        (void)state;
        e.facts.uid = e.facts.loginuid = 1000;
        e.user = SPAN_LITERAL("ann");
        e.euser = SPAN_LITERAL("root");
        e.facts.traits = TRAIT_SETUID | TRAIT_DELETED;
        assert_event(&e, "ann(1000) as root(0) ssh pts/0: sudo id  [session-5.scope] "
                         "(deleted,setuid) < bash < sshd");
        e.facts = (struct exec_facts){ .present = FACT_CREDS | FACT_LOGINUID, .loginuid = 1000 };
        e.user = (struct span){ 0 };
        assert_event(&e, "uid 0 login 1000 ssh pts/0: sudo id  [session-5.scope] < bash < sshd");
}

static void what_is_not_known_is_left_out(void **state)
{
        struct exec_event e = { .kind = EVENT_EXEC, .comm = SPAN_LITERAL("x") };

        (void)state;
        assert_event(&e, "?: x");
        e.exe = SPAN_LITERAL("/bin/x y");
        assert_event(&e, "?: '/bin/x y'");
        e.filename = SPAN_LITERAL("./x");
        e.parent_comm = SPAN_LITERAL("make");
        assert_event(&e, "?: ./x < make");
        e.ancestors[0] = (struct event_ancestor){ .pid = 1, .comm = "systemd" };
        e.n_ancestors = 1;
        assert_event(&e, "?: ./x < systemd");
}

static void the_way_in_is_known_by_a_program_rather_than_by_a_name(void **state)
{
        struct exec_event e = typed(EVENT_EXEC);

        (void)state;
        e.ancestors[1].exe = SPAN_LITERAL("/tmp/x/mine");
        assert_event(&e, "root(0) pts/0: sudo id  [session-5.scope] < bash < sshd");
        strcpy(e.ancestors[1].comm, "x");
        e.ancestors[1].exe = SPAN_LITERAL("/usr/lib/openssh/sshd-session");
        assert_event(&e, "root(0) ssh pts/0: sudo id  [session-5.scope] < bash < x");
        e.ancestors[1] = (struct event_ancestor){ .pid = 7, .comm = "cron" };
        e.tty = (struct span){ 0 };
        assert_event(&e, "root(0) cron: sudo id  [session-5.scope] < bash < cron");
}

static void units_containers_and_tags_are_shown(void **state)
{
        struct exec_event e = typed(EVENT_EXEC);

        (void)state;
        e.n_ancestors = 0;
        e.names.user_unit = SPAN_LITERAL("app.scope");
        e.names.container_id = SPAN_LITERAL("3fa2");
        e.tags = SPAN_LITERAL("noise\0two\0");
        assert_event(&e, "root(0) pts/0: sudo id  [session-5.scope, app.scope, container 3fa2] "
                         "#noise #two < bash");
        e.names = (struct cgroup_names){ .container_id = SPAN_LITERAL("3fa2") };
        e.tags = (struct span){ 0 };
        assert_event(&e, "root(0) pts/0: sudo id  [container 3fa2] < bash");
}

static void failures_and_attempts_are_in_words(void **state)
{
        struct exec_event e = typed(EVENT_EXEC_FAILED);

        (void)state;
        e.facts.present |= FACT_RETVAL;
        e.facts.retval = -ENOENT;
        assert_event(&e, "root(0) ssh pts/0: failed (ENOENT, No such file or directory): sudo id  "
                         "[session-5.scope] < bash < sshd");
        e.facts.retval = -530;
        assert_event(&e, "root(0) ssh pts/0: failed (error 530): sudo id  [session-5.scope] < bash "
                         "< sshd");
        e.kind = EVENT_EXEC_ATTEMPT;
        assert_event(&e, "root(0) ssh pts/0: attempt: sudo id  [session-5.scope] < bash < sshd");
        e.kind = EVENT_PROCESS;
        assert_event(&e,
                     "root(0) ssh pts/0: runs already: sudo id  [session-5.scope] < bash < sshd");
}

static void ends_are_in_words(void **state)
{
        struct exec_event e = { .kind = EVENT_EXIT,
                                .facts = { .pid = 7, .uid = 1000 },
                                .comm = SPAN_LITERAL("ls"),
                                .status = 2 << 8,
                                .duration_ns = 3 * NSEC_PER_MSEC };

        (void)state;
        assert_event(&e, "ls[7] of uid 1000 has ended with status 2 after 3ms");
        e.status = SIGSEGV | 0x80;
        assert_event(&e, "ls[7] of uid 1000 was killed by SIGSEGV (core dumped) after 3ms");
        e.status = 40; /* a real-time signal */
        assert_event(&e, "ls[7] of uid 1000 was killed by signal 40 after 3ms");
}

static void summaries_say_how_many_and_by_which_rule(void **state)
{
        struct event_summary s = { .rule = "checks",
                                   .kind = EVENT_EXEC,
                                   .count = 12,
                                   .from_ns = NSEC_PER_SEC,
                                   .to_ns = 59 * NSEC_PER_SEC };
        struct exec_event e = { .kind = EVENT_SUMMARY,
                                .summary = &s,
                                .facts.present = FACT_CREDS,
                                .user = SPAN_LITERAL("root"),
                                .argv = SPAN_LITERAL("check\0-a b\0"),
                                .parent_comm = SPAN_LITERAL("nagios") };

        (void)state;
        assert_event(&e,
                     "12 more execs within 58.0s (rule checks): root(0): check '-a b' < nagios");
        s = (struct event_summary){ .kind = EVENT_EXEC_FAILED, .count = 1, .from_ns = 2 };
        assert_event(&e, "1 more failed exec within 0us: root(0): check '-a b' < nagios");
}

static void files_have_a_hash_or_a_reason(void **state)
{
        static const uint8_t sha256[SHA256_SIZE] = { 0x01, 0xab };
        struct exec_event e = { .kind = EVENT_FILE, .exe = SPAN_LITERAL("/bin/a b") };

        (void)state;
        e.exe_sha256 = sha256;
        assert_event(&e, "new program '/bin/a b', SHA-256 "
                         "01ab000000000000000000000000000000000000000000000000000000000000");
        e.exe_sha256 = NULL;
        e.hash_result = HASH_CHANGED;
        assert_event(&e, "new program '/bin/a b', without a hash: it has changed");
        e.hash_result = HASH_UNREADABLE;
        e.hash_error = EACCES;
        assert_event(&e, "new program '/bin/a b', without a hash: EACCES, Permission denied");
}

static void losses_are_in_words(void **state)
{
        struct loss loss = { .where = LOSS_RING,
                             .cpu = 3,
                             .count = 12,
                             .from_ns = 1,
                             .to_ns = 1 + 1200 * NSEC_PER_MSEC };
        struct buf b = { 0 };

        (void)state;
        describe_lost(&loss, &b);
        assert_text(&b, "LOST: 12 events within 1.2s, ring (no room between kernel and daemon), "
                        "CPU 3");
        loss = (struct loss){ .where = LOSS_DOWN, .cpu = LOSS_ANY_CPU, .count = 1, .uncertain = 1 };
        describe_lost(&loss, &b);
        assert_text(&b, "LOST: 1 event (1 perhaps not), down (no daemon was running)");
        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                assert_true(strlen(loss_where_text(w)) > 0);
}

static void starts_say_what_is_known_of_before(void **state)
{
        struct start_info info = { .version = "1.2", .kernel = "6.1\x1b[0m", .down = "counted" };
        struct buf b = { 0 };

        (void)state;
        describe_start(12 * NSEC_PER_SEC, &info, &b);
        assert_text(&b, "execsnoopd 1.2 begins to log, 12.0s after boot: kernel 6.1\\x1b[0m; execs "
                        "before were counted");
        info.kernel = "6.1";
        info.down = NULL;
        describe_start(0, &info, &b);
        assert_text(&b, "execsnoopd 1.2 begins to log, 0us after boot: kernel 6.1");
        info.down = "unknown";
        describe_start(0, &info, &b);
        assert_text(&b, "execsnoopd 1.2 begins to log, 0us after boot: kernel 6.1; nobody knows of "
                        "execs before");
}

static void counters_say_whether_they_add_up(void **state)
{
        struct stats s = { .program = { [PROGRAM_EXEC] = { .seen = 10 } },
                           .n_sinks = 1,
                           .sink = { { .name = "journal", .written = 10 } } };
        struct buf b = { 0 };

        (void)state;
        describe_stats(EVENT_STATS, &s, &b);
        assert_text(&b, "so far: 10 events seen, 0 lost; journal: 10 written; all accounted for");
        s.sink[0].written = 12;
        describe_stats(EVENT_STOP, &s, &b);
        assert_text(&b, "execsnoopd stops: 10 events seen, 0 lost; journal: 12 written; NOT "
                        "ACCOUNTED FOR: -2");
}

/* Of everything the worst: each byte as \xNN, as long as nothing in an event can be. */
static struct exec_event monster(enum event_kind kind, struct span s,
                                 const struct event_summary *summary)
{
        struct exec_event e = {
                .kind = kind,
                .facts = { .present = UINT32_MAX,
                           .pid = UINT32_MAX,
                           .uid = UINT32_MAX,
                           .euid = UINT32_MAX - 1,
                           .loginuid = UINT32_MAX - 2,
                           .retval = -EADDRNOTAVAIL,
                           .traits = UINT32_MAX },
                .comm = s,
                .user = s,
                .euser = s,
                .tty = s,
                .filename = s,
                .exe = s,
                .argv = s,
                .tags = s,
                .names = { .unit = s, .user_unit = s, .container_id = s },
                .n_ancestors = EXEC_ANCESTORS_MAX,
                .summary = summary,
                .duration_ns = UINT64_MAX,
                .status = SIGSEGV | 0x80,
                .hash_result = HASH_OTHER_FILE,
        };

        for (unsigned i = 0; i < EXEC_ANCESTORS_MAX; i++)
                memset(e.ancestors[i].comm, '\x1b', EXEC_COMM_SIZE - 1);
        strcpy(e.ancestors[7].comm, "sshd-session");
        return e;
}

static void assert_can_be_shown(struct span s)
{
        assert_true(s.size <= DESCRIPTION_SIZE_MAX);
        assert_true(text_is_valid(s));
        for (size_t i = 0; i < s.size; i++)
                assert_true((uint8_t)s.data[i] >= ' ' && s.data[i] != 0x7f);
}

static void nothing_makes_it_longer_or_acts_on_a_terminal(void **state)
{
        static const char *const units[] = {
                "\x1b", "\xff", "\n", "'", "\xc2\x9b", "\xe2\x82\xac", "\xf0\x9f\x92\xa9",
                "a",    "a'\t"
        };
        char rule[4096];
        const struct event_summary summary = {
                .rule = rule, .kind = EVENT_EXEC_FAILED, .count = UINT64_MAX, .to_ns = UINT64_MAX
        };
        static char data[9000];

        (void)state;
        memset(rule, '\x1b', sizeof(rule) - 1);
        rule[sizeof(rule) - 1] = '\0';
        for (size_t u = 0; u < ELEMENTSOF(units); u++) {
                for (size_t i = 0; i < sizeof(data); i++)
                        data[i] = units[u][i % strlen(units[u])];
                for (enum event_kind kind = EVENT_EXEC; kind <= EVENT_FILE; kind++) {
                        const struct exec_event e =
                                monster(kind, (struct span){ data, sizeof(data) }, &summary);
                        _cleanup_(buf_done) struct buf b = { 0 };

                        describe_event(&e, &b);
                        assert_can_be_shown(buf_span(&b));
                        assert_non_null(memmem(b.data, b.size, "...", 3));
                        if (kind != EVENT_EXIT && kind != EVENT_FILE) /* to its end */
                                assert_true(span_ends_with(buf_span(&b), " < sshd-session"));
                }
        }
}

/* With a mark, and never in the middle of a character. */
static void long_commands_are_cut(void **state)
{
        static char data[4000];
        struct exec_event e = { .kind = EVENT_EXEC, .argv = { data, sizeof(data) } };
        struct buf b = { 0 };

        (void)state;
        memset(data, 'x', sizeof(data));
        describe_event(&e, &b);
        assert_true(span_ends_with(buf_span(&b), "xxx ..."));
        assert_true(b.size > 1900);
        buf_done(&b);
        for (size_t before = 0; before < 3; before++) {
                for (size_t i = 0; i < sizeof(data); i++)
                        data[i] = i < before ? 'y' : "\xe2\x82\xac"[(i - before) % 3];
                describe_event(&e, &b);
                assert_null(memmem(b.data, b.size, "\\x", 2));
                assert_can_be_shown(buf_span(&b));
                buf_done(&b);
        }
        e.argv = SPAN_LITERAL("a\0b\0");
        e.cut = EXEC_CUT(FIELD_ARGV);
        assert_event(&e, "?: a b ...");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_exec_says_who_from_where_what_and_below_what),
                cmocka_unit_test(another_user_in_effect_and_another_login_are_named),
                cmocka_unit_test(what_is_not_known_is_left_out),
                cmocka_unit_test(the_way_in_is_known_by_a_program_rather_than_by_a_name),
                cmocka_unit_test(units_containers_and_tags_are_shown),
                cmocka_unit_test(failures_and_attempts_are_in_words),
                cmocka_unit_test(ends_are_in_words),
                cmocka_unit_test(summaries_say_how_many_and_by_which_rule),
                cmocka_unit_test(files_have_a_hash_or_a_reason),
                cmocka_unit_test(losses_are_in_words),
                cmocka_unit_test(starts_say_what_is_known_of_before),
                cmocka_unit_test(counters_say_whether_they_add_up),
                cmocka_unit_test(nothing_makes_it_longer_or_acts_on_a_terminal),
                cmocka_unit_test(long_commands_are_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
