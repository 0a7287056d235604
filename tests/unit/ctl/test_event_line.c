/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* event_line: what of a line becomes of an event, and which lines are not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "read/event_line.h"
#include "read/event_time.h"

#define HEAD                                                                                       \
        "\"time\":\"2026-11-22T18:31:07.482915243Z\",\"seq\":2,"                                   \
        "\"boot_id\":\"2fff7c11b2084133bd954df45c274c9b\",\"host\":\"vm\""

static struct event_line line;

static int read_line(const char *text)
{
        return event_line_read(&line, span_of(text));
}

static void an_exec_has_its_facts(void **state)
{
        const struct exec_event *e = &line.event;

        (void)state;
        assert_int_equal(
                read_line(
                        "{\"event\":\"exec\"," HEAD
                        ",\"pid\":4711,\"tid\":4712,\"ppid\":1234,\"uid\":1000,\"gid\":1001,"
                        "\"euid\":0,\"egid\":0,\"suid\":0,\"sgid\":0,\"user\":\"ann\","
                        "\"loginuid\":1000,\"session\":3,\"comm\":\"ls\",\"parent_comm\":\"bash\","
                        "\"filename\":\"ls\",\"exe\":\"/usr/bin/ls\",\"argv\":[\"ls\",\"a b\","
                        "\"\",\"\\u00e9\\n\"],\"argc\":4,\"cwd\":\"/\",\"tty\":\"pts/0\","
                        "\"unit\":\"a.service\",\"container_id\":\"c0\",\"caps\":{\"effective\":"
                        "\"0x3f\",\"permitted\":\"0x1\"},\"flags\":[\"setuid\",\"later\"],"
                        "\"env\":{\"A\":\"1\",\"B\":\"x=y\"},\"process_id\":\"p\","
                        "\"parent_process_id\":\"q\",\"ancestors\":[{\"pid\":1234,\"comm\":"
                        "\"bash\"},{\"pid\":1,\"comm\":\"systemd\"}],\"retval\":0,"
                        "\"tags\":[\"t\"],\"redacted\":[1],\"truncated\":[\"exe\",\"unit\"],"
                        "\"a_later_key\":{\"x\":[1,2]}}"),
                LINE_EVENT);
        assert_int_equal(line.n_strange, 0);
        assert_int_equal(line.time_ns, UINT64_C(1795372267482915243));
        assert_int_equal(line.seq, 2);
        assert_int_equal(e->kind, EVENT_EXEC);
        assert_int_equal(e->facts.pid, 4711);
        assert_int_equal(e->facts.tid, 4712);
        assert_int_equal(e->facts.present, FACT_CREDS | FACT_PARENT | FACT_LOGINUID | FACT_SESSION |
                                                   FACT_ARGC | FACT_CAPS | FACT_RETVAL);
        assert_int_equal(e->facts.caps_effective, 0x3f);
        assert_int_equal(e->facts.traits, TRAIT_SETUID);
        assert_true(span_is(e->user, "ann") && span_is(e->tty, "pts/0"));
        assert_true(span_is(e->names.unit, "a.service") && span_is(e->names.container_id, "c0"));
        assert_int_equal(e->argv.size, sizeof("ls\0a b\0\0\xc3\xa9\n"));
        assert_memory_equal(e->argv.data, "ls\0a b\0\0\xc3\xa9\n", e->argv.size);
        assert_int_equal(e->env.size, sizeof("A=1\0B=x=y"));
        assert_memory_equal(e->env.data, "A=1\0B=x=y", e->env.size);
        assert_int_equal(e->n_ancestors, 2);
        assert_int_equal(e->ancestors[1].pid, 1);
        assert_string_equal(e->ancestors[1].comm, "systemd");
        assert_int_equal(e->cut, EXEC_CUT(FIELD_EXE) | EXEC_CUT(FIELD_CGROUP));
}

static void bytes_that_are_no_text_are_exact(void **state)
{
        const struct exec_event *e = &line.event;

        (void)state;
        assert_int_equal(read_line("{\"event\":\"exec\"," HEAD
                                   ",\"comm\":\"\\ufffd\",\"comm_base64\":\"/wo=\","
                                   "\"argv\":[\"a\",\"\\ufffd\"],\"argv_base64\":[\"YQ==\","
                                   "\"/w==\"],\"host_base64\":\"dm0=\"}"),
                         LINE_EVENT);
        assert_int_equal(line.n_strange, 0);
        assert_true(span_equal(e->comm, SPAN_LITERAL("\xff\n")));
        assert_true(span_equal(e->argv, SPAN_LITERAL("a\0\xff\0")));
        (void)read_line("{\"event\":\"exec\"," HEAD ",\"comm\":\"x\",\"comm_base64\":\"?\"}");
        assert_int_equal(line.n_strange, 1);
        assert_true(span_is(e->comm, "x"));
}

static void usual_capabilities_are_known(void **state)
{
        (void)state;
        (void)read_line("{\"event\":\"exec\"," HEAD ",\"euid\":0}");
        assert_int_equal(line.event.facts.caps_effective, UINT64_MAX);
        (void)read_line("{\"event\":\"exec\"," HEAD ",\"euid\":5}");
        assert_int_equal(line.event.facts.caps_effective, 0);
        assert_true(event_has(&line.event, FACT_CAPS));
        (void)read_line("{\"event\":\"exec\"," HEAD "}");
        assert_false(event_has(&line.event, FACT_CAPS));
}

static void an_exit_has_its_status(void **state)
{
        (void)state;
        (void)read_line("{\"event\":\"exit\"," HEAD ",\"exit_code\":3,\"duration_ns\":17}");
        assert_int_equal(line.event.status, 3 << 8);
        assert_int_equal(line.event.duration_ns, 17);
        assert_true(line.has_status);
        (void)read_line("{\"event\":\"exit\"," HEAD ",\"signal\":11,\"core_dumped\":true}");
        assert_int_equal(line.event.status, 11 | 0x80);
        (void)read_line("{\"event\":\"exit\"," HEAD ",\"exit_code\":256}");
        assert_false(line.has_status);
        assert_int_equal(line.n_strange, 1);
}

static void the_daemons_own_have_their_counters(void **state)
{
        (void)state;
        assert_int_equal(read_line("{\"event\":\"stop\"," HEAD
                                   ",\"seen\":18446744073709551615,\"lost\":3,"
                                   "\"lost_by\":{\"ring\":3},\"unaccounted\":-4}"),
                         LINE_EVENT);
        assert_int_equal(line.counters.seen, UINT64_MAX);
        assert_int_equal(line.counters.unaccounted, -4);
        assert_true(event_line_has(&line, LINE_HAS(seen) | LINE_HAS(lost)));
        assert_false(event_line_has(&line, LINE_HAS(filtered)));
        assert_true(span_is(line.lost_by.text, "{\"ring\":3}"));
        (void)read_line("{\"event\":\"lost\"," HEAD ",\"where\":\"ring\",\"count\":7,\"cpu\":3,"
                        "\"from\":\"1970-01-01T00:00:01Z\"}");
        assert_int_equal(line.counters.count, 7);
        assert_int_equal(line.cpu, 3);
        assert_int_equal(line.from_ns, NSEC_PER_SEC);
        assert_int_equal(line.to_ns, TIME_UNKNOWN);
}

static void what_is_not_ours_is_told_apart(void **state)
{
        (void)state;
        assert_int_equal(read_line("{\"event\":\"birth\"," HEAD "}"), LINE_UNKNOWN);
        assert_int_equal(read_line("{\"message\":\"hello\"}"), LINE_FOREIGN);
        assert_int_equal(read_line("{\"event\":\"exec\",\"seq\":1}"), LINE_FOREIGN);
        assert_int_equal(
                read_line("{\"event\":\"exec\",\"time\":\"2026-11-22T18:31:07Z\",\"seq\":1,"
                          "\"boot_id\":\"2FFF7c11b2084133bd954df45c274c9b\","
                          "\"host\":\"vm\"}"),
                LINE_FOREIGN);
        assert_int_equal(read_line("Nov 22 18:31:07 vm sshd[1]: hello"), LINE_BAD);
        assert_int_equal(read_line(""), LINE_BAD);
        assert_int_equal(read_line("{\"event\":\"exec\"," HEAD ",\"argv\":[\"ls"), LINE_BAD);
}

static void values_of_another_kind_or_size_are_not_taken(void **state)
{
        static const char *const members[] = {
                "\"pid\":4294967296",
                "\"pid\":\"1\"",
                "\"pid\":-1",
                "\"argv\":\"ls\"",
                "\"argv\":[1]",
                "\"comm\":5",
                "\"caps\":[]",
                "\"flags\":{}",
                "\"ancestors\":[1]",
                "\"exit_code\":1e3",
                "\"retval\":5",
                "\"duration_ns\":1.5",
                "\"env\":[\"A=1\"]",
                "\"truncated\":true",
                "\"from\":\"yesterday\"",
                "\"seen\":99999999999999999999",
                "\"caps\":{\"effective\":\"7\"}",
                "\"ancestors\":[{},{},{},{},{},{},{},{},{}]",
        };
        char text[512];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                (void)snprintf(text, sizeof(text), "{\"event\":\"exec\"," HEAD ",%s}", members[i]);
                if (read_line(text) != LINE_EVENT || line.n_strange != 1)
                        fail_msg("%s", members[i]);
        }
        assert_int_equal(line.event.n_ancestors, EXEC_ANCESTORS_MAX);
}

static void times_are_those_of_the_events(void **state)
{
        static const char *const bad[] = {
                "2026-11-22",           "2026-11-22T18:31:07",      "2026-13-22T18:31:07Z",
                "2026-11-22T24:31:07Z", "2026-11-22T18:31:07.Z",    "1969-12-31T23:59:59Z",
                "9999-11-22T18:31:07Z", "2026-11-22T18:31:07Z ",    "",
                "2026-11-22 18:31:07Z", "2026-11-22T18:31:07+00:00"
        };
        uint64_t ns;

        (void)state;
        assert_true(event_time_parse(SPAN_LITERAL("1970-01-01T00:00:00Z"), &ns) && ns == 0);
        assert_true(event_time_parse(SPAN_LITERAL("2000-02-29T23:59:60.5Z"), &ns));
        assert_int_equal(ns, UINT64_C(951868800500000000));
        assert_true(event_time_parse(SPAN_LITERAL("2261-12-31T00:00:00.0000000019Z"), &ns));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (event_time_parse(span_of(bad[i]), &ns))
                        fail_msg("%s", bad[i]);
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
                cmocka_unit_test(an_exec_has_its_facts),
                cmocka_unit_test(bytes_that_are_no_text_are_exact),
                cmocka_unit_test(usual_capabilities_are_known),
                cmocka_unit_test(an_exit_has_its_status),
                cmocka_unit_test(the_daemons_own_have_their_counters),
                cmocka_unit_test(what_is_not_ours_is_told_apart),
                cmocka_unit_test(values_of_another_kind_or_size_are_not_taken),
                cmocka_unit_test(times_are_those_of_the_events),
        };

        return cmocka_run_group_tests(tests, NULL, done);
}
