/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The mask has a byte for each byte of the text: marks come in any order and overlap, and this way
 * neither needs thought. It exists for strings with a secret alone, and its memory is kept.
 */
#include "policy/draft.h"

static bool draft_begin_mask(struct draft *d)
{
        char *p;

        d->mask->size = 0; /* an error stays: it is for whom has the buffer to see */
        p = buf_reserve(d->mask, d->size);
        if (!p)
                return false;
        memset(p, 0, d->size);
        d->mask->size = d->size;
        d->is_redacted = true;
        return true;
}

void draft_hide(struct draft *d, size_t from, size_t to)
{
        if (from >= to || (!d->is_redacted && !draft_begin_mask(d)))
                return;
        memset(d->mask->data + from, 1, to - from);
        d->is_hidden |= from == 0 && to == d->size;
}

void draft_write(const struct draft *d, struct buf *ret)
{
        size_t at = 0, next;

        if (!d->is_redacted) {
                buf_append(ret, d->text, d->size);
                return;
        }
        for (; at < d->size; at = next) {
                const char *mask = d->mask->data;
                const char *end = memchr(mask + at, !mask[at], d->size - at);

                next = end ? (size_t)(end - mask) : d->size;
                if (mask[at])
                        buf_append(ret, DRAFT_MARK, sizeof(DRAFT_MARK) - 1);
                else
                        buf_append(ret, d->text + at, next - at);
        }
}
