/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kernel wakes whoever polls its file of the name when that is set. It does so for each UTS
 * namespace, so the name may be the old one after all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <systemd/sd-event.h>

#include "base/show.h"
#include "flow/flow.h"
#include "flow/recorder.h"
#include "host/host_name.h"
#include "host/log.h"
#include "host/loop.h"

#define PATH "/proc/sys/kernel/hostname"

struct host_name {
        struct flow *flow;
        sd_event_source *io; /* NULL: it cannot be polled here */
        int fd;
};

static void log_name(const char *name)
{
        _cleanup_(buf_done) struct buf text = {};

        show_text(span_of(name), &text);
        buf_append_char(&text, '\0');
        if (buf_error(&text) >= 0)
                log_notice("The name of the host is '%s' now", text.data);
}

void host_name_look(struct host_name *h)
{
        struct utsname name;

        if (uname(&name) < 0 || strcmp(name.nodename, flow_identity(h->flow)->host) == 0)
                return;
        if (flow_set_host(h->flow, name.nodename) >= 0)
                log_name(name.nodename);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                 void *userdata)
{
        host_name_look(userdata);
        return 0;
}

int host_name_new(struct sd_event *event, struct flow *flow, struct host_name **ret)
{
        struct host_name *h;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->flow = flow;
        h->fd = open(PATH, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (h->fd >= 0)
                (void)loop_add_io(event, h->fd, EPOLLPRI, on_io, h, &h->io);
        host_name_look(h); /* set since the stream began */
        *ret = h;
        return 0;
}

struct host_name *host_name_free(struct host_name *h)
{
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->io);
        closep(&h->fd);
        free(h);
        return NULL;
}
