/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Identity: which host, boot and kernel a stream of events is of. */
#pragma once

#include <stdbool.h>

#include "flow/recorder.h"

/* Of this host, now. Errors are logged. */
int identity_read(unsigned n_cpus, struct recording_header *ret);

/* True if it is of this boot of this host. */
bool identity_is_ours(const struct recording_header *identity);
