/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Status: the line that `systemctl status` shows. Says it at once, and every 10 s if it has
 * changed.
 */
#pragma once

#include "macro.h"

struct pipeline;
struct sd_event;
struct status;

/* Borrows the pipeline. */
int status_new(struct sd_event *event, const struct pipeline *pipeline, struct status **ret);
struct status *status_free(struct status *s);
DEFINE_FREEP(struct status, status_free)
