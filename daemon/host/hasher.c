/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One request is on its way at most, so that a socket's buffer always has room, and what is to be
 * told when the process ends is known.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/hashes.h"
#include "flow/flow.h"
#include "host/capabilities.h"
#include "host/delivery.h"
#include "host/handover.h"
#include "host/hash_worker.h"
#include "host/hasher.h"
#include "host/helper.h"
#include "host/log.h"
#include "host/loop.h"
#include "host/timer.h"

/* Between two processes: the first, and the most, after it has been doubled each time. */
#define PAUSE_NS NSEC_PER_SEC
#define PAUSE_MAX_NS (64 * NSEC_PER_SEC)

/* Until some sink has room. */
#define FULL_PAUSE_NS (100 * NSEC_PER_MSEC)

/* The process ends by itself before, unless the kernel holds it in a read. */
#define PATIENCE_NS (HASH_TIMEOUT_NS + 30 * NSEC_PER_SEC)

struct hasher {
        sd_event *event; /* borrowed, as are: */
        struct flow *flow;
        struct delivery *delivery;
        struct hashes *hashes;
        void *memory;
        int memory_fd;

        sd_event_source *source; /* of the socket to the process; NULL: there is none */
        int socket;
        struct timer *pause;    /* runs: no process is started before it is over */
        struct timer *patience; /* runs while a request is on its way */
        struct timer *full;     /* runs while an answer waits for room in a sink */
        uint64_t pause_ns;      /* the next one */
        bool is_pausing, is_busy, has_answer, has_told, has_complained;
        struct hash_answer answer; /* that waits */
};

static void end_process(struct hasher *h)
{
        h->source = sd_event_source_disable_unref(h->source);
        closep(&h->socket);
        h->socket = -1;
        timer_stop(h->patience);
        h->is_busy = false;
}

static void take_pause(struct hasher *h)
{
        h->is_pausing = timer_start(h->pause, h->pause_ns) >= 0;
        h->pause_ns = MIN(2 * h->pause_ns, PAUSE_MAX_NS);
}

/* The event of an answer, and the next request; or some time later. */
static void tell(struct hasher *h, const struct hash_answer *answer)
{
        int r;

        h->answer = *answer;
        r = flow_answer(h->flow, &h->answer);
        h->has_answer = r < 0;
        h->has_told = h->has_told || r >= 0;
        if (r < 0)
                (void)timer_start(h->full, FULL_PAUSE_NS);
}

/* In the middle of a file, or not. */
static void on_process_end(struct hasher *h)
{
        const struct hash_request *request = hashes_next(h->hashes);
        bool was_busy = h->is_busy;

        end_process(h);
        hashes_count_restart(h->hashes);
        take_pause(h);
        if (was_busy && request)
                tell(h, &(struct hash_answer){ .key = request->key, .result = HASH_HASHER });
}

static int on_pause_end(void *userdata)
{
        struct hasher *h = userdata;

        h->is_pausing = false;
        return hasher_run(h);
}

static int on_room(void *userdata)
{
        struct hasher *h = userdata;

        tell(h, &h->answer);
        return hasher_run(h);
}

static int on_impatience(void *userdata)
{
        struct hasher *h = userdata;

        log_warning("The process that hashes files does not answer; starting another one");
        on_process_end(h);
        return hasher_run(h);
}

static bool is_answer(const struct hasher *h, const struct hash_answer *answer, ssize_t size)
{
        const struct hash_request *request = hashes_next(h->hashes);

        return h->is_busy && request && size == sizeof(*answer) &&
               memcmp(&answer->key, &request->key, sizeof(request->key)) == 0 &&
               answer->result < _HASH_RESULT_MAX;
}

static int on_socket(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                     void *userdata)
{
        struct hasher *h = userdata;
        struct hash_answer answer;
        ssize_t size;

        size = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (!is_answer(h, &answer, size)) {
                on_process_end(h);
                return hasher_run(h);
        }
        h->is_busy = false;
        timer_stop(h->patience);
        h->pause_ns = PAUSE_NS;
        tell(h, &answer);
        return hasher_run(h);
}

static int start_process(struct hasher *h)
{
        _cleanup_(closep) int socket = -1;
        int r;

        socket = helper_start(HASHER_NAME, NULL, 0, CAPABILITY(CAP_DAC_READ_SEARCH));
        if (socket < 0)
                return socket;
        r = loop_add_io(h->event, socket, EPOLLIN, on_socket, h, &h->source);
        if (r < 0)
                return r;
        h->socket = TAKE_FD(socket);
        return 0;
}

static bool have_process(struct hasher *h)
{
        int r;

        if (h->source)
                return true;
        r = start_process(h);
        if (r < 0) {
                if (!h->has_complained)
                        log_errno(LOG_WARNING, r,
                                  "Cannot start the process that hashes files, "
                                  "will try again");
                take_pause(h);
        }
        h->has_complained = r < 0;
        return r >= 0;
}

static void send_request(struct hasher *h, const struct hash_request *request)
{
        struct hash_message m = { .key = request->key };
        size_t size = offsetof(struct hash_message, path) + strlen(request->path) + 1;

        strcpy(m.path, request->path);
        h->is_busy = true;
        if (send(h->socket, &m, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size ||
            timer_start(h->patience, PATIENCE_NS) < 0)
                on_process_end(h);
}

static bool has_name(const struct hash_request *request)
{
        return request->path[0] == '/' &&
               strlen(request->path) < sizeof(((struct hash_message *)NULL)->path);
}

int hasher_run(struct hasher *h)
{
        const struct hash_request *request;

        if (!h)
                return 0;
        while (!h->is_busy && !h->has_answer && (request = hashes_next(h->hashes))) {
                if (!has_name(request))
                        tell(h,
                             &(struct hash_answer){ .key = request->key, .result = HASH_NO_NAME });
                else if (h->is_pausing || !have_process(h))
                        break;
                else
                        send_request(h, request);
        }
        if (!h->has_told)
                return 0;
        h->has_told = false;
        return delivery_flush(h->delivery);
}

/* What has another size is none of ours. */
static int take_memory(struct hasher *h, int memory)
{
        struct stat st;

        h->memory_fd = memory;
        if (memory < 0 || fstat(memory, &st) < 0 || st.st_size != (off_t)HASHES_SIZE) {
                closep(&h->memory_fd);
                h->memory_fd = memfd_create("execsnoopd-hashes", MFD_CLOEXEC);
                if (h->memory_fd < 0 || ftruncate(h->memory_fd, (off_t)HASHES_SIZE) < 0)
                        return -errno;
        }
        h->memory = mmap(NULL, HASHES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, h->memory_fd, 0);
        if (h->memory == MAP_FAILED) {
                h->memory = NULL;
                return -errno;
        }
        return hashes_new(h->memory, &h->hashes);
}

static int add_timers(struct hasher *h)
{
        const struct timer_config pause = { .on_time = on_pause_end };
        const struct timer_config patience = { .on_time = on_impatience };
        const struct timer_config full = { .on_time = on_room };
        int r;

        r = timer_new(h->event, &pause, h, &h->pause);
        if (r >= 0)
                r = timer_new(h->event, &patience, h, &h->patience);
        if (r >= 0)
                r = timer_new(h->event, &full, h, &h->full);
        return r;
}

int hasher_new(struct sd_event *event, struct flow *flow, struct delivery *delivery,
               struct handover *handover, int memory, struct hasher **ret)
{
        _cleanup_(hasher_freep) struct hasher *h = calloc(1, sizeof(*h));
        int r;

        if (!h) {
                closep(&memory);
                return log_errno(LOG_ERR, -ENOMEM, "Cannot set up the hashing of files");
        }
        h->event = event;
        h->socket = h->memory_fd = -1;
        h->pause_ns = PAUSE_NS;
        h->delivery = delivery;
        r = take_memory(h, memory);
        if (r >= 0)
                r = add_timers(h);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot set up the hashing of files");
        handover_forget(handover, HASHER_MEMORY); /* of the earlier run */
        handover_store(handover, HASHER_MEMORY, h->memory_fd);
        h->flow = flow;
        flow_set_hashes(flow, h->hashes);
        *ret = TAKE_PTR(h);
        return 0;
}

struct hasher *hasher_free(struct hasher *h)
{
        if (!h)
                return NULL;
        if (h->flow)
                flow_set_hashes(h->flow, NULL);
        if (h->socket >= 0)
                end_process(h);
        timer_free(h->pause);
        timer_free(h->patience);
        timer_free(h->full);
        hashes_free(h->hashes);
        if (h->memory)
                (void)munmap(h->memory, HASHES_SIZE);
        closep(&h->memory_fd);
        free(h);
        return NULL;
}
