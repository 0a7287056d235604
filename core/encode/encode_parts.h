/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The parts of an event that vary in length: where in the event they are, and how much room each
 * has in a line.
 *
 * A part is measured before it is put, and keeps to its room: see struct part_form of shape.h.
 */
#pragma once

#include "encode/encode_line.h"
#include "encode/shape.h"

#define PART_BIT(part) (UINT64_C(1) << (part))
_Static_assert(_PART_MAX <= 64, "bits of a set");

struct plan {
        size_t room[_PART_MAX]; /* bytes, or ROOM_WHOLE */
        uint64_t cut;           /* PART_BIT()s that are marked as incomplete */
        uint64_t no_base64;     /* of the others: the exact bytes are left out and this is marked */
};

/* Everything whole; marked is what the kernel has cut. */
struct plan plan_whole(const struct exec_event *event);

/* For a line without any of the parts, but with the mark of argv, or with as many as can be. */
struct plan plan_none(const struct shape *shape, const struct exec_event *event, bool all_marks);

/*
 * Deals out `room` bytes: a floor for each part first, but never more than a quarter of what is
 * left, so that no part gets nothing; then the rest by precedence; what still remains is for exact
 * bytes.
 */
struct plan plan_fit(const struct shape *shape, const struct exec_event *event, size_t room);

/* Nothing, if the event does not have it or the room is too small; its mark all the same. */
void encoder_put_part(struct encoder *e, const struct exec_event *event, enum part part,
                      const struct plan *plan);

/* A user or a group, as an object with its ID as a string. */
struct owner {
        const char *key, *id_key;
        uint32_t id;
        enum part name; /* which may be absent; _PART_MAX: it is */
};
void encoder_put_owner(struct encoder *e, const struct exec_event *event, const struct plan *plan,
                       const struct owner *owner);

/*
 * Ends the object in which is what a shape has no other words for, with the exact bytes of
 * everything, and behind them the names of everything that is cut.
 */
void encoder_end_own(struct encoder *e, const struct exec_event *event);

/* The names of what has been put so far and is marked, as an array; if there is any. */
void encoder_put_truncated(struct encoder *e, const char *key);
