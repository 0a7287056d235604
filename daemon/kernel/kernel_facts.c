/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Asks BTF for members, never the kernel for its version. */
#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/macro.h"
#include "kernel/kernel_facts.h"

/* Facts that some kernels lack: the key, and the member that it is read from. */
static const struct {
        const char *key, *structure, *member;
} optional_facts[] = {
        { "loginuid", "task_struct", "loginuid" },   /* CONFIG_AUDIT */
        { "session", "task_struct", "sessionid" },   /* CONFIG_AUDIT */
        { "namespaces.time", "nsproxy", "time_ns" }, /* 5.6 */
        { "flags.image32", "mm_struct", "task_size" },
};

_Static_assert(ELEMENTSOF(optional_facts) < KERNEL_FACTS_MAX, "no room");

/* Also in the anonymous structs and unions of the struct. */
static bool has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
        const struct btf_member *m = btf_members(type);

        for (unsigned i = 0; i < btf_vlen(type); i++) {
                const char *member = btf__name_by_offset(btf, m[i].name_off);
                const struct btf_type *inner = btf__type_by_id(btf, m[i].type);

                if (strcmp(member, name) == 0)
                        return true;
                if (*member == '\0' && btf_is_composite(inner) && has_member(btf, inner, name))
                        return true;
        }
        return false;
}

/* The programs ask the same of BTF when they are loaded. */
void kernel_facts_missing(const struct btf *kernel, const char *ret[KERNEL_FACTS_MAX])
{
        unsigned n = 0;

        for (unsigned i = 0; i < ELEMENTSOF(optional_facts); i++) {
                int id = btf__find_by_name_kind(kernel, optional_facts[i].structure,
                                                BTF_KIND_STRUCT);

                if (id < 0 ||
                    !has_member(kernel, btf__type_by_id(kernel, id), optional_facts[i].member))
                        ret[n++] = optional_facts[i].key;
        }
        ret[n] = NULL;
}
