/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shape: what a line looks like. The contract between the encoder, which makes lines, fits them
 * into limits and knows no name, and a shape, which knows names and their order, and decides
 * nothing else. A shape is one constant; all it needs to remember is in the encoder.
 *
 * It appends JSON: members of the object that has begun, to the head before `seq` and to e->out
 * behind it (encode_line.h); what varies in length only by encoder_put_part() (encode_parts.h), so
 * that it keeps to its room. What is of fixed size leaves enough of `limit_min` for the parts, the
 * worst case of each number included.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_value.h"
#include "event/event.h"

struct encode_context;
struct encoder;
struct plan;

/*
 * The parts of an event that vary in length; a shape has those of which its table has a row. In
 * order of precedence: when room is short, the last ones give way first.
 */
enum part {
        PART_COMM,
        PART_NAME, /* the program's, of which comm may have the beginning alone */
        PART_USER,
        PART_USER_AGAIN,
        PART_EUSER,
        PART_EFFECTIVE_USER, /* also if it is `user` */
        PART_GROUP,
        PART_EFFECTIVE_GROUP, /* if it is `group` */
        PART_UNIT,
        PART_CONTAINER_ID,
        PART_PARENT_COMM,
        PART_TTY,
        PART_CGROUP,
        PART_EXE,
        PART_EXE_AGAIN,
        PART_EXE_NAME, /* its last part */
        PART_FILENAME,
        PART_CWD,
        PART_PARENT_EXE,
        PART_PARENT_EXE_NAME,
        PART_USER_UNIT,
        PART_SLICE,
        PART_STDIN,
        PART_STDOUT,
        PART_STDERR,
        PART_TAGS,
        PART_REDACTED,
        PART_CAPS_EFFECTIVE,
        PART_CAPS_PERMITTED,
        PART_ANCESTORS,
        PART_ENV,
        PART_COMMAND_LINE, /* argv joined; leaves it half of the room */
        PART_ARGV,
        PART_PARENT_COMMAND_LINE,
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
 * if the room is too small, and never more than it, or ROOM_WHOLE: all of it. put_exact() is for
 * what was put whole, under key_base64; NULL: exact bytes, if any, are within. All count the key,
 * its quotes, and the comma.
 */
struct part_form {
        /* Exact, or anything larger than `max`. */
        struct part_size (*measure)(const struct shape_part *part, struct span bytes, size_t max);
        /* False: it is whole, and not all of its bytes were text. */
        bool (*put)(struct encoder *e, const struct shape_part *part, struct span bytes,
                    size_t room);
        void (*put_exact)(struct encoder *e, const struct shape_part *part, struct span bytes);
};

struct shape_part {
        const char *key;
        const char *key_base64; /* NULL: there are no exact bytes, or they are within */
        const char *mark;       /* its name in `truncated`; NULL: its key */
        const struct part_form *form;
        bool is_copied;      /* the shape puts it once more, as a copy: it takes twice the room */
        bool has_own_mark;   /* being cut is not said in `truncated`, but by the shape itself */
        bool is_exact_apart; /* exact bytes are in another object: encoder_end_own() */
};

struct shape {
        const char *prefix; /* of each of its lines, and of none of another shape */
        const char *code;   /* what is between the time, which is next, and the kind; NULL: the
                               kind is next */
        size_t limit_min;   /* room for what is of fixed size, and some for the parts */

        /* By enum part: of events of the kernel, and of the daemon's own. */
        const struct shape_part *parts, *own_parts;

        /*
         * What is the same in all events, once, as text: to `b`, which is put behind `seq` of each,
         * and to e->apart, which is the shape's.
         */
        void (*put_common)(struct encoder *e, struct buf *b, const struct encode_context *context);

        /* Begins the object, up to where the digits of `seq` go; `event` or NULL as for a line. */
        void (*put_head)(struct encoder *e, struct buf *head, enum event_kind kind,
                         const struct exec_event *event, uint64_t boot_ns);

        /* What else is in all events, behind what is the same in all; or NULL. */
        void (*put_next)(struct encoder *e, enum event_kind kind, const struct exec_event *event,
                         uint64_t boot_ns);

        /* Of an event of the kernel, all that is behind that. */
        void (*put_exec)(struct encoder *e, const struct exec_event *event,
                         const struct plan *plan); /* also of one that failed, or an attempt */
        void (*put_exit)(struct encoder *e, const struct exec_event *event,
                         const struct plan *plan);

        /*
         * Begins the object where all others have what they have natively, and nothing follows it;
         * NULL: it is the line's.
         */
        void (*begin_own)(struct encoder *e, const struct exec_event *event);

        /* Before the line's object ends, when all else is there; or NULL. */
        void (*end)(struct encoder *e);
};

static inline const struct shape_part *shape_parts(const struct shape *shape, enum event_kind kind)
{
        return event_kind_is_kernel(kind) ? shape->parts : shape->own_parts;
}

/* By format. */
extern const struct shape *const shapes[_FORMAT_MAX];

#define DECLARE_SHAPE(NAME, name) extern const struct shape shape_##name;
FORMATS(DECLARE_SHAPE)
#undef DECLARE_SHAPE
