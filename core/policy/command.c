/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Two things are known of words: what the table says of the program (program_table.h), and that the
 * word behind an option that is named like a secret is one. A value in the same word as its name
 * (--password=x) is found in the text (secret_text.h).
 *
 * Programs run others: sudo, ssh HOST, timeout TIME. The table says at which word the other begins;
 * options that take a value are not all known, so that within such a command the first word that is
 * a program of the table begins one, too.
 */
#include <strings.h>

#include "policy/command.h"
#include "policy/command_value.h"
#include "policy/secret_value.h"

/* Bits of `seen`. */
#define SEEN_NEEDED(i) (UINT32_C(1) << (i))
#define SEEN_UNWANTED(i) (UINT32_C(1) << ((i) + 16))
_Static_assert(PROGRAM_RULES_MAX <= 16, "bits of what has been seen");

struct word {
        const char *p;
        size_t size;
        size_t from, to; /* in the draft */
};

void command_begin(struct command *c)
{
        *c = (struct command){ .begins = true, .is_wrapped = true };
}

static bool heeds_words(const struct program *p)
{
        bool heeds = p->wraps > 0 || p->finds;

        for (unsigned i = 0; i < PROGRAM_RULES_MAX && p->rules[i].option; i++)
                heeds |= !strchr("-/", p->rules[i].option[0]) ||
                         (p->rules[i].option[0] == '/' && p->rules[i].place != PLACE_ATTACHED) ||
                         (p->rules[i].needs && p->rules[i].needs[0] != '-') ||
                         (p->rules[i].unless && p->rules[i].unless[0] != '-');
        return heeds;
}

void command_add_program(struct command *c, const struct command_rules *rules, struct span path)
{
        const struct program *found = path.size > 0 ? program_find(rules->programs, path) : NULL;

        if (!found || c->n_programs == COMMAND_PROGRAMS_MAX)
                return;
        for (unsigned i = 0; i < c->n_programs; i++)
                if (c->programs[i] == found)
                        return;
        c->programs[c->n_programs++] = found;
        c->heeds_words |= heeds_words(found);
}

/* A letter, as "-b", or a word that a rule may need. */
static void note_seen(struct command *c, struct span seen)
{
        for (unsigned n = 0; n < c->n_programs; n++) {
                const struct program_rule *rules = c->programs[n]->rules;

                for (unsigned i = 0; i < PROGRAM_RULES_MAX && rules[i].option; i++) {
                        if (rules[i].needs && span_is(seen, rules[i].needs))
                                c->seen[n] |= SEEN_NEEDED(i);
                        if (rules[i].unless && span_is(seen, rules[i].unless))
                                c->seen[n] |= SEEN_UNWANTED(i);
                }
        }
}

static bool is_in_force(const struct command *c, unsigned n, unsigned i)
{
        const struct program_rule *rule = &c->programs[n]->rules[i];

        return (!rule->needs || (c->seen[n] & SEEN_NEEDED(i))) && !(c->seen[n] & SEEN_UNWANTED(i));
}

/* The rule for an option or a word, or NULL. */
static const struct program_rule *find_rule(const struct command *c, struct span option)
{
        for (unsigned n = 0; n < c->n_programs; n++) {
                const struct program_rule *rules = c->programs[n]->rules;

                for (unsigned i = 0; i < PROGRAM_RULES_MAX && rules[i].option; i++)
                        if (span_is(option, rules[i].option) && is_in_force(c, n, i))
                                return &rules[i];
        }
        return NULL;
}

/* -hpVALUE: several letters with the value behind them. */
static const struct program_rule *find_prefix_rule(const struct command *c, const struct word *w)
{
        for (unsigned n = 0; n < c->n_programs; n++) {
                const struct program_rule *rules = c->programs[n]->rules;

                for (unsigned i = 0; i < PROGRAM_RULES_MAX && rules[i].option; i++) {
                        const size_t size = strlen(rules[i].option);

                        if (rules[i].place == PLACE_ATTACHED && size > 2 && w->size > size &&
                            rules[i].option[1] != '-' && memcmp(w->p, rules[i].option, size) == 0 &&
                            is_in_force(c, n, i))
                                return &rules[i];
                }
        }
        return NULL;
}

bool command_reads_secret(const struct command *c)
{
        return find_rule(c, (struct span)SPAN_LITERAL(COMMAND_HERE)) != NULL;
}

static enum value_place place_of(const struct program_rule *rule)
{
        return rule->place ? rule->place : PLACE_ANY;
}

static void take_word(struct command *c, struct draft *d, enum value_kind kind, size_t from,
                      size_t to)
{
        c->takes_rest |= kind == VALUE_REST;
        value_hide(d, kind, from, to);
}

/* Quotes around the value alone, as in a text for a shell. */
static void hide_quoted(struct command *c, struct draft *d, enum value_kind kind, size_t from,
                        size_t to)
{
        const bool has_quotes =
                to - from > 1 && is_quote(d->text[from]) && d->text[to - 1] == d->text[from];

        take_word(c, d, kind, from + has_quotes, to - has_quotes);
}

/* The value is not in this word, but in the next. */
static void expect_value(struct command *c, const struct program_rule *rule)
{
        if (rule->kind == VALUE_BEGINS_COMMAND)
                c->begins = true;
        else
                c->pending = rule->kind;
        c->pending_name = (struct span){ rule->option, strlen(rule->option) };
        c->is_pending_by_rule = true;
        c->is_pending_by_name = false;
}

static void apply_rule(struct command *c, const struct program_rule *rule, struct draft *d,
                       const struct word *w, size_t name_size)
{
        size_t value = name_size;

        if (value == w->size) {
                if (place_of(rule) & PLACE_NEXT)
                        expect_value(c, rule);
                return;
        }
        if (w->p[value] == '=' || (w->p[0] == '/' && w->p[value] == ':'))
                value++;
        if (rule->kind == VALUE_CLEAR && w->from == 0)
                d->pairs_from = w->size;
        if (place_of(rule) & PLACE_ATTACHED)
                hide_quoted(c, d, rule->kind, w->from + value, w->to);
}

static bool takes_value(const struct command *c, char letter)
{
        for (unsigned n = 0; n < c->n_programs; n++)
                if (c->programs[n]->values && strchr(c->programs[n]->values, letter))
                        return true;
        return false;
}

static bool bundles(const struct command *c)
{
        for (unsigned n = 0; n < c->n_programs; n++)
                if (c->programs[n]->values)
                        return true;
        return false;
}

/* -p, -pVALUE, -abp VALUE. True: the word is understood. */
static bool examine_letters(struct command *c, struct draft *d, const struct word *w)
{
        const bool is_bundle = bundles(c);

        for (size_t i = 1; i < w->size && is_alnum(w->p[i]); i++) {
                const char letter[] = { '-', w->p[i] };
                const struct span option = { letter, sizeof(letter) };
                const struct program_rule *rule = find_rule(c, option);

                note_seen(c, option);
                if (rule && (i + 1 == w->size || (place_of(rule) & PLACE_ATTACHED))) {
                        apply_rule(c, rule, d, w, i + 1);
                        return true;
                }
                if (takes_value(c, w->p[i])) {
                        c->skips = i + 1 == w->size;
                        return true;
                }
                if (!is_bundle)
                        return false;
        }
        return false;
}

/* How many bytes at the begin of the word are the name of an option. */
static size_t option_size(const struct word *w)
{
        size_t n = 1;

        while (n < w->size && is_name_char(w->p[n]))
                n++;
        return n;
}

/* Of docker and its like: other long options take the next word. */
static bool is_flag(struct span option)
{
        static const char *const flags[] = {
                "--rm",          "--init",  "--privileged", "--detach",         "--tty",
                "--interactive", "--stdin", "--read-only",  "--publish-all",    "--quiet",
                "--pty",         "--wait",  "--pipe",       "--no-healthcheck", NULL
        };

        for (const char *const *flag = flags; *flag; flag++)
                if (span_is(option, *flag))
                        return true;
        return false;
}

static bool finds_commands(const struct command *c)
{
        for (unsigned n = 0; n < c->n_programs; n++)
                if (c->programs[n]->finds)
                        return true;
        return false;
}

/* The name between '--' or '-' and '=', or the end. */
static void expect_named(struct command *c, const struct command_rules *rules, struct span name)
{
        if (name.size < OPTION_NAME_MIN)
                return;
        if (name_is_secret(rules->names, name))
                c->pending = value_kind_of(name);
        else if (name_prints_secret(rules->names, name))
                c->pending = VALUE_PRINTS;
        else
                return;
        c->pending_name = name;
        c->is_pending_by_rule = false;
        c->is_pending_by_name = false;
}

/* --args=--token X, all of it in one text: what is behind the '=' is an option by itself. */
static void expect_within(struct command *c, const struct command_rules *rules,
                          const struct draft *d, const struct word *w)
{
        const char *equals = w->size < d->size ? memchr(w->p, '=', w->size) : NULL;
        const size_t begin = equals ? (size_t)(equals + 1 - w->p) : w->size;
        const struct word option = { w->p + begin, w->size - begin, w->from + begin, w->to };

        if (option.size > 1 && option.p[0] == '-' && option_size(&option) == option.size)
                expect_named(c, rules, (struct span){ option.p, option.size });
}

static void examine_option(struct command *c, const struct command_rules *rules, struct draft *d,
                           const struct word *w)
{
        const struct span name = { w->p, option_size(w) };
        const struct program_rule *rule = find_rule(c, name);

        note_seen(c, name);
        if (span_is((struct span){ w->p, w->size }, "--")) {
                c->has_no_options = !c->is_wrapped; /* it may be the other program's */
                c->takes_rest = false;
                c->begins |= finds_commands(c);
                return;
        }
        if (rule) {
                apply_rule(c, rule, d, w, name.size);
                return;
        }
        rule = w->p[1] != '-' ? find_prefix_rule(c, w) : NULL;
        if (rule) {
                apply_rule(c, rule, d, w, strlen(rule->option));
                return;
        }
        if (w->p[1] != '-' && examine_letters(c, d, w))
                return;
        if (name.size < w->size) { /* its value is in the text */
                expect_within(c, rules, d, w);
                return;
        }
        expect_named(c, rules, name);
        if (c->pending == VALUE_NONE && finds_commands(c) && w->p[1] == '-' && !is_flag(name))
                c->skips = true;
}

static bool is_assignment(const struct word *w)
{
        size_t n = 0;

        while (n < w->size && (is_alnum(w->p[n]) || w->p[n] == '_'))
                n++;
        return n > 0 && n < w->size && w->p[n] == '=';
}

/* What is behind a '=', or the word. */
static void add_program(struct command *c, const struct command_rules *rules, const struct word *w)
{
        const char *equals = memchr(w->p, '=', w->size);
        const size_t skipped = equals ? (size_t)(equals + 1 - w->p) : 0;

        command_add_program(c, rules, (struct span){ w->p + skipped, w->size - skipped });
}

/* This word is the program: "env A=1 mysql", "--command=mysql". */
static void begin_at(struct command *c, const struct command_rules *rules, const struct word *w)
{
        command_begin(c);
        c->begins = false;
        add_program(c, rules, w);
}

/* Rules for words by their number, or for all; true: one has been applied. */
static void examine_number(struct command *c, const struct command_rules *rules, struct draft *d,
                           const struct word *w)
{
        const struct span word = { w->p, w->size };

        for (unsigned n = 0; n < c->n_programs; n++) {
                const struct program_rule *rule = c->programs[n]->rules;

                for (unsigned i = 0; i < PROGRAM_RULES_MAX && rule[i].option; i++) {
                        const char kind = rule[i].option[0];
                        const bool is_number =
                                is_digit(kind) && c->n_words == (unsigned)(kind - '0');

                        if ((!is_number && kind != '*' && kind != '=') || !is_in_force(c, n, i))
                                continue;
                        if (kind != '=' && !span_is(word, "-"))
                                take_word(c, d, rule[i].kind, w->from, w->to);
                        else if (kind == '=' && w->size >= 3 && !memmem(w->p, w->size, "://", 3) &&
                                 name_is_secret(rules->names, word)) {
                                expect_value(c, &rule[i]);
                                c->is_pending_by_name = true;
                        }
                }
        }
}

static bool is_command_here(const struct command *c)
{
        for (unsigned n = 0; n < c->n_programs; n++)
                if (c->programs[n]->wraps > 0 && c->n_words >= c->programs[n]->wraps)
                        return true;
        return false;
}

/* ssh HOST, unlike env and sudo, gives its words to a shell. */
static bool joins_words(const struct command *c)
{
        for (unsigned n = 0; n < c->n_programs; n++)
                if (c->programs[n]->wraps > 1)
                        return true;
        return false;
}

/* A program of the table, where others may be run. */
static bool is_known_command(const struct command *c, const struct command_rules *rules,
                             const struct word *w)
{
        bool may_be = c->is_wrapped && c->n_programs == 0;

        for (unsigned n = 0; n < c->n_programs; n++)
                may_be |= c->programs[n]->wraps > 0 || (c->programs[n]->finds && c->n_words > 1);
        return may_be && program_find(rules->programs, (struct span){ w->p, w->size });
}

static void examine_plain(struct command *c, const struct command_rules *rules, struct draft *d,
                          const struct word *w)
{
        const struct span word = { w->p, w->size };
        const struct program_rule *rule;

        c->n_words++;
        if (is_assignment(w) && is_command_here(c)) {
                d->is_command |= joins_words(c);
                c->n_words--;
                return;
        }
        if (is_command_here(c) || is_known_command(c, rules, w)) {
                d->is_command = true;
                begin_at(c, rules, w);
                return;
        }
        examine_number(c, rules, d, w);
        rule = find_rule(c, word);
        if (rule)
                expect_value(c, rule);
        note_seen(c, word);
}

/* Some rule counts only behind this word. */
static bool is_needed(const struct command *c, struct span word)
{
        for (unsigned n = 0; n < c->n_programs; n++) {
                const struct program_rule *rules = c->programs[n]->rules;

                for (unsigned i = 0; i < PROGRAM_RULES_MAX && rules[i].option; i++)
                        if (rules[i].needs && span_is(word, rules[i].needs))
                                return true;
        }
        return false;
}

/* The value of the option before; false: there is none, the word stands for itself. */
static bool take_value(struct command *c, const struct command_rules *rules, struct draft *d,
                       const struct word *w)
{
        const enum value_kind kind = c->pending;
        const bool skips = c->skips;
        const struct span word = { w->p, w->size };

        c->pending = VALUE_NONE;
        c->skips = false;
        if (w->size > 0 && w->p[0] == '-' && !(w->size == 1))
                return false;
        if (kind != VALUE_NONE) {
                if (c->is_pending_by_rule || !value_is_harmless(c->pending_name, word))
                        take_word(c, d, kind, w->from, w->to);
                if (kind == VALUE_PASS)
                        note_seen(c, word); /* "-pass stdin" */
                if (c->is_pending_by_name && name_is_secret(rules->names, word) &&
                    !memchr(w->p, ' ', w->size))
                        c->pending = kind; /* or that was a value, and this the name */
                return true;
        }
        if (skips && finds_commands(c) && is_needed(c, word))
                return false; /* docker --flag login */
        if (skips && !finds_commands(c) && is_known_command(c, rules, w))
                return false;
        if (c->takes_rest && !skips) {
                if (!value_is_harmless((struct span){ 0 }, word))
                        draft_hide(d, w->from, w->to);
                return true;
        }
        return skips;
}

/* "-x", "--name", and "/p:value" of a program that has it. */
static bool is_option(const struct command *c, const struct word *w)
{
        const size_t n = option_size(w);

        if (w->p[0] == '-')
                return w->size > 1 && !c->has_no_options;
        return w->p[0] == '/' && n < w->size && w->p[n] == ':' &&
               find_rule(c, (struct span){ w->p, n });
}

void command_word(struct command *c, const struct command_rules *rules, struct draft *d,
                  size_t from, size_t to)
{
        const struct word w = { d->text + from, to - from, from, to };

        if (take_value(c, rules, d, &w) || w.size == 0)
                return;
        if (c->begins && !is_assignment(&w) && (w.p[0] != '-' || memchr(w.p, '=', w.size))) {
                begin_at(c, rules, &w);
                expect_within(c, rules, d, &w);
                return;
        }
        if (is_option(c, &w)) {
                examine_option(c, rules, d, &w);
        } else if (c->begins && is_assignment(&w)) {
                add_program(c, rules, &w); /* RSYNC_RSH="sshpass -p ...", if no other follows */
                expect_within(c, rules, d, &w);
        } else {
                examine_plain(c, rules, d, &w);
        }
}
