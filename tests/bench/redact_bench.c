/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * redact_bench [CASE]: what redaction costs, beside what else the same arguments cost.
 *
 * For each case one line, tabs in between: its name, then nanoseconds per event (the least of some
 * rounds) for redaction; for encoding, the whole line and its brief form, as the pipeline does for
 * a file and the journal; for the whole way: the copies into the queue and out of it, encoding, and
 * the file. Then the first in percent of each of the others.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "encode/encode.h"
#include "policy/redact.h"
#include "sink/sink.h"

#define ROUNDS 7
#define ROUND_NS (20 * NSEC_PER_MSEC)

struct bench {
        struct redactor *redactor;
        struct encoder *encoder;
        struct sink *file;
        struct buf queue, joined;
        struct span argv;
};

static uint64_t now_ns(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

static void encode_argv(struct bench *b, struct span argv, struct message *ret)
{
        const struct exec_event event = { .kind = EVENT_EXEC, .argv = argv };
        int r;

        *ret = (struct message){ .kind = event.kind };
        r = encode_event(b->encoder, &event, 0, &ret->line);
        assert(r == 0);
        ret->brief = ret->line;
        if (line_size_max(&ret->line) <= BRIEF_LINE_MAX)
                return;
        r = encode_event(b->encoder, &event, BRIEF_LINE_MAX, &ret->brief);
        assert(r == 0);
}

static void encode(struct bench *b)
{
        struct message m;

        encode_argv(b, b->argv, &m);
}

static void go_whole_way(struct bench *b)
{
        enum sink_state state;
        struct message m;
        int r;

        buf_reset(&b->queue);
        buf_reset(&b->joined);
        buf_append_span(&b->queue, b->argv);
        buf_append_span(&b->joined, buf_span(&b->queue));
        assert(buf_error(&b->queue) == 0 && buf_error(&b->joined) == 0);
        encode_argv(b, buf_span(&b->joined), &m);
        r = sink_write(b->file, &m);
        assert(r == 0);
        do
                state = sink_flush(b->file);
        while (state == SINK_BUSY);
        assert(state == SINK_IDLE);
}

/* As often as takes so long that to ask for the time costs nothing beside it. */
static double measure(struct bench *b, void (*work)(struct bench *))
{
        unsigned n = 1, done = 0;
        double least = 1e300;

        while (done < ROUNDS) {
                const uint64_t start = now_ns();
                uint64_t took;

                for (unsigned i = 0; i < n; i++)
                        work(b);
                took = now_ns() - start;
                if (took < ROUND_NS) {
                        n *= 2;
                        continue;
                }
                least = MIN(least, (double)took / n);
                done++;
        }
        return least;
}

static void report(struct bench *b, const char *name, struct span argument, size_t size)
{
        _cleanup_(buf_done) struct buf argv = { 0 };
        double redacting, encoding, way;

        buf_append(&argv, "tool", sizeof("tool"));
        while (argv.size + argument.size <= size)
                buf_append_span(&argv, argument);
        if (argv.data[argv.size - 1] != '\0')
                buf_append_char(&argv, '\0');
        assert(buf_error(&argv) == 0);
        b->argv = buf_span(&argv);
        redacting = measure(b, redact);
        encoding = measure(b, encode);
        way = measure(b, go_whole_way);
        (void)printf("%s\t%.0f\t%.0f\t%.0f\t%.1f %%\t%.1f %%\n", name, redacting, encoding, way,
                     100 * redacting / encoding, 100 * redacting / way);
        (void)fflush(stdout);
}

static int bench_init(struct bench *b, const char *path)
{
        const struct sink_file_config file = {
                .path = path, .max_size = 256 * MIB, .max_files = 1, .mode = 0600
        };
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
        if (r >= 0)
                r = encoder_new(&context, &b->encoder);
        return r < 0 ? r : sink_file_new(&file, 64 * MIB, &b->file);
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
        { "6 MiB of real options",
          SPAN_LITERAL("--log-level=info\0--config\0/etc/app/config.yml\0-v\0--max-size=100\0"
                       "--output=out/build-1.2/file.o\0-DNDEBUG\0-O2\0--no-color\0"),
          6 * MIB },
        { "6 MiB of options of a compiler",
          SPAN_LITERAL("-Wl,-z,relro\0-I/usr/include/x86_64-linux-gnu\0-D_FORTIFY_SOURCE=2\0"
                       "-fstack-protector-strong\0-c\0src/auth/token_list.c\0-o\0token_list.o\0"),
          6 * MIB },
        { "6 MiB of variables",
          SPAN_LITERAL("HOME=/home/bob\0LANG=en_US.UTF-8\0XDG_RUNTIME_DIR=/run/user/1000\0"
                       "SSH_AUTH_SOCK=/run/agent\0TERM=xterm\0"),
          6 * MIB },
        { "6 MiB of URLs", SPAN_LITERAL("https://host.example.com:8443/path/to/file?a=b\0"),
          6 * MIB },
        { "6 MiB of URLs with passwords", SPAN_LITERAL("https://bob:hunter2@host/path\0"),
          6 * MIB },
        { "6 MiB of JSON bodies",
          SPAN_LITERAL("{\"id\":17,\"name\":\"bob\",\"key\":\"a-1\",\"tags\":[\"x\",\"y\"],"
                       "\"url\":\"http://h/x\"}\0"),
          6 * MIB },
        { "6 MiB of JSON with blanks",
          SPAN_LITERAL("{\"id\": 17, \"name\": \"bob smith\", \"token_type\": \"x\", "
                       "\"time\": \"12:30:59\"}\0"),
          6 * MIB },
        { "6 MiB of JSON with secrets",
          SPAN_LITERAL("{\"id\":17,\"name\":\"bob\",\"password\":\"hunter2\"}\0"), 6 * MIB },
        { "6 MiB of scripts",
          SPAN_LITERAL("cd /srv/app && ./configure --prefix=/usr && make -j4 \"$@\" | tee log\0"),
          6 * MIB },
        { "6 MiB of headers", SPAN_LITERAL("-H\0Content-Type: application/json\0"), 6 * MIB },
        { "6 MiB of secrets", SPAN_LITERAL("--password=secret\0"), 6 * MIB },
        { "6 MiB of secrets behind names", SPAN_LITERAL("--password\0secret\0"), 6 * MIB },
        { "6 MiB of tokens", SPAN_LITERAL("ghp_0123456789abcdefghijABCDEFGHIJ012345\0"), 6 * MIB },
        { "6 MiB of pairs in one", SPAN_LITERAL("token=x&"), 6 * MIB },
        { "6 MiB of JSON in one", SPAN_LITERAL("{\"name\":\"value\",\"number\":1},"), 6 * MIB },
        { "6 MiB of quotes", SPAN_LITERAL("'\" "), 6 * MIB },
        { "6 MiB of URLs in one", SPAN_LITERAL("x://b:x/"), 6 * MIB },
        { "6 MiB of token beginnings", SPAN_LITERAL("-eyJ"), 6 * MIB },
        { "6 MiB of long token beginnings", SPAN_LITERAL("dapi-"), 6 * MIB },
        { "6 MiB of keys that don't end", SPAN_LITERAL("-----BEGIN "), 6 * MIB },
};

static void bench_done(struct bench *b)
{
        redactor_free(b->redactor);
        encoder_free(b->encoder);
        sink_free(b->file);
        buf_done(&b->queue);
        buf_done(&b->joined);
}

int main(int argc, char **argv)
{
        char folder[] = "/tmp/redact_bench.XXXXXX", path[sizeof(folder) + sizeof("/log")];
        struct bench b = { 0 };
        int r;

        if (!mkdtemp(folder))
                return EXIT_FAILURE;
        (void)snprintf(path, sizeof(path), "%s/log", folder);
        r = bench_init(&b, path);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(cases); i++)
                if (argc < 2 || strstr(cases[i].name, argv[1]))
                        report(&b, cases[i].name, cases[i].argument, cases[i].size);
        bench_done(&b);
        (void)unlink(path);
        (void)rmdir(folder);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
