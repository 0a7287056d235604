/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "host/helper.h"
#include "host/loop.h"
#include "host/pack_worker.h"
#include "host/packer.h"
#include "host/timer.h"
#include "sink/packing.h"

/* After a failure: the first, and the most, after it has been doubled each time. */
#define PAUSE_NS (30 * NSEC_PER_SEC)
#define PAUSE_MAX_NS (32 * 60 * NSEC_PER_SEC)

struct packer {
        sd_event *event; /* borrowed, as are: */
        int (*on_change)(void *userdata);
        void *userdata;
        struct packing *packing; /* or NULL */

        sd_event_source *source; /* of the socket to the process; NULL: there is none */
        int socket;
        struct timer *pause; /* runs: no file is begun before it is over */
        uint64_t pause_ns;   /* the next one */
        bool is_pausing;
};

static void end_process(struct packer *p)
{
        p->source = sd_event_source_disable_unref(p->source);
        closep(&p->socket);
        p->socket = -1;
}

static void take_pause(struct packer *p)
{
        p->is_pausing = timer_start(p->pause, p->pause_ns) >= 0;
        p->pause_ns = MIN(2 * p->pause_ns, PAUSE_MAX_NS);
}

static void fail(struct packer *p, int error, const char *detail)
{
        end_process(p);
        packing_give_up(p->packing, error, detail);
        if (!p->packing->is_due)
                take_pause(p);
}

static int on_pause_end(void *userdata)
{
        struct packer *p = userdata;

        p->is_pausing = false;
        if (p->packing)
                packing_look(p->packing);
        return p->on_change(p->userdata);
}

/* The copy is whole: now, or since it has its name. */
static int go_on(struct packer *p)
{
        int r;

        if (p->packing->is_named) {
                r = packing_end(p->packing);
                if (r >= 0) {
                        end_process(p);
                        p->pause_ns = PAUSE_NS;
                }
                return r;
        }
        r = packing_name(p->packing);
        if (r >= 0 && send(p->socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                r = -errno;
        return r;
}

static void handle(struct packer *p, const struct pack_answer *answer, ssize_t size)
{
        int r;

        if (!packing_is_busy(p->packing)) /* the sink has given it up */
                fail(p, 0, NULL);
        else if (size != sizeof(*answer))
                fail(p, size < 0 ? -errno : -EPIPE, "the process that does it has ended");
        else if (answer->error < 0)
                fail(p, answer->error, NULL);
        else if ((r = go_on(p)) < 0)
                fail(p, r, NULL);
}

static int on_socket(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                     void *userdata)
{
        struct packer *p = userdata;
        struct pack_answer answer;
        ssize_t size;

        size = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        handle(p, &answer, size);
        return p->on_change(p->userdata);
}

static int start_process(struct packer *p, const struct packing_files *files)
{
        const int fds[] = {
                [PACKER_COPY - 1] = files->copy,
                [PACKER_FILE - 1] = files->file,
                [PACKER_FOLDER - 1] = files->folder,
        };
        _cleanup_(closep) int socket = -1;
        int r;

        socket = helper_start(PACKER_NAME, fds, ELEMENTSOF(fds), 0);
        if (socket < 0)
                return socket;
        r = loop_add_io(p->event, socket, EPOLLIN, on_socket, p, &p->source);
        if (r < 0)
                return r;
        p->socket = TAKE_FD(socket);
        return 0;
}

void packer_run(struct packer *p)
{
        struct packing_files files;
        int r;

        if (!p->packing)
                return;
        if (p->source && !packing_is_busy(p->packing)) /* the sink has given it up */
                fail(p, 0, NULL);
        if (p->source || p->is_pausing)
                return;
        r = packing_begin(p->packing, &files);
        if (r > 0)
                r = start_process(p, &files);
        if (r < 0)
                fail(p, r, "no process for it");
}

void packer_use(struct packer *p, struct packing *packing)
{
        if (packing != p->packing && p->source) {
                packing_give_up(p->packing, 0, NULL);
                end_process(p);
        }
        p->packing = packing;
        timer_stop(p->pause);
        p->is_pausing = false;
        p->pause_ns = PAUSE_NS;
}

int packer_new(struct sd_event *event, int (*on_change)(void *userdata), void *userdata,
               struct packer **ret)
{
        const struct timer_config pause = { .on_time = on_pause_end };
        _cleanup_(packer_freep) struct packer *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->event = event;
        p->on_change = on_change;
        p->userdata = userdata;
        p->socket = -1;
        p->pause_ns = PAUSE_NS;
        r = timer_new(event, &pause, p, &p->pause);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

struct packer *packer_free(struct packer *p)
{
        if (!p)
                return NULL;
        end_process(p);
        timer_free(p->pause);
        free(p);
        return NULL;
}
