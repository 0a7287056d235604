/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kernel as a source: when the rings are read, and what is known after each round.
 *
 * Waking up is what costs, so the rings do not wake us per record. While the daemon sleeps, the
 * first record rings the bell, once. While there is work, a timer drains the rings twice per
 * MaxLatency; and a ring that is a quarter full wakes us by its watermark before the timer does.
 * When a round over the rings finds nothing we arm the bell, look once more, and sleep. Once a
 * second we look without being asked: nothing may hang on a bell alone.
 *
 * A round drains every ring and then knows a watermark: the moment before which nothing can still
 * arrive, from what the programs say is in flight.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "event/ledger.h"
#include "host/capabilities.h"
#include "host/clock.h"
#include "host/handover.h"
#include "host/identity.h"
#include "host/log.h"
#include "host/timer.h"
#include "kernel/first_process.h"
#include "kernel/guard.h"
#include "kernel/kernel_facts.h"
#include "kernel/loader.h"
#include "kernel/process_list.h"
#include "kernel/program_means.h"
#include "kernel/ring.h"
#include "kernel/ring_set.h"
#include "kernel/source_perf.h"

#define IDLE_INTERVAL_NS NSEC_PER_SEC
#define RECONCILE_INTERVAL_NS NSEC_PER_SEC

/* Somebody who insists shall not fill the journal. */
#define EXPLAIN_INTERVAL_NS (10 * NSEC_PER_SEC)

/* For programs that were in flight: microseconds, unless the hypervisor took their CPU away. */
#define STOP_TIMEOUT_NS NSEC_PER_SEC

/* Before everything else in the loop: what waits elsewhere is safe, what waits in a ring is not. */
#define PRIORITY (SD_EVENT_PRIORITY_IMPORTANT)

/*
 * A program stores its stamp before it takes the time, but the store may become visible a few ns
 * after a clock read that follows it. A microsecond is a thousand times as much.
 */
#define STORE_DELAY_NS 1000

struct source_perf {
        struct source source;
        sd_event *event;
        struct timer *timer;
        struct handover *handover;
        struct loader *programs;
        uint64_t ring_size; /* of those that are to be opened */
        struct ring_set *rings;
        uint64_t interval_ns; /* between rounds while there is work */

        unsigned n_records; /* of the current round */
        bool in_flight;     /* some program ran when the last round began */
        bool is_stopped;
        bool is_guarded;
        struct guard guard;
        uint64_t explained_ns;
        struct clock_watch clock;
        uint64_t reconciled_ns;
        uint32_t namespaces[_NAMESPACE_MAX]; /* of PID 1 */
        struct process_list processes;
        const char *missing[KERNEL_FACTS_MAX + 1];
};

static struct source_perf *source_perf_of(struct source *source)
{
        return (struct source_perf *)source; /* its first member */
}

static const struct source_perf *source_perf_of_const(const struct source *source)
{
        return (const struct source_perf *)source;
}

static void on_ring_record(void *userdata, const void *record, size_t size, uint64_t wall_ns)
{
        struct source_perf *s = userdata;
        struct exec_record_head h;

        s->n_records++;
        if (size >= sizeof(h)) {
                memcpy(&h, record, sizeof(h));
                clock_watch_record(&s->clock, h.boot_ns, wall_ns);
        }
        s->source.handler.on_record(s->source.handler.userdata, record, size);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* The moment before which nothing can still arrive, once the rings have been drained. */
static uint64_t find_watermark(struct source_perf *s)
{
        const struct exec_inflight *inflight = loader_inflight(s->programs);
        uint64_t watermark = clock_boottime_ns() - STORE_DELAY_NS, since;

        s->in_flight = false;
        for (unsigned cpu = 0; cpu < s->source.n_cpus; cpu++) {
                for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                        since = __atomic_load_n(&inflight[cpu].since[i], __ATOMIC_ACQUIRE);
                        if (since == 0)
                                continue;
                        s->in_flight = true;
                        if (since == EXEC_INFLIGHT_STARTING) /* its time is not known yet */
                                since = s->source.watermark_ns;
                        watermark = MIN(watermark, since);
                }
        }
        return MAX(watermark, s->source.watermark_ns);
}

/* Drains all rings once, now; returns the number of records. */
static int drain(struct source_perf *s)
{
        const struct source_handler *h = &s->source.handler;
        uint64_t watermark = find_watermark(s), from_ns;
        int r;

        s->n_records = 0;
        r = ring_set_drain(s->rings);
        if (r < 0)
                return r;
        s->source.watermark_ns = watermark;
        handover_page(s->handover)->watermark_ns = watermark;
        if (clock_watch_round(&s->clock, watermark, &from_ns))
                h->on_clock(h->userdata, from_ns, s->clock.offset_ns);
        h->on_round(h->userdata, watermark);
        return s->n_records;
}

static uint64_t lost_no_ring(const struct source_perf *s, unsigned cpu)
{
        uint64_t lost = 0;

        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                lost += loader_counters(s->programs, i, cpu)->lost_no_ring;
        return lost;
}

/* Programs ran on this CPU and found no ring: it came (back) online. */
static void follow_cpu(struct source_perf *s, unsigned cpu)
{
        if (!ring_set_follow(s->rings, cpu, lost_no_ring(s, cpu)))
                return;
        if (loader_read_counters(s->programs) >= 0)
                ring_set_note_lost(s->rings, cpu, lost_no_ring(s, cpu));
}

/* The number given last by the program on the CPU, as of the last reading. */
static uint64_t seq_of(const struct source_perf *s, enum exec_program program, unsigned cpu)
{
        const struct exec_counters *c = loader_counters(s->programs, program, cpu);

        return c->seen - c->filtered;
}

static void report_counted(const struct source_perf *s, enum exec_program program)
{
        const struct source_handler *h = &s->source.handler;
        uint64_t missed = loader_recursion_misses(s->programs, program);
        uint64_t known = ledger_misses(s->source.ledger, program);

        for (unsigned cpu = 0; cpu < s->source.n_cpus && !s->in_flight; cpu++)
                h->on_drained(h->userdata, program, cpu, seq_of(s, program, cpu));
        if (missed > known)
                h->on_missed(h->userdata, program, missed - known);
}

/* From now on, the programs do as they are told. */
static void set_guard(struct source_perf *s)
{
        guard_set(&s->guard, loader_control(s->programs), clock_boottime_ns());
        s->is_guarded = true;
}

static void check_guard(struct source_perf *s)
{
        const struct source_handler *h = &s->source.handler;
        const uint64_t now_ns = clock_boottime_ns();
        struct guard_findings f;

        if (!s->is_guarded ||
            !guard_check(&s->guard, loader_control(s->programs), loader_inflight(s->programs),
                         s->source.n_cpus, now_ns, &f))
                return;
        if (now_ns - s->explained_ns >= EXPLAIN_INTERVAL_NS || s->explained_ns == 0) {
                guard_explain(&f);
                s->explained_ns = now_ns;
        }
        h->on_blind(h->userdata, MAX(f.n_passed, UINT64_C(1)), f.from_ns, now_ns);
}

/*
 * The order makes it exact: counters first, then a round. Counted events that the round did not
 * find were not sent, unless they were in flight meanwhile: then we report nothing until next time.
 */
static void reconcile(struct source_perf *s)
{
        const struct source_handler *h = &s->source.handler;
        const uint64_t counted_ns = clock_boottime_ns();

        if (loader_read_counters(s->programs) < 0 || drain(s) < 0)
                return;
        s->reconciled_ns = clock_boottime_ns();
        for (unsigned i = 0; i < _PROGRAM_MAX; i++)
                report_counted(s, i);
        if (!s->in_flight)
                h->on_counted(h->userdata, counted_ns);
        for (unsigned cpu = 0; cpu < s->source.n_cpus; cpu++)
                follow_cpu(s, cpu);
        check_guard(s);
}

/* Arms the bell; true if there is nothing left that could have rung it before. */
static int fall_asleep(struct source_perf *s)
{
        struct exec_control *control = loader_control(s->programs);
        int r;

        /* Armed before we look: a record that comes after the look finds it armed. */
        __atomic_store_n(&control->armed, 1, __ATOMIC_SEQ_CST);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        reconcile(s);
        r = s->n_records == 0 && !s->in_flight;
        if (!r)
                __atomic_store_n(&control->armed, 0, __ATOMIC_SEQ_CST);
        return r;
}

static int look(struct source_perf *s)
{
        int r;

        r = drain(s);
        if (r < 0)
                return r;
        if (r == 0 && !s->in_flight && fall_asleep(s))
                return timer_start(s->timer, IDLE_INTERVAL_NS);
        if (clock_boottime_ns() - s->reconciled_ns >= RECONCILE_INTERVAL_NS)
                reconcile(s);
        return timer_start(s->timer, s->interval_ns);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                 void *userdata)
{
        struct source_perf *s = userdata;

        s->source.wakeups++;
        return look(s);
}

static int on_time(void *userdata)
{
        return look(userdata);
}

static int add_timer(struct source_perf *s)
{
        const struct timer_config config = { .on_time = on_time,
                                             .accuracy_ns = NSEC_PER_MSEC,
                                             .priority = PRIORITY };

        return timer_new(s->event, &config, s, &s->timer);
}

static bool has_rings_before_us(const struct source_perf *s)
{
        return handover_is_direct(s->handover) &&
               handover_page(s->handover)->ring_version == RING_VERSION;
}

/*
 * Before any ring of ours is there: events that have a number by now are older than this run.
 * The record of an event that is just being made may still come; its number is too old then, and it
 * is not counted. But rings of the previous image have gone on: it has accounted for the records
 * that it read, and all later ones are ours.
 */
static int begin_ledger(struct source_perf *s)
{
        const struct handover_page *page = handover_page(s->handover);
        struct ledger *ledger = s->source.ledger;
        bool resume = has_rings_before_us(s);
        int r;

        r = loader_read_counters(s->programs);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot read the counters of the BPF programs");
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                ledger_begin_missed(ledger, i,
                                    resume ? page->missed[i]
                                           : loader_recursion_misses(s->programs, i));
                for (unsigned cpu = 0; cpu < s->source.n_cpus; cpu++)
                        ledger_begin(ledger, i, cpu,
                                     resume ? page->seq[i * page->n_cpus + cpu]
                                            : seq_of(s, i, cpu));
        }
        return 0;
}

static int open_rings(struct source_perf *s)
{
        bool resume = has_rings_before_us(s);
        const struct cpu_config config = {
                .ring = { .records_map = loader_records_map(s->programs),
                          .bells_map = loader_bells_map(s->programs),
                          .size = resume ? handover_page(s->handover)->ring_size : s->ring_size,
                          .on_record = on_ring_record,
                          .userdata = s },
                .event = s->event,
                .priority = PRIORITY,
                .on_io = on_io,
                .userdata = s,
                .error_level = LOG_ERR,
        };
        int r;

        r = ring_set_open(&config, s->source.n_cpus, s->handover, resume, &s->rings);
        if (r < 0)
                return r;
        /* Records that found no ring until now are no reason to look for one. */
        r = loader_read_counters(s->programs);
        for (unsigned cpu = 0; cpu < s->source.n_cpus; cpu++)
                ring_set_note_lost(s->rings, cpu, lost_no_ring(s, cpu));
        return r;
}

static int perf_open(struct source *source)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_PROGRAMS);
        struct source_perf *s = source_perf_of(source);
        int r;

        r = begin_ledger(s);
        if (r < 0)
                return r;
        return open_rings(s);
}

static int attach(struct source_perf *s, const struct config *config)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_PROGRAMS);
        int r;

        r = loader_attach(s->programs);
        if (r < 0)
                return r;
        set_guard(s);
        if (ring_set_is_kept(s->rings)) /* or those of the previous image will do */
                (void)ring_set_resize(s->rings, config->capture.ring_size, LOG_ERR);
        return timer_start(s->timer, 0);
}

/* From here on privilege is needed for one thing only: rings of CPUs that come online. */
static int perf_start(struct source *source, const struct config *config)
{
        int r;

        r = attach(source_perf_of(source), config);
        if (r < 0)
                return r;
        r = capabilities_settle(ring_is_permitted);
        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Running with more capabilities than needed, which cannot be dropped");
        return 0;
}

static void perf_stop(struct source *source)
{
        struct source_perf *s = source_perf_of(source);
        uint64_t end = clock_monotonic_ns() + STOP_TIMEOUT_NS;
        bool nobody_begins;

        timer_stop(s->timer);
        s->is_guarded = false; /* the next run may begin to change it */
        nobody_begins = loader_stop(s->programs);
        do /* again, as long as one that had begun before is not through, or the clock steps */
                reconcile(s);
        while ((s->in_flight || s->clock.step_ns > 0) && clock_monotonic_ns() < end);
        /* The last one that ran may have counted itself after the counters were read. */
        if (nobody_begins)
                reconcile(s);
        s->is_stopped = true;
}

static int perf_configure(struct source *source, const struct config *config)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_PROGRAMS);
        struct source_perf *s = source_perf_of(source);
        uint64_t old_size = ring_set_size(s->rings), size = config->capture.ring_size;
        int r;

        if (size != old_size) {
                r = ring_set_resize(s->rings, size, LOG_ERR);
                if (r < 0)
                        return r;
        }
        if (loader_are_to_load(s->programs, config))
                ring_set_grow(s->rings); /* they are not read while the kernel verifies */
        check_guard(s);
        r = loader_configure(s->programs, config);
        set_guard(s);
        if (r < 0)
                size = old_size;
        else
                s->interval_ns = config->capture.max_latency_ns / 2;
        if (ring_set_size(s->rings) != size)
                (void)ring_set_resize(s->rings, size, LOG_ERR);
        return r;
}

static void perf_reconcile(struct source *source)
{
        reconcile(source_perf_of(source));
}

static void perf_read_counters(struct source *source)
{
        const struct source_perf *s = source_perf_of(source);

        if (!s->is_stopped) /* what programs do now is no longer of this run */
                (void)loader_read_counters(s->programs);
}

static const struct exec_counters *perf_counters(const struct source *source,
                                                 enum exec_program program, unsigned cpu)
{
        return loader_counters(source_perf_of_const(source)->programs, program, cpu);
}

static void perf_grow(struct source *source)
{
        ring_set_grow(source_perf_of(source)->rings);
}

static ssize_t perf_list(struct source *source, void *buf, size_t size)
{
        struct source_perf *s = source_perf_of(source);
        const ssize_t n = process_list_read(&s->processes, buf, size);

        if (n == -ETIMEDOUT)
                log_warning(
                        "A process does not let its arguments be read; it and all behind it are "
                        "missing among the processes that run already");
        else if (n < 0 && n != -EAGAIN)
                log_errno(LOG_WARNING, (int)n, "Cannot list all processes that run already");
        return n;
}

/* At the end of a run. One that the previous has told of all is silent about them anyway. */
static void explain_untold(const struct source_perf *s)
{
        if (process_list_is_begun(&s->processes) && s->source.past != SOURCE_PAST_COUNTED)
                log_notice(
                        "This run ends before all processes were told that ran already; one that "
                        "takes over from it does not tell the rest");
}

/* And what has come out of the rings by now. */
static int perf_hand_over(struct source *source)
{
        const struct source_perf *s = source_perf_of(source);
        struct handover_page *page = handover_page(s->handover);

        explain_untold(s);
        page->ring_version = RING_VERSION;
        page->ring_size = ring_set_size(s->rings);
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                page->missed[i] = ledger_misses(source->ledger, i);
                for (unsigned cpu = 0; cpu < page->n_cpus; cpu++)
                        page->seq[i * page->n_cpus + cpu] = ledger_seq(source->ledger, i, cpu);
        }
        return ring_set_hand_over(s->rings, s->handover);
}

static int perf_keep(const struct source *source)
{
        return ring_set_keep(source_perf_of_const(source)->rings);
}

static int perf_identify(const struct source *source, struct recording_header *ret)
{
        int r;

        r = identity_read(source->n_cpus, ret);
        if (r >= 0)
                memcpy(ret->namespaces, source_perf_of_const(source)->namespaces,
                       sizeof(ret->namespaces));
        return r;
}

static uint64_t perf_now_ns(const struct source *source _unused_)
{
        return clock_boottime_ns();
}

static struct source_perf *source_perf_free(struct source_perf *s)
{
        if (!s)
                return NULL;
        timer_free(s->timer);
        explain_untold(s);
        process_list_close(&s->processes);
        ring_set_free(s->rings);
        loader_free(s->programs);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}
DEFINE_FREEP(struct source_perf, source_perf_free)

static void perf_free(struct source *source)
{
        source_perf_free(source_perf_of(source));
}

static const struct source_ops perf_ops = {
        .identify = perf_identify,
        .now_ns = perf_now_ns,
        .free = perf_free,
        .open = perf_open,
        .start = perf_start,
        .stop = perf_stop,
        .configure = perf_configure,
        .reconcile = perf_reconcile,
        .read_counters = perf_read_counters,
        .counters = perf_counters,
        .grow = perf_grow,
        .list = perf_list,
        .hand_over = perf_hand_over,
        .keep = perf_keep,
};

/* What runs already, and what cannot be told of it. */
static void open_process_list(struct source_perf *s, const struct config *config)
{
        const struct process_list_means means = { .program = loader_means(s->programs),
                                                  .control = loader_control(s->programs),
                                                  .images = loader_images_map(s->programs) };
        const char *const *facts = means.program->missing;
        unsigned n = 0;

        for (; facts[n]; n++)
                s->missing[n] = facts[n];
        s->source.missing_keys = s->missing;
        if (!config->capture.snapshot)
                return;
        process_list_open(&means, &s->processes);
        if (s->processes.fd < 0)
                s->missing[n] = "process";
        else if (!s->processes.has_argv)
                s->missing[n] = "process.argv";
}

int source_perf_new(const struct config *config, struct sd_event *event, struct handover *handover,
                    struct source **ret)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_PROGRAMS);
        _cleanup_(source_perf_freep) struct source_perf *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return log_errno(LOG_ERR, -ENOMEM, "Cannot set up the source of events");
        s->source.ops = &perf_ops;
        s->processes = (struct process_list)PROCESS_LIST_NONE;
        s->event = sd_event_ref(event);
        s->handover = handover;
        s->ring_size = config->capture.ring_size;
        s->clock.offset_ns = clock_realtime_offset_ns();
        s->interval_ns = config->capture.max_latency_ns / 2;
        r = loader_new(config, handover, &s->programs);
        if (r < 0)
                return r;
        first_process_namespaces(s->namespaces);
        s->source.n_cpus = loader_cpus(s->programs);
        open_process_list(s, config);
        s->source.past =
                loader_counted_all(s->programs) ? SOURCE_PAST_COUNTED : SOURCE_PAST_UNKNOWN;
        s->source.watermark_ns = handover_page(handover)->watermark_ns;
        r = add_timer(s);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the timer that reads the rings");

        *ret = &TAKE_PTR(s)->source;
        return 0;
}
