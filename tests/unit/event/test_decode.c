/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * decode: every fact of a record arrives, and every lie about a length is refused without a byte
 * being read beyond the end, which ASan sees because each record is given in memory of exactly its
 * size; also at addresses that are aligned to 4 only, as in a ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/decode.h"
#include "record_builder.h"

/* Strings with their NULs, as fields hold them. */
#define STRINGS(literal) ((struct span){ literal, sizeof(literal) })

#define assert_span(span, literal)                                                                 \
        do {                                                                                       \
                assert_non_null((span).data);                                                      \
                assert_int_equal((span).size, sizeof(literal) - 1);                                \
                assert_memory_equal((span).data, literal, sizeof(literal) - 1);                    \
        } while (0)

static struct record record;

static int setup(void **state)
{
        return decoder_new((struct decoder **)state);
}

static int teardown(void **state)
{
        decoder_free(*state);
        return 0;
}

/* Decodes the first `size` bytes, in a heap block that ends with them. The event is not kept. */
static enum decode_result try_bytes(struct decoder *d, const void *bytes, size_t size)
{
        _cleanup_(freep) char *block = malloc(size + 4);
        struct exec_event event, before;
        enum decode_result r;

        assert_non_null(block);
        memcpy(block + 4, bytes, size); /* aligned to 4, not to 8 */
        memset(&event, 0xa5, sizeof(event));
        before = event;
        r = decode_record(d, block + 4, size, &event);
        if (r != DECODE_OK)
                assert_memory_equal(&event, &before, sizeof(event));
        return r;
}

static enum decode_result try_record(struct decoder *d, const struct record *r)
{
        return try_bytes(d, r, r->head.size);
}

static struct exec_event decode(struct decoder *d, const struct record *r)
{
        struct exec_event event;

        assert_int_equal(decode_record(d, r, r->head.size, &event), DECODE_OK);
        return event;
}

static void exec_brings_all_its_numbers(void **state)
{
        struct exec_event event;

        record_make_full(&record, 3, 8, 1000);
        event = decode(*state, &record);
        assert_int_equal(event.kind, EVENT_EXEC);
        assert_int_equal(event.boot_ns, 1000);
        assert_int_equal(event.facts.present, (FACT_SESSION_LEADER << 1) - 1);
        assert_int_equal(event.cut, 0);
        assert_int_equal(event.facts.traits, TRAIT_SCRIPT | TRAIT_SETUID);
        assert_int_equal(event.facts.pid, 4242);
        assert_int_equal(event.facts.tid, 4243);
        assert_int_equal(event.facts.ppid, 41);
        assert_int_equal(event.facts.ns_pid, 7);
        assert_int_equal(event.facts.uid, 1000);
        assert_int_equal(event.facts.gid, 1001);
        assert_int_equal(event.facts.euid, 0);
        assert_int_equal(event.facts.egid, 1002);
        assert_int_equal(event.facts.suid, 1003);
        assert_int_equal(event.facts.sgid, 1004);
        assert_int_equal(event.facts.loginuid, 1005);
        assert_int_equal(event.facts.session, 9);
        assert_int_equal(event.facts.start_ns, 17);
        assert_int_equal(event.facts.parent_start_ns, 16);
        assert_int_equal(event.facts.exec_count, 3);
        assert_int_equal(event.facts.parent_uid, 1006);
        assert_int_equal(event.facts.parent_exec_pid, 40);
        assert_int_equal(event.facts.parent_exec_count, 2);
        assert_int_equal(event.facts.parent_exec_start_ns, 15);
        assert_int_equal(event.facts.leader_start_ns, 14);
        assert_int_equal(event.facts.caps_effective, 0x3);
        assert_int_equal(event.facts.caps_permitted, 0x1ff);
        assert_int_equal(event.facts.retval, 0);
        assert_int_equal(event.facts.argc, 3);
        assert_int_equal(event.facts.argv_bytes, 9);
        assert_int_equal(event.descriptors[0].ino, 9);
        assert_int_equal(event.descriptors[1].ino, 9);
        assert_int_equal(event.descriptors[2].ino, 8);
        assert_int_equal(event.facts.namespaces[NAMESPACE_MNT], 4026531841);
        assert_int_equal(event.facts.exe_file.ino, 131);
        assert_int_equal(event.facts.exe_file.size, 125688);
}

static void exec_brings_all_its_strings(void **state)
{
        struct exec_event event;

        record_make_full(&record, 3, 8, 1000);
        event = decode(*state, &record);
        assert_span(event.comm, "true");
        assert_span(event.parent_comm, "bash");
        assert_span(event.leader_comm, "sshd");
        assert_span(event.parent_exe, "/usr/bin/bash");
        assert_span(event.tty, "pts/0");
        assert_span(event.filename, "./run");
        assert_span(event.exe, "/usr/bin/sh");
        assert_span(event.cwd, "/home/jo");
        assert_span(event.cgroup, "/user.slice/jo.service");
        assert_span(event.argv, "sh\0-c\0ls\0");
        assert_span(event.env, "LD_PRELOAD=/x.so\0");
        assert_int_equal(event.n_ancestors, 2);
        assert_int_equal(event.ancestors[0].pid, 2);
        assert_int_equal(event.ancestors[0].exec_count, 4);
        assert_int_equal(event.ancestors[0].start_ns, 13);
        assert_null(event.ancestors[0].exe.data);
        assert_string_equal(event.ancestors[1].comm, "systemd");
}

static void kinds_are_told_apart(void **state)
{
        static const enum event_kind kinds[] = {
                [RECORD_EXEC] = EVENT_EXEC,
                [RECORD_EXEC_FAILED] = EVENT_EXEC_FAILED,
                [RECORD_EXEC_ATTEMPT] = EVENT_EXEC_ATTEMPT,
        };

        record_make_full(&record, 0, 1, 1000);
        record.exec.facts.retval = -13;
        for (unsigned kind = RECORD_EXEC; kind <= RECORD_EXEC_ATTEMPT; kind++) {
                record.head.kind = kind;
                assert_int_equal(decode(*state, &record).kind, kinds[kind]);
                assert_int_equal(decode(*state, &record).facts.retval, -13);
        }
        for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
                record.head.kind = kind;
                if (!exec_record_is_event(&record.head) && !exec_record_is_process(&record.head))
                        assert_int_equal(try_record(*state, &record), DECODE_KIND);
        }
}

/* What a process has in place of these arguments, and whether they count as cut. */
static void assert_process_argv(void **state, const char *there, size_t size, uint32_t argc,
                                const char *shown, bool is_cut)
{
        struct exec_event event;

        record_make_exec(&record, 0, 0, 1000);
        record.head.kind = RECORD_PROCESS;
        record.exec.cut = EXEC_CUT(FIELD_FILENAME);
        record.exec.facts.present = FACT_ARGC | FACT_ARGV_BYTES;
        record.exec.facts.argc = argc;
        record_add(&record, FIELD_ARGV, there, size);
        event = decode(*state, &record);
        assert_int_equal(event.kind, EVENT_PROCESS);
        assert_null(event.filename.data);
        assert_int_equal(event.cut, is_cut ? EXEC_CUT(FIELD_ARGV) : 0);
        if (!shown) { /* as they were given */
                assert_int_equal(event.argv.size, size);
                assert_true(event_has(&event, FACT_ARGC) && event_has(&event, FACT_ARGV_BYTES));
                return;
        }
        assert_int_equal(event.argv.size, strlen(shown) + !is_cut);
        assert_memory_equal(event.argv.data, shown, event.argv.size);
        assert_false(event_has(&event, FACT_ARGC) || event_has(&event, FACT_ARGV_BYTES));
}

static void process_shows_its_title_without_the_rest(void **state)
{
        assert_process_argv(state, "sh\0-c\0", 6, 2, NULL, false);
        assert_process_argv(state, "a\0\0\0", 4, 3, NULL, false); /* the last two are empty */
        assert_process_argv(state, "title\0\0\0\0", 9, 2, "title", false);
        assert_process_argv(state, "title\0", 6, 2, "title", false);
        assert_process_argv(state, "title", 5, 2, "title", true);
        assert_process_argv(state, "\0\0\0", 3, 1, "", false);
}

/* Of what could not be read there is nothing, not even that it was cut. */
static void process_lacks_what_was_not_read(void **state)
{
        struct exec_event event;

        record_make_full(&record, 0, 0, 1000);
        record.head.kind = RECORD_PROCESS_TOLD;
        record.head.size -= record.exec.len[FIELD_ARGV];
        record.exec.len[FIELD_ARGV] = 0;
        record.exec.cut = EXEC_CUT(FIELD_ARGV) | EXEC_CUT(FIELD_CWD);
        event = decode(*state, &record);
        assert_int_equal(event.kind, EVENT_PROCESS);
        assert_null(event.argv.data);
        assert_null(event.filename.data);
        assert_null(event.env.data);
        assert_int_equal(event.cut, EXEC_CUT(FIELD_CWD));
}

static void exit_brings_status_and_duration(void **state)
{
        struct exec_event event;

        record_make_exit(&record, 1, 2, 1000);
        record.exit.exec_ns = 400;
        event = decode(*state, &record);
        assert_int_equal(event.kind, EVENT_EXIT);
        assert_int_equal(event.boot_ns, 1000);
        assert_int_equal(event.facts.pid, 4242);
        assert_int_equal(event.facts.uid, 1000);
        assert_int_equal(event.status, 3 << 8);
        assert_int_equal(event.facts.start_ns, 17);
        assert_int_equal(event.duration_ns, 600);
        assert_span(event.comm, "true");
        assert_null(event.argv.data);
        assert_int_equal(event.n_ancestors, 0);
}

static void exit_before_its_exec_is_refused(void **state)
{
        record_make_exit(&record, 1, 2, 1000);
        record.exit.exec_ns = 1000;
        assert_int_equal(decode(*state, &record).duration_ns, 0);
        record.exit.exec_ns = 1001;
        assert_int_equal(try_record(*state, &record), DECODE_VALUE);
}

static void exit_of_another_size_is_refused(void **state)
{
        record_make_exit(&record, 1, 2, 1000);
        record.head.size--;
        assert_int_equal(try_record(*state, &record), DECODE_SHORT);
        record.head.size += 2;
        assert_int_equal(try_record(*state, &record), DECODE_SHORT);
}

static void absent_facts_stay_absent(void **state)
{
        struct exec_event event;

        record_make_full(&record, 0, 1, 1000);
        record.exec.facts.present = 0;
        event = decode(*state, &record);
        assert_null(event.parent_comm.data);
        assert_null(event.tty.data);
        assert_null(event.exe.data);
        assert_non_null(event.cwd.data);
}

static void empty_fields_are_there_and_cut_ones_are_not(void **state)
{
        struct exec_event event;

        record_make_exec(&record, 0, 1, 1000);
        record.exec.facts.present = FACT_EXE_FILE | FACT_PARENT | FACT_PARENT_EXE;
        event = decode(*state, &record);
        assert_span(event.parent_exe, "/");
        assert_non_null(event.filename.data);
        assert_int_equal(event.filename.size, 0);
        assert_non_null(event.argv.data);
        assert_int_equal(event.argv.size, 0);
        assert_span(event.exe, "/");
        assert_span(event.cwd, "/");
        assert_span(event.cgroup, "/");
        assert_null(event.env.data);

        record.exec.cut = UINT32_MAX;
        event = decode(*state, &record);
        assert_null(event.filename.data);
        assert_null(event.argv.data);
        assert_null(event.exe.data);
        assert_null(event.cwd.data);
        assert_null(event.cgroup.data);
        assert_null(event.env.data);
        assert_int_equal(event.n_ancestors, 0);
        assert_null(event.parent_exe.data);
        assert_int_equal(event.cut, (1 << _FIELD_MAX) - 1); /* unknown bits do not get through */

        record.exec.facts.present = FACT_EXE_FILE; /* nobody has asked for it */
        event = decode(*state, &record);
        assert_null(event.parent_exe.data);
        assert_int_equal(event.cut, ((1 << _FIELD_MAX) - 1) & ~EXEC_CUT(FIELD_PARENT_EXE));
}

static void cut_fields_keep_what_they_have(void **state)
{
        struct exec_event event;

        record_make_full(&record, 0, 1, 1000);
        record.exec.cut = EXEC_CUT(_FIELD_MAX) - 1;
        event = decode(*state, &record);
        assert_span(event.filename, "./run");
        assert_span(event.exe, "usr/bin/sh"); /* never looks like an absolute path */
        assert_span(event.cwd, "home/jo");
        assert_span(event.cgroup, "user.slice/jo.service");
        assert_span(event.argv, "sh\0-c\0ls\0");
        assert_span(event.env, "LD_PRELOAD=/x.so\0");
        assert_int_equal(event.n_ancestors, 2);
}

static void fixed_strings_need_no_nul(void **state)
{
        struct exec_event event;

        record_make_full(&record, 0, 1, 1000);
        memset(record.exec.comm, 'c', sizeof(record.exec.comm));
        memset(record.exec.parent_comm, 'p', sizeof(record.exec.parent_comm));
        memset(record.exec.tty, 't', sizeof(record.exec.tty));
        event = decode(*state, &record);
        assert_span(event.comm, "cccccccccccccccc");
        assert_span(event.parent_comm, "pppppppppppppppp");
        assert_int_equal(event.tty.size, EXEC_TTY_SIZE);
        memset(record.exec.comm, 0, sizeof(record.exec.comm));
        assert_span(decode(*state, &record).comm, "");
}

static void terminals_have_the_names_of_their_devices(void **state)
{
        static const char *const cases[][2] = {
                { "pts0", "pts/0" },
                { "pts1048575", "pts/1048575" },
                { "tty1", "tty1" },
                { "ttyS0", "ttyS0" },
                { "ttyAMA0", "ttyAMA0" },
                { "hvc0", "hvc0" },
                { "3270/tty1", "3270/tty1" },
                { "pts", "pts" },
                { "pts/0", "pts/0" },
                { "ptsx", "ptsx" },
                { "pts0x", "pts0x" },
                { "ptm0", "ptm0" },
                { "", "" },
        };
        char longest[EXEC_TTY_SIZE + 2] = "pts/";
        struct span tty;

        record_make_full(&record, 0, 1, 1000);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                memset(record.exec.tty, 0, sizeof(record.exec.tty));
                memcpy(record.exec.tty, cases[i][0], strlen(cases[i][0]));
                tty = decode(*state, &record).tty;
                assert_int_equal(tty.size, strlen(cases[i][1]));
                assert_memory_equal(tty.data, cases[i][1], tty.size);
        }
        memset(record.exec.tty, '7', sizeof(record.exec.tty));
        memcpy(record.exec.tty, "pts", 3);
        memset(longest + 4, '7', EXEC_TTY_SIZE - 3);
        tty = decode(*state, &record).tty;
        assert_int_equal(tty.size, strlen(longest));
        assert_memory_equal(tty.data, longest, tty.size);
}

static void paths_are_joined_from_their_leaf(void **state)
{
        static const struct {
                struct span field;
                const char *whole, *cut;
        } cases[] = {
                { { "", 0 }, "/", NULL },
                { STRINGS("bin"), "/bin", "bin" },
                { STRINGS("ls\0bin\0usr"), "/usr/bin/ls", "usr/bin/ls" },
                { STRINGS("memfd:x/../y"), "/memfd:x/../y", "memfd:x/../y" },
                { STRINGS(""), "/", "" },
                { STRINGS("\0"), "//", "" }, /* never absolute */
                { STRINGS("a\0\0b"), "/b//a", "b//a" },
        };
        struct span cwd;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                record_make_exec(&record, 0, 1, 1000);
                record_add(&record, FIELD_CWD, cases[i].field.data, cases[i].field.size);
                cwd = decode(*state, &record).cwd;
                assert_int_equal(cwd.size, strlen(cases[i].whole));
                assert_memory_equal(cwd.data, cases[i].whole, cwd.size);

                record.exec.cut = EXEC_CUT(FIELD_CWD);
                cwd = decode(*state, &record).cwd;
                assert_int_equal(!cwd.data, !cases[i].cut);
                if (!cases[i].cut)
                        continue;
                assert_int_equal(cwd.size, strlen(cases[i].cut));
                assert_memory_equal(cwd.data, cases[i].cut, cwd.size);
        }
}

/* Leaf 127 first; the deepest path that can be written is longer than any buffer of a careless
 * decoder, and so is one component that fills a record. */
static void deep_and_long_paths_are_joined_whole(void **state)
{
        static char expected[EXEC_RECORD_SIZE_MAX];
        static char component[EXEC_RECORD_SIZE_MAX - sizeof(struct exec_record)];
        struct span exe;
        size_t n = 0;

        record_make_exec(&record, 0, 1, 1000);
        record.exec.facts.present = FACT_EXE_FILE;
        for (int i = 127; i >= 0; i--) {
                memset(component, 'a' + i % 26, 100);
                component[100] = '\0';
                record_add(&record, FIELD_EXE, component, 101);
        }
        for (int i = 0; i < 128; i++, n += 101) {
                expected[n] = '/';
                memset(expected + n + 1, 'a' + i % 26, 100);
        }
        exe = decode(*state, &record).exe;
        assert_int_equal(exe.size, n);
        assert_memory_equal(exe.data, expected, n);

        record_make_exec(&record, 0, 1, 1000);
        memset(component, 'x', sizeof(component) - 1);
        component[sizeof(component) - 1] = '\0';
        record_add(&record, FIELD_CGROUP, component, sizeof(component));
        assert_int_equal(record.head.size, EXEC_RECORD_SIZE_MAX);
        assert_int_equal(decode(*state, &record).cgroup.size, sizeof(component));

        record_make_exec(&record, 0, 1, 1000);
        memset(component, 0, sizeof(component)); /* as many slashes as can be */
        record_add(&record, FIELD_CGROUP, component, sizeof(component));
        assert_int_equal(decode(*state, &record).cgroup.size, sizeof(component));
}

static void path_without_its_last_nul_is_refused(void **state)
{
        static const enum exec_field fields[] = { FIELD_EXE, FIELD_CWD, FIELD_CGROUP };

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                record_make_exec(&record, 0, 1, 1000);
                record.exec.facts.present = FACT_EXE_FILE;
                record_add(&record, fields[i], "ls\0bin", 6);
                assert_int_equal(try_record(*state, &record), DECODE_VALUE);
                record.exec.cut = EXEC_CUT(fields[i]);
                assert_int_equal(try_record(*state, &record), DECODE_VALUE);
        }
}

static void ancestors_are_whole_and_at_most_eight(void **state)
{
        struct exec_ancestor ancestors[EXEC_ANCESTORS_MAX + 1] = { { .pid = 1, .comm = "a" } };

        record_make_exec(&record, 0, 1, 1000);
        record_add(&record, FIELD_ANCESTORS, ancestors, EXEC_ANCESTORS_MAX * sizeof(*ancestors));
        assert_int_equal(decode(*state, &record).n_ancestors, EXEC_ANCESTORS_MAX);

        record_add(&record, FIELD_ANCESTORS, ancestors, sizeof(*ancestors));
        assert_int_equal(try_record(*state, &record), DECODE_VALUE);

        record_make_exec(&record, 0, 1, 1000);
        record_add(&record, FIELD_ANCESTORS, ancestors, sizeof(*ancestors) - 1);
        assert_int_equal(try_record(*state, &record), DECODE_VALUE);
}

static void each_length_that_lies_is_refused(void **state)
{
        static const uint32_t lies[] = { 1, -1u, 0x7fffffff, 0x80000000, 0xffffff00, 1 << 16 };

        for (unsigned f = 0; f < _FIELD_MAX; f++) {
                for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
                        record_make_full(&record, 0, 1, 1000);
                        record.exec.len[f] += lies[i];
                        assert_int_not_equal(try_record(*state, &record), DECODE_OK);
                }
                record_make_full(&record, 0, 1, 1000);
                record.exec.len[f] = UINT32_MAX;
                assert_int_equal(try_record(*state, &record), DECODE_SHORT);
        }
        /* lengths that would wrap around to the right sum */
        record_make_exec(&record, 0, 1, 1000);
        record.exec.len[FIELD_FILENAME] = UINT32_MAX;
        record.exec.len[FIELD_ARGV] = 1;
        assert_int_equal(try_record(*state, &record), DECODE_SHORT);
}

static void bytes_behind_the_last_field_are_refused(void **state)
{
        record_make_full(&record, 0, 1, 1000);
        record.bytes[record.head.size++] = '\0';
        assert_int_equal(try_record(*state, &record), DECODE_VALUE);
}

static void record_cut_at_any_byte_is_refused(void **state)
{
        record_make_full(&record, 0, 1, 1000);
        for (size_t size = 0; size < record.head.size; size++)
                assert_int_equal(try_bytes(*state, &record, size), DECODE_SHORT);
        record_make_exit(&record, 0, 1, 1000);
        for (size_t size = 0; size < record.head.size; size++)
                assert_int_equal(try_bytes(*state, &record, size), DECODE_SHORT);
}

/* The same, but the head says so. */
static void record_that_ends_at_any_byte_is_refused(void **state)
{
        uint32_t whole;

        record_make_full(&record, 0, 1, 1000);
        whole = record.head.size;
        for (record.head.size = 0; record.head.size < whole; record.head.size++)
                assert_int_equal(try_bytes(*state, &record, whole), DECODE_SHORT);
        assert_int_equal(try_bytes(*state, &record, whole), DECODE_OK);
}

static void padding_of_the_ring_is_ignored(void **state)
{
        static const size_t paddings[] = { 1, 3, 7, 4096 };

        record_make_full(&record, 0, 1, 1000);
        for (size_t i = 0; i < ELEMENTSOF(paddings); i++)
                assert_int_equal(try_bytes(*state, &record, record.head.size + paddings[i]),
                                 DECODE_OK);
        record_make_exit(&record, 0, 1, 1000);
        assert_int_equal(try_bytes(*state, &record, record.head.size + 4), DECODE_OK);
}

static void head_of_another_world_is_refused(void **state)
{
        static char large[2 * EXEC_RECORD_SIZE_MAX];

        record_make_full(&record, 0, 1, 1000);
        record.head.version = EXEC_RECORD_VERSION + 1;
        assert_int_equal(try_record(*state, &record), DECODE_VERSION);
        record.head.version = 0;
        assert_int_equal(try_record(*state, &record), DECODE_VERSION);

        record_make_full(&record, 0, 1, 1000);
        record.head.program = _PROGRAM_MAX;
        assert_int_equal(try_record(*state, &record), DECODE_VALUE);

        /* larger than any record, but else without a fault */
        record_make_exec(&record, 0, 1, 1000);
        record.head.size = EXEC_RECORD_SIZE_MAX + 1;
        record.exec.len[FIELD_ARGV] = record.head.size - sizeof(record.exec);
        memcpy(large, &record, sizeof(record.exec));
        assert_int_equal(try_bytes(*state, large, sizeof(large)), DECODE_VALUE);
        record.head.size--;
        record.exec.len[FIELD_ARGV]--;
        memcpy(large, &record, sizeof(record.exec));
        assert_int_equal(try_bytes(*state, large, sizeof(large)), DECODE_OK);
}

static void chunk_gives_its_bytes(void **state)
{
        struct exec_record_head event = record_head(RECORD_EXEC, PROGRAM_EXEC, 1, 9, 1000), head;
        struct span argv;

        (void)state;
        record_make_chunk(&record, &event, 2, "abc", 3);
        assert_int_equal(decode_chunk(&record, record.head.size + 5, &head, &argv), DECODE_OK);
        assert_int_equal(head.chunk, 2);
        assert_int_equal(head.seq, 9);
        assert_span(argv, "abc");

        record_make_chunk(&record, &event, 2, "", 0);
        assert_int_equal(decode_chunk(&record, record.head.size, &head, &argv), DECODE_OK);
        assert_int_equal(argv.size, 0);
}

static void chunk_that_lies_is_refused(void **state)
{
        struct exec_record_head event = record_head(RECORD_EXEC, PROGRAM_EXEC, 1, 9, 1000);
        struct exec_record_head head = { 0 };
        struct span argv = { 0 };

        record_make_chunk(&record, &event, 2, "abc", 3);
        for (size_t size = 0; size < record.head.size; size++)
                assert_int_equal(decode_chunk(&record, size, &head, &argv), DECODE_SHORT);
        assert_int_equal(try_record(*state, &record), DECODE_KIND);
        for (record.head.size = 0; record.head.size < sizeof(head); record.head.size++)
                assert_int_equal(decode_chunk(&record, sizeof(head), &head, &argv), DECODE_SHORT);

        record.head.kind = RECORD_EXEC;
        assert_int_equal(decode_chunk(&record, record.head.size, &head, &argv), DECODE_KIND);
        record.head.version++;
        assert_int_equal(decode_chunk(&record, record.head.size, &head, &argv), DECODE_VERSION);
        assert_int_equal(head.size, 0);
        assert_null(argv.data);
}

static void decoder_of_nothing_can_be_freed(void **state)
{
        (void)state;
        assert_null(decoder_free(NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static void who_is_not_known_has_no_facts(void **state)
{
        const uint32_t parents = FACT_PARENT_UID | FACT_PARENT_EXEC | FACT_PARENT_EXE;
        struct exec_event event;

        record_make_full(&record, 0, 1, 1000);
        record.exec.facts.present |= FACT_PARENT | parents;
        event = decode(*state, &record);
        assert_int_equal(event.facts.present & parents, parents);
        record.exec.facts.present &= ~(uint32_t)FACT_PARENT;
        event = decode(*state, &record);
        assert_int_equal(event.facts.present & parents, 0);
        assert_null(event.parent_exe.data);

        record.exec.facts.present |= FACT_SESSION_LEADER;
        record.exec.facts.present &= ~(uint32_t)FACT_SID;
        event = decode(*state, &record);
        assert_false(event_has(&event, FACT_SESSION_LEADER));
        assert_null(event.leader_comm.data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(exec_brings_all_its_numbers),
                TEST(exec_brings_all_its_strings),
                TEST(kinds_are_told_apart),
                TEST(process_shows_its_title_without_the_rest),
                TEST(process_lacks_what_was_not_read),
                TEST(exit_brings_status_and_duration),
                TEST(exit_before_its_exec_is_refused),
                TEST(exit_of_another_size_is_refused),
                TEST(absent_facts_stay_absent),
                TEST(who_is_not_known_has_no_facts),
                TEST(empty_fields_are_there_and_cut_ones_are_not),
                TEST(cut_fields_keep_what_they_have),
                TEST(fixed_strings_need_no_nul),
                TEST(terminals_have_the_names_of_their_devices),
                TEST(paths_are_joined_from_their_leaf),
                TEST(deep_and_long_paths_are_joined_whole),
                TEST(path_without_its_last_nul_is_refused),
                TEST(ancestors_are_whole_and_at_most_eight),
                TEST(each_length_that_lies_is_refused),
                TEST(bytes_behind_the_last_field_are_refused),
                TEST(record_cut_at_any_byte_is_refused),
                TEST(record_that_ends_at_any_byte_is_refused),
                TEST(padding_of_the_ring_is_ignored),
                TEST(head_of_another_world_is_refused),
                TEST(chunk_gives_its_bytes),
                TEST(chunk_that_lies_is_refused),
                TEST(decoder_of_nothing_can_be_freed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
