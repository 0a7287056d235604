/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A ring of bytes in one anonymous mapping. Entries are contiguous, so that a sink can hand them to
 * writev() as they are: one that does not fit before the end of the mapping goes to its start, and
 * the rest is left unused until the reader has passed it.
 *
 *      unwrapped   |  free  | head ... entries ... tail |  free  |
 *      wrapped     | entries ... tail |  free  | head ... entries | skip | rest |
 *
 * Each entry is a head (size, tag) and its bytes, padded to the alignment of the head. With entries
 * present tail <= head means wrapped, tail == head full; without, both are 0. That restart at 0
 * keeps a backlog that is drained in time inside its first pages; after a burst the pages it has
 * touched are given back to the kernel.
 *
 * Refuses what would need more than the limit, and sizes that its 32-bit head cannot hold. Asking
 * to pop more than there is, is a bug of the caller and stops the program.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sink/backlog.h"

struct entry_head {
        uint32_t size; /* or ENTRY_SKIP: the next entry is at offset 0 */
        uint32_t tag;
};

#define ENTRY_SKIP UINT32_MAX

/* Below it giving pages back costs more (a fault for each that is touched again) than it saves. */
#define KEEP_BYTES MIB

struct backlog {
        char *data;
        size_t limit; /* a multiple of the head's size, so that a skip mark always fits */
        size_t head;  /* where the oldest entry is: never a skip mark, never the limit */
        size_t tail;  /* where the next entry goes */
        size_t count;
        size_t bytes; /* of the entries, heads and padding included */
        size_t high;  /* of tail, since memory was given back */
};

int backlog_new(size_t limit, struct backlog **ret)
{
        _cleanup_(backlog_freep) struct backlog *b = NULL;
        void *data;

        limit -= limit % sizeof(struct entry_head);
        if (limit == 0)
                return -EINVAL;
        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        /* Reserved for the worst case, which most backlogs never see: so no commitment. */
        data = mmap(NULL, limit, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (data == MAP_FAILED)
                return -errno;
        b->data = data;
        b->limit = limit;

        *ret = TAKE_PTR(b);
        return 0;
}

struct backlog *backlog_free(struct backlog *b)
{
        if (!b)
                return NULL;
        if (b->data)
                (void)munmap(b->data, b->limit);
        free(b);
        return NULL;
}

/* Bytes of an entry. The size is at most UINT32_MAX, so it cannot overflow in 64 bits. */
static uint64_t entry_need(uint64_t size)
{
        uint64_t align = sizeof(struct entry_head);

        return sizeof(struct entry_head) + (size + align - 1) / align * align;
}

static struct entry_head entry_head_at(const struct backlog *b, size_t offset)
{
        struct entry_head h;

        memcpy(&h, b->data + offset, sizeof(h));
        return h;
}

/* The place of the entry that starts at `offset`, or at 0 if the ring turns there. */
static size_t entry_resolve(const struct backlog *b, size_t offset)
{
        if (offset == b->limit || entry_head_at(b, offset).size == ENTRY_SKIP)
                return 0;
        return offset;
}

/* Moves tail to where `need` bytes are free; false: there is no such place, nothing changed. */
static bool backlog_make_room(struct backlog *b, size_t need)
{
        const struct entry_head skip = { .size = ENTRY_SKIP };

        if (b->count > 0 && b->tail <= b->head)
                return b->head - b->tail >= need;
        if (b->limit - b->tail >= need)
                return true;
        if (b->head < need)
                return false;
        if (b->tail < b->limit)
                memcpy(b->data + b->tail, &skip, sizeof(skip));
        b->tail = 0;
        return true;
}

int backlog_push(struct backlog *b, const struct span *parts, size_t n_parts, uint32_t tag)
{
        struct entry_head h = { .tag = tag };
        uint64_t size = 0;
        char *p;

        for (size_t i = 0; i < n_parts; i++)
                if (__builtin_add_overflow(size, parts[i].size, &size))
                        return -EMSGSIZE;
        if (size >= ENTRY_SKIP || entry_need(size) > b->limit)
                return -EMSGSIZE;
        if (!backlog_make_room(b, entry_need(size)))
                return -ENOBUFS;

        h.size = (uint32_t)size;
        p = b->data + b->tail;
        p = (char *)memcpy(p, &h, sizeof(h)) + sizeof(h);
        for (size_t i = 0; i < n_parts; i++) {
                if (parts[i].size == 0)
                        continue; /* its data may be NULL, which memcpy() must not see */
                p = (char *)memcpy(p, parts[i].data, parts[i].size) + parts[i].size;
        }

        b->tail += entry_need(size);
        b->high = MAX(b->high, b->tail);
        b->bytes += entry_need(size);
        b->count++;
        return 0;
}

/* The entry at `offset`, or where the ring turns there; returns where the next one is sought. */
static size_t entry_read(const struct backlog *b, size_t offset, bool is_first,
                         struct backlog_entry *ret)
{
        struct entry_head h;

        if (!is_first) /* the head is never where the ring turns */
                offset = entry_resolve(b, offset);
        h = entry_head_at(b, offset);
        *ret = (struct backlog_entry){
                .data = { .data = b->data + offset + sizeof(h), .size = h.size },
                .tag = h.tag,
        };
        return offset + entry_need(h.size);
}

size_t backlog_peek(const struct backlog *b, struct backlog_entry *ret, size_t max)
{
        size_t n = MIN(max, b->count), offset = b->head;

        for (size_t i = 0; i < n; i++)
                offset = entry_read(b, offset, i == 0, &ret[i]);
        return n;
}

/* Nothing is left: start again at the front. */
static void backlog_restart(struct backlog *b)
{
        b->head = 0;
        b->tail = 0;
        if (b->high <= KEEP_BYTES)
                return;
        /* A failure costs memory, nothing else. */
        (void)madvise(b->data, b->limit, MADV_DONTNEED);
        b->high = 0;
}

void backlog_pop(struct backlog *b, size_t n)
{
        assert(n <= b->count);

        for (size_t i = 0; i < n; i++) {
                size_t need = entry_need(entry_head_at(b, b->head).size);

                b->head += need;
                b->bytes -= need;
                if (--b->count > 0)
                        b->head = entry_resolve(b, b->head);
        }
        if (b->count == 0)
                backlog_restart(b);
}

bool backlog_has_room(const struct backlog *b, size_t size)
{
        /* Free room is in two places at most, of which one has to be large enough. */
        return b->count == 0 || (size < b->limit &&
                                 b->limit - b->bytes >= 2 * (size + 2 * sizeof(struct entry_head)));
}

size_t backlog_count(const struct backlog *b)
{
        return b->count;
}

size_t backlog_bytes(const struct backlog *b)
{
        return b->bytes;
}

int backlog_resize(struct backlog *b, size_t limit)
{
        _cleanup_(backlog_freep) struct backlog *fresh = NULL;
        struct backlog_entry e;
        struct backlog old;
        int r;

        r = backlog_new(limit, &fresh);
        if (r < 0)
                return r;
        assert(fresh);
        if (fresh->limit == b->limit)
                return 0;
        for (size_t offset = b->head, i = 0; i < b->count; i++) {
                offset = entry_read(b, offset, i == 0, &e);
                r = backlog_push(fresh, &e.data, 1, e.tag);
                if (r < 0)
                        return -ENOBUFS;
        }
        old = *b;
        *b = *fresh;
        *fresh = old; /* to be freed */
        return 0;
}
