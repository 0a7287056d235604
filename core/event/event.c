/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The names by which users know the kinds of events, the sinks and the places of loss: part of the
 * contract (config/event.schema.json), in one place for encoders, sinks and messages.
 *
 * A value outside its enum is a mistake of ours, never of the data.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>

#include "event/event.h"

const char *event_kind_name(enum event_kind kind)
{
        static const char *const names[_EVENT_KIND_MAX] = {
                [EVENT_START] = "start",
                [EVENT_EXEC] = "exec",
                [EVENT_EXEC_FAILED] = "exec_failed",
                [EVENT_EXEC_ATTEMPT] = "exec_attempt",
                [EVENT_EXIT] = "exit",
                [EVENT_PROCESS] = "process",
                [EVENT_SUMMARY] = "summary",
                [EVENT_FILE] = "file",
                [EVENT_LOST] = "lost",
                [EVENT_STATS] = "stats",
                [EVENT_STOP] = "stop",
        };

        assert((unsigned)kind < _EVENT_KIND_MAX);
        return names[kind];
}

enum event_kind event_kind_from_name(const char *name)
{
        enum event_kind kind = 0;

        while (kind < _EVENT_KIND_MAX && strcmp(name, event_kind_name(kind)) != 0)
                kind++;
        return kind;
}

const char *hash_result_name(enum hash_result result)
{
        static const char *const names[_HASH_RESULT_MAX] = {
                [HASH_NO_NAME] = "no_name",       [HASH_UNREADABLE] = "unreadable",
                [HASH_OTHER_FILE] = "other_file", [HASH_CHANGED] = "changed",
                [HASH_TOO_LARGE] = "too_large",   [HASH_TIMEOUT] = "timeout",
                [HASH_HASHER] = "hasher",
        };

        assert((unsigned)result < _HASH_RESULT_MAX && names[result]);
        return names[result];
}

#define TRAIT_BIT(trait) [__builtin_ctz(TRAIT_##trait)]

const char *event_trait_name(unsigned bit)
{
        static const char *const names[] = {
                TRAIT_BIT(MEMFD) = "memfd",
                TRAIT_BIT(DELETED) = "deleted",
                TRAIT_BIT(OVERLAY_UPPER) = "overlay_upper",
                TRAIT_BIT(SETUID) = "setuid",
                TRAIT_BIT(SETGID) = "setgid",
                TRAIT_BIT(FILECAPS) = "filecaps",
                TRAIT_BIT(THREAD_EXEC) = "thread_exec",
                TRAIT_BIT(KERNEL) = "kernel",
                TRAIT_BIT(IMAGE32) = "image32",
                TRAIT_BIT(SCRIPT) = "script",
                TRAIT_BIT(EXECVEAT) = "execveat",
                TRAIT_BIT(POINT_OF_NO_RETURN) = "point_of_no_return",
                TRAIT_BIT(SECURE) = "secure",
        };

        return bit < ELEMENTSOF(names) ? names[bit] : NULL;
}

void event_append_traits(uint32_t traits, struct buf *ret)
{
        const char *name;
        bool any = false;

        for (unsigned bit = 0; (name = event_trait_name(bit)); bit++) {
                if (!(traits >> bit & 1))
                        continue;
                if (any)
                        buf_append_char(ret, ',');
                buf_append_string(ret, name);
                any = true;
        }
}

const char *event_descriptor_type_name(enum exec_descriptor_type type)
{
        static const char *const names[] = {
                [DESCRIPTOR_TTY] = "tty",     [DESCRIPTOR_CONTROLLING_TTY] = "tty",
                [DESCRIPTOR_PIPE] = "pipe",   [DESCRIPTOR_SOCKET] = "socket",
                [DESCRIPTOR_FILE] = "file",   [DESCRIPTOR_NULL] = "null",
                [DESCRIPTOR_MEMFD] = "memfd", [DESCRIPTOR_OTHER] = "other",
        };

        assert(type != DESCRIPTOR_CLOSED && (unsigned)type < ELEMENTSOF(names));
        return names[type];
}

const char *event_family_name(uint8_t family)
{
        static const char *const names[] = {
                [AF_UNIX] = "unix",       [AF_INET] = "inet",     [AF_INET6] = "inet6",
                [AF_NETLINK] = "netlink", [AF_PACKET] = "packet", [AF_VSOCK] = "vsock",
        };

        return family < ELEMENTSOF(names) ? names[family] : NULL;
}

const char *sink_place_name(enum sink_place place)
{
        static const char *const names[_SINK_PLACE_MAX] = {
                [SINK_JOURNAL] = "journal",
                [SINK_FILE] = "file",
                [SINK_STDOUT] = "stdout",
        };

        assert((unsigned)place < _SINK_PLACE_MAX);
        return names[place];
}

const char *loss_where_name(enum loss_where where)
{
        static const char *const names[_LOSS_WHERE_MAX] = {
                [LOSS_RING] = "ring",     [LOSS_RECURSION] = "recursion", [LOSS_QUEUE] = "queue",
                [LOSS_DECODE] = "decode", [LOSS_DOWN] = "down",           [LOSS_BLIND] = "blind",
        };

        assert((unsigned)where < _LOSS_WHERE_MAX);
        return loss_is_of_sink(where) ? sink_place_name(where - LOSS_SINK) : names[where];
}

const char *loss_where_text(enum loss_where where)
{
        static const char *const texts[_LOSS_WHERE_MAX] = {
                [LOSS_RING] = "no room between kernel and daemon",
                [LOSS_RECURSION] = "the kernel did not run the program that collects",
                [LOSS_QUEUE] = "no room in the daemon",
                [LOSS_DECODE] = "records that make no sense: a bug",
                [LOSS_JOURNAL] = "the journal did not keep up",
                [LOSS_FILE] = "the file did not keep up",
                [LOSS_STDOUT] = "standard output did not keep up",
                [LOSS_DOWN] = "no daemon was running",
                [LOSS_BLIND] = "the programs in the kernel were kept from seeing",
        };

        assert((unsigned)where < _LOSS_WHERE_MAX && texts[where]);
        return texts[where];
}

bool loss_concerns(enum loss_where where, enum sink_place place)
{
        if (loss_is_of_sink(where))
                return where == LOSS_SINK + place;
        return where != LOSS_BLIND; /* the kernel side has not seen it, either */
}
