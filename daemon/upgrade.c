/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The keeper: a child that maps the rings, says so, and sleeps until the descriptor "keeper" is
 * closed: by the new image, when it has rings of its own (see ring_set.c), or by the kernel if it
 * dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/flow.h"
#include "flow/source.h"
#include "host/capabilities.h"
#include "host/clock.h"
#include "host/delivery.h"
#include "host/handover.h"
#include "host/log.h"
#include "trial.h"
#include "upgrade.h"

/* How long sinks that are behind may take while the rings are still read, a step at a time. */
#define CATCH_UP_TIMEOUT_NS (2 * NSEC_PER_SEC)
#define CATCH_UP_STEP_NS (20 * NSEC_PER_MSEC)

/* And then, while the rings wait. */
#define DRAIN_TIMEOUT_NS (100 * NSEC_PER_MSEC)

struct upgrade {
        struct upgrade_parts parts;
        const struct upgrade_ops *ops;
        void *userdata;
        struct trial *trial;
};

/* True if the path of our file leads to another file now. *ret_path is static memory. */
static bool is_due(const char **ret_path)
{
        static const char gone[] = " (deleted)";
        static char path[PATH_MAX + sizeof(gone)];
        struct stat ours, theirs;
        ssize_t n;

        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (n < 0 || stat("/proc/self/exe", &ours) < 0)
                return false;
        path[n] = '\0';
        if ((size_t)n > strlen(gone) && strcmp(path + n - strlen(gone), gone) == 0)
                path[n - strlen(gone)] = '\0';
        if (stat(path, &theirs) < 0 || access(path, X_OK) < 0)
                return false; /* just being replaced, or removed: we go on as we are */
        *ret_path = path;
        return ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

static _Noreturn void run_keeper(const struct source *source, int ready, int end)
{
        char c = 0;

        if (source_keep(source) < 0 || write(ready, &c, 1) != 1)
                _exit(EXIT_FAILURE);
        (void)close(ready);
        while (read(end, &c, 1) < 0 && errno == EINTR)
                ;
        _exit(EXIT_SUCCESS);
}

/* Returns the descriptor that ends it. */
static int start_keeper(const struct source *source)
{
        int ready[2], end[2], r = 0;
        pid_t pid;
        char c;

        if (pipe2(ready, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(end, O_CLOEXEC) < 0) {
                r = -errno;
                (void)close(ready[0]);
                (void)close(ready[1]);
                return r;
        }
        pid = fork();
        if (pid == 0) {
                (void)close(end[1]);
                run_keeper(source, ready[1], end[0]);
        }
        if (pid < 0)
                r = -errno;
        (void)close(end[0]);
        (void)close(ready[1]);
        if (r >= 0 && read(ready[0], &c, 1) != 1)
                r = -ECHILD;
        (void)close(ready[0]);
        if (r < 0)
                (void)close(end[1]);
        return r < 0 ? r : end[1];
}

static int add_descriptors(const struct upgrade_parts *parts, int keeper)
{
        const int lock = delivery_lock(parts->delivery);
        int r;

        r = handover_add_direct(parts->handover, HANDOVER_KEEPER, keeper);
        if (r >= 0 && lock >= 0)
                r = handover_add_direct(parts->handover, HANDOVER_LOCK, lock);
        return r;
}

/* Returns only if the upgrade is not possible; nothing has changed then. */
static void go_on_as(const struct upgrade_parts *parts, const char *path)
{
        _cleanup_(closep) int keeper = -1;
        int r;

        keeper = start_keeper(parts->source);
        r = keeper;
        if (r >= 0)
                r = source_hand_over(parts->source);
        if (r >= 0)
                r = add_descriptors(parts, keeper);
        if (r >= 0)
                r = capabilities_bequeath(true);
        if (r >= 0)
                r = handover_exec(parts->handover, path, parts->argv);
        (void)capabilities_bequeath(false);
        handover_drop_direct(parts->handover);
        log_errno(LOG_ERR, r, "Cannot upgrade to %s", path);
}

/* While the rings are still read: lets sinks that are behind catch up. */
static void catch_up(const struct upgrade_parts *parts, uint64_t end_ns)
{
        struct delivery *d = parts->delivery;

        do {
                source_reconcile(parts->source);
                (void)delivery_run(d);
                delivery_finish(d, MIN(end_ns, clock_monotonic_ns() + CATCH_UP_STEP_NS));
        } while (!(flow_is_idle(parts->flow) && delivery_are_idle(d)) &&
                 clock_monotonic_ns() < end_ns);
}

/* Delivers all that it can before the end of this image. */
static void drain(const struct upgrade_parts *parts)
{
        flow_let_go(parts->flow);
        catch_up(parts, clock_monotonic_ns() + CATCH_UP_TIMEOUT_NS);
        source_grow(parts->source);
        source_reconcile(parts->source);
        flow_mark_lost(parts->flow);
        delivery_drain(parts->delivery, clock_monotonic_ns() + DRAIN_TIMEOUT_NS);
}

/* Returns only if the upgrade is not possible; nothing has changed then. */
static void try_upgrade(const struct upgrade_parts *parts, const char *path)
{
        log_notice("Upgrading in place to %s", path);
        drain(parts);
        if (!delivery_can_be_left(parts->delivery)) {
                log_error("Not upgrading to %s: stdout is behind, and the lines that wait for it "
                          "would be lost",
                          path);
                return;
        }
        go_on_as(parts, path);
}

static void on_tried(void *userdata, bool can_run)
{
        struct upgrade *u = userdata;
        const char *path;

        u->trial = trial_free(u->trial);
        if (can_run && is_due(&path))
                try_upgrade(&u->parts, path);
        u->ops->on_failed(u->userdata);
}

int upgrade_start(struct sd_event *event, const struct upgrade_parts *parts,
                  const struct upgrade_ops *ops, void *userdata, struct upgrade **ret)
{
        static const struct trial_ops trial_ops = { .on_tried = on_tried };
        _cleanup_(upgrade_freep) struct upgrade *u = NULL;
        const char *path;
        int r;

        if (!handover_has_next(parts->handover) || !is_due(&path))
                return 0;
        u = calloc(1, sizeof(*u));
        if (!u)
                return log_errno(LOG_ERR, -ENOMEM, "Cannot upgrade to %s", path);
        u->parts = *parts;
        u->ops = ops;
        u->userdata = userdata;
        r = trial_new(event, path, parts->argv, &trial_ops, u, &u->trial);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(u);
        return 1;
}

struct upgrade *upgrade_free(struct upgrade *u)
{
        if (!u)
                return NULL;
        trial_free(u->trial);
        free(u);
        return NULL;
}
