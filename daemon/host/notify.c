/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A socket for each message, as libsystemd has it: there is one in seconds, and no connection that
 * could be stale.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/datagram.h"
#include "base/macro.h"
#include "host/clock.h"
#include "host/notify.h"

/* Longer than a manager in good health is busy with something else; the watchdog has minutes. */
#define PATIENCE_MS 5000

/* -EAGAIN: it has not read until `end_ns`. */
static int send_message(int socket, struct span message, int fd, uint64_t end_ns)
{
        struct pollfd p = { .fd = socket, .events = POLLOUT };
        uint64_t now_ns;
        int r;

        while ((r = datagram_send(socket, message, fd)) == -EAGAIN) {
                now_ns = clock_monotonic_ns();
                if (now_ns >= end_ns)
                        return -EAGAIN;
                (void)poll(&p, 1, (int)((end_ns - now_ns) / NSEC_PER_MSEC + 1));
        }
        return r < 0 ? r : 1;
}

static int notify(const char *state, int fd, int patience_ms)
{
        static bool is_deaf; /* it has let us wait in vain: not again, until it reads */
        uint64_t end_ns = clock_monotonic_ns();
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_(closep) int socket = -1;
        int r;

        if (!path)
                return 0;
        r = datagram_connect(path, &socket);
        if (r < 0)
                return r;
        if (!is_deaf)
                end_ns += (uint64_t)patience_ms * NSEC_PER_MSEC;
        r = send_message(socket, span_of(state), fd, end_ns);
        is_deaf = r == -EAGAIN && (is_deaf || patience_ms > 0);
        return r;
}

int notify_try(const char *state)
{
        return notify(state, -1, 0);
}

int notify_send(const char *state)
{
        return notify(state, -1, PATIENCE_MS);
}

int notify_send_fd(const char *state, int fd)
{
        return notify(state, fd, PATIENCE_MS);
}
