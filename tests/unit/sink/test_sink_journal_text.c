/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The journal sink whose messages are for people: the line is beside the text, whatever its size,
 * and whatever there is to send it with.
 */
#include <errno.h>
#include <sys/resource.h>

#include "journal_fixture.h"

/* An exec with a text, and what is behind seq in its lines. */
static void write_text(struct fixture *f, const char *text, const char *tail, const char *brief)
{
        const struct exec_event event = { .kind = EVENT_EXEC };

        assert_int_equal(write_message(f, &(struct message){ .kind = EVENT_EXEC,
                                                             .line = LINE("{\"seq\":", tail),
                                                             .brief = LINE("{\"seq\":", brief),
                                                             .text = span_of(text),
                                                             .event = &event }),
                         0);
}

static void text_is_the_message_and_the_whole_line_beside_it(void **state)
{
        struct fixture *f = *state;
        _cleanup_(fake_entry_done) struct fake_entry a, b;

        sink_journal_configure(f->sink, true);
        assert_true(f->sink->wants_text);
        write_text(f, "root(0): ls", "}", "}");
        write_text(f, "root(0): cat", ",\"argv\":[1,2,3]}", ",\"argv\":[1]}");
        flush_all(f);
        receive(f, &a);
        assert_field(&a, "MESSAGE", "root(0): ls");
        assert_field(&a, "EXECSNOOP_JSON", "{\"seq\":1}");
        assert_field(&a, "EXECSNOOP_EVENT", "exec");
        receive(f, &b);
        assert_field(&b, "MESSAGE", "root(0): cat");
        assert_field(&b, "EXECSNOOP_JSON", "{\"seq\":2,\"argv\":[1,2,3]}");
        assert_int_equal(a.n_fields, b.n_fields);
}

static void text_comes_and_goes_with_the_settings(void **state)
{
        struct fixture *f = *state;
        _cleanup_(fake_entry_done) struct fake_entry a, b, c;

        write_text(f, "not wanted", "}", "}");
        sink_journal_configure(f->sink, true);
        write_text(f, "wanted", "}", "}");
        sink_journal_configure(f->sink, false);
        write_text(f, "not wanted", "}", "}");
        flush_all(f);
        receive(f, &a);
        assert_field(&a, "MESSAGE", "{\"seq\":1}");
        assert_field(&a, "EXECSNOOP_JSON", NULL);
        receive(f, &b);
        assert_field(&b, "MESSAGE", "wanted");
        assert_field(&b, "EXECSNOOP_JSON", "{\"seq\":2}");
        receive(f, &c);
        assert_field(&c, "MESSAGE", "{\"seq\":3}");
}

/* As long as there is one: without a memfd, and too long for a datagram. */
static void text_has_at_least_the_brief_line_beside_it(void **state)
{
        struct fixture *f = *state;
        _cleanup_(freep) char *tail = calloc(1, MIB);
        struct rlimit old, none;

        assert_non_null(tail);
        memset(tail, 'x', MIB - 1);
        sink_journal_configure(f->sink, true);
        for (unsigned i = 0; i < 2; i++) {
                const bool has_memfd = i == 0;
                _cleanup_(fake_entry_done) struct fake_entry e;
                struct span whole;

                write_text(f, "root(0): ls", tail, "brief}");
                assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
                none = (struct rlimit){ .rlim_cur = 1, .rlim_max = old.rlim_max };
                if (!has_memfd)
                        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
                assert_int_equal(sink_flush(f->sink), SINK_IDLE);
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
                receive(f, &e);
                assert_int_equal(e.by_memfd, has_memfd);
                assert_field(&e, "MESSAGE", "root(0): ls");
                whole = fake_entry_get(&e, "EXECSNOOP_JSON");
                if (has_memfd)
                        assert_int_equal(whole.size, strlen("{\"seq\":1") + MIB - 1);
                else
                        assert_field(&e, "EXECSNOOP_JSON", "{\"seq\":2brief}");
        }
}

/* Where nothing can carry the line it waits until something can. */
static void text_never_goes_alone(void **state)
{
        struct fixture *f = *state;
        const int size = 4096; /* the kernel doubles it */
        _cleanup_(freep) char *tail = calloc(1, 20000);
        _cleanup_(fake_entry_done) struct fake_entry e;
        struct rlimit old, none;

        assert_non_null(tail);
        memset(tail, 'x', 19999);
        assert_int_equal(write_exec(f), 0);
        flush_all(f);
        assert_true(receive_and_drop(f));
        assert_int_equal(setsockopt(sink_poll_fd(f->sink), SOL_SOCKET, SO_SNDBUF, &size, 4), 0);
        sink_journal_configure(f->sink, true);
        write_text(f, "root(0): ls", tail, tail);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        none = (struct rlimit){ .rlim_cur = 1, .rlim_max = old.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        assert_int_equal(sink_flush(f->sink), SINK_BROKEN);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        flush_all(f);
        receive(f, &e);
        assert_field(&e, "MESSAGE", "root(0): ls");
        assert_int_equal(fake_entry_get(&e, "EXECSNOOP_JSON").size, strlen("{\"seq\":2") + 19999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(text_is_the_message_and_the_whole_line_beside_it),
                TEST(text_comes_and_goes_with_the_settings),
                TEST(text_has_at_least_the_brief_line_beside_it),
                TEST(text_never_goes_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
