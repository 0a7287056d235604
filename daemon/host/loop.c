/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Each is added, and then made to end the loop when it fails: all or nothing. */
#include <stdbool.h>
#include <time.h>

#include "base/macro.h"
#include "host/loop.h"

/* Takes over the source; `r` is the result of adding it. */
static int finish(int r, sd_event_source *source, sd_event_source **ret)
{
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *s = source;

        if (r < 0)
                return r;
        r = sd_event_source_set_exit_on_failure(s, true);
        if (r < 0)
                return r;
        if (ret) {
                *ret = TAKE_PTR(s);
                return 0;
        }
        r = sd_event_source_set_floating(s, true);
        if (r < 0)
                return r;
        sd_event_source_unref(TAKE_PTR(s));
        return 0;
}

int loop_add_io(sd_event *loop, int fd, uint32_t events, sd_event_io_handler_t handler,
                void *userdata, sd_event_source **ret)
{
        sd_event_source *source = NULL;
        int r;

        r = sd_event_add_io(loop, &source, fd, events, handler, userdata);
        return finish(r, source, ret);
}

int loop_add_signal(sd_event *loop, int signal, sd_event_signal_handler_t handler, void *userdata)
{
        sd_event_source *source = NULL;
        int r;

        r = sd_event_add_signal(loop, &source, signal | SD_EVENT_SIGNAL_PROCMASK, handler,
                                userdata);
        return finish(r, source, NULL);
}

int loop_add_post(sd_event *loop, sd_event_handler_t handler, void *userdata)
{
        sd_event_source *source = NULL;
        int r;

        r = sd_event_add_post(loop, &source, handler, userdata);
        return finish(r, source, NULL);
}

int loop_add_defer(sd_event *loop, sd_event_handler_t handler, void *userdata,
                   sd_event_source **ret)
{
        sd_event_source *source = NULL;
        int r;

        r = sd_event_add_defer(loop, &source, handler, userdata);
        return finish(r, source, ret);
}

int loop_add_time(sd_event *loop, uint64_t accuracy_usec, sd_event_time_handler_t handler,
                  void *userdata, sd_event_source **ret)
{
        sd_event_source *source = NULL;
        int r;

        r = sd_event_add_time(loop, &source, CLOCK_MONOTONIC, UINT64_MAX, accuracy_usec, handler,
                              userdata);
        return finish(r, source, ret);
}
