/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Process reader: a child that reads the iterator of process_list.h. The kernel reads arguments in
 * the memory of others meanwhile, which waits for whoever holds that memory: for a disk, or for a
 * user's own file system that never answers. So it is not the daemon who waits.
 *
 * It has no privilege and no other descriptors, and nobody waits for its end: it ends by itself, if
 * a read takes too long, and when nobody reads what it writes.
 */
#pragma once

#include <stdint.h>

#include "base/macro.h"

/* For the next records, in which usually takes some 1 ms. */
#define PROCESS_READER_PATIENCE_NS (10 * NSEC_PER_SEC)

/*
 * What it writes, a message each: whole records, at most EXEC_RECORD_SIZE_MAX bytes; at the end
 * an int, which is 0 or a negative errno. Closed without that: it has given up.
 *
 * Returns our end of the socket. `iterator` is borrowed.
 */
int process_reader_start(int iterator);
