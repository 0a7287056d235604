/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * JSON objects and lines: everything of the encoder that does not know what an event means.
 *
 * A line is never searched for the place of its `seq`: the head is written by hand, the keys common
 * to all events are kept as text, and the opening brace of the object with the rest is overwritten
 * by a comma. json-c serializes; its text is copied once, and DEL and C1 controls, which it lets
 * through, are escaped in that pass.
 *
 * All bytes that a process can choose go through encoder_repair() before json-c sees them, so that
 * the text it returns is UTF-8 without NUL. Nothing is refused but a lack of memory.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <json-c/printbuf.h>

#include "encode_internal.h"
#include "text.h"

/* Linux' __NEW_UTS_LEN: a longer host name cannot be set. */
#define HOST_SIZE_MAX 64

/* One monstrous event must not hold its memory for good; ordinary lines have a few KiB. */
#define KEEP_MAX (size_t)(256 * KIB)

/* Keys are literals (or static names) and put once: json-c need neither copy nor look them up. */
#define ADD_FLAGS (JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY)

struct object object_new(struct encoder *e)
{
        struct json_object *json = json_object_new_object();

        return (struct object){ .encoder = e, .json = json, .error = json ? 0 : -ENOMEM };
}

void object_done(struct object *o)
{
        json_object_put(TAKE_PTR(o->json));
}

static void put_with_flags(struct object *o, const char *key, struct json_object *value,
                           unsigned flags)
{
        if (!value)
                o->error = -ENOMEM;
        if (o->error == 0 && json_object_object_add_ex(o->json, key, value, flags) < 0)
                o->error = -ENOMEM;
        if (o->error < 0)
                json_object_put(value);
}

void object_put(struct object *o, const char *key, struct json_object *value)
{
        put_with_flags(o, key, value, ADD_FLAGS);
}

void object_put_copied_key(struct object *o, const char *key, struct json_object *value)
{
        put_with_flags(o, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
}

/* json-c's own goes through snprintf(), which for some thirty numbers is a sixth of the time. */
static int print_u64(struct json_object *json, struct printbuf *out, _unused_ int level,
                     _unused_ int flags)
{
        char digits[20]; /* UINT64_MAX */
        char *end = digits + sizeof(digits), *p = end;
        uint64_t value = json_object_get_uint64(json);

        do {
                *--p = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        return printbuf_memappend(out, p, (int)(end - p));
}

void object_put_u64(struct object *o, const char *key, uint64_t value)
{
        struct json_object *json = json_object_new_uint64(value);

        if (json)
                json_object_set_serializer(json, print_u64, NULL, NULL);
        object_put(o, key, json);
}

void object_put_i64(struct object *o, const char *key, int64_t value)
{
        object_put(o, key, json_object_new_int64(value));
}

void object_put_string(struct object *o, const char *key, const char *value)
{
        object_put(o, key, json_object_new_string(value));
}

void object_put_object(struct object *o, const char *key, struct object *child)
{
        if (child->error < 0)
                o->error = child->error;
        object_put(o, key, TAKE_PTR(child->json));
}

struct span encoder_repair(struct encoder *e, struct span s)
{
        if (text_is_valid(s))
                return s;
        buf_reset(&e->text);
        text_repair(s, &e->text);
        return buf_error(&e->text) < 0 ? (struct span){ 0 } : buf_span(&e->text);
}

struct json_object *json_text(struct span valid)
{
        return valid.data ? json_object_new_string_len(valid.data, (int)valid.size) : NULL;
}

struct json_object *json_base64(struct encoder *e, struct span s)
{
        buf_reset(&e->base64);
        text_base64(s, &e->base64);
        return buf_error(&e->base64) < 0 ? NULL : json_text(buf_span(&e->base64));
}

int array_put(struct json_object *array, struct json_object *value)
{
        if (!value || json_object_array_add(array, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

void object_put_text_keys(struct object *o, const char *key, const char *key_base64,
                          struct span value)
{
        struct span text = encoder_repair(o->encoder, value);

        object_put(o, key, json_text(text));
        if (text.data != value.data)
                object_put(o, key_base64, json_base64(o->encoder, value));
}

static void format_time(const struct encoder *e, uint64_t boot_ns, char ret[static TEXT_TIME_SIZE])
{
        /* Neither summand is to be trusted: recordings come from anywhere. */
        __int128 ns = (__int128)e->realtime_offset_ns + boot_ns;
        int64_t sec = (int64_t)(ns / (int64_t)NSEC_PER_SEC);
        int64_t nsec = (int64_t)(ns % (int64_t)NSEC_PER_SEC);
        bool ok;

        if (nsec < 0) {
                sec--;
                nsec += (int64_t)NSEC_PER_SEC;
        }
        ok = text_time(sec, (uint32_t)nsec, ret);
        assert(ok); /* the sum is between the years 1677 and 2847 */
}

void object_put_time(struct object *o, const char *key, uint64_t boot_ns)
{
        char time[TEXT_TIME_SIZE];

        format_time(o->encoder, boot_ns, time);
        object_put_string(o, key, time);
}

static void reset_or_free(struct buf *b)
{
        if (b->capacity > KEEP_MAX)
                buf_done(b);
        buf_reset(b);
}

void line_start(struct encoder *e)
{
        reset_or_free(&e->head);
        reset_or_free(&e->tail);
        reset_or_free(&e->text);
        reset_or_free(&e->cut);
        reset_or_free(&e->base64);
}

/*
 * Appends the members of an object, each with a comma before it, and with its closing brace. json-c
 * ignores it when its buffer cannot grow, and returns text with a hole: only errno tells.
 */
static int append_members(struct buf *b, struct json_object *json)
{
        const char *text;
        size_t size;

        errno = 0;
        text = json_object_to_json_string_length(
                json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
        if (!text || errno == ENOMEM)
                return -ENOMEM;
        if (size > 2)
                buf_append_char(b, ',');
        text_escape_controls((struct span){ text + 1, size - 1 }, b);
        return buf_error(b);
}

int line_finish(struct encoder *e, enum event_kind kind, uint64_t boot_ns, struct object *o,
                struct line *ret)
{
        char time[TEXT_TIME_SIZE];
        int r;

        if (o->error < 0)
                return o->error;
        buf_reset(&e->head);
        buf_append_string(&e->head, "{\"event\":\"");
        buf_append_string(&e->head, event_kind_name(kind));
        buf_append_string(&e->head, "\",\"time\":\"");
        format_time(e, boot_ns, time);
        buf_append_string(&e->head, time);
        buf_append_string(&e->head, "\",\"seq\":");
        if (buf_error(&e->head) < 0)
                return -ENOMEM;

        buf_reset(&e->tail);
        buf_append_span(&e->tail, buf_span(&e->common));
        r = append_members(&e->tail, o->json);
        if (r < 0)
                return r;
        *ret = (struct line){ .head = buf_span(&e->head), .tail = buf_span(&e->tail) };
        return 0;
}

static int encoder_init(struct encoder *e, const struct encode_context *context)
{
        _cleanup_(object_done) struct object o = object_new(e);
        struct span host = span_of_string(context->host);
        int r;

        memccpy(e->boot_prefix, context->boot_id, '\0', BOOT_PREFIX_DIGITS);
        host.size = MIN(host.size, (size_t)HOST_SIZE_MAX);
        object_put_string(&o, "boot_id", context->boot_id);
        object_put_text(&o, "host", host);
        if (o.error < 0)
                return o.error;
        r = append_members(&e->common, o.json);
        if (r < 0)
                return r;
        e->common.size--; /* the brace: more members follow */
        return 0;
}

int encoder_new(const struct encode_context *context, struct encoder **ret)
{
        _cleanup_(encoder_freep) struct encoder *e = NULL;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        r = encoder_init(e, context);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

struct encoder *encoder_free(struct encoder *e)
{
        if (!e)
                return NULL;
        buf_done(&e->common);
        buf_done(&e->head);
        buf_done(&e->tail);
        buf_done(&e->text);
        buf_done(&e->cut);
        buf_done(&e->base64);
        free(e);
        return NULL;
}

void encoder_set_clock(struct encoder *e, int64_t realtime_offset_ns)
{
        e->realtime_offset_ns = realtime_offset_ns;
}
