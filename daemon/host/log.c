/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Log lines to stderr, which is the journal's stream under systemd, and a terminal, pipe or file
 * elsewhere.
 *
 * A daemon that logs what the journal is fed with must survive a journald that hangs: its stream
 * then fills up, and an ordinary write() to stderr would stop us for ever. So each message is
 * offered once, without waiting. What is not taken is dropped and counted, and the count goes ahead
 * of the next message. A message of which the stream took only a part is ended by a newline before
 * the next, so that two messages never melt into one line.
 *
 * A stream knows no fields but the priority. A message with a MESSAGE_ID goes to the journal by its
 * native protocol, or like all others if that fails.
 *
 * The level and the destination are the only global state of the daemon: a logger handed through
 * every signature would not make it less global.
 */
#include "host/log.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/datagram.h"

/* Before each line for a terminal or a file; the journal adds it by itself. */
#define NAME "execsnoopd: "

static struct {
        int level;
        int fd;
        bool to_journal;
        const char *journal_socket;
        uint64_t n_dropped;
        bool torn; /* the last line went out without its end */
} logger = { .level = LOG_INFO, .fd = STDERR_FILENO };

/* $JOURNAL_STREAM is inherited by children whose stderr is elsewhere: compare, as it demands. */
static bool fd_is_journal_stream(int fd)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;
        char end;

        if (!stream || sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) != 2)
                return false;
        return fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* The priority called `name`, or -1. */
static int level_parse(const char *name)
{
        static const char *const names[] = {
                [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
                [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
                [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
        };

        if (name[0] >= '0' && name[0] <= '7' && !name[1])
                return name[0] - '0';
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return (int)i;
        return -1;
}

void log_open(int fd, const char *journal_socket)
{
        const char *level = getenv("SYSTEMD_LOG_LEVEL");
        int priority = level ? level_parse(level) : -1;

        logger.fd = fd;
        logger.to_journal = fd_is_journal_stream(fd);
        logger.journal_socket = journal_socket;
        logger.n_dropped = 0;
        logger.torn = false;
        if (priority >= 0)
                logger.level = priority;
}

void log_set_level(int priority)
{
        logger.level = priority;
}

/*
 * Pipes and terminals have no MSG_DONTWAIT, and O_NONBLOCK would hit everyone who shares the open
 * file. A pipe that polls writable takes PIPE_BUF bytes without waiting.
 */
static size_t log_write(const char *data, size_t size)
{
        size_t done = 0;

        while (done < size) {
                struct pollfd p = { .fd = logger.fd, .events = POLLOUT };
                ssize_t n;

                /* POLLERR: the reader of the pipe has gone, a write would raise SIGPIPE. */
                if (poll(&p, 1, 0) != 1 || p.revents != POLLOUT)
                        break;
                n = write(logger.fd, data + done, MIN(size - done, (size_t)PIPE_BUF));
                if (n < 0)
                        break;
                done += (size_t)n;
        }
        return done;
}

/* How much of it was taken at once. */
static size_t log_offer(const char *data, size_t size)
{
        ssize_t n;

        n = send(logger.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
                return (size_t)n;
        return errno == ENOTSOCK ? log_write(data, size) : 0;
}

static void append_prefix(struct buf *b, int priority, const char *who)
{
        if (logger.to_journal)
                buf_printf(b, "<%d>", priority);
        else
                buf_append_string(b, who);
}

static void append_dropped(struct buf *b)
{
        if (logger.torn)
                buf_append_char(b, '\n');
        if (logger.n_dropped == 0)
                return;
        append_prefix(b, LOG_WARNING, NAME);
        buf_append_u64(b, logger.n_dropped);
        buf_append_string(b, " messages were lost here: the log did not take them at once\n");
}

static void append_text(struct buf *b, int priority, const char *who, const char *text)
{
        while (*text) {
                size_t n = strcspn(text, "\n");

                append_prefix(b, priority, who);
                buf_append(b, text, n);
                buf_append_char(b, '\n');
                text += n + (text[n] == '\n');
        }
}

static void log_text(int priority, const char *who, const char *text)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        size_t said, done;

        if (priority > logger.level || !text || !*text)
                return;
        append_dropped(&b);
        said = b.size;
        append_text(&b, priority, who, text);
        if (buf_error(&b)) {
                logger.n_dropped++;
                return;
        }

        done = log_offer(b.data, b.size);
        if (done > 0)
                logger.torn = b.data[done - 1] != '\n';
        if (done >= said)
                logger.n_dropped = 0;
        if (done < b.size)
                logger.n_dropped++;
}

void log_lines(int priority, const char *text)
{
        log_text(priority, "", text);
}

/* The caller's to free; NULL, and counted: no memory. */
static _printf_(1, 0) char *format_text(const char *format, va_list args)
{
        char *text;

        if (vasprintf(&text, format, args) >= 0)
                return text;
        logger.n_dropped++;
        return NULL;
}

void log_message(int priority, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;

        if (priority > logger.level)
                return;
        va_start(args, format);
        text = format_text(format, args);
        va_end(args);
        log_text(priority, NAME, text);
}

int log_errno(int priority, int error, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;

        error = abs(error);
        if (priority > logger.level)
                return -error;
        va_start(args, format);
        text = format_text(format, args);
        va_end(args);
        if (text)
                log_message(priority, "%s: %s", text, strerror(error));
        return -error;
}

/* MESSAGE in the form that takes a value of several lines. */
static int log_native(int priority, const char *message_id, const char *text)
{
        _cleanup_(buf_done) struct buf b = { 0 };
        uint64_t size = htole64(strlen(text));
        _cleanup_(closep) int fd = -1;
        int r;

        buf_printf(&b, "MESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=execsnoopd\nMESSAGE\n",
                   message_id, priority);
        buf_append(&b, &size, sizeof(size));
        buf_append_string(&b, text);
        buf_append_char(&b, '\n');
        if (buf_error(&b))
                return buf_error(&b);

        r = datagram_connect(logger.journal_socket, &fd);
        return r < 0 ? r : datagram_send(fd, buf_span(&b), -1);
}

void log_catalog(int priority, const char *message_id, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;

        if (priority > logger.level)
                return;
        va_start(args, format);
        text = format_text(format, args);
        va_end(args);
        if (!text)
                return;
        if (!logger.to_journal || log_native(priority, message_id, text) < 0)
                log_text(priority, NAME, text);
}
