/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Decode: the trust boundary. Bytes from a ring or a recording → struct exec_event.
 *
 * Every length is checked here against what is left, and nowhere else. Nothing is allocated; paths
 * are joined in the decoder's own memory.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"
#include "event/event.h"

enum decode_result {
        DECODE_OK,
        DECODE_SHORT,   /* a length points past the end */
        DECODE_VERSION, /* not our layout */
        DECODE_KIND,    /* no such kind of record */
        DECODE_VALUE,   /* a value that no kernel gives */
};

struct decoder;

int decoder_new(struct decoder **ret);
struct decoder *decoder_free(struct decoder *d);
DEFINE_FREEP(struct decoder, decoder_free)

/*
 * An exec, exec_failed, exec_attempt, exit or process record. The event borrows from `record` and
 * from the decoder: it is valid until the next call, and as long as `record` is.
 */
enum decode_result decode_record(struct decoder *d, const void *record, size_t size,
                                 struct exec_event *ret);

/* The argv bytes of a continuation record, borrowed from it. */
enum decode_result decode_chunk(const void *record, size_t size, struct exec_record_head *ret_head,
                                struct span *ret_argv);
