/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A descriptor as an object. Only addresses of Unix sockets vary much in length, and any byte can
 * be in them; without room for an address it is left out, the peer's last.
 */
#include <string.h>

#include "base/text.h"
#include "encode/encode_forms.h"
#include "encode/encode_line.h"

/* ,"stdout":{"type":"socket","dev":"4095:1048575","ino":18446744073709551615,"family":"unspec"} */
#define DESCRIPTOR_SIZE 96

/* ,"local":"" and ,"local_base64":"" */
#define ADDRESS_SIZE 11
#define ADDRESS_BASE64_SIZE 18

bool descriptor_is_whole(struct span descriptor)
{
        return !((const struct event_descriptor *)(const void *)descriptor.data)->is_cut;
}

/* Of the key, too; 0: there is none. */
static size_t address_size(struct span address)
{
        size_t size;

        if (!address.data)
                return 0;
        size = ADDRESS_SIZE + json_text_size(address);
        if (!text_is_valid(address))
                size += ADDRESS_BASE64_SIZE + text_base64_size(address.size);
        return size;
}

static struct part_size measure_descriptor(const struct shape_part *part _unused_,
                                           struct span descriptor, size_t max _unused_)
{
        const struct event_descriptor *d = (const void *)descriptor.data;

        return (struct part_size){ .data = DESCRIPTOR_SIZE + address_size(d->local) +
                                           address_size(d->peer) };
}

static void put_family(struct buf *b, uint8_t family)
{
        const char *name = event_family_name(family);

        if (name)
                json_put_string(b, "family", name);
        else
                json_put_id(b, "family", family);
}

static bool put_descriptor(struct encoder *e, const struct shape_part *part, struct span descriptor,
                           size_t room)
{
        const struct event_descriptor *d = (const void *)descriptor.data;
        bool has_number = d->type == DESCRIPTOR_PIPE || d->type == DESCRIPTOR_SOCKET;
        size_t local = address_size(d->local), peer = address_size(d->peer);
        struct buf *b = e->out;

        if (room < DESCRIPTOR_SIZE)
                return true;
        room -= DESCRIPTOR_SIZE;
        json_key(b, part->key);
        json_begin_object(b);
        json_put_string(b, "type", event_descriptor_type_name(d->type));
        if (d->dev != 0)
                encoder_put_dev(e, "dev", d->dev);
        if (has_number)
                json_put_u64(b, "ino", d->ino);
        if (d->type == DESCRIPTOR_SOCKET && d->family != 0)
                put_family(b, d->family);
        if (local > 0 && local <= room && (peer > room || local + peer <= room))
                json_put_text(b, "local", d->local);
        if (peer > 0 && peer <= room)
                json_put_text(b, "peer", d->peer);
        json_end_object(b);
        return true;
}

const struct part_form form_descriptor = { .measure = measure_descriptor, .put = put_descriptor };
