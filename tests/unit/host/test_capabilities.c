/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * capabilities: what /proc says of a process after each step. A test is a process of its own, as
 * nobody and with ambient capabilities, as the service manager starts the daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "host/capabilities.h"

#define NOBODY 65534
#define EXIT_SKIP 77

#define BPF CAPABILITY(CAP_BPF)
#define PERFMON CAPABILITY(CAP_PERFMON)
#define ADMIN CAPABILITY(CAP_SYS_ADMIN)
#define READ CAPABILITY(CAP_DAC_READ_SEARCH)
#define GIVEN (BPF | PERFMON | ADMIN | READ)

/* In the child asserts of cmocka would go on in the parent's tests. */
#define CHECK(what) check(what, #what, __LINE__)

static void check(bool is_true, const char *what, int line)
{
        if (is_true)
                return;
        (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, line, what);
        _exit(EXIT_FAILURE);
}

/* "Eff", "Prm", "Inh", "Amb", "Bnd" of /proc/self/status. */
static uint64_t status(const char *set)
{
        char line[256], wanted[16];
        uint64_t found = UINT64_MAX;
        FILE *file;

        (void)snprintf(wanted, sizeof(wanted), "Cap%s:", set);
        file = fopen("/proc/self/status", "re");
        CHECK(file != NULL);
        while (fgets(line, sizeof(line), file))
                if (strncmp(line, wanted, strlen(wanted)) == 0)
                        found = strtoull(line + strlen(wanted), NULL, 16);
        (void)fclose(file);
        return found;
}

static void check_sets(uint64_t effective, uint64_t permitted, uint64_t inherited)
{
        CHECK(status("Eff") == effective);
        CHECK(status("Prm") == permitted);
        CHECK(status("Inh") == inherited);
        CHECK(status("Amb") == inherited);
}

/* As the service manager does it; then capset() with what we were as root. */
static void become_nobody(uint64_t given)
{
        CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
        CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
        CHECK(capabilities_drop(~given) == 0);
        CHECK(capabilities_bequeath(true) == 0);
        (void)capabilities_raise(given);
        check_sets(given, given, given);
}

static void as_nobody(uint64_t given, void (*function)(void))
{
        int wstatus;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                become_nobody(given);
                function();
                _exit(EXIT_SUCCESS);
        }
        assert_int_equal(waitpid(pid, &wstatus, 0), pid);
        assert_int_equal(wstatus, 0);
}

static bool yes(void)
{
        return true;
}

static bool no(void)
{
        return false;
}

/* The kernel's question, if CAP_PERFMON is enough. */
static bool has_perfmon_alone(void)
{
        CHECK(status("Eff") == PERFMON);
        return true;
}

static void begin(void)
{
        CHECK(capabilities_begin() == 0);
        check_sets(0, GIVEN, 0);
}

static void begin_leaves_a_reserve(void **state)
{
        (void)state;
        as_nobody(GIVEN, begin);
}

static void raise_and_lower(void)
{
        begin();
        {
                _cleanup_(capabilities_lower) uint64_t outer = capabilities_raise(BPF);

                CHECK(outer == BPF);
                {
                        _cleanup_(capabilities_lower) uint64_t inner = 0;

                        errno = ENODEV;
                        inner = capabilities_raise(BPF | READ | CAPABILITY(CAP_SYS_BOOT));
                        CHECK(inner == READ && errno == ENODEV);
                        check_sets(BPF | READ, GIVEN, 0);
                }
                check_sets(BPF, GIVEN, 0);
        }
        check_sets(0, GIVEN, 0);
}

static void raised_ends_with_its_scope(void **state)
{
        (void)state;
        as_nobody(GIVEN, raise_and_lower);
}

static void settle_with_perfmon(void)
{
        begin();
        CHECK(capabilities_settle(has_perfmon_alone) == 0);
        check_sets(0, GIVEN & ~ADMIN, 0);
        CHECK(capabilities_raise(CAPABILITIES_ALL) == (GIVEN & ~ADMIN));
}

static void settle_with_admin(void)
{
        begin();
        CHECK(capabilities_settle(no) == 0);
        check_sets(0, GIVEN & ~PERFMON, 0);
}

static void settle_again(void)
{
        settle_with_admin();
        CHECK(capabilities_settle(yes) == 0); /* must not leave us without either */
        check_sets(0, GIVEN & ~PERFMON, 0);
}

static void settle_keeps_one_of_the_two(void **state)
{
        (void)state;
        as_nobody(GIVEN, settle_with_perfmon);
        as_nobody(GIVEN, settle_with_admin);
        as_nobody(GIVEN, settle_again);
}

static void bequeath(void)
{
        begin();
        CHECK(capabilities_drop(ADMIN) == 0);
        CHECK(capabilities_bequeath(true) == 0);
        check_sets(0, GIVEN & ~ADMIN, GIVEN & ~ADMIN);
        CHECK(capabilities_bequeath(false) == 0);
        check_sets(0, GIVEN & ~ADMIN, 0);
}

static void bequeath_can_be_taken_back(void **state)
{
        (void)state;
        as_nobody(GIVEN, bequeath);
}

static void drop_all(void)
{
        CHECK(capabilities_drop(CAPABILITIES_ALL) == 0);
        check_sets(0, 0, 0);
        CHECK(capabilities_raise(CAPABILITIES_ALL) == 0);
}

static void drop_is_for_good(void **state)
{
        (void)state;
        as_nobody(GIVEN, drop_all);
}

static void everything_as_root(void)
{
        uint64_t effective = status("Eff"), permitted = status("Prm"), raised;

        CHECK(capabilities_begin() == 0);
        raised = capabilities_raise(CAPABILITIES_ALL);
        CHECK(raised == 0);
        capabilities_lower(&raised);
        CHECK(capabilities_settle(no) == 0 && capabilities_drop(CAPABILITIES_ALL) == 0);
        CHECK(capabilities_bequeath(true) == 0 && capabilities_bequeath(false) == 0);
        check_sets(effective, permitted, status("Inh"));
}

static void root_stays_as_it_is(void **state)
{
        int wstatus;
        pid_t pid;

        (void)state;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                everything_as_root();
                _exit(EXIT_SUCCESS);
        }
        assert_int_equal(waitpid(pid, &wstatus, 0), pid);
        assert_int_equal(wstatus, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(begin_leaves_a_reserve),
                cmocka_unit_test(raised_ends_with_its_scope),
                cmocka_unit_test(settle_keeps_one_of_the_two),
                cmocka_unit_test(bequeath_can_be_taken_back),
                cmocka_unit_test(drop_is_for_good),
                cmocka_unit_test(root_stays_as_it_is),
        };

        if (geteuid() != 0 || (status("Bnd") & GIVEN) != GIVEN) {
                (void)fputs("skipped: needs root\n", stderr);
                return EXIT_SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
