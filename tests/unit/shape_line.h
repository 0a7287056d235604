/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For tests of a shape: an event with all facts, one with none, and what is in a line. */
#pragma once

#include "encode_line.h"

#define MACHINE_ID "fedcba9876543210fedcba9876543210"

static inline struct exec_event make_event(enum event_kind kind)
{
        return (struct exec_event){
                .kind = kind,
                .boot_ns = NOW_BOOT_NS,
                .facts.pid = 4242,
                .facts.tid = 4243,
                .facts.start_ns = 1000000000,
        };
}

static inline void make_full_event(struct exec_event *ret)
{
        *ret = make_event(EVENT_EXEC);
        ret->facts.present = FACT_CREDS | FACT_PARENT | FACT_EXE_FILE | FACT_TTY | FACT_LOGINUID |
                             FACT_SESSION | FACT_NS_PID | FACT_NAMESPACES | FACT_CAPS | FACT_SID |
                             FACT_EXEC_COUNT | FACT_PARENT_UID | FACT_PARENT_EXEC |
                             FACT_PARENT_EXE | FACT_SESSION_LEADER;
        ret->facts.traits = TRAIT_SETUID;
        ret->facts.ppid = 1;
        ret->facts.sid = 40;
        ret->facts.pgid = 4242;
        ret->facts.ns_pid = 2;
        ret->facts.uid = 1000;
        ret->facts.gid = ret->facts.egid = 1001;
        ret->facts.suid = 1003;
        ret->facts.sgid = UINT32_MAX;
        ret->facts.loginuid = 1004;
        ret->facts.session = 3;
        ret->facts.parent_start_ns = 31;
        ret->facts.exec_count = 0x12;
        ret->facts.parent_uid = 33;
        ret->facts.parent_exec_start_ns = 30;
        ret->facts.parent_exec_pid = 32;
        ret->facts.parent_exec_count = 5;
        ret->facts.leader_start_ns = 29;
        ret->facts.caps_effective = 1 | UINT64_C(1) << 40 | UINT64_C(1) << 63;
        ret->facts.namespaces[NAMESPACE_PID] = 4026532000;
        ret->facts.exe_file = (struct exec_file){ .ino = 131, .mode = 0104755, .nlink = 1 };
        ret->comm = span_of("ls");
        ret->parent_comm = span_of("sh");
        ret->leader_comm = span_of("login");
        ret->parent_exe = span_of("/usr/bin/dash");
        ret->parent_argv = (struct span){ "sh\0-c\0ls \"-l\"\0", 14 };
        ret->tty = span_of("pts/0");
        ret->filename = span_of("bin/ls");
        ret->exe = span_of("/usr/bin/ls");
        ret->cwd = span_of("/");
        ret->cgroup = span_of("/user.slice");
        ret->argv = (struct span){ "ls\0-l\0a b\0", 10 };
        ret->env = (struct span){ "A=b\0A=\0", 7 };
        ret->user = span_of("ann");
        ret->euser = span_of("root");
        ret->group = span_of("staff");
        ret->names.unit = span_of("cron.service");
        ret->names.container_id = span_of("c0ffee");
        ret->tags = (struct span){ "noise\0", 6 };
        ret->n_ancestors = 1;
        ret->ancestors[0] = (struct event_ancestor){ .pid = 9, .comm = "init" };
}

static inline struct encoder *make_shape_encoder(enum config_format format, const char *host)
{
        static const uint32_t of_pid_1[_NAMESPACE_MAX] = { [NAMESPACE_PID] = 4026531836 };

        return make_encoder_as(format, host, of_pid_1);
}

static inline struct json_object *encode_as(enum config_format format, const char *host,
                                            const struct exec_event *event, size_t limit)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(format, host);
        struct line line;

        assert_int_equal(encode_event(e, event, limit, &line), 0);
        return parse_line(&line);
}

static inline void assert_event_as(enum config_format format, const struct exec_event *event,
                                   const char *expected)
{
        _cleanup_(encoder_freep) struct encoder *e = make_shape_encoder(format, "box");
        struct line line;

        assert_int_equal(encode_event(e, event, 0, &line), 0);
        assert_line(&line, expected);
}

/* The value at a path like "process.parent.pid"; NULL: there is none. */
static inline struct json_object *find(struct json_object *json, const char *path)
{
        char key[64];
        const char *dot;

        while ((dot = strchr(path, '.'))) {
                (void)snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
                if (!json_object_object_get_ex(json, key, &json))
                        return NULL;
                path = dot + 1;
        }
        return json_object_object_get_ex(json, path, &json) ? json : NULL;
}

static inline void assert_at(struct json_object *json, const char *path, const char *expected)
{
        struct json_object *value = find(json, path);

        assert_non_null(value);
        assert_string_equal(json_object_to_json_string_ext(
                                    value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                            expected);
}

static inline void append_args(struct buf *b, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                buf_append_string(b, "arg-");
                buf_append_u64(b, i);
                buf_append_char(b, '\0');
        }
}
