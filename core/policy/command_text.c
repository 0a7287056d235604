/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A text as a shell would take it apart: blanks, quotes, and what separates commands. It may be no
 * such text at all, but then there are hardly words in it that mean something to command_word().
 *
 * Substitutions, here documents and aliases are not followed.
 */
#include "policy/command.h"

/* How deep quotes within quotes are followed: ssh HOST "su -c 'mysql ...'". */
#define DEPTH_MAX 3

enum {
        PART_OF_WORD,
        PART_BLANK,
        PART_SEPARATOR,
        PART_QUOTE,
        PART_BACKSLASH,
};

static const uint8_t parts[256] = {
        ['\t'] = PART_BLANK,     ['\n'] = PART_SEPARATOR, ['\v' ... '\r'] = PART_BLANK,
        [' '] = PART_BLANK,      [';'] = PART_SEPARATOR,  ['|'] = PART_SEPARATOR,
        ['&'] = PART_SEPARATOR,  ['('] = PART_SEPARATOR,  [')'] = PART_SEPARATOR,
        ['`'] = PART_SEPARATOR,  ['"'] = PART_QUOTE,      ['\''] = PART_QUOTE,
        ['\\'] = PART_BACKSLASH,
};

static uint8_t part_at(const struct draft *d, size_t at)
{
        return parts[(uint8_t)d->text[at]];
}

/*
 * The end of the word that begins at `at`. A quote without its end is a character as any: it is
 * looked for once, then no more.
 */
static size_t word_end(const struct draft *d, size_t at, size_t to, bool *has_quotes)
{
        size_t closing;

        for (; at < to; at++) {
                const uint8_t part = part_at(d, at);
                const char c = d->text[at];

                if (part == PART_OF_WORD)
                        continue;
                if (part == PART_BLANK || part == PART_SEPARATOR)
                        return at;
                if (part == PART_BACKSLASH) {
                        at++;
                } else if (has_quotes[c == '"']) {
                        closing = find_char(d, at + 1, to, c);
                        has_quotes[c == '"'] = closing < to;
                        at = closing < to ? closing : at;
                }
        }
        return to;
}

static void words_of_text(const struct command_rules *rules, struct draft *d, size_t from,
                          size_t to, unsigned depth);

/* Quotes around the word, or at its begin alone, are no part of it. */
static void quoted_word(struct command *c, const struct command_rules *rules, struct draft *d,
                        size_t from, size_t to, unsigned depth)
{
        const size_t begin = from;

        while (from < to && (is_quote(d->text[from]) || d->text[from] == '\\'))
                from++;
        if (from > begin && to > from && d->text[to - 1] == d->text[from - 1])
                to--;
        command_word(c, rules, d, from, to);
        if (from > begin && depth < DEPTH_MAX && memchr(d->text + from, ' ', to - from))
                words_of_text(rules, d, from, to, depth + 1);
}

static void words_of_text(const struct command_rules *rules, struct draft *d, size_t from,
                          size_t to, unsigned depth)
{
        bool has_quotes[2] = { true, true };
        struct command command;
        size_t end;

        command_begin(&command);
        while (from < to) {
                const uint8_t part = part_at(d, from);

                if (part == PART_SEPARATOR)
                        command_begin(&command);
                if (part == PART_SEPARATOR || part == PART_BLANK) {
                        from++;
                        continue;
                }
                end = word_end(d, from, to, has_quotes);
                quoted_word(&command, rules, d, from, end, depth);
                from = end;
        }
}

void command_text(const struct command_rules *rules, struct draft *d, size_t from, size_t to)
{
        words_of_text(rules, d, from, to, 0);
}
