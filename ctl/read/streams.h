/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Whether lines are missing, by their numbers: each boot that a log tells of counts by itself, from
 * 1 at each start. Boots have IDs of their own, and a host may get another name in one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "read/event_line.h"

/*
 * Logs of more boots than this, all mixed: the one that was silent for longest is
 * forgotten, and what is missing when it goes on is not noticed.
 */
#define STREAMS_MAX 256

enum stream_step {
        STREAM_NEW,    /* nothing is known of it: the log begins here */
        STREAM_NEXT,   /* as it should be */
        STREAM_BEGINS, /* a run begins */
        STREAM_HOLE,   /* `ret_count` lines are missing before this one */
        STREAM_BACK,   /* this number was there before: doubled, or in another order */
};

struct streams;

int streams_new(struct streams **ret);
struct streams *streams_free(struct streams *s);
DEFINE_FREEP(struct streams, streams_free)

/* A line that is not shown, as it is of another time: of a stream that has begun the next follows
 * it. */
void streams_pass(struct streams *s, const struct event_line *line);

/* `ret_last`: the number before this one, of all but STREAM_NEW. */
enum stream_step streams_step(struct streams *s, const struct event_line *line, uint64_t *ret_last);
