/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The parts of an event that vary in length, and how much room each has in a line.
 *
 * A part is measured before it is put: part_measure() never says less than what encoder_put_part()
 * writes, and encoder_put_part() never writes more than the room it was given. Both count the key,
 * its quotes, and the comma.
 */
#pragma once

#include "encode/encode_line.h"

/* In order of precedence: when room is short, the last ones give way first. */
enum part {
        PART_COMM,
        PART_USER,
        PART_UNIT,
        PART_CONTAINER_ID,
        PART_PARENT_COMM,
        PART_TTY,
        PART_CGROUP,
        PART_EXE,
        PART_FILENAME,
        PART_CWD,
        PART_USER_UNIT,
        PART_SLICE,
        PART_ANCESTORS,
        PART_ENV,
        PART_ARGV,
        _PART_MAX,
};

#define PART_BIT(part) (1u << (part))
#define PART_ALL (PART_BIT(_PART_MAX) - 1)

/* Room for all of it, and for its exact bytes too. */
#define ROOM_WHOLE SIZE_MAX

struct plan {
        size_t room[_PART_MAX]; /* bytes, or ROOM_WHOLE */
        uint32_t cut;           /* PART_BIT()s that are marked as incomplete */
        uint32_t no_base64;     /* of the others: the exact bytes are left out and this is marked */
};

struct part_size {
        size_t data;
        size_t base64; /* 0: no need of exact bytes */
};

/* Everything whole; marked is what the kernel has cut. */
struct plan plan_whole(const struct exec_event *event);

/* The parts that the event has. */
uint32_t parts_present(const struct exec_event *event);

/* Exact, or anything larger than `max`. */
struct part_size part_measure(const struct exec_event *event, enum part part, size_t max);

/* Nothing, if the event does not have it or the room is too small. */
void encoder_put_part(struct encoder *e, const struct exec_event *event, enum part part,
                      const struct plan *plan);

/* The key `truncated`, if there is anything to name. */
void encoder_put_truncated(struct encoder *e, const struct plan *plan);

/* How many strings there are in a sequence of NUL-terminated ones; the last may lack its NUL. */
uint64_t strings_count(struct span strings);
