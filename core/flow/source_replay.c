/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Reads frames one by one through stdio and hands them to the handler. Only the size of a frame is
 * checked; the decoder checks the content of a record.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/source_replay.h"

/* The largest x86_64 has is 8192; more would only be memory for a damaged header to claim. */
#define CPUS_MAX 8192

/* A ring pads what it carries; no record comes near. */
#define PAYLOAD_MAX (2 * EXEC_RECORD_SIZE_MAX)

/* A round can be long, but a file without any must not keep the caller from its signals. */
#define STEP_FRAMES_MAX 65536

struct source_replay {
        struct source source;
        FILE *file;
        struct recording_header header;
        char payload[PAYLOAD_MAX] __attribute__((aligned(8)));
};

static bool is_terminated(const char *s, size_t size)
{
        return memchr(s, '\0', size) != NULL;
}

static bool is_id(const char *s)
{
        for (unsigned i = 0; i < 32; i++)
                if (!isxdigit((unsigned char)s[i]))
                        return false;
        return s[32] == '\0';
}

static int check_header(const struct recording_header *h)
{
        if (memcmp(h->magic, RECORDING_MAGIC, sizeof(h->magic)) != 0)
                return -EBADMSG;
        if (h->version != RECORDING_VERSION)
                return -EPROTONOSUPPORT;
        if (h->n_cpus == 0 || h->n_cpus > CPUS_MAX || !is_id(h->boot_id) ||
            !is_terminated(h->host, sizeof(h->host)) ||
            !is_terminated(h->kernel, sizeof(h->kernel)) ||
            (h->machine_id[0] != '\0' && !is_id(h->machine_id)))
                return -EBADMSG;
        return 0;
}

static struct source_replay *source_replay_free(struct source_replay *s)
{
        if (!s)
                return NULL;
        if (s->file)
                (void)fclose(s->file);
        free(s);
        return NULL;
}
DEFINE_FREEP(struct source_replay, source_replay_free)

static int replay_identify(const struct source *source, struct recording_header *ret)
{
        *ret = ((const struct source_replay *)source)->header;
        return 0;
}

static uint64_t replay_now_ns(const struct source *source)
{
        return MAX(source->watermark_ns, ((const struct source_replay *)source)->header.start_ns);
}

static void replay_free(struct source *source)
{
        source_replay_free((struct source_replay *)source);
}

/* The next frame's payload goes to s->payload. */
static int read_frame(struct source_replay *s, struct recording_frame *ret)
{
        struct recording_frame frame;
        size_t padded;

        if (fread(&frame, sizeof(frame), 1, s->file) != 1)
                return ferror(s->file) ? -EIO : -ENODATA;
        if (frame.size > PAYLOAD_MAX - 7)
                return -EBADMSG;
        padded = (frame.size + 7) & ~(size_t)7;
        if (padded > 0 && fread(s->payload, padded, 1, s->file) != 1)
                return ferror(s->file) ? -EIO : -ENODATA;

        *ret = frame;
        return 0;
}

/* 1: go on; 0: the end of a round. */
static int say_mark(struct source_replay *s, const struct recording_frame *frame)
{
        const struct source_handler *h = &s->source.handler;
        struct recording_clock clock;
        struct recording_mark m;

        if (frame->size != sizeof(m))
                return -EBADMSG;
        if (frame->kind == FRAME_CLOCK) {
                memcpy(&clock, s->payload, sizeof(clock));
                h->on_clock(h->userdata, clock.from_ns, clock.realtime_offset_ns);
                return 1;
        }
        memcpy(&m, s->payload, sizeof(m));
        if (m.program >= _PROGRAM_MAX || m.cpu >= s->header.n_cpus)
                return -EBADMSG;

        switch (frame->kind) {
        case FRAME_ROUND:
                s->source.watermark_ns = m.value;
                h->on_round(h->userdata, m.value);
                return 0;
        case FRAME_DRAINED:
                h->on_drained(h->userdata, m.program, m.cpu, m.value);
                return 1;
        case FRAME_MISSED:
                h->on_missed(h->userdata, m.program, m.value);
                return 1;
        case FRAME_COUNTED:
                h->on_counted(h->userdata, m.value);
                return 1;
        default:
                return -EBADMSG;
        }
}

static int replay_step(struct source *source)
{
        struct source_replay *s = (struct source_replay *)source;
        struct recording_frame frame;
        int r;

        for (unsigned n = 0; n < STEP_FRAMES_MAX; n++) {
                r = read_frame(s, &frame);
                if (r < 0)
                        return r;
                if (frame.kind == FRAME_END)
                        return 0;
                if (frame.kind == FRAME_RECORD) {
                        source->handler.on_record(source->handler.userdata, s->payload, frame.size);
                        continue;
                }
                r = say_mark(s, &frame);
                if (r < 0)
                        return r;
                if (r == 0)
                        return 1;
        }
        return 1;
}

static const struct source_ops replay_ops = {
        .identify = replay_identify,
        .now_ns = replay_now_ns,
        .free = replay_free,
        .step = replay_step,
};

int source_replay_new(int fd, struct source **ret)
{
        _cleanup_(source_replay_freep) struct source_replay *s = NULL;
        _cleanup_(closep) int own_fd = -1;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->source.ops = &replay_ops;
        own_fd = dup(fd);
        if (own_fd < 0)
                return -errno;
        s->file = fdopen(own_fd, "re");
        if (!s->file)
                return -errno;
        (void)TAKE_FD(own_fd);

        if (fread(&s->header, sizeof(s->header), 1, s->file) != 1)
                return ferror(s->file) ? -errno : -EBADMSG;
        r = check_header(&s->header);
        if (r < 0)
                return r;
        s->source.n_cpus = s->header.n_cpus;

        *ret = &TAKE_PTR(s)->source;
        return 0;
}
