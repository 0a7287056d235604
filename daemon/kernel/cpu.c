/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Two io sources and a ring; and the names under which a ring goes from one image to the next. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "host/handover.h"
#include "host/log.h"
#include "host/loop.h"
#include "kernel/cpu.h"

#define NAME_SIZE 32

static int watch(const struct cpu_config *config, int fd, sd_event_source **ret)
{
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
        int r;

        r = loop_add_io(config->event, fd, EPOLLIN, config->on_io, config->userdata, &source);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(source, config->priority);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(source);
        return 0;
}

void cpu_close(struct cpu *c)
{
        c->records_io = sd_event_source_disable_unref(c->records_io);
        c->bell_io = sd_event_source_disable_unref(c->bell_io);
        c->ring = ring_free(c->ring);
}

/* Takes over the ring. */
static int cpu_new(const struct cpu_config *config, unsigned number, struct ring *ring,
                   struct cpu *ret)
{
        struct cpu c = { .ring = ring };
        int r;

        r = watch(config, ring_records_fd(ring), &c.records_io);
        if (r >= 0)
                r = watch(config, ring_bell_fd(ring), &c.bell_io);
        if (r < 0) {
                cpu_close(&c);
                return log_errno(LOG_ERR, r, "Cannot poll the ring of CPU %u", number);
        }
        *ret = c;
        return 0;
}

static int explain_ring_error(const struct cpu_config *config, unsigned number, int error)
{
        const char *hint = "";

        if (error == -EPERM)
                hint = " (is RLIMIT_MEMLOCK too low?)";
        else if (error == -EACCES)
                hint = " (kernel.perf_event_paranoid may demand CAP_SYS_ADMIN)";
        return log_errno(config->error_level, error,
                         "Cannot open a ring of %" PRIu64 "K on CPU %u%s", config->ring.size / KIB,
                         number, hint);
}

int cpu_open(const struct cpu_config *config, unsigned number, struct cpu *ret)
{
        struct ring *ring;
        int r;

        r = ring_open(&config->ring, number, &ring);
        if (r == -ENODEV) {
                *ret = (struct cpu){};
                return 0;
        }
        if (r < 0)
                return explain_ring_error(config, number, r);
        return cpu_new(config, number, ring, ret);
}

static const char *name_of(const char *kind, unsigned number, char name[NAME_SIZE])
{
        (void)snprintf(name, NAME_SIZE, "%s-%u", kind, number);
        return name;
}

static int take(struct handover *h, const char *kind, unsigned number)
{
        char name[NAME_SIZE];
        int fd = handover_take(h, name_of(kind, number, name));

        handover_forget(h, name);
        return fd;
}

int cpu_resume(const struct cpu_config *config, unsigned number, struct handover *h,
               struct cpu *ret)
{
        int records = take(h, "ring", number), bell = take(h, "bell", number), r;
        struct ring *ring;

        if (records < 0 || bell < 0) {
                closep(&records);
                closep(&bell);
                return cpu_open(config, number, ret);
        }
        r = ring_adopt(&config->ring, number, records, bell, &ring);
        if (r < 0)
                return explain_ring_error(config, number, r);
        return cpu_new(config, number, ring, ret);
}

int cpu_hand_over(const struct cpu *c, unsigned number, struct handover *h)
{
        char name[NAME_SIZE];
        int r;

        if (!c->ring)
                return 0;
        r = handover_add_direct(h, name_of("ring", number, name), ring_records_fd(c->ring));
        if (r < 0)
                return r;
        return handover_add_direct(h, name_of("bell", number, name), ring_bell_fd(c->ring));
}
