/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Units, by the rules of systemd's cgroup tree (systemd.unit(5), "CGROUP DELEGATION" of its docs):
 * leading components that end in ".slice" are slices, one inside the other; the first that is none
 * is the unit. A user's manager is the unit user@UID.service, and below it the same rules apply
 * again. A leading underscore escapes a name that could be taken for a file of the kernel.
 *
 * Containers, by the names that their managers give to cgroups. The innermost counts, as they nest:
 *
 *   docker, nerdctl    docker-ID.scope, docker/ID, nerdctl-ID.scope
 *   podman             libpod-ID.scope, libpod-ID
 *   containerd, CRI-O  cri-containerd-ID.scope, crio-ID.scope
 *   Kubernetes         .../podUID/ID, below kubepods
 *   LXC                lxc.payload.NAME, lxc.payload/NAME, lxc/NAME
 *
 * where ID is 64 lower case hex digits. The helpers beside a container (libpod-conmon-ID, crio-
 * conmon-ID, lxc.monitor.NAME) are on the host and no match. A name that only looks like one is the
 * risk of all who read these paths; whoever may create cgroups may choose their names.
 */
#include <string.h>

#include "event/cgroup.h"

#define CONTAINER_ID_SIZE 64

static bool span_equals(struct span s, const char *string)
{
        return s.size == strlen(string) && memcmp(s.data, string, s.size) == 0;
}

static bool span_starts_with(struct span s, const char *prefix)
{
        size_t n = strlen(prefix);

        return s.size >= n && memcmp(s.data, prefix, n) == 0;
}

static bool span_ends_with(struct span s, const char *suffix)
{
        size_t n = strlen(suffix);

        return s.size >= n && memcmp(s.data + s.size - n, suffix, n) == 0;
}

/* Without the first and the last so many bytes, of which there are as many. */
static struct span span_trim(struct span s, size_t first, size_t last)
{
        return (struct span){ .data = s.data + first, .size = s.size - first - last };
}

/* Takes the first component off the path; false: there is none. */
static bool take_component(struct span *path, struct span *ret)
{
        const char *end;

        while (path->size > 0 && path->data[0] == '/')
                *path = span_trim(*path, 1, 0);
        if (path->size == 0)
                return false;
        end = memchr(path->data, '/', path->size);
        *ret = (struct span){ .data = path->data,
                              .size = end ? (size_t)(end - path->data) : path->size };
        *path = span_trim(*path, ret->size, 0);
        return true;
}

static bool is_unit_character(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c != '\0' && strchr(":-_.\\@", c));
}

/* A name that a unit can have. Only these kinds have processes. */
static bool is_unit(struct span s)
{
        static const char *const suffixes[] = { ".service", ".scope", ".socket",
                                                ".mount",   ".swap",  ".slice" };

        if (s.size > 255 || s.size == 0 || s.data[0] == '.' || s.data[0] == '@')
                return false;
        for (size_t i = 0; i < s.size; i++)
                if (!is_unit_character(s.data[i]))
                        return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (s.size > strlen(suffixes[i]) && span_ends_with(s, suffixes[i]))
                        return true;
        return false;
}

static struct span unescape(struct span component)
{
        return component.size > 0 && component.data[0] == '_' ? span_trim(component, 1, 0)
                                                              : component;
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
        if (!span_starts_with(unit, "user@") || !span_ends_with(unit, ".service"))
                return false;
        unit = span_trim(unit, strlen("user@"), strlen(".service"));
        for (size_t i = 0; i < unit.size; i++)
                if (unit.data[i] < '0' || unit.data[i] > '9')
                        return false;
        return unit.size > 0;
}

static bool is_container_id(struct span s)
{
        if (s.size != CONTAINER_ID_SIZE)
                return false;
        for (size_t i = 0; i < s.size; i++)
                if (!((s.data[i] >= '0' && s.data[i] <= '9') ||
                      (s.data[i] >= 'a' && s.data[i] <= 'f')))
                        return false;
        return true;
}

/* PREFIX-ID.scope or PREFIX-ID */
static struct span id_behind_prefix(struct span component)
{
        static const char *const prefixes[] = { "docker-", "nerdctl-", "libpod-", "cri-containerd-",
                                                "crio-" };
        struct span id;

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                if (!span_starts_with(component, prefixes[i]))
                        continue;
                id = span_trim(component, strlen(prefixes[i]), 0);
                if (span_ends_with(id, ".scope"))
                        id = span_trim(id, 0, strlen(".scope"));
                if (is_container_id(id))
                        return id;
        }
        return (struct span){};
}

/* A component, seen from the one before it. */
static struct span container_of(struct span before, struct span component, bool in_kubepods)
{
        static const char lxc_payload[] = "lxc.payload.";

        if (is_container_id(component) &&
            (span_equals(before, "docker") || (in_kubepods && span_starts_with(before, "pod"))))
                return component;
        if (span_starts_with(component, lxc_payload) && component.size > strlen(lxc_payload))
                return span_trim(component, strlen(lxc_payload), 0);
        if (span_equals(before, "lxc") || span_equals(before, "lxc.payload"))
                return component;
        return id_behind_prefix(component);
}

static struct span find_container(struct span path)
{
        struct span before = SPAN_LITERAL(""), component, found = {}, container;
        bool in_kubepods = false;

        while (take_component(&path, &component)) {
                container = container_of(before, component, in_kubepods);
                if (container.data)
                        found = container;
                in_kubepods |= span_starts_with(component, "kubepods");
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
