/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* selection: how words are read, what each key looks at, and what is not known. */
#include "policy_fixture.h"

#include "policy/selection.h"

static enum match match_text(const char *text, const struct exec_event *event, bool is_enriched)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        _cleanup_(selection_freep) struct selection *s = NULL;
        struct event_view view = { 0 };
        enum match m;

        assert_int_equal(selection_new(&s), 0);
        if (selection_parse(s, (struct span){ text, strlen(text) }, &fixture_names, &problem) < 0)
                fail_msg("%s: %.*s", text, (int)problem.size, problem.data);
        event_view_set(&view, event, is_enriched);
        m = selection_match(s, &view);
        event_view_done(&view);
        return m;
}

#define assert_match(text, event, expected)                                                        \
        do {                                                                                       \
                if (match_text(text, event, true) != (expected))                                   \
                        fail_msg("%s", text);                                                      \
        } while (0)

static void assert_matches(const struct exec_event *event, const char *const *texts)
{
        for (; *texts; texts++)
                assert_match(*texts, event, MATCH_YES);
}

static void assert_none_matches(const struct exec_event *event, const char *const *texts)
{
        for (; *texts; texts++)
                assert_match(*texts, event, MATCH_NO);
}

static void assert_problem(const char *text, const char *expected)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        _cleanup_(selection_freep) struct selection *s = NULL;

        assert_int_equal(selection_new(&s), 0);
        assert_true(selection_parse(s, (struct span){ text, strlen(text) }, &fixture_names,
                                    &problem) < 0);
        buf_append_char(&problem, '\0');
        if (!strstr(problem.data, expected))
                fail_msg("%s: %s", text, problem.data);
}

static void words_of_a_key_are_alternatives_and_keys_are_not(void **state)
{
        const struct exec_event e = person_event();

        (void)state;
        assert_matches(&e, (const char *const[]){ "", "Comm=ls", "Comm=cat ls", "  Comm=cat\tls  ",
                                                  "Comm=cat Comm=ls",
                                                  "Comm=ls User=bob alice Tty=pts/*", NULL });
        assert_none_matches(
                &e, (const char *const[]){ "Comm=cat", "Comm=cat dog", "Comm=ls User=bob", NULL });
}

static void negated_words_must_all_hold(void **state)
{
        const struct exec_event e = person_event();

        (void)state;
        assert_matches(&e, (const char *const[]){ "Comm=!cat", "Comm=!cat !dog", "Comm=l* !lsblk",
                                                  "Comm=!lsblk l* x", "Comm=\"!cat\"", NULL });
        assert_none_matches(&e, (const char *const[]){ "Comm=!ls", "Comm=!cat !ls", "Comm=l* !ls",
                                                       "Comm=!ls ls", "Comm=x !cat", "Comm=\"!ls\"",
                                                       "Comm=!\"ls\"", NULL });
}

static void quotes_protect_blanks_and_backslashes_characters(void **state)
{
        struct exec_event e = person_event();

        (void)state;
        e.argv = SPAN("a b\0c*\0!x\0\"q\"\0dev-x\\x2dy.device\0\\\0");
        assert_matches(&e, (const char *const[]){
                                   "Argument=\"a b\"", "Argument=a\" \"b", "Argument=a\\ b",
                                   "Argument=\"a *\"", "Argument=c\\*", "Argument=\\!x",
                                   "Argument=\"\\!x\"", "Argument=\\\"q\\\"",
                                   "Argument=dev-x\\x2dy.device", "Argument=dev-x\\\\x2dy.device",
                                   "Argument=\\\\", NULL });
        assert_none_matches(&e, (const char *const[]){ "Argument=\"a  b\"", "Argument=\\*",
                                                       "Argument=q", "Argument=\"\"", NULL });
}

static void each_key_looks_at_its_fact(void **state)
{
        struct exec_event e = person_event();

        (void)state;
        e.facts.uid = 1000;
        e.facts.euid = 0;
        e.facts.gid = 33;
        e.facts.loginuid = 1001;
        e.exe = SPAN("/the/exe");
        e.filename = SPAN("./the-file");
        e.comm = SPAN("the-comm");
        e.cwd = SPAN("/the/cwd");
        e.names.user_unit = SPAN("the-user.service");
        e.names.container_id = SPAN("the-container");
        e.parent_exe = SPAN("/the/parent");
        e.parent_comm = SPAN("the-parent");
        e.parent_argv = SPAN("the\0parent\0line\0");
        e.facts.traits = TRAIT_SCRIPT | TRAIT_SETUID;
        e.env = SPAN("LD_PRELOAD=/x.so\0A=b=c\0");
        e.facts.caps_effective = 1 << 21;
        assert_matches(&e, (const char *const[]){ "Event=exec",
                                                  "Event=exit exec",
                                                  "Event=!exec_failed",
                                                  "Exe=/the/exe",
                                                  "Filename=./the-*",
                                                  "Comm=the-comm",
                                                  "Cwd=/the/*",
                                                  "Argument=-l",
                                                  "Argument=ls",
                                                  "CommandLine=\"ls -l /tmp\"",
                                                  "CommandLine=*-l*",
                                                  "User=alice",
                                                  "User=1000",
                                                  "Uid=alice",
                                                  "Uid=900-1100",
                                                  "Euid=root",
                                                  "Euid=0",
                                                  "Gid=www-data",
                                                  "LoginUser=bob",
                                                  "LoginUser=1000-",
                                                  "LoginUser=any",
                                                  "Capability=cap_sys_admin",
                                                  "Capability=SYS_ADMIN any",
                                                  "Unit=session-3.scope",
                                                  "Slice=user-1000",
                                                  "UserUnit=the-user",
                                                  "Cgroup=/user.slice/*",
                                                  "Container=the-*",
                                                  "Container=any",
                                                  "Tty=pts/0",
                                                  "Tty=any",
                                                  "ParentExe=/the/parent",
                                                  "ParentComm=the-parent",
                                                  "ParentCommandLine=\"the parent line\"",
                                                  "Ancestor=sshd",
                                                  "Ancestor=bash systemd",
                                                  "Flags=setuid",
                                                  "Flags=memfd script",
                                                  "Flags=any",
                                                  "Env=LD_PRELOAD=*",
                                                  "Env=A=b=c",
                                                  NULL });
        assert_none_matches(&e, (const char *const[]){ "Event=exec_failed",
                                                       "Event=!exec",
                                                       "Exe=exe",
                                                       "Filename=/the/exe",
                                                       "Comm=the",
                                                       "Cwd=/the",
                                                       "Argument=l",
                                                       "CommandLine=ls",
                                                       "User=bob",
                                                       "Uid=1001-",
                                                       "Euid=1000",
                                                       "Gid=1000",
                                                       "LoginUser=unset",
                                                       "LoginUser=none",
                                                       "LoginUser=4294967295",
                                                       "LoginUser=-1",
                                                       "Capability=cap_bpf",
                                                       "Capability=none",
                                                       "Unit=session-3",
                                                       "Slice=user.slice",
                                                       "UserUnit=none",
                                                       "Cgroup=/user.slice",
                                                       "Container=none",
                                                       "Tty=none",
                                                       "Tty=/dev/pts/0",
                                                       "ParentExe=parent",
                                                       "ParentComm=bash",
                                                       "ParentCommandLine=the",
                                                       "Ancestor=ssh",
                                                       "Ancestor=!bash",
                                                       "Flags=memfd",
                                                       "Flags=none",
                                                       "Error=EACCES",
                                                       "Error=!EACCES",
                                                       "Env=LD_PRELOAD=",
                                                       "Env=LD_LIBRARY_PATH=*",
                                                       "Env=B=*",
                                                       NULL });
}

static void errors_are_of_failed_execs_alone(void **state)
{
        struct exec_event e = failed_event(ENOENT);

        (void)state;
        assert_matches(&e, (const char *const[]){ "Error=ENOENT", "Error=2", "Error=!EACCES",
                                                  "Error=1-5", NULL });
        assert_none_matches(&e, (const char *const[]){ "Error=!ENOENT", "Error=EACCES", NULL });
        e.kind = EVENT_EXEC_ATTEMPT;
        assert_none_matches(&e, (const char *const[]){ "Error=ENOENT", "Error=!ENOENT", NULL });
}

static void what_is_absent_matches_negated_words_alone(void **state)
{
        struct exec_event e = service_event();

        (void)state;
        e.parent_exe = e.parent_argv = e.names.unit = e.names.slice = (struct span){ 0 };
        e.n_ancestors = 0;
        assert_matches(&e, (const char *const[]){
                                   "Tty=!pts/*", "Tty=none", "Tty=!any", "Container=none",
                                   "Container=!web*", "LoginUser=unset", "LoginUser=none",
                                   "LoginUser=!root", "LoginUser=4294967295", "LoginUser=-1",
                                   "Unit=!sshd", "Unit=none", "Env=!LD_PRELOAD=*", "Flags=none",
                                   "Flags=!memfd", "Ancestor=!sudo", "Capability=none",
                                   "Slice=none system.slice", NULL });
        assert_none_matches(
                &e, (const char *const[]){ "Tty=*", "Tty=any", "Tty=!none", "Container=*",
                                           "Container=any", "LoginUser=0-", "LoginUser=!unset",
                                           "LoginUser=any", "Unit=*", "Unit=any",
                                           "Env=LD_PRELOAD=*", "Flags=any", "Ancestor=*", NULL });
}

/* Each key with what makes its fact unknown: neither a word nor its negation matches. */
static void what_is_cut_may_be_anything(void **state)
{
        static const struct {
                uint32_t cut;
                uint32_t lacks; /* enum exec_fact */
                const char *text;
        } cases[] = {
                { EXEC_CUT(FIELD_EXE), 0, "Exe=*" },
                { EXEC_CUT(FIELD_EXE), 0, "Exe=!/x" },
                { EXEC_CUT(FIELD_FILENAME), 0, "Filename=!/x" },
                { EXEC_CUT(FIELD_CWD), 0, "Cwd=/home/*" },
                { EXEC_CUT(FIELD_ARGV), 0, "CommandLine=ls*" },
                { EXEC_CUT(FIELD_ARGV), 0, "Argument=!--help" },
                { EXEC_CUT(FIELD_ENV), 0, "Env=!LD_PRELOAD=*" },
                { EXEC_CUT(FIELD_CGROUP), 0, "Unit=session-3.scope" },
                { EXEC_CUT(FIELD_CGROUP), 0, "Container=none" },
                { EXEC_CUT(FIELD_CGROUP), 0, "Cgroup=!/x" },
                { EXEC_CUT(FIELD_CGROUP), 0, "Slice=!x" },
                { EXEC_CUT(FIELD_CGROUP), 0, "UserUnit=none" },
                { EXEC_CUT(FIELD_ANCESTORS), 0, "Ancestor=!sudo" },
                { 0, FACT_CREDS, "User=alice" },
                { 0, FACT_CREDS, "Uid=!alice" },
                { 0, FACT_CREDS, "Euid=!0" },
                { 0, FACT_CREDS, "Gid=!0" },
                { 0, FACT_CAPS, "Capability=none" },
                { 0, FACT_PARENT, "ParentComm=!cron" },
                { EXEC_CUT(FIELD_PARENT_EXE), 0, "ParentExe=!/usr/sbin/cron" },
                { EVENT_CUT_PARENT_ARGV, 0, "ParentCommandLine=!cron*" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event e = person_event();

                e.cut = cases[i].cut;
                e.facts.present &= ~cases[i].lacks;
                assert_match(cases[i].text, &e, MATCH_UNKNOWN);
        }
}

/* A part that is there can be matched. */
static void words_find_what_is_left_of_a_cut_list(void **state)
{
        struct exec_event e = person_event();

        (void)state;
        e.cut = EXEC_CUT(FIELD_ARGV) | EXEC_CUT(FIELD_ANCESTORS);
        e.argv = SPAN("ls\0--human-rea");
        assert_match("Argument=ls", &e, MATCH_YES);
        assert_match("Argument=--human-rea", &e, MATCH_UNKNOWN); /* that is not an argument */
        assert_match("Argument=-a", &e, MATCH_UNKNOWN);
        assert_match("Argument=-a ls", &e, MATCH_YES);
        assert_match("Argument=-a !ls", &e, MATCH_NO);
        assert_match("Argument=-a !-b", &e, MATCH_UNKNOWN);
        assert_match("Argument=!ls", &e, MATCH_NO);
        assert_match("Ancestor=sshd", &e, MATCH_YES);
        assert_match("Ancestor=sshd !sudo", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=none", &e, MATCH_NO);
        assert_match("Ancestor=any", &e, MATCH_YES);
        e.argv = (struct span){ 0 };
        assert_match("Argument=ls", &e, MATCH_UNKNOWN);
}

static void ancestors_have_programs_where_known(void **state)
{
        static const char *const comms[] = { "bash", "sudo", "systemd", NULL };
        struct exec_event e = person_event();

        (void)state;
        set_ancestors(&e, comms);
        e.ancestors[0].exe = SPAN("/usr/bin/bash");
        e.ancestors[1].exe = SPAN("/usr/bin/sudo");
        assert_match("Ancestor=/usr/bin/sudo", &e, MATCH_YES);
        assert_match("Ancestor=sudo", &e, MATCH_YES);
        assert_match("Ancestor=!/usr/bin/sudo", &e, MATCH_NO);
        assert_match("Ancestor=su", &e, MATCH_NO);
        /* That of PID 1 is not known, but its name is. */
        assert_match("Ancestor=/usr/bin/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=/usr/bin/su sudo", &e, MATCH_YES);
        assert_match("Ancestor=/usr/bin/su !sudo", &e, MATCH_NO);
        assert_match("Ancestor=!/usr/bin/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=!*/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=!?usr/bin/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=![!a]usr/bin/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=![a/]usr/bin/su", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=![a-b]su", &e, MATCH_YES);
        assert_match("Ancestor=!\"\"", &e, MATCH_YES);
        assert_match("Ancestor=!su !cron", &e, MATCH_YES);
        assert_match("Ancestor=!su !/usr/sbin/cron", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=!none", &e, MATCH_YES);
        e.ancestors[2].exe = SPAN("/usr/lib/systemd/systemd");
        assert_match("Ancestor=!/usr/bin/su", &e, MATCH_YES);
        assert_match("Ancestor=/usr/bin/su", &e, MATCH_NO);
}

static void ancestors_beyond_the_eighth_are_not_known(void **state)
{
        static const char *const comms[] = { "a", "b", "c", "d", "e", "f", "g", "h", NULL };
        struct exec_event e = person_event();

        (void)state;
        set_ancestors(&e, comms);
        assert_match("Ancestor=!sudo", &e, MATCH_YES); /* the eighth is PID 1 */
        e.ancestors[7].pid = 77;
        assert_match("Ancestor=!sudo", &e, MATCH_UNKNOWN);
        assert_match("Ancestor=h", &e, MATCH_YES);
        assert_match("Ancestor=sudo", &e, MATCH_UNKNOWN);
}

static void exits_have_four_keys(void **state)
{
        const struct exec_event exec = person_event(), e = exit_of(&exec);

        (void)state;
        assert_matches(&e, (const char *const[]){ "Event=exit", "Comm=ls", "User=alice", "Uid=1000",
                                                  NULL });
        assert_none_matches(&e,
                            (const char *const[]){ "Event=exec", "Exe=!x", "Euid=!5", "Tty=none",
                                                   "Flags=none", "Unit=none", "Env=!A=*", NULL });
}

static void late_keys_wait_for_the_enriched_event(void **state)
{
        const struct exec_event e = person_event();

        (void)state;
        assert_int_equal(match_text("Unit=x", &e, false), MATCH_LATER);
        assert_int_equal(match_text("Unit=x Comm=ls", &e, false), MATCH_LATER);
        assert_int_equal(match_text("Unit=x Comm=cat", &e, false), MATCH_NO);
        assert_int_equal(match_text("Container=none", &e, false), MATCH_LATER);
        assert_int_equal(match_text("User=alice Exe=/usr/bin/ls Cgroup=/user.slice/*", &e, false),
                         MATCH_YES);
}

static void odd_words_are_refused_with_what_was_expected(void **state)
{
        (void)state;
        assert_problem("Exec=/x", "\"Exec=/x\" is not a key, expected one of: Event Exe");
        assert_problem("/x", "is not a key");
        assert_problem("User=carol", "\"carol\" is not a user, expected a name of this host");
        assert_problem("User=al*", "\"al*\" is not a user");
        assert_problem("Gid=carol", "\"carol\" is not a group");
        assert_problem("Uid=20-10", "\"20-10\" is a range that ends before it begins");
        assert_problem("Uid=4294967296", "too large, expected at most 4294967294");
        assert_problem("Uid=99999999999999999999999999", "too large");
        assert_problem("Uid=10-4294967295", "too large");
        assert_problem("Uid=\"\"", "is not a user");
        assert_problem("Flags=memfd setuit", "\"setuit\" is not a flag, expected words like");
        assert_problem("Event=start", "\"start\" is not a kind of event, expected one of: exec "
                                      "exec_failed exec_attempt exit");
        assert_problem("Error=ENOEN", "\"ENOEN\" is not an error");
        assert_problem("Capability=cap_x", "\"cap_x\" is not a capability");
        assert_problem("Exe=/a[", "\"/a[\" has a [ without its ]");
        assert_problem("Exe=\"/a", "has an odd quote");
        assert_problem("Exe=! /a", "\"!\" negates nothing, expected !WORD");
        assert_problem("Env=LD_PRELOAD", "\"LD_PRELOAD\" is not a variable, expected NAME=GLOB");
        assert_problem("Env=LD_*=x", "is not a variable");
}

static void numbers_come_in_ranges_and_by_name(void **state)
{
        struct exec_event e = person_event();

        (void)state;
        e.facts.uid = UINT32_MAX - 1;
        assert_match("Uid=1000-", &e, MATCH_YES);
        assert_match("Uid=4294967294", &e, MATCH_YES);
        assert_match("Uid=0-4294967294", &e, MATCH_YES);
        e.facts.uid = 60000;
        assert_match("Uid=1000-60000", &e, MATCH_YES);
        assert_match("Uid=1000-59999", &e, MATCH_NO);
        assert_match("Uid=60001-", &e, MATCH_NO);
        e.facts.uid = 1002;
        assert_match("User=\"build bot\"", &e, MATCH_YES);
        assert_match("User=build\\ bot", &e, MATCH_YES);
}

static void units_without_a_suffix_are_services(void **state)
{
        struct exec_event e = service_event();

        (void)state;
        assert_match("Unit=php8.2-fpm", &e, MATCH_YES);
        assert_match("Unit=php8.2-fpm.service", &e, MATCH_YES);
        assert_match("Unit=php*", &e, MATCH_YES);
        assert_match("Unit=php8.2-fpm.scope", &e, MATCH_NO);
        assert_match("Slice=system", &e, MATCH_YES);
        e.names.unit = SPAN("dev-disk\\x2da.swap");
        assert_match("Unit=dev-disk\\x2da.swap", &e, MATCH_YES);
}

static void a_view_looks_at_the_event_that_it_was_given(void **state)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        _cleanup_(selection_freep) struct selection *s = NULL;
        struct exec_event a = person_event(), b = person_event();
        struct event_view view = { 0 };

        (void)state;
        assert_int_equal(selection_new(&s), 0);
        assert_int_equal(selection_parse(s,
                                         SPAN("CommandLine=\"ls -l /tmp\" Ancestor=sshd "
                                              "ParentCommandLine=-bash"),
                                         NULL, &problem),
                         0);
        b.argv = SPAN("");
        event_view_set(&view, &a, true);
        assert_int_equal(selection_match(s, &view), MATCH_YES);
        event_view_set(&view, &b, true);
        assert_int_equal(selection_match(s, &view), MATCH_NO);
        b = a;
        b.n_ancestors = 1;
        event_view_set(&view, &b, true);
        assert_int_equal(selection_match(s, &view), MATCH_NO);
        b = a;
        b.parent_argv = SPAN("x\0");
        event_view_set(&view, &b, true);
        assert_int_equal(selection_match(s, &view), MATCH_NO);
        event_view_set(&view, &a, true);
        assert_int_equal(selection_match(s, &view), MATCH_YES);
        event_view_done(&view);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_of_a_key_are_alternatives_and_keys_are_not),
                cmocka_unit_test(negated_words_must_all_hold),
                cmocka_unit_test(quotes_protect_blanks_and_backslashes_characters),
                cmocka_unit_test(each_key_looks_at_its_fact),
                cmocka_unit_test(errors_are_of_failed_execs_alone),
                cmocka_unit_test(what_is_absent_matches_negated_words_alone),
                cmocka_unit_test(what_is_cut_may_be_anything),
                cmocka_unit_test(words_find_what_is_left_of_a_cut_list),
                cmocka_unit_test(ancestors_have_programs_where_known),
                cmocka_unit_test(ancestors_beyond_the_eighth_are_not_known),
                cmocka_unit_test(exits_have_four_keys),
                cmocka_unit_test(late_keys_wait_for_the_enriched_event),
                cmocka_unit_test(odd_words_are_refused_with_what_was_expected),
                cmocka_unit_test(numbers_come_in_ranges_and_by_name),
                cmocka_unit_test(units_without_a_suffix_are_services),
                cmocka_unit_test(a_view_looks_at_the_event_that_it_was_given),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
