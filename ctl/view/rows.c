/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* A ring of rows, and a table by process, the last of each process first. */
#include <errno.h>

#include "view/rows.h"

#define PLACES (2 * ROWS_MAX)

/* A row whose text took more gives it back. */
#define TEXT_KEPT_MAX 4096

#define NO_ROW UINT32_MAX

struct rows {
        struct row *ring;
        uint32_t *places;
        uint64_t begin, shown, end; /* numbers of rows; row n is ring[n % ROWS_MAX] */
        size_t bytes;
        bool waits;
        row_show show;
        void *userdata;
};

struct rows *rows_free(struct rows *r)
{
        if (!r)
                return NULL;
        for (size_t i = 0; r->ring && i < ROWS_MAX; i++) {
                buf_done(&r->ring[i].left);
                buf_done(&r->ring[i].right);
        }
        free(r->ring);
        free(r->places);
        free(r);
        return NULL;
}

int rows_new(bool waits, row_show show, void *userdata, struct rows **ret)
{
        _cleanup_(rows_freep) struct rows *r = NULL;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->ring = calloc(ROWS_MAX, sizeof(*r->ring));
        r->places = malloc(PLACES * sizeof(*r->places));
        if (!r->ring || !r->places)
                return -ENOMEM;
        memset(r->places, 0xff, PLACES * sizeof(*r->places)); /* NO_ROW */
        r->waits = waits;
        r->show = show;
        r->userdata = userdata;
        *ret = TAKE_PTR(r);
        return 0;
}

static uint32_t *place_of(struct rows *r, struct span id)
{
        uint32_t hash = 2166136261; /* FNV-1a */

        for (size_t i = 0; i < id.size; i++)
                hash = (hash ^ (uint8_t)id.data[i]) * 16777619;
        return &r->places[hash % PLACES];
}

static struct row *row_at(struct rows *r, uint64_t n)
{
        return &r->ring[n % ROWS_MAX];
}

static void show_until(struct rows *r, uint64_t end)
{
        for (; r->shown < end; r->shown++) {
                struct row *row = row_at(r, r->shown);

                r->show(r->userdata, row);
                row->is_shown = true;
        }
}

/* It is no longer found. */
static void forget(struct rows *r, struct row *row)
{
        const uint32_t own = (uint32_t)(row - r->ring);
        uint32_t *link;

        if (!row->process_id[0])
                return;
        link = place_of(r, span_of(row->process_id));
        while (*link != NO_ROW && *link != own)
                link = &r->ring[*link].next;
        if (*link == own)
                *link = row->next;
        row->process_id[0] = '\0';
}

static void drop_oldest(struct rows *r)
{
        struct row *row = row_at(r, r->begin);

        show_until(r, r->begin + 1);
        forget(r, row);
        r->bytes -= row->left.size + row->right.size;
        if (row->left.capacity > TEXT_KEPT_MAX)
                buf_done(&row->left);
        if (row->right.capacity > TEXT_KEPT_MAX)
                buf_done(&row->right);
        r->begin++;
}

struct row *rows_begin(struct rows *r)
{
        struct row *row;
        struct buf left, right;

        while (r->begin < r->end && (r->end - r->begin == ROWS_MAX || r->bytes > ROWS_BYTES_MAX))
                drop_oldest(r);
        row = row_at(r, r->end);
        left = row->left;
        right = row->right;
        buf_reset(&left);
        buf_reset(&right);
        *row = (struct row){ .left = left, .right = right, .next = NO_ROW };
        return row;
}

void rows_put(struct rows *r, struct row *row)
{
        r->bytes += row->left.size + row->right.size;
        if (row->process_id[0]) {
                uint32_t *place = place_of(r, span_of(row->process_id));
                struct row *older = rows_find(r, span_of(row->process_id));

                if (older) /* many of one process would make its chain long */
                        forget(r, older);
                row->next = *place;
                *place = (uint32_t)(row - r->ring);
        }
        r->end++;
        if (!r->waits)
                show_until(r, r->end);
}

struct row *rows_find(struct rows *r, struct span id)
{
        if (id.size == 0 || id.size >= ROW_ID_SIZE)
                return NULL;
        for (uint32_t i = *place_of(r, id); i != NO_ROW; i = r->ring[i].next)
                if (span_is(id, r->ring[i].process_id))
                        return &r->ring[i];
        return NULL;
}

void rows_flush(struct rows *r)
{
        show_until(r, r->end);
}
