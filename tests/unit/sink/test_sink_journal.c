/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The journal sink against a fake journald: what the entries say, that hostile values can neither
 * break nor forge them, and that whatever happens to the receiver, an accepted event arrives once,
 * in order, and the ledger adds up.
 */
#include <errno.h>
#include <sys/resource.h>

#include "base/message_id.h"
#include "journal_fixture.h"

/* Writes one event, sends it and gives it back parsed. */
static void round_trip(struct fixture *f, const struct exec_event *event, struct fake_entry *ret)
{
        assert_int_equal(write_event(f, event), 0);
        flush_all(f);
        receive(f, ret);
}

static void event_becomes_exactly_the_fields_of_the_contract(void **state)
{
        const struct exec_event event = {
                .kind = EVENT_EXEC,
                .facts.present = FACT_PARENT | FACT_CREDS | FACT_LOGINUID | FACT_RETVAL,
                .facts.pid = 4294967295,
                .facts.ppid = 17,
                .facts.uid = 0,
                .facts.loginuid = 1000,
                .facts.retval = 0,
                .comm = SPAN_LITERAL("cat"),
                .exe = SPAN_LITERAL("/usr/bin/caf\xc3\xa9"),
                .cgroup = SPAN_LITERAL("/system.slice/cron.service"),
        };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_false(e.by_memfd);
        assert_field(&e, "MESSAGE", "{\"seq\":1}");
        assert_field(&e, "MESSAGE_ID", MESSAGE_ID_EXEC);
        assert_field(&e, "PRIORITY", "6");
        assert_field(&e, "SYSLOG_IDENTIFIER", "execsnoopd");
        assert_field(&e, "EXECSNOOP_EVENT", "exec");
        assert_field(&e, "EXECSNOOP_PID", "4294967295");
        assert_field(&e, "EXECSNOOP_PPID", "17");
        assert_field(&e, "EXECSNOOP_UID", "0");
        assert_field(&e, "EXECSNOOP_LOGINUID", "1000");
        assert_field(&e, "EXECSNOOP_RETVAL", "0");
        assert_field(&e, "EXECSNOOP_COMM", "cat");
        assert_field(&e, "EXECSNOOP_EXE", "/usr/bin/caf\xc3\xa9");
        assert_field(&e, "EXECSNOOP_CGROUP", "/system.slice/cron.service");
        assert_int_equal(e.n_fields, 14); /* and EXECSNOOP_SEQ */
}

static void absent_facts_are_absent_fields(void **state)
{
        const struct exec_event event = { .kind = EVENT_EXIT,
                                          .facts.pid = 5,
                                          .comm = { .data = "", .size = 0 } };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_field(&e, "EXECSNOOP_PID", "5");
        assert_field(&e, "EXECSNOOP_COMM", ""); /* empty is not absent */
        assert_int_equal(e.n_fields, 8);
}

static void retval_is_signed(void **state)
{
        const struct exec_event event = { .kind = EVENT_EXEC_FAILED,
                                          .facts.present = FACT_RETVAL,
                                          .facts.retval = -EACCES };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_field(&e, "EXECSNOOP_RETVAL", "-13");
}

static void each_kind_has_its_name_priority_and_message_id(void **state)
{
        static const char *const priorities[_EVENT_KIND_MAX] = {
                [EVENT_START] = "5",        [EVENT_STOP] = "5",    [EVENT_LOST] = "4",
                [EVENT_EXEC] = "6",         [EVENT_EXIT] = "6",    [EVENT_EXEC_FAILED] = "6",
                [EVENT_EXEC_ATTEMPT] = "6", [EVENT_STATS] = "6",   [EVENT_SUMMARY] = "6",
                [EVENT_FILE] = "6",         [EVENT_PROCESS] = "6",
        };
        char ids[_EVENT_KIND_MAX][33] = { 0 };

        for (enum event_kind kind = 0; kind < _EVENT_KIND_MAX; kind++) {
                struct line line = LINE("{", "}");
                const struct message m = { .kind = kind, .line = line, .brief = line };
                _cleanup_(fake_entry_done) struct fake_entry e;
                struct span id;

                assert_int_equal(write_message(*state, &m), 0);
                flush_all(*state);
                receive(*state, &e);
                assert_field(&e, "EXECSNOOP_EVENT", event_kind_name(kind));
                assert_field(&e, "PRIORITY", priorities[kind]);
                assert_int_equal(e.n_fields, 6); /* nothing about any process */
                id = fake_entry_get(&e, "MESSAGE_ID");
                assert_int_equal(id.size, 32);
                memcpy(ids[kind], id.data, 32);
                assert_int_equal(strspn(ids[kind], "0123456789abcdef"), 32);
                for (enum event_kind other = 0; other < kind; other++)
                        assert_string_not_equal(ids[kind], ids[other]);
        }
}

static void newline_in_a_value_cannot_forge_a_field(void **state)
{
        static const char exe[] = "/tmp/x\nMESSAGE=all is well\n\nEXECSNOOP_JSON={}\nexe";
        const struct exec_event event = { .kind = EVENT_EXEC,
                                          .exe = SPAN_LITERAL(exe),
                                          .comm = SPAN_LITERAL("\n"),
                                          .cgroup = SPAN_LITERAL("/a\tb\n") };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_field(&e, "EXECSNOOP_EXE", exe);
        assert_field(&e, "EXECSNOOP_COMM", "\n");
        assert_field(&e, "EXECSNOOP_CGROUP", "/a\tb\n");
        assert_field(&e, "MESSAGE", "{\"seq\":1}");
        assert_field(&e, "EXECSNOOP_JSON", NULL);
}

#define R "\xef\xbf\xbd"

static void bytes_that_journalctl_cannot_show_are_replaced(void **state)
{
        const struct exec_event event = {
                .kind = EVENT_EXEC,
                .comm = SPAN_LITERAL("a\x01\x1b\x7f\0z"),
                .exe = SPAN_LITERAL("/\xc2\x80\xc2\x9f\xc2\xa0\xff\xed\xa0\x80/\xf0\x9f\x92\xa9"),
                .cgroup = SPAN_LITERAL("/bad\xe2\x82\nline\x08"),
        };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_field(&e, "EXECSNOOP_COMM", "a" R R R R "z");
        assert_field(&e, "EXECSNOOP_EXE", "/" R R "\xc2\xa0" R R R R "/\xf0\x9f\x92\xa9");
        assert_field(&e, "EXECSNOOP_CGROUP", "/bad" R "\nline" R);
}

/* Noncharacters are valid UTF-8, but journalctl does not think so. */
static void noncharacters_are_replaced(void **state)
{
        const struct exec_event event = {
                .kind = EVENT_EXEC,
                .comm = SPAN_LITERAL("\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf"),
                .exe = SPAN_LITERAL("\xef\xb7\x8f\xef\xb7\x90\xef\xb7\xaf\xef\xb7\xb0"),
                .cgroup = SPAN_LITERAL("\xf0\x9f\xbf\xbd\xf0\x9f\xbf\xbe\xf4\x8f\xbf\xbf"),
        };
        _cleanup_(fake_entry_done) struct fake_entry e;

        round_trip(*state, &event, &e);
        assert_field(&e, "EXECSNOOP_COMM", R R R);
        assert_field(&e, "EXECSNOOP_EXE", "\xef\xb7\x8f" R R "\xef\xb7\xb0");
        assert_field(&e, "EXECSNOOP_CGROUP", "\xf0\x9f\xbf\xbd" R R);
}
#undef R

/* Of a path that repeats `unit`: what is left of it in EXECSNOOP_EXE. */
static size_t shown_size(struct fixture *f, struct span unit, size_t size)
{
        _cleanup_(freep) char *path = malloc(size);
        struct exec_event event = { .kind = EVENT_EXEC, .exe = { .data = path, .size = size } };
        _cleanup_(fake_entry_done) struct fake_entry e;

        assert_non_null(path);
        for (size_t i = 0; i < size; i++)
                path[i] = unit.data[i % unit.size];
        round_trip(f, &event, &e);
        return fake_entry_get(&e, "EXECSNOOP_EXE").size;
}

static void long_value_is_cut_where_journalctl_prints_null(void **state)
{
        const size_t room = 4095 - strlen("EXECSNOOP_EXE=");

        assert_int_equal(shown_size(*state, SPAN_LITERAL("/abc"), room), room);
        assert_int_equal(shown_size(*state, SPAN_LITERAL("/abc"), room + 1), room);
        assert_int_equal(shown_size(*state, SPAN_LITERAL("/\nbc"), 9000), room);
}

static void long_value_is_cut_between_characters(void **state)
{
        const size_t room = 4095 - strlen("EXECSNOOP_EXE="); /* 4081: 1 mod 2, 1 mod 3, 1 mod 4 */

        assert_int_equal(shown_size(*state, SPAN_LITERAL("\xc3\xa9"), 5000), room - 1);
        assert_int_equal(shown_size(*state, SPAN_LITERAL("\xe2\x82\xac"), 6000), room - 1);
        assert_int_equal(shown_size(*state, SPAN_LITERAL("\xf0\x9f\x92\xa9"), 8000), room - 1);
        /* one byte becomes three */
        assert_int_equal(shown_size(*state, SPAN_LITERAL("\x01"), 1500), room - 1);
        assert_int_equal(shown_size(*state, SPAN_LITERAL("\xff"), 1500), room - 1);
}

static void cut_line_is_whole_in_json_field(void **state)
{
        struct fixture *f = *state;
        const struct message m = {
                .kind = EVENT_EXEC,
                .line = LINE("{\"seq\":", ",\"argv\":[\"a\",\"b\",\"c\"]}"),
                .brief = LINE("{\"seq\":", ",\"argv\":[\"a\",\"c\"]}"),
                .event = &(struct exec_event){ .kind = EVENT_EXEC },
        };
        _cleanup_(fake_entry_done) struct fake_entry e;

        assert_int_equal(write_message(f, &m), 0);
        flush_all(f);
        receive(f, &e);
        assert_field(&e, "MESSAGE", "{\"seq\":1,\"argv\":[\"a\",\"c\"]}");
        assert_field(&e, "EXECSNOOP_JSON", "{\"seq\":1,\"argv\":[\"a\",\"b\",\"c\"]}");
}

static void equal_lines_are_sent_once(void **state)
{
        struct fixture *f = *state;
        char copy[] = "}";
        const struct message m = { .kind = EVENT_STATS,
                                   .line = LINE("{", "}"),
                                   .brief = LINE("{", copy) };
        _cleanup_(fake_entry_done) struct fake_entry e;

        assert_int_equal(write_message(f, &m), 0);
        flush_all(f);
        receive(f, &e);
        assert_field(&e, "EXECSNOOP_JSON", NULL);
}

static void megabyte_goes_as_sealed_memfd(void **state)
{
        struct fixture *f = *state;
        _cleanup_(fake_entry_done) struct fake_entry e;
        struct span whole;

        assert_int_equal(write_large(f, MIB), 0);
        flush_all(f);
        receive(f, &e);
        assert_true(e.by_memfd);
        assert_field(&e, "MESSAGE", "{\"brief\":1}");
        whole = fake_entry_get(&e, "EXECSNOOP_JSON");
        assert_int_equal(whole.size, strlen("{\"whole\":1") + MIB);
        assert_memory_equal(whole.data, "{\"whole\":1xxx", 13);
}

static void entry_beyond_the_send_buffer_goes_as_memfd(void **state)
{
        struct fixture *f = *state;
        const int size = 4096; /* the kernel doubles it */
        _cleanup_(fake_entry_done) struct fake_entry e;

        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        assert_int_equal(setsockopt(sink_poll_fd(f->sink), SOL_SOCKET, SO_SNDBUF, &size, 4), 0);
        assert_int_equal(write_large(f, 20000), 0);
        flush_all(f);
        receive(f, &e);
        assert_true(e.by_memfd);
        assert_int_equal(fake_entry_get(&e, "EXECSNOOP_JSON").size, 20010);
}

static void entry_is_sent_brief_where_no_memfd_can_be_had(void **state)
{
        struct fixture *f = *state;
        struct rlimit old, none;
        _cleanup_(fake_entry_done) struct fake_entry e;

        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        assert_int_equal(write_large(f, MIB), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        none = (struct rlimit){ .rlim_cur = 1, .rlim_max = old.rlim_max }; /* for poll() */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(sink_flush(f->sink), SINK_IDLE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        receive(f, &e);
        assert_false(e.by_memfd);
        assert_field(&e, "MESSAGE", "{\"brief\":2}");
        assert_field(&e, "EXECSNOOP_JSON", NULL);
        assert_int_equal(f->sink->stats.written, 2);
}

static bool is_writable(struct sink *s)
{
        struct pollfd p = { .fd = sink_poll_fd(s), .events = POLLOUT };

        assert_true(p.fd >= 0);
        return poll(&p, 1, 0) == 1;
}

/* Writes and flushes until the receiver's queue is full; returns how many were written. */
static unsigned fill_queue(struct fixture *f)
{
        unsigned n = 0;

        do {
                assert_true(n < 100000);
                assert_int_equal(write_exec(f), 0);
                n++;
        } while (sink_flush(f->sink) == SINK_IDLE);
        return n;
}

static void receiver_that_does_not_read_makes_the_sink_busy(void **state)
{
        struct fixture *f = *state;
        unsigned n;

        n = fill_queue(f);
        for (unsigned i = 0; i < 100; i++, n++)
                assert_int_equal(write_exec(f), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        assert_false(is_writable(f->sink));
        assert_true(f->sink->stats.backlog > 100);
        assert_true(f->sink->stats.retries >= 2);
        assert_int_equal(f->sink->error, 0); /* slow is not broken */

        while (f->n_received < n) {
                assert_true(receive_and_drop(f));
                assert_true(is_writable(f->sink));
                (void)sink_flush(f->sink);
        }
        flush_all(f);
        assert_false(receive_and_drop(f));
        assert_int_equal(f->sink->stats.written, n);
        assert_int_equal(f->sink->stats.lines, n);
}

static void large_entry_waits_its_turn_behind_a_full_queue(void **state)
{
        struct fixture *f = *state;
        unsigned n;

        n = fill_queue(f);
        assert_int_equal(write_large(f, MIB), 0);
        assert_int_equal(write_exec(f), 0);
        while (f->n_received < n + 2) {
                (void)sink_flush(f->sink);
                assert_true(receive_and_drop(f));
        }
        flush_all(f);
        assert_false(receive_and_drop(f));
}

static void missing_socket_is_broken_until_it_appears(void **state)
{
        struct fixture *f = *state;

        fake_journald_kill(&f->journald);
        assert_int_equal(unlink(f->journald.path), 0);
        assert_int_equal(write_exec(f), 0);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(sink_flush(f->sink), SINK_BROKEN);
                assert_int_equal(sink_poll_fd(f->sink), -1);
                assert_int_equal(f->sink->error, -ENOENT);
                assert_string_equal(f->sink->error_what, "connect");
                assert_int_equal(f->sink->stats.backlog, 1);
        }

        fake_journald_start(&f->journald);
        flush_all(f);
        assert_null(f->sink->error_what);
        assert_true(receive_and_drop(f));
        assert_false(receive_and_drop(f));
}

static void dead_receiver_is_broken(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        fake_journald_kill(&f->journald);
        assert_int_equal(write_exec(f), 0);
        assert_int_equal(write_exec(f), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BROKEN);
        assert_int_equal(f->sink->error, -ECONNREFUSED);
        assert_int_equal(sink_poll_fd(f->sink), -1);
        assert_int_equal(f->sink->stats.backlog, 2);
}

static void restarted_receiver_is_found_in_the_same_flush(void **state)
{
        struct fixture *f = *state;

        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(write_exec(f), 0);
                assert_int_equal(write_exec(f), 0);
                flush_all(f);
                assert_true(receive_and_drop(f));
                assert_true(receive_and_drop(f));
                assert_false(receive_and_drop(f));
                fake_journald_kill(&f->journald);
                fake_journald_start(&f->journald);
        }
        assert_int_equal(f->sink->stats.retries, 4);
}

static void restart_with_a_large_entry_loses_nothing(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        fake_journald_kill(&f->journald);
        assert_int_equal(write_large(f, MIB), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BROKEN);
        fake_journald_start(&f->journald);
        flush_all(f);
        assert_true(receive_and_drop(f));
        assert_false(receive_and_drop(f));
}

static void reopen_leaves_a_receiver_that_was_replaced(void **state)
{
        struct fixture *f = *state;
        _cleanup_(closep) int old = -1;

        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        old = f->journald.fd; /* alive, but nobody finds it any more */
        fake_journald_start(&f->journald);
        sink_reopen(f->sink);
        assert_int_equal(sink_poll_fd(f->sink), -1);
        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
}

static void full_backlog_counts_what_it_refuses(void **state)
{
        struct fixture *f = *state;
        const struct message own = { .kind = EVENT_STATS,
                                     .line = LINE("{", "}"),
                                     .brief = LINE("{", "}") };
        const struct sink_stats *s = &f->sink->stats;
        unsigned n = 0;

        while (write_exec(f) == 0)
                n++;
        assert_true(n > 5);
        assert_int_equal(write_exec(f), -ENOBUFS);
        assert_int_equal(s->backlog, n);
        assert_true(s->backlog_bytes <= 4096);
        assert_int_equal(write_message(f, &own), -ENOBUFS);

        /* what was refused took no seq: receive() sees no hole */
        while (f->n_received < n) {
                (void)sink_flush(f->sink);
                while (receive_and_drop(f))
                        ;
        }
        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        assert_int_equal(s->written, n + 1);
}

static void entry_larger_than_the_backlog_is_lost_alone(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(write_large(f, 5000), -EMSGSIZE);
        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
}

static void idle_sink_does_not_connect(void **state)
{
        struct fixture *f = *state;

        flush_all(f);
        assert_int_equal(sink_poll_fd(f->sink), -1);
}

static void new_refuses_path_longer_than_an_address(void **state)
{
        char path[200];
        struct sink *s = NULL;

        (void)state;
        memset(path, 'x', sizeof(path));
        path[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
        assert_int_equal(sink_journal_new(path, 4096, &s), -ENAMETOOLONG);
        assert_int_equal(sink_journal_new("/x", 0, &s), -EINVAL);
        assert_null(s);
}

/* Any order of writes, flushes, reads and restarts: each accepted event arrives once, in order. */
static void random_walk_delivers_each_event_once_in_order(void **state)
{
        struct fixture *f = *state;
        uint64_t n_accepted = 0;

        srand(1);
        for (unsigned i = 0; i < 20000; i++) {
                switch (rand() % 8) {
                case 0 ... 3:
                        n_accepted += (rand() % 50 ? write_exec(f) : write_large(f, 3000)) == 0;
                        break;
                case 4 ... 5:
                        (void)sink_flush(f->sink);
                        break;
                case 6:
                        if (f->journald.fd >= 0)
                                (void)receive_and_drop(f);
                        break;
                default:
                        if (f->journald.fd < 0) {
                                fake_journald_start(&f->journald);
                                break;
                        }
                        while (receive_and_drop(f))
                                ;
                        if (rand() % 10 == 0)
                                fake_journald_kill(&f->journald);
                }
        }
        if (f->journald.fd < 0)
                fake_journald_start(&f->journald);
        while (f->n_received < n_accepted) {
                (void)sink_flush(f->sink);
                assert_true(receive_and_drop(f));
        }
        assert_false(receive_and_drop(f));
        flush_all(f);
        assert_int_equal(f->sink->stats.written, n_accepted);
        assert_true(f->n_refused > 0); /* the walk fills the backlog, too */
}

static void flush_ends_though_the_receiver_takes_everything(void **state)
{
        struct fixture *f = *state;

        if (!allow_long_queues())
                skip();
        fake_journald_kill(&f->journald);
        fake_journald_start(&f->journald);
        for (unsigned i = 0; i < 300; i++)
                assert_int_equal(write_exec(f), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BUSY);
        assert_int_equal(f->sink->stats.written, 256);
        flush_all(f);
        while (receive_and_drop(f))
                ;
        assert_int_equal(f->n_received, 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(event_becomes_exactly_the_fields_of_the_contract),
                TEST(absent_facts_are_absent_fields),
                TEST(retval_is_signed),
                TEST(each_kind_has_its_name_priority_and_message_id),
                TEST(newline_in_a_value_cannot_forge_a_field),
                TEST(bytes_that_journalctl_cannot_show_are_replaced),
                TEST(noncharacters_are_replaced),
                TEST(long_value_is_cut_where_journalctl_prints_null),
                TEST(long_value_is_cut_between_characters),
                TEST(cut_line_is_whole_in_json_field),
                TEST(equal_lines_are_sent_once),
                TEST(megabyte_goes_as_sealed_memfd),
                TEST(entry_beyond_the_send_buffer_goes_as_memfd),
                TEST(entry_is_sent_brief_where_no_memfd_can_be_had),
                TEST(flush_ends_though_the_receiver_takes_everything),
                TEST(receiver_that_does_not_read_makes_the_sink_busy),
                TEST(large_entry_waits_its_turn_behind_a_full_queue),
                TEST(missing_socket_is_broken_until_it_appears),
                TEST(dead_receiver_is_broken),
                TEST(restarted_receiver_is_found_in_the_same_flush),
                TEST(restart_with_a_large_entry_loses_nothing),
                TEST(reopen_leaves_a_receiver_that_was_replaced),
                TEST_SMALL(full_backlog_counts_what_it_refuses),
                TEST_SMALL(entry_larger_than_the_backlog_is_lost_alone),
                TEST(idle_sink_does_not_connect),
                TEST(new_refuses_path_longer_than_an_address),
                TEST_SMALL(random_walk_delivers_each_event_once_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
