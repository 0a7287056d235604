/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What the encoder's files share: JSON objects that are filled key by key, and lines made of them.
 *
 * As with a buf, a failure (there is only one: no memory) is remembered in the object; it comes
 * back from line_finish(). Text is made safe on the way in. Keys of which the name is `key` are
 * string literals: json-c keeps the pointer. No key is put twice.
 */
#pragma once

#include <json-c/json.h>

#include "encode.h"

/* Digits of boot_id that go in a process_id: enough to tell the boots of one host apart. */
#define BOOT_PREFIX_DIGITS 12

struct encoder {
        int64_t realtime_offset_ns;
        char boot_prefix[BOOT_PREFIX_DIGITS + 1];
        struct buf common; /* the keys after seq that are the same in every event */
        struct buf head, tail;
        /* Scratch, each for one call. */
        struct buf text;   /* repaired */
        struct buf cut;    /* shortened */
        struct buf base64; /* of the exact bytes */
};

struct object {
        struct encoder *encoder;
        struct json_object *json;
        int error;
};

/* An empty object; a failure is in it. */
struct object object_new(struct encoder *e);
void object_done(struct object *o);

/* Takes `value`; NULL is a failed allocation. */
void object_put(struct object *o, const char *key, struct json_object *value);
/* For keys that do not live on; valid text. */
void object_put_copied_key(struct object *o, const char *key, struct json_object *value);
void object_put_u64(struct object *o, const char *key, uint64_t value);
void object_put_i64(struct object *o, const char *key, int64_t value);

/* Text that we wrote ourselves: ASCII. */
void object_put_string(struct object *o, const char *key, const char *value);

/* Any bytes, and the sibling if they are not UTF-8. */
#define object_put_text(o, key, value) object_put_text_keys(o, key, key "_base64", value)
void object_put_text_keys(struct object *o, const char *key, const char *key_base64,
                          struct span value);

/* Moves the child in. */
void object_put_object(struct object *o, const char *key, struct object *child);

void object_put_time(struct object *o, const char *key, uint64_t boot_ns);

/* The same bytes if they are text, else repaired in e->text; data is NULL if there is no memory. */
struct span encoder_repair(struct encoder *e, struct span s);

/* JSON strings; NULL: no memory. A text whose data is NULL is one that could not be made. */
struct json_object *json_text(struct span valid);
struct json_object *json_base64(struct encoder *e, struct span s);

/* Takes `value`; NULL is a failed allocation. */
int array_put(struct json_object *array, struct json_object *value);

static inline struct span span_of_string(const char *s)
{
        return (struct span){ .data = s, .size = __builtin_strlen(s) };
}

/* Before the first object of a line. */
void line_start(struct encoder *e);

/* The line's text: the common keys, then those of the object. Leaves the object alone. */
int line_finish(struct encoder *e, enum event_kind kind, uint64_t boot_ns, struct object *o,
                struct line *ret);
