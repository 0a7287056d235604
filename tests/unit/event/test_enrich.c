/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Names of users and groups: whose they are, and where there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/enrich.h"

#define HOST_USERS 4026531837 /* readlink /proc/1/ns/user */
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
        char folder[32];
        struct enricher *enricher;
        struct exec_event event;
};

static void write_file(const struct fixture *f, const char *name, const char *text)
{
        char path[64];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        strcpy(f->folder, "/tmp/test_enrich.XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        write_file(f, "passwd", "root:x:0:0::/:\nann:x:1000:1000::/:\nbob:x:1001:50::/:\n");
        write_file(f, "group", "root:x:0:\nann:x:1000:\ndocker:x:998:ann\n");
        assert_int_equal(enricher_new(f->folder, &f->enricher), 0);
        f->event = (struct exec_event){
                .kind = EVENT_EXEC,
                .boot_ns = 1,
                .facts = {
                        .present = FACT_CREDS,
                        .uid = 1000,
                        .euid = 1000,
                        .gid = 1000,
                        .namespaces = { [NAMESPACE_USER] = HOST_USERS },
                },
                .cgroup = span_of("/user.slice/user-1000.slice/session-1.scope"),
        };
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        char path[64];

        enricher_free(f->enricher);
        (void)snprintf(path, sizeof(path), "%s/passwd", f->folder);
        (void)unlink(path);
        (void)snprintf(path, sizeof(path), "%s/group", f->folder);
        (void)unlink(path);
        (void)rmdir(f->folder);
        free(f);
        return 0;
}

/* NULL: absent. */
static void assert_names(struct fixture *f, const char *user, const char *euser, const char *group)
{
        struct exec_event event = f->event;

        enrich_event(f->enricher, &event);
        assert_true(user ? span_is(event.user, user) : !event.user.data);
        assert_true(euser ? span_is(event.euser, euser) : !event.euser.data);
        assert_true(group ? span_is(event.group, group) : !event.group.data);
}

static void a_users_own_group_and_same_euid_are_not_said_again(void **state)
{
        assert_names(*state, "ann", NULL, NULL);
}

static void another_euid_has_its_name(void **state)
{
        struct fixture *f = *state;

        f->event.facts.euid = 0;
        assert_names(f, "ann", "root", NULL);
        f->event.facts.euid = 4711;
        assert_names(f, "ann", NULL, NULL);
}

static void another_group_has_its_name(void **state)
{
        struct fixture *f = *state;

        f->event.facts.gid = 998;
        assert_names(f, "ann", NULL, "docker");
        f->event.facts.gid = 4711;
        assert_names(f, "ann", NULL, NULL);
}

static void a_group_has_its_name_where_the_user_has_none(void **state)
{
        struct fixture *f = *state;

        f->event.facts.uid = f->event.facts.euid = 4711;
        assert_names(f, NULL, NULL, "ann");
}

static void another_user_namespace_has_other_users(void **state)
{
        struct fixture *f = *state;

        f->event.facts.namespaces[NAMESPACE_USER] = HOST_USERS - 1000;
        f->event.facts.euid = 0;
        assert_names(f, NULL, NULL, NULL);
}

static void an_unknown_user_namespace_is_not_taken_for_the_hosts(void **state)
{
        struct fixture *f = *state;

        f->event.facts.namespaces[NAMESPACE_USER] = 0;
        assert_names(f, NULL, NULL, NULL);
}

static void a_container_has_users_of_its_own(void **state)
{
        struct fixture *f = *state;

        f->event.facts.gid = 998;
        f->event.cgroup = span_of("/system.slice/docker-" ID ".scope");
        assert_names(f, NULL, NULL, NULL);
}

static void without_credentials_nobody_is_named(void **state)
{
        struct fixture *f = *state;

        f->event.facts.present = 0;
        assert_names(f, NULL, NULL, NULL);
}

static void without_files_nobody_is_named(void **state)
{
        struct fixture *f = *state;

        enricher_free(f->enricher);
        assert_int_equal(enricher_new(NULL, &f->enricher), 0);
        assert_names(f, NULL, NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_users_own_group_and_same_euid_are_not_said_again),
                TEST(another_euid_has_its_name),
                TEST(another_group_has_its_name),
                TEST(a_group_has_its_name_where_the_user_has_none),
                TEST(another_user_namespace_has_other_users),
                TEST(an_unknown_user_namespace_is_not_taken_for_the_hosts),
                TEST(a_container_has_users_of_its_own),
                TEST(without_credentials_nobody_is_named),
                TEST(without_files_nobody_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
