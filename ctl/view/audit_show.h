/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What an audit has found, in words and as JSON. */
#pragma once

#include "view/audit.h"

/* A host: its boots and runs, what was found in each, one verdict. */
void audit_show(const struct audit_host *h, enum sink_place place, bool utc, struct buf *ret);

/* The same as one line of JSON; `ret` is empty. */
void audit_show_json(const struct audit_host *h, enum sink_place place, struct buf *ret);
