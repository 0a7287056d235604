/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What an audit has found, in words and as JSON. */
#pragma once

#include "view/audit.h"

/* Of the log, and of no host: the reader has found it. */
enum log_fault {
        FAULT_NO_JSON,  /* lines */
        FAULT_VALUE,    /* values that are not as execsnoopd writes them */
        FAULT_CUT,      /* lines */
        FAULT_TOO_LONG, /* lines */
        FAULT_DAMAGED,  /* files that are compressed, and not whole */
        FAULT_IGNORED,  /* lines of more hosts or runs than are told apart */
        FAULT_UNREAD,   /* files that are compressed, and can't be read here: that explains it */
        _LOG_FAULT_MAX,
};

enum audit_result audit_log_verdict(const uint64_t n[static _LOG_FAULT_MAX]);

/*
 * How many there are of each; nothing of a log that has none. Behind that the files that were read,
 * if it is of files: their names, each with a NUL.
 */
void audit_show_log(const uint64_t n[static _LOG_FAULT_MAX], struct span files, struct buf *ret);

/* The same as one line of JSON; `ret` is empty, and stays so if there is nothing to say. */
void audit_show_log_json(const uint64_t n[static _LOG_FAULT_MAX], struct span files,
                         struct buf *ret);

/* A host, by its first boot: its boots and runs, what was found in each, one verdict. */
void audit_show(const struct audit *a, size_t host, enum sink_place place, bool utc,
                struct buf *ret);

/* The same as one line of JSON; `ret` is empty. */
void audit_show_json(const struct audit *a, size_t host, enum sink_place place, struct buf *ret);
