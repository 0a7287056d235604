/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kinds of sinks: one row for each place, with all that others have to know of a destination.
 * Settings and sinks meet here alone: a sink's own file knows nothing of settings, and those that
 * open and close sinks know nothing of files and sockets.
 *
 * A new sink is a place (event.h), a file with its constructor (sink.h), and a row here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/config_value.h"
#include "event/event.h"

struct account;
struct config;
struct packing;
struct sink;

/* Which of them there are to be, for the life of the process. */
enum sink_choice {
        SINKS_CONFIGURED, /* what the settings say */
        SINKS_STDOUT,     /* that alone */
        SINKS_NONE,
};

/* What the command line says of sinks. */
struct sink_options {
        enum sink_choice choice;
        enum config_format stdout_format;
};

struct sink_kind {
        /* Longer lines are to be given in a brief form, too; 0: all can be shown. */
        size_t line_limit;

        /* By these settings; and of which format its lines then are. */
        bool (*is_wanted)(const struct config *config, const struct sink_options *options);
        enum config_format (*format)(const struct config *config,
                                     const struct sink_options *options);
        int (*open)(const struct config *config, size_t backlog, struct sink **ret);

        /* True if open() would make the same sink, which can then be configured; NULL: always. */
        bool (*is_same)(const struct sink *s, const struct config *config);

        /* Takes what of the settings can change while it is open; NULL: nothing can. */
        int (*configure)(struct sink *s, const struct config *config);

        /* Adds to an account what the destination itself still knows; NULL: it knows nothing. */
        void (*recover)(struct account *account, const struct config *config);

        /*
         * A lock on the destination, or -1, and the same from the image before; NULL: it has none.
         */
        int (*lock)(const struct sink *s);
        void (*inherit)(struct sink *s, int lock);

        /* What of it is to be compressed; NULL: nothing ever is. */
        struct packing *(*packing)(struct sink *s);
};

extern const struct sink_kind sink_kinds[_SINK_PLACE_MAX];
