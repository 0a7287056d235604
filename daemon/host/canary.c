/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One timer. A canary that does not come is looked for every second; if events were lost
 * meanwhile it may be among them, so then the next one is sent instead of an alarm.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/stats.h"
#include "flow/flow.h"
#include "host/canary.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/timer.h"

#define LOOK_INTERVAL_NS NSEC_PER_SEC

/*
 * Rings and queue hold a second or two of the worst storm: by then it has come, or was counted. A
 * number of looks, not a time: a process that was stopped or suspended meanwhile has not looked.
 */
#define LOOKS_MAX 10

struct canary {
        struct flow *flow;
        const struct canary_ops *ops;
        void *userdata;
        struct timer *timer;
        uint64_t interval_ns;
        bool is_out;  /* sent, and it has not been decided yet whether it comes */
        uint32_t pid; /* of one that has not come yet, or 0 */
        bool reported_error;
        unsigned n_looks;
        uint32_t pid_namespace; /* ours; 0: not known */
        uint64_t sent_ns;
        uint64_t came_ns; /* when the last one that came back was sent; or when we began */
        uint64_t lost;    /* before this one was sent */
};

/* A canary knows its number in its own namespace. */
bool canary_is_that(const struct exec_event *event, uint32_t pid, uint32_t pid_namespace)
{
        uint32_t event_pid = event_has(event, FACT_NS_PID) ? event->facts.ns_pid : event->facts.pid;

        if (event->kind != EVENT_EXEC || event_pid != pid)
                return false;
        return pid_namespace == 0 || !event_has(event, FACT_NAMESPACES) ||
               event->facts.namespaces[NAMESPACE_PID] == pid_namespace;
}

static void forget(struct canary *c)
{
        c->pid = 0;
        flow_observe(c->flow, NULL);
}

static void on_event(void *userdata, const struct exec_event *event)
{
        struct canary *c = userdata;

        if (canary_is_that(event, c->pid, c->pid_namespace))
                forget(c);
}

static void expect(struct canary *c, pid_t pid)
{
        c->pid = (uint32_t)pid;
        flow_observe(c->flow, &(struct pipeline_observer){ .on_event = on_event, .userdata = c });
}

static uint64_t lost_so_far(const struct canary *c)
{
        struct stats stats;

        flow_stats(c->flow, &stats);
        return stats_lost(&stats);
}

/*
 * Without the environment, so that its event in the log looks harmless. With our signals still
 * blocked: one that is sent to all processes of the service must not end it before it has run.
 */
static int spawn(pid_t *ret)
{
        char *argv[] = { (char *)"execsnoopd-canary", (char *)"--version", NULL };
        char *environment[] = { NULL };
        posix_spawn_file_actions_t actions;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        for (int fd = 0; fd <= STDERR_FILENO && r == 0; fd++)
                r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawn(ret, "/proc/self/exe", &actions, NULL, argv, environment);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int send_one(struct canary *c)
{
        pid_t pid = 0;
        int r;

        c->lost = lost_so_far(c);
        c->sent_ns = clock_boottime_ns();
        r = spawn(&pid);
        if (r < 0) { /* no memory, no processes: that proves nothing */
                if (!c->reported_error)
                        log_errno(LOG_WARNING, r, "Cannot start the self-test");
                c->reported_error = true;
                return timer_start(c->timer, c->interval_ns);
        }
        c->reported_error = false;
        c->is_out = true;
        c->n_looks = 0;
        expect(c, pid);
        return timer_start(c->timer, LOOK_INTERVAL_NS);
}

static int look_for_it(struct canary *c)
{
        if (c->pid != 0 && ++c->n_looks < LOOKS_MAX)
                return timer_start(c->timer, LOOK_INTERVAL_NS);
        c->is_out = false;
        if (c->pid == 0) {
                c->came_ns = c->sent_ns;
                return timer_start(c->timer, c->interval_ns);
        }
        forget(c);
        if (lost_so_far(c) > c->lost)
                return timer_start(c->timer, LOOK_INTERVAL_NS);
        c->ops->on_blind(c->userdata, c->came_ns, clock_boottime_ns());
        return timer_start(c->timer, c->interval_ns);
}

static int on_time(void *userdata)
{
        struct canary *c = userdata;

        if (c->is_out)
                return look_for_it(c);
        return c->interval_ns > 0 ? send_one(c) : 0;
}

/* The number under which events have it. */
static uint32_t own_pid_namespace(void)
{
        struct stat st;

        return stat("/proc/self/ns/pid", &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

int canary_new(struct sd_event *event, struct flow *flow, uint64_t interval_ns,
               const struct canary_ops *ops, void *userdata, struct canary **ret)
{
        const struct timer_config config = { .on_time = on_time };
        _cleanup_(canary_freep) struct canary *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->flow = flow;
        c->ops = ops;
        c->userdata = userdata;
        c->interval_ns = interval_ns;
        c->came_ns = clock_boottime_ns();
        c->pid_namespace = own_pid_namespace();
        r = timer_new(event, &config, c, &c->timer);
        if (r >= 0)
                r = timer_start(c->timer, 0);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

struct canary *canary_free(struct canary *c)
{
        if (!c)
                return NULL;
        forget(c);
        timer_free(c->timer);
        free(c);
        return NULL;
}

void canary_configure(struct canary *c, uint64_t interval_ns)
{
        bool was_off, sooner;

        if (!c)
                return;
        was_off = c->interval_ns == 0;
        sooner = interval_ns < c->interval_ns;
        c->interval_ns = interval_ns;
        if (!c->is_out && interval_ns > 0 && (was_off || sooner))
                (void)timer_start(c->timer, 0);
}
