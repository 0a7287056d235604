/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as a cgroup path: what is found are the spans that a second implementation, by regular
 * expressions, finds; they lie inside the path, each name is found again where it stands alone, and
 * what is below a unit changes nothing about it.
 *
 * The path is in memory of exactly its size, so that ASan sees a look behind its end.
 */
#include <assert.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/cgroup.h"

#define NAME_FIRST "[0-9A-Za-z:_\\-]"
#define NAME_OTHERS "[0-9A-Za-z:_.@\\-]*"
#define ID "[0-9a-f]{64}"
#define BUILD_STEP "[0-9a-z]{25}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum pattern {
        PATTERN_UNIT,
        PATTERN_SLICE,
        PATTERN_USER_MANAGER,
        PATTERN_ID,
        PATTERN_MONITOR,
        PATTERN_BUILD_STEP,
        PATTERN_BUILD_STEP_SCOPE,
        PATTERN_LXC_PAYLOAD,
        _PATTERN_MAX,
};

/* A name that counts for less than its component is the last group. */
static const char *const patterns[_PATTERN_MAX] = {
        [PATTERN_UNIT] = "^(" NAME_FIRST NAME_OTHERS "\\.(service|scope|socket|mount|swap|slice))$",
        [PATTERN_SLICE] = "\\.slice$",
        [PATTERN_USER_MANAGER] = "^user@[0-9]+\\.service$",
        [PATTERN_ID] = "(^|[-:])(" ID ")(\\.scope)?$",
        [PATTERN_MONITOR] = "conmon[-:]" ID "(\\.scope)?$",
        [PATTERN_BUILD_STEP] = "^" BUILD_STEP "$",
        [PATTERN_BUILD_STEP_SCOPE] = "^docker-(" BUILD_STEP ")\\.scope$",
        [PATTERN_LXC_PAYLOAD] = "^lxc\\.payload\\.([^/]+)$",
};

/* The part of `s` in this group, or .data NULL: no match. */
static struct span match(struct span s, enum pattern pattern, unsigned group)
{
        static regex_t compiled[_PATTERN_MAX];
        static bool is_compiled;
        regmatch_t found[4] = { { .rm_so = 0, .rm_eo = (regoff_t)s.size } };
        _cleanup_(freep) char *copy = malloc(s.size + 1);
        int r;

        assert(copy);
        memcpy(copy, s.data, s.size);
        copy[s.size] = '\0'; /* not for regexec(), but for ASan's idea of it */
        for (unsigned i = 0; !is_compiled && i < _PATTERN_MAX; i++) {
                r = regcomp(&compiled[i], patterns[i], REG_EXTENDED);
                assert(r == 0);
        }
        is_compiled = true;
        r = regexec(&compiled[pattern], copy, ELEMENTSOF(found), found, REG_STARTEND);
        if (r != 0)
                return (struct span){ 0 };
        return (struct span){ s.data + found[group].rm_so,
                              (size_t)(found[group].rm_eo - found[group].rm_so) };
}

static bool is(struct span s, const char *string)
{
        return s.size == strlen(string) && memcmp(s.data, string, s.size) == 0;
}

static bool next_component(struct span *rest, struct span *ret)
{
        const char *slash;

        for (; rest->size > 0 && rest->data[0] == '/'; rest->size--)
                rest->data++;
        if (rest->size == 0)
                return false;
        slash = memchr(rest->data, '/', rest->size);
        ret->data = rest->data;
        ret->size = slash ? (size_t)(slash - rest->data) : rest->size;
        rest->data += ret->size;
        rest->size -= ret->size;
        return true;
}

/* Slices, one below the other, and the unit in them. */
static void find_unit(struct span *rest, struct span *ret_slice, struct span *ret_unit)
{
        struct span component, name;

        while (next_component(rest, &component)) {
                if (component.data[0] == '_') {
                        component.data++;
                        component.size--;
                }
                name = match(component, PATTERN_UNIT, 1);
                if (!name.data || name.size > 255)
                        return;
                if (!match(name, PATTERN_SLICE, 0).data) {
                        *ret_unit = name;
                        return;
                }
                *ret_slice = name;
        }
}

static struct span find_container(struct span rest)
{
        struct span before = { 0 }, component, found = { 0 }, name;

        for (; next_component(&rest, &component); before = component) {
                name = match(component, PATTERN_LXC_PAYLOAD, 1);
                if (!name.data && before.data && (is(before, "lxc") || is(before, "lxc.payload")))
                        name = component;
                if (!name.data && before.data && is(before, "buildkit"))
                        name = match(component, PATTERN_BUILD_STEP, 0);
                if (!name.data)
                        name = match(component, PATTERN_BUILD_STEP_SCOPE, 1);
                if (!name.data && !match(component, PATTERN_MONITOR, 0).data)
                        name = match(component, PATTERN_ID, 2);
                if (name.data)
                        found = name;
        }
        return found;
}

/* The same bytes at the same place. */
static bool same(struct span a, struct span b)
{
        return a.data == b.data && (!a.data || a.size == b.size);
}

static bool equal(struct span a, struct span b)
{
        return a.data && b.data && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Whatever is found in this path lies inside of it, and has its form. */
static struct cgroup_names check(struct span path)
{
        const struct cgroup_names names = cgroup_parse(path);
        struct span rest = path, slice = { 0 }, unit = { 0 }, user_slice = { 0 }, user_unit = { 0 };

        find_unit(&rest, &slice, &unit);
        if (unit.data && match(unit, PATTERN_USER_MANAGER, 0).data)
                find_unit(&rest, &user_slice, &user_unit);
        assert(same(names.unit, unit));
        assert(same(names.user_unit, user_unit));
        if (unit.data && !slice.data)
                assert(is(names.slice, "-.slice"));
        else
                assert(same(names.slice, slice));
        assert(same(names.container_id, find_container(path)));
        return names;
}

enum found {
        FOUND_UNIT,
        FOUND_USER_UNIT,
        FOUND_CONTAINER,
};

/* In a path that has `name` in its middle, in memory of its own, it is found as that. */
static void check_made(const char *before, struct span name, const char *behind, enum found what)
{
        const size_t size = strlen(before) + name.size + strlen(behind);
        char *path = malloc(size);
        struct cgroup_names names;

        assert(path);
        memcpy(path, before, strlen(before));
        memcpy(path + strlen(before), name.data, name.size);
        memcpy(path + size - strlen(behind), behind, strlen(behind));
        names = check((struct span){ path, size });
        assert(equal(what == FOUND_UNIT        ? names.unit
                     : what == FOUND_USER_UNIT ? names.user_unit
                                               : names.container_id,
                     name));
        free(path);
}

/* A unit below nothing, inside of it a user's unit, and a container. */
static void check_alone(const struct cgroup_names *names)
{
        if (names->unit.data) {
                check_made("/_", names->unit, "", FOUND_UNIT);
                check_made("_", names->unit, "//", FOUND_UNIT);
                check_made("/user@1.service/_", names->unit, "/x", FOUND_USER_UNIT);
        }
        if (names->container_id.data)
                check_made("/lxc.payload.", names->container_id, "/x", FOUND_CONTAINER);
}

/* Below `path`, its unit is the same, unless there was none. */
static void check_below(struct span path, const struct cgroup_names *names)
{
        static const char below[] = "/sub/a.slice/b.service";
        const size_t size = path.size + strlen(below);
        char *longer = malloc(size);
        struct cgroup_names found;

        assert(longer);
        memcpy(longer, path.data, path.size);
        memcpy(longer + path.size, below, strlen(below));
        found = check((struct span){ longer, size });
        assert(!names->unit.data || equal(found.unit, names->unit));
        assert(!names->slice.data || equal(found.slice, names->slice));
        assert(!names->user_unit.data || equal(found.user_unit, names->user_unit));
        free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *path = malloc(size);
        struct cgroup_names names;

        assert(path || size == 0);
        if (size > 0)
                memcpy(path, data, size);
        names = check((struct span){ path, size });
        check_alone(&names);
        check_below((struct span){ path ? path : "", size }, &names);
        free(path);
        return 0;
}
