/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Repeated sections, as they were written.
 *
 * Refuses what could not be shown again so that it reads back to the same: a value that ends in a
 * backslash, which would join the next line. It takes so many sections and no more: each is looked
 * at for every event.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_report.h"
#include "config/config_section.h"
#include "config/config_value.h"

/* Ten times of what a policy that people still understand has; at 10 ns each, 10 us an event. */
#define SECTIONS_MAX 1000

static void entry_done(struct config_entry *e)
{
        free(e->key);
        free(e->value);
        free(e->file);
}

static void section_done(struct config_section *s)
{
        for (size_t i = 0; i < s->n_entries; i++)
                entry_done(&s->entries[i]);
        free(s->entries);
        free(s->name);
        free(s->file);
}

void config_sections_done(struct config_sections *s)
{
        for (size_t i = 0; i < s->n; i++)
                section_done(&s->items[i]);
        free(s->items);
        *s = (struct config_sections){ 0 };
}

/* Room for one element more, all zero. */
static int grow(void **items, size_t n, size_t *capacity, size_t size)
{
        size_t wanted = MAX(2 * *capacity, (size_t)8);
        void *p;

        if (n == *capacity) {
                p = reallocarray(*items, wanted, size);
                if (!p)
                        return -ENOMEM;
                *items = p;
                *capacity = wanted;
        }
        memset((char *)*items + n * size, 0, size);
        return 0;
}

static char *default_name(const struct config_position *at)
{
        const char *slash = strrchr(at->file, '/');
        const struct config_position base = { .file = slash ? slash + 1 : at->file,
                                              .line = at->line };
        _cleanup_(buf_done) struct buf name = { 0 };

        config_append_origin(&name, &base);
        buf_append_char(&name, '\0');
        return buf_error(&name) ? NULL : TAKE_PTR(name.data);
}

int config_sections_begin(struct config_sections *s, const struct config_position *at)
{
        struct config_section *section;
        int r;

        r = grow((void **)&s->items, s->n, &s->capacity, sizeof(*s->items));
        if (r < 0)
                return r;
        section = &s->items[s->n++];
        section->line = at->line;
        section->file = strdup(at->file);
        section->name = default_name(at);
        return section->file && section->name ? 0 : -ENOMEM;
}

static int section_add(struct config_section *s, const struct config_position *at,
                       struct span value)
{
        struct config_entry *e;
        int r;

        r = grow((void **)&s->entries, s->n_entries, &s->capacity, sizeof(*s->entries));
        if (r < 0)
                return r;
        e = &s->entries[s->n_entries++];
        e->key = strndup(at->key.data, at->key.size);
        e->value = strndup(value.data, value.size);
        e->file = strdup(at->file);
        e->line = at->line;
        return e->key && e->value && e->file ? 0 : -ENOMEM;
}

static void section_take_back(struct config_section *s, struct span key)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_entries; i++)
                if (span_is(key, s->entries[i].key))
                        entry_done(&s->entries[i]);
                else
                        s->entries[n++] = s->entries[i];
        s->n_entries = n;
}

static int section_rename(struct config_section *s, const struct config_position *at,
                          struct span value)
{
        const struct config_position header = { .file = s->file, .line = s->line };
        char *name;

        if (!span_is(at->key, "Name"))
                return 0;
        name = value.size > 0 ? strndup(value.data, value.size) : default_name(&header);
        if (!name)
                return -ENOMEM;
        free(s->name);
        s->name = name;
        return 0;
}

int config_sections_assign(struct config_sections *s, const struct config_position *at,
                           struct span value, struct buf *problem)
{
        struct config_section *section = &s->items[s->n - 1];
        int r;

        if (s->n > SECTIONS_MAX) {
                buf_printf(problem, "in a section too many, expected at most %d", SECTIONS_MAX);
                return -EINVAL;
        }
        if (value.size > 0 && value.data[value.size - 1] == '\\')
                return config_refuse(problem, value,
                                     "ends in a backslash, expected any other character");
        r = section_rename(section, at, value);
        if (r < 0)
                return r;
        if (value.size > 0)
                return section_add(section, at, value);
        section_take_back(section, at->key);
        return 0;
}

static void show_origin(const char *file, unsigned line, struct buf *ret)
{
        const struct config_position at = { .file = file, .line = line };

        buf_append_string(ret, "# ");
        config_append_origin(ret, &at);
        buf_append_char(ret, '\n');
}

static bool has_name(const struct config_section *s)
{
        for (size_t i = 0; i < s->n_entries; i++)
                if (strcmp(s->entries[i].key, "Name") == 0)
                        return true;
        return false;
}

void config_sections_show(const struct config_sections *s, const char *title, struct buf *ret)
{
        for (size_t i = 0; i < s->n; i++) {
                const struct config_section *section = &s->items[i];

                buf_append_char(ret, '\n');
                show_origin(section->file, section->line, ret);
                buf_printf(ret, "[%s]\n", title);
                if (!has_name(section)) /* which elsewhere would be another one */
                        buf_printf(ret, "# default\nName=%s\n", section->name);
                for (size_t k = 0; k < section->n_entries; k++) {
                        const struct config_entry *e = &section->entries[k];

                        show_origin(e->file, e->line, ret);
                        buf_append_string(ret, e->key);
                        buf_append_char(ret, '=');
                        buf_append_string(ret, e->value);
                        buf_append_char(ret, '\n');
                }
        }
}
