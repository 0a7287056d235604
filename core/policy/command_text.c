/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A text as a shell would take it apart: blanks, quotes, and what separates commands. It may be no
 * such text at all, but then there are hardly words in it that mean something to command_word().
 *
 * What is written into a pipe by echo or printf is a secret if the command behind it reads one
 * there, but for variables. Substitutions, here documents and aliases are not followed.
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
        static const char here[] = "<<<"; /* by itself: what is behind it may follow at once */
        size_t closing;

        if (to - at > sizeof(here) - 1 && memcmp(d->text + at, here, sizeof(here) - 1) == 0)
                return at + sizeof(here) - 1;
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

/* A command of the text, as far as pipes are concerned: of its words the first, and the others. */
struct piece {
        struct span program;
        size_t from, to; /* what it writes, if it is echo; from 0 on there is its name */
};

static bool is_program(struct span word, const char *name)
{
        const size_t n = strlen(name);

        return span_ends_with(word, name) &&
               (word.size == n || word.data[word.size - n - 1] == '/');
}

bool command_is_reading(struct span option)
{
        return span_is(option, "--password-stdin") || span_is(option, "--with-token");
}

static bool reads_secret(const struct piece *p, struct span word)
{
        return is_program(word, "chpasswd") || command_is_reading(word) ||
               (is_program(p->program, "sudo") && span_is(word, "-S")) ||
               (is_program(p->program, "passwd") && span_is(word, "--stdin"));
}

/* A word; `input` is the piece that writes into the pipe before this one. */
static void note_word(struct draft *d, struct piece *p, struct piece *input, size_t from, size_t to)
{
        const struct span word = { d->text + from, to - from };

        if (!p->program.data)
                p->program = word;
        else if (p->from == 0 && word.data[0] != '-' &&
                 (is_program(p->program, "echo") || is_program(p->program, "printf")))
                p->from = from;
        p->to = to;
        if (input->from == 0 || !reads_secret(p, word))
                return;
        if (memchr(d->text + input->from, '$', MIN(input->to - input->from, (size_t)2)) == NULL)
                draft_hide(d, input->from, input->to);
        input->from = 0;
}

/* The '&' of "2>&1" ends no command, and that of "|&" has no other before it than the '|' has. */
static bool ends_command(const struct draft *d, size_t at)
{
        return d->text[at] != '&' || at == 0 || !strchr("<>|", d->text[at - 1]);
}

/* At a separator. */
static void next_piece(const struct draft *d, size_t at, struct piece *p, struct piece *input)
{
        const bool is_pipe = d->text[at] == '|' && at > 0 && d->text[at - 1] != '|' &&
                             !(at + 1 < d->size && d->text[at + 1] == '|');

        *input = is_pipe ? *p : (struct piece){ 0 };
        *p = (struct piece){ 0 };
}

static void words_of_text(const struct command_rules *rules, struct draft *d, size_t from,
                          size_t to, unsigned depth)
{
        struct piece piece = { 0 }, input = { 0 };
        bool has_quotes[2] = { true, true };
        struct command command;
        size_t end;

        command_begin(&command);
        while (from < to) {
                const uint8_t part = part_at(d, from);

                if (part == PART_SEPARATOR && ends_command(d, from)) {
                        command_begin(&command);
                        next_piece(d, from, &piece, &input);
                }
                if (part == PART_SEPARATOR || part == PART_BLANK) {
                        from++;
                        continue;
                }
                end = word_end(d, from, to, has_quotes);
                note_word(d, &piece, &input, from, end);
                quoted_word(&command, rules, d, from, end, depth);
                from = end;
        }
}

void command_text(const struct command_rules *rules, struct draft *d, size_t from, size_t to)
{
        words_of_text(rules, d, from, to, 0);
}
