/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The arguments of programs, as far as they concern secrets: a table, from their
 * manuals.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The part of a value that is the secret. */
enum value_kind {
        VALUE_NONE,
        VALUE_ALL,
        VALUE_ALL_BUT_PAIR,   /* name=value says itself what it is */
        VALUE_AFTER_COLON,    /* user:PASSWORD */
        VALUE_COLON_OR_ALL,   /* likewise, but without a colon all of it is one */
        VALUE_AFTER_COMMA,    /* user,PASSWORD */
        VALUE_AFTER_PERCENT,  /* user%PASSWORD */
        VALUE_AFTER_EQUALS,   /* key=SECRET, whatever the key */
        VALUE_AFTER_GREATER,  /* >SECRET; else it is none */
        VALUE_DSN,            /* h=host,u=user,p=SECRET */
        VALUE_OF_USER,        /* user:PASSWORD, or before an '@'; no URL */
        VALUE_PRINTS,         /* a command that prints the secret: echo SECRET */
        VALUE_AFTER_SLASH,    /* user/PASSWORD@database */
        VALUE_AFTER_DATA,     /* secret,...,data=SECRET */
        VALUE_BEFORE_AT,      /* user:PASSWORD@host, without a scheme */
        VALUE_PASS,           /* pass:SECRET, but file:NAME, env:NAME, stdin */
        VALUE_COOKIE,         /* name=SECRET; else it names a file */
        VALUE_LIST,           /* name=value,...: a comma ends a value */
        VALUE_REST,           /* this word and all that follow, options excepted */
        VALUE_CLEAR,          /* no secret, though its option is named like one */
        VALUE_COMMAND,        /* what a shell is given to run */
        VALUE_BEGINS_COMMAND, /* the name of a program; its arguments follow */
};

enum value_place {
        PLACE_ATTACHED = 1 << 0, /* -pVALUE, --name=VALUE, /p:VALUE */
        PLACE_NEXT = 1 << 1,     /* -p VALUE */
        PLACE_ANY = PLACE_ATTACHED | PLACE_NEXT,
};

/*
 * `option` is
 *   "-p", "-storepass", "--user", "/p"   an option: one letter may be bundled with others
 *   "password"                           a word; its value follows
 *   "2"                                  the so-many-th word that is no option nor one's value
 *   "*"                                  each of these
 *   "="                                  each of these that is named like a secret; its value
 *                                        follows
 *   "<<<"                                standard input is a secret, here or by a pipe
 * and counts only if the word or letter ("-b") `needs` came before, and `unless` did not.
 */
struct program_rule {
        const char *option;
        enum value_kind kind;
        enum value_place place; /* 0: PLACE_ANY */
        const char *needs, *unless;
};

/* More than any program has: bits of what it needs. */
#define PROGRAM_RULES_MAX 16

struct program {
        const char *names;  /* separated by blanks */
        const char *values; /* letters of options that take a value; NULL: letters don't bundle */
        uint8_t wraps;      /* that word, from 1, begins another command; 0: none */
        bool finds;         /* so does what is behind "--", or what is known by its name */
        struct program_rule rules[PROGRAM_RULES_MAX]; /* to the first without an option */
};

/* Ends with one without names. */
extern const struct program program_table[];
