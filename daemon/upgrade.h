/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Upgrade: from this image to the one that a package has put in its place, in the same process and
 * without missing an exec, once a trial (trial.h) has shown that it can run. The rings go on
 * filling meanwhile; a child keeps them mapped until the new image has mapped them.
 */
#pragma once

#include "base/macro.h"

struct delivery;
struct flow;
struct handover;
struct sd_event;
struct source;
struct upgrade;

/* All borrowed. */
struct upgrade_parts {
        struct source *source;
        struct flow *flow;
        struct delivery *delivery;
        struct handover *handover;
        char *const *argv; /* of this image, and of the next */
};

struct upgrade_ops {
        /*
         * There is no way on, which has been logged; rings may be larger than the settings say.
         * The upgrade may be freed by it.
         */
        void (*on_failed)(void *userdata);
};

/*
 * 1: it is under way, and ends with another image or with on_failed(). 0: the file that we run is
 * the one that its path leads to, or this run is for itself. Negative errno: likewise nothing was
 * begun, and it was logged.
 */
int upgrade_start(struct sd_event *event, const struct upgrade_parts *parts,
                  const struct upgrade_ops *ops, void *userdata, struct upgrade **ret);

/* Also one that is under way: it is not to be. */
struct upgrade *upgrade_free(struct upgrade *u);
DEFINE_FREEP(struct upgrade, upgrade_free)
