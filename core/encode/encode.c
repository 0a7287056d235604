/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Makes lines of what a shape puts into them, and fits them into limits.
 *
 * A line with a limit is first made whole, unless that is hopeless. If it is too long, everything
 * of fixed size is encoded alone, which gives the room for the rest; the room is dealt out
 * by plan_fit(), and the line made once more. The parts keep to their room, so there is no third
 * try and no event that fails: the limit is at least what the shape's fixed keys take in the worst
 * case (host name of 64 control characters, all numbers with all their digits, a mark on every
 * part), and some room for the parts.
 *
 * Nothing is decided here about whether an event is written, and nothing of it is changed.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "encode/encode.h"
#include "encode/encode_line.h"
#include "encode/encode_parts.h"
#include "encode/native.h"
#include "encode/shape.h"

/* Linux' __NEW_UTS_LEN: a longer host name cannot be set. */
#define HOST_SIZE_MAX 64

#define SHAPE_OF_FORMAT(NAME, name) [FORMAT_##NAME] = &shape_##name,
const struct shape *const shapes[_FORMAT_MAX] = { FORMATS(SHAPE_OF_FORMAT) };

int encoder_new(const struct encode_context *context, struct encoder **ret)
{
        _cleanup_(encoder_freep) struct encoder *e = NULL;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->shape = shapes[context->format];
        memccpy(e->boot_prefix, context->boot_id, '\0', BOOT_PREFIX_DIGITS);
        if (context->namespaces)
                memcpy(e->namespaces, context->namespaces, sizeof(e->namespaces));
        r = encoder_set_host(e, context);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

struct encoder *encoder_free(struct encoder *e)
{
        if (!e)
                return NULL;
        buf_done(&e->common);
        buf_done(&e->apart);
        buf_done(&e->whole.head);
        buf_done(&e->whole.tail);
        buf_done(&e->brief.head);
        buf_done(&e->brief.tail);
        buf_done(&e->text);
        buf_done(&e->names);
        buf_done(&e->marks);
        buf_done(&e->caps_names);
        free(e);
        return NULL;
}

void encoder_set_clock(struct encoder *e, int64_t realtime_offset_ns)
{
        e->realtime_offset_ns = realtime_offset_ns;
}

/* A line, or what it has natively. */
static void begin_own(struct encoder *e, const struct exec_event *event)
{
        if (e->shape->begin_own)
                e->shape->begin_own(e, event);
}

static int end_own(struct encoder *e, struct line *ret)
{
        if (e->shape->begin_own)
                json_end_object(e->out);
        return line_end(e, ret);
}

static int encode_planned(struct encoder *e, const struct exec_event *event,
                          const struct plan *plan, bool is_brief, struct line *ret)
{
        line_begin(e, event->kind, event, event->boot_ns, is_brief);
        if (event_kind_is_kernel(event->kind)) {
                if (event->kind == EVENT_EXIT)
                        e->shape->put_exit(e, event, plan);
                else
                        e->shape->put_exec(e, event, plan);
                return line_end(e, ret);
        }
        begin_own(e, event);
        native_put_event(e, event, plan);
        return end_own(e, ret);
}

static int encode_within(struct encoder *e, const struct exec_event *event, size_t limit,
                         struct line *ret)
{
        struct plan plan;
        int r;

        /* First the usual case, only argv gives way; then room for marks on everything. */
        for (int all_marks = 0; all_marks <= 1; all_marks++) {
                struct plan none = plan_none(e->shape, event, all_marks);

                r = encode_planned(e, event, &none, true, ret);
                if (r < 0)
                        return r;
                plan = plan_fit(e->shape, event, limit - MIN(limit, line_size_max(ret)));
                if (((plan.cut & ~none.cut) | (plan.no_base64 & ~none.no_base64)) == 0)
                        break;
        }
        return encode_planned(e, event, &plan, true, ret);
}

int encoder_set_host(struct encoder *e, const struct encode_context *context)
{
        struct buf common = {}, apart = e->apart;
        char host[HOST_SIZE_MAX + 1] = { 0 };
        struct encode_context kept = *context;

        memccpy(host, context->host, '\0', HOST_SIZE_MAX);
        kept.host = host;
        e->apart = (struct buf){};
        e->shape->put_common(e, &common, &kept);
        if (buf_error(&common) < 0 || buf_error(&e->apart) < 0) {
                buf_done(&common);
                buf_done(&e->apart);
                e->apart = apart;
                return -ENOMEM;
        }
        buf_done(&apart);
        buf_done(&e->common);
        e->common = common;
        return 0;
}

int encode_event(struct encoder *e, const struct exec_event *event, size_t limit, struct line *ret)
{
        const struct plan whole = plan_whole(event);
        struct line line;
        int r;

        assert(event_kind_is_kernel(event->kind) || event->kind == EVENT_PROCESS ||
               event->kind == EVENT_SUMMARY || event->kind == EVENT_FILE);
        assert(limit == 0 || limit >= e->shape->limit_min);

        if (limit == 0 || event->argv.size < limit) { /* JSON is never shorter than its bytes */
                r = encode_planned(e, event, &whole, limit > 0, &line);
                if (r < 0)
                        return r;
                if (limit == 0 || line_size_max(&line) <= limit) {
                        *ret = line;
                        return 0;
                }
        }
        r = encode_within(e, event, limit, &line);
        if (r < 0)
                return r;
        *ret = line;
        return 0;
}

int encode_lost(struct encoder *e, uint64_t boot_ns, const struct loss *loss, struct line *ret)
{
        line_begin(e, EVENT_LOST, NULL, boot_ns, false);
        begin_own(e, NULL);
        native_put_lost(e, loss);
        return end_own(e, ret);
}

int encode_stats(struct encoder *e, enum event_kind kind, uint64_t boot_ns,
                 const struct stats *stats, size_t limit, struct line *ret)
{
        bool with_rules = true;
        int r;

        assert(kind == EVENT_STATS || kind == EVENT_STOP);
        for (;;) {
                line_begin(e, kind, NULL, boot_ns, limit > 0);
                begin_own(e, NULL);
                native_put_stats(e, stats, with_rules);
                r = end_own(e, ret);
                if (r < 0 || limit == 0 || line_size_max(ret) <= limit || !with_rules)
                        return r;
                with_rules = false;
        }
}

int encode_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info, size_t limit,
                 struct line *ret)
{
        enum left_out left_out = LEFT_OUT_NOTHING;
        int r;

        for (;;) {
                line_begin(e, EVENT_START, NULL, boot_ns, limit > 0);
                begin_own(e, NULL);
                native_put_start(e, boot_ns, info, left_out);
                r = end_own(e, ret);
                if (r < 0 || limit == 0 || line_size_max(ret) <= limit ||
                    left_out == LEFT_OUT_SETTINGS)
                        return r;
                left_out++;
        }
}

size_t encode_limit_min(enum config_format format)
{
        return shapes[format]->limit_min;
}
