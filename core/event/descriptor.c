/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Addresses become text here, in one form for all shapes: that of ss(8), but IPv6 in brackets also
 * where ss has none. An abstract Unix name has "@" in place of each NUL, as in /proc/net/unix.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "event/descriptor.h"

#define V4_SIZE 4
#define V6_SIZE 16

/* False: no address of this family has this size. */
static bool inet_text(int family, size_t size, struct span address, char *text, struct span *ret)
{
        char host[INET6_ADDRSTRLEN];
        uint16_t port;
        int n;

        if (address.size != size + sizeof(port) ||
            !inet_ntop(family, address.data, host, sizeof(host)))
                return false;
        memcpy(&port, address.data + size, sizeof(port));
        n = snprintf(text, ADDRESS_TEXT_SIZE, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
                     (unsigned)port);
        *ret = (struct span){ text, (size_t)n };
        return true;
}

static bool unix_text(struct span address, char *text, struct span *ret)
{
        if (address.size > ADDRESS_TEXT_SIZE)
                return false;
        if (address.data[0] != '\0') { /* the kernel counts the NUL of a path */
                address.size = strnlen(address.data, address.size);
                *ret = address;
                return true;
        }
        for (size_t i = 0; i < address.size; i++)
                text[i] = address.data[i] == '\0' ? '@' : address.data[i];
        *ret = (struct span){ text, address.size };
        return true;
}

static bool vsock_text(struct span address, char *text, struct span *ret)
{
        uint32_t port_and_cid[2];
        int n;

        if (address.size != sizeof(port_and_cid))
                return false;
        memcpy(port_and_cid, address.data, sizeof(port_and_cid));
        n = snprintf(text, ADDRESS_TEXT_SIZE, "%u:%u", port_and_cid[1], port_and_cid[0]);
        *ret = (struct span){ text, (size_t)n };
        return true;
}

/* Takes an address from the front of `rest`; without one, *ret stays as it is. */
static bool take_address(uint8_t family, size_t size, struct span *rest, char *text,
                         struct span *ret)
{
        struct span address = { rest->data, size };

        if (size == 0)
                return true;
        if (size > rest->size)
                return false;
        rest->data += size;
        rest->size -= size;
        switch (family) {
        case AF_INET:
                return inet_text(AF_INET, V4_SIZE, address, text, ret);
        case AF_INET6:
                return inet_text(AF_INET6, V6_SIZE, address, text, ret);
        case AF_UNIX:
                return unix_text(address, text, ret);
        case AF_VSOCK:
                return vsock_text(address, text, ret);
        default:
                return false;
        }
}

/* Another descriptor for the same open file; -1: a file of its own. */
static int same_as(const struct exec_descriptor *d)
{
        switch (d->type) {
        case DESCRIPTOR_AS_STDIN:
                return 0;
        case DESCRIPTOR_AS_STDOUT:
                return 1;
        default:
                return -1;
        }
}

bool descriptors_decode(const struct exec_facts *facts, struct span addresses, bool is_cut,
                        struct address_texts *texts,
                        struct event_descriptor ret[static EXEC_DESCRIPTORS])
{
        bool is_missing = is_cut && addresses.size == 0;

        for (int i = 0; i < EXEC_DESCRIPTORS; i++) {
                const struct exec_descriptor *d = &facts->descriptors[i];
                int same = same_as(d);

                if (d->type >= _DESCRIPTOR_TYPE_MAX || same >= i)
                        return false;
                if (same >= 0) {
                        ret[i] = ret[same];
                        continue;
                }
                ret[i] = (struct event_descriptor){
                        .type = d->type, .ino = d->ino, .dev = d->dev, .family = d->family
                };
                if (is_missing)
                        ret[i].is_cut = d->local_size > 0 || d->peer_size > 0;
                else if (!take_address(d->family, d->local_size, &addresses, texts->local[i],
                                       &ret[i].local) ||
                         !take_address(d->family, d->peer_size, &addresses, texts->peer[i],
                                       &ret[i].peer))
                        return false;
        }
        return addresses.size == 0;
}
