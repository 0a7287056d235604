/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Enrich: facts that follow from the event's own and from what the host knows: names of users and
 * groups, and what the cgroup path says. From caches and strings; nothing here blocks on the
 * network.
 */
#pragma once

#include "event/event.h"

struct enricher;

/* `etc`: the folder with `passwd` and `group`, or NULL: users and groups have no names. */
int enricher_new(const char *etc, struct enricher **ret);
struct enricher *enricher_free(struct enricher *e);
DEFINE_FREEP(struct enricher, enricher_free)

/* Adds facts to the event, which are valid until the next call. */
void enrich_event(struct enricher *e, struct exec_event *event);
