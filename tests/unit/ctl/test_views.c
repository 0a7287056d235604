/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Numbers of lines, trees of processes, what is chosen, rows that wait for an end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "read/streams.h"
#include "view/chosen.h"
#include "view/rows.h"
#include "view/tree_of.h"

static struct event_line line;

#define FORMAT_HEAD                                                                                \
        "{\"event\":\"%s\",\"time\":\"2026-11-22T18:31:07Z\",\"seq\":%u,\"boot_id\":"              \
        "\"%032x\",\"host\":\"%s\""

static char text[2048];

static void make_line(const char *kind, unsigned seq, unsigned boot, const char *host,
                      const char *members)
{
        (void)snprintf(text, sizeof(text), FORMAT_HEAD "%s}", kind, seq, boot, host, members);
        assert_int_equal(event_line_read(&line, span_of(text)), LINE_EVENT);
}

static void assert_step(struct streams *s, enum stream_step expected, uint64_t expected_last)
{
        uint64_t last;

        assert_int_equal(streams_step(s, &line, &last), expected);
        assert_int_equal(last, expected_last);
}

static void holes_are_those_of_each_boot_whatever_the_host_is_called(void **state)
{
        struct streams *s;

        (void)state;
        assert_int_equal(streams_new(&s), 0);
        make_line("exec", 7, 1, "a", "");
        assert_step(s, STREAM_NEW, 0);
        make_line("exec", 1, 2, "a", "");
        assert_step(s, STREAM_NEW, 0);
        make_line("exec", 8, 1, "ab", "");
        assert_step(s, STREAM_NEXT, 7);
        make_line("exec", 11, 1, "a", "");
        assert_step(s, STREAM_HOLE, 8);
        make_line("exec", 11, 1, "a", "");
        assert_step(s, STREAM_BACK, 11);
        make_line("exec", 5, 1, "a", "");
        assert_step(s, STREAM_BACK, 11);
        make_line("start", 1, 1, "a", "");
        assert_step(s, STREAM_BEGINS, 5);
        make_line("exec", 2, 1, "a", "");
        assert_step(s, STREAM_NEXT, 1);
        make_line("exec", 2, 2, "a", "");
        assert_step(s, STREAM_NEXT, 1);
        streams_free(s);
}

static void the_stream_that_was_silent_longest_is_forgotten(void **state)
{
        struct streams *s;
        uint64_t last;

        (void)state;
        assert_int_equal(streams_new(&s), 0);
        for (unsigned i = 0; i < STREAMS_MAX + 1; i++) {
                make_line("exec", 1, i, "a", "");
                assert_int_equal(streams_step(s, &line, &last), STREAM_NEW);
        }
        make_line("exec", 2, 1, "a", "");
        assert_step(s, STREAM_NEXT, 1);
        make_line("exec", 2, 0, "a", "");
        assert_step(s, STREAM_NEW, 0);
        streams_free(s);
}

static bool tree_has(struct tree_of *t, const char *kind, const char *members)
{
        make_line(kind, 1, 1, "a", members);
        return tree_of_match(t, &line);
}

static void a_tree_has_all_that_come_of_its_root(void **state)
{
        struct tree_of *t;

        (void)state;
        assert_int_equal(tree_of_new("100", &t), 0);
        assert_false(tree_has(t, "exec", ",\"pid\":99,\"ppid\":1,\"process_id\":\"b-99\""));
        assert_true(tree_has(t, "exec", ",\"pid\":100,\"ppid\":1,\"process_id\":\"b-100\""));
        assert_true(tree_has(t, "exec",
                             ",\"pid\":101,\"ppid\":100,\"process_id\":\"b-101\","
                             "\"parent_process_id\":\"b-100\""));
        /* a process in between that has only forked */
        assert_true(tree_has(t, "exec",
                             ",\"pid\":103,\"ppid\":102,\"process_id\":\"b-103\","
                             "\"parent_process_id\":\"b-102\",\"ancestors\":[{\"pid\":102,"
                             "\"comm\":\"sh\"},{\"pid\":101,\"comm\":\"sh\"}]"));
        assert_true(tree_has(t, "exit", ",\"pid\":101,\"process_id\":\"b-101\""));
        assert_false(tree_has(t, "exit", ",\"pid\":99,\"process_id\":\"b-99\""));
        /* the number is somebody else's by now */
        assert_false(tree_has(t, "exec",
                              ",\"pid\":104,\"ppid\":101,\"process_id\":\"b-104\","
                              "\"parent_process_id\":\"c-101\",\"ancestors\":[{\"pid\":"
                              "101,\"comm\":\"x\"}]"));
        /* so is this, though its end is not in the log */
        assert_false(tree_has(t, "exec", ",\"pid\":103,\"ppid\":1,\"process_id\":\"c-103\""));
        assert_false(tree_has(t, "exec",
                              ",\"pid\":105,\"ppid\":103,\"process_id\":\"c-105\","
                              "\"parent_process_id\":\"c-103\",\"ancestors\":[{\"pid\":"
                              "103,\"comm\":\"x\"}]"));
        assert_false(tree_of_is_cut(t));
        tree_of_free(t);
}

static void a_tree_may_be_named_by_process_id(void **state)
{
        struct tree_of *t;

        (void)state;
        assert_int_equal(tree_of_new("b-100", &t), 0);
        assert_false(tree_has(t, "exec", ",\"pid\":100,\"ppid\":1,\"process_id\":\"a-100\""));
        assert_true(tree_has(t, "exec", ",\"pid\":100,\"ppid\":1,\"process_id\":\"b-100\""));
        assert_true(tree_has(t, "exec",
                             ",\"pid\":101,\"ppid\":100,\"process_id\":\"b-101\","
                             "\"parent_process_id\":\"b-100\""));
        /* another boot, in which these PIDs are others' */
        make_line("exec", 1, 8, "a", ",\"pid\":102,\"ppid\":101,\"process_id\":\"c-102\"");
        assert_false(tree_of_match(t, &line));
        assert_true(tree_has(t, "exec", ",\"pid\":102,\"ppid\":101,\"process_id\":\"b-102\""));
        tree_of_free(t);
        assert_int_equal(tree_of_new("x", &t), -EINVAL);
        assert_int_equal(tree_of_new("0", &t), -EINVAL);
        assert_int_equal(tree_of_new("12x", &t), -EINVAL);
        assert_int_equal(tree_of_new("", &t), -EINVAL);
}

#define ANN                                                                                        \
        ",\"pid\":7,\"ppid\":5,\"uid\":1000,\"euid\":1000,\"comm\":\"a*b\",\"argv\":[\"a*b\",\"x " \
        "y\"]"

static void parts_are_taken_as_they_are(void **state)
{
        struct buf problem = { 0 };
        struct chosen *c;

        (void)state;
        assert_int_equal(chosen_new(&c), 0);
        assert_true(chosen_is_all(c));
        assert_int_equal(chosen_add_part(c, "Comm", "*", &problem), 0);
        assert_int_equal(chosen_add_part(c, "CommandLine", "b x y", &problem), 0);
        assert_int_equal(chosen_add_word(c, "User", "1000", &problem), 0);
        assert_int_equal(chosen_pack(c), 0);
        assert_false(chosen_is_all(c));
        make_line("exec", 1, 1, "a", ANN);
        assert_true(chosen_match(c, &line));
        make_line("exec", 1, 1, "a", ",\"uid\":1000,\"comm\":\"ab\",\"argv\":[\"a*b\",\"x y\"]");
        assert_false(chosen_match(c, &line));
        make_line("exec", 1, 1, "a", ",\"uid\":1000,\"comm\":\"a*b\",\"argv\":[\"b\",\"xx\"]");
        assert_false(chosen_match(c, &line));
        /* of what was cut nobody knows */
        make_line("exec", 1, 1, "a",
                  ",\"uid\":1000,\"comm\":\"a*b\",\"argv\":[\"b\"],"
                  "\"argv_truncated\":true");
        assert_true(chosen_match(c, &line));
        make_line("exec", 1, 1, "a", ",\"uid\":1,\"comm\":\"a*b\",\"argv\":[\"a*b\",\"x y\"]");
        assert_false(chosen_match(c, &line));
        chosen_free(c);
        buf_done(&problem);
}

static void failed_ones_are_asked_for(void **state)
{
        struct buf problem = { 0 };
        struct chosen *c;

        (void)state;
        assert_int_equal(chosen_new(&c), 0);
        assert_int_equal(chosen_set_parent(c, "5"), 0);
        assert_int_equal(chosen_set_parent(c, "5x"), -EINVAL);
        assert_int_equal(chosen_pack(c), 0);
        make_line("exec_failed", 1, 1, "a", ANN);
        assert_false(chosen_match(c, &line));
        make_line("summary", 1, 1, "a", ANN ",\"of\":\"exec_failed\"");
        assert_false(chosen_match(c, &line));
        assert_int_equal(chosen_n_failed(c), 2);
        chosen_set_failed(c, true);
        make_line("exec_failed", 1, 1, "a", ANN);
        assert_true(chosen_match(c, &line));
        make_line("exec_failed", 1, 1, "a", ",\"ppid\":6");
        assert_false(chosen_match(c, &line));
        chosen_free(c);
        assert_int_equal(chosen_new(&c), 0);
        assert_int_equal(chosen_add(c, SPAN_LITERAL("Event=exec_failed"), &problem), 0);
        assert_int_equal(chosen_pack(c), 0);
        make_line("exec_failed", 1, 1, "a", ANN);
        assert_true(chosen_match(c, &line));
        make_line("exec", 1, 1, "a", ANN);
        assert_false(chosen_match(c, &line));
        chosen_free(c);
}

static void times_and_boots_have_their_bounds(void **state)
{
        static const uint64_t at = UINT64_C(1795372267) * NSEC_PER_SEC;
        struct chosen *c;

        (void)state;
        assert_int_equal(chosen_new(&c), 0);
        make_line("exec", 1, 0xabc, "a", "");
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_TIME);
        chosen_set_times(c, at, at);
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_TIME);
        chosen_set_times(c, at + 1, UINT64_MAX);
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_EARLIER);
        chosen_set_times(c, 0, at - 1);
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_LATER);
        chosen_set_times(c, 0, UINT64_MAX);
        chosen_set_boot(c, "00000000000000000000000000000abc");
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_TIME);
        chosen_set_boot(c, "00000000000000000000000000000abd");
        assert_int_equal(chosen_in_time(c, &line), CHOSEN_EARLIER);
        chosen_free(c);
}

static struct buf shown;

static void show(void *userdata, const struct row *row)
{
        (void)userdata;
        buf_append_span(&shown, buf_span(&row->left));
        buf_append_string(&shown, row->status);
        buf_append_char(&shown, ' ');
}

static void put_row(struct rows *r, unsigned n, const char *id)
{
        struct row *row = rows_begin(r);

        (void)snprintf(row->process_id, sizeof(row->process_id), "%s", id);
        buf_append_u64(&row->left, n);
        rows_put(r, row);
}

static void assert_shown(const char *expected)
{
        assert_true(span_is(shown.data ? buf_span(&shown) : SPAN_LITERAL(""), expected));
        buf_reset(&shown);
}

static void rows_wait_for_their_end(void **state)
{
        struct rows *r;

        (void)state;
        assert_int_equal(rows_new(true, show, NULL, &r), 0);
        put_row(r, 1, "a");
        put_row(r, 2, "b");
        put_row(r, 3, "a");
        assert_shown("");
        assert_null(rows_find(r, SPAN_LITERAL("c")));
        strcpy(rows_find(r, SPAN_LITERAL("a"))->status, "!");
        strcpy(rows_find(r, SPAN_LITERAL("b"))->status, "?");
        rows_flush(r);
        assert_shown("1 2? 3! ");
        rows_free(r);
        assert_int_equal(rows_new(false, show, NULL, &r), 0);
        put_row(r, 1, "a");
        assert_shown("1 ");
        assert_true(rows_find(r, SPAN_LITERAL("a"))->is_shown);
        rows_free(r);
}

static void show_id(void *userdata, const struct row *row)
{
        (void)userdata;
        buf_append_string(&shown, row->process_id);
        buf_append_char(&shown, ' ');
}

/* So that the search for one row of a process never goes over the others. */
static void the_last_row_of_a_process_alone_has_its_id(void **state)
{
        struct rows *r;

        (void)state;
        assert_int_equal(rows_new(true, show_id, NULL, &r), 0);
        put_row(r, 1, "a");
        put_row(r, 2, "b");
        put_row(r, 3, "a");
        put_row(r, 4, "a");
        assert_true(span_is(buf_span(&rows_find(r, SPAN_LITERAL("a"))->left), "4"));
        assert_true(span_is(buf_span(&rows_find(r, SPAN_LITERAL("b"))->left), "2"));
        rows_flush(r);
        assert_shown(" b  a ");
        rows_free(r);
}

static void rows_wait_no_longer_than_there_is_room(void **state)
{
        char id[16];
        struct rows *r;

        (void)state;
        assert_int_equal(rows_new(true, show, NULL, &r), 0);
        for (unsigned i = 0; i < ROWS_MAX + 2; i++) {
                (void)snprintf(id, sizeof(id), "%u", i);
                put_row(r, i, id);
        }
        assert_shown("0 1 ");
        assert_null(rows_find(r, SPAN_LITERAL("1")));
        for (unsigned i = 2; i < ROWS_MAX + 2; i++) {
                (void)snprintf(id, sizeof(id), "%u", i);
                assert_non_null(rows_find(r, span_of(id)));
        }
        rows_free(r);
        assert_int_equal(rows_new(true, show, NULL, &r), 0);
        for (unsigned i = 0; i < 12; i++) {
                struct row *row = rows_begin(r);

                assert_non_null(buf_reserve(&row->right, MIB));
                row->right.size = MIB;
                rows_put(r, row);
        }
        assert_shown("   ");
        rows_free(r);
        buf_done(&shown);
}

static int done(void **state)
{
        (void)state;
        event_line_done(&line);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(holes_are_those_of_each_boot_whatever_the_host_is_called),
                cmocka_unit_test(the_stream_that_was_silent_longest_is_forgotten),
                cmocka_unit_test(a_tree_has_all_that_come_of_its_root),
                cmocka_unit_test(a_tree_may_be_named_by_process_id),
                cmocka_unit_test(parts_are_taken_as_they_are),
                cmocka_unit_test(failed_ones_are_asked_for),
                cmocka_unit_test(times_and_boots_have_their_bounds),
                cmocka_unit_test(rows_wait_for_their_end),
                cmocka_unit_test(the_last_row_of_a_process_alone_has_its_id),
                cmocka_unit_test(rows_wait_no_longer_than_there_is_room),
        };

        return cmocka_run_group_tests(tests, NULL, done);
}
