/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The words of keys that are not globs. Users and groups are asked of the host; everything else is
 * the same everywhere.
 */
#include <string.h>

#include "config/config_value.h"
#include "policy/key_words.h"

bool key_word_kind(_unused_ const struct key_names *names, struct span name, uint64_t *ret)
{
        for (unsigned kind = 0; kind < _EVENT_KIND_MAX; kind++)
                if (event_kind_is_kernel(kind) && span_is(name, event_kind_name(kind))) {
                        *ret = KEY_KIND_BIT(kind);
                        return true;
                }
        return false;
}

bool key_word_flag(_unused_ const struct key_names *names, struct span name, uint64_t *ret)
{
        const char *known;

        for (unsigned bit = 0; (known = event_trait_name(bit)); bit++)
                if (span_is(name, known)) {
                        *ret = UINT64_C(1) << bit;
                        return true;
                }
        return false;
}

/* capabilities(7), by their numbers, without "cap_". */
static const char *const capabilities[] = {
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
};

bool key_word_capability(_unused_ const struct key_names *names, struct span name, uint64_t *ret)
{
        const size_t prefix = strlen("cap_");

        if (name.size > prefix && span_is_nocase(span_head(name, prefix), "cap_"))
                name = span_skip(name, prefix);
        for (unsigned i = 0; i < ELEMENTSOF(capabilities); i++)
                if (span_is_nocase(name, capabilities[i])) {
                        *ret = UINT64_C(1) << i;
                        return true;
                }
        return false;
}

bool key_word_error(_unused_ const struct key_names *names, struct span name, uint64_t *ret)
{
        *ret = (uint64_t)errno_from_name(name);
        return *ret != 0;
}

bool key_word_user(const struct key_names *names, struct span name, uint64_t *ret)
{
        uint32_t number;

        if (!names || !names->user_number(names->userdata, name, &number))
                return false;
        *ret = number;
        return true;
}

bool key_word_group(const struct key_names *names, struct span name, uint64_t *ret)
{
        uint32_t number;

        if (!names || !names->group_number(names->userdata, name, &number))
                return false;
        *ret = number;
        return true;
}
