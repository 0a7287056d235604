/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Each string is examined by itself, as a word of the command line (command.h), and as a text that
 * may hold others (secret_text.h). Nothing is copied until there is something to hide; then what
 * was before it is copied in one piece.
 *
 * Command lines of megabytes are lists of files: where no word can mean anything because the
 * program is not in the table, those are passed over that can't have a secret (sieve.h).
 *
 * This cannot be known: a secret that nothing names, of a program that is not in the table and
 * without a shape. For those there are REDACT_NAMES and REDACT_NONE.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/command.h"
#include "policy/quick.h"
#include "policy/redact.h"
#include "policy/redact_names.h"
#include "policy/scan.h"
#include "policy/secret_text.h"
#include "policy/sieve.h"

struct redactor {
        enum redact_mode arguments, environment;
        struct program_index *programs;
        struct secret_names names;
        struct known_name known[NAMES_KNOWN];
        struct command_rules rules;
        struct sieve sieve;
        bool skips_nothing;
        struct buf strings; /* the result, once something is hidden */
        struct buf indexes;
        struct buf mask;
};

/* A walk over strings. */
struct walk {
        struct redactor *redactor;
        const char *begin, *end;
        const char *copied;  /* up to here it is in the result */
        const char *counted; /* up to here strings are counted: `index` begins there */
        uint32_t index;
        struct quick quick;
};

static enum sieve_vectors vectors_of(enum redact_sieve sieve)
{
        static const enum sieve_vectors vectors[_REDACT_SIEVE_MAX] = {
                [REDACT_SIEVE_BEST] = SIEVE_BY_64,  [REDACT_SIEVE_BY_32] = SIEVE_BY_32,
                [REDACT_SIEVE_BY_16] = SIEVE_BY_16, [REDACT_SIEVE_ANY] = SIEVE_BY_ANY,
                [REDACT_SIEVE_NONE] = SIEVE_BY_ANY,
        };

        return vectors[sieve];
}

int redactor_new(const struct redact_options *options, struct redactor **ret)
{
        _cleanup_(redactor_freep) struct redactor *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        r->arguments = options->arguments;
        r->environment = options->environment;
        r->names.known = r->known;
        error = name_list_new(options->names, BUILTIN_NAMES, &r->names.names);
        if (error == 0)
                error = name_list_new(options->keep_names, BUILTIN_KEEP_NAMES, &r->names.keep);
        if (error == 0)
                error = program_index_new(&r->programs);
        if (error < 0)
                return error;
        r->rules = (struct command_rules){ .programs = r->programs, .names = &r->names };
        sieve_init(&r->sieve, &r->names, r->programs, vectors_of(options->sieve));
        r->skips_nothing = options->sieve == REDACT_SIEVE_NONE;
        *ret = TAKE_PTR(r);
        return 0;
}

struct redactor *redactor_free(struct redactor *r)
{
        if (!r)
                return NULL;
        name_list_free(r->names.names);
        name_list_free(r->names.keep);
        program_index_free(r->programs);
        buf_done(&r->strings);
        buf_done(&r->indexes);
        buf_done(&r->mask);
        free(r);
        return NULL;
}

static const char *string_end(const char *p, const char *end)
{
        const char *nul = memchr(p, '\0', end - p);

        return nul ? nul : end;
}

static const char *next_string(const char *string_end, const char *end)
{
        return string_end < end ? string_end + 1 : end;
}

static struct draft draft_of(const struct walk *w, const char *p, const char *end)
{
        return (struct draft){
                .text = p, .size = end - p, .is_cut = end == w->end, .mask = &w->redactor->mask
        };
}

/* The string that begins there is another in the result. */
static void walk_index(struct walk *w, const char *string)
{
        w->index += text_count_nuls((struct span){ w->counted, string - w->counted });
        w->counted = string;
        buf_append(&w->redactor->indexes, &w->index, sizeof(w->index));
}

/* Of that string [from, to) is hidden, and nothing else. */
static void walk_hide(struct walk *w, const char *string, const char *from, const char *to)
{
        struct redactor *r = w->redactor;

        walk_index(w, string);
        buf_append(&r->strings, w->copied, from - w->copied);
        buf_append(&r->strings, DRAFT_MARK, sizeof(DRAFT_MARK) - 1);
        w->copied = to;
}

/* The string that the draft is of goes into the result, if that differs from it. */
static void walk_take(struct walk *w, const struct draft *d)
{
        struct redactor *r = w->redactor;

        if (!d->is_redacted)
                return;
        walk_index(w, d->text);
        buf_append(&r->strings, w->copied, d->text - w->copied);
        draft_write(d, &r->strings);
        w->copied = d->text + d->size;
}

static int walk_end(struct walk *w, struct redacted *ret)
{
        struct redactor *r = w->redactor;

        if (buf_error(&r->mask))
                return buf_error(&r->mask);
        *ret = (struct redacted){ .strings = { w->begin, w->end - w->begin } };
        if (r->indexes.size == 0 && buf_error(&r->indexes) == 0)
                return 0;
        buf_append(&r->strings, w->copied, w->end - w->copied);
        if (buf_error(&r->strings) || buf_error(&r->indexes))
                return -ENOMEM;
        ret->strings = buf_span(&r->strings);
        ret->indexes = (const uint32_t *)(const void *)r->indexes.data;
        ret->n_indexes = r->indexes.size / sizeof(*ret->indexes);
        return 0;
}

static void walk_begin(struct redactor *r, struct span strings, struct walk *ret)
{
        buf_reset(&r->strings);
        buf_reset(&r->indexes);
        buf_reset(&r->mask);
        *ret = (struct walk){ .redactor = r,
                              .begin = strings.data,
                              .end = strings.data + strings.size,
                              .copied = strings.data,
                              .counted = strings.data };
}

static void hide_secrets(struct redactor *r, struct command *c, struct draft *d)
{
        if (c)
                command_word(c, &r->rules, d, 0, d->size);
        if (d->is_hidden)
                return;
        d->marks = scan_marks(d->text, d->text + d->size);
        if (d->marks & SCAN_BLANK)
                command_text(&r->rules, d, 0, d->size);
        secret_text_hide(d, &r->names);
}

/* Where the string begins that has to be looked at next, from `p` on, which begins one. */
static const char *skip_strings(const struct walk *w, const char *p, bool heeds_options)
{
        const struct redactor *r = w->redactor;

        if (r->skips_nothing || quick_repeats(&w->quick, p, w->end))
                return p;
        return sieve_strings(&r->sieve, p, w->end, heeds_options);
}

/*
 * Hides the string [p, end), or the one behind it, if it is a secret as simple as most are. Where
 * the last string ends that is dealt with; NULL: none. Only where no word means anything because of
 * the program.
 */
static const char *redact_quickly(struct walk *w, const char *p, const char *end, bool has_options)
{
        const struct redactor *r = w->redactor;
        const char *value = next_string(end, w->end), *value_end;
        size_t secret;

        if (r->skips_nothing)
                return NULL;
        secret = quick_pair(&w->quick, &r->names, p, end);
        if (secret > 0) {
                walk_hide(w, p, p + secret, end);
                return end;
        }
        if (!has_options || value == w->end || !quick_option(&w->quick, &r->names, p, end))
                return NULL;
        value_end = string_end(value, w->end);
        if (!quick_value(&w->quick, value, value_end))
                return NULL;
        walk_hide(w, value, value, value_end);
        return value_end;
}

static void redact_words(struct walk *w, const struct redact_program *program)
{
        struct redactor *r = w->redactor;
        struct command command = { 0 };
        const char *end, *quick;
        struct draft d;

        for (const char *p = w->begin; p < w->end; p = next_string(end, w->end)) {
                if (p > w->begin && command_ignores_words(&command))
                        p = skip_strings(w, p, !command_ignores_letters(&command));
                if (p == w->end)
                        break;
                end = string_end(p, w->end);
                quick = p > w->begin && command_ignores_letters(&command)
                                ? redact_quickly(w, p, end, !command.has_no_options)
                                : NULL;
                if (quick) {
                        end = quick;
                        continue;
                }
                d = draft_of(w, p, end);
                if (p == w->begin) {
                        command_add_program(&command, &r->rules, program->filename);
                        command_add_program(&command, &r->rules, program->exe);
                        command_add_program(&command, &r->rules, (struct span){ p, d.size });
                        hide_secrets(r, NULL, &d);
                } else {
                        hide_secrets(r, &command, &d);
                }
                walk_take(w, &d);
        }
}

/* All but the name of the option, if it is one. A letter may have its value behind it. */
static void hide_all_but_name(struct draft *d, bool has_options)
{
        size_t n = 0;

        if (has_options && d->size > 2 && d->text[0] == '-' && d->text[1] == '-') {
                while (n < d->size && n < NAME_SIZE_MAX && is_name_char(d->text[n]))
                        n++;
                if (n < d->size && (d->text[n] == '=' || d->text[n] == ':'))
                        n++;
                else if (n < d->size)
                        n = 0; /* no name of an option */
        } else if (has_options && d->size > 0 && d->text[0] == '-') {
                n = MIN(d->size, (size_t)2);
        }
        draft_hide(d, n, d->size);
}

static void redact_all(struct walk *w, bool keeps_names)
{
        bool has_options = keeps_names;
        const char *end;
        struct draft d;

        for (const char *p = w->begin; p < w->end; p = next_string(end, w->end)) {
                end = string_end(p, w->end);
                d = draft_of(w, p, end);
                if (p == w->begin)
                        hide_secrets(w->redactor, NULL, &d);
                else
                        hide_all_but_name(&d, has_options);
                if (d.size == 2 && memcmp(d.text, "--", 2) == 0)
                        has_options = false;
                walk_take(w, &d);
        }
}

int redact_argv(struct redactor *r, const struct redact_program *program, struct span argv,
                struct redacted *ret)
{
        struct walk w;

        walk_begin(r, argv, &w);
        if (argv.size > 0 && r->arguments == REDACT_SECRETS)
                redact_words(&w, program);
        else if (argv.size > 0 && r->arguments != REDACT_CLEAR)
                redact_all(&w, r->arguments == REDACT_NAMES);
        return walk_end(&w, ret);
}

static void hide_variable(struct redactor *r, struct draft *d)
{
        const size_t equals = find_char(d, 0, d->size, '=');
        const size_t value = MIN(equals + 1, d->size);

        switch (r->environment) {
        case REDACT_SECRETS:
                hide_secrets(r, NULL, d);
                break;
        case REDACT_NAMES:
                draft_hide(d, equals < d->size ? value : 0, d->size);
                break;
        case REDACT_NONE:
                draft_hide(d, 0, d->size);
                break;
        case REDACT_CLEAR:
        case _REDACT_MODE_MAX:
                break;
        }
}

int redact_env(struct redactor *r, struct span env, struct redacted *ret)
{
        const char *end;
        struct draft d;
        struct walk w;

        walk_begin(r, env, &w);
        for (const char *p = w.begin; p < w.end; p = next_string(end, w.end)) {
                if (r->environment == REDACT_SECRETS)
                        p = skip_strings(&w, p, false);
                if (p == w.end)
                        break;
                end = string_end(p, w.end);
                if (r->environment == REDACT_SECRETS && redact_quickly(&w, p, end, false))
                        continue;
                d = draft_of(&w, p, end);
                hide_variable(r, &d);
                walk_take(&w, &d);
        }
        return walk_end(&w, ret);
}
