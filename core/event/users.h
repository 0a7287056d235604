/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Names of users, from a file in the format of passwd(5) and from nowhere else: a look-up through
 * NSS may wait for the network. The file is read when it has changed, and looked at once a second
 * at most.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct users;

/* The path is copied. The file may be missing, now or at any time: then nobody has a name. */
int users_new(const char *path, struct users **ret);
struct users *users_free(struct users *u);
DEFINE_FREEP(struct users, users_free)

/*
 * The name of the first user with this number; data is NULL if there is none. Valid until the next
 * call. `now_ns`: any clock that only grows.
 */
struct span users_name(struct users *u, uint32_t uid, uint64_t now_ns);
