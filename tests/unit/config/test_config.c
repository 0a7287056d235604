/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * config: the settings and their defaults, lists, what depends on several settings, and that what
 * is shown says where it comes from and loads back to the same.
 *
 * With the path of a configuration file as its argument it proves instead that the file shows every
 * setting, commented out, with its default.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "config/config.h"
#include "config_outcome.h"

static void config_defaults_are_the_documented_ones(void **state)
{
        _cleanup_(config_freep) struct config *c = NULL;

        (void)state;
        assert_int_equal(config_new(&c), 0);
        assert_false(c->capture.exits);
        assert_false(c->capture.failed_execs);
        assert_int_equal(c->capture.failed_execs_ignore.bits[0], 1 << ENOENT);
        for (size_t i = 1; i < ELEMENTSOF(c->capture.failed_execs_ignore.bits); i++)
                assert_int_equal(c->capture.failed_execs_ignore.bits[i], 0);
        assert_false(c->capture.attempts);
        assert_int_equal(c->capture.argv_max, 64 * KIB);
        assert_string_equal(c->capture.environment[0], "LD_PRELOAD");
        assert_string_equal(c->capture.environment[1], "LD_LIBRARY_PATH");
        assert_string_equal(c->capture.environment[2], "LD_AUDIT");
        assert_null(c->capture.environment[3]);
        assert_true(c->capture.parents);
        assert_int_equal(c->capture.parent_argv_max, KIB);
        assert_int_equal(c->capture.ring_size, MIB);
        assert_int_equal(c->capture.max_latency_ns, 100 * NSEC_PER_MSEC);
        assert_int_equal(c->redact.arguments, REDACT_SECRETS);
        assert_int_equal(c->redact.environment, REDACT_SECRETS);
        assert_string_equal(c->redact.names[0], BUILTIN_GLOBS);
        assert_null(c->redact.names[1]);
        assert_string_equal(c->redact.keep_names[0], BUILTIN_GLOBS);
        assert_null(c->redact.keep_names[1]);
        assert_true(c->journal.enabled);
        assert_false(c->file.enabled);
        assert_string_equal(c->file.path, "/var/log/execsnoopd/exec.jsonl");
        assert_int_equal(c->file.format, FORMAT_NATIVE);
        assert_int_equal(c->file.max_size, 64 * MIB);
        assert_int_equal(c->file.max_age_ns, 0);
        assert_int_equal(c->file.max_files, 10);
        assert_int_equal(c->file.mode, 0640);
        assert_false(c->file.sync);
        assert_int_equal(c->queue.size, 16 * MIB);
        assert_int_equal(c->queue.backlog, 16 * MIB);
        assert_int_equal(c->stats.interval_ns, 60 * NSEC_PER_SEC);
        assert_int_equal(c->filter.fallback, FILTER_KEEP);
        assert_int_equal(c->rules.n, 0);
}

static void config_reaches_every_member(void **state)
{
        _cleanup_(outcome_done) struct outcome o = parse(
                "[Capture]\nExits=yes\nFailedExecs=yes\nFailedExecsIgnore=EHWPOISON\nAttempts=yes\n"
                "ArgvMax=128K\nParents=no\nParentArgvMax=2K\nEnvironment=A\nSnapshot=no\nRingSize="
                "2M\nMaxLatency=1s\nExeHash=sha256\n"
                "[Redact]\nArguments=none\nEnvironment=clear\nNames=\nNames=a*\nKeepNames=B\n"
                "[Journal]\nEnabled=no\n[File]\nEnabled=yes\nPath=/"
                "x\nFormat=native\n"
                "MaxSize=4K\nMaxAge=2s\nMaxFiles=3\nLineMax=16K\nCompress=zstd\nMode=0600\nSync="
                "yes\n"
                "[Queue]\nSize=640K\nBacklog=2M\n[Stats]\nInterval=2s\n"
                "[Filter]\nDefault=drop\n");
        const struct config *c = o.config;

        (void)state;
        assert_int_equal(o.result, 0);
        assert_true(c->capture.exits && c->capture.failed_execs && c->capture.attempts);
        assert_int_equal(c->capture.failed_execs_ignore.bits[0], 0);
        assert_int_equal(c->capture.failed_execs_ignore.bits[EHWPOISON / 64], 1 << EHWPOISON % 64);
        assert_int_equal(c->capture.argv_max, 128 * KIB);
        assert_false(c->capture.parents || c->capture.snapshot);
        assert_int_equal(c->capture.parent_argv_max, 2 * KIB);
        assert_string_equal(c->capture.environment[0], "A");
        assert_null(c->capture.environment[1]);
        assert_int_equal(c->capture.ring_size, 2 * MIB);
        assert_int_equal(c->capture.max_latency_ns, NSEC_PER_SEC);
        assert_int_equal(c->capture.exe_hash, HASH_SHA256);
        assert_false(c->journal.enabled);
        assert_true(c->file.enabled && c->file.sync);
        assert_int_equal(c->file.compress, COMPRESS_ZSTD);
        assert_int_equal(c->file.line_max, 16 * KIB);
        assert_string_equal(c->file.path, "/x");
        assert_int_equal(c->file.max_size, 4 * KIB);
        assert_int_equal(c->file.max_age_ns, 2 * NSEC_PER_SEC);
        assert_int_equal(c->file.max_files, 3);
        assert_int_equal(c->file.mode, 0600);
        assert_int_equal(c->queue.size, 640 * KIB);
        assert_int_equal(c->queue.backlog, 2 * MIB);
        assert_int_equal(c->stats.interval_ns, 2 * NSEC_PER_SEC);
        assert_int_equal(c->filter.fallback, FILTER_DROP);
}

static void config_lists_replace_append_and_reset(void **state)
{
        static const struct {
                const char *assignments, *shown;
        } cases[] = {
                { "Environment=A\n", "A" },
                { "Environment=A\nEnvironment=B C\nEnvironment=A\n", "A B C" },
                { "Environment=\n", "" },
                { "Environment=\nEnvironment=A\n", "A" },
                { "Environment=A\nEnvironment=\nEnvironment=B\n", "B" },
                { "Environment=A\nEnvironment=\n", "" },
        };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                (void)snprintf(text, sizeof(text), "[Capture]\n%s", cases[i].assignments);
                assert_parses(text, "Capture.Environment", cases[i].shown);
        }
        assert_parses("[Capture]\nFailedExecsIgnore=\n", "Capture.FailedExecsIgnore", "");
        assert_parses("[Capture]\nFailedExecsIgnore=EACCES\nFailedExecsIgnore=EPERM\n",
                      "Capture.FailedExecsIgnore", "EPERM EACCES");
}

/* The built-in list stays until an empty assignment, and can be put back. */
static void config_adds_names_to_the_builtin_ones(void **state)
{
        (void)state;
        assert_parses("[Redact]\nNames=a\nNames=b a\n", "Redact.Names", "@builtin a b");
        assert_parses("[Redact]\nNames=\n", "Redact.Names", "");
        assert_parses("[Redact]\nNames=\nNames=a\n", "Redact.Names", "a");
        assert_parses("[Redact]\nNames=a\nNames=\nNames=b @builtin\n", "Redact.Names",
                      "b @builtin");
        assert_parses("[Redact]\nKeepNames=*-x Y.z_?\n", "Redact.KeepNames", "@builtin *-x Y.z_?");
}

static void config_empty_assignment_restores_default(void **state)
{
        (void)state;
        assert_parses("[File]\nPath=/a\nPath=\n", "File.Path", "/var/log/execsnoopd/exec.jsonl");
        assert_parses("[Journal]\nEnabled=no\nEnabled= \n", "Journal.Enabled", "yes");
        assert_parses("[File]\nMode=0600\nMode=\n", "File.Mode", "0640");
        assert_parses("[Capture]\nMaxLatency=1s\nMaxLatency=\n", "Capture.MaxLatency", "100ms");
}

static void config_ring_follows_argv_unless_set(void **state)
{
        (void)state;
        assert_parses("[Capture]\nArgvMax=512K\n", "Capture.RingSize", "1M");
        assert_parses("[Capture]\nArgvMax=513K\n", "Capture.RingSize", "2M");
        assert_parses("[Capture]\nArgvMax=6M\n", "Capture.RingSize", "16M");
        assert_parses("[Capture]\nRingSize=1M\nArgvMax=6M\n", "Capture.RingSize", "1M");
        assert_parses("[Capture]\nRingSize=4M\nRingSize=\nArgvMax=6M\n", "Capture.RingSize", "16M");
        assert_parses("[Capture]\nRingSize=1048577\n", "Capture.RingSize", "2M");
        assert_parses("[Capture]\nRingSize=1000M\n", "Capture.RingSize", "1G");
}

static void config_queue_and_backlogs_hold_the_largest_event(void **state)
{
        (void)state;
        assert_parses("", "Queue.Size", "16M");
        assert_parses("", "Queue.Backlog", "16M");
        assert_parses("[Queue]\nSize=64K\nBacklog=64K\n", "Queue.Size", "384K");
        assert_parses("[Queue]\nSize=64K\nBacklog=64K\n", "Queue.Backlog", "768K");
        assert_parses("[Queue]\nSize=385K\nBacklog=769K\n", "Queue.Size", "385K");
        assert_parses("[Queue]\nSize=385K\nBacklog=769K\n", "Queue.Backlog", "769K");
        assert_parses("[Capture]\nArgvMax=6M\n", "Queue.Size", "16M");
        assert_parses("[Capture]\nArgvMax=6M\n", "Queue.Backlog", "49408K");
        assert_parses("[Queue]\nBacklog=16M\n[Capture]\nArgvMax=6M\n", "Queue.Backlog", "49408K");
        assert_parses("[File]\nFormat=ecs\n[Capture]\nArgvMax=6M\n", "Queue.Backlog", "86336K");
        assert_parses("[File]\nFormat=ocsf\n[Capture]\nArgvMax=6M\n", "Queue.Backlog", "86464K");
        assert_parses("[Capture]\nArgvMax=4K\n[Queue]\nSize=64K\n", "Queue.Size", "264K");
}

static void config_ring_is_at_least_a_page(void **state)
{
        _cleanup_(outcome_done) struct outcome o = parse("[Capture]\nRingSize=4K\n");

        (void)state;
        assert_int_equal(o.config->capture.ring_size, sysconf(_SC_PAGESIZE));
}

static void config_hints_at_misspelt_and_misplaced_keys(void **state)
{
        _cleanup_(outcome_done) struct outcome o = parse(
                "[Capture]\nexits=yes\nMaxSize=1K\nColour=red\n[capture]\nAnything=1\n[]\nX=1\n"
                "[File]\nenabled=yes\n[Journal]\nENABLED=yes\n[RULE]\nName=x\n[Files]\n");

        (void)state;
        assert_int_equal(o.result, 0);
        assert_text(&o.report.warnings,
                    "x.conf:2: exits: unknown key, ignored; there is Exits= in [Capture]\n"
                    "x.conf:3: MaxSize: unknown key, ignored; there is MaxSize= in [File]\n"
                    "x.conf:4: Colour: unknown key, ignored\n"
                    "x.conf:5: [capture]: unknown section, ignored; there is [Capture]\n"
                    "x.conf:7: []: unknown section, ignored\n"
                    "x.conf:10: enabled: unknown key, ignored; there is Enabled= in [File]\n"
                    "x.conf:12: ENABLED: unknown key, ignored; there is Enabled= in [Journal]\n"
                    "x.conf:13: [RULE]: unknown section, ignored; there is [Rule]\n"
                    "x.conf:15: [Files]: unknown section, ignored\n");
        assert_false(o.config->capture.exits);
}

static void config_says_why_a_key_is_gone(void **state)
{
        _cleanup_(outcome_done) struct outcome o =
                parse("[Journal]\nFormat=json\n[File]\nFormat=native\n[Queue]\nFormat=native\n");

        (void)state;
        assert_int_equal(o.result, 0);
        assert_text(&o.report.warnings,
                    "x.conf:2: Format: removed key, ignored: events in the journal always have the "
                    "native format\n"
                    "x.conf:6: Format: unknown key, ignored; there is Format= in [File]\n");
}

static void config_messages_cannot_move_the_cursor(void **state)
{
        _cleanup_(outcome_done) struct outcome o =
                parse("[\x1b[31m]\n[File]\n\x1b[2J\xc2\x9bK\x7f=1\nMode=\x1b[2J\xc2\x9b\n");

        (void)state;
        assert_text(&o.report.warnings, "x.conf:1: [\\x1b[31m]: unknown section, ignored\n"
                                        "x.conf:3: \\x1b[2J\\xc2\\x9bK\\x7f: unknown key, "
                                        "ignored\n");
        assert_text(&o.report.errors,
                    "x.conf:4: Mode: \"\\x1b[2J\\xc2\\x9b\" is not a file mode, expected "
                    "octal digits like 0640\n");
}

static void config_messages_show_what_is_not_seen(void **state)
{
        _cleanup_(outcome_done) struct outcome o =
                parse("[File\xe2\x80\x8b]\n[File]\nMaxSize\xc2\xa0=1M\nMode=0640\xe3\x80\x80\n");

        (void)state;
        assert_text(&o.report.warnings,
                    "x.conf:1: [File\\xe2\\x80\\x8b]: unknown section, ignored\n"
                    "x.conf:3: MaxSize\\xc2\\xa0: unknown key, ignored\n");
        assert_text(&o.report.errors,
                    "x.conf:4: Mode: \"0640\\xe3\\x80\\x80\" is not a file mode, expected "
                    "octal digits like 0640\n");
}

static void config_messages_cut_long_values_between_characters(void **state)
{
        static char text[4096], expected[512];

        (void)state;
        /* 63 bytes, then a character of two bytes that would be cut in the middle. */
        (void)snprintf(text, sizeof(text), "[File]\nPath=%063d\xc3\xa9%0999d\n", 0, 0);
        (void)snprintf(expected, sizeof(expected),
                       "x.conf:2: Path: \"%063d...\" is not absolute, expected a path from / on\n",
                       0);
        assert_refused(text, expected);
}

static void config_report_is_bounded(void **state)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        _cleanup_(outcome_done) struct outcome o = { 0 };
        static const char last[] = "Too many problems, the others are not shown\n";

        (void)state;
        for (unsigned i = 0; i < 100000; i++)
                buf_append_string(&text, "nonsense\n");
        o = parse_bytes(text.data, text.size);
        assert_int_equal(o.result, -EINVAL);
        assert_in_range(o.report.errors.size, 64 * KIB, 65 * KIB);
        assert_memory_equal(o.report.errors.data + o.report.errors.size - strlen(last), last,
                            strlen(last));
}

/* As config_cat() shows `text`. */
static void cat(const char *text, struct buf *ret)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        const struct span span = span_of(text);

        assert_int_equal(config_cat_text("x.conf", span, &report, ret), 0);
        buf_append_char(ret, '\0');
        assert_int_equal(buf_error(ret), 0);
}

static void config_cat_shows_value_and_origin(void **state)
{
        static const char *const expected[] = {
                "[Capture]\n# x.conf:15\nExits=yes\n# default\nFailedExecs=no\n",
                "# x.conf:4\nFailedExecsIgnore=EPERM  EACCES\n# x.conf:6\nFailedExecsIgnore=",
                "# x.conf:6\nFailedExecsIgnore=EIO\n# default\nAttempts=no\n",
                "# x.conf:9\nArgvMax=1M\n# default\nParents=yes\n# default\nParentArgvMax=1K\n",
                "# x.conf:8\nEnvironment=\n",
                "# default\n# raised for ArgvMax=1M\nRingSize=2M\n",
                "\n[Journal]\n# default\nEnabled=yes\n",
                "# default\nPath=/var/log/execsnoopd/exec.jsonl\n",
                "[Queue]\n# x.conf:18\n# raised for ArgvMax=1M\nSize=2304K\n",
                "# default\nBacklog=16M\n",
                "[Stats]\n# default\nInterval=1min\n",
        };
        _cleanup_(buf_done) struct buf shown = { 0 };

        (void)state;
        cat("[Capture]\nExits=1\nFailedExecs=yes\nFailedExecsIgnore=EPERM  EACCES\nFailedExecs=\n"
            "FailedExecsIgnore=EIO\nEnvironment=X\nEnvironment=\nArgvMax=1024K\n[File]\nPath=/a\n"
            "Path=\n[Capture]\nExits=no\nExits=yes\n[Queue]\nSize=1M\nSize=2M\n",
            &shown);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                if (!strstr(shown.data, expected[i]))
                        fail_msg("not shown: %s\nbut:\n%s", expected[i], shown.data);
        assert_null(strstr(shown.data, "Environment=X"));
}

static void config_cat_loads_back_to_itself(void **state)
{
        _cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };
        _cleanup_(outcome_done) struct outcome o = { 0 };

        (void)state;
        cat("[Capture]\nEnvironment=A\nEnvironment=B\nFailedExecsIgnore=\nArgvMax=5M\n"
            "RingSize=5000\n[Redact]\nNames=a\nKeepNames=\nKeepNames=b\n[File]\nMaxAge=61\nMode="
            "7\nPath=/a;#\\b\nMaxSize=0\n",
            &once);
        o = parse(once.data);
        assert_text(&o.report.errors, "");
        assert_text(&o.report.warnings, "");
        assert_setting(o.config, "Capture.Environment", "A B");
        assert_setting(o.config, "Capture.FailedExecsIgnore", "");
        assert_setting(o.config, "Capture.RingSize", "8K");
        assert_setting(o.config, "Queue.Backlog", "41216K");
        assert_setting(o.config, "Redact.Names", "@builtin a");
        assert_setting(o.config, "Redact.KeepNames", "b");
        assert_setting(o.config, "File.MaxAge", "1min 1s");
        assert_setting(o.config, "File.Path", "/a;#\\b");

        /* And all of it is explicit then. */
        cat(once.data, &twice);
        assert_null(strstr(twice.data, "# default"));
        assert_non_null(strstr(once.data, "# raised for ArgvMax=5M\nBacklog="));
        assert_non_null(strstr(once.data, "# rounded up to a power of two\nRingSize="));
        assert_null(strstr(twice.data, "# raised"));
        assert_null(strstr(twice.data, "# rounded"));
}

static void assert_entry(const struct config_section *section, size_t i, const char *key,
                         const char *value, unsigned line)
{
        assert_true(i < section->n_entries);
        assert_string_equal(section->entries[i].key, key);
        assert_string_equal(section->entries[i].value, value);
        assert_string_equal(section->entries[i].file, "x.conf");
        assert_int_equal(section->entries[i].line, line);
}

static void config_keeps_each_rule_with_its_keys_and_places(void **state)
{
        _cleanup_(outcome_done) struct outcome o =
                parse("[Rule]\nExe=/a \\\n /b\nAction=drop\nExe=!/c\n[File]\nMode=0600\n"
                      "[Rule]\nName= one \nUser=x\nExe=/a\nUser=\nUser= y\n[Rule]\n");
        const struct config_sections *rules = &o.config->rules;

        (void)state;
        assert_text(&o.report.warnings, "");
        assert_int_equal(rules->n, 3);
        assert_string_equal(rules->items[0].name, "x.conf:1");
        assert_int_equal(rules->items[0].line, 1);
        assert_int_equal(rules->items[0].n_entries, 3);
        assert_entry(&rules->items[0], 0, "Exe", "/a   /b", 2);
        assert_entry(&rules->items[0], 1, "Action", "drop", 4);
        assert_entry(&rules->items[0], 2, "Exe", "!/c", 5);
        assert_string_equal(rules->items[1].name, "one");
        assert_int_equal(rules->items[1].n_entries, 3);
        assert_entry(&rules->items[1], 1, "Exe", "/a", 11);
        assert_entry(&rules->items[1], 2, "User", "y", 13);
        assert_int_equal(rules->items[2].n_entries, 0);
        assert_int_equal(o.config->file.mode, 0600);
}

static void config_refuses_rules_that_it_could_not_show_again(void **state)
{
        (void)state;
        assert_refused("[Rule]\nExe=/a\\ \n",
                       "x.conf:2: Exe: \"/a\\\" ends in a backslash, expected any other "
                       "character\n");
}

static void config_cat_shows_rules_that_read_back_to_the_same(void **state)
{
        static const char expected[] = "\n# x.conf:2\n[Rule]\n# default\nName=x.conf:2\n"
                                       "# x.conf:3\nExe=\"/a b\" !/c\n# x.conf:4\nExe=/d\n"
                                       "\n# x.conf:5\n[Rule]\n# x.conf:6\nAction=keep\n"
                                       "# x.conf:7\nName=one\n";
        _cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };
        _cleanup_(outcome_done) struct outcome o = { 0 };

        (void)state;
        cat("\n[Rule]\nExe=\"/a b\" !/c\nExe=/d\n[Rule]\nAction=keep\nName=one\n", &once);
        assert_non_null(strstr(once.data, expected));
        o = parse(once.data);
        assert_int_equal(o.config->rules.n, 2);
        assert_string_equal(o.config->rules.items[0].name, "x.conf:2");
        assert_string_equal(o.config->rules.items[1].name, "one");
        assert_string_equal(o.config->rules.items[0].entries[1].value, "\"/a b\" !/c");
        cat(once.data, &twice);
        assert_non_null(strstr(twice.data, "Name=x.conf:2\n"));
}

static void config_remembers_where_the_default_of_filters_is_set(void **state)
{
        _cleanup_(outcome_done) struct outcome set = parse("[Filter]\nDefault=drop\n"),
                                               unset = parse("");

        (void)state;
        assert_string_equal(set.config->filter.origin, "x.conf:2");
        assert_null(unset.config->filter.origin);
        assert_refused("[Filter]\nDefault=hide\n",
                       "x.conf:2: Default: \"hide\" is not a default, expected one of: keep "
                       "drop\n");
}

static void config_cat_shows_nothing_of_a_bad_configuration(void **state)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(buf_done) struct buf shown = { 0 };

        (void)state;
        assert_int_equal(config_cat_text("x", SPAN_LITERAL("[File]\nMode=x"), &report, &shown),
                         -EINVAL);
        assert_int_equal(shown.size, 0);
        assert_text(&report.errors, "x:2: Mode: \"x\" is not a file mode, expected octal digits "
                                    "like 0640\n");
}

static int on_count(void *userdata, const char *section, const char *key, const char *value)
{
        unsigned *n = userdata;

        assert_true(section[0] != '\0' && key[0] != '\0' && value);
        return ++*n == 3 ? -ECANCELED : 0;
}

static void config_each_stops_when_told(void **state)
{
        _cleanup_(config_freep) struct config *c = NULL;
        unsigned n = 0;

        (void)state;
        assert_int_equal(config_new(&c), 0);
        assert_int_equal(config_each(c, on_count, &n), -ECANCELED);
        assert_int_equal(n, 3);
}

/* Builds what the shipped file has to contain beside its explanations. */
struct shipped {
        char section[64];
        struct buf expected;
};

static int on_shipped(void *userdata, const char *section, const char *key, const char *value)
{
        struct shipped *s = userdata;

        if (strcmp(s->section, section) != 0)
                buf_printf(&s->expected, "[%s]\n", section);
        (void)snprintf(s->section, sizeof(s->section), "%s", section);
        buf_printf(&s->expected, "#%s=%s\n", key, value);
        return 0;
}

/* Whether a line of the file is a section or a commented setting: "#Key=", not "# prose". */
static bool is_setting(const char *line)
{
        return line[0] == '[' || (line[0] == '#' && line[1] != ' ' && line[1] != '\n');
}

static void config_file_as_shipped_shows_every_default(void **state)
{
        _cleanup_(config_freep) struct config *c = NULL;
        _cleanup_(buf_done) struct buf found = { 0 };
        struct shipped s = { 0 };
        char line[256];
        FILE *f = fopen(*state, "re");

        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                assert_true(line[0] == '#' || line[0] == '[' || line[0] == '\n');
                if (is_setting(line))
                        buf_append_string(&found, line);
        }
        (void)fclose(f);
        assert_int_equal(config_new(&c), 0);
        assert_int_equal(config_each(c, on_shipped, &s), 0);
        buf_append_char(&s.expected, '\0');
        assert_text(&found, s.expected.data);
        buf_done(&s.expected);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(config_defaults_are_the_documented_ones),
                cmocka_unit_test(config_reaches_every_member),
                cmocka_unit_test(config_lists_replace_append_and_reset),
                cmocka_unit_test(config_adds_names_to_the_builtin_ones),
                cmocka_unit_test(config_empty_assignment_restores_default),
                cmocka_unit_test(config_ring_follows_argv_unless_set),
                cmocka_unit_test(config_queue_and_backlogs_hold_the_largest_event),
                cmocka_unit_test(config_ring_is_at_least_a_page),
                cmocka_unit_test(config_hints_at_misspelt_and_misplaced_keys),
                cmocka_unit_test(config_says_why_a_key_is_gone),
                cmocka_unit_test(config_messages_cannot_move_the_cursor),
                cmocka_unit_test(config_messages_show_what_is_not_seen),
                cmocka_unit_test(config_messages_cut_long_values_between_characters),
                cmocka_unit_test(config_report_is_bounded),
                cmocka_unit_test(config_cat_shows_value_and_origin),
                cmocka_unit_test(config_cat_loads_back_to_itself),
                cmocka_unit_test(config_keeps_each_rule_with_its_keys_and_places),
                cmocka_unit_test(config_refuses_rules_that_it_could_not_show_again),
                cmocka_unit_test(config_cat_shows_rules_that_read_back_to_the_same),
                cmocka_unit_test(config_remembers_where_the_default_of_filters_is_set),
                cmocka_unit_test(config_cat_shows_nothing_of_a_bad_configuration),
                cmocka_unit_test(config_each_stops_when_told),
        };
        const struct CMUnitTest shipped[] = {
                cmocka_unit_test_prestate(config_file_as_shipped_shows_every_default, argv[1]),
        };

        return argc > 1 ? cmocka_run_group_tests(shipped, NULL, NULL)
                        : cmocka_run_group_tests(tests, NULL, NULL);
}
