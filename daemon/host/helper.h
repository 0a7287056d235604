/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Helper: a process beside the daemon for what takes its time, which is the daemon's own program
 * executed under another name. It ends when nobody is at the other end of its socket, and nobody
 * waits for it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * `fds`, borrowed, are the helper's descriptors behind the socket, which is its stdin; what is not
 * given up to stderr is /dev/null. None of them may be one of ours up to stderr. Of our
 * capabilities it has these. Returns our end of the socket (SOCK_SEQPACKET), or -errno.
 */
int helper_start(const char *name, const int *fds, size_t n_fds, uint64_t capabilities);

/* In the helper: the lowest priority there is, for CPU and disk. */
void helper_lower_priority(void);

/*
 * In the helper: no more privilege than these capabilities, no core file, no other descriptors than
 * the first `n_fds`. SIGALRM ends it. -errno.
 */
int helper_confine(unsigned n_fds, uint64_t capabilities);
