/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * config_value: every type of value in all its good forms, shown in the one form that we write, and
 * its bad ones with the message they get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "config/config.h"
#include "config_outcome.h"
#include "exec_control.h"

static const struct {
        const char *section, *assignment, *shown;
} good[] = {
        { "Capture", "Exits=1", "yes" },
        { "Capture", "Exits=TRUE", "yes" },
        { "Capture", "Exits=y", "yes" },
        { "Capture", "Exits=t", "yes" },
        { "Capture", "Exits=On", "yes" },
        { "Journal", "Enabled=0", "no" },
        { "Journal", "Enabled=False", "no" },
        { "Journal", "Enabled=n", "no" },
        { "Journal", "Enabled=f", "no" },
        { "Journal", "Enabled=off", "no" },
        { "Capture", "ArgvMax=4096", "4K" },
        { "Capture", "ArgvMax=4097", "4097" },
        { "Capture", "ArgvMax=6M", "6M" },
        { "Queue", "Size=16G", "16G" },
        { "Queue", "Size=655360", "640K" },
        { "File", "MaxSize=0", "0" },
        { "File", "MaxSize=0K", "0" },
        { "File", "MaxSize=1024T", "1024T" },
        { "File", "MaxSize=0000000000000000000000004K", "4K" },
        { "File", "MaxAge=90", "1min 30s" },
        { "File", "MaxAge=1min30s", "1min 30s" },
        { "File", "MaxAge=1 min \t 30", "1min 30s" },
        { "File", "MaxAge=24h", "1d" },
        { "File", "MaxAge=8days 1us", "1w 1d 1us" },
        { "File", "MaxAge=1week 1hour 1hr 1minute 1m 1second 1sec 1s 1msec 1usec",
          "1w 2h 2min 3s 1ms 1us" },
        { "File", "MaxAge=5200w", "5200w" },
        { "Capture", "MaxLatency=1000us", "1ms" },
        { "Capture", "MaxLatency=10s", "10s" },
        { "Capture", "ExeHash=no", "no" },
        { "Capture", "ExeHash=sha256", "sha256" },
        { "Stats", "Interval=86400", "1d" },
        { "File", "MaxFiles=1", "1" },
        { "File", "MaxFiles=10000", "10000" },
        { "File", "LineMax=0", "0" },
        { "File", "LineMax=8192", "8K" },
        { "File", "Compress=no", "no" },
        { "File", "Compress=zstd", "zstd" },
        { "File", "Mode=0", "0000" },
        { "File", "Mode=777", "0777" },
        { "File", "Mode=00600", "0600" },
        { "File", "Path=/a", "/a" },
        { "File", "Path=/.a/..b/c d\\e", "/.a/..b/c d\\e" },
        { "File", "Path=/caf\xc3\xa9", "/caf\xc3\xa9" },
        { "Capture", "FailedExecsIgnore=EWOULDBLOCK", "EAGAIN" },
        { "Capture", "FailedExecsIgnore=ENOTSUP \t EDEADLOCK", "EDEADLK EOPNOTSUPP" },
        { "Capture", "FailedExecsIgnore=EOPNOTSUPP", "EOPNOTSUPP" },
        { "Capture", "FailedExecsIgnore=EPERM EHWPOISON EPERM", "EPERM EHWPOISON" },
        { "Capture", "Environment=_ a1 _ Z", "_ a1 Z" },
};

static void config_accepts_every_form_of_value(void **state)
{
        char text[256], name[64];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                (void)snprintf(text, sizeof(text), "[%s]\n%s\n", good[i].section,
                               good[i].assignment);
                (void)snprintf(name, sizeof(name), "%s.%.*s", good[i].section,
                               (int)strcspn(good[i].assignment, "="), good[i].assignment);
                assert_parses(text, name, good[i].shown);
        }
}

#define NOT_A_SIZE "is not a size, expected digits and K, M, G, T or nothing"
#define NOT_A_TIME "is not a time span, expected one like 100ms or 1min 30s"
#define NOT_PERMISSIONS "is not a file mode, expected octal digits like 0640"
#define NOT_NORMALIZED "is not normalized, expected no . or .. or empty part"
#define NOT_A_NAME "is not a variable's name, expected letters, digits and _"

static const struct {
        const char *section, *assignment, *problem;
} bad[] = {
        { "Capture", "Exits=maybe", "\"maybe\" is not a boolean, expected yes or no" },
        { "Capture", "Exits=ye", "\"ye\" is not a boolean, expected yes or no" },
        { "Capture", "Exits=yess", "\"yess\" is not a boolean, expected yes or no" },
        { "Capture", "Exits=\"yes\"", "\"\"yes\"\" is not a boolean, expected yes or no" },
        { "Capture", "ArgvMax=64KB", "\"64KB\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=64k", "\"64k\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=1.5M", "\"1.5M\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=-64K", "\"-64K\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=0x10000", "\"0x10000\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=K", "\"K\" " NOT_A_SIZE },
        { "Capture", "ArgvMax=4095", "out of range, expected 4K to 6M" },
        { "Capture", "ArgvMax=6291457", "out of range, expected 4K to 6M" },
        { "Capture", "ArgvMax=4294971392", "out of range, expected 4K to 6M" },
        { "Capture", "ArgvMax=18446744073709555712", "out of range, expected 4K to 6M" },
        { "Capture", "ArgvMax=4503599627370497T", "out of range, expected 4K to 6M" },
        { "Capture", "RingSize=4095", "out of range, expected 4K to 1G" },
        { "Capture", "RingSize=1025M", "out of range, expected 4K to 1G" },
        { "Capture", "MaxLatency=999us", "out of range, expected 1ms to 10s" },
        { "Capture", "ExeHash=SHA1", "\"SHA1\" is not a hash, expected one of: no sha256" },
        { "File", "LineMax=8191", "out of range, expected 0, or 8K to 128M" },
        { "File", "Compress=gzip", "\"gzip\" is not a compression, expected one of: no zstd" },
        { "File", "Compress=yes", "\"yes\" is not a compression, expected one of: no zstd" },
        { "Capture", "MaxLatency=11", "out of range, expected 1ms to 10s" },
        { "Capture", "MaxLatency=0", "out of range, expected 1ms to 10s" },
        { "Capture", "MaxLatency=1.5s", "\"1.5s\" " NOT_A_TIME },
        { "Capture", "MaxLatency=5lightyears", "\"5lightyears\" " NOT_A_TIME },
        { "Capture", "MaxLatency=s", "\"s\" " NOT_A_TIME },
        { "Capture", "MaxLatency=1s,2s", "\"1s,2s\" " NOT_A_TIME },
        { "Capture", "MaxLatency=infinity", "\"infinity\" " NOT_A_TIME },
        { "Stats", "Interval=86401", "out of range, expected 1s to 1d" },
        { "Stats", "Interval=30500568904944w", "out of range, expected 1s to 1d" },
        { "Stats", "Interval=18446744073709551615us 2us", "out of range, expected 1s to 1d" },
        { "File", "MaxSize=4095", "out of range, expected 0, or 4K to 1024T" },
        { "File", "MaxAge=999ms", "out of range, expected 0, or 1s to 5200w" },
        { "File", "MaxFiles=0", "out of range, expected 1 to 10000" },
        { "File", "MaxFiles=10001", "out of range, expected 1 to 10000" },
        { "File", "MaxFiles=ten", "\"ten\" is not a number, expected digits" },
        { "File", "MaxFiles=1K", "\"1K\" is not a number, expected digits" },
        { "File", "Mode=0640x", "\"0640x\" " NOT_PERMISSIONS },
        { "File", "Mode=0680", "\"0680\" " NOT_PERMISSIONS },
        { "File", "Mode=01777", "out of range, expected 0000 to 0777" },
        { "File", "Mode=7777777777777777777777", "out of range, expected 0000 to 0777" },
        { "File", "Format=json", "\"json\" is not a format, expected one of: native ecs ocsf" },
        { "File", "Path=a/b", "\"a/b\" is not absolute, expected a path from / on" },
        { "File", "Path=/", "\"/\" " NOT_NORMALIZED },
        { "File", "Path=/a/", "\"/a/\" " NOT_NORMALIZED },
        { "File", "Path=//a", "\"//a\" " NOT_NORMALIZED },
        { "File", "Path=/a/./b", "\"/a/./b\" " NOT_NORMALIZED },
        { "File", "Path=/a/..", "\"/a/..\" " NOT_NORMALIZED },
        { "File", "Path=/a\tb", "\"/a\\x09b\" is not plain, expected no control characters" },
        { "File", "Path=/a\\\\", "\"/a\\\\\" ends in a backslash, expected any other character" },
        { "Queue", "Size=65535", "out of range, expected 64K to 16G" },
        { "Queue", "Backlog=17G", "out of range, expected 64K to 16G" },
        { "Capture", "FailedExecsIgnore=ENOENT EFOO",
          "\"EFOO\" is not an errno name, expected names like ENOENT EACCES" },
        { "Capture", "FailedExecsIgnore=0",
          "\"0\" is not an errno name, expected names like ENOENT EACCES" },
        { "Capture", "FailedExecsIgnore=enoent",
          "\"enoent\" is not an errno name, expected names like ENOENT EACCES" },
        { "Capture", "Environment=1A", "\"1A\" " NOT_A_NAME },
        { "Redact", "Arguments=yes",
          "\"yes\" is not a mode, expected one of: clear secrets names none" },
        { "Redact", "Arguments=Names",
          "\"Names\" is not a mode, expected one of: clear secrets names none" },
        { "Redact", "Names=a,b",
          "\"a,b\" is no glob for names, expected letters, digits and - _ . * ?, or @builtin" },
        { "Redact", "KeepNames=@built",
          "\"@built\" is no glob for names, expected letters, digits and - _ . * ?, or "
          "@builtin" },
        { "Capture", "Environment=A,B", "\"A,B\" " NOT_A_NAME },
        { "Capture", "Environment=A=b", "\"A=b\" " NOT_A_NAME },
};

static void config_refuses_bad_values_with_a_reason(void **state)
{
        char text[256], errors[512];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                (void)snprintf(text, sizeof(text), "[%s]\n%s\n", bad[i].section, bad[i].assignment);
                (void)snprintf(errors, sizeof(errors), "x.conf:2: %.*s: %s\n",
                               (int)strcspn(bad[i].assignment, "="), bad[i].assignment,
                               bad[i].problem);
                assert_refused(text, errors);
        }
}

static void config_takes_exactly_so_many_environment_names(void **state)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        _cleanup_(outcome_done) struct outcome full = { 0 }, over = { 0 };

        (void)state;
        buf_append_string(&text, "[Capture]\n");
        for (unsigned i = 1; i <= EXEC_ENV_NAMES_MAX; i++)
                buf_printf(&text, "Environment=V%u\n", i);
        buf_append_string(&text, "Environment=V1\n"); /* not one more */
        full = parse_bytes(text.data, text.size);
        assert_int_equal(full.result, 0);
        assert_string_equal(full.config->capture.environment[EXEC_ENV_NAMES_MAX - 1], "V32");
        assert_null(full.config->capture.environment[EXEC_ENV_NAMES_MAX]);

        buf_append_string(&text, "Environment=V33\n");
        over = parse_bytes(text.data, text.size);
        assert_text(&over.report.errors,
                    "x.conf:35: Environment: \"V33\" is one name too many, expected at most 32\n");
}

static void config_takes_environment_names_of_exactly_so_many_bytes(void **state)
{
        char text[256], name[EXEC_ENV_NAME_SIZE], errors[256];

        (void)state;
        (void)snprintf(name, sizeof(name), "x%0*d", EXEC_ENV_NAME_SIZE - 2, 1);
        (void)snprintf(text, sizeof(text), "[Capture]\nEnvironment=%s", name);
        assert_parses(text, "Capture.Environment", name);

        (void)snprintf(text, sizeof(text), "[Capture]\nEnvironment=%s_", name);
        (void)snprintf(errors, sizeof(errors),
                       "x.conf:2: Environment: \"%s_\" is too long, expected at most %d bytes\n",
                       name, EXEC_ENV_NAME_SIZE - 1);
        assert_refused(text, errors);
}

static void config_refuses_path_beyond_path_max(void **state)
{
        static char text[8192];

        (void)state;
        for (int size = 4095; size <= 4096; size++) {
                _cleanup_(outcome_done) struct outcome o = { 0 };

                (void)snprintf(text, sizeof(text), "[File]\nPath=/%0*d", size - 1, 0);
                o = parse(text);
                assert_int_equal(o.result, size < 4096 ? 0 : -EINVAL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(config_accepts_every_form_of_value),
                cmocka_unit_test(config_refuses_bad_values_with_a_reason),
                cmocka_unit_test(config_takes_exactly_so_many_environment_names),
                cmocka_unit_test(config_takes_environment_names_of_exactly_so_many_bytes),
                cmocka_unit_test(config_refuses_path_beyond_path_max),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
