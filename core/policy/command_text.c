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
        static const char here[] =
                COMMAND_HERE; /* by itself: what is behind it may follow at once */
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

/* > FILE, 2>>FILE, < FILE. *ret_is_bare: the file is the next word. */
static bool is_redirection(struct span word, bool *ret_is_bare)
{
        size_t n = 0;

        while (n < word.size && is_digit(word.data[n]))
                n++;
        if (n == word.size || (word.data[n] != '>' && word.data[n] != '<'))
                return false;
        while (n < word.size && strchr("<>&|", word.data[n]) && word.data[n] != '\0')
                n++;
        *ret_is_bare = n == word.size;
        return true;
}

/* The word is a redirection, or its file: not the command's. *is_file is of the next word. */
static bool is_redirected(const struct draft *d, const struct command *c, size_t from, size_t to,
                          bool *is_file)
{
        const struct span word = { d->text + from, to - from };
        const bool was_file = *is_file;

        *is_file = false;
        if (was_file && word.data[0] != '-')
                return true;
        if (span_is(word, COMMAND_HERE) || !is_redirection(word, is_file))
                return false;
        return *is_file || c->pending == VALUE_NONE; /* in no shell it may be a value */
}

/* A command of the text, as far as what it reads and writes is concerned. */
struct piece {
        unsigned size;    /* in words, with the name of its program */
        size_t from, to;  /* what it writes, if it is echo; from 0 on there is its name */
        bool writes;      /* it is echo */
        bool passes;      /* it is tr: what it is given, it writes */
        bool reads;       /* a secret */
        bool is_here;     /* the next word is what it reads */
        bool is_of_group; /* it is all that brackets have in them */
};

/* What of the text before the word is to be known of it. */
struct reading {
        struct piece piece, input; /* `input` writes into the pipe before `piece` */
        size_t group;              /* behind the last opening bracket */
        bool group_writes;
        bool may_send;       /* as a script for expect does */
        bool expects_secret; /* of such a script */
        bool sends;
};

static bool is_program(struct span word, const char *name)
{
        const size_t n = strlen(name);

        return span_ends_with(word, name) &&
               (word.size == n || word.data[word.size - n - 1] == '/');
}

static bool writes(struct span program)
{
        return is_program(program, "echo") || is_program(program, "printf") ||
               is_program(program, "yes");
}

static bool passes(struct span program)
{
        static const char *const names[] = { "base64", "tr",  "cut", "head", "tail", "cat",
                                             "tee",    "rev", "xxd", "sed",  NULL };

        for (const char *const *name = names; *name; name++)
                if (is_program(program, *name))
                        return true;
        return false;
}

static void note_program(struct piece *p, struct span program)
{
        p->writes = writes(program);
        p->passes = passes(program);
}

/* Words before the name of a program, of the shell or not. */
static bool begins_command(struct span word)
{
        static const char *const words[] = { "do",    "then", "else", "if",      "elif",
                                             "while", "!",    "{",    "until",   "exec",
                                             "time",  "sudo", "env",  "command", NULL };

        for (const char *const *w = words; *w; w++)
                if (span_is(word, *w))
                        return true;
        return false;
}

bool command_is_reading(struct span option)
{
        static const char *const ends[] = { "password-stdin", "passphrase-stdin",
                                            "pass-stdin",     "token-stdin",
                                            "secret-stdin",   "key-stdin",
                                            "--with-token",   NULL };

        if (option.size < 9 || option.data[option.size - 1] != 'n') /* as nearly all */
                return false;
        for (const char *const *end = ends; *end; end++)
                if (span_ends_with(option, *end))
                        return true;
        return false;
}

/* Without the quotes around it. */
static void hide_word(struct draft *d, size_t from, size_t to)
{
        const bool is_quoted =
                to - from > 1 && is_quote(d->text[from]) && d->text[to - 1] == d->text[from];

        draft_hide(d, from + is_quoted, to - is_quoted);
}

/* expect "*assword:"; send "SECRET\r" */
static void note_expected(struct draft *d, struct reading *r, struct span word)
{
        static const char *const asks[] = { "assword", "assphrase", "asscode", NULL };
        const size_t from = word.data - d->text;

        if (r->sends && !span_is(word, "--")) {
                r->sends = false;
                if (is_quote(word.data[0]) && memchr(word.data, '\\', word.size))
                        hide_word(d, from, from + word.size);
        }
        r->sends |= r->expects_secret && (span_is(word, "send") || span_is(word, "exp_send"));
        for (const char *const *ask = asks; *ask; ask++)
                r->expects_secret |= memmem(word.data, word.size, *ask, strlen(*ask)) != NULL;
}

/* $NAME or ${NAME} and nothing else, perhaps in quotes. */
static bool is_variable(const struct draft *d, size_t from, size_t to)
{
        bool has_bracket;

        if (to - from > 1 && d->text[from] == '"' && d->text[to - 1] == '"') {
                from++;
                to--;
        }
        if (to - from < 2 || d->text[from++] != '$')
                return false;
        has_bracket = d->text[from] == '{' && d->text[to - 1] == '}';
        from += has_bracket;
        to -= has_bracket;
        while (from < to && (is_alnum(d->text[from]) || d->text[from] == '_'))
                from++;
        return from == to;
}

static void hide_input(struct draft *d, struct piece *input)
{
        if (input->is_of_group || !is_variable(d, input->from, input->to))
                draft_hide(d, input->from, input->to);
        input->from = 0;
}

/* A word, of which the command knows already. */
static void note_word(struct draft *d, struct reading *r, const struct command *c, size_t from,
                      size_t to)
{
        const struct span word = { d->text + from, to - from };
        struct piece *p = &r->piece;

        if (r->may_send)
                note_expected(d, r, word);
        if (p->size == 0 && begins_command(word))
                return;
        if (p->size == 0)
                note_program(p, word);
        else if (p->from == 0 && word.data[0] != '-' && p->writes)
                p->from = from;
        p->size++;
        p->to = to;
        p->reads |= command_reads_secret(c) || command_is_reading(word);
        r->group_writes |= p->writes;
        if (p->is_here && p->reads)
                hide_word(d, from, to);
        p->is_here = span_is(word, COMMAND_HERE);
        if (r->input.from > 0 && p->reads)
                hide_input(d, &r->input);
}

/* The '&' of "2>&1" ends no command, and that of "|&" has no other before it than the '|' has. */
static bool ends_command(const struct draft *d, size_t at)
{
        return d->text[at] != '&' || at == 0 || !strchr("<>|", d->text[at - 1]);
}

/* At a separator. */
static void next_piece(const struct draft *d, size_t at, struct reading *r)
{
        const bool is_pipe = d->text[at] == '|' && at > 0 && d->text[at - 1] != '|' &&
                             !(at + 1 < d->size && d->text[at + 1] == '|');

        if (!is_pipe)
                r->input = (struct piece){ 0 };
        else if (!r->piece.passes)
                r->input = r->piece; /* else it is what that one has been given */
        r->piece = (struct piece){ 0 };
        if (d->text[at] == '(') {
                r->group = at + 1;
                r->group_writes = false;
        } else if (d->text[at] == ')' && r->group_writes) {
                r->piece = (struct piece){ .from = r->group, .to = at, .is_of_group = true };
        }
}

static void words_of_text(const struct command_rules *rules, struct draft *d, size_t from,
                          size_t to, unsigned depth)
{
        struct reading reading = {
                .may_send = memmem(d->text + from, to - from, "send", 4) != NULL,
        };
        bool has_quotes[2] = { true, true }, is_file = false;
        struct command command;
        size_t end;

        command_begin(&command);
        while (from < to) {
                const uint8_t part = part_at(d, from);

                if (part == PART_SEPARATOR && ends_command(d, from)) {
                        command_begin(&command);
                        next_piece(d, from, &reading);
                        is_file = false;
                }
                if (part == PART_SEPARATOR || part == PART_BLANK) {
                        from++;
                        continue;
                }
                end = word_end(d, from, to, has_quotes);
                if (!is_redirected(d, &command, from, end, &is_file))
                        quoted_word(&command, rules, d, from, end, depth);
                note_word(d, &reading, &command, from, end);
                from = end;
        }
}

void command_text(const struct command_rules *rules, struct draft *d, size_t from, size_t to)
{
        words_of_text(rules, d, from, to, 0);
}
