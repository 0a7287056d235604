/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Units, by the rules of systemd's cgroup tree (systemd.unit(5), "CGROUP DELEGATION" of its docs):
 * leading components that end in ".slice" are slices, one inside the other; the first that is none
 * is the unit. A user's manager is the unit user@UID.service, and below it the same rules apply
 * again. A leading underscore escapes a name that could be taken for a file of the kernel.
 *
 * Containers, by a rule rather than by a list of their managers: each names its cgroup by the
 * container's ID, 64 lower case hex digits, as a component (docker/ID, kubepods/…/podUID/ID,
 * ecs/TASK/ID, or below a parent of the user's own choice), or at the end of one behind a "-" or a
 * ":" (docker-ID.scope, libpod-payload-ID, slice:cri-containerd:ID). Beside the rule:
 *
 *   LXC       lxc.payload.NAME, lxc.payload/NAME, lxc/NAME
 *   nspawn    machine-NAME.scope/payload, systemd-nspawn@NAME.service/payload: the name as the unit
 *             has it, escaped; such a scope without a payload is of a virtual machine
 *   BuildKit  docker-STEP.scope, buildkit/STEP: a step of a build has 25 characters of base 36
 *
 * The innermost counts, as containers nest. What runs on the host for the sake of a container is no
 * match: monitors (libpod-conmon-ID, crio-conmon-ID, lxc.monitor.NAME), and a service of that name
 * (podman's health checks are ID.service). A name that only looks like one is the risk of all who
 * read these paths: whoever may create cgroups may choose their names.
 */
#include <string.h>

#include "event/cgroup.h"

#define CONTAINER_ID_SIZE 64
#define BUILD_STEP_SIZE 25 /* identity.NewID() of BuildKit */

/* Takes the first component off the path; false: there is none. */
static bool take_component(struct span *path, struct span *ret)
{
        while (span_cut(path, '/', ret))
                if (ret->size > 0)
                        return true;
        return false;
}

static bool is_unit_character(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c != '\0' && strchr(":-_.\\@", c));
}

/* A name that a unit can have. Only these kinds have processes. */
static bool is_unit(struct span s)
{
        static const char *const suffixes[] = { ".service", ".scope", ".socket",
                                                ".mount",   ".swap",  ".slice" };

        if (s.size > 255 || s.size == 0 || s.data[0] == '.' || s.data[0] == '@')
                return false;
        if (span_count(s, is_unit_character) < s.size)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (s.size > strlen(suffixes[i]) && span_ends_with(s, suffixes[i]))
                        return true;
        return false;
}

static struct span unescape(struct span component)
{
        (void)span_strip_prefix(&component, "_");
        return component;
}

/* Takes slices and a unit off the path, as far as they are there. */
static void take_unit(struct span *path, struct span *ret_slice, struct span *ret_unit)
{
        struct span rest = *path, component;

        while (take_component(&rest, &component)) {
                component = unescape(component);
                if (!is_unit(component))
                        return;
                *path = rest;
                if (!span_ends_with(component, ".slice")) {
                        *ret_unit = component;
                        return;
                }
                *ret_slice = component;
        }
}

/* user@1000.service */
static bool is_user_manager(struct span unit)
{
        if (!span_strip_prefix(&unit, "user@") || !span_strip_suffix(&unit, ".service"))
                return false;
        return unit.size > 0 && span_count(unit, is_digit) == unit.size;
}

static bool is_hex_digit(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_container_id(struct span s)
{
        return s.size == CONTAINER_ID_SIZE && span_count(s, is_hex_digit) == s.size;
}

static bool is_base36_digit(char c)
{
        return is_digit(c) || (c >= 'a' && c <= 'z');
}

static bool is_build_step(struct span s)
{
        return s.size == BUILD_STEP_SIZE && span_count(s, is_base36_digit) == s.size;
}

/* ID, or SOMETHING-ID or SOMETHING:ID, unless that is a monitor beside the container. */
static struct span id_at_end(struct span name)
{
        struct span id, before;

        if (name.size < CONTAINER_ID_SIZE)
                return (struct span){};
        before = (struct span){ name.data, name.size - CONTAINER_ID_SIZE };
        id = (struct span){ name.data + before.size, CONTAINER_ID_SIZE };
        if (!is_container_id(id))
                return (struct span){};
        if (before.size == 0)
                return id;
        if (!span_strip_suffix(&before, "-") && !span_strip_suffix(&before, ":"))
                return (struct span){};
        return span_ends_with(before, "conmon") ? (struct span){} : id;
}

/* By its unit; beside the payload is the supervisor, which is of the host. */
static struct span nspawn_machine(struct span unit)
{
        if (span_strip_suffix(&unit, ".scope") && span_strip_prefix(&unit, "machine-") &&
            unit.size > 0)
                return unit;
        if (span_strip_suffix(&unit, ".service") && span_strip_prefix(&unit, "systemd-nspawn@") &&
            unit.size > 0)
                return unit;
        return (struct span){};
}

/* A component, seen from the one before it. */
static struct span container_of(struct span before, struct span component)
{
        struct span name = component;

        if (span_strip_prefix(&name, "lxc.payload.") && name.size > 0)
                return name;
        if (span_is(before, "lxc") || span_is(before, "lxc.payload"))
                return component;
        if (span_is(component, "payload"))
                return nspawn_machine(before);
        if (span_is(before, "buildkit") && is_build_step(component))
                return component;

        name = component;
        if (span_strip_suffix(&name, ".scope") && span_strip_prefix(&name, "docker-") &&
            is_build_step(name))
                return name;
        name = component;
        (void)span_strip_suffix(&name, ".scope");
        return id_at_end(name);
}

static struct span find_container(struct span path)
{
        struct span before = SPAN_LITERAL(""), component, found = {}, container;

        while (take_component(&path, &component)) {
                container = container_of(before, component);
                if (container.data)
                        found = container;
                before = component;
        }
        return found;
}

struct cgroup_names cgroup_parse(struct span path)
{
        struct cgroup_names names = {};
        struct span rest = path, slice = {};

        take_unit(&rest, &names.slice, &names.unit);
        if (names.unit.data && !names.slice.data)
                names.slice = SPAN_LITERAL("-.slice"); /* the root of them all */
        if (names.unit.data && is_user_manager(names.unit))
                take_unit(&rest, &slice, &names.user_unit);
        names.container_id = find_container(path);
        return names;
}
