/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A CPU as a source of events: its ring, which the loop watches. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "kernel/ring.h"

struct handover;

struct cpu {
        struct ring *ring; /* NULL: offline */
        sd_event_source *records_io, *bell_io;
        uint64_t lost_no_ring; /* as seen last */
        bool has_failed;       /* to open a ring for it, when it came online: which was logged */
};

struct cpu_config {
        struct ring_config ring;
        sd_event *event; /* borrowed, as all */
        int64_t priority;
        sd_event_io_handler_t on_io; /* a failure ends the loop */
        void *userdata;
        int error_level; /* of the message if there can be no ring: LOG_ERR or below */
};

/* 0 also if the CPU is offline: then it has no ring. Errors are logged. */
int cpu_open(const struct cpu_config *config, unsigned number, struct cpu *ret);

/* The same with the ring of the previous image, if it has handed one over. */
int cpu_resume(const struct cpu_config *config, unsigned number, struct handover *h,
               struct cpu *ret);

/* Hands the ring over to the next image; does nothing if there is none. */
int cpu_hand_over(const struct cpu *c, unsigned number, struct handover *h);

void cpu_close(struct cpu *c);
