/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * encode_bench RECORDING [CASE]: what an event costs between the rings and the sinks, and how large
 * it is.
 *
 * The events are the execs of a recording of the real kernel, as they are and with a large argv in
 * place of theirs. For each case a line: its name, then nanoseconds (the least of some rounds, so
 * that what else runs here does no harm) and bytes per event, as an entry of the journal and as a
 * line of JSON in each format; tabs in between. The first line names these. All take turns in each
 * round. bench.py makes a table of it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "encode/encoders.h"
#include "event/decode.h"
#include "event/enrich.h"
#include "flow/source_replay.h"
#include "sink/backlog.h"
#include "sink/sink.h"

#define ROUNDS 10
#define ROUND_NS (20 * NSEC_PER_MSEC)
#define BACKLOG_SIZE (size_t)(64 * MIB)

struct bench {
        struct buf records; /* each as long as its head says */
        struct encoders encoders;
        struct encoder *encoder; /* of these, the one that is measured */
        struct decoder *decoder;
        struct enricher *enricher;
        struct sink *journal; /* that nobody reads */
        struct span argv;     /* in place of the recorded one, unless data is NULL */
        size_t bytes;         /* of the events so far */
        const char *only;     /* the cases whose name has it, or NULL */
};

struct result {
        double ns, bytes; /* per event */
};

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void on_record(void *userdata, const void *record, _unused_ size_t size)
{
        struct bench *b = userdata;
        struct exec_record_head h;

        memcpy(&h, record, sizeof(h));
        if (h.kind == RECORD_EXEC && h.n_chunks == 0)
                buf_append(&b->records, record, h.size);
}

static void on_round(_unused_ void *userdata, _unused_ uint64_t watermark_ns)
{
}

static void on_drained(_unused_ void *userdata, _unused_ enum exec_program program,
                       _unused_ uint32_t cpu, _unused_ uint64_t seq)
{
}

static int bench_init(struct bench *b, const char *path)
{
        const struct source_handler handler = { .on_record = on_record,
                                                .on_round = on_round,
                                                .on_drained = on_drained,
                                                .userdata = b };
        _cleanup_(source_freep) struct source *source = NULL;
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct encode_context context;
        struct recording_header identity;
        int r;

        if (fd < 0)
                return -errno;
        r = source_replay_new(fd, &source);
        if (r >= 0)
                r = source_open(source, &handler, NULL);
        while (r >= 0 && (r = source_step(source)) > 0)
                ;
        if (r >= 0)
                r = source_identify(source, &identity);
        if (r < 0)
                return r;
        context = (struct encode_context){
                .boot_id = identity.boot_id,
                .host = identity.host,
                .machine_id = "0123456789abcdef0123456789abcdef",
        };
        r = encoders_init(&b->encoders, &context);
        if (r >= 0)
                r = decoder_new(&b->decoder);
        if (r >= 0)
                r = enricher_new("/etc", &b->enricher);
        if (r >= 0)
                r = sink_journal_new("/nonexistent", BACKLOG_SIZE, &b->journal);
        return r;
}

static void bench_done(struct bench *b)
{
        buf_done(&b->records);
        encoders_done(&b->encoders);
        decoder_free(b->decoder);
        enricher_free(b->enricher);
        sink_free(b->journal);
}

/* As the pipeline does it, with a file for the only sink. */
static void to_file(struct bench *b, const struct exec_event *event)
{
        struct line line;
        int r;

        r = encode_event(b->encoder, event, 0, &line);
        assert(r == 0);
        b->bytes += line.head.size + 4 + line.tail.size + 1; /* a seq of four digits, newline */
}

/* As the pipeline does it, with the journal for the only sink; up to the system call. */
static void to_journal(struct bench *b, const struct exec_event *event)
{
        struct message m = { .kind = event->kind, .event = event };
        struct backlog_entry entry;
        int r;

        r = encode_event(b->encoder, event, 0, &m.line);
        assert(r == 0);
        m.brief = m.line;
        if (m.line.head.size + LINE_SEQ_DIGITS_MAX + m.line.tail.size > BRIEF_LINE_MAX) {
                r = encode_event(b->encoder, event, BRIEF_LINE_MAX, &m.brief);
                assert(r == 0);
        }
        r = sink_write(b->journal, &m);
        assert(r == 0);
        (void)backlog_peek(b->journal->backlog, &entry, 1);
        b->bytes += entry.data.size;
        backlog_pop(b->journal->backlog, 1);
}

/* Each of the events once, or one with another argv; how many. */
static unsigned turn(struct bench *b, void (*to_sink)(struct bench *, const struct exec_event *))
{
        struct exec_record_head h;
        struct exec_event event;
        enum decode_result result;
        unsigned n = 0;

        for (size_t at = 0; at < b->records.size; at += h.size) {
                memcpy(&h, b->records.data + at, sizeof(h));
                result = decode_record(b->decoder, b->records.data + at, h.size, &event);
                assert(result == DECODE_OK);
                enrich_event(b->enricher, &event);
                if (b->argv.data) {
                        event.argv = b->argv;
                        event.facts.present &= ~(FACT_ARGC | FACT_ARGV_BYTES);
                }
                to_sink(b, &event);
                n++;
                if (b->argv.data)
                        break;
        }
        return n;
}

#define N_WAYS (_FORMAT_MAX + 1)

/* One of the ways out: the journal, or a file in one of the formats. */
static void run_way(struct bench *b, unsigned way, struct result *result)
{
        uint64_t start, end;
        unsigned n = 0;

        b->encoder = b->encoders.of[way > 0 ? way - 1 : FORMAT_NATIVE];
        b->bytes = 0;
        start = now_ns();
        do {
                n += turn(b, way > 0 ? to_file : to_journal);
                end = now_ns();
        } while (end - start < ROUND_NS);
        result->ns = MIN(result->ns, (double)(end - start) / n);
        result->bytes = (double)b->bytes / n;
}

static void report(struct bench *b, const char *name)
{
        struct result results[N_WAYS];

        if (b->only && !strstr(name, b->only))
                return;
        for (unsigned way = 0; way < N_WAYS; way++)
                results[way].ns = 1e300;
        for (unsigned round = 0; round < ROUNDS; round++)
                for (unsigned way = 0; way < N_WAYS; way++)
                        run_way(b, way, &results[way]);
        (void)printf("%s", name);
        for (unsigned way = 0; way < N_WAYS; way++)
                (void)printf("\t%.0f\t%.0f", results[way].ns, results[way].bytes);
        (void)puts("");
        (void)fflush(stdout);
}

/* The same argument again and again. */
static void report_argv(struct bench *b, const char *name, struct span argument, size_t size)
{
        _cleanup_(buf_done) struct buf argv = { 0 };

        while (argv.size + argument.size <= size)
                buf_append_span(&argv, argument);
        assert(buf_error(&argv) == 0);
        b->argv = buf_span(&argv);
        report(b, name);
        b->argv = (struct span){ 0 };
}

int main(int argc, char **argv)
{
        _cleanup_(bench_done) struct bench b = { 0 };
        int r;

        if (argc < 2 || argc > 3) {
                (void)fprintf(stderr, "usage: %s RECORDING [CASE]\n", argv[0]);
                return EXIT_FAILURE;
        }
        b.only = argv[2];
        r = bench_init(&b, argv[1]);
        if (r < 0 || b.records.size == 0) {
                (void)fprintf(stderr, "%s: %s\n", argv[1], r < 0 ? strerror(-r) : "no execs");
                return EXIT_FAILURE;
        }
#define PRINT_NAME(NAME, name) "\t" #name "\t"
        (void)puts("\tjournal\t" FORMATS(PRINT_NAME));
        report(&b, "shell command");
        report_argv(&b, "4 KiB of file names", SPAN_LITERAL("src/module/file.c\0"), 4 * KIB);
        report_argv(&b, "64 KiB of one-letter arguments", SPAN_LITERAL("x\0"), 64 * KIB);
        report_argv(&b, "64 KiB of bytes that are no text", SPAN_LITERAL("\xff\0"), 64 * KIB);
        report_argv(&b, "4 MiB of one-letter arguments", SPAN_LITERAL("x\0"), 4 * MIB);
        report_argv(&b, "4 MiB of empty arguments", SPAN_LITERAL("\0"), 4 * MIB);
        report_argv(&b, "4 MiB of bytes that are no text", SPAN_LITERAL("\xff\0"), 4 * MIB);
        return EXIT_SUCCESS;
}
