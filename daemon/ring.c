/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A perf_buffer of libbpf with one CPU in it. Never perf_buffer__poll() it from within an event
 * loop: the outer epoll eats the readiness, and records stay where they are.
 *
 * What libbpf says of lost records is left aside. It comes too late, if at all; the programs' own
 * counters and numbers know better.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ring.h"

struct ring {
        unsigned cpu;
        int records_map, bells_map; /* duplicates, for ring_free() */
        struct perf_buffer *records, *bell;
        ring_record_fn on_record;
        void *userdata;
};

struct sample {
        struct perf_event_header header;
        uint32_t size;
        char data[];
};

static enum bpf_perf_event_ret on_sample(void *userdata, int cpu _unused_,
                                         struct perf_event_header *header)
{
        const struct sample *sample = (void *)header;
        struct ring *r = userdata;

        if (header->type == PERF_RECORD_SAMPLE)
                r->on_record(r->userdata, sample->data, sample->size);
        return LIBBPF_PERF_EVENT_CONT;
}

static enum bpf_perf_event_ret on_bell(void *userdata _unused_, int cpu _unused_,
                                       struct perf_event_header *header _unused_)
{
        return LIBBPF_PERF_EVENT_CONT;
}

/* `watermark` in bytes, or 0: a wake-up per record. */
static int perf_buffer_open(struct ring *ring, int map_fd, size_t n_pages, uint32_t watermark,
                            perf_buffer_event_fn on_event, struct perf_buffer **ret)
{
        struct perf_event_attr attr = {
                .size = sizeof(attr),
                .type = PERF_TYPE_SOFTWARE,
                .config = PERF_COUNT_SW_BPF_OUTPUT,
                .sample_type = PERF_SAMPLE_RAW,
                .sample_period = 1,
                .watermark = watermark > 0,
        };
        int cpu = ring->cpu;
        LIBBPF_OPTS(perf_buffer_raw_opts, opts, .cpu_cnt = 1, .cpus = &cpu, .map_keys = &cpu);

        if (watermark > 0)
                attr.wakeup_watermark = watermark;
        else
                attr.wakeup_events = 1;
        *ret = perf_buffer__new_raw(map_fd, n_pages, &attr, on_event, ring, &opts);
        return *ret ? 0 : -errno;
}

int ring_open(const struct ring_config *config, unsigned cpu, struct ring **ret)
{
        _cleanup_(ring_freep) struct ring *ring = NULL;
        int r;

        ring = malloc(sizeof(*ring));
        if (!ring)
                return -ENOMEM;
        *ring = (struct ring){
                .cpu = cpu,
                .records_map = fcntl(config->records_map, F_DUPFD_CLOEXEC, 3),
                .bells_map = fcntl(config->bells_map, F_DUPFD_CLOEXEC, 3),
                .on_record = config->on_record,
                .userdata = config->userdata,
        };
        if (ring->records_map < 0 || ring->bells_map < 0)
                return -EMFILE;
        r = perf_buffer_open(ring, ring->bells_map, 1, 0, on_bell, &ring->bell);
        if (r < 0)
                return r;
        r = perf_buffer_open(ring, ring->records_map, config->size / sysconf(_SC_PAGESIZE),
                             config->size / 4, on_sample, &ring->records);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(ring);
        return 0;
}

struct ring *ring_free(struct ring *r)
{
        if (!r)
                return NULL;
        /*
         * perf_buffer__free() deletes the CPU's entry of the map, which may be a successor's by
         * now. It does so by the descriptor that it was given: that one goes first.
         */
        closep(&r->records_map);
        closep(&r->bells_map);
        perf_buffer__free(r->records);
        perf_buffer__free(r->bell);
        free(r);
        return NULL;
}

int ring_restore(struct ring *r, const struct ring_config *config)
{
        int records = ring_records_fd(r), bell = ring_bell_fd(r), error;

        error = bpf_map_update_elem(config->bells_map, &r->cpu, &bell, BPF_ANY);
        if (error < 0)
                return error;
        return bpf_map_update_elem(config->records_map, &r->cpu, &records, BPF_ANY);
}

int ring_records_fd(const struct ring *r)
{
        return perf_buffer__buffer_fd(r->records, 0);
}

int ring_bell_fd(const struct ring *r)
{
        return perf_buffer__buffer_fd(r->bell, 0);
}

int ring_drain(struct ring *r)
{
        int error;

        error = perf_buffer__consume_buffer(r->bell, 0);
        if (error < 0)
                return error;
        return perf_buffer__consume_buffer(r->records, 0);
}
