/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Puts the pager of the user ($SYSTEMD_PAGER, $PAGER, less, more) behind standard output. Its
 * process; 0: there is none, or none is wanted; -errno.
 */
pid_t pager_open(void);

/* Lets it see the end, and waits until the user has left it. */
void pager_close(pid_t pager);
