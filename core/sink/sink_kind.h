/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kinds of sinks: one row for each place, with all that others have to know of a destination.
 * Where the settings and the sinks meet: a sink's own file knows nothing of settings, and who opens
 * and closes sinks knows nothing of files and sockets.
 *
 * A new sink is a place (event.h), a file with its constructor (sink.h), and a row here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "event/event.h"

struct account;
struct config;
struct sink;

struct sink_kind {
        size_t line_limit; /* longer lines are to be given in a brief form, too; 0: none is needed
                            */

        /* By these settings; `use_stdout`: stdout alone, whatever they say. */
        bool (*is_wanted)(const struct config *config, bool use_stdout);
        int (*open)(const struct config *config, size_t backlog, struct sink **ret);

        /* NULL, where there is nothing to do or to ask. */
        bool (*is_same)(const struct sink *s,
                        const struct config *config);                  /* as open() would make */
        int (*configure)(struct sink *s, const struct config *config); /* of one that is */
        void (*recover)(struct account *account,
                        const struct config *config); /* before it is open */
};

extern const struct sink_kind sink_kinds[_SINK_PLACE_MAX];
