/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * rules_bench [MILLIONS]: what rules cost for each event, and what they keep.
 *
 * Measures the decision about events of some services and people, none of which the rules match, so
 * that each looks at all of them: nanoseconds per event, the least of some rounds. Then runs that
 * many million synthetic events (10) through rules that drop, tag and summarize, and fails unless
 * every event is accounted for and memory has not grown behind the first million.
 */
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/config_report.h"
#include "policy/policy.h"

#define ROUNDS 10
#define ROUND_EVENTS 100000

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static uint64_t random_number(uint64_t *seed)
{
        uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static struct policy *make_policy(struct span text)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(config_freep) struct config *config = NULL;
        struct policy *policy = NULL;
        struct rules *rules = NULL;
        int r;

        r = config_parse("bench", text, &report, &config);
        if (r == 0)
                r = rules_new(config, NULL, &report, &rules);
        if (r < 0)
                (void)fprintf(stderr, "%.*s", (int)report.errors.size, report.errors.data);
        assert(r == 0);
        r = policy_new(rules, true, &policy);
        assert(r == 0);
        return policy;
}

/* An event like those of a busy host; its strings are literals. */
static struct exec_event make_event(uint64_t x)
{
        static const char *const programs[] = { "/usr/bin/ls", "/usr/bin/grep",
                                                "/usr/bin/python3.11",
                                                "/usr/lib/git-core/git-remote-https" };
        static const char argv[] = "grep\0-rn\0--include=*.c\0needle in the haystack\0src/module\0";
        const char *exe = programs[x % ELEMENTSOF(programs)];
        struct exec_event e = {
                .kind = EVENT_EXEC,
                .facts.present = FACT_CREDS | FACT_PARENT | FACT_EXE_FILE | FACT_LOGINUID,
                .facts.pid = 1 + (x >> 8 & 0x7fff),
                .facts.uid = 1000 + (x >> 24 & 7),
                .facts.euid = 1000,
                .facts.loginuid = 1000,
                .facts.start_ns = x >> 32,
                .comm = SPAN_LITERAL("grep"),
                .parent_comm = SPAN_LITERAL("bash"),
                .parent_exe = SPAN_LITERAL("/usr/bin/bash"),
                .filename = { exe, strlen(exe) },
                .exe = { exe, strlen(exe) },
                .cwd = SPAN_LITERAL("/home/alice/project"),
                .cgroup = SPAN_LITERAL("/user.slice/user-1000.slice/session-3.scope"),
                .argv = { argv, sizeof(argv) - 1 },
                .names = { .unit = SPAN_LITERAL("session-3.scope"),
                           .slice = SPAN_LITERAL("user-1000.slice") },
                .ancestors = { { .pid = 4000, .comm = "bash" },
                               { .pid = 3999, .comm = "sshd" },
                               { .pid = 1, .comm = "systemd" } },
                .n_ancestors = 3,
        };

        return e;
}

static double measure(struct policy *p)
{
        struct exec_event events[8];
        double least = 1e300;
        uint64_t tags;

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                events[i] = make_event(i);
        for (unsigned round = 0; round < ROUNDS; round++) {
                const uint64_t start = now_ns();

                for (unsigned i = 0; i < ROUND_EVENTS; i++)
                        (void)policy_decide(p, &events[i % ELEMENTSOF(events)], true, &tags);
                least = MIN(least, (double)(now_ns() - start) / ROUND_EVENTS);
        }
        return least;
}

/* So many rules, each with these conditions and a number in the place of %u. */
static void report(const char *name, unsigned n, const char *conditions)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        _cleanup_(policy_freep) struct policy *p = NULL;

        for (unsigned i = 0; i < n; i++) {
                buf_append_string(&text, "[Rule]\nAction=drop\n");
                for (const char *c = conditions; *c; c++)
                        if (*c == '#')
                                buf_append_u64(&text, i);
                        else
                                buf_append_char(&text, *c);
                buf_append_char(&text, '\n');
        }
        assert(buf_error(&text) == 0);
        p = make_policy(text.data ? buf_span(&text) : SPAN_LITERAL(""));
        (void)printf("%s\t%u\t%.0f\n", name, n, measure(p));
        (void)fflush(stdout);
}

struct account {
        uint64_t seen, logged, told, lines;
};

static void tell(struct policy *p, uint64_t boot_ns, struct account *a)
{
        struct summary summary;

        while (policy_take_summary(p, boot_ns, &summary)) {
                a->told += summary.count;
                a->lines++;
        }
}

static void offer(struct policy *p, const struct exec_event *e, struct account *a)
{
        uint64_t tags;

        tell(p, e->boot_ns, a);
        a->seen++;
        a->logged += policy_decide(p, e, true, &tags) == POLICY_LOG;
}

/* An event and, of most, the exit. */
static void offer_life(struct policy *p, uint64_t i, uint64_t x, struct account *a)
{
        struct exec_event e = make_event(x), exit_event;

        e.boot_ns = i * 10 * NSEC_PER_USEC;
        e.argv.size -= x >> 40 & 15; /* other arguments */
        e.facts.traits = (x >> 48 & 255) == 0 ? TRAIT_MEMFD : 0;
        offer(p, &e, a);
        if ((x >> 56 & 7) == 0)
                return;
        exit_event = (struct exec_event){ .kind = EVENT_EXIT,
                                          .boot_ns = e.boot_ns,
                                          .facts.present = FACT_CREDS,
                                          .facts.pid = e.facts.pid,
                                          .facts.uid = e.facts.uid,
                                          .facts.start_ns = e.facts.start_ns,
                                          .comm = e.comm };
        offer(p, &exit_event, a);
}

static uint64_t dropped(struct policy *p)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < rules_count(policy_rules(p)); i++)
                sum += rules_counters(policy_rules(p), (int)i)->dropped;
        return sum;
}

static bool run_many(uint64_t n)
{
        _cleanup_(policy_freep) struct policy *p =
                make_policy(SPAN_LITERAL("[Rule]\nExe=/usr/bin/python3*\nAction=drop\n"
                                         "[Rule]\nUid=1000-1003\nTag=low\n"
                                         "[Rule]\nArgument=needle*\nUid=1001-\nAction=summarize\n"
                                         "SummaryInterval=1s\n"));
        struct account a = { 0 };
        size_t memory = 0, most = 0;
        uint64_t seed = 1;

        for (uint64_t i = 0; a.seen < n; i++) {
                offer_life(p, i, random_number(&seed), &a);
                if (i == 500000)
                        memory = mallinfo2().uordblks;
                if (i > 500000 && i % 1000 == 0)
                        most = MAX(most, mallinfo2().uordblks);
        }
        tell(p, UINT64_MAX, &a);
        (void)printf("seen %llu logged %llu dropped %llu summarized %llu in %llu summaries; memory "
                     "%zu, at most %zu\n",
                     (unsigned long long)a.seen, (unsigned long long)a.logged,
                     (unsigned long long)dropped(p), (unsigned long long)a.told,
                     (unsigned long long)a.lines, memory, most);
        return a.seen == a.logged + dropped(p) + a.told && policy_pending(p) == 0 &&
               policy_filtered(p) == dropped(p) + a.told && most < memory + memory / 4;
}

int main(int argc, char **argv)
{
        const uint64_t millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;

        report("no rules", 0, "");
        report("users", 100, "Uid=#");
        report("programs", 100, "Exe=/usr/bin/program-#");
        report("programs of a unit and user", 100, "Exe=/usr/bin/*\nUnit=x#.service\nUid=1-2000");
        report("folders", 100, "Exe=/usr/lib/#/*");
        report("globs", 100, "Exe=*/bin/*-# /opt/*/#/*");
        report("ancestors", 100, "Ancestor=agent-#");
        report("command lines", 100, "CommandLine=\"*needle-#*\"");
        report("arguments", 100, "Argument=--number=#");
        return run_many(millions * 1000000) ? EXIT_SUCCESS : EXIT_FAILURE;
}
