/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>

#include "event/users.h"
#include "policy/selection.h"
#include "view/chosen.h"
#include "view/tree_of.h"

struct chosen {
        struct selection *selection;
        bool has_words;
        struct users *users, *groups;
        struct key_names names;
        struct tree_of *tree;
        uint32_t parent; /* 0: any */
        bool shows_failed;
        uint64_t since_ns, until_ns;
        char boot_id[BOOT_ID_SIZE];
        bool has_boot;
        uint64_t n_failed;
        struct event_view view;
};

struct chosen *chosen_free(struct chosen *c)
{
        if (!c)
                return NULL;
        selection_free(c->selection);
        users_free(c->users);
        users_free(c->groups);
        tree_of_free(c->tree);
        event_view_done(&c->view);
        free(c);
        return NULL;
}

static bool user_number(void *userdata, struct span name, uint32_t *ret)
{
        const struct chosen *c = userdata;

        return users_number(c->users, name, 1, ret);
}

static bool group_number(void *userdata, struct span name, uint32_t *ret)
{
        const struct chosen *c = userdata;

        return users_number(c->groups, name, 1, ret);
}

int chosen_new(struct chosen **ret)
{
        _cleanup_(chosen_freep) struct chosen *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->until_ns = UINT64_MAX;
        c->names = (struct key_names){ .user_number = user_number,
                                       .group_number = group_number,
                                       .userdata = c };
        r = selection_new(&c->selection);
        if (r >= 0)
                r = users_new("/etc", "passwd", &c->users);
        if (r >= 0)
                r = users_new("/etc", "group", &c->groups);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int chosen_add(struct chosen *c, struct span text, struct buf *problem)
{
        c->has_words = true;
        return selection_parse(c->selection, text, &c->names, problem);
}

/* A word of the selection's language that stands for exactly these bytes. */
static void append_exact(struct buf *b, struct span text)
{
        for (size_t i = 0; i < text.size; i++) {
                if (strchr("*?[]\\\"!", text.data[i]))
                        buf_append_char(b, '\\');
                buf_append_char(b, text.data[i]);
        }
}

static int add_words(struct chosen *c, const char *key, struct buf *words, struct buf *problem)
{
        if (buf_error(words))
                return -ENOMEM;
        c->has_words = true;
        return selection_add(c->selection, span_of(key), buf_span(words), &c->names, problem);
}

int chosen_add_word(struct chosen *c, const char *key, const char *word, struct buf *problem)
{
        _cleanup_(buf_done) struct buf words = { 0 };

        buf_append_string(&words, word);
        return add_words(c, key, &words, problem);
}

int chosen_add_part(struct chosen *c, const char *key, const char *part, struct buf *problem)
{
        _cleanup_(buf_done) struct buf words = { 0 };

        buf_append_string(&words, "\"*");
        append_exact(&words, span_of(part));
        buf_append_string(&words, "*\"");
        return add_words(c, key, &words, problem);
}

void chosen_set_times(struct chosen *c, uint64_t since_ns, uint64_t until_ns)
{
        c->since_ns = since_ns;
        c->until_ns = until_ns;
}

void chosen_set_boot(struct chosen *c, const char boot_id[static BOOT_ID_SIZE])
{
        memcpy(c->boot_id, boot_id, BOOT_ID_SIZE);
        c->has_boot = true;
}

void chosen_set_failed(struct chosen *c, bool is_shown)
{
        c->shows_failed = is_shown;
}

int chosen_set_parent(struct chosen *c, const char *pid)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(pid, &end, 10);
        if (errno != 0 || end == pid || *end || value == 0 || value > INT32_MAX)
                return -EINVAL;
        c->parent = (uint32_t)value;
        return 0;
}

int chosen_set_tree(struct chosen *c, const char *root)
{
        c->tree = tree_of_free(c->tree);
        return tree_of_new(root, &c->tree);
}

int chosen_pack(struct chosen *c)
{
        if (selection_has(c->selection, "Event") || selection_has(c->selection, "Error"))
                c->shows_failed = true; /* that says which kinds */
        return selection_pack(&c->selection);
}

enum chosen_time chosen_in_time(const struct chosen *c, const struct event_line *line)
{
        if (line->time_ns < c->since_ns)
                return CHOSEN_EARLIER;
        if (line->time_ns > c->until_ns)
                return CHOSEN_LATER;
        if (c->has_boot && memcmp(line->boot_id.data, c->boot_id, BOOT_ID_SIZE) != 0)
                return CHOSEN_EARLIER;
        return CHOSEN_TIME;
}

/* A summary is of the kind that it sums up. */
static enum event_kind kind_of(const struct event_line *line)
{
        if (line->event.kind != EVENT_SUMMARY)
                return line->event.kind;
        for (unsigned k = 0; k < _EVENT_KIND_MAX; k++)
                if (event_kind_is_kernel(k) && span_is(line->of, event_kind_name(k)))
                        return k;
        return EVENT_EXEC;
}

static bool match_words(struct chosen *c, const struct event_line *line)
{
        struct exec_event event = line->event;

        event.kind = kind_of(line);
        event_view_set(&c->view, &event, true);
        return selection_match(c->selection, &c->view) != MATCH_NO;
}

bool chosen_match(struct chosen *c, const struct event_line *line)
{
        const enum event_kind kind = kind_of(line);

        /* A tree has to see all of them, in their order. */
        if (c->tree && !tree_of_match(c->tree, line))
                return false;
        if (c->parent > 0 &&
            (!event_has(&line->event, FACT_PARENT) || line->event.facts.ppid != c->parent))
                return false;
        if (c->has_words && !match_words(c, line))
                return false;
        if (!c->shows_failed && (kind == EVENT_EXEC_FAILED || kind == EVENT_EXEC_ATTEMPT)) {
                c->n_failed++;
                return false;
        }
        return true;
}

bool chosen_is_all(const struct chosen *c)
{
        return !c->has_words && !c->tree && c->parent == 0;
}

bool chosen_has_tree(const struct chosen *c)
{
        return c->tree;
}

void chosen_begin(struct chosen *c)
{
        c->n_failed = 0;
}

uint64_t chosen_n_failed(const struct chosen *c)
{
        return c->n_failed;
}

bool chosen_is_cut(const struct chosen *c)
{
        return c->tree && tree_of_is_cut(c->tree);
}
