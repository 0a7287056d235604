/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Units and containers, from paths as systemd and the container managers make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "event/cgroup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

#define STEP "q4w5bnl3lbjk9y9vy0vd2xgkz"

static void assert_span(struct span s, const char *expected)
{
        if (!expected) {
                assert_null(s.data);
                return;
        }
        assert_non_null(s.data);
        assert_int_equal(s.size, strlen(expected));
        assert_memory_equal(s.data, expected, s.size);
}

struct unit_case {
        const char *path, *slice, *unit, *user_unit;
};

static void units_follow_systemds_rules(void **state)
{
        static const struct unit_case cases[] = {
                { "/", NULL, NULL, NULL },
                { "/init.scope", "-.slice", "init.scope", NULL },
                { "/system.slice/cron.service", "system.slice", "cron.service", NULL },
                { "/system.slice/system-getty.slice/getty@tty1.service", "system-getty.slice",
                  "getty@tty1.service", NULL },
                { "/system.slice/cron.service/sub/group", "system.slice", "cron.service", NULL },
                { "/user.slice/user-1000.slice/session-3.scope", "user-1000.slice",
                  "session-3.scope", NULL },
                { "/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo@1.service",
                  "user-1000.slice", "user@1000.service", "app-foo@1.service" },
                { "/user.slice/user-1000.slice/user@1000.service/init.scope", "user-1000.slice",
                  "user@1000.service", "init.scope" },
                { "/user.slice/user-1000.slice/user@1000.service", "user-1000.slice",
                  "user@1000.service", NULL },
                { "/system.slice/user@x.service/a.service", "system.slice", "user@x.service",
                  NULL },
                { "/system.slice/_cpu.service", "system.slice", "cpu.service", NULL },
                { "/system.slice/dev-hugepages.mount", "system.slice", "dev-hugepages.mount",
                  NULL },
                { "/system.slice", "system.slice", NULL, NULL },
                { "/docker/" ID, NULL, NULL, NULL },
                { "/no-suffix/foo.service", NULL, NULL, NULL },
                { "/system.slice/.service", "system.slice", NULL, NULL },
                { "/system.slice/with space.service", "system.slice", NULL, NULL },
                { "//system.slice//x.service/", "system.slice", "x.service", NULL },
                { "", NULL, NULL, NULL },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct span path = span_of(cases[i].path);
                struct cgroup_names names = cgroup_parse(path);

                assert_span(names.slice, cases[i].slice);
                assert_span(names.unit, cases[i].unit);
                assert_span(names.user_unit, cases[i].user_unit);
        }
}

static void containers_are_known_by_their_ids(void **state)
{
        static const struct {
                const char *path, *id;
        } cases[] = {
                { "/docker/" ID, ID },
                { "/system.slice/docker-" ID ".scope", ID },
                { "/system.slice/nerdctl-" ID ".scope", ID },
                { "/machine.slice/libpod-" ID ".scope/container", ID },
                { "/machine.slice/libpod-conmon-" ID ".scope", NULL },
                { "/libpod_parent/libpod-" ID, ID },
                { "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
                  "cri-containerd-" ID ".scope",
                  ID },
                { "/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", ID },
                { "/kubepods.slice/kubepods-pod1.slice/crio-conmon-" ID ".scope", NULL },
                { "/kubepods/besteffort/pod12345678-1234/" ID, ID },
                { "/batch/" ID, ID }, /* --cgroup-parent=/batch */
                { "/ecs/TASK/" ID, ID },
                { "/" ID, ID },
                { "/web.service/libpod-payload-" ID, ID }, /* podman --cgroups=split */
                { "/web.service/supervisor", NULL },
                { "/system.slice:docker:" ID, ID },
                { "/kubepods/pod1/kubepods-pod1.slice:cri-containerd:" ID, ID },
                { "/" OTHER "/" ID "/init.scope", ID },
                { "/system.slice:crio-conmon:" ID, NULL },
                { "/system.slice/conmon-" ID ".scope", NULL },
                { "/system.slice/" ID ".service", NULL }, /* podman's health check, on the host */
                { "/system.slice/" ID ".timer", NULL },
                { "/x" ID, NULL },
                { "/x_" ID, NULL },
                { "/" ID "0", NULL },
                { "/" ID "-x", NULL },
                { "/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", NULL },
                { "/docker/buildkit/" STEP, STEP },
                { "/docker/" ID "/buildkit/" STEP, STEP },
                { "/system.slice/docker-" STEP ".scope", STEP },
                { "/system.slice/other-" STEP ".scope", NULL },
                { "/system.slice/docker-" STEP, NULL },
                { "/docker/" STEP, NULL },
                { "/buildkit/" STEP "x", NULL },
                { "/machine.slice/machine-web.scope/payload", "web" },
                { "/machine.slice/machine-my\\x2dweb.scope/payload/init.scope", "my\\x2dweb" },
                { "/machine.slice/systemd-nspawn@web.service/payload/system.slice/a.service",
                  "web" },
                { "/machine.slice/machine-web.scope/payload/docker/" ID, ID },
                { "/machine.slice/machine-web.scope/supervisor", NULL },
                { "/machine.slice/systemd-nspawn@web.service/supervisor", NULL },
                { "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator", NULL },
                { "/machine.slice/machine-web.scope", NULL },
                { "/machine.slice/machine-.scope/payload", NULL },
                { "/machine.slice/systemd-nspawn@.service/payload", NULL },
                { "/machine.slice/web.service/payload", NULL },
                { "/docker/" ID "/docker/" OTHER, OTHER },
                { "/docker/" ID "/system.slice/cron.service", ID },
                { "/lxc/web", "web" },
                { "/lxc.payload.web", "web" },
                { "/lxc.payload/web/system.slice", "web" },
                { "/lxc.monitor.web", NULL },
                { "/lxc.payload.", NULL },
                { "/docker/short", NULL },
                { "/docker-" ID "x.scope", NULL },
                { "/system.slice/docker.service", NULL },
                { "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
                  ".scope/container",
                  ID },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct span path = span_of(cases[i].path);

                assert_span(cgroup_parse(path).container_id, cases[i].id);
        }
}

/* The path is not NUL-terminated: nothing behind its end may be looked at. */
static void nothing_behind_the_end_is_read(void **state)
{
        static const char path[] = "/system.slice/a.service/lxc/docker-" ID ".scope";

        (void)state;
        for (size_t size = 0; size < sizeof(path); size++) {
                char *copy = test_malloc(size + 1);

                memcpy(copy, path, size);
                (void)cgroup_parse((struct span){ copy, size });
                test_free(copy);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(units_follow_systemds_rules),
                cmocka_unit_test(containers_are_known_by_their_ids),
                cmocka_unit_test(nothing_behind_the_end_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
