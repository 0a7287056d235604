/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A pattern is cut at its stars into pieces, each of which stands for a fixed number of bytes. The
 * first and the last are compared at the ends of the text, unless a star is there; the others are
 * looked for from left to right, each behind the one before. To take the leftmost place for each is
 * always right, so that nothing is ever tried again: no pattern and no text make it slower than
 * the length of the text times that of the longest piece, and a piece without ? and [ is found in
 * linear time.
 *
 * Bytes, whatever the locale: ? is one byte of a character that has several.
 *
 * Refuses sets without end and ranges that are the wrong way round, which elsewhere silently match
 * something else.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_report.h"
#include "policy/glob.h"

/* The meaning of a byte of a piece. */
enum token {
        TOKEN_BYTE, /* itself */
        TOKEN_ANY,  /* any */
        TOKEN_SET,  /* and all above: one of sets[token - TOKEN_SET] */
};

struct byte_set {
        uint64_t bits[4];
};

struct piece {
        size_t start, size; /* in tokens and bytes */
        bool is_literal;
};

struct glob {
        bool is_open_left, is_open_right; /* a star is at that end */
        bool has_star;
        size_t n; /* tokens: the least that a text has */
        uint16_t *tokens;
        char *bytes;
        struct byte_set *sets;
        size_t n_sets;
        struct piece *pieces;
        size_t n_pieces;
        char *pattern;
        size_t pattern_size;
};

struct glob *glob_free(struct glob *g)
{
        if (!g)
                return NULL;
        free(g->tokens);
        free(g->bytes);
        free(g->sets);
        free(g->pieces);
        free(g->pattern);
        free(g);
        return NULL;
}

static void set_add(struct byte_set *set, uint8_t first, uint8_t last)
{
        for (unsigned c = first; c <= last; c++)
                set->bits[c / 64] |= UINT64_C(1) << c % 64;
}

static bool set_has(const struct byte_set *set, uint8_t c)
{
        return set->bits[c / 64] >> c % 64 & 1;
}

/* Takes a character of a set, which may be escaped; false: the pattern ends. */
static bool take_set_byte(struct span *rest, uint8_t *ret)
{
        size_t n = rest->size > 0 && rest->data[0] == '\\' ? 1 : 0;

        if (rest->size <= n)
                return false;
        *ret = (uint8_t)rest->data[n];
        *rest = span_skip(*rest, n + 1);
        return true;
}

/* Takes a character or a range. */
static int take_range(struct span *rest, struct byte_set *set, const char **ret_problem)
{
        uint8_t first, last;

        *ret_problem = "has a [ without its ], expected [...], or \\[ for the character itself";
        if (!take_set_byte(rest, &first))
                return -EINVAL;
        last = first;
        if (rest->size >= 2 && rest->data[0] == '-' && rest->data[1] != ']') {
                *rest = span_skip(*rest, 1);
                if (!take_set_byte(rest, &last))
                        return -EINVAL;
        }
        *ret_problem = "has a range that ends before it begins, expected one like [a-z]";
        if (last < first)
                return -EINVAL;
        set_add(set, first, last);
        return 0;
}

/* Behind a `[`: up to and with its `]`, which as the first in a set is a member of it. */
static int take_set(struct span *rest, struct byte_set *ret, const char **ret_problem)
{
        const bool is_negated = span_starts_with(*rest, "!") || span_starts_with(*rest, "^");
        bool is_first = true;
        int r;

        if (is_negated)
                *rest = span_skip(*rest, 1);
        for (; is_first || !span_starts_with(*rest, "]"); is_first = false) {
                r = take_range(rest, ret, ret_problem);
                if (r < 0)
                        return r;
        }
        *rest = span_skip(*rest, 1);
        for (unsigned i = 0; is_negated && i < ELEMENTSOF(ret->bits); i++)
                ret->bits[i] = ~ret->bits[i];
        return 0;
}

static void glob_add_token(struct glob *g, unsigned token, char byte)
{
        struct piece *p = &g->pieces[g->n_pieces];

        if (p->size == 0)
                *p = (struct piece){ .start = g->n, .is_literal = true };
        p->size++;
        p->is_literal &= token == TOKEN_BYTE;
        g->tokens[g->n] = (uint16_t)token;
        g->bytes[g->n] = byte;
        g->n++;
}

static void glob_end_piece(struct glob *g)
{
        if (g->pieces[g->n_pieces].size > 0)
                g->n_pieces++;
}

static int glob_add(struct glob *g, char c, struct span *rest, const char **ret_problem)
{
        int r;

        switch (c) {
        case '*':
                g->is_open_left |= g->n == 0;
                g->has_star = true;
                glob_end_piece(g);
                return 0;
        case '?':
                glob_add_token(g, TOKEN_ANY, '\0');
                return 0;
        case '[':
                r = take_set(rest, &g->sets[g->n_sets], ret_problem);
                if (r < 0)
                        return r;
                glob_add_token(g, TOKEN_SET + (unsigned)g->n_sets++, '\0');
                return 0;
        case '\\':
                if (rest->size > 0) {
                        c = rest->data[0];
                        *rest = span_skip(*rest, 1);
                }
                break;
        default:
                break;
        }
        glob_add_token(g, TOKEN_BYTE, c);
        return 0;
}

static int glob_allocate(struct glob *g, struct span pattern)
{
        size_t n_sets = 1, n_pieces = 2;

        for (size_t i = 0; i < pattern.size; i++) {
                n_sets += pattern.data[i] == '[';
                n_pieces += pattern.data[i] == '*';
        }
        g->tokens = calloc(pattern.size + 1, sizeof(*g->tokens));
        g->bytes = calloc(pattern.size + 1, sizeof(*g->bytes));
        g->sets = calloc(n_sets, sizeof(*g->sets));
        g->pieces = calloc(n_pieces, sizeof(*g->pieces));
        g->pattern = malloc(pattern.size + 1);
        if (!g->tokens || !g->bytes || !g->sets || !g->pieces || !g->pattern)
                return -ENOMEM;
        if (pattern.size > 0)
                memcpy(g->pattern, pattern.data, pattern.size);
        g->pattern_size = pattern.size;
        return 0;
}

int glob_new(struct span pattern, struct buf *problem, struct glob **ret)
{
        _cleanup_(glob_freep) struct glob *g = NULL;
        struct span rest = pattern;
        const char *why;
        char c = '\0';
        int r;

        if (pattern.size > GLOB_SIZE_MAX)
                return config_refuse(problem, pattern, "is too long, expected at most 4096 bytes");
        g = calloc(1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        r = glob_allocate(g, pattern);
        if (r < 0)
                return r;
        while (rest.size > 0) {
                c = rest.data[0];
                rest = span_skip(rest, 1);
                g->is_open_right = c == '*';
                if (glob_add(g, c, &rest, &why) < 0)
                        return config_refuse(problem, pattern, why);
        }
        glob_end_piece(g);
        *ret = TAKE_PTR(g);
        return 0;
}

static bool piece_is_at(const struct glob *g, const struct piece *p, const char *text)
{
        if (p->is_literal)
                return memcmp(text, g->bytes + p->start, p->size) == 0;
        for (size_t i = 0; i < p->size; i++) {
                const unsigned token = g->tokens[p->start + i];

                if (token == TOKEN_ANY)
                        continue;
                if (token == TOKEN_BYTE ? text[i] != g->bytes[p->start + i]
                                        : !set_has(&g->sets[token - TOKEN_SET], (uint8_t)text[i]))
                        return false;
        }
        return true;
}

/* Cuts off the text all up to the end of the first place where the piece is; false: nowhere. */
static bool piece_find(const struct glob *g, const struct piece *p, struct span *text)
{
        const char *found = NULL;

        if (text->size < p->size)
                return false;
        if (p->is_literal)
                found = memmem(text->data, text->size, g->bytes + p->start, p->size);
        for (size_t i = 0; !p->is_literal && !found && i <= text->size - p->size; i++)
                if (piece_is_at(g, p, text->data + i))
                        found = text->data + i;
        if (!found)
                return false;
        found += p->size;
        *text = (struct span){ found, (size_t)(text->data + text->size - found) };
        return true;
}

bool glob_match(const struct glob *g, struct span text)
{
        const struct piece *p = g->pieces, *end = g->pieces + g->n_pieces;

        if (text.size < g->n || (!g->has_star && text.size > g->n))
                return false;
        if (p < end && !g->is_open_left) {
                if (!piece_is_at(g, p, text.data))
                        return false;
                text = span_skip(text, p->size);
                p++;
        }
        if (p < end && !g->is_open_right) {
                end--;
                if (!piece_is_at(g, end, text.data + text.size - end->size))
                        return false;
                text.size -= end->size;
        }
        for (; p < end; p++)
                if (!piece_find(g, p, &text))
                        return false;
        return true;
}

void glob_each_gram(const struct glob *g, void (*on_gram)(void *userdata, uint32_t gram),
                    void *userdata)
{
        const struct piece *first = g->pieces, *end = g->pieces + g->n_pieces;

        for (const struct piece *p = first; p < end; p++) {
                unsigned n = p == first && !g->is_open_left; /* bytes in a row, the NUL as well */
                uint32_t gram = 0;

                for (size_t i = p->start; i < p->start + p->size; i++) {
                        n = g->tokens[i] == TOKEN_BYTE ? n + 1 : 0;
                        gram = gram_next(gram, g->bytes[i]);
                        if (n >= 3)
                                on_gram(userdata, gram);
                }
                if (p + 1 == end && !g->is_open_right && n >= 2)
                        on_gram(userdata, gram_next(gram, '\0'));
        }
}

size_t glob_size_min(const struct glob *g)
{
        return g->n;
}

struct span glob_literal(const struct glob *g)
{
        if (g->has_star || (g->n_pieces > 0 && !g->pieces[0].is_literal))
                return (struct span){ 0 };
        return (struct span){ g->bytes, g->n };
}

struct span glob_pattern(const struct glob *g)
{
        return (struct span){ g->pattern, g->pattern_size };
}

bool glob_may_begin_with(const struct glob *g, char c)
{
        const size_t first = g->n > 0 ? g->pieces[0].start : 0;

        if (g->is_open_left || g->n == 0)
                return g->is_open_left;
        switch (g->tokens[first]) {
        case TOKEN_BYTE:
                return g->bytes[first] == c;
        case TOKEN_ANY:
                return true;
        default:
                return set_has(&g->sets[g->tokens[first] - TOKEN_SET], (uint8_t)c);
        }
}

bool glob_is_any(const struct glob *g)
{
        return g->has_star && g->n == 0;
}
