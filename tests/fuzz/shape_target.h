/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as a record, in another shape than the native one: what is accepted becomes, as an
 * event of each kind, whole and with any limit, a line that another writer of JSON would write of
 * the same values (canonical_json.h), that keeps to the limit, is known for its shape and its
 * worth, and has no byte of a secret that is among its arguments, its parent's and its variables.
 * A fuzz target defines SHAPE_FORMAT, and includes this.
 */
#pragma once

#include <assert.h>
#include <string.h>

#include "../unit/canonical_json.h"
#include "config/config.h"
#include "encode/encode.h"
#include "event/decode.h"
#include "policy/screen.h"
#include "record_input.h"

#define BOOT_ID "0123456789abcdef0123456789abcdef"
#define SECRET "Zq9xWv7Ukp3"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
        struct decoder *decoder;
        struct screen *screen;
        struct encoder *encoder;
        struct buf argv, env, parent_argv;
};

static void target_done(struct target *t)
{
        decoder_free(t->decoder);
        screen_free(t->screen);
        encoder_free(t->encoder);
        buf_done(&t->argv);
        buf_done(&t->env);
        buf_done(&t->parent_argv);
}

static void target_init(struct target *t)
{
        static const uint32_t namespaces[_NAMESPACE_MAX] = { 1 };
        const struct encode_context context = {
                .format = SHAPE_FORMAT,
                .boot_id = BOOT_ID,
                .host = "b\xffx",
                .machine_id = BOOT_ID,
                .namespaces = namespaces,
        };
        _cleanup_(config_freep) struct config *config = NULL;
        int r;

        *t = (struct target){ 0 };
        r = config_new(&config);
        if (r >= 0)
                r = screen_new(config, NULL, &t->screen);
        if (r >= 0)
                r = decoder_new(&t->decoder);
        if (r >= 0)
                r = encoder_new(&context, &t->encoder);
        assert(r >= 0);
}

/* A secret behind what is there. */
static struct span plant(struct buf *b, struct span strings, const char *secret)
{
        buf_append_span(b, strings);
        if (strings.size > 0 && strings.data[strings.size - 1] != '\0')
                buf_append_char(b, '\0');
        buf_append(b, secret, strlen(secret) + 1);
        assert(buf_error(b) == 0);
        return buf_span(b);
}

static void check_line(const struct exec_event *event, const struct line *line, size_t limit)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        enum config_format format = _FORMAT_MAX;
        struct json_object *json;
        bool is_known;
        uint64_t worth = event_kind_is_kernel(event->kind);

        assert(limit == 0 || line_size_max(line) <= limit);
        buf_append_span(&text, line->head);
        buf_append_u64(&text, 7); /* a reader's number may have no more than 63 bits */
        buf_append_span(&text, line->tail);
        assert(buf_error(&text) == 0);
        json = canonical_parse(buf_span(&text));
        assert(json);
        json_object_put(json);
        assert(!memmem(text.data, text.size, SECRET, sizeof(SECRET) - 1));

        is_known = encoded_format(span_head(buf_span(&text), ENCODED_PREFIX_MAX), &format);
        assert(is_known && format == SHAPE_FORMAT);
        buf_append_char(&text, '\0');
        if (event->kind == EVENT_SUMMARY)
                worth = event->summary->count;
        assert(encoded_events(text.data, SINK_FILE) == worth);
}

static void check_event(struct encoder *e, const struct exec_event *event)
{
        const size_t least = encode_limit_min(SHAPE_FORMAT);
        const size_t limits[] = { 0, least, least + 1, least + 777, 8192, 65536 };
        struct line line;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                r = encode_event(e, event, limits[i], &line);
                assert(r == 0);
                check_line(event, &line, limits[i]);
        }
}

/* As what else a line may be about with these facts. */
static void check_other_kinds(struct encoder *e, struct exec_event *event)
{
        const struct event_summary summary = { .kind = event->kind, .count = 5 };

        event->summary = &summary;
        event->kind = EVENT_SUMMARY;
        check_event(e, event);
        event->kind = EVENT_FILE;
        event->hash_result = HASH_UNREADABLE;
        event->hash_error = event->facts.pid;
        check_event(e, event);
        event->kind = EVENT_PROCESS;
        check_event(e, event);
        event->kind = EVENT_EXIT;
        event->status = event->facts.ppid;
        check_event(e, event);
}

static void try_record(struct target *t, const char *data, size_t size)
{
        struct exec_event event;
        bool is_exit;
        int r;

        if (decode_record(t->decoder, data, size, &event) != DECODE_OK)
                return;
        is_exit = event.kind == EVENT_EXIT;
        buf_reset(&t->argv);
        buf_reset(&t->env);
        buf_reset(&t->parent_argv);
        if (!is_exit) {
                event.parent_argv = plant(&t->parent_argv, event.argv, "--password=" SECRET);
                event.argv = plant(&t->argv, event.argv, "--token=" SECRET);
                event.env = plant(&t->env, event.env, "DB_PASSWORD=" SECRET);
        }
        r = screen_redact(t->screen, &event);
        assert(r == 0);
        check_event(t->encoder, &event);
        if (!is_exit)
                check_other_kinds(t->encoder, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *copy = malloc(size); /* so that ASan sees reads beyond its end */
        _cleanup_(target_done) struct target t = { 0 };

        assert(copy);
        if (memmem(data, size, SECRET, sizeof(SECRET) - 1))
                return 0; /* the fuzzer found the word itself */
        target_init(&t);
        memcpy(copy, data, size);
        try_record(&t, copy, size);
        if (!record_input_has_size(size))
                return 0;
        record_input_put_right(copy, size);
        try_record(&t, copy, size);
        return 0;
}
