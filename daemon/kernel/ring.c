/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Two perf events of a CPU, each with its buffer, as perf_event_open(2) describes them: a page with
 * head and tail, then the data, which only grows; positions in it are taken modulo its size.
 *
 * The kernel's own records of losses are ignored: they come too late, if at all, and the counters
 * and numbers of the programs are exact.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/ring.h"

/* A sample's size is 16 bits. */
#define SAMPLE_SIZE_MAX 65536

struct buffer {
        int fd;
        struct perf_event_mmap_page *page; /* NULL: not mapped */
        size_t size;                       /* of the data behind the page */
};

struct ring {
        unsigned cpu;
        struct buffer records, bell;
        ring_record_fn on_record;
        void *userdata;
        char *joined; /* SAMPLE_SIZE_MAX bytes: a sample that turns at the end of the buffer */
};

struct sample {
        struct perf_event_header header;
        uint64_t wall_ns;
        uint32_t size;
        char data[];
};

#define SAMPLE_HEAD_SIZE offsetof(struct sample, data)

static size_t page_size(void)
{
        return (size_t)sysconf(_SC_PAGESIZE);
}

/* `watermark` in bytes, or 0: a wake-up per record. */
static int event_open(unsigned cpu, uint32_t watermark)
{
        struct perf_event_attr attr = {
                .size = sizeof(attr),
                .type = PERF_TYPE_SOFTWARE,
                .config = PERF_COUNT_SW_BPF_OUTPUT,
                .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
                .sample_period = 1,
                .watermark = watermark > 0,
                .use_clockid = 1,
                .clockid = CLOCK_REALTIME,
        };
        long fd;

        if (watermark > 0)
                attr.wakeup_watermark = watermark;
        else
                attr.wakeup_events = 1;
        fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
        return fd < 0 ? -errno : (int)fd;
}

bool ring_is_permitted(void)
{
        int fd = event_open(0, 0);

        closep(&fd);
        return fd != -EACCES &&
               fd != -EPERM; /* other errors come after the question of permission */
}

static int buffer_map(struct buffer *b, size_t size)
{
        void *page;

        page = mmap(NULL, page_size() + size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        b->page = page;
        b->size = size;
        return 0;
}

static int buffer_open(struct buffer *b, int map, unsigned cpu, size_t size, uint32_t watermark)
{
        int r;

        b->fd = event_open(cpu, watermark);
        if (b->fd < 0)
                return b->fd;
        r = buffer_map(b, size);
        if (r < 0)
                return r;
        r = bpf_map_update_elem(map, &cpu, &b->fd, BPF_ANY);
        if (r < 0)
                return r;
        return ioctl(b->fd, PERF_EVENT_IOC_ENABLE, 0) < 0 ? -errno : 0;
}

static void buffer_close(struct buffer *b)
{
        if (b->page)
                (void)munmap(b->page, page_size() + b->size);
        closep(&b->fd);
}

static struct ring *ring_alloc(const struct ring_config *config, unsigned cpu, int records_fd,
                               int bell_fd)
{
        struct ring *r;

        r = malloc(sizeof(*r));
        if (!r)
                return NULL;
        *r = (struct ring){
                .cpu = cpu,
                .records.fd = records_fd,
                .bell.fd = bell_fd,
                .on_record = config->on_record,
                .userdata = config->userdata,
                .joined = malloc(SAMPLE_SIZE_MAX),
        };
        return r;
}

int ring_open(const struct ring_config *config, unsigned cpu, struct ring **ret)
{
        _cleanup_(ring_freep) struct ring *ring = ring_alloc(config, cpu, -1, -1);
        int r;

        if (!ring || !ring->joined)
                return -ENOMEM;
        r = buffer_open(&ring->bell, config->bells_map, cpu, page_size(), 0);
        if (r < 0)
                return r;
        r = buffer_open(&ring->records, config->records_map, cpu, config->size, config->size / 4);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(ring);
        return 0;
}

int ring_adopt(const struct ring_config *config, unsigned cpu, int records_fd, int bell_fd,
               struct ring **ret)
{
        _cleanup_(ring_freep) struct ring *ring = ring_alloc(config, cpu, records_fd, bell_fd);
        int r;

        if (!ring || !ring->joined) {
                if (!ring) {
                        closep(&records_fd);
                        closep(&bell_fd);
                }
                return -ENOMEM;
        }
        r = buffer_map(&ring->bell, page_size());
        if (r < 0)
                return r;
        r = buffer_map(&ring->records, config->size);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(ring);
        return 0;
}

int ring_map_again(const struct ring *r)
{
        struct buffer records = { .fd = r->records.fd }, bell = { .fd = r->bell.fd };
        int error;

        error = buffer_map(&records, r->records.size);
        return error < 0 ? error : buffer_map(&bell, r->bell.size);
}

struct ring *ring_free(struct ring *r)
{
        if (!r)
                return NULL;
        buffer_close(&r->records);
        buffer_close(&r->bell);
        free(r->joined);
        free(r);
        return NULL;
}

int ring_restore(struct ring *r, const struct ring_config *config)
{
        int error;

        error = bpf_map_update_elem(config->bells_map, &r->cpu, &r->bell.fd, BPF_ANY);
        if (error < 0)
                return error;
        return bpf_map_update_elem(config->records_map, &r->cpu, &r->records.fd, BPF_ANY);
}

int ring_records_fd(const struct ring *r)
{
        return r->records.fd;
}

int ring_bell_fd(const struct ring *r)
{
        return r->bell.fd;
}

/* The sample at `position`, in one piece; NULL if that is no sample. */
static const struct sample *sample_at(const struct ring *r, uint64_t position, uint64_t available)
{
        const char *data = (const char *)r->records.page + page_size();
        size_t offset = position % r->records.size, rest = r->records.size - offset;
        const struct perf_event_header *header = (const void *)(data + offset);
        size_t size = header->size; /* headers are aligned and never turn */

        if (size < sizeof(*header) || size > available)
                return NULL;
        if (size <= rest)
                return (const void *)header;
        memcpy(r->joined, header, rest);
        memcpy(r->joined + rest, data, size - rest);
        return (const void *)r->joined;
}

static int records_drain(struct ring *r)
{
        struct perf_event_mmap_page *page = r->records.page;
        uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
        uint64_t tail = page->data_tail;
        int error = 0;

        while (tail != head) {
                const struct sample *s = sample_at(r, tail, head - tail);

                if (!s) { /* the start of the next one is unknown */
                        error = -EBADMSG;
                        tail = head;
                        break;
                }
                tail += s->header.size;
                if (s->header.type == PERF_RECORD_SAMPLE && s->header.size >= SAMPLE_HEAD_SIZE &&
                    s->size <= s->header.size - SAMPLE_HEAD_SIZE)
                        r->on_record(r->userdata, s->data, s->size, s->wall_ns);
        }
        __atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
        return error;
}

int ring_drain(struct ring *r)
{
        struct perf_event_mmap_page *bell = r->bell.page;

        /* That it rang is all that it has to say. */
        __atomic_store_n(&bell->data_tail, __atomic_load_n(&bell->data_head, __ATOMIC_ACQUIRE),
                         __ATOMIC_RELEASE);
        return records_drain(r);
}
