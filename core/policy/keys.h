/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The keys by which events are selected: one row each, with its name, the kind of its words, and
 * the function that takes its value from an event.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "policy/key_words.h"

enum value_state {
        VALUE_UNFIT,   /* such an event has nothing of the kind: no key about it matches */
        VALUE_ABSENT,  /* there is none: no terminal, no unit */
        VALUE_UNKNOWN, /* it was cut, or could not be read */
        VALUE_KNOWN,
};

struct value {
        enum value_state state;
        bool is_partial;  /* of several strings: there may be more than these */
        bool lacks_paths; /* likewise, but what is missing are paths */
        uint64_t number;  /* or bits */
        struct span text;
};

#define KEYS_COUNT 26

/*
 * An event, and its values for the keys that have asked for them so far: however many rules there
 * are, each is made once. Zero is a valid view of nothing.
 */
struct event_view {
        const struct exec_event *event; /* borrowed: the view is of no use without it */
        bool is_enriched;
        uint32_t known; /* a bit for each of the values that has been made */
        struct value values[KEYS_COUNT];
        struct buf command_line, parent_command_line, ancestors;
};

void event_view_done(struct event_view *v);

/* Looks at another event. `is_enriched`: enrich_event() has been called; may be set later, too. */
void event_view_set(struct event_view *v, const struct exec_event *event, bool is_enriched);

enum key_type {
        KEY_NUMBER,  /* words are numbers, ranges and names of numbers */
        KEY_BITS,    /* words are names of bits, of which one has to be set */
        KEY_STRING,  /* words are globs */
        KEY_STRINGS, /* likewise, for any of several strings, each of which ends with a NUL */
};

struct key {
        const char *name;
        struct value (*get)(struct event_view *v);
        const char *suffixed; /* a name without the suffix of a unit gets this one */

        /* Of KEY_NUMBER and KEY_BITS: what a name means. */
        bool (*number_of)(const struct key_names *names, struct span name, uint64_t *ret);
        const char *expected; /* for messages: "is not a user, expected ..." */
        uint64_t max;         /* of a number */

        enum key_type type;
        bool is_late;        /* known after enrich_event() only */
        bool is_of_exit;     /* exits have it, too; all others are unfit for them */
        bool is_chosen;      /* by the user who executes, at will */
        bool may_be_absent;  /* words `any` and `none` are about that */
        bool is_variable;    /* words are NAME=GLOB */
        bool may_lack_paths; /* of its strings: see struct value */
        bool is_comm;        /* the name of a process, which the kernel cuts */
        bool is_absolute;    /* a path as the kernel has it, which begins with '/' */
};

/* In the order in which they are documented; the last has no name. */
extern const struct key keys[];

/* NULL: there is none. */
const struct key *key_find(struct span name);

/*
 * The value for this event; of a key that is late, after enrich_event(). Borrowed from the view,
 * until it looks at another event.
 */
const struct value *key_value_slowly(const struct key *k, struct event_view *v);
static inline const struct value *key_value(const struct key *k, struct event_view *v)
{
        if (v->known >> (k - keys) & 1)
                return &v->values[k - keys];
        return key_value_slowly(k, v);
}
