/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Where a file's last whole line ends, whatever is behind it. */
#pragma once

#include <stdint.h>

/*
 * Of the first `size` bytes: behind the last newline, or 0 without any. -EAGAIN: the file has less,
 * somebody else is making it shorter right now.
 */
int line_end_find(int fd, uint64_t size, uint64_t *ret);
