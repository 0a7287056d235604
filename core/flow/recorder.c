/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Frames are collected in memory between two flushes; the caller flushes after each round, so there
 * are as many as the rings can hold. A recording that cannot go on stops where it is, at the end of
 * a frame or not, and lacks its end frame: so the reader sees that it is incomplete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "flow/recorder.h"

struct recorder {
        int fd;
        int error;
        struct buf pending;
};

static void append_frame(struct recorder *r, enum recording_frame_kind kind, const void *payload,
                         size_t size)
{
        const struct recording_frame frame = { .kind = kind, .size = size };
        static const char padding[8];

        buf_append(&r->pending, &frame, sizeof(frame));
        buf_append(&r->pending, payload, size);
        buf_append(&r->pending, padding, -size & 7);
}

int recorder_new(const char *path, const struct recording_header *header, struct recorder **ret)
{
        _cleanup_(recorder_freep) struct recorder *r = NULL;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
        if (r->fd < 0)
                return -errno;
        buf_append(&r->pending, header, sizeof(*header));

        *ret = TAKE_PTR(r);
        return 0;
}

struct recorder *recorder_free(struct recorder *r)
{
        if (!r)
                return NULL;
        if (r->fd >= 0) {
                append_frame(r, FRAME_END, NULL, 0);
                (void)recorder_flush(r); /* the missing end frame shows it */
                (void)close(r->fd);
        }
        buf_done(&r->pending);
        free(r);
        return NULL;
}

void recorder_record(struct recorder *r, const void *record, size_t size)
{
        append_frame(r, FRAME_RECORD, record, size);
}

void recorder_mark(struct recorder *r, enum recording_frame_kind kind,
                   const struct recording_mark *mark)
{
        append_frame(r, kind, mark, sizeof(*mark));
}

void recorder_clock(struct recorder *r, const struct recording_clock *clock)
{
        append_frame(r, FRAME_CLOCK, clock, sizeof(*clock));
}

int recorder_flush(struct recorder *r)
{
        size_t done = 0;
        ssize_t n;

        if (r->error == 0)
                r->error = buf_error(&r->pending);
        while (r->error == 0 && done < r->pending.size) {
                n = write(r->fd, r->pending.data + done, r->pending.size - done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r->error = -errno;
                else
                        done += n;
        }
        buf_reset(&r->pending);
        return r->error;
}
