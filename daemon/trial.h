/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Trial: does the image that has replaced ours run here? Before an upgrade that image itself finds
 * out, in a process of its own and while we go on: it reads the settings, and loads and attaches
 * its programs. If it lacks something (a library, a kernel that it supports, a permission), the
 * host keeps a daemon that works.
 *
 * The image is executed with our arguments and --test-config, and finds in $EXECSNOOPD_TRIAL a
 * descriptor to which it writes a byte when all has gone well. If that file ends without the byte,
 * the trial has failed.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"

struct config;
struct sd_event;
struct trial;

struct trial_ops {
        /* Once, from the loop; the trial may be freed by it. Errors have been logged. */
        void (*on_tried)(void *userdata, bool can_run);
};

/* Copies the path, borrows the ops. Errors are logged. */
int trial_new(struct sd_event *event, const char *path, char *const *argv,
              const struct trial_ops *ops, void *userdata, struct trial **ret);

/* A trial that is still running ends unheard. */
struct trial *trial_free(struct trial *t);
DEFINE_FREEP(struct trial, trial_free)

/* The other side: makes the trial, if this process is one. Errors are logged. */
int trial_run(const struct config *config);
