/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * redact_bench [CASE]: what redaction costs, beside what encoding the same arguments costs.
 *
 * For each case one line: its name, then nanoseconds per event for redaction and for encoding (the
 * least of some rounds), and the one in percent of the other; tabs in between.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "encode/encode.h"
#include "policy/redact.h"

#define ROUNDS 7
#define ROUND_NS (20 * NSEC_PER_MSEC)

struct bench {
        struct redactor *redactor;
        struct encoder *encoder;
        struct span argv;
};

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void redact(struct bench *b)
{
        const struct redact_program program = { .exe = SPAN_LITERAL("/usr/bin/tool"),
                                                .filename = SPAN_LITERAL("/usr/bin/tool") };
        struct redacted result;
        int r;

        r = redact_argv(b->redactor, &program, b->argv, &result);
        assert(r == 0);
}

static void encode(struct bench *b)
{
        const struct exec_event event = { .kind = EVENT_EXEC, .argv = b->argv };
        struct line line;
        int r;

        r = encode_event(b->encoder, &event, 0, &line);
        assert(r == 0);
}

static double measure(struct bench *b, void (*work)(struct bench *))
{
        double least = 1e300;

        for (unsigned round = 0; round < ROUNDS; round++) {
                uint64_t start = now_ns(), end;
                unsigned n = 0;

                do {
                        work(b);
                        n++;
                        end = now_ns();
                } while (end - start < ROUND_NS);
                least = MIN(least, (double)(end - start) / n);
        }
        return least;
}

static void report(struct bench *b, const char *name, struct span argument, size_t size)
{
        _cleanup_(buf_done) struct buf argv = { 0 };
        double redacting, encoding;

        buf_append(&argv, "tool", sizeof("tool"));
        while (argv.size + argument.size <= size)
                buf_append_span(&argv, argument);
        assert(buf_error(&argv) == 0);
        b->argv = buf_span(&argv);
        redacting = measure(b, redact);
        encoding = measure(b, encode);
        (void)printf("%s\t%.0f\t%.0f\t%.1f %%\n", name, redacting, encoding,
                     100 * redacting / encoding);
        (void)fflush(stdout);
}

static int bench_init(struct bench *b)
{
        static const struct encode_context context = { .boot_id = "", .host = "host" };
        _cleanup_(config_freep) struct config *c = NULL;
        struct redact_options options;
        int r;

        r = config_new(&c);
        if (r < 0)
                return r;
        options = (struct redact_options){ .arguments = REDACT_SECRETS,
                                           .environment = REDACT_SECRETS,
                                           .names = c->redact.names,
                                           .keep_names = c->redact.keep_names };
        r = redactor_new(&options, &b->redactor);
        return r < 0 ? r : encoder_new(&context, &b->encoder);
}

static const struct {
        const char *name;
        struct span argument;
        size_t size;
} cases[] = {
        { "short command", SPAN_LITERAL("-l\0/etc/hosts\0"), 30 },
        { "6 MiB of file names", SPAN_LITERAL("src/module/file.c\0"), 6 * MIB },
        { "6 MiB of names with a dash", SPAN_LITERAL("src/my-module/some_file-1.2.c\0"), 6 * MIB },
        { "6 MiB of one-letter arguments", SPAN_LITERAL("x\0"), 6 * MIB },
        { "6 MiB of empty arguments", SPAN_LITERAL("\0"), 6 * MIB },
        { "6 MiB of bytes that are no text", SPAN_LITERAL("\xff\0"), 6 * MIB },
        { "6 MiB of digests",
          SPAN_LITERAL("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\0"),
          6 * MIB },
        { "6 MiB in one argument", SPAN_LITERAL("abcdefgh/ijklmnop"), 6 * MIB },
        { "6 MiB of options", SPAN_LITERAL("-Iinclude/path\0"), 6 * MIB },
        { "6 MiB of long options", SPAN_LITERAL("--some-option=value\0"), 6 * MIB },
        { "6 MiB of text", SPAN_LITERAL("The quick brown fox jumps over the lazy dog. "), 6 * MIB },
        { "6 MiB of secrets", SPAN_LITERAL("--password=secret\0"), 6 * MIB },
        { "6 MiB of pairs in one", SPAN_LITERAL("token=x&"), 6 * MIB },
        { "6 MiB of JSON in one", SPAN_LITERAL("{\"name\":\"value\",\"number\":1},"), 6 * MIB },
        { "6 MiB of quotes", SPAN_LITERAL("'\" "), 6 * MIB },
        { "6 MiB of URLs in one", SPAN_LITERAL("x://b:x/"), 6 * MIB },
        { "6 MiB of token beginnings", SPAN_LITERAL("-eyJ"), 6 * MIB },
        { "6 MiB of keys that don't end", SPAN_LITERAL("-----BEGIN "), 6 * MIB },
};

int main(int argc, char **argv)
{
        struct bench b = { 0 };

        if (bench_init(&b) < 0)
                return EXIT_FAILURE;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (argc < 2 || strstr(cases[i].name, argv[1]))
                        report(&b, cases[i].name, cases[i].argument, cases[i].size);
        redactor_free(b.redactor);
        encoder_free(b.encoder);
        return EXIT_SUCCESS;
}
