/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A command line, word by word: which word is a secret because of the program and of the words
 * before it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/draft.h"
#include "policy/program.h"
#include "policy/secret_name.h"

/* The tables that all command lines share. */
struct command_rules {
        const struct program_index *programs;
        const struct secret_names *names;
};

/* A script, its interpreter, and what the caller calls it. */
#define COMMAND_PROGRAMS_MAX 3

struct command {
        const struct program *programs[COMMAND_PROGRAMS_MAX];
        uint32_t seen[COMMAND_PROGRAMS_MAX]; /* what its rules need, and what must not have been */
        unsigned n_programs;
        unsigned n_words; /* that are no option nor its value */
        enum value_kind pending;
        struct span pending_name; /* of the option, if it isn't by a rule; in the strings */
        bool is_pending_by_rule;  /* the manual says so: even "1" is no flag there */
        bool is_pending_by_name;  /* of a word that may be another's value */
        bool takes_rest;          /* each further word is a secret */
        bool skips;               /* the next word is the value of an option */
        bool begins;              /* the next word is a program */
        bool is_wrapped;          /* these are arguments of a program that runs another */
        bool has_no_options;      /* "--" was seen */
        bool heeds_words;         /* one of the programs has a rule for what is no option */
};

/* The shortest name of an option that may be that of a secret, "-pwd": letters are no names. */
#define OPTION_NAME_MIN 4

/* A command that another program runs, named by its first word later. */
void command_begin(struct command *c);

/* Adds what is known of one of its names. */
void command_add_program(struct command *c, const struct command_rules *rules, struct span path);

/* The next word is `text` of the draft from `from` to `to`, without quotes around it. */
void command_word(struct command *c, const struct command_rules *rules, struct draft *d,
                  size_t from, size_t to);

/*
 * Hides what is a secret in a text that may be given to a shell, word by word; quotes are followed
 * three levels deep.
 */
void command_text(const struct command_rules *rules, struct draft *d, size_t from, size_t to);

/* A text for standard input follows. */
#define COMMAND_HERE "<<<"

/* True if what has been seen of the command so far says that it reads a secret from there. */
bool command_reads_secret(const struct command *c);

/* True of an option that says so of any program. */
bool command_is_reading(struct span option);

/* True if words that are no options can change nothing: they need not be looked at. */
static inline bool command_ignores_words(const struct command *c)
{
        return !c->heeds_words && !c->is_wrapped && !c->begins && !c->skips && !c->takes_rest &&
               c->pending == VALUE_NONE;
}

/* True if an option means only what its name says; of what has a value right behind it, nothing. */
static inline bool command_ignores_letters(const struct command *c)
{
        return c->n_programs == 0 && command_ignores_words(c);
}
