/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The table of programs by the first three letters of their names: in a text each word may be one,
 * and most are sorted out by these.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/program.h"

#define N_BUCKETS 4096
#define NONE UINT32_MAX

struct entry {
        struct span name;
        const struct program *program;
        uint32_t next; /* in its bucket, or NONE */
};

struct program_index {
        struct entry *entries;
        uint32_t n;
        uint32_t buckets[N_BUCKETS];
};

static bool next_name(const char **rest, struct span *ret)
{
        *rest += strspn(*rest, " ");
        *ret = (struct span){ .data = *rest, .size = strcspn(*rest, " ") };
        *rest += ret->size;
        return ret->size > 0;
}

static unsigned bucket_of(struct span name)
{
        const uint8_t *p = (const uint8_t *)name.data;
        const bool is_letter = name.size > 2 && p[2] >= 'A'; /* else it may be a version */

        return (p[0] * 0x9e5U ^ (name.size > 1 ? p[1] : 0U) * 0x47U ^ (is_letter ? p[2] : 0U)) %
               N_BUCKETS;
}

bool program_takes_secrets(const struct program *p)
{
        for (unsigned i = 0; i < PROGRAM_RULES_MAX && p->rules[i].option; i++)
                if (p->rules[i].kind != VALUE_CLEAR && p->rules[i].kind != VALUE_COMMAND &&
                    p->rules[i].kind != VALUE_BEGINS_COMMAND)
                        return true;
        return false;
}

void program_each_name(const struct program_index *index,
                       void (*on_name)(void *userdata, struct span name, const struct program *p),
                       void *userdata)
{
        for (uint32_t i = 0; i < index->n; i++)
                on_name(userdata, index->entries[i].name, index->entries[i].program);
}

static size_t count_names(void)
{
        size_t n = 0;

        for (const struct program *p = program_table; p->names; p++) {
                const char *rest = p->names;
                struct span name;

                while (next_name(&rest, &name))
                        n++;
        }
        return n;
}

static const struct program *find_exactly(const struct program_index *index, struct span name)
{
        uint32_t i = name.size > 0 ? index->buckets[bucket_of(name)] : NONE;

        while (i != NONE && !span_equal(name, index->entries[i].name))
                i = index->entries[i].next;
        return i != NONE ? index->entries[i].program : NULL;
}

static void index_add(struct program_index *index, struct span name, const struct program *p)
{
        uint32_t *bucket = &index->buckets[bucket_of(name)];

        assert(!find_exactly(index, name)); /* our own table */
        index->entries[index->n] = (struct entry){ name, p, *bucket };
        *bucket = index->n++;
}

int program_index_new(struct program_index **ret)
{
        _cleanup_(program_index_freep) struct program_index *index = calloc(1, sizeof(*index));

        if (!index)
                return -ENOMEM;
        memset(index->buckets, 0xff, sizeof(index->buckets)); /* NONE */
        index->entries = calloc(count_names() + 1, sizeof(*index->entries));
        if (!index->entries)
                return -ENOMEM;
        for (const struct program *p = program_table; p->names; p++) {
                const char *rest = p->names;
                struct span name;

                while (next_name(&rest, &name))
                        index_add(index, name, p);
        }
        *ret = TAKE_PTR(index);
        return 0;
}

struct program_index *program_index_free(struct program_index *p)
{
        if (!p)
                return NULL;
        free(p->entries);
        free(p);
        return NULL;
}

static void strip_suffix(struct span *name)
{
        static const char *const suffixes[] = { ".exe", ".bin", ".real", ".orig", ".distrib",
                                                ".py",  ".sh",  ".pl",   ".rb",   NULL };

        for (const char *const *s = suffixes; *s; s++)
                if (span_strip_suffix(name, *s))
                        return;
}

/* Its last character; there may be more. */
static bool strip_version(struct span *name)
{
        if (name->size < 2 ||
            !(is_digit(name->data[name->size - 1]) || strchr(".-", name->data[name->size - 1])))
                return false;
        name->size--;
        return true;
}

/* Neither a version nor a suffix nor a tag is to be taken off, as of nearly all words. */
static bool is_bare(struct span name)
{
        const char last = name.data[name.size - 1];

        return !is_digit(last) && last != '-' && !memchr(name.data, '.', name.size) &&
               !memchr(name.data, ':', name.size);
}

const struct program *program_find(const struct program_index *p, struct span path)
{
        const char *slash = memrchr(path.data, '/', path.size);
        const size_t begin = slash ? (size_t)(slash + 1 - path.data) : 0;
        struct span name = { .data = path.data + begin, .size = path.size - begin };
        const struct program *found;
        const char *tag;

        if (name.size > 0 && name.data[0] == '-') { /* a login shell */
                name.data++;
                name.size--;
        }
        if (name.size == 0 || p->buckets[bucket_of(name)] == NONE)
                return NULL; /* of most words */
        found = find_exactly(p, name);
        if (found || is_bare(name))
                return found;
        tag = memchr(name.data, ':', name.size);
        if (tag)
                name.size = tag - name.data;
        strip_suffix(&name);
        do
                found = find_exactly(p, name);
        while (!found && strip_version(&name));
        return found;
}
