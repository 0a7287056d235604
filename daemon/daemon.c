/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Wiring and life cycle.
 *
 *   source → intake → queue → pipeline → sinks ← outlets (when to flush)
 *
 * One iteration of the loop is one of: a pass over the rings (first, always), a batch of records
 * through the pipeline with a flush behind it, a signal, a timer. A batch is small, so that a
 * pass never waits long for it.
 *
 * After READY=1 a pass over the rings waits for little: a reload waits for the kernel to verify
 * what it loads (the rings are larger meanwhile), for a sink that goes (delivery.c) and for a
 * service manager that does not read (notify.h, once); an upgrade for the sinks that are behind
 * (upgrade.c). Nothing that goes wrong ends the process: a reload that fails leaves all as it was,
 * a sink that fails is retried for ever. The loop ends when it is asked to, when nobody reads our
 * stdout any more, or when the rings cannot be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/message_id.h"
#include "config/config.h"
#include "daemon.h"
#include "flow/intake.h"
#include "flow/source_replay.h"
#include "host/canary.h"
#include "host/capabilities.h"
#include "host/clock.h"
#include "host/config_log.h"
#include "host/delivery.h"
#include "host/exit_code.h"
#include "host/handover.h"
#include "host/identity.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/record_files.h"
#include "host/status_line.h"
#include "host/watchdog.h"
#include "kernel/loader.h"
#include "kernel/ring.h"
#include "kernel/source_perf.h"
#include "stages.h"
#include "upgrade.h"
#include "version.h"

/* How long the end may wait for readers that are slow; the unit's TimeoutStopSec= is 15 s. */
#define STOP_TIMEOUT_NS (5 * NSEC_PER_SEC)

#define BLIND_TIMEOUT_NS NSEC_PER_SEC

struct daemon {
        const struct daemon_options *options;
        struct config *config;
        sd_event *event;
        struct recording_header identity; /* of this run, or of the recording that is replayed */

        struct stages stages;
        struct intake intake;
        struct status_line *status;
        struct watchdog *watchdog;
        struct recorder *recorder;
        struct handover *handover;  /* NULL: a replay */
        struct source_perf *kernel; /* one of the two */
        struct source_replay *replay;
        struct canary *canary;
        struct upgrade *upgrade; /* since a reload that has not ended */

        sd_event_source *process;
        sd_event_source *replay_step;
        sd_event_source *stats_timer;
        int error; /* that ended the loop */
};

/* The moment of the stream: a recording has its own. */
static uint64_t stream_now(const struct daemon *d)
{
        return d->replay ? MAX(d->intake.watermark_ns, d->identity.start_ns) : clock_boottime_ns();
}

/*
 * What came out of a ring after its counter was read for the last time, was seen as well: at the
 * end, when the programs go on for the run after us, or if the counters could not be read.
 */
static void fill_stats_of(const struct daemon *d, unsigned program, unsigned cpu,
                          struct stats *stats)
{
        uint64_t seq = ledger_seq(d->stages.ledger, program, cpu);
        uint64_t counted = d->kernel ? source_perf_seq(d->kernel, program, cpu) : 0;

        if (counted >= seq) {
                stats->in_rings += counted - seq;
                return;
        }
        stats->program[program].seen += seq - counted;
        if (d->kernel)
                stats->program[program].sent += seq - counted;
}

static void fill_stats(void *userdata, struct stats *stats)
{
        struct daemon *d = userdata;

        if (d->kernel)
                source_perf_stats(d->kernel, stats);
        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                for (unsigned cpu = 0; cpu < d->identity.n_cpus; cpu++)
                        fill_stats_of(d, i, cpu, stats);
                if (d->replay)
                        stats->recursion_misses[i] = d->intake.missed[i];
        }
}

/* A recording that fails is over; the log goes on. */
static void flush_recorder(struct daemon *d)
{
        int r;

        r = d->recorder ? recorder_flush(d->recorder) : 0;
        if (r >= 0)
                return;
        d->intake.recorder = NULL;
        d->recorder = recorder_free(d->recorder);
        log_errno(LOG_ERR, r, "Recording to %s stopped", d->options->record_path);
}

/*
 * After every other event: is there something to process? One-shot each time, or it would stay the
 * source that has waited longest, before signals and timers, as long as there is something.
 */
static int on_post(sd_event_source *source _unused_, void *userdata)
{
        struct daemon *d = userdata;

        flush_recorder(d);
        if (queue_peek(d->stages.queue))
                return sd_event_source_set_enabled(d->process, SD_EVENT_ONESHOT);
        if (d->replay && delivery_are_idle(d->stages.sinks))
                return sd_event_source_set_enabled(d->replay_step, SD_EVENT_ONESHOT);
        return 0;
}

static int on_process(sd_event_source *source _unused_, void *userdata)
{
        struct daemon *d = userdata;

        (void)stages_run(&d->stages);
        return delivery_flush(d->stages.sinks);
}

/* One pass of the recording, each time everything before it is delivered: see on_post(). */
static int on_replay(sd_event_source *source _unused_, void *userdata)
{
        struct daemon *d = userdata;
        int r;

        r = source_replay_step(d->replay);
        if (r > 0)
                return 0;
        d->error = r;
        return sd_event_exit(d->event, 0);
}

static int emit_stats(struct daemon *d)
{
        int r;

        r = pipeline_mark_stats(d->stages.pipeline, stream_now(d));
        if (r < 0)
                log_errno(LOG_WARNING, r, "No stats event this time");
        if (d->kernel)
                source_perf_reconcile(d->kernel); /* lets the mark pass */
        return 0;
}

static int on_stats_timer(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
        struct daemon *d = userdata;

        (void)emit_stats(d);
        return sd_event_source_set_time_relative(source,
                                                 d->config->stats.interval_ns / NSEC_PER_USEC);
}

static void on_blind(void *userdata, uint64_t from_ns, uint64_t now_ns)
{
        struct daemon *d = userdata;

        log_catalog(LOG_ERR, MESSAGE_ID_BLIND,
                    "Blind: an exec of our own was not seen; asking to be restarted");
        ledger_add(d->stages.ledger, LOSS_BLIND, LOSS_ANY_CPU, 1, from_ns, now_ns);
        (void)pipeline_mark_lost(d->stages.pipeline, now_ns, &now_ns);
        source_perf_reconcile(d->kernel);
        stages_drain(&d->stages, clock_monotonic_ns() + BLIND_TIMEOUT_NS);
        (void)delivery_flush(d->stages.sinks);
        handover_forget_all(d->handover); /* whatever is wrong shall not be inherited */
        (void)notify_send("WATCHDOG=trigger");
}

/* All of it or none of it: each step can be taken back until the last has succeeded. */
static int apply_config(struct daemon *d, struct config *config)
{
        int r;

        r = stages_prepare(&d->stages, config);
        if (r >= 0 && d->kernel)
                r = source_perf_configure(d->kernel, config);
        if (r < 0) {
                stages_revert(&d->stages, d->config);
                return r;
        }
        stages_commit(&d->stages, config);
        if (d->canary)
                canary_configure(d->canary, config->stats.self_test_ns);
        (void)sd_event_source_set_time_relative(d->stats_timer,
                                                config->stats.interval_ns / NSEC_PER_USEC);
        return 0;
}

static int reload(struct daemon *d)
{
        _cleanup_(config_freep) struct config *config = NULL;
        int r;

        r = config_load_logged(&d->options->location, &config);
        if (r >= 0)
                r = apply_config(d, config);
        if (r < 0) {
                log_catalog(LOG_ERR, MESSAGE_ID_RELOAD_FAILED,
                            "Reload failed, the settings stay as they were");
                return r;
        }
        config_free(d->config);
        d->config = TAKE_PTR(config);
        log_catalog(LOG_NOTICE, MESSAGE_ID_RELOADED, "Reloaded the configuration");
        return 0;
}

static void end_reload(void)
{
        (void)notify_send("WATCHDOG=1\nREADY=1");
}

static void on_upgrade_failed(void *userdata)
{
        struct daemon *d = userdata;

        d->upgrade = upgrade_free(d->upgrade);
        (void)source_perf_configure(d->kernel, d->config);
        (void)delivery_flush(d->stages.sinks);
        end_reload();
}

/* True if another image may go on in our place, sooner or later. */
static bool start_upgrade(struct daemon *d)
{
        static const struct upgrade_ops ops = { .on_failed = on_upgrade_failed };
        const struct upgrade_parts parts = { .kernel = d->kernel,
                                             .handover = d->handover,
                                             .stages = &d->stages,
                                             .argv = d->options->argv };

        return d->kernel && !d->recorder &&
               upgrade_start(d->event, &parts, &ops, d, &d->upgrade) > 0;
}

static int on_sighup(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_,
                     void *userdata)
{
        struct daemon *d = userdata;
        char state[80];

        /* Programs to load take a second, or ten on a slow host: the watchdog counts from here. */
        (void)snprintf(state, sizeof(state), "WATCHDOG=1\nRELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                       clock_monotonic_ns() / NSEC_PER_USEC);
        (void)notify_send(state);
        d->upgrade = upgrade_free(d->upgrade);
        /* With settings that are no good, another image would not even start. */
        if (reload(d) < 0 || !start_upgrade(d))
                end_reload();
        return delivery_flush(d->stages.sinks);
}

static int on_sigusr1(sd_event_source *source _unused_,
                      const struct signalfd_siginfo *info _unused_, void *userdata)
{
        struct daemon *d = userdata;

        delivery_reopen(d->stages.sinks);
        return delivery_flush(d->stages.sinks);
}

static int on_sigusr2(sd_event_source *source _unused_,
                      const struct signalfd_siginfo *info _unused_, void *userdata)
{
        return emit_stats(userdata);
}

static int on_sigterm(sd_event_source *source _unused_,
                      const struct signalfd_siginfo *info _unused_, void *userdata)
{
        struct daemon *d = userdata;

        return sd_event_exit(d->event, 0);
}

/* Who we are, or who the recording was. */
static int identify(struct daemon *d)
{
        if (d->replay) {
                d->identity = *source_replay_header(d->replay);
                return 0;
        }
        return identity_read(source_perf_cpus(d->kernel), &d->identity);
}

static int open_recorder(struct daemon *d)
{
        int r;

        if (!d->options->record_path)
                return 0;
        r = record_files_open_recorder(d->options->record_path, &d->identity, &d->recorder);
        if (r < 0)
                return r;
        d->intake.recorder = d->recorder;
        return 0;
}

/* The stream goes on behind the events that were numbered before us. */
static void resume(struct daemon *d)
{
        uint64_t earlier = 0, now_ns = d->identity.start_ns;

        for (unsigned i = 0; i < _PROGRAM_MAX; i++) {
                for (unsigned cpu = 0; cpu < d->identity.n_cpus; cpu++) {
                        uint64_t base = source_perf_base(d->kernel, i, cpu);

                        ledger_begin(d->stages.ledger, i, cpu, base);
                        earlier += base;
                }
                earlier += source_perf_missed(d->kernel, i);
        }
        outputs_begin(d->stages.outputs, earlier,
                      MIN(handover_page(d->handover)->passed_ns, now_ns), now_ns);
}

/* Everything between the source and the sinks; the identity is known. */
static int build_stages(struct daemon *d)
{
        static const struct pipeline_ops ops = { .fill_stats = fill_stats };
        struct account *accounts = NULL;
        int r;

        r = stages_build(&d->stages, &d->identity, d->config, &ops, d);
        if (r < 0)
                return r;
        if (d->kernel) {
                resume(d);
                accounts = handover_page(d->handover)->accounts;
        }
        d->intake.queue = d->stages.queue;
        d->intake.ledger = d->stages.ledger;
        d->intake.outputs = d->stages.outputs;
        d->intake.pipeline = d->stages.pipeline;
        return stages_open_sinks(&d->stages, d->event, d->config, accounts, d->options->use_stdout);
}

static int add_signals(struct daemon *d)
{
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGTERM, on_sigterm }, { SIGINT, on_sigterm },  { SIGHUP, on_sighup },
                { SIGUSR1, on_sigusr1 }, { SIGUSR2, on_sigusr2 },
        };
        int r;

        /* Both are errors of a write like any other: nobody reads, LimitFSIZE= is reached. */
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)signal(SIGCHLD, SIG_IGN); /* the helpers of loader.c are not waited for */
        for (unsigned i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(d->event, NULL,
                                        signals[i].signal | SD_EVENT_SIGNAL_PROCMASK,
                                        signals[i].handler, d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_sources(struct daemon *d)
{
        int r;

        r = sd_event_add_post(d->event, NULL, on_post, d);
        if (r < 0)
                return r;
        r = sd_event_add_defer(d->event, &d->process, on_process, d);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(d->process, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_exit_on_failure(d->process, true);
        if (r < 0)
                return r;
        if (d->replay)
                return sd_event_add_defer(d->event, &d->replay_step, on_replay, d);

        r = sd_event_add_time_relative(d->event, &d->stats_timer, CLOCK_MONOTONIC,
                                       d->config->stats.interval_ns / NSEC_PER_USEC, 0,
                                       on_stats_timer, d);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(d->stats_timer, SD_EVENT_ON);
}

static int start(struct daemon *d)
{
        static const struct canary_ops canary_ops = { .on_blind = on_blind };
        struct start_info info = { .version = EXECSNOOPD_VERSION,
                                   .kernel = d->identity.kernel,
                                   .config = d->config };
        struct stats inherited;
        int r;

        if (d->kernel) {
                info.missing = source_perf_missing_keys(d->kernel);
                pipeline_stats(d->stages.pipeline, &inherited);
                info.down = "unknown";
                if (loader_counted_all(source_perf_loader(d->kernel))) {
                        info.down = "counted";
                        info.inherited = &inherited;
                }
        }

        outputs_advance(d->stages.outputs, d->identity.start_ns);
        r = outputs_start(d->stages.outputs, &info);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot encode the start event");
        if (d->kernel) {
                r = source_perf_attach(d->kernel, d->config);
                if (r < 0)
                        return r;
                r = capabilities_settle(ring_is_permitted);
                if (r < 0)
                        log_errno(LOG_WARNING, r, "Cannot drop a capability");
        }
        r = delivery_flush(d->stages.sinks);
        if (r < 0)
                return r;
        if (d->kernel) {
                r = canary_new(d->event, d->stages.pipeline, d->config->stats.self_test_ns,
                               &canary_ops, d, &d->canary);
        }
        if (r >= 0)
                r = watchdog_new(d->event, &d->watchdog);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot add a timer");
        (void)notify_send("READY=1");
        return status_line_new(d->event, d->stages.pipeline, &d->status);
}

/* Nothing new comes in; what is there goes out; `stop` is the last word. */
static void stop(struct daemon *d)
{
        uint64_t end_ns = clock_monotonic_ns() + STOP_TIMEOUT_NS;
        int r;

        (void)notify_try("STOPPING=1");
        if (d->kernel)
                source_perf_stop(d->kernel);
        stages_drain(&d->stages, end_ns);
        r = pipeline_stop(d->stages.pipeline, stream_now(d));
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot encode the stop event");
        delivery_finish(d->stages.sinks, end_ns);
        delivery_tell_rest(d->stages.sinks);
        flush_recorder(d);
}

/*
 * The codes that say that the next attempt would fail, too, keep the service manager from making
 * one. Not after an upgrade: what ran a moment ago will run again.
 */
static int exit_code_of(const struct daemon *d, int error)
{
        if (error < 0 && d->handover && handover_is_direct(d->handover))
                return EXIT_CODE_FAILURE;
        switch (-error) {
        case 0:
                return EXIT_CODE_OK;
        case EPERM:
        case EACCES:
                return EXIT_CODE_NOT_PERMITTED;
        case EOPNOTSUPP:
        case ENODEV:
                return EXIT_CODE_UNAVAILABLE;
        default:
                return EXIT_CODE_FAILURE;
        }
}

static struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        upgrade_free(d->upgrade);
        recorder_free(d->recorder);
        source_replay_free(d->replay);
        status_line_free(d->status);
        canary_free(d->canary);
        stages_release(&d->stages);
        watchdog_free(d->watchdog);
        source_perf_free(d->kernel); /* see loader_free(): nothing else is open by now */
        handover_free(d->handover);
        sd_event_source_disable_unref(d->process);
        sd_event_source_disable_unref(d->replay_step);
        sd_event_source_disable_unref(d->stats_timer);
        sd_event_unref(d->event);
        config_free(d->config);
        free(d);
        return NULL;
}
DEFINE_FREEP(struct daemon, daemon_free)

static int open_source(struct daemon *d)
{
        const struct source_handler handler = intake_handler(&d->intake);
        int r;

        if (d->options->replay_path)
                return record_files_open_replay(d->options->replay_path, &handler, &d->replay);
        r = handover_open(!d->options->record_path, &d->handover);
        if (r < 0)
                return r;
        return source_perf_new(d->config, d->event, &handler, d->handover, &d->kernel);
}

/* With more privilege than needed we still can do our work, and are worth more than nothing. */
static void lower_privilege(const struct daemon *d)
{
        int r;

        r = capabilities_begin();
        if (r >= 0 && d->options->replay_path)
                r = capabilities_drop(CAPABILITIES_ALL);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot lower the capabilities");
}

int daemon_run(const struct daemon_options *options, struct config *config)
{
        _cleanup_(daemon_freep) struct daemon *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d) {
                config_free(config);
                return EXIT_CODE_FAILURE;
        }
        d->options = options;
        d->config = config;
        lower_privilege(d);

        r = sd_event_default(&d->event);
        if (r >= 0)
                r = add_signals(d);
        if (r < 0)
                return exit_code_of(d, log_errno(LOG_ERR, r, "Cannot set up the event loop"));
        r = open_source(d);
        if (r < 0)
                return d->options->replay_path ? EXIT_CODE_USAGE : exit_code_of(d, r);
        r = identify(d);
        if (r < 0)
                return exit_code_of(d, r);
        r = build_stages(d);
        if (r >= 0)
                r = add_sources(d);
        if (r < 0)
                return exit_code_of(d, log_errno(LOG_ERR, r, "Cannot set up the pipeline"));
        r = open_recorder(d);
        if (r < 0)
                return EXIT_CODE_USAGE;
        r = start(d);
        if (r < 0)
                return exit_code_of(d, r);

        r = sd_event_loop(d->event);
        if (r < 0)
                log_errno(LOG_ERR, r, "The event loop failed");
        stop(d);
        if (r < 0)
                return exit_code_of(d, r);
        return record_files_explain_end(d->options->replay_path, d->error);
}
