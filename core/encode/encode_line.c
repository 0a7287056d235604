/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Lines: everything of the encoder that does not know what an event means.
 *
 * A line is never searched for the place of its `seq`: it is made as two halves from the start. The
 * keys common to all events are kept as text.
 *
 * A line with a limit has buffers of its own, so that the whole line and the brief one of an event
 * are there at the same time and nobody copies either.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "encode/encode_line.h"
#include "encode/shape.h"

/* One monstrous event must not hold its memory for good; ordinary lines have a few KiB. */
#define KEEP_MAX (size_t)(256 * KIB)

/* Seconds since 1970, and the nanoseconds behind them. */
static int64_t real_time(const struct encoder *e, uint64_t boot_ns, uint32_t *ret_nsec)
{
        /* Neither summand is to be trusted: recordings come from anywhere. */
        __int128 ns = (__int128)e->realtime_offset_ns + boot_ns;
        int64_t sec = (int64_t)(ns / (int64_t)NSEC_PER_SEC);
        int64_t nsec = (int64_t)(ns % (int64_t)NSEC_PER_SEC);

        if (nsec < 0) {
                sec--;
                nsec += (int64_t)NSEC_PER_SEC;
        }
        *ret_nsec = (uint32_t)nsec;
        return sec;
}

void encoder_time(const struct encoder *e, uint64_t boot_ns, char ret[static TEXT_TIME_SIZE])
{
        uint32_t nsec;
        int64_t sec = real_time(e, boot_ns, &nsec);
        bool ok = text_time(sec, nsec, ret);

        assert(ok); /* the sum is between the years 1677 and 2847 */
}

int64_t encoder_time_ms(const struct encoder *e, uint64_t boot_ns)
{
        uint32_t nsec;
        int64_t sec = real_time(e, boot_ns, &nsec);

        return time_ms(sec, nsec);
}

void encoder_put_time(struct encoder *e, const char *key, uint64_t boot_ns)
{
        char time[TEXT_TIME_SIZE];

        encoder_time(e, boot_ns, time);
        json_put_string(e->out, key, time);
}

/* Returns its end. */
static char *put_id(const struct encoder *e, uint64_t start_ns, uint32_t pid, char *p)
{
        p = stpcpy(p, e->boot_prefix);
        *p++ = '-';
        p += text_hex(start_ns, p);
        *p++ = '-';
        return p + text_hex(pid, p);
}

void encoder_put_process_id(struct encoder *e, const char *key, uint64_t start_ns, uint32_t pid)
{
        char id[BOOT_PREFIX_DIGITS + 2 * TEXT_HEX_SIZE + 2];

        (void)put_id(e, start_ns, pid, id);
        json_put_string(e->out, key, id);
}

void encoder_put_exec_id(struct encoder *e, const char *key, uint64_t start_ns, uint32_t pid,
                         uint32_t count)
{
        char id[BOOT_PREFIX_DIGITS + 3 * TEXT_HEX_SIZE + 3], *p;

        p = put_id(e, start_ns, pid, id);
        *p++ = '-';
        (void)text_hex(count, p);
        json_put_string(e->out, key, id);
}

static void append_dev(struct buf *b, uint32_t dev)
{
        buf_append_u64(b, dev >> 20);
        buf_append_char(b, ':');
        buf_append_u64(b, dev & 0xfffff);
}

void encoder_put_dev(struct encoder *e, const char *key, uint32_t dev)
{
        json_key(e->out, key);
        buf_append_char(e->out, '"');
        append_dev(e->out, dev);
        buf_append_char(e->out, '"');
}

void encoder_put_file_id(struct encoder *e, const char *key, uint32_t dev, uint64_t ino)
{
        json_key(e->out, key);
        buf_append_char(e->out, '"');
        append_dev(e->out, dev);
        buf_append_char(e->out, ':');
        buf_append_u64(e->out, ino);
        buf_append_char(e->out, '"');
}

static void reset_or_free(struct buf *b)
{
        if (b->capacity > KEEP_MAX)
                buf_done(b);
        buf_reset(b);
}

struct buf *line_begin(struct encoder *e, enum event_kind kind, const struct exec_event *event,
                       uint64_t boot_ns, bool is_brief)
{
        struct half_lines *halves = is_brief ? &e->brief : &e->whole;

        reset_or_free(&halves->head);
        reset_or_free(&halves->tail);
        reset_or_free(&e->text);
        buf_reset(&e->marks);
        e->is_cut = false;
        e->inexact = 0;
        e->shape->put_head(e, &halves->head, kind, event, boot_ns);
        buf_append_span(&halves->tail, buf_span(&e->common));
        e->halves = halves;
        e->out = &halves->tail;
        if (e->shape->put_next)
                e->shape->put_next(e, kind, event, boot_ns);
        return e->out;
}

int line_end(struct encoder *e, struct line *ret)
{
        if (e->shape->end)
                e->shape->end(e);
        json_end_object(e->out);
        if (buf_error(&e->halves->head) < 0 || buf_error(&e->halves->tail) < 0 ||
            buf_error(&e->marks) < 0)
                return -ENOMEM;
        *ret = (struct line){ .head = buf_span(&e->halves->head),
                              .tail = buf_span(&e->halves->tail) };
        return 0;
}
