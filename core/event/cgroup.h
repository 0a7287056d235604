/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Facts about a process from the path of its cgroup. Pure functions of a string: the path as the
 * kernel gave it at the exec, from the root of the hierarchy.
 */
#pragma once

#include "base/buf.h"

/* All borrowed from the path; data is NULL where the path does not say. */
struct cgroup_names {
        struct span unit;         /* of the system manager: foo.service, session-3.scope */
        struct span slice;        /* that the unit is in: system.slice */
        struct span user_unit;    /* of a user's manager */
        struct span container_id; /* 64 hex digits, LXC's name, or a step of a build */
};

/* By systemd's rules for units, and those of the container managers for containers. */
struct cgroup_names cgroup_parse(struct span path);
