/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The index excludes no rule that matches: rules decide with it as they do without. */
#include "policy/rules_internal.h"
#include "policy_fixture.h"
#include "record_builder.h"

/* Keys with words that match some of the events, nearly do, or are about whether there is one. */
static const char *const conditions[] = {
        "Exe=/usr/bin/ls",
        "Exe=/usr/bin/l",
        "Exe=*/ls",
        "Exe=/usr/* /opt/*",
        "Exe=*",
        "Exe=!/usr/bin/ls",
        "Exe=!/opt/* !/bin/*",
        "Exe=/bin/?h",
        "Exe=*b*n*",
        "Comm=ls",
        "Comm=l?",
        "Comm=s*",
        "Comm=h convert",
        "Comm=\"\"",
        "Argument=-l",
        "Argument=l",
        "Argument=/tmp",
        "Argument=*.png a.jpg",
        "Argument=!-l",
        "Argument=\"redis-cli *\"",
        "Argument=\"\"",
        "CommandLine=\"ls -l*\"",
        "CommandLine=*-?*",
        "CommandLine=*png*",
        "CommandLine=*b.j*",
        "CommandLine=!*png*",
        "Uid=0",
        "Uid=33 1000-1001",
        "Uid=!1000",
        "Uid=1-32 34-",
        "LoginUser=unset",
        "LoginUser=1000-",
        "LoginUser=!unset",
        "Tty=any",
        "Tty=none",
        "Tty=none pts/1",
        "Tty=pts/0",
        "Tty=!pts/0",
        "Flags=memfd",
        "Flags=none",
        "Flags=!memfd",
        "Flags=any",
        "Unit=session-3.scope",
        "Unit=php*",
        "Unit=none",
        "Unit=!none",
        "Unit=x",
        "Slice=user-*",
        "Container=none",
        "Container=any",
        "Container=4f66*",
        "Container=!4f66*",
        "Ancestor=sshd",
        "Ancestor=systemd",
        "Ancestor=!sudo",
        "Ancestor=sudo",
        "Ancestor=/usr/bin/sudo",
        "Ancestor=*/sshd",
        "Ancestor=!/usr/bin/sudo",
        "ParentExe=/usr/bin/bash",
        "ParentExe=*/runc",
        "ParentCommandLine=-bash",
        "ParentCommandLine=*init",
        "Error=ENOENT",
        "Error=!ENOENT",
        "Event=exec",
        "Event=exit",
        "Event=exec exit exec_failed",
        "Env=HOME=*",
        "Env=none",
        "Env=HOME=/root",
        "Env=!HOME=/r*",
};

static const char *const actions[] = { "Action=drop", "Action=keep", "Action=summarize",
                                       "Tag=a",       "Tag=b c",     "Action=drop\nTag=d" };

static bool has_key(const char *text, const char *condition)
{
        char key[32] = "\n";

        (void)snprintf(key + 1, sizeof(key) - 1, "%.*s", (int)strcspn(condition, "=") + 1,
                       condition);
        return strstr(text, key) != NULL;
}

static void random_rules(uint64_t *seed, char *ret, size_t size)
{
        const unsigned n = 1 + (unsigned)(random_next(seed) % 150);
        size_t used = 0;

        for (unsigned i = 0; i < n; i++) {
                const char *action = actions[random_next(seed) % ELEMENTSOF(actions)];
                const size_t begin = used;

                used += (size_t)snprintf(ret + used, size - used, "[Rule]\nName=%u\n%s\n", i,
                                         action);
                for (unsigned k = (unsigned)(random_next(seed) % 4); k < 4; k++) {
                        const char *c = conditions[random_next(seed) % ELEMENTSOF(conditions)];

                        if (!has_key(ret + begin, c))
                                used += (size_t)snprintf(ret + used, size - used, "%s\n", c);
                }
                assert_true(used < size);
        }
}

static struct exec_event random_event(uint64_t *seed)
{
        static const char *const deep[] = { "a", "b", "c", "d", "e", "f", "g", "sshd", NULL };
        struct exec_event events[] = { person_event(), service_event(), container_event(),
                                       failed_event(ENOENT), failed_event(EACCES) };
        struct exec_event e = events[random_next(seed) % ELEMENTSOF(events)];

        if (random_next(seed) % 8 == 0)
                e = exit_of(&e);
        if (random_next(seed) % 4 == 0)
                e.env = SPAN("PATH=/bin\0HOME=/root\0");
        if (random_next(seed) % 8 == 0)
                e.comm = e.argv = SPAN("");
        if (random_next(seed) % 8 == 0)
                e.facts.traits = TRAIT_MEMFD;
        if (random_next(seed) % 4 == 0)
                e.cut = (uint32_t)random_next(seed);
        if (random_next(seed) % 8 == 0)
                e.facts.present &= (uint32_t)random_next(seed);
        if (random_next(seed) % 8 == 0)
                set_ancestors(&e, deep);
        if (random_next(seed) % 4 == 0)
                e.ancestors[0].exe = SPAN("/usr/bin/sudo");
        for (unsigned i = 0; i < e.n_ancestors && random_next(seed) % 4 == 0; i++)
                e.ancestors[i].exe = SPAN("/usr/sbin/sshd");
        if (random_next(seed) % 16 == 0)
                e.parent_exe = e.exe = e.tty = (struct span){ 0 };
        return e;
}

/* As a pipeline does it: at first what is late is not there. */
static struct decision decide_in_steps(struct rules *rules, const struct exec_event *e)
{
        struct exec_event growing = *e;
        struct event_view view = { 0 };
        struct decision d = { 0 };

        growing.names = (struct cgroup_names){ 0 };
        event_view_set(&view, &growing, false);
        if (!rules_decide(rules, &view, &d)) {
                growing = *e;
                view.is_enriched = true;
                assert_true(rules_decide(rules, &view, &d));
        }
        event_view_done(&view);
        return d;
}

static void assert_same_counters(struct rules *a, struct rules *b)
{
        for (int i = RULE_DEFAULT; i < (int)rules_count(a); i++)
                assert_memory_equal(rules_counters(a, i), rules_counters(b, i),
                                    sizeof(struct rule_counters));
}

static void rules_decide_as_without_an_index(void **state)
{
        static char text[64 * 1024];
        unsigned decided = 0, defaults = 0;
        uint64_t seed = 1;

        (void)state;
        for (unsigned round = 0; round < 100; round++) {
                struct compiled slow, fast;

                random_rules(&seed, text, sizeof(text));
                slow = compile_rules(text);
                fast = compile_rules(text);
                assert_int_equal(slow.result, 0);
                assert_int_equal(rules_set_index(slow.rules, SIZE_MAX), 0);
                if (round % 3 == 0)
                        assert_int_equal(rules_set_index(fast.rules, 1), 0);
                for (unsigned i = 0; i < 50; i++) {
                        const struct exec_event e = random_event(&seed);
                        const struct decision a = decide_in_steps(slow.rules, &e);
                        const struct decision b = decide_in_steps(fast.rules, &e);
                        const struct decision c = decide(slow.rules, &e);
                        const struct decision d = decide(fast.rules, &e);

                        if (a.rule != b.rule || a.tags != b.tags || c.rule != d.rule ||
                            c.tags != d.tags || a.rule != c.rule)
                                fail_msg("%s: %d and %d", text, a.rule, b.rule);
                        decided += a.rule != RULE_DEFAULT;
                        defaults += a.rule == RULE_DEFAULT;
                }
                assert_same_counters(slow.rules, fast.rules);
                compiled_done(&slow);
                compiled_done(&fast);
        }
        assert_in_range(decided, 500, 4500); /* both happen */
        assert_in_range(defaults, 500, 4500);
}

/* Of 100 rules, each with its number in the place of '#', for a person's "ls -l /tmp". */
static size_t count_left(const char *condition)
{
        const struct exec_event e = person_event();
        _cleanup_(buf_done) struct buf text = { 0 };
        struct event_view view = { 0 };
        struct compiled compiled;
        const uint64_t *left;
        size_t n_left = 0;

        for (unsigned i = 0; i < 100; i++) {
                buf_append_string(&text, "[Rule]\nAction=drop\n");
                for (const char *c = condition; *c; c++)
                        if (*c == '#')
                                buf_append_u64(&text, i);
                        else
                                buf_append_char(&text, *c);
                buf_append_char(&text, '\n');
        }
        buf_append_char(&text, '\0');
        compiled = compile_rules(text.data);
        event_view_set(&view, &e, true);
        left = selection_index_find(compiled.rules->index, &view);
        for (size_t i = 0; i < 100; i++)
                n_left += left[i / 64] >> i % 64 & 1;
        event_view_done(&view);
        compiled_done(&compiled);
        return n_left;
}

static void the_index_leaves_hardly_a_rule(void **state)
{
        static const struct {
                const char *condition;
                size_t n_left;
        } cases[] = {
                { "Uid=#", 0 },
                { "Uid=#000", 1 },
                { "Exe=/usr/bin/program-#", 0 },
                { "Exe=/usr/bin/ls#*", 0 },
                { "Argument=-#", 0 },
                { "CommandLine=\"*ls -#*\"", 0 },
                { "CommandLine=\"ls -l /tmp/#\"", 0 },
                { "Ancestor=sshd#", 0 },
                { "Tty=pts/#", 1 },
                { "Exe=*#", 10 }, /* of one digit: too short to be found */
                { "Exe=!/#", 100 },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const size_t n_left = count_left(cases[i].condition);

                if (n_left != cases[i].n_left)
                        fail_msg("%s leaves %zu", cases[i].condition, n_left);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rules_decide_as_without_an_index),
                cmocka_unit_test(the_index_leaves_hardly_a_rule),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
