/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Datagrams to other programs of this host, which may be slow, hang, or be gone: journald and the
 * service manager. Nothing here waits.
 *
 * Connected, because only such a socket polls writable by the queue of its peer and not just by its
 * own; and because a peer that went is then seen.
 */
#pragma once

#include "base/span.h"

/* Of sockaddr_un: what datagram_connect() takes is shorter than that. */
#define DATAGRAM_PATH_SIZE 108

/*
 * A socket that is connected to the path or, from "@" on, the abstract name. -EAFNOSUPPORT: it is
 * neither; -ENAMETOOLONG; -ENOENT, -ECONNREFUSED: nobody listens; or what else socket(2) and
 * connect(2) say. Does not block, is closed on exec.
 */
int datagram_connect(const char *path, int *ret);

/*
 * Sends it, with a copy of `passed_fd` unless that is -1 (SCM_RIGHTS). -EAGAIN: the peer does not
 * read, the socket polls writable when it does; -EMSGSIZE, -ENOBUFS: too large for one datagram;
 * -ECONNREFUSED and the like: the connection is of no use any more.
 */
int datagram_send(int socket, struct span content, int passed_fd);
