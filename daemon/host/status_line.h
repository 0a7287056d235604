/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Status: the line that `systemctl status` shows. Says it at once, and every 10 s if it has
 * changed.
 */
#pragma once

#include "base/macro.h"

struct flow;
struct sd_event;
struct status_line;

/* Borrows the flow. */
int status_line_new(struct sd_event *event, const struct flow *flow, struct status_line **ret);
struct status_line *status_line_free(struct status_line *s);
DEFINE_FREEP(struct status_line, status_line_free)
