/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A pipeline with an intake before it, as behind a source, and a memory sink in the place of
 * stdout.
 */
#pragma once

#include "encode_line.h"

#include "flow_fixture.h"
#include "memory_sink.h"
#include "record_builder.h"

static struct record record;

struct rig {
        struct flow_fixture fixture;
        struct source_handler handler; /* of its source */
        struct sink *sink;             /* stdout */
        uint64_t seq;                  /* given last, of PROGRAM_EXEC on CPU 0 */
};

static inline int setup(void **state)
{
        const struct recording_header header = { .n_cpus = 2, .boot_id = BOOT_ID, .host = "box" };
        struct rig *rig = calloc(1, sizeof(*rig));

        assert_non_null(rig);
        assert_int_equal(flow_fixture_init(&rig->fixture, spoken_source_new(&header, NULL), MIB),
                         0);
        rig->handler = rig->fixture.source->handler;
        rig->sink = memory_sink_new();
        outputs_set_sink(rig->fixture.flow->outputs, SINK_STDOUT, rig->sink, FORMAT_NATIVE);
        *state = rig;
        return 0;
}

static inline int teardown(void **state)
{
        struct rig *rig = *state;

        flow_fixture_done(&rig->fixture);
        free(rig);
        return 0;
}

static inline void feed(struct rig *rig, const struct record *r)
{
        rig->handler.on_record(rig->handler.userdata, r, r->head.size);
}

/* An exec with argv "a", which announces so many continuations. */
static inline struct exec_record_head feed_exec(struct rig *rig, uint64_t boot_ns,
                                                uint32_t n_chunks)
{
        record_make_exec(&record, 0, ++rig->seq, boot_ns);
        record_add(&record, FIELD_ARGV, "a\0", 2);
        record.head.n_chunks = n_chunks;
        feed(rig, &record);
        return record.head;
}

static inline void feed_chunk(struct rig *rig, const struct exec_record_head *event, uint32_t chunk,
                              const char *data, size_t size)
{
        record_make_chunk(&record, event, chunk, data, size);
        feed(rig, &record);
}

/* A round that ends now; everything older is processed. */
static inline void end_round(struct rig *rig, uint64_t now_ns)
{
        spoken_round(rig->fixture.source, now_ns);
        assert_int_equal(flow_fixture_run(&rig->fixture), 0);
}

static inline size_t n_lines(const struct sink *s)
{
        return memory_sink_of((struct sink *)s)->n_lines;
}

static inline void assert_line_value(struct sink *s, size_t n, const char *key,
                                     const char *expected)
{
        struct json_object *json = memory_sink_line(s, n);

        assert_value(json, key, expected);
        json_object_put(json);
}

static inline void assert_argv(struct rig *rig, size_t n, const char *expected, bool cut)
{
        struct json_object *json = memory_sink_line(rig->sink, n);

        assert_value(json, "argv", expected);
        assert_int_equal(has(json, "argv_truncated"), cut);
        json_object_put(json);
}

static inline void assert_accounts(const struct rig *rig)
{
        assert_int_equal(flow_fixture_unaccounted(&rig->fixture, SINK_STDOUT), 0);
}

#define PIPELINE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
