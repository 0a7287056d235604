/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A set of capabilities as an array of their names, for readers that know no bits. One that is
 * younger than this table is its number, as a string.
 */
#include <linux/capability.h>
#include <string.h>

#include "encode/encode_forms.h"
#include "encode/encode_forms_internal.h"

#define N_CAPABILITIES 64

static const char *const names[N_CAPABILITIES] = {
        [CAP_CHOWN] = "CAP_CHOWN",
        [CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
        [CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
        [CAP_FOWNER] = "CAP_FOWNER",
        [CAP_FSETID] = "CAP_FSETID",
        [CAP_KILL] = "CAP_KILL",
        [CAP_SETGID] = "CAP_SETGID",
        [CAP_SETUID] = "CAP_SETUID",
        [CAP_SETPCAP] = "CAP_SETPCAP",
        [CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
        [CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
        [CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
        [CAP_NET_ADMIN] = "CAP_NET_ADMIN",
        [CAP_NET_RAW] = "CAP_NET_RAW",
        [CAP_IPC_LOCK] = "CAP_IPC_LOCK",
        [CAP_IPC_OWNER] = "CAP_IPC_OWNER",
        [CAP_SYS_MODULE] = "CAP_SYS_MODULE",
        [CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
        [CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
        [CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
        [CAP_SYS_PACCT] = "CAP_SYS_PACCT",
        [CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
        [CAP_SYS_BOOT] = "CAP_SYS_BOOT",
        [CAP_SYS_NICE] = "CAP_SYS_NICE",
        [CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
        [CAP_SYS_TIME] = "CAP_SYS_TIME",
        [CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
        [CAP_MKNOD] = "CAP_MKNOD",
        [CAP_LEASE] = "CAP_LEASE",
        [CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
        [CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
        [CAP_SETFCAP] = "CAP_SETFCAP",
        [CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
        [CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
        [CAP_SYSLOG] = "CAP_SYSLOG",
        [CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
        [CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
        [CAP_AUDIT_READ] = "CAP_AUDIT_READ",
        [CAP_PERFMON] = "CAP_PERFMON",
        [CAP_BPF] = "CAP_BPF",
        [CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

static uint64_t set_of(struct span bytes)
{
        uint64_t set;

        memcpy(&set, bytes.data, sizeof(set));
        return set;
}

/* In the array, with a comma. */
static size_t capability_size(unsigned i)
{
        return QUOTES_AND_COMMA + (names[i] ? strlen(names[i]) : 2);
}

static void put_capability(struct buf *b, unsigned i)
{
        const char number[] = { (char)('0' + i / 10), (char)('0' + i % 10), '\0' };

        json_string(b, names[i] ? names[i] : number);
}

static struct part_size measure_capabilities(const struct shape_part *part, struct span bytes,
                                             size_t max _unused_)
{
        size_t size = key_size(part->key) + BRACKETS;

        for (uint64_t left = set_of(bytes); left != 0; left &= left - 1)
                size += capability_size((unsigned)__builtin_ctzll(left));
        return (struct part_size){ .data = size };
}

/* What fits into the room, without the brackets. */
static void put_names(struct buf *b, uint64_t set, size_t room)
{
        size_t size;
        unsigned i;

        json_begin_array(b);
        for (; set != 0; set &= set - 1) {
                i = (unsigned)__builtin_ctzll(set);
                size = capability_size(i);
                if (size > room)
                        break;
                put_capability(b, i);
                room -= size;
        }
        json_end_array(b);
}

/* Sets are few, and those of events that follow each other are mostly the same. */
static void put_all_names(struct encoder *e, uint64_t set)
{
        struct buf *array = &e->caps_names;

        if (array->size == 0 || e->caps != set) {
                buf_reset(array);
                put_names(array, set, SIZE_MAX);
                e->caps = set;
        }
        if (buf_error(array) < 0)
                e->out->error = buf_error(array);
        buf_append_span(e->out, buf_span(array));
}

static bool put_capabilities(struct encoder *e, const struct shape_part *part, struct span bytes,
                             size_t room)
{
        const size_t size = key_size(part->key) + BRACKETS;

        if (room < size)
                return true;
        json_key(e->out, part->key);
        if (room == ROOM_WHOLE)
                put_all_names(e, set_of(bytes));
        else
                put_names(e->out, set_of(bytes), room - size);
        return true;
}

const struct part_form form_capabilities = {
        .measure = measure_capabilities,
        .put = put_capabilities,
};
