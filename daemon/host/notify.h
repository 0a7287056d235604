/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Notify: messages to the service manager, by the protocol of sd_notify(3), which is documented and
 * stable.
 *
 * Spoken by ourselves because sd_notify() waits for room in the manager's socket, without end if it
 * does not read: a PID 1 that has crashed "freezes execution" and manages the host no more, but
 * programs are still executed there, and the log must go on.
 *
 * All return 1; 0 if there is no manager ($NOTIFY_SOCKET); or a negative errno, -EAGAIN for want of
 * room.
 */
#pragma once

/* Does not wait: for what is said again anyway. */
int notify_try(const char *state);

/*
 * Waits for room, 5 s at most: for what the manager must know. If that was in vain, later calls do
 * not wait until one has got through.
 */
int notify_send(const char *state);

/* Likewise, with a copy of a descriptor. */
int notify_send_fd(const char *state, int fd);
