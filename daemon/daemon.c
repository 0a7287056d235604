/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The life of a daemon: start, run, reload, upgrade, stop. What happens to an event is the flow's
 * business, where its lines go the delivery's, and whether there is a kernel or a recording behind
 * it the source's.
 *
 *   source → flow (intake → queue → pipeline) → sinks ← delivery (when to flush)
 *
 * One iteration of the loop is one of: a round over the rings (first, always), a batch of records
 * through the flow with a flush behind it, a signal, a timer. A batch is small, so that a round
 * never waits long for it.
 *
 * After READY=1 a round waits for little: a reload waits for the kernel to verify what it loads
 * (the rings are larger meanwhile), for a sink that is closed (delivery.c) and for a service
 * manager that does not read (notify.h, once); an upgrade waits for the sinks that are behind
 * (upgrade.c). No failure ends the process: a reload that fails changes nothing, a sink that fails
 * is retried for ever. The loop ends when it is asked to, when the reader of our stdout has gone,
 * or when the rings cannot be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/message_id.h"
#include "base/show.h"
#include "config/config.h"
#include "daemon.h"
#include "flow/flow.h"
#include "flow/source.h"
#include "host/canary.h"
#include "host/capabilities.h"
#include "host/clock.h"
#include "host/config_log.h"
#include "host/delivery.h"
#include "host/exit_code.h"
#include "host/flow_loop.h"
#include "host/handover.h"
#include "host/hasher.h"
#include "host/host_name.h"
#include "host/identity.h"
#include "host/log.h"
#include "host/loop.h"
#include "host/metrics_file.h"
#include "host/notify.h"
#include "host/recording.h"
#include "host/status_line.h"
#include "host/timer.h"
#include "host/watchdog.h"
#include "kernel/source_perf.h"
#include "policy/rules.h"
#include "upgrade.h"
#include "version.h"

/* How long the end may wait for readers that are slow; the unit's TimeoutStopSec= is 15 s. */
#define STOP_TIMEOUT_NS (5 * NSEC_PER_SEC)

#define BLIND_TIMEOUT_NS NSEC_PER_SEC

#define ETC_PATH "/etc"

struct daemon {
        const struct daemon_options *options;
        struct config *config;
        struct rules *rules; /* until the flow has them */
        sd_event *event;

        struct handover *handover;
        struct source *source;
        struct flow *flow;
        struct delivery *delivery;
        struct flow_loop *loop;
        struct recording *recording; /* or NULL */
        struct canary *canary;       /* of a live source */
        struct status_line *status;
        struct watchdog *watchdog;
        struct upgrade *upgrade; /* since a reload that has not ended */

        struct timer *stats_timer; /* of one that is live, as are: */
        struct host_name *host_name;
        struct metrics_file *metrics;
        struct hasher *hasher; /* or NULL */
        int hashes_fd;         /* for it, from an earlier run; or -1 */
        int lock_fd;           /* of the log's file, from the image before; or -1 */
};

/* Run. */

static int emit_stats(struct daemon *d)
{
        int r;

        source_reconcile(d->source); /* what is lost by now is reported first */
        r = flow_mark_stats(d->flow);
        if (r < 0)
                log_errno(LOG_WARNING, r, "Cannot request a stats event");
        source_reconcile(d->source); /* lets the mark out of the queue */
        return 0;
}

static int on_stats_time(void *userdata)
{
        struct daemon *d = userdata;

        host_name_look(d->host_name);
        (void)emit_stats(d);
        return timer_start(d->stats_timer, d->config->stats.interval_ns);
}

static void on_blind(void *userdata, uint64_t from_ns, uint64_t now_ns)
{
        struct daemon *d = userdata;

        log_catalog(LOG_ERR, MESSAGE_ID_BLIND,
                    "Execs are not seen: the self-test executed a program, and the kernel did "
                    "not report it; asking the service manager for a restart");
        flow_lose(d->flow, LOSS_BLIND, 1, from_ns, now_ns);
        flow_mark_lost(d->flow);
        source_reconcile(d->source);
        delivery_drain(d->delivery, clock_monotonic_ns() + BLIND_TIMEOUT_NS);
        (void)delivery_flush(d->delivery);
        handover_forget_all(d->handover); /* the fault must not be inherited */
        (void)notify_send("WATCHDOG=trigger");
}

/* Reload and upgrade. */

/* The log is worth more than the hashes: without memory it goes on without. */
static void configure_hasher(struct daemon *d, const struct config *config)
{
        if (config->capture.exe_hash == HASH_NO) {
                if (d->hasher)
                        handover_forget(d->handover, HASHER_MEMORY);
                d->hasher = hasher_free(d->hasher);
        } else if (!d->hasher && source_is_live(d->source)) {
                (void)hasher_new(d->event, d->flow, d->delivery, d->handover, TAKE_FD(d->hashes_fd),
                                 &d->hasher);
        }
}

/* All of it or none of it: each step can be taken back until the last has succeeded. */
static int apply_config(struct daemon *d, struct config *config, struct rules *rules)
{
        int r;

        r = flow_prepare(d->flow, config, rules);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot change the rules or the size of the queue");
        if (r >= 0)
                r = delivery_prepare(d->delivery, config);
        if (r >= 0)
                r = source_configure(d->source, config);
        if (r < 0) {
                delivery_revert(d->delivery);
                flow_revert(d->flow);
                return r;
        }
        flow_commit(d->flow, config);
        delivery_commit(d->delivery); /* a sink that begins shows the rules */
        canary_configure(d->canary, config->stats.self_test_ns);
        configure_hasher(d, config);
        if (d->stats_timer)
                (void)timer_start(d->stats_timer, config->stats.interval_ns);
        if (d->metrics)
                (void)metrics_file_configure(d->metrics, config->stats.metrics);
        return 0;
}

static int reload(struct daemon *d)
{
        _cleanup_(config_freep) struct config *config = NULL;
        struct rules *rules;
        int r;

        r = config_load_logged(&d->options->location, false, &config, &rules);
        if (r >= 0)
                r = apply_config(d, config, rules);
        if (r < 0) {
                log_catalog(LOG_ERR, MESSAGE_ID_RELOAD_FAILED,
                            "Reload failed; the settings in force are unchanged");
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
        (void)source_configure(d->source, d->config);
        (void)delivery_flush(d->delivery);
        end_reload();
}

/* True if another image may go on in our place, sooner or later. */
static bool start_upgrade(struct daemon *d)
{
        static const struct upgrade_ops ops = { .on_failed = on_upgrade_failed };
        const struct upgrade_parts parts = { .source = d->source,
                                             .flow = d->flow,
                                             .delivery = d->delivery,
                                             .handover = d->handover,
                                             .argv = d->options->argv };

        return upgrade_start(d->event, &parts, &ops, d, &d->upgrade) > 0;
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
        return delivery_flush(d->delivery);
}

static int on_sigusr1(sd_event_source *source _unused_,
                      const struct signalfd_siginfo *info _unused_, void *userdata)
{
        struct daemon *d = userdata;

        delivery_reopen(d->delivery);
        return delivery_flush(d->delivery);
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

/* Start. */

/* With more privilege than needed we still can do our work, and are worth more than nothing. */
static void lower_privilege(const struct daemon *d)
{
        int r;

        r = capabilities_begin();
        if (r >= 0 && d->options->replay_path)
                r = capabilities_drop(CAPABILITIES_ALL);
        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Running with more capabilities than needed, which cannot be dropped");
}

static int open_source(struct daemon *d)
{
        const char *replay_path = d->options->replay_path;

        /* Now: what the source cannot understand, it drops together with all the rest. */
        d->lock_fd = handover_take(d->handover, HANDOVER_LOCK);
        handover_forget(d->handover, HANDOVER_LOCK);
        if (replay_path)
                return recording_open(replay_path, &d->source);
        return source_perf_new(d->config, d->event, d->handover, &d->source);
}

static int open_flow(struct daemon *d)
{
        struct recording_header identity;
        const char *etc;
        int r;

        r = source_identify(d->source, &identity);
        if (r < 0)
                return r;
        /* The users of this host are not those of a recording from elsewhere. */
        etc = identity_is_ours(&identity) ? ETC_PATH : NULL;
        r = flow_new(d->source, &identity, etc, d->config, TAKE_PTR(d->rules), &d->flow);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the flow of events");
        return flow_open(d->flow);
}

static int open_sinks(struct daemon *d)
{
        struct handover_page *page = handover_page(d->handover);
        int r;

        if (page)
                outputs_keep_dropped(flow_outputs(d->flow), &page->dropped);
        r = delivery_new(d->event, d->flow, page ? page->accounts : NULL, &d->options->sinks,
                         &d->delivery);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the sinks");
        delivery_inherit_lock(d->delivery, TAKE_FD(d->lock_fd));
        r = delivery_prepare(d->delivery, d->config);
        if (r < 0)
                return r;
        delivery_commit(d->delivery);
        return 0;
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
                r = loop_add_signal(d->event, signals[i].signal, signals[i].handler, d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int on_post(sd_event_source *source _unused_, void *userdata)
{
        struct daemon *d = userdata;

        return hasher_run(d->hasher);
}

/* For a live source alone. */
static int add_live_timers(struct daemon *d)
{
        static const struct timer_config stats = { .on_time = on_stats_time };
        static const struct canary_ops canary_ops = { .on_blind = on_blind };
        int r;

        if (!source_is_live(d->source))
                return 0;
        r = timer_new(d->event, &stats, d, &d->stats_timer);
        if (r >= 0)
                r = timer_start(d->stats_timer, d->config->stats.interval_ns);
        if (r >= 0)
                r = metrics_file_new(d->event, d->flow, EXECSNOOPD_VERSION, &d->metrics);
        if (r >= 0)
                r = metrics_file_configure(d->metrics, d->config->stats.metrics);
        if (r >= 0)
                r = loop_add_post(d->event, on_post, d);
        if (r >= 0)
                r = host_name_new(d->event, d->flow, &d->host_name);
        if (r < 0)
                return r;
        configure_hasher(d, d->config);
        return canary_new(d->event, d->flow, d->config->stats.self_test_ns, &canary_ops, d,
                          &d->canary);
}

static int set_up_loop(struct daemon *d)
{
        int r;

        r = sd_event_default(&d->event);
        if (r >= 0)
                r = add_signals(d);
        return r < 0 ? log_errno(LOG_ERR, r, "Cannot set up the event loop") : 0;
}

/* A manager that cannot be told is no reason not to log; who started us may wait for it. */
static void say_ready(void)
{
        int r;

        r = notify_send("READY=1");
        if (r < 0)
                log_errno(LOG_WARNING, r,
                          "Cannot tell the service manager at $NOTIFY_SOCKET that "
                          "we are ready");
}

/* For people, who see it on the terminal or in `systemctl status`. */
static void say_start(const struct daemon *d)
{
        _cleanup_(buf_done) struct buf text = {};

        if (!source_is_live(d->source))
                return;
        buf_append_string(&text, "Logging to ");
        delivery_describe(d->delivery, d->config, &text);
        buf_append_string(&text, ", from ");
        show_duration(clock_boottime_ns(), &text);
        buf_append_string(&text, " after boot on (execsnoopd " EXECSNOOPD_VERSION ")");
        buf_append_char(&text, '\0');
        if (buf_error(&text) >= 0)
                log_notice("%s", text.data);
}

/* From here on events come in. */
static int start(struct daemon *d)
{
        int r;

        r = flow_start(d->flow, EXECSNOOPD_VERSION);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot write the start event");
        r = source_start(d->source, d->config);
        if (r < 0)
                return r;
        r = flow_begin_snapshot(d->flow);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot list the processes that run already");
        r = delivery_flush(d->delivery);
        if (r < 0)
                return r;
        r = flow_loop_new(d->event, d->source, d->flow, d->delivery, &d->loop);
        if (r >= 0)
                r = add_live_timers(d);
        if (r >= 0)
                r = watchdog_new(d->event, &d->watchdog);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the event loop");
        say_start(d);
        say_ready();
        return status_line_new(d->event, d->flow, &d->status);
}

/* Stop. */

/* Nothing new comes in; what is there goes out; `stop` is the last word. */
static void stop(struct daemon *d)
{
        uint64_t end_ns = clock_monotonic_ns() + STOP_TIMEOUT_NS;
        int r;

        (void)notify_try("STOPPING=1");
        source_stop(d->source);
        delivery_drain(d->delivery, end_ns);
        r = flow_stop(d->flow);
        if (r < 0)
                log_errno(LOG_ERR, r, "Cannot write the stop event");
        delivery_finish(d->delivery, end_ns);
        delivery_report_rest(d->delivery);
}

/*
 * The codes that say that the next attempt would fail, too, keep the service manager from making
 * one. Not after an upgrade: what ran a moment ago will run again.
 */
static int daemon_exit_code(const struct daemon *d, int error)
{
        if (error < 0 && d->handover && handover_is_direct(d->handover))
                return EXIT_CODE_FAILURE;
        return exit_code_of(error);
}

static struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        upgrade_free(d->upgrade);
        recording_free(d->recording);
        flow_loop_free(d->loop);
        status_line_free(d->status);
        canary_free(d->canary);
        host_name_free(d->host_name);
        metrics_file_free(d->metrics);
        hasher_free(d->hasher);
        closep(&d->hashes_fd);
        closep(&d->lock_fd);
        delivery_free(d->delivery);
        flow_free(d->flow);
        watchdog_free(d->watchdog);
        source_free(d->source); /* see loader_free(): nothing else is open by now */
        handover_free(d->handover);
        timer_free(d->stats_timer);
        sd_event_unref(d->event);
        rules_free(d->rules);
        config_free(d->config);
        free(d);
        return NULL;
}
DEFINE_FREEP(struct daemon, daemon_free)

/* Errors have been logged. */
static int run(struct daemon *d)
{
        const char *record_path = d->options->record_path;
        int r;

        if (d->config->capture.exe_hash != HASH_NO)
                d->hashes_fd = handover_take(d->handover, HASHER_MEMORY);
        r = open_flow(d);
        if (r >= 0)
                r = open_sinks(d);
        if (r < 0)
                return daemon_exit_code(d, r);
        if (record_path && recording_new(d->event, d->flow, record_path, &d->recording) < 0)
                return EXIT_CODE_USAGE;
        r = start(d);
        if (r < 0)
                return daemon_exit_code(d, r);
        r = sd_event_loop(d->event);
        if (r < 0)
                log_errno(LOG_ERR, r, "The event loop failed");
        stop(d);
        if (r < 0)
                return daemon_exit_code(d, r);
        return recording_explain_end(d->options->replay_path, flow_loop_end(d->loop));
}

int daemon_run(const struct daemon_options *options, struct config *config, struct rules *rules)
{
        _cleanup_(daemon_freep) struct daemon *d = NULL;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d) {
                rules_free(rules);
                config_free(config);
                return EXIT_CODE_FAILURE;
        }
        d->options = options;
        d->config = config;
        d->rules = rules;
        d->hashes_fd = d->lock_fd = -1;
        lower_privilege(d);
        /*
         * A run that records or replays hands nothing over to the next. And before we open anything
         * that stays: LISTEN_FDS= may tell of more than there is.
         */
        r = handover_open(!options->replay_path && !options->record_path, &d->handover);
        if (r >= 0)
                r = set_up_loop(d);
        if (r < 0)
                return daemon_exit_code(d, r);
        r = open_source(d);
        if (r < 0)
                return options->replay_path ? EXIT_CODE_USAGE : daemon_exit_code(d, r);
        return run(d);
}
