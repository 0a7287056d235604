/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * They live in maps and not in .rodata: they change with a reload, while the programs run.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "config/config.h"
#include "exec_control.h"
#include "kernel/kernel_support.h"
#include "kernel/knobs.h"

/* A variable's name as "NAME=" begins in memory; a longer one has no "=" among these bytes. */
static uint64_t key_of(const char *name)
{
        char first[sizeof(uint64_t) + 1] = {};
        uint64_t key;

        (void)snprintf(first, sizeof(first), "%s=", name);
        memcpy(&key, first, sizeof(key));
        return env_key(key);
}

static bool is_wanted(char *const *names, uint64_t key)
{
        for (; names && *names; names++)
                if (key_of(*names) == key)
                        return true;
        return false;
}

static void forget_unwanted(int map, char *const *names)
{
        uint64_t key, next;

        for (uint64_t *previous = NULL; bpf_map_get_next_key(map, previous, &next) == 0;) {
                if (!is_wanted(names, next) && bpf_map_delete_elem(map, &next) == 0) {
                        previous = NULL; /* iteration from a deleted key starts over anyway */
                        continue;
                }
                key = next;
                previous = &key;
        }
}

static int set_environment(struct exec_control *control, int map, char *const *names)
{
        static const uint32_t value = 1;
        uint64_t bloom = 0;

        for (char *const *name = names; name && *name; name++) {
                uint64_t key = key_of(*name);

                if (bpf_map_update_elem(map, &key, &value, BPF_ANY) < 0)
                        return -errno;
                bloom |= UINT64_C(1) << env_hash(key);
        }
        control->env_bloom = bloom;
        forget_unwanted(map, names);
        return 0;
}

int knobs_set(struct exec_control *control, int env_map, const struct config *config)
{
        int r;

        r = set_environment(control, env_map, config->capture.environment);
        if (r < 0)
                return r;
        control->argv_max = config->capture.argv_max;
        control->descriptors = config->capture.descriptors;
        control->track_exits = config->capture.exits;
        control->parents = config->capture.parents;
        control->caps_full = kernel_all_capabilities();
        memcpy(control->ignore_errnos, config->capture.failed_execs_ignore.bits,
               sizeof(control->ignore_errnos));
        return 0;
}
