/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* PID 1 of the host, of which the sandbox lets us see nothing in /proc. */
#pragma once

#include <stdint.h>

#include "exec_record.h"

/*
 * Inode numbers of its namespaces; 0: this kernel has none of that kind. All are 0 if it cannot be
 * asked, as before 5.10.
 */
void first_process_namespaces(uint32_t ret[static _NAMESPACE_MAX]);
