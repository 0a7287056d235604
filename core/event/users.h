/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Names of users, from a file in the format of passwd(5) and from nowhere else: a look-up through
 * NSS may wait for the network. Of groups as well: group(5) begins with the same three fields.
 *
 * The name is never older than the event: the file is looked at again for an event that happened
 * behind the last look, so once for all that a round over the rings brings. It may be younger: of a
 * user who got the number between the event and the look.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct users;

/* The file may be missing, now or at any time: then nobody has a name. */
int users_new(const char *folder, const char *file, struct users **ret);
struct users *users_free(struct users *u);
DEFINE_FREEP(struct users, users_free)

/*
 * The name of the first user with this number; data is NULL if there is none. `event_ns`: when it
 * had the number, by CLOCK_BOOTTIME. Valid until a call with a later time.
 */
struct span users_name(struct users *u, uint32_t uid, uint64_t event_ns);

/* The number of the first user of that name; false: there is none. */
bool users_number(struct users *u, struct span name, uint64_t event_ns, uint32_t *ret);
