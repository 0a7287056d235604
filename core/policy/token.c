/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A token begins where a word does, with a prefix that its issuer gives to nothing else, and goes
 * on for so many characters. Those prefixes are public for exactly this purpose: that scanners find
 * what leaked. Digests and random file names have none, and stay.
 *
 * Nearly all bytes belong to words that are too short to be a token. So the search looks at the
 * last byte of where the shortest could be, and from there backwards: most bytes are never read.
 */
#include <string.h>

#include "base/macro.h"
#include "policy/draft.h"
#include "policy/scan.h"
#include "policy/token.h"

enum charset {
        CHARSET_WORD,    /* letters, digits, '_' and '-' */
        CHARSET_DOTTED,  /* and '.' */
        CHARSET_CAPITAL, /* capital letters and digits */
        CHARSET_BASE64,  /* letters, digits, + / = of the one alphabet, '-' and '_' of the other */
};

struct shape {
        struct span prefix;
        enum charset charset;
        unsigned min; /* characters behind the prefix */
        unsigned max; /* or 0; of more it is something else */
};

#define PREFIX(s)                                                                                  \
        {                                                                                          \
                (s), sizeof(s) - 1                                                                 \
        }

#define JWT_PREFIX "eyJ"

static const struct shape shapes_A[] = {
        { PREFIX("AKIA"), CHARSET_CAPITAL, 16, 16 },
        { PREFIX("ASIA"), CHARSET_CAPITAL, 16, 16 },
        { PREFIX("ABIA"), CHARSET_CAPITAL, 16, 16 },
        { PREFIX("ACCA"), CHARSET_CAPITAL, 16, 16 },
        { PREFIX("AIza"), CHARSET_WORD, 35, 0 },
        { PREFIX("AKCp8"), CHARSET_WORD, 50, 0 },
        { PREFIX("ATBB"), CHARSET_WORD, 28, 40 },
        { PREFIX("AGE-SECRET-KEY-1"), CHARSET_CAPITAL, 20, 0 },
        { PREFIX("ATATT3x"), CHARSET_BASE64, 30, 0 },
        { PREFIX("ATCTT3x"), CHARSET_BASE64, 30, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_E[] = {
        { PREFIX("EAACEdEose0cBA"), CHARSET_WORD, 5, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_G[] = {
        { PREFIX("GOCSPX-"), CHARSET_WORD, 20, 0 },
        { PREFIX("GR1348941"), CHARSET_WORD, 12, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_L[] = {
        { PREFIX("LTAI"), CHARSET_WORD, 12, 26 },
        { .prefix = { 0 } },
};

static const struct shape shapes_N[] = {
        { PREFIX("NRAK-"), CHARSET_WORD, 20, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_P[] = {
        { PREFIX("PMAK-"), CHARSET_WORD, 20, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_S[] = {
        { PREFIX("SG."), CHARSET_DOTTED, 20, 0 },
        { PREFIX("SWMTKN-1-"), CHARSET_WORD, 16, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_b[] = {
        { PREFIX("bot_token_"), CHARSET_WORD, 8, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_d[] = {
        { PREFIX("dapi"), CHARSET_WORD, 32, 34 },     { PREFIX("dckr_pat_"), CHARSET_WORD, 8, 0 },
        { PREFIX("dckr_oat_"), CHARSET_WORD, 8, 0 },  { PREFIX("doo_v1_"), CHARSET_WORD, 5, 0 },
        { PREFIX("dop_v1_"), CHARSET_WORD, 5, 0 },    { PREFIX("dor_v1_"), CHARSET_WORD, 5, 0 },
        { PREFIX("dp.ct."), CHARSET_DOTTED, 30, 0 },  { PREFIX("dp.pt."), CHARSET_DOTTED, 30, 0 },
        { PREFIX("dp.sa."), CHARSET_DOTTED, 30, 0 },  { PREFIX("dp.st."), CHARSET_DOTTED, 30, 0 },
        { PREFIX("dt0c01."), CHARSET_DOTTED, 40, 0 }, { .prefix = { 0 } },
};

static const struct shape shapes_f[] = {
        { PREFIX("figd_"), CHARSET_WORD, 20, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_g[] = {
        { PREFIX("ghp_"), CHARSET_WORD, 30, 0 },    { PREFIX("gho_"), CHARSET_WORD, 30, 0 },
        { PREFIX("ghu_"), CHARSET_WORD, 30, 0 },    { PREFIX("ghs_"), CHARSET_WORD, 30, 0 },
        { PREFIX("ghr_"), CHARSET_WORD, 30, 0 },    { PREFIX("github_pat_"), CHARSET_WORD, 8, 0 },
        { PREFIX("glpat-"), CHARSET_DOTTED, 8, 0 }, { PREFIX("glptt-"), CHARSET_WORD, 8, 0 },
        { PREFIX("gldt-"), CHARSET_WORD, 12, 0 },   { PREFIX("glrt-"), CHARSET_WORD, 12, 0 },
        { PREFIX("glsa_"), CHARSET_WORD, 20, 0 },   { PREFIX("glsoat-"), CHARSET_WORD, 8, 0 },
        { PREFIX("glcbt-"), CHARSET_WORD, 16, 0 },  { PREFIX("glft-"), CHARSET_WORD, 16, 0 },
        { PREFIX("glimt-"), CHARSET_WORD, 16, 0 },  { PREFIX("glagent-"), CHARSET_WORD, 20, 0 },
        { PREFIX("gsk_"), CHARSET_WORD, 30, 0 },    { .prefix = { 0 } },
};

static const struct shape shapes_h[] = {
        { PREFIX("hf_"), CHARSET_WORD, 30, 0 },
        { PREFIX("hvb."), CHARSET_WORD, 8, 0 },
        { PREFIX("hvr."), CHARSET_WORD, 8, 0 },
        { PREFIX("hvs."), CHARSET_WORD, 8, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_l[] = {
        { PREFIX("lin_api_"), CHARSET_WORD, 20, 0 },
        { PREFIX("lsv2_"), CHARSET_WORD, 32, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_n[] = {
        { PREFIX("nfp_"), CHARSET_WORD, 30, 0 },
        { PREFIX("npm_"), CHARSET_WORD, 30, 0 },
        { PREFIX("ntn_"), CHARSET_WORD, 30, 0 },
        { PREFIX("nvapi-"), CHARSET_WORD, 40, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_o[] = {
        { PREFIX("ops_eyJ"), CHARSET_BASE64, 20, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_p[] = {
        { PREFIX("phx_"), CHARSET_WORD, 30, 0 },
        { PREFIX("pscale_"), CHARSET_WORD, 30, 0 },
        { PREFIX("pul-"), CHARSET_WORD, 40, 40 },
        { PREFIX("pypi-AgE"), CHARSET_BASE64, 16, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_r[] = {
        { PREFIX("r8_"), CHARSET_WORD, 30, 0 },
        { PREFIX("rk_live_"), CHARSET_WORD, 5, 0 },
        { PREFIX("rk_test_"), CHARSET_WORD, 5, 0 },
        { PREFIX("rubygems_"), CHARSET_WORD, 30, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_s[] = {
        { PREFIX("shpat_"), CHARSET_WORD, 20, 0 },    { PREFIX("shpca_"), CHARSET_WORD, 20, 0 },
        { PREFIX("shppa_"), CHARSET_WORD, 20, 0 },    { PREFIX("shpss_"), CHARSET_WORD, 20, 0 },
        { PREFIX("sk-ant-"), CHARSET_WORD, 5, 0 },    { PREFIX("sk-proj-"), CHARSET_WORD, 16, 0 },
        { PREFIX("sk-or-v1-"), CHARSET_WORD, 16, 0 }, { PREFIX("sk-"), CHARSET_WORD, 40, 0 },
        { PREFIX("sk_live_"), CHARSET_WORD, 5, 0 },   { PREFIX("sk_test_"), CHARSET_WORD, 5, 0 },
        { PREFIX("sbp_"), CHARSET_WORD, 40, 0 },      { PREFIX("secret_"), CHARSET_WORD, 43, 43 },
        { PREFIX("sntryu_"), CHARSET_WORD, 40, 0 },   { PREFIX("sqa_"), CHARSET_WORD, 40, 40 },
        { PREFIX("sqp_"), CHARSET_WORD, 40, 40 },     { PREFIX("squ_"), CHARSET_WORD, 40, 40 },
        { PREFIX("sntrys_"), CHARSET_BASE64, 30, 0 }, { PREFIX("sq0atp-"), CHARSET_WORD, 16, 0 },
        { PREFIX("sq0csp-"), CHARSET_WORD, 16, 0 },   { .prefix = { 0 } },
};

static const struct shape shapes_t[] = {
        { PREFIX("tskey-"), CHARSET_WORD, 8, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_w[] = {
        { PREFIX("whsec_"), CHARSET_BASE64, 16, 0 },
        { PREFIX("whsk_"), CHARSET_BASE64, 16, 0 },
        { .prefix = { 0 } },
};

static const struct shape shapes_x[] = {
        { PREFIX("xai-"), CHARSET_WORD, 40, 0 },     { PREFIX("xapp-"), CHARSET_WORD, 16, 0 },
        { PREFIX("xkeysib-"), CHARSET_WORD, 20, 0 }, { PREFIX("xoxa-"), CHARSET_WORD, 7, 0 },
        { PREFIX("xoxb-"), CHARSET_WORD, 7, 0 },     { PREFIX("xoxc-"), CHARSET_WORD, 7, 0 },
        { PREFIX("xoxd-"), CHARSET_WORD, 7, 0 },     { PREFIX("xoxe-"), CHARSET_WORD, 7, 0 },
        { PREFIX("xoxe."), CHARSET_WORD, 7, 0 },     { PREFIX("xoxo-"), CHARSET_WORD, 7, 0 },
        { PREFIX("xoxp-"), CHARSET_WORD, 7, 0 },     { PREFIX("xoxr-"), CHARSET_WORD, 7, 0 },
        { PREFIX("xoxs-"), CHARSET_WORD, 7, 0 },     { .prefix = { 0 } },
};

static const struct shape shapes_y[] = {
        { PREFIX("ya29."), CHARSET_WORD, 20, 0 },
        { .prefix = { 0 } },
};

/* By the first character, with all second ones: many texts are asked, few have one. */
static const struct initial {
        const char *second;
        const struct shape *shapes;
} initials[128] = {
        ['A'] = { "BCGIKST", shapes_A }, ['E'] = { "A", shapes_E },
        ['G'] = { "OR", shapes_G },      ['L'] = { "T", shapes_L },
        ['N'] = { "R", shapes_N },       ['P'] = { "M", shapes_P },
        ['S'] = { "GW", shapes_S },      ['b'] = { "o", shapes_b },
        ['d'] = { "acopt", shapes_d },   ['f'] = { "i", shapes_f },
        ['g'] = { "hils", shapes_g },    ['h'] = { "fv", shapes_h },
        ['l'] = { "is", shapes_l },      ['n'] = { "fptv", shapes_n },
        ['o'] = { "p", shapes_o },       ['p'] = { "hsuy", shapes_p },
        ['r'] = { "8ku", shapes_r },     ['s'] = { "behknq", shapes_s },
        ['t'] = { "s", shapes_t },       ['w'] = { "h", shapes_w },
        ['x'] = { "ako", shapes_x },     ['y'] = { "a", shapes_y },
};

/* A bit for each set that has the character. */
#define IN(charset) (1U << (charset))
#define IN_WORDS (IN(CHARSET_WORD) | IN(CHARSET_DOTTED) | IN(CHARSET_BASE64))

static bool is_in(enum charset charset, char c)
{
        static const uint8_t sets[256] = {
                ['0' ... '9'] = IN_WORDS | IN(CHARSET_CAPITAL),
                ['A' ... 'Z'] = IN_WORDS | IN(CHARSET_CAPITAL),
                ['a' ... 'z'] = IN_WORDS,
                ['_'] = IN_WORDS,
                ['-'] = IN_WORDS,
                ['.'] = IN(CHARSET_DOTTED),
                ['+'] = IN(CHARSET_BASE64),
                ['/'] = IN(CHARSET_BASE64),
                ['='] = IN(CHARSET_BASE64),
        };

        return sets[(uint8_t)c] & IN(charset);
}

static size_t skip_charset(const char *text, size_t from, size_t to, enum charset charset)
{
        while (from < to && is_in(charset, text[from]))
                from++;
        return from;
}

/* Where the token that begins at `at` ends, or 0: it is none. */
static size_t shape_end(const struct shape *shape, const char *text, size_t at, size_t to,
                        bool is_cut)
{
        const size_t n = shape->prefix.size, begin = at + n;
        size_t end;

        if (to - at < n || text[at + 1] != shape->prefix.data[1] ||
            text[at + 2] != shape->prefix.data[2] || memcmp(text + at, shape->prefix.data, n) != 0)
                return 0;
        if (shape->max > 0)
                to = MIN(to, begin + shape->max + 1);
        end = skip_charset(text, begin, to, shape->charset);
        if (shape->max > 0 && (end - begin > shape->max || (end < to && is_alnum(text[end]))))
                return 0;
        if (end - begin < shape->min && !(is_cut && end == to && end > begin))
                return 0;
        return end;
}

/*
 * {"alg":… in base64, a point, and two more parts, or four of an encrypted one. *ret_dot, 0 at
 * first, is where the point has been looked for from earlier places of the same word: not again.
 */
static size_t jwt_end(const char *text, size_t at, size_t to, bool is_cut, size_t *ret_dot)
{
        const size_t n = sizeof(JWT_PREFIX) - 1, header_min = 8, encrypted_min = 40;
        size_t dot, end;

        if (to - at < n || memcmp(text + at, JWT_PREFIX, n) != 0)
                return 0;
        dot = *ret_dot > at + n ? *ret_dot : skip_charset(text, at + n, to, CHARSET_WORD);
        *ret_dot = dot;
        if (dot == to)
                return is_cut ? to : 0;
        if (dot - at < header_min || text[dot] != '.')
                return 0;
        end = skip_charset(text, dot, to, CHARSET_DOTTED);
        if (is_cut && end == to)
                return end;
        if (end - dot > n && memcmp(text + dot + 1, JWT_PREFIX, n) == 0)
                return end;
        return end - dot > encrypted_min ? end : 0;
}

static size_t token_end(const char *text, size_t at, size_t to, bool is_cut, size_t *dot)
{
        const struct initial *initial = &initials[text[at] & 0x7f];
        size_t end = 0;

        if (text[at] == JWT_PREFIX[0])
                return jwt_end(text, at, to, is_cut, dot);
        if (!initial->second || to - at < 2 || !strchr(initial->second, text[at + 1]))
                return 0;
        for (const struct shape *shape = initial->shapes; shape->prefix.data && end == 0; shape++)
                end = shape_end(shape, text, at, to, is_cut);
        return end;
}

/* Of any token but for the '=' that fills it up. */
static bool is_token_char(char c)
{
        static const bool chars[256] = {
                ['+'] = true,         ['-' ... '/'] = true, ['0' ... '9'] = true,
                ['A' ... 'Z'] = true, ['_'] = true,         ['a' ... 'z'] = true,
        };

        return chars[(uint8_t)c];
}

/* Where the first word begins in [begin, to) that is long enough for a token, or `to`. */
static size_t find_run(const char *text, size_t begin, size_t to)
{
        size_t last;

        while (to - begin >= TOKEN_SIZE_MIN) {
                last = begin + TOKEN_SIZE_MIN;
                while (last > begin && is_token_char(text[last - 1]))
                        last--;
                if (last == begin)
                        return begin;
                begin = last; /* a word that ends too early */
        }
        return to;
}

/* A token in the word at *at, or false: *at is then behind the word. Its parts may begin one. */
static bool find_in_run(const char *text, size_t *at, size_t to, bool is_cut, size_t *ret_end)
{
        bool is_begin = *at == 0 || !is_alnum(text[*at - 1]);
        size_t dot = 0;

        for (; *at < to && is_token_char(text[*at]); (*at)++, is_begin = true) {
                *ret_end = is_begin ? token_end(text, *at, to, is_cut, &dot) : 0;
                if (*ret_end > 0)
                        return true;
                if (is_alnum(text[*at]))
                        *at = scan_word_end(text + *at, text + to) - text;
                if (*at == to || !is_token_char(text[*at]))
                        break;
        }
        return false;
}

size_t token_find(const char *text, size_t from, size_t to, bool is_cut, size_t *ret_end)
{
        size_t at = from, tail;

        for (at = find_run(text, at, to); at < to; at = find_run(text, at, to))
                if (find_in_run(text, &at, to, is_cut, ret_end))
                        return at;
        if (!is_cut)
                return to;
        /* A token that was cut may be shorter than any whole one. */
        tail = to;
        while (tail > from && to - tail < TOKEN_SIZE_MIN && is_token_char(text[tail - 1]))
                tail--;
        return find_in_run(text, &tail, to, true, ret_end) ? tail : to;
}

bool token_begins(const char *p, const char *end, bool is_cut)
{
        size_t dot = 0;

        if (*p == JWT_PREFIX[0])
                return end - p > 2 && memcmp(p, JWT_PREFIX, sizeof(JWT_PREFIX) - 1) == 0;
        return token_end(p, 0, end - p, is_cut, &dot) > 0;
}

void token_each_prefix(void (*on_prefix)(void *userdata, struct span prefix), void *userdata)
{
        on_prefix(userdata, (struct span)PREFIX(JWT_PREFIX));
        for (size_t i = 0; i < ELEMENTSOF(initials); i++)
                for (const struct shape *shape = initials[i].shapes; shape && shape->prefix.data;
                     shape++)
                        on_prefix(userdata, shape->prefix);
}
