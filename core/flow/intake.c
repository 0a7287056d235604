/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The callbacks of a source. They run while the ring waits: nothing here decodes, allocates (but
 * for a recording) or writes.
 */
#include <errno.h>
#include <string.h>

#include "flow/intake.h"
#include "flow/snapshot.h"

#define LOST_INTERVAL_NS NSEC_PER_SEC

static void on_record(void *userdata, const void *record, size_t size)
{
        struct intake *in = userdata;
        struct exec_record_head h;
        int r;

        if (in->recorder)
                recorder_record(in->recorder, record, size);
        if (size < sizeof(h))
                return; /* its number is missing then, and is counted as lost */
        memcpy(&h, record, sizeof(h));
        if (h.kind == RECORD_CHUNK) {
                /* Without room for it the event, which is counted by itself, is marked as cut. */
                (void)queue_push(in->queue, record, size);
                return;
        }
        if (exec_record_is_process(&h)) {
                /* The daemon's own, that nobody counts; it is made when there is room. */
                (void)queue_push(in->queue, record, size);
                return;
        }
        if (!exec_record_is_event(&h) || !ledger_received(in->ledger, &h))
                return; /* likewise, or it was counted before */
        r = queue_push(in->queue, record, size);
        if (r < 0)
                ledger_add(in->ledger, r == -ENOBUFS ? LOSS_QUEUE : LOSS_DECODE, h.cpu, 1,
                           h.boot_ns, h.boot_ns);
}

static void on_round(void *userdata, uint64_t watermark_ns)
{
        struct intake *in = userdata;

        if (in->snapshot)
                watermark_ns = snapshot_limit(in->snapshot, watermark_ns);
        if (in->recorder)
                recorder_mark(in->recorder, FRAME_ROUND,
                              &(struct recording_mark){ .value = watermark_ns });
        in->watermark_ns = watermark_ns;
        /* Before the watermark, so that the mark, which is no sooner, comes out in this round. */
        if (watermark_ns > in->reported_ns && watermark_ns - in->reported_ns > LOST_INTERVAL_NS &&
            outputs_has_unreported(in->outputs)) /* no room for the mark: at the next round */
                (void)pipeline_mark_lost(in->pipeline, watermark_ns - 1, &in->reported_ns);
        queue_release(in->queue, watermark_ns);
}

static void on_drained(void *userdata, enum exec_program program, uint32_t cpu, uint64_t seq)
{
        struct intake *in = userdata;

        if (seq <= ledger_seq(in->ledger, program, cpu))
                return;
        if (in->recorder)
                recorder_mark(
                        in->recorder, FRAME_DRAINED,
                        &(struct recording_mark){ .program = program, .cpu = cpu, .value = seq });
        ledger_reconcile(in->ledger, program, cpu, seq, in->watermark_ns);
}

static void on_missed(void *userdata, enum exec_program program, uint64_t count)
{
        struct intake *in = userdata;

        if (in->recorder)
                recorder_mark(in->recorder, FRAME_MISSED,
                              &(struct recording_mark){ .program = program, .value = count });
        ledger_missed(in->ledger, program, count, in->watermark_ns);
}

/* No part of any sum, and of no recording. */
static void on_blind(void *userdata, uint64_t count, uint64_t from_ns, uint64_t to_ns)
{
        struct intake *in = userdata;

        ledger_add(in->ledger, LOSS_BLIND, LOSS_ANY_CPU, count, from_ns, to_ns);
}

static void on_counted(void *userdata, uint64_t until_ns)
{
        struct intake *in = userdata;

        if (in->recorder)
                recorder_mark(in->recorder, FRAME_COUNTED,
                              &(struct recording_mark){ .value = until_ns });
        ledger_counted(in->ledger, until_ns);
}

static void on_clock(void *userdata, uint64_t from_ns, int64_t realtime_offset_ns)
{
        struct intake *in = userdata;

        if (in->recorder)
                recorder_clock(in->recorder, &(struct recording_clock){
                                                     .from_ns = from_ns,
                                                     .realtime_offset_ns = realtime_offset_ns });
        pipeline_mark_clock(in->pipeline, MAX(from_ns, in->watermark_ns), realtime_offset_ns);
}

struct source_handler intake_handler(struct intake *in)
{
        return (struct source_handler){
                .on_record = on_record,
                .on_round = on_round,
                .on_drained = on_drained,
                .on_missed = on_missed,
                .on_blind = on_blind,
                .on_counted = on_counted,
                .on_clock = on_clock,
                .userdata = in,
        };
}
