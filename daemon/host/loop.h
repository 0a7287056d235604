/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Loop: the one way onto the event loop.
 *
 * A handler that returns an error is disabled by sd-event, in silence, and the loop goes on without
 * it: deaf to SIGHUP for good, or with a ring that nobody reads. Here every source is added such
 * that the error ends the loop instead: sd_event_loop() returns it, and the service manager starts
 * another process. tests/style/check_rooms.sh refuses sd_event_add_*() anywhere else.
 *
 * So a handler deals with a failure where it happens, and returns an error only if the daemon can
 * do its work no more:
 *
 *   rings         one cannot be read, or nothing would look into them any more (source_perf)
 *   timers, post  the loop itself cannot be changed; sd-event fails there for misuse alone
 *
 * Not for want of memory, a bad record, a reload that fails, a full disk, a journald or a service
 * manager that does not answer: those are counted, logged, tried again; outlet_flush() says so for
 * the sinks. When the reader of our stdout has gone, that is an end and no error: sd_event_exit().
 *
 * All return 0 or a negative errno: the source could not be added. With `ret` the caller owns the
 * source and releases it by sd_event_source_disable_unref(); without, it is the loop's.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

int loop_add_io(sd_event *loop, int fd, uint32_t events, sd_event_io_handler_t handler,
                void *userdata, sd_event_source **ret);

/* Blocks the signal, so that it comes by the loop alone. */
int loop_add_signal(sd_event *loop, int signal, sd_event_signal_handler_t handler, void *userdata);

/* After every other event. */
int loop_add_post(sd_event *loop, sd_event_handler_t handler, void *userdata);

/* Once, when nothing else is to be done; and again whenever it is set to SD_EVENT_ONESHOT. */
int loop_add_defer(sd_event *loop, sd_event_handler_t handler, void *userdata,
                   sd_event_source **ret);

/* Of CLOCK_MONOTONIC, and not due before it is set: for timer.c, which knows how. */
int loop_add_time(sd_event *loop, uint64_t accuracy_usec, sd_event_time_handler_t handler,
                  void *userdata, sd_event_source **ret);
