/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as a recording, through all stages into a stdout sink: it ends, every line that comes
 * out is canonical JSON, and no event is unaccounted for, however the recording ends.
 *
 * Bytes that do not begin as a recording get a header, so that a fuzzer need not find it. The queue
 * and the backlog are small: being full is part of what is tried.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../unit/canonical_json.h"
#include "../unit/flow_fixture.h"

#define QUEUE_SIZE (size_t)(8 * KIB)
#define BACKLOG_SIZE (size_t)(16 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct recording_header default_header = {
        .magic = RECORDING_MAGIC,
        .version = RECORDING_VERSION,
        .n_cpus = 4,
        .start_ns = 1,
        .realtime_offset_ns = INT64_C(1700000000) * 1000000000,
        .boot_id = "0123456789abcdef0123456789abcdef",
        .host = "box",
        .kernel = "6.1",
};

static void write_all(int fd, const void *data, size_t size)
{
        ssize_t n = write(fd, data, size);

        assert(n == (ssize_t)size);
}

static int make_input(const uint8_t *data, size_t size)
{
        bool has_header = size >= sizeof(default_header.magic) &&
                          memcmp(data, RECORDING_MAGIC, sizeof(default_header.magic)) == 0;
        int fd = memfd_create("input", MFD_CLOEXEC);
        off_t start;

        assert(fd >= 0);
        if (!has_header)
                write_all(fd, &default_header, sizeof(default_header));
        write_all(fd, data, size);
        start = lseek(fd, 0, SEEK_SET);
        assert(start == 0);
        return fd;
}

static void assert_line(const char *line, const char *end)
{
        struct json_object *json = canonical_parse((struct span){ line, (size_t)(end - line) });

        assert(json_object_is_type(json, json_type_object));
        json_object_put(json);
}

static void assert_output(int fd)
{
        const off_t size = lseek(fd, 0, SEEK_END);
        char *text, *end;
        int r;

        assert(size > 0); /* a stop event at least */
        text = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        assert(text != MAP_FAILED);
        for (char *p = text; p < text + size; p = end + 1) {
                end = memchr(p, '\n', (size_t)(text + size - p));
                assert(end);
                assert_line(p, end);
        }
        r = munmap(text, (size_t)size);
        assert(r == 0);
}

static void replay(struct source *source, struct flow_fixture *f)
{
        _cleanup_(closep) int output = memfd_create("output", MFD_CLOEXEC);
        struct sink *sink = NULL;
        int r;

        r = flow_fixture_init(f, source, QUEUE_SIZE);
        assert(r == 0);
        r = sink_stdout_new(output, BACKLOG_SIZE, &sink);
        assert(r == 0);
        outputs_set_sink(f->flow->outputs, SINK_STDOUT, sink, FORMAT_NATIVE);
        r = flow_fixture_replay(f);
        assert(r == 0 || r == -ENODATA || r == -EBADMSG);
        assert(queue_count(f->flow->queue) == 0);
        assert(flow_fixture_unaccounted(f, SINK_STDOUT) == 0);
        assert_output(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(flow_fixture_done) struct flow_fixture fixture = { 0 };
        _cleanup_(closep) int input = make_input(data, size);
        struct source *source = NULL;
        int r;

        r = source_replay_new(input, &source);
        assert(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0)
                replay(source, &fixture);
        return 0;
}
