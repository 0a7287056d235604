/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shape: what a line looks like. The contract between the encoder, which makes lines, fits them
 * into limits and knows no name, and a shape, which knows names and their order, and decides
 * nothing else. A shape is one constant; all it needs to remember is in the encoder.
 *
 * It appends JSON: members of the object that has begun, to the head before `seq` and to e->out
 * behind it (encode_line.h); what varies in length only by encoder_put_part() (encode_parts.h), so
 * that it keeps to its room. What is of fixed size takes at most 2.2 KiB, the worst case of each
 * number included: LIMIT_MIN of encode.c leaves no more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_value.h"
#include "event/event.h"

struct encoder;
struct plan;
struct start_info;
struct stats;

/*
 * The parts of an event that vary in length. In order of precedence: when room is short, the last
 * ones give way first.
 */
enum part {
        PART_COMM,
        PART_USER,
        PART_EUSER,
        PART_GROUP,
        PART_UNIT,
        PART_CONTAINER_ID,
        PART_PARENT_COMM,
        PART_TTY,
        PART_CGROUP,
        PART_EXE,
        PART_FILENAME,
        PART_CWD,
        PART_PARENT_EXE,
        PART_USER_UNIT,
        PART_SLICE,
        PART_STDIN,
        PART_STDOUT,
        PART_STDERR,
        PART_TAGS,
        PART_REDACTED,
        PART_ANCESTORS,
        PART_ENV,
        PART_ARGV,
        PART_PARENT_ARGV,
        _PART_MAX,
};

struct part_size {
        size_t data;
        size_t base64; /* 0: no need of exact bytes */
};

/* Room for all of a part, and for its exact bytes too. */
#define ROOM_WHOLE SIZE_MAX

struct shape_part;

/*
 * How a part is written. measure() never says less than what put() writes, and put() writes nothing
 * if the room is too small, and never more than it, or ROOM_WHOLE: all of it, and with_base64 the
 * exact bytes, too, where they are not UTF-8. Both count the key, its quotes, and the comma.
 */
struct part_form {
        /* Exact, or anything larger than `max`. */
        struct part_size (*measure)(const struct shape_part *part, struct span bytes, size_t max);
        void (*put)(struct encoder *e, const struct shape_part *part, struct span bytes,
                    size_t room, bool with_base64);
};

struct shape_part {
        const char *key;
        const char *key_base64; /* NULL: exact bytes, if any, are within */
        const struct part_form *form;
        bool has_own_mark; /* being cut is not said in `truncated`, but by the shape itself */
};

/*
 * Left out of a start event without room, in this order: the next stats has nearly
 * the same as the first, --cat-config the others.
 */
enum left_out {
        LEFT_OUT_NOTHING,
        LEFT_OUT_INHERITED,
        LEFT_OUT_RULES,    /* as well */
        LEFT_OUT_SETTINGS, /* likewise */
};

struct shape {
        struct shape_part parts[_PART_MAX];

        /* The keys that are the same in all events, once: put behind `seq` of each. */
        void (*put_common)(struct buf *b, const char *boot_id, struct span host);

        /* Begins the object, up to where the digits of `seq` go. */
        void (*put_head)(struct encoder *e, struct buf *head, enum event_kind kind,
                         uint64_t boot_ns);

        /* All that is behind what is common. */
        void (*put_event)(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan);
        void (*put_lost)(struct encoder *e, const struct loss *loss);
        void (*put_start)(struct encoder *e, uint64_t boot_ns, const struct start_info *info,
                          enum left_out left_out);
        /* `with_rules`: with what each of them has counted, too. */
        void (*put_stats)(struct encoder *e, const struct stats *stats, bool with_rules);

        /* encoded_events() of a line of this shape; 0 for any other. */
        uint64_t (*count_events)(const char *line, enum sink_place place);
};

#define DECLARE_SHAPE(NAME, name) extern const struct shape shape_##name;
FORMATS(DECLARE_SHAPE)
#undef DECLARE_SHAPE
