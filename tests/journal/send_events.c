/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Sends events through encoder and journal sink to a real journald, for test_journal.py.
 *
 * Reads commands from stdin, one a line: a number, how many events to send. Answers on stdout: for
 * each event a line of its seq, the brief line and the whole line (all but seq empty if a line was
 * left out), with tabs in between, which JSON of ours never has; then "busy" if the journal did not
 * take all at once, and "idle" when it has. At the end of the commands the sink has to be empty.
 *
 * Events are a function of their number. Their strings are what an attacker would choose: all
 * bytes, cut characters, newlines, lengths round the limits of fields and datagrams.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "encode/encode.h"
#include "host/log.h"
#include "sink/sink.h"

#define SEND_SECONDS 60
#define RETRY_MS 10

/* Large enough for any argv below, and shared: its strings are random bytes, and never 0. */
static char bytes[512 * 1024];

static void bytes_fill(void)
{
        uint64_t x = 1;

        for (size_t i = 0; i < sizeof(bytes); i++) {
                x = x * UINT64_C(6364136223846793005) + 1;
                bytes[i] = (char)(1 + (x >> 33) % 255);
                if (i % 97 == 96)
                        bytes[i] = '\0';
        }
        bytes[sizeof(bytes) - 1] = '\0';
}

/* Several sizes of everything; one event in 200 is larger than any datagram. */
static size_t argv_size(unsigned n)
{
        static const size_t sizes[] = { 20, 97, 970, 2000, 3300, 3500, 9700 };

        return n % 200 == 0 ? sizeof(bytes) : sizes[n % ELEMENTSOF(sizes)];
}

static struct exec_event event_make(unsigned n)
{
        static const struct span names[] = {
                SPAN_LITERAL("sh"),
                SPAN_LITERAL("a\nb"),
                SPAN_LITERAL("\x01\x1b[2J\x7f"),
                SPAN_LITERAL("\xc2\x85\xc2\x9b\xc2\xa0"),
                SPAN_LITERAL("\xff\xfe\xed\xa0\x80"),
                SPAN_LITERAL("\xf0\x9f\x92\xa9\xef\xbf\xbe"),
                SPAN_LITERAL("\"\\\t\r\""),
                SPAN_LITERAL("\nMESSAGE=forged"),
        };
        static const struct span paths[] = {
                SPAN_LITERAL("/usr/bin/env"),
                SPAN_LITERAL("/tmp/x\nEXECSNOOP_PID=1\n"),
                SPAN_LITERAL("/caf\xc3\xa9/\xe2\x82"),
                { bytes, 4070 },
                { bytes, 4081 },
                { bytes, 4096 },
        };
        static const enum event_kind kinds[] = { EVENT_EXEC, EVENT_EXEC, EVENT_EXEC_FAILED,
                                                 EVENT_EXEC_ATTEMPT, EVENT_EXIT };
        struct exec_event event = {
                .kind = kinds[n % ELEMENTSOF(kinds)],
                .boot_ns = n,
                .facts.present = FACT_CREDS,
                .facts.pid = n + 1,
                .facts.ppid = n,
                .facts.uid = n % 3 ? 1000 : 0,
                .facts.loginuid = 1000,
                .facts.argc = 3,
                .comm = names[n % ELEMENTSOF(names)],
        };

        if (event.kind == EVENT_EXIT)
                return event;
        event.facts.present |= FACT_PARENT | FACT_ARGC | (n % 2 ? FACT_LOGINUID : 0);
        event.facts.present |= event.kind == EVENT_EXEC_FAILED ? FACT_RETVAL : 0;
        event.facts.retval = event.kind == EVENT_EXEC_FAILED ? -EACCES : 0;
        event.exe = paths[n % ELEMENTSOF(paths)];
        event.cgroup = paths[n / 7 % ELEMENTSOF(paths)];
        event.argv = (struct span){ .data = bytes, .size = argv_size(n) };
        return event;
}

/* The halves of a line in memory of their own: the encoder's live until its next call. */
struct kept_line {
        struct buf text;
        size_t head_size;
};

static void line_keep(const struct line *line, struct kept_line *ret)
{
        buf_reset(&ret->text);
        buf_append_span(&ret->text, line->head);
        ret->head_size = line->head.size;
        buf_append_span(&ret->text, line->tail);
        assert(buf_error(&ret->text) == 0);
}

static struct line line_of(const struct kept_line *k)
{
        return (struct line){
                .head = { k->text.data, k->head_size },
                .tail = { k->text.data + k->head_size, k->text.size - k->head_size },
        };
}

static void line_print(struct line line, uint64_t seq)
{
        printf("\t%.*s%" PRIu64 "%.*s", (int)line.head.size, line.head.data, seq,
               (int)line.tail.size, line.tail.data);
}

static int send_one(struct encoder *encoder, struct sink *sink, unsigned n,
                    struct kept_line *scratch)
{
        const struct exec_event event = event_make(n);
        struct message m = { .kind = event.kind, .event = &event };
        struct line line;
        int r;

        r = encode_event(encoder, &event, 0, &line);
        if (r < 0)
                return r;
        line_keep(&line, scratch);
        m.line = m.brief = line_of(scratch);
        if (line.head.size + line.tail.size + LINE_SEQ_DIGITS_MAX > BRIEF_LINE_MAX) {
                r = encode_event(encoder, &event, BRIEF_LINE_MAX, &m.brief);
                if (r < 0)
                        return r;
        }
        r = sink_write(sink, &m);
        if (r < 0)
                return r;
        printf("%" PRIu64, sink->seq);
        line_print(m.brief, sink->seq);
        line_print(m.line, sink->seq);
        (void)putchar('\n');
        return 0;
}

/* Until all is delivered, as the daemon does it. */
static int deliver(struct sink *sink)
{
        enum sink_state state = sink_flush(sink);

        if (state == SINK_BUSY)
                printf("busy\n");
        while (state == SINK_BUSY) {
                struct pollfd p = { .fd = sink_poll_fd(sink), .events = POLLOUT };

                (void)fflush(stdout);
                if (p.fd < 0) /* nothing to poll: by time */
                        (void)poll(NULL, 0, RETRY_MS);
                else if (poll(&p, 1, SEND_SECONDS * 1000) != 1)
                        return -ETIMEDOUT;
                state = sink_flush(sink);
        }
        if (state != SINK_IDLE)
                return sink->error;
        printf("idle\n");
        return fflush(stdout) == 0 ? 0 : -EIO;
}

static int run(struct encoder *encoder, struct sink *sink)
{
        struct kept_line scratch = { 0 };
        unsigned next = 0, count;
        int r = 0;

        while (r == 0 && scanf("%u", &count) == 1) {
                for (unsigned end = next + count; r == 0 && next < end; next++)
                        r = send_one(encoder, sink, next, &scratch);
                if (r == 0)
                        r = deliver(sink);
        }
        buf_done(&scratch.text);
        return r;
}

int main(void)
{
        static const struct encode_context context = {
                .boot_id = "0123456789abcdef0123456789abcdef",
                .host = "host",
        };
        _cleanup_(encoder_freep) struct encoder *encoder = NULL;
        _cleanup_(sink_freep) struct sink *sink = NULL;
        int r;

        bytes_fill();
        r = encoder_new(&context, &encoder);
        if (r < 0)
                return -r;
        r = sink_journal_new(JOURNAL_SOCKET, 256 * MIB, &sink);
        if (r < 0)
                return -r;
        r = run(encoder, sink);
        if (r < 0)
                return log_errno(LOG_ERR, r, "cannot send") < 0;
        return sink->stats.backlog != 0;
}
