/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Configuration: a main file and drop-ins, by systemd's rules, → one immutable struct config.
 *
 * Main file: the first of /etc, /run, /usr/local/lib, /usr/lib that has execsnoopd.conf. Drop-ins:
 * all .conf files in execsnoopd.conf.d of all four, sorted by name; a name in an earlier folder
 * masks the same name in a later one, an empty file or a link to /dev/null masks without replacing.
 * Later settings win. An empty assignment restores the default; but a list it makes empty, the
 * first other assignment to a list replaces the default, and later ones append. To a built-in list
 * (Names=, KeepNames=) the first appends, too.
 *
 * An unknown section or key, or one that is gone, is a warning; a value that does not parse, or
 * values that do not fit together, are errors, and then there is no configuration at all. Every
 * message names file:line: key: the problem and what was expected.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_section.h"
#include "config/config_value.h"

struct config_location;
struct config_report;

struct config {
        struct {
                bool exits;
                bool failed_execs;
                struct errno_set failed_execs_ignore;
                bool attempts;
                uint32_t argv_max; /* bytes */
                bool parents;
                uint32_t parent_argv_max; /* bytes */
                char **environment;       /* NULL-terminated; names */
                bool descriptors;
                bool snapshot;
                uint64_t ring_size; /* bytes per CPU; a power of two of at least a page */
                uint64_t max_latency_ns;
                enum config_hash exe_hash;
        } capture;
        struct {
                enum redact_mode arguments, environment;
                char **names, **keep_names; /* NULL-terminated; globs */
        } redact;
        struct {
                bool enabled;
                enum config_message message;
        } journal;
        struct {
                bool enabled;
                char *path; /* absolute */
                enum config_format format;
                uint64_t max_size;   /* bytes; 0: no limit */
                uint64_t max_age_ns; /* 0: no limit */
                unsigned max_files;
                uint64_t line_max; /* bytes; 0: no limit */
                enum config_compress compress;
                unsigned mode;
                bool sync;
        } file;
        struct {
                uint64_t size;    /* bytes; it holds the largest event that ArgvMax lets be */
                uint64_t backlog; /* bytes per sink; likewise */
        } queue;
        struct {
                uint64_t interval_ns;
                uint64_t self_test_ns; /* 0: never */
                char *metrics;         /* absolute path, name, or empty */
        } stats;
        struct {
                enum config_filter fallback;
                char *origin; /* "file:line" of it, or NULL: not set */
        } filter;
        struct config_sections rules; /* each [Rule], in their order */
};

/*
 * 0: *ret is the caller's. -EINVAL: the errors are in the report. -ENOENT: `file` was named and is
 * not there. Other negative errno: could not read, also explained in the report. No configuration
 * on the search path at all is fine: all defaults.
 */
int config_load(const struct config_location *location, struct config_report *report,
                struct config **ret);

/* Likewise, of one file that is in memory already; `name` is for the messages. No drop-ins. */
int config_parse(const char *name, struct span text, struct config_report *report,
                 struct config **ret);

/* All defaults. */
int config_new(struct config **ret);

/* The least bytes of a backlog for the largest event there may be, in this format. */
uint64_t config_backlog_min(const struct config *c, enum config_format format);

struct config *config_free(struct config *c);
DEFINE_FREEP(struct config, config_free)

/*
 * The merged configuration as text that config_load() would read back to the same, every setting
 * under a comment line that says where it comes from ("# default", "# /etc/execsnoopd.conf:12"),
 * and another one if it is not what was set ("# raised for ArgvMax=6M").
 */
int config_cat(const struct config_location *location, struct config_report *report,
               struct buf *ret);

/* Likewise, of what config_parse() reads. */
int config_cat_text(const char *name, struct span text, struct config_report *report,
                    struct buf *ret);

/*
 * Calls back for every setting, section by section, with its value as one would write it into a
 * file; not for the rules, which are no settings with one value each. The strings are valid during
 * the call. Stops at what isn't 0 and returns it; -ENOMEM.
 */
int config_each(const struct config *c,
                int (*on_setting)(void *userdata, const char *section, const char *key,
                                  const char *value),
                void *userdata);
