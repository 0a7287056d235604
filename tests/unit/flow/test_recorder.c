/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * recorder and source_replay: what a source says comes back word by word; a recording that is cut,
 * damaged or not one is told apart, and never read beyond its end.
 */
#include "encode_line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_fixture.h"
#include "memory_sink.h"
#include "record_builder.h"

static struct record record;

static const struct recording_header header = {
        .magic = RECORDING_MAGIC,
        .version = RECORDING_VERSION,
        .n_cpus = 4,
        .start_ns = 7,
        .realtime_offset_ns = -8,
        .boot_id = BOOT_ID,
        .host = "box",
        .kernel = "6.1",
        .machine_id = "fedcba9876543210fedcba9876543210",
        .namespaces = { [NAMESPACE_MNT] = 4026531841 },
};

/* A file of no name; its path for those who open it. */
struct file {
        int fd;
        char path[64];
};

static int setup(void **state)
{
        struct file *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->fd = memfd_create("test_recorder", MFD_CLOEXEC);
        assert_true(f->fd >= 0);
        (void)snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct file *f = *state;

        assert_int_equal(close(f->fd), 0);
        free(f);
        return 0;
}

/* Everything that is said to it, in writing. */

static void on_record(void *userdata, const void *bytes, size_t size)
{
        buf_printf(userdata, "record %zu ", size);
        buf_append(userdata, bytes, size);
}

static void on_round(void *userdata, uint64_t watermark_ns)
{
        buf_printf(userdata, "round %" PRIu64 "\n", watermark_ns);
}

static void on_drained(void *userdata, enum exec_program program, uint32_t cpu, uint64_t seq)
{
        buf_printf(userdata, "drained %u %" PRIu32 " %" PRIu64 "\n", program, cpu, seq);
}

static void on_missed(void *userdata, enum exec_program program, uint64_t count)
{
        buf_printf(userdata, "missed %u %" PRIu64 "\n", program, count);
}

static void on_counted(void *userdata, uint64_t until_ns)
{
        buf_printf(userdata, "counted %" PRIu64 "\n", until_ns);
}

static void on_clock(void *userdata, uint64_t from_ns, int64_t realtime_offset_ns)
{
        buf_printf(userdata, "clock %" PRIu64 " %" PRId64 "\n", from_ns, realtime_offset_ns);
}

static struct source_handler handler_of(struct buf *log)
{
        return (struct source_handler){ .on_record = on_record,
                                        .on_round = on_round,
                                        .on_drained = on_drained,
                                        .on_missed = on_missed,
                                        .on_counted = on_counted,
                                        .on_clock = on_clock,
                                        .userdata = log };
}

/* Replays all of it into the log; returns how it ended. */
static int replay(const struct file *f, struct buf *log)
{
        _cleanup_(source_freep) struct source *s = NULL;
        const struct source_handler handler = handler_of(log);
        int r;

        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        r = source_replay_new(f->fd, &s);
        if (r < 0) {
                assert_null(s);
                return r;
        }
        assert_int_equal(source_open(s, &handler, NULL), 0);
        do
                r = source_step(s);
        while (r > 0);
        assert_int_equal(buf_error(log), 0);
        return r;
}

static size_t file_size(const struct file *f)
{
        struct stat st;

        assert_int_equal(fstat(f->fd, &st), 0);
        return (size_t)st.st_size;
}

static void put(const struct file *f, const void *data, size_t size)
{
        assert_int_equal(write(f->fd, data, size), size);
}

/* A header, and whatever is appended then. */
static void put_header(const struct file *f, const struct recording_header *h)
{
        assert_int_equal(ftruncate(f->fd, 0), 0);
        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        put(f, h, sizeof(*h));
}

static void put_frame(const struct file *f, uint32_t kind, const void *data, uint32_t size)
{
        const struct recording_frame frame = { .kind = kind, .size = size };
        static const char zeros[8];

        put(f, &frame, sizeof(frame));
        put(f, data, size);
        put(f, zeros, -size & 7);
}

static void put_mark(const struct file *f, uint32_t kind, uint32_t program, uint32_t cpu,
                     uint64_t value)
{
        const struct recording_mark m = { .program = program, .cpu = cpu, .value = value };

        put_frame(f, kind, &m, sizeof(m));
}

static struct recorder *make_recorder(const struct file *f)
{
        struct recorder *r = NULL;

        assert_int_equal(recorder_new(f->path, &header, &r), 0);
        return r;
}

/* Says the same to the recorder and to the log. */
static void say(struct recorder *r, struct buf *log, unsigned n)
{
        uint64_t seed = n;

        for (unsigned i = 0; i < n; i++) {
                size_t size = random_next(&seed) % 100;

                for (size_t k = 0; k < size; k++)
                        record.bytes[k] = (char)random_next(&seed);
                recorder_record(r, record.bytes, size);
                on_record(log, record.bytes, size);
                if (i % 7 == 3) {
                        recorder_mark(r, FRAME_ROUND, &(struct recording_mark){ .value = i });
                        on_round(log, i);
                }
        }
        recorder_mark(r, FRAME_DRAINED,
                      &(struct recording_mark){ .program = 1, .cpu = 3, .value = UINT64_MAX });
        on_drained(log, 1, 3, UINT64_MAX);
        recorder_mark(r, FRAME_MISSED, &(struct recording_mark){ .program = 5, .value = 9 });
        on_missed(log, 5, 9);
        recorder_clock(r, &(struct recording_clock){ .from_ns = UINT64_MAX,
                                                     .realtime_offset_ns = INT64_MIN });
        on_clock(log, UINT64_MAX, INT64_MIN);
        recorder_mark(r, FRAME_COUNTED, &(struct recording_mark){ .value = 12 });
        on_counted(log, 12);
}

static void assert_same(const struct buf *a, const struct buf *b)
{
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->data, b->data, a->size);
}

static void everything_said_comes_back(void **state)
{
        _cleanup_(buf_done) struct buf said = { 0 }, heard = { 0 };
        struct recorder *r = make_recorder(*state);

        say(r, &said, 100);
        assert_int_equal(recorder_flush(r), 0);
        say(r, &said, 1);
        assert_int_equal(recorder_flush(r), 0);
        assert_int_equal(recorder_flush(r), 0);
        say(r, &said, 0);
        recorder_free(r); /* writes what is not flushed */
        assert_int_equal(replay(*state, &heard), 0);
        assert_same(&said, &heard);
}

static void largest_record_comes_back(void **state)
{
        _cleanup_(buf_done) struct buf said = { 0 }, heard = { 0 };
        struct recorder *r = make_recorder(*state);

        memset(record.bytes, 'x', sizeof(record.bytes));
        recorder_record(r, &record, sizeof(record.bytes));
        on_record(&said, &record, sizeof(record.bytes));
        recorder_free(r);
        assert_int_equal(replay(*state, &heard), 0);
        assert_same(&said, &heard);
}

static void header_comes_back(void **state)
{
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct source_handler handler = handler_of(&log);
        const struct file *f = *state;
        struct recording_header h;
        struct source *s = NULL;

        recorder_free(make_recorder(f));
        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        assert_int_equal(source_replay_new(f->fd, &s), 0);
        assert_int_equal(source_open(s, &handler, NULL), 0);
        assert_int_equal(source_identify(s, &h), 0);
        assert_memory_equal(&h, &header, sizeof(header));
        assert_int_equal(s->n_cpus, header.n_cpus);
        assert_int_equal(source_now_ns(s), header.start_ns);
        assert_int_equal(source_step(s), 0);
        source_free(s); /* teardown() closes the fd: it is still ours */
}

static void recording_is_for_its_owner_alone(void **state)
{
        char folder[] = "/tmp/test_recorder.XXXXXX", path[64];
        struct recorder *r = NULL;
        struct stat st;

        (void)state;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof(path), "%s/rec", folder);
        assert_int_equal(recorder_new(path, &header, &r), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        recorder_free(r);
        assert_int_equal(unlink(path) + rmdir(folder), 0);
}

static void old_content_is_gone(void **state)
{
        const struct file *f = *state;

        put(f, &record, sizeof(record));
        recorder_free(make_recorder(f));
        assert_int_equal(file_size(f), sizeof(header) + sizeof(struct recording_frame));
}

static void file_that_cannot_be_made_is_refused(void **state)
{
        struct recorder *r = NULL;

        (void)state;
        assert_int_equal(recorder_new("/nowhere/at/all", &header, &r), -ENOENT);
        assert_int_equal(recorder_new("/", &header, &r), -EISDIR);
        assert_null(r);
}

static void full_disk_stays_an_error_and_takes_no_memory(void **state)
{
        struct recorder *r = NULL;

        (void)state;
        assert_int_equal(recorder_new("/dev/full", &header, &r), 0);
        for (unsigned i = 0; i < 3; i++) {
                recorder_record(r, &record, sizeof(record));
                assert_int_equal(recorder_flush(r), -ENOSPC);
        }
        recorder_free(r);
}

/* Whatever was whole is said; and that it is not all, too. */
static void recording_cut_at_any_byte_is_told(void **state)
{
        _cleanup_(buf_done) struct buf said = { 0 }, heard = { 0 };
        const struct file *f = *state;
        struct recorder *r = make_recorder(f);
        size_t heard_before = 0;

        say(r, &said, 20);
        recorder_free(r);
        for (size_t size = file_size(f); size-- > 0;) {
                assert_int_equal(ftruncate(f->fd, (off_t)size), 0);
                buf_reset(&heard);
                assert_int_equal(replay(f, &heard), size < sizeof(header) ? -EBADMSG : -ENODATA);
                assert_true(heard.size <= said.size);
                if (heard.size > 0)
                        assert_memory_equal(heard.data, said.data, heard.size);
                assert_true(heard_before == 0 || heard.size <= heard_before);
                heard_before = heard.size;
        }
}

static void what_is_no_recording_is_refused(void **state)
{
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct file *f = *state;
        struct recording_header h;

        put_header(f, &header);
        assert_int_equal(replay(f, &log), -ENODATA);

        for (size_t i = 0; i < sizeof(h.magic); i++) {
                h = header;
                h.magic[i]++;
                put_header(f, &h);
                assert_int_equal(replay(f, &log), -EBADMSG);
        }
        h = header;
        h.version++;
        put_header(f, &h);
        assert_int_equal(replay(f, &log), -EPROTONOSUPPORT);
}

static void header_that_makes_no_sense_is_refused(void **state)
{
        _cleanup_(buf_done) struct buf log = { 0 };
        static const struct {
                uint32_t n_cpus;
                int result;
        } cpus[] = { { 0, -EBADMSG },
                     { 1, -ENODATA },
                     { 8192, -ENODATA },
                     { 8193, -EBADMSG },
                     { UINT32_MAX, -EBADMSG } };
        const struct file *f = *state;
        struct recording_header h;

        for (size_t i = 0; i < ELEMENTSOF(cpus); i++) {
                h = header;
                h.n_cpus = cpus[i].n_cpus;
                put_header(f, &h);
                assert_int_equal(replay(f, &log), cpus[i].result);
        }
        for (size_t i = 0; i <= 32; i++) {
                h = header;
                h.boot_id[i] = i < 32 ? 'g' : '0';
                put_header(f, &h);
                assert_int_equal(replay(f, &log), -EBADMSG);
        }
        for (size_t i = 0; i <= 32; i++) {
                h = header;
                h.machine_id[i] = i < 32 ? 'g' : '0';
                put_header(f, &h);
                assert_int_equal(replay(f, &log), -EBADMSG);
        }
        h = header;
        memset(h.machine_id, 0, sizeof(h.machine_id)); /* none */
        put_header(f, &h);
        assert_int_equal(replay(f, &log), -ENODATA);
        h = header;
        memset(h.host, 'h', sizeof(h.host));
        put_header(f, &h);
        assert_int_equal(replay(f, &log), -EBADMSG);
        h = header;
        memset(h.kernel, 'k', sizeof(h.kernel));
        put_header(f, &h);
        assert_int_equal(replay(f, &log), -EBADMSG);
}

static void frame_of_no_kind_is_damage(void **state)
{
        static const uint32_t kinds[] = { 0, FRAME_COUNTED + 1, UINT32_MAX };
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct file *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                put_header(f, &header);
                put_frame(f, FRAME_RECORD, "abc", 3);
                put_mark(f, kinds[i], 0, 0, 1);
                put_frame(f, FRAME_RECORD, "never", 5);
                buf_reset(&log);
                assert_int_equal(replay(f, &log), -EBADMSG);
                assert_int_equal(log.size, strlen("record 3 abc")); /* all before has been said */
        }
}

static void frame_larger_than_any_record_is_damage(void **state)
{
        static const uint32_t sizes[] = { 2 * EXEC_RECORD_SIZE_MAX - 6, 1u << 31, UINT32_MAX };
        static char payload[2 * EXEC_RECORD_SIZE_MAX];
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct file *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                put_header(f, &header);
                put(f, &(struct recording_frame){ FRAME_RECORD, sizes[i] },
                    sizeof(struct recording_frame));
                put(f, payload, sizeof(payload));
                assert_int_equal(replay(f, &log), -EBADMSG);
        }
        put_header(f, &header);
        put_frame(f, FRAME_RECORD, payload, 2 * EXEC_RECORD_SIZE_MAX - 7);
        put_frame(f, FRAME_END, NULL, 0);
        assert_int_equal(replay(f, &log), 0);
}

static void mark_that_makes_no_sense_is_damage(void **state)
{
        static const char zeros[64];
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct file *f = *state;

        for (uint32_t kind = FRAME_ROUND; kind <= FRAME_COUNTED; kind++) {
                if (kind == FRAME_END)
                        continue;
                if (kind != FRAME_CLOCK) {
                        put_header(f, &header);
                        put_mark(f, kind, _PROGRAM_MAX, 0, 1);
                        assert_int_equal(replay(f, &log), -EBADMSG);
                        put_header(f, &header);
                        put_mark(f, kind, 0, header.n_cpus, 1);
                        assert_int_equal(replay(f, &log), -EBADMSG);
                }
                for (uint32_t size = 0; size < 40; size++) {
                        if (size == sizeof(struct recording_mark))
                                continue;
                        put_header(f, &header);
                        put_frame(f, kind, zeros, size);
                        assert_int_equal(replay(f, &log), -EBADMSG);
                }
        }
        assert_int_equal(log.size, 0);
}

static void step_ends_with_its_round(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct source_handler handler = handler_of(&log);
        const struct file *f = *state;

        put_header(f, &header);
        put_frame(f, FRAME_RECORD, "a", 1);
        put_mark(f, FRAME_ROUND, 0, 0, 1);
        put_frame(f, FRAME_RECORD, "b", 1);
        put_mark(f, FRAME_ROUND, 0, 0, 2);
        put_frame(f, FRAME_END, NULL, 0);
        put_frame(f, FRAME_RECORD, "never", 5);
        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        assert_int_equal(source_replay_new(f->fd, &s), 0);
        assert_int_equal(source_open(s, &handler, NULL), 0);
        assert_int_equal(source_step(s), 1);
        assert_int_equal(log.size, strlen("record 1 around 1\n"));
        assert_int_equal(source_step(s), 1);
        assert_int_equal(log.size, 2 * strlen("record 1 around 1\n"));
        assert_int_equal(source_step(s), 0);
        assert_int_equal(log.size, 2 * strlen("record 1 around 1\n"));
}

static void recording_without_a_round_comes_in_pieces(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct source_handler handler = handler_of(&log);
        struct recorder *r = make_recorder(*state);
        const struct file *f = *state;

        for (unsigned i = 0; i < 100000; i++)
                recorder_record(r, "", 0);
        recorder_free(r);
        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        assert_int_equal(source_replay_new(f->fd, &s), 0);
        assert_int_equal(source_open(s, &handler, NULL), 0);
        assert_int_equal(source_step(s), 1);
        assert_true(log.size < 100000 * strlen("record 0 "));
        assert_int_equal(source_step(s), 0);
        assert_int_equal(log.size, 100000 * strlen("record 0 "));
}

static void recording_can_come_through_a_pipe(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        _cleanup_(buf_done) struct buf log = { 0 };
        const struct source_handler handler = handler_of(&log);
        int fds[2];

        (void)state;
        assert_int_equal(pipe(fds), 0);
        struct file end = { .fd = fds[1] };

        put(&end, &header, sizeof(header));
        put_frame(&end, FRAME_RECORD, "abc", 3);
        put_frame(&end, FRAME_END, NULL, 0);
        assert_int_equal(source_replay_new(fds[0], &s), 0);
        assert_int_equal(source_open(s, &handler, NULL), 0);
        assert_int_equal(source_step(s), 0);
        assert_int_equal(log.size, strlen("record 3 abc"));
        assert_int_equal(close(fds[0]) + close(fds[1]), 0);
}

static void file_that_cannot_be_read_is_an_error(void **state)
{
        _cleanup_(closep) int fd = open("/", O_RDONLY | O_CLOEXEC);
        struct source *s = NULL;

        (void)state;
        assert_int_equal(source_replay_new(fd, &s), -EISDIR);
        assert_int_equal(source_replay_new(-1, &s), -EBADF);
        assert_null(s);
        assert_null(source_free(NULL));
        assert_null(recorder_free(NULL));
}

/* Some of everything: events, chunks, garbage, holes, rounds, counters, clock. */
static void feed_stream(struct flow_fixture *s)
{
        const struct source_handler *h = &s->source->handler;
        uint64_t seed = 1, seq[4] = { 0 };

        for (uint64_t i = 1; i <= 400; i++) {
                uint32_t cpu = random_next(&seed) % 4;
                struct exec_record_head event;

                seq[cpu] += 1 + (random_next(&seed) % 16 == 0);
                record_make_full(&record, cpu, seq[cpu], i);
                record.head.n_chunks = i % 8 == 0;
                event = record.head;
                h->on_record(h->userdata, &record, record.head.size - (i % 50 == 0));
                if (event.n_chunks > 0) {
                        record_make_chunk(&record, &event, 1, "x", 2);
                        h->on_record(h->userdata, &record, record.head.size);
                }
                if (i % 9 == 0) {
                        spoken_round(s->source, i);
                        assert_int_equal(flow_fixture_run(s), 0);
                }
                if (i % 100 == 0)
                        h->on_clock(h->userdata, (uint64_t)i, (int64_t)i * 1000000000);
                if (i % 60 == 0)
                        h->on_missed(h->userdata, PROGRAM_EXEC, i);
                if (i % 70 == 0)
                        h->on_counted(h->userdata, i - 3);
        }
        h->on_drained(h->userdata, PROGRAM_EXEC, 2, seq[2] + 5);
}

static struct sink *open_flow(struct flow_fixture *f, struct source *source)
{
        struct sink *sink = memory_sink_new();

        assert_int_equal(flow_fixture_init(f, source, MIB), 0);
        outputs_set_sink(f->flow->outputs, SINK_STDOUT, sink, FORMAT_NATIVE);
        return sink;
}

static void replayed_stream_is_the_live_one(void **state)
{
        _cleanup_(flow_fixture_done) struct flow_fixture live = { 0 }, again = { 0 };
        struct recorder *r = make_recorder(*state);
        const struct file *f = *state;
        struct source *source = NULL;
        struct sink *a, *b;

        a = open_flow(&live, spoken_source_new(&header, NULL));
        flow_set_recorder(live.flow, r);
        feed_stream(&live);
        assert_int_equal(flow_fixture_stop(&live), 0);
        assert_int_equal(flow_fixture_unaccounted(&live, SINK_STDOUT), 0);
        recorder_free(r);

        assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
        assert_int_equal(source_replay_new(f->fd, &source), 0);
        b = open_flow(&again, source);
        assert_int_equal(flow_fixture_replay(&again), 0);
        assert_int_equal(flow_fixture_unaccounted(&again, SINK_STDOUT), 0);
        assert_true(memory_sink_of(a)->n_lines > 380);
        assert_same(&memory_sink_of(a)->text, &memory_sink_of(b)->text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(everything_said_comes_back),
                TEST(largest_record_comes_back),
                TEST(header_comes_back),
                TEST(recording_is_for_its_owner_alone),
                TEST(old_content_is_gone),
                TEST(file_that_cannot_be_made_is_refused),
                TEST(full_disk_stays_an_error_and_takes_no_memory),
                TEST(recording_cut_at_any_byte_is_told),
                TEST(what_is_no_recording_is_refused),
                TEST(header_that_makes_no_sense_is_refused),
                TEST(frame_of_no_kind_is_damage),
                TEST(frame_larger_than_any_record_is_damage),
                TEST(mark_that_makes_no_sense_is_damage),
                TEST(step_ends_with_its_round),
                TEST(recording_without_a_round_comes_in_pieces),
                TEST(recording_can_come_through_a_pipe),
                TEST(file_that_cannot_be_read_is_an_error),
                TEST(replayed_stream_is_the_live_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
