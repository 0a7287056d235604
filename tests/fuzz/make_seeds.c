/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Makes the seeds of fuzz_event, fuzz_journal and fuzz_replay anew: make_seeds FOLDER, where FOLDER
 * has (or gets) a folder for each. To be run when the layout of records or recordings has changed;
 * the result is kept in the tree.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../unit/record_builder.h"
#include "base/buf.h"
#include "flow/recorder.h"

static struct record record;

static int write_file(const char *folder, const char *group, const char *name, struct span data)
{
        char path[4096];
        FILE *f;
        int r = 0;

        (void)snprintf(path, sizeof(path), "%s/%s", folder, group);
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
                return -errno;
        (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, group, name);
        f = fopen(path, "we");
        if (!f)
                return -errno;
        if (fwrite(data.data, 1, data.size, f) != data.size)
                r = -EIO;
        if (fclose(f) != 0)
                r = -EIO;
        return r;
}

/* Records: each function makes one. */

static void make_full(void)
{
        record_make_full(&record, 1, 2, 1000);
}

static void make_bare(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record.exec.cut = EXEC_CUT(_FIELD_MAX) - 1;
}

static void make_failed(void)
{
        record_make_full(&record, 1, 2, 1000);
        record.head.kind = RECORD_EXEC_FAILED;
        record.head.program = PROGRAM_FAILED;
        record.exec.facts.retval = -EACCES;
        record.exec.facts.traits = TRAIT_POINT_OF_NO_RETURN;
}

static void make_failed_unnamed(void)
{
        make_failed();
        record.head.program = PROGRAM_FAILED_AT;
        record.exec.facts.retval = -512;
}

static void make_attempt(void)
{
        record_make_full(&record, 1, 2, 1000);
        record.head.kind = RECORD_EXEC_ATTEMPT;
        record.head.program = PROGRAM_ATTEMPT;
        record.exec.facts.present &= ~(FACT_RETVAL | FACT_ARGC | FACT_ARGV_BYTES);
}

static void make_exit(void)
{
        record_make_exit(&record, 1, 2, 1000);
}

static void make_exit_signal(void)
{
        record_make_exit(&record, 1, 2, 1000);
        record.exit.status = 0x80 | 11;
}

static void make_not_utf8(void)
{
        static const char comm[] = "\xff\xe2\x82\xac\xe2\x82";

        record_make_exec(&record, 1, 2, 1000);
        record.exec.facts.present = FACT_EXE_FILE | FACT_TTY | FACT_PARENT;
        memcpy(record.exec.comm, comm, sizeof(comm));
        memcpy(record.exec.parent_comm, comm, sizeof(comm));
        memcpy(record.exec.tty, comm, sizeof(comm));
        record_add(&record, FIELD_FILENAME, comm, sizeof(comm) - 1);
        record_add_strings(&record, FIELD_EXE, "\xc3\x28\0\xf0\x9f\x98\x80");
        record_add_strings(&record, FIELD_CWD, "\xed\xa0\x80");
        record_add_strings(&record, FIELD_CGROUP, "\x80");
        record_add_strings(&record, FIELD_ENV, "LD_PRELOAD=\xff\0LD_\xff=x");
        record_add_strings(&record, FIELD_ARGV, "\xff\0ok\0\xf4\x90\x80\x80");
}

static void make_controls(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record_add(&record, FIELD_FILENAME, "./\"\\/\x7f", 6);
        record_add_strings(&record, FIELD_ARGV,
                           "\n\t\r\b\f\0\x1b[31m\0\x7f\0\"quoted\"\0back\\slash\0\xc2\x85\0\0");
}

static void make_cut(void)
{
        record_make_full(&record, 1, 2, 1000);
        record.exec.cut = EXEC_CUT(FIELD_EXE) | EXEC_CUT(FIELD_CWD) | EXEC_CUT(FIELD_ARGV) |
                          EXEC_CUT(FIELD_ENV) | EXEC_CUT(FIELD_ANCESTORS);
        record.head.size--; /* argv without its last NUL */
        record.exec.len[FIELD_ARGV]--;
        record.exec.facts.argv_bytes = 100000;
}

static void make_variables(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record_add_strings(&record, FIELD_ENV, "A=1\0A=2\0A=3=2\0=x\0no variable\0A=");
}

static void make_long(void)
{
        char string[120];

        record_make_full(&record, 1, 2, 1000);
        for (unsigned i = 0; i < 48; i++) {
                int n = snprintf(string, sizeof(string), "--option-%u=%0100u", i, i);

                record_add(&record, FIELD_ARGV, string, (size_t)n + 1);
        }
        for (unsigned i = 0; i < 128; i++)
                record_add_strings(&record, FIELD_CWD, "deep");
}

static void make_process(void)
{
        record_make_full(&record, 1, 0, 1000);
        record.head.kind = RECORD_PROCESS;
        record_add_strings(&record, FIELD_ARGV, "\0\0"); /* behind a title */
}

static void make_process_told(void)
{
        record_make_exec(&record, 1, 0, 1000);
        record.head.kind = RECORD_PROCESS_TOLD;
        record.exec.facts.present = FACT_EXEC_COUNT | FACT_FORKED;
        record.exec.cut = EXEC_CUT(FIELD_FILENAME) | EXEC_CUT(FIELD_ARGV);
}

static void make_chunk(void)
{
        const struct exec_record_head event = record_head(RECORD_EXEC, PROGRAM_EXEC, 1, 2, 1000);

        record_make_chunk(&record, &event, 1, "more\0", 5);
}

static const struct {
        const char *name;
        void (*make)(void);
} records[] = {
        { "attempt", make_attempt },
        { "bare", make_bare },
        { "chunk", make_chunk },
        { "controls", make_controls },
        { "cut", make_cut },
        { "exit", make_exit },
        { "exit_signal", make_exit_signal },
        { "failed", make_failed },
        { "failed_unnamed", make_failed_unnamed },
        { "full", make_full },
        { "process", make_process },
        { "process_told", make_process_told },
        { "long", make_long },
        { "not_utf8", make_not_utf8 },
        { "variables", make_variables },
};

/* Values that would end their field, begin another, or look like the end of the entry. */
static void make_forging(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record.exec.facts.present = FACT_EXE_FILE;
        memcpy(record.exec.comm, "\nPRIORITY=0\n", sizeof("\nPRIORITY=0\n"));
        record_add_strings(&record, FIELD_EXE, "x\n\nEXECSNOOP_JSON={}");
        record_add_strings(&record, FIELD_CGROUP, "a\tb\n\0system.slice");
        record_add_strings(&record, FIELD_ARGV, "\nMESSAGE=x\n");
}

/* Valid, but not for journalctl. */
static void make_noncharacters(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record.exec.facts.present = FACT_EXE_FILE;
        memcpy(record.exec.comm, "\xef\xbf\xbe\xc2\x80\x7f", sizeof("\xef\xbf\xbe\xc2\x80\x7f"));
        record_add_strings(&record, FIELD_EXE, "\xef\xb7\x90\xf0\x9f\xbf\xbe\xf4\x8f\xbf\xbf");
        record_add_strings(&record, FIELD_ARGV, "\xef\xb7\xb0\x1b");
}

/* Cut where journalctl would print null: at any byte, and between characters of all sizes. */
static void make_long_paths(void)
{
        record_make_exec(&record, 1, 2, 1000);
        record.exec.facts.present = FACT_EXE_FILE;
        for (unsigned i = 0; i < 500; i++) {
                record_add_strings(&record, FIELD_EXE, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa9\xff");
                record_add_strings(&record, FIELD_CGROUP, "plain.slice");
        }
}

/* Recordings: each function appends frames. */

static void add_frame(struct buf *b, uint32_t kind, const void *data, size_t size)
{
        const struct recording_frame frame = { .kind = kind, .size = (uint32_t)size };

        buf_append(b, &frame, sizeof(frame));
        buf_append(b, data, size);
        buf_append(b, "\0\0\0\0\0\0\0", -size & 7);
}

static void add_mark(struct buf *b, uint32_t kind, uint32_t program, uint32_t cpu, uint64_t value)
{
        const struct recording_mark m = { .program = program, .cpu = cpu, .value = value };

        add_frame(b, kind, &m, sizeof(m));
}

static void add_record(struct buf *b)
{
        add_frame(b, FRAME_RECORD, &record, record.head.size);
}

static void add_exec(struct buf *b, uint32_t cpu, uint64_t seq, uint64_t boot_ns, uint32_t n_chunks)
{
        record_make_full(&record, cpu, seq, boot_ns);
        record.head.n_chunks = n_chunks;
        add_record(b);
}

static void add_chunk(struct buf *b, uint32_t cpu, uint64_t seq, uint64_t boot_ns, uint32_t chunk)
{
        const struct exec_record_head event =
                record_head(RECORD_EXEC, PROGRAM_EXEC, cpu, seq, boot_ns);

        record_make_chunk(&record, &event, chunk, "more\0and", 8);
        add_record(b);
}

static void record_nothing(struct buf *b _unused_)
{
}

static void record_life(struct buf *b)
{
        add_exec(b, 0, 1, 1000, 0);
        record_make_exit(&record, 1, 1, 2000);
        add_record(b);
        add_mark(b, FRAME_ROUND, 0, 0, 3000);
        add_mark(b, FRAME_DRAINED, PROGRAM_EXEC, 0, 1);
}

static void record_orders(struct buf *b)
{
        add_exec(b, 1, 1, 3000, 0);
        add_exec(b, 1, 2, 5000, 0);
        add_exec(b, 0, 1, 3000, 0);
        add_mark(b, FRAME_ROUND, 0, 0, 4000);
        add_exec(b, 0, 2, 2000, 0); /* too late */
        add_mark(b, FRAME_ROUND, 0, 0, 6000);
}

static void record_chunks(struct buf *b)
{
        add_exec(b, 0, 1, 1000, 3);
        add_chunk(b, 0, 1, 1000, 2);
        add_chunk(b, 0, 1, 1000, 1);
        add_chunk(b, 0, 1, 1000, 3);
        add_chunk(b, 0, 1, 1000, 3);
        add_mark(b, FRAME_ROUND, 0, 0, 2000);
}

static void record_chunk_holes(struct buf *b)
{
        add_exec(b, 0, 1, 1000, 2);
        add_chunk(b, 0, 1, 1000, 2);
        add_chunk(b, 0, 9, 1000, 1);
        add_exec(b, 1, 1, 1000, 1);
        add_mark(b, FRAME_ROUND, 0, 0, 2000);
}

static void record_holes(struct buf *b)
{
        add_exec(b, 0, 4, 1000, 0);
        add_exec(b, 0, 4, 1001, 0);
        add_exec(b, 0, UINT64_MAX, 1002, 0);
        add_mark(b, FRAME_ROUND, 0, 0, 2000);
        add_mark(b, FRAME_DRAINED, PROGRAM_EXIT, 3, 7);
        add_mark(b, FRAME_MISSED, PROGRAM_ATTEMPT, 0, 5);
        add_mark(b, FRAME_ROUND, 0, 0, NSEC_PER_SEC);
        add_mark(b, FRAME_ROUND, 0, 0, 3 * NSEC_PER_SEC);
}

static void record_clock(struct buf *b)
{
        add_mark(b, FRAME_CLOCK, 0, 0, INT64_MAX);
        add_exec(b, 0, 1, UINT64_MAX, 0);
        add_mark(b, FRAME_ROUND, 0, 0, UINT64_MAX);
        add_mark(b, FRAME_CLOCK, 0, 0, (uint64_t)INT64_MIN);
        add_exec(b, 0, 2, 0, 0);
        add_mark(b, FRAME_ROUND, 0, 0, 0);
}

static void record_malformed(struct buf *b)
{
        record_make_full(&record, 0, 1, 1000);
        record.exec.len[FIELD_EXE]++;
        add_record(b);
        record_make_full(&record, 0, 2, 1000);
        add_frame(b, FRAME_RECORD, &record, 100);
        add_frame(b, FRAME_RECORD, &record, 3);
        record.head.kind = RECORD_DAEMON + 1;
        add_record(b);
        add_mark(b, FRAME_ROUND, 0, 0, 2000);
}

static void record_overflow(struct buf *b)
{
        for (uint64_t i = 1; i <= 24; i++)
                add_exec(b, 0, i, 1000 + i, 0);
        add_mark(b, FRAME_ROUND, 0, 0, 2000);
}

static void record_damage(struct buf *b)
{
        add_exec(b, 0, 1, 1000, 0);
        add_mark(b, FRAME_ROUND, _PROGRAM_MAX, 0, 2000);
}

static const struct {
        const char *name;
        void (*add)(struct buf *b);
        bool is_cut;
} recordings[] = {
        { "chunk_holes", record_chunk_holes, false },
        { "chunks", record_chunks, false },
        { "clock", record_clock, false },
        { "cut", record_life, true },
        { "damage", record_damage, false },
        { "holes", record_holes, false },
        { "life", record_life, false },
        { "malformed", record_malformed, false },
        { "nothing", record_nothing, false },
        { "orders", record_orders, false },
        { "overflow", record_overflow, false },
};

/*
 * Records with the first byte of fuzz_journal: 7 for a large argv, 8 for no descriptors; the kind
 * of the next event in the upper bits.
 */
static const struct {
        const char *name;
        void (*make)(void);
        char control;
} journal[] = {
        { "attempt", make_attempt, 0x20 },
        { "bare", make_bare, 0x40 },
        { "controls", make_controls, 0x60 },
        { "cut", make_cut, (char)0x80 },
        { "exit", make_exit, (char)0xa0 },
        { "failed", make_failed, (char)0xc0 },
        { "forging", make_forging, (char)0xe0 },
        { "full", make_full, 0 },
        { "long", make_long, 0 },
        { "long_paths", make_long_paths, 0 },
        { "memfd", make_long, 7 },
        { "no_memfd", make_long, 7 | 8 },
        { "noncharacters", make_noncharacters, 0 },
        { "not_utf8", make_not_utf8, 7 },
        { "stop", make_exit, 16 },
};

static int make_journal(const char *folder, unsigned i)
{
        _cleanup_(buf_done) struct buf b = { 0 };

        journal[i].make();
        buf_append_char(&b, journal[i].control);
        buf_append(&b, record.bytes, record.head.size);
        if (buf_error(&b) < 0)
                return buf_error(&b);
        return write_file(folder, "journal", journal[i].name, buf_span(&b));
}

static int make_recording(const char *folder, unsigned i)
{
        static const struct recording_header header = {
                .magic = RECORDING_MAGIC,
                .version = RECORDING_VERSION,
                .n_cpus = 4,
                .start_ns = 500,
                .realtime_offset_ns = INT64_C(1700000000) * 1000000000,
                .boot_id = "0123456789abcdef0123456789abcdef",
                .host = "box",
                .kernel = "6.1",
                .namespaces = { [NAMESPACE_MNT] = 4026531840 },
        };
        _cleanup_(buf_done) struct buf b = { 0 };

        buf_append(&b, &header, sizeof(header));
        recordings[i].add(&b);
        if (recordings[i].is_cut)
                b.size -= 11;
        else
                add_frame(&b, FRAME_END, NULL, 0);
        if (buf_error(&b) < 0)
                return buf_error(&b);
        return write_file(folder, "replay", recordings[i].name, buf_span(&b));
}

int main(int argc, char **argv)
{
        int r = 0;

        if (argc != 2) {
                (void)fprintf(stderr, "Usage: make_seeds FOLDER\n");
                return EXIT_FAILURE;
        }
        for (unsigned i = 0; i < ELEMENTSOF(records) && r >= 0; i++) {
                records[i].make();
                r = write_file(argv[1], "event", records[i].name,
                               (struct span){ record.bytes, record.head.size });
        }
        for (unsigned i = 0; i < ELEMENTSOF(journal) && r >= 0; i++)
                r = make_journal(argv[1], i);
        for (unsigned i = 0; i < ELEMENTSOF(recordings) && r >= 0; i++)
                r = make_recording(argv[1], i);
        if (r < 0)
                (void)fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
