/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The host's name, which may change while we run: a host gets its name late in its boot, by DHCP or
 * cloud-init, and another one by hostnamectl.
 */
#pragma once

#include "base/macro.h"

struct flow;
struct host_name;
struct sd_event;

/* Follows it in the events of the flow; both are borrowed. */
int host_name_new(struct sd_event *event, struct flow *flow, struct host_name **ret);
struct host_name *host_name_free(struct host_name *h);
DEFINE_FREEP(struct host_name, host_name_free)

/* Looks whether it is another one, for where the kernel does not tell. */
void host_name_look(struct host_name *h);
