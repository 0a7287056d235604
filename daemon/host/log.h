/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The daemon's own words, for the outer layer only: the core returns errors and never logs.
 *
 * No call here ever blocks. A message that cannot be written at once is dropped and counted; the
 * next one that goes through says how many are missing.
 */
#pragma once

#include <syslog.h>

#include "base/macro.h"

/*
 * Writes to `fd`, which stays the caller's and open. If it is the stream of $JOURNAL_STREAM, lines
 * carry their priority, and log_catalog() sends to `journal_socket`, which is kept, not copied.
 * Level: that of $SYSTEMD_LOG_LEVEL ("debug" to "emerg", or a digit) if it is set, else unchanged.
 *
 * Without this call: to stderr, as plain text.
 */
void log_open(int fd, const char *journal_socket);

/* The least important priority that is still logged; LOG_INFO at first. */
void log_set_level(int priority);

/* A newline in the text begins another line of the same priority. */
void log_message(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)

/* "text: strerror". Returns -|error|, so that a failure is logged and returned in one statement. */
int log_errno(int priority, int error, const char *format, ...) _printf_(3, 4);

/*
 * Text of any number of lines that say themselves what they are about ("file:line: ..."): without
 * our name before them. Nothing if it is NULL or empty.
 */
void log_lines(int priority, const char *text);

/* A message that has an entry in the catalog: one of message_id.h. */
void log_catalog(int priority, const char *message_id, const char *format, ...) _printf_(3, 4);
