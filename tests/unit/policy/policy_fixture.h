/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For tests of rules: rules from text, a host with some users, and events. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "config/config.h"
#include "config/config_report.h"
#include "policy/policy.h"

static inline bool fixture_number(_unused_ void *userdata, struct span name, uint32_t *ret)
{
        static const struct {
                const char *name;
                uint32_t number;
        } known[] = {
                { "root", 0 },         { "www-data", 33 }, { "nagios", 110 }, { "zabbix", 111 },
                { "prometheus", 112 }, { "alice", 1000 },  { "bob", 1001 },   { "build bot", 1002 },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (span_is(name, known[i].name)) {
                        *ret = known[i].number;
                        return true;
                }
        return false;
}

static const struct key_names fixture_names = {
        .user_number = fixture_number,
        .group_number = fixture_number,
};

/* Rules compiled from a text, and its messages. */
struct compiled {
        int result;
        struct config *config;
        struct rules *rules;
        struct config_report report;
};

static inline void compiled_done(struct compiled *c)
{
        rules_free(c->rules);
        config_free(c->config);
        config_report_done(&c->report);
}

static inline struct compiled compile_rules(const char *text)
{
        struct compiled c = { 0 };
        const struct span span = { text, strlen(text) };

        c.result = config_parse("/etc/x.conf", span, &c.report, &c.config);
        if (c.result == 0)
                c.result = rules_new(c.config, &fixture_names, &c.report, &c.rules);
        assert_int_equal(!c.rules, c.result < 0);
        assert_int_equal(c.report.errors.size > 0, c.result < 0);
        return c;
}

static inline void assert_messages(const struct buf *messages, const char *expected)
{
        char *text = strndup(messages->size > 0 ? messages->data : "", messages->size);

        assert_string_equal(text, expected);
        free(text);
}

/* Rules that are as they should be: no message at all. */
static inline struct rules *good_rules(const char *text)
{
        struct compiled c = compile_rules(text);
        struct rules *rules;

        assert_messages(&c.report.errors, "");
        assert_messages(&c.report.warnings, "");
        rules = TAKE_PTR(c.rules);
        compiled_done(&c);
        return rules;
}

#define SPAN(literal) SPAN_LITERAL(literal)

/* The command of a person at a terminal. */
static inline struct exec_event person_event(void)
{
        struct exec_event e = {
                .kind = EVENT_EXEC,
                .boot_ns = 1000,
                .facts.present = FACT_CREDS | FACT_PARENT | FACT_TTY | FACT_LOGINUID |
                                 FACT_EXE_FILE | FACT_CAPS,
                .facts.pid = 4242,
                .facts.tid = 4242,
                .facts.ppid = 4000,
                .facts.start_ns = 17,
                .facts.uid = 1000,
                .facts.gid = 1000,
                .facts.euid = 1000,
                .facts.egid = 1000,
                .facts.loginuid = 1000,
                .facts.session = 3,
                .comm = SPAN("ls"),
                .parent_comm = SPAN("bash"),
                .parent_exe = SPAN("/usr/bin/bash"),
                .parent_argv = SPAN("-bash\0"),
                .tty = SPAN("pts/0"),
                .filename = SPAN("/usr/bin/ls"),
                .exe = SPAN("/usr/bin/ls"),
                .cwd = SPAN("/home/alice"),
                .cgroup = SPAN("/user.slice/user-1000.slice/session-3.scope"),
                .argv = SPAN("ls\0-l\0/tmp\0"),
                .names = { .unit = SPAN("session-3.scope"), .slice = SPAN("user-1000.slice") },
                .ancestors = { { .pid = 4000, .comm = "bash" },
                               { .pid = 3999, .comm = "sshd" },
                               { .pid = 800, .comm = "sshd" },
                               { .pid = 1, .comm = "systemd" } },
                .n_ancestors = 4,
        };

        return e;
}

/* That of a service. */
static inline struct exec_event service_event(void)
{
        struct exec_event e = person_event();

        e.facts.present &= ~(uint32_t)(FACT_LOGINUID | FACT_TTY);
        e.facts.uid = e.facts.gid = e.facts.euid = e.facts.egid = 33;
        e.facts.loginuid = e.facts.session = 0;
        e.tty = (struct span){ 0 };
        e.comm = SPAN("convert");
        e.exe = e.filename = SPAN("/usr/bin/convert");
        e.argv = SPAN("convert\0a.png\0b.jpg\0");
        e.cwd = SPAN("/var/www");
        e.parent_comm = SPAN("php-fpm8.2");
        e.parent_exe = SPAN("/usr/sbin/php-fpm8.2");
        e.parent_argv = SPAN("php-fpm: pool www\0");
        e.cgroup = SPAN("/system.slice/php8.2-fpm.service");
        e.names.unit = SPAN("php8.2-fpm.service");
        e.names.slice = SPAN("system.slice");
        memset(e.ancestors, 0, sizeof(e.ancestors));
        e.ancestors[0] = (struct event_ancestor){ .pid = 700, .comm = "php-fpm8.2" };
        e.ancestors[1] = (struct event_ancestor){ .pid = 1, .comm = "systemd" };
        e.n_ancestors = 2;
        return e;
}

#define CONTAINER_ID "4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66ad9a0b2e4f66"

/* That of a container. */
static inline struct exec_event container_event(void)
{
        struct exec_event e = service_event();

        e.facts.uid = e.facts.gid = e.facts.euid = e.facts.egid = 0;
        e.comm = SPAN("sh");
        e.exe = e.filename = SPAN("/bin/sh");
        e.argv = SPAN("sh\0-c\0redis-cli ping\0");
        e.cwd = SPAN("/");
        e.parent_comm = SPAN("runc");
        e.parent_exe = SPAN("/usr/bin/runc");
        e.parent_argv = SPAN("runc\0init\0");
        e.cgroup = SPAN("/system.slice/docker-" CONTAINER_ID ".scope");
        e.names.unit = SPAN("docker-" CONTAINER_ID ".scope");
        e.names.container_id = SPAN(CONTAINER_ID);
        e.ancestors[0] = (struct event_ancestor){ .pid = 900, .comm = "containerd-shim" };
        return e;
}

static inline struct exec_event failed_event(int error)
{
        struct exec_event e = person_event();

        e.kind = EVENT_EXEC_FAILED;
        e.facts.present |= FACT_RETVAL;
        e.facts.retval = -error;
        return e;
}

static inline struct exec_event exit_of(const struct exec_event *exec)
{
        struct exec_event e = {
                .kind = EVENT_EXIT,
                .boot_ns = exec->boot_ns + 5,
                .facts.present = FACT_CREDS,
                .facts.pid = exec->facts.pid,
                .facts.uid = exec->facts.uid,
                .facts.start_ns = exec->facts.start_ns,
                .comm = exec->comm,
        };

        return e;
}

/* A chain of ancestors, parent first. */
static inline void set_ancestors(struct exec_event *e, const char *const *comms)
{
        e->n_ancestors = 0;
        for (; *comms; comms++) {
                struct event_ancestor *a = &e->ancestors[e->n_ancestors++];

                *a = (struct event_ancestor){ .pid = 5000 - e->n_ancestors };
                memcpy(a->comm, *comms, MIN(strlen(*comms), sizeof(a->comm) - 1));
        }
        e->ancestors[e->n_ancestors - 1].pid = 1;
}

static inline struct decision decide(struct rules *rules, const struct exec_event *event)
{
        struct event_view view = { 0 };
        struct decision d = { 0 };

        event_view_set(&view, event, true);
        assert_true(rules_decide(rules, &view, &d));
        event_view_done(&view);
        return d;
}
