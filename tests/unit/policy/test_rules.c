/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* rules: what they refuse and warn of, who decides, and what no rule may hide. */
#include "policy_fixture.h"

static void assert_refused_rules(const char *text, const char *errors)
{
        _cleanup_(compiled_done) struct compiled c = compile_rules(text);

        assert_int_equal(c.result, -EINVAL);
        assert_messages(&c.report.errors, errors);
}

static void assert_warned(const char *text, const char *warnings)
{
        _cleanup_(compiled_done) struct compiled c = compile_rules(text);

        assert_messages(&c.report.errors, "");
        assert_messages(&c.report.warnings, warnings);
}

static void errors_name_place_key_word_and_what_was_expected(void **state)
{
        (void)state;
        assert_refused_rules("[Rule]\nAction=hide\n",
                             "/etc/x.conf:2: Action: \"hide\" is not an action, expected one of: "
                             "keep drop summarize\n");
}

static void all_errors_are_told_at_once(void **state)
{
        (void)state;
        assert_refused_rules("[Rule]\nUser=nagios carol\nAction=drop\n[Rule]\nExe=/a[\nTag=a*\n"
                             "SummaryInterval=1\xc2\xb5s\n[Rule]\nUid=9-1\nAction=summarize\n"
                             "SummaryInterval=2d\n",
                             "/etc/x.conf:2: User: \"carol\" is not a user, expected a name of "
                             "this host, a number, a range like 1000-60000, or unset\n"
                             "/etc/x.conf:5: Exe: \"/a[\" has a [ without its ], expected [...], "
                             "or \\[ for the character itself\n"
                             "/etc/x.conf:6: Tag: \"a*\" is not a tag, expected letters, digits "
                             "and _-.:/\n"
                             "/etc/x.conf:7: SummaryInterval: \"1\xc2\xb5s\" is not a time span, "
                             "expected one like 100ms or 1min 30s\n"
                             "/etc/x.conf:9: Uid: \"9-1\" is a range that ends before it begins, "
                             "expected one like 1000-60000\n"
                             "/etc/x.conf:11: SummaryInterval: \"2d\" is out of range, expected "
                             "1s to 1d\n");
}

static void rules_without_effect_and_namesakes_are_refused(void **state)
{
        (void)state;
        assert_refused_rules("[Rule]\nExe=/a\n",
                             "/etc/x.conf:1: [Rule]: does nothing, expected Action= or Tag=\n");
        assert_refused_rules("[Rule]\n[Rule]\nAction=keep\nAction=\n",
                             "/etc/x.conf:1: [Rule]: does nothing, expected Action= or Tag=\n"
                             "/etc/x.conf:2: [Rule]: does nothing, expected Action= or Tag=\n");
        assert_refused_rules("[Rule]\nName=a\nExe=/a\nAction=keep\n[Rule]\nName=a\nAction=keep\n",
                             "/etc/x.conf:5: [Rule]: has the same name as the rule of "
                             "/etc/x.conf:1, expected another Name=\n");
        assert_refused_rules("[Rule]\nName=earlier runs\nAction=keep\n[Rule]\nName=Default=\n"
                             "Action=keep\n",
                             "/etc/x.conf:1: [Rule]: has the name of another counter, expected "
                             "another Name=\n"
                             "/etc/x.conf:4: [Rule]: has the name of another counter, expected "
                             "another Name=\n");
        assert_refused_rules("[Rule]\nName=x.conf:4\nExe=/a\n[Rule]\nAction=keep\n",
                             "/etc/x.conf:1: [Rule]: does nothing, expected Action= or Tag=\n"
                             "/etc/x.conf:4: [Rule]: has the same name as the rule of "
                             "/etc/x.conf:1, expected another Name=\n");
}

static void tags_are_limited(void **state)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        (void)state;
        buf_append_string(&text, "[Rule]\nTag=");
        for (unsigned i = 0; i < RULES_TAGS_MAX; i++)
                buf_printf(&text, " t%u", i);
        buf_append_char(&text, '\0');
        rules_free(good_rules(text.data));
        text.size--;
        buf_append_string(&text, " t0 t64\n");
        buf_append_char(&text, '\0');
        assert_refused_rules(text.data, "/etc/x.conf:2: Tag: \"t64\" is one tag too many, expected "
                                        "at most 64 different ones in all rules\n");
}

static void names_are_given_or_say_where(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Rule]\nName=first one\nExe=/a\nAction=drop\n\n[Rule]\nExe=/b \\\n /c\n"
                           "User=bob\nAction=keep\nName=x\nName=\n");

        (void)state;
        assert_int_equal(rules_count(r), 2);
        assert_string_equal(rules_name(r, 0), "first one");
        assert_string_equal(rules_name(r, 1), "x.conf:6");
        assert_string_equal(rules_name(r, RULE_DEFAULT), "default");
        assert_string_equal(rules_text(r, 0), "Exe=/a Action=drop");
        assert_string_equal(rules_text(r, 1), "Exe=/b   /c User=bob Action=keep");
        assert_int_equal(rules_find(r, "x.conf:6"), 1);
        assert_int_equal(rules_find(r, "y"), RULE_DEFAULT);
}

static void words_add_up_and_are_taken_back(void **state)
{
        _cleanup_(rules_freep) struct rules *r = good_rules(
                "[Rule]\nExe=/a\nExe=/usr/bin/ls\nComm=x\nComm=\nAction=keep\nAction=drop\n");
        const struct exec_event e = person_event();

        (void)state;
        assert_int_equal(decide(r, &e).verdict, VERDICT_DROP);
}

static void the_first_rule_with_an_action_decides(void **state)
{
        _cleanup_(rules_freep) struct rules *r = good_rules(
                "[Rule]\nComm=ls cat\nTag=file\n[Rule]\nExe=/usr/bin/*\nTag=usr file\n"
                "[Rule]\nUser=alice\nTag=people\nAction=drop\n[Rule]\nComm=ls cat\nTag=late\n"
                "[Rule]\nComm=convert\nTag=kept\nAction=keep\n[Rule]\nUser=www-data\nAction="
                "drop\n");
        struct exec_event e = person_event();
        struct decision d = decide(r, &e);

        (void)state;
        assert_int_equal(d.verdict, VERDICT_DROP);
        assert_int_equal(d.rule, 2);
        assert_int_equal(d.tags, 7);
        assert_string_equal(rules_tag(r, 0), "file");
        assert_string_equal(rules_tag(r, 1), "usr");
        assert_string_equal(rules_tag(r, 2), "people");
        assert_string_equal(rules_tag(r, 4), "kept");
        assert_null(rules_tag(r, 5));
        e.facts.uid = 5;
        d = decide(r, &e);
        assert_int_equal(d.verdict, VERDICT_KEEP);
        assert_int_equal(d.rule, RULE_DEFAULT);
        assert_int_equal(d.tags, 1 | 2 | 8);
        e = service_event();
        d = decide(r, &e);
        assert_int_equal(d.verdict, VERDICT_KEEP);
        assert_int_equal(d.rule, 4);
        assert_int_equal(d.tags, 1 | 2 | 16);
        e.comm = SPAN("identify");
        assert_int_equal(decide(r, &e).rule, 5);
        assert_int_equal(rules_counters(r, 1)->matched, 4);
        assert_int_equal(rules_counters(r, 2)->matched, 1);
        assert_int_equal(rules_counters(r, RULE_DEFAULT)->matched, 1);
}

static void the_default_decides_the_rest(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Filter]\nDefault=drop\n[Rule]\nUser=alice\nAction=keep\n");
        struct exec_event e = person_event();
        struct decision d;

        (void)state;
        assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
        e.facts.uid = 5;
        d = decide(r, &e);
        assert_int_equal(d.verdict, VERDICT_DROP);
        assert_int_equal(d.rule, RULE_DEFAULT);
        assert_false(rules_are_empty(r));
        assert_string_equal(rules_text(r, RULE_DEFAULT), "Default=drop");
}

static void no_rules_keep_everything(void **state)
{
        _cleanup_(rules_freep) struct rules *r = good_rules("");
        const struct exec_event e = person_event();

        (void)state;
        assert_true(rules_are_empty(r));
        assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
}

/* Each flag alone: no rule hides it, but for one that says so; and the default does not. */
static void assert_protected(enum exec_trait trait, const char *name)
{
        static const char *const actions[] = { "drop", "summarize" };
        struct exec_event e = person_event();
        char text[256];

        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                (void)snprintf(text, sizeof(text), "[Rule]\nUser=alice\nAction=%s\n", actions[i]);
                _cleanup_(rules_freep) struct rules *without = good_rules(text);
                (void)snprintf(text, sizeof(text), "[Rule]\nUser=alice\nFlags=%s\nAction=%s\n",
                               name, actions[i]);
                _cleanup_(rules_freep) struct rules *with = good_rules(text);
                _cleanup_(rules_freep) struct rules *fallback =
                        good_rules("[Filter]\nDefault=drop\n[Rule]\nUser=bob\nAction=keep\n");

                e.facts.traits = 0;
                assert_int_not_equal(decide(without, &e).verdict, VERDICT_KEEP);
                assert_int_equal(decide(with, &e).verdict, VERDICT_KEEP);
                assert_int_equal(decide(fallback, &e).verdict, VERDICT_DROP);
                e.facts.traits = trait;
                assert_int_equal(decide(without, &e).verdict, VERDICT_KEEP);
                assert_int_equal(rules_counters(without, 0)->spared, 1);
                assert_int_equal(rules_counters(without, 0)->matched, 1);
                assert_int_not_equal(decide(with, &e).verdict, VERDICT_KEEP);
                assert_int_equal(rules_counters(with, 0)->spared, 0);
                assert_int_equal(decide(fallback, &e).verdict, VERDICT_KEEP);
                assert_int_equal(rules_counters(fallback, RULE_DEFAULT)->spared, 1);
        }
}

static void memfd_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_MEMFD, "memfd");
}

static void deleted_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_DELETED, "deleted");
}

static void overlay_upper_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_OVERLAY_UPPER, "overlay_upper");
}

static void setuid_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_SETUID, "setuid");
}

static void setgid_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_SETGID, "setgid");
}

static void filecaps_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_FILECAPS, "filecaps");
}

static void kernel_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_KERNEL, "kernel");
}

static void thread_exec_is_never_hidden_by_accident(void **state)
{
        (void)state;
        assert_protected(TRAIT_THREAD_EXEC, "thread_exec");
}

static void other_flags_are_hidden_as_usual(void **state)
{
        _cleanup_(rules_freep) struct rules *r = good_rules("[Rule]\nUser=alice\nAction=drop\n");
        struct exec_event e = person_event();

        (void)state;
        e.facts.traits = TRAIT_IMAGE32 | TRAIT_SCRIPT | TRAIT_EXECVEAT | TRAIT_POINT_OF_NO_RETURN;
        assert_int_equal(decide(r, &e).verdict, VERDICT_DROP);
        e.facts.traits |= TRAIT_MEMFD;
        assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
}

/* A rule that spares an event has not decided it, and has not tagged it. */
static void spared_events_go_on_to_the_next_rule(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Rule]\nUser=alice\nTag=a\nAction=drop\n"
                           "[Rule]\nFlags=memfd\nTag=b\nAction=keep\n");
        struct exec_event e = person_event();
        struct decision d;

        (void)state;
        e.facts.traits = TRAIT_MEMFD;
        d = decide(r, &e);
        assert_int_equal(d.rule, 1);
        assert_int_equal(d.tags, 2);
}

/* Of a program whose path was cut nobody knows whether it is the one. */
static void in_doubt_events_are_logged(void **state)
{
        _cleanup_(rules_freep) struct rules *drop =
                good_rules("[Rule]\nExe=!/tmp/*\nTag=a\nAction=drop\n");
        _cleanup_(rules_freep) struct rules *keep =
                good_rules("[Filter]\nDefault=drop\n[Rule]\nExe=/opt/*\nAction=keep\n");
        _cleanup_(rules_freep) struct rules *tag = good_rules("[Rule]\nExe=/opt/*\nTag=opt\n");
        struct exec_event e = person_event();

        (void)state;
        assert_int_equal(decide(drop, &e).verdict, VERDICT_DROP);
        assert_int_equal(decide(keep, &e).verdict, VERDICT_DROP);
        e.cut = EXEC_CUT(FIELD_EXE);
        e.exe = SPAN("deep/down/evil");
        assert_int_equal(decide(drop, &e).verdict, VERDICT_KEEP);
        assert_int_equal(decide(drop, &e).tags, 0);
        assert_int_equal(decide(keep, &e).verdict, VERDICT_KEEP);
        assert_int_equal(decide(tag, &e).tags, 0);
}

/* Nor hides what is long enough to be cut from a rule that keeps it. */
static void what_is_cut_is_kept(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Rule]\nArgument=/etc/shadow\nAction=keep\n[Rule]\nComm=ls\n"
                           "Action=drop\n");
        struct exec_event e = person_event();

        (void)state;
        assert_int_equal(decide(r, &e).verdict, VERDICT_DROP);
        e.cut = EXEC_CUT(FIELD_ARGV);
        assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
        assert_int_equal(decide(r, &e).rule, 0);
}

static void rules_with_unknown_keys_hide_and_tag_nothing(void **state)
{
        struct exec_event e = person_event();
        _cleanup_(compiled_done) struct compiled c = compile_rules(
                "[Filter]\nDefault=drop\n[Rule]\nexe=/x\nTag=a\n[Rule]\nColour=red\nAction=drop\n"
                "[Rule]\nsummaryinterval=1s\nUser=alice\nAction=keep\n");

        (void)state;
        assert_messages(
                &c.report.warnings,
                "/etc/x.conf:4: exe: unknown key, so that this rule hides and tags nothing; "
                "there is Exe=\n"
                "/etc/x.conf:7: Colour: unknown key, so that this rule hides and tags "
                "nothing\n"
                "/etc/x.conf:10: summaryinterval: unknown key, so that this rule hides and "
                "tags nothing; there is SummaryInterval=\n");
        assert_int_equal(decide(c.rules, &e).rule, 2);
        assert_int_equal(decide(c.rules, &e).tags, 0);
        e.facts.uid = 1001;
        assert_int_equal(decide(c.rules, &e).rule, RULE_DEFAULT);
}

static void exits_are_for_rules_that_name_them(void **state)
{
        _cleanup_(rules_freep) struct rules *r = good_rules(
                "[Filter]\nDefault=drop\n[Rule]\nUser=alice\nAction=drop\n"
                "[Rule]\nEvent=!exec\nAction=drop\n[Rule]\nEvent=exec exit\nUser=bob\nAction=drop\n"
                "[Rule]\nUser=root\nAction=keep\n");
        const struct exec_event exec = person_event();
        struct exec_event e = exit_of(&exec);

        (void)state;
        assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
        e.facts.uid = 1001;
        assert_int_equal(decide(r, &e).rule, 2);
        assert_int_equal(decide(r, &e).verdict, VERDICT_DROP);
}

static void what_needs_no_enrichment_is_decided_before(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Rule]\nExe=/a\nUnit=a\nAction=drop\n[Rule]\nComm=ls\nTag=ls\n"
                           "[Rule]\nUser=bob\nAction=drop\n[Rule]\nUnit=session-*\nAction=drop\n"
                           "[Rule]\nUser=alice\nAction=drop\n");
        struct exec_event e = person_event();
        struct event_view view = { 0 };
        struct decision d = { 0 };

        (void)state;
        e.facts.uid = 1001;
        event_view_set(&view, &e, false);
        assert_true(rules_decide(r, &view, &d));
        assert_int_equal(d.rule, 2);
        assert_int_equal(d.tags, 1);

        e.facts.uid = 1000;
        d = (struct decision){ 0 };
        event_view_set(&view, &e, false);
        assert_false(rules_decide(r, &view, &d));
        assert_int_equal(d.next, 3);
        view.is_enriched = true;
        assert_true(rules_decide(r, &view, &d));
        assert_int_equal(d.rule, 3);
        assert_int_equal(d.tags, 1);
        assert_int_equal(rules_counters(r, 1)->matched, 2); /* once for each event */
        event_view_done(&view);
}

static void rules_that_never_match_are_warned_of(void **state)
{
        static const char *const void_rules[] = {
                "Exe=/a !/a",
                "Exe=/usr/bin/a !/usr/*",
                "Exe=!*",
                "Uid=10-20 30 !0-100",
                "Flags=memfd deleted !memfd !deleted",
                "Flags=!any !none",
                "Event=exec\nError=ENOENT",
                "Event=exit\nExe=/a",
                "User=alice\nUid=1-5",
                "Container=none !none",
                "Container=any !any",
                "Tty=pts/1 !any",
                "Event=exec !exec",
        };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(void_rules); i++) {
                (void)snprintf(text, sizeof(text), "[Rule]\n%s\nAction=keep\n", void_rules[i]);
                assert_warned(text, "/etc/x.conf:1: [Rule]: can never match: its words exclude "
                                    "each other\n");
        }
}

/* The kernel cuts the name of a process. */
static void names_that_no_process_has_are_warned_of(void **state)
{
        (void)state;
        assert_warned("[Rule]\nAncestor=sshd containerd-shim-*\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about a process called containerd-shim-*, but of "
                      "such names there are the first 15 bytes only\n");
        assert_warned("[Rule]\nComm=!containerd-shim-runc\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about a process called containerd-shim-runc, but "
                      "of such names there are the first 15 bytes only\n");
        rules_free(good_rules("[Rule]\nParentComm=containerd-shim *containerd-shim\nTag=x\n"
                              "[Rule]\nAncestor=/usr/bin/containerd-shim-runc-v2\nTag=x\n"));
}

static void paths_without_a_slash_are_warned_of(void **state)
{
        (void)state;
        assert_warned("[Rule]\nExe=/bin/sh bash\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about the path bash, but each begins with a "
                      "slash\n");
        assert_warned("[Rule]\nParentExe=!usr/*\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about the path usr/*, but each begins with a "
                      "slash\n");
        assert_warned("[Rule]\nCgroup=system.slice/*\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about the path system.slice/*, but each begins "
                      "with a slash\n");
        assert_warned("[Rule]\nCwd=home/*\nAction=keep\n",
                      "/etc/x.conf:1: [Rule]: is about the path home/*, but each begins with a "
                      "slash\n");
        rules_free(good_rules("[Rule]\nExe=*/bash /bin/[a-z]* [/]x ?bin\nTag=x\n"
                              "[Rule]\nCgroup=none\nTag=x\n"
                              "[Rule]\nFilename=sh\nCwd=(unreachable)/*\nTag=x\n"));
}

static void rules_behind_others_are_warned_of(void **state)
{
        static const struct {
                const char *earlier, *later;
        } cases[] = {
                { "Action=keep", "Exe=/a\nAction=drop" },
                { "Action=keep", "Action=drop\nFlags=memfd" },
                { "Exe=/a /b\nAction=keep", "Exe=/b\nAction=drop" },
                { "Exe=/usr/*\nAction=drop", "Exe=/usr/bin/a\nUser=bob\nAction=drop" },
                { "Uid=0-999\nAction=drop", "Uid=5 10-20\nAction=summarize" },
                { "Exe=/a !/b\nAction=keep", "Exe=/a !/b !/c\nAction=keep" },
                { "Flags=memfd deleted\nAction=drop", "Flags=memfd\nAction=keep" },
                { "Container=any\nAction=keep", "Container=web*\nAction=keep" },
        };
        _cleanup_(buf_done) struct buf text = { 0 }, expected = { 0 };
        unsigned line;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                line = 3;
                for (const char *p = cases[i].earlier; *p; p++)
                        line += *p == '\n';
                buf_reset(&text);
                buf_reset(&expected);
                buf_printf(&text, "[Rule]\n%s\n[Rule]\n%s\n", cases[i].earlier, cases[i].later);
                buf_append_char(&text, '\0');
                buf_printf(&expected,
                           "/etc/x.conf:%u: [Rule]: can never match: the rule of /etc/x.conf:1 "
                           "matches all of it before\n",
                           line);
                buf_append_char(&expected, '\0');
                assert_warned(text.data, expected.data);
        }
}

static void rules_that_may_match_are_not_warned_of(void **state)
{
        static const char *const texts[] = {
                "[Rule]\nExe=/a\nAction=drop\n[Rule]\nExe=/a\nFlags=memfd\nAction=drop\n",
                "[Rule]\nExe=/a\nAction=drop\n[Rule]\nExe=/a\nAction=keep\n",
                "[Rule]\nUser=bob\nTag=x\n[Rule]\nUser=bob\nAction=keep\n",
                "[Rule]\nUser=bob\nAction=keep\n[Rule]\nEvent=exec exit\nUser=bob\nAction=drop\n",
                "[Rule]\nExe=/a !/b\nAction=keep\n[Rule]\nExe=/a\nAction=drop\n",
                "[Rule]\nExe=!/b\nAction=keep\n[Rule]\nExe=/a\nAction=drop\n",
                "[Rule]\nExe=/a*\nAction=keep\n[Rule]\nExe=/*\nAction=drop\n",
                "[Rule]\nTty=*\nAction=drop\n",
                "[Rule]\nUid=5 !0-4 !6-9\nAction=drop\n",
                "[Rule]\nEvent=!exec_failed\nAction=drop\n",
                "[Rule]\nCommandLine=* !x\nAction=drop\n",
                "[Filter]\nDefault=drop\n[Rule]\nExe=/a\nAction=summarize\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_warned(texts[i], "");
}

static void rules_that_hide_everything_are_warned_of(void **state)
{
        static const char *const all[] = { "",
                                           "Exe=*\n",
                                           "Uid=0-\n",
                                           "Event=exec exec_failed "
                                           "exec_attempt\n",
                                           "Tty=any none\n",
                                           "Comm=* x\nCwd=*\n" };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                (void)snprintf(text, sizeof(text), "[Rule]\n%sAction=drop\n", all[i]);
                assert_warned(text, "/etc/x.conf:1: [Rule]: hides everything\n");
        }
        assert_warned("[Filter]\nDefault=drop\n",
                      "/etc/x.conf:2: Default: hides everything: no rule keeps any\n");
        assert_warned("[Filter]\nDefault=drop\n[Rule]\nUser=bob\nAction=drop\n",
                      "/etc/x.conf:2: Default: hides everything: no rule keeps any\n");
}

static void settings_that_do_not_fit_are_warned_of(void **state)
{
        (void)state;
        assert_warned("[Rule]\nUser=bob\nAction=drop\nSummaryInterval=1s\n",
                      "/etc/x.conf:1: [Rule]: has SummaryInterval= without Action=summarize\n");
        assert_warned("[Rule]\nEnv=LD_AUDIT=* PYTHONPATH=*\nTag=x\n",
                      "/etc/x.conf:1: [Rule]: is about the variable PYTHONPATH, which is not in "
                      "Environment= of [Capture]\n");
}

static void intervals_are_a_minute_or_as_given(void **state)
{
        _cleanup_(rules_freep) struct rules *r =
                good_rules("[Rule]\nUser=bob\nAction=summarize\n"
                           "[Rule]\nUser=alice\nAction=summarize\nSummaryInterval=5min 1s\n");

        (void)state;
        assert_int_equal(rules_interval_ns(r, 0), 60 * NSEC_PER_SEC);
        assert_int_equal(rules_interval_ns(r, 1), 301 * NSEC_PER_SEC);
        assert_int_equal(rules_verdict(r, 0), VERDICT_SUMMARIZE);
}

/* A file that nobody wrote by hand: checking it must not take minutes. */
static void many_words_are_compiled_in_time(void **state)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct compiled c;

        (void)state;
        for (unsigned i = 0; i < 1000; i++) {
                buf_append_string(&text, "[Rule]\nAction=drop\nExe=");
                for (unsigned k = 0; k < 100; k++)
                        buf_printf(&text, "/p%u/%u ", i, k);
                buf_append_char(&text, '\n');
        }
        buf_append_char(&text, '\0');
        c = compile_rules(text.data);
        assert_int_equal(c.result, 0);
        assert_int_equal(rules_count(c.rules), 1000);
        compiled_done(&c);
        text.size--;
        buf_append_string(&text, "[Rule]\nAction=drop\nExe=/a\n");
        buf_append_char(&text, '\0');
        c = compile_rules(text.data);
        assert_int_equal(c.result, -EINVAL);
        compiled_done(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(errors_name_place_key_word_and_what_was_expected),
                cmocka_unit_test(all_errors_are_told_at_once),
                cmocka_unit_test(rules_without_effect_and_namesakes_are_refused),
                cmocka_unit_test(tags_are_limited),
                cmocka_unit_test(names_are_given_or_say_where),
                cmocka_unit_test(words_add_up_and_are_taken_back),
                cmocka_unit_test(the_first_rule_with_an_action_decides),
                cmocka_unit_test(the_default_decides_the_rest),
                cmocka_unit_test(no_rules_keep_everything),
                cmocka_unit_test(memfd_is_never_hidden_by_accident),
                cmocka_unit_test(deleted_is_never_hidden_by_accident),
                cmocka_unit_test(overlay_upper_is_never_hidden_by_accident),
                cmocka_unit_test(setuid_is_never_hidden_by_accident),
                cmocka_unit_test(setgid_is_never_hidden_by_accident),
                cmocka_unit_test(filecaps_is_never_hidden_by_accident),
                cmocka_unit_test(kernel_is_never_hidden_by_accident),
                cmocka_unit_test(thread_exec_is_never_hidden_by_accident),
                cmocka_unit_test(other_flags_are_hidden_as_usual),
                cmocka_unit_test(spared_events_go_on_to_the_next_rule),
                cmocka_unit_test(in_doubt_events_are_logged),
                cmocka_unit_test(what_is_cut_is_kept),
                cmocka_unit_test(rules_with_unknown_keys_hide_and_tag_nothing),
                cmocka_unit_test(exits_are_for_rules_that_name_them),
                cmocka_unit_test(what_needs_no_enrichment_is_decided_before),
                cmocka_unit_test(rules_that_never_match_are_warned_of),
                cmocka_unit_test(names_that_no_process_has_are_warned_of),
                cmocka_unit_test(paths_without_a_slash_are_warned_of),
                cmocka_unit_test(rules_behind_others_are_warned_of),
                cmocka_unit_test(rules_that_may_match_are_not_warned_of),
                cmocka_unit_test(rules_that_hide_everything_are_warned_of),
                cmocka_unit_test(settings_that_do_not_fit_are_warned_of),
                cmocka_unit_test(intervals_are_a_minute_or_as_given),
                cmocka_unit_test(many_words_are_compiled_in_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
