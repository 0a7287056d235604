/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The facts that decide whether one event is the same as another: who (uid, euid, login user), what
 * (program file, arguments, file name, working folder, kept variables, flags, error), where (unit,
 * container), from whom (the parent's program), and the kind. Of an exit: user, name and status.
 *
 * Not when, and not which process: pid, time, session and terminal differ each time.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

/*
 * Replaces what is in `ret` by the facts: equal bytes are equal facts. False: something that is
 * needed was cut, so that nobody knows whether it is equal, or there is no memory.
 */
bool group_pack(const struct exec_event *event, struct buf *ret);

/* An event with these facts and nothing else; borrows from `packed`, which group_pack() made. */
void group_unpack(struct span packed, struct exec_event *ret);
