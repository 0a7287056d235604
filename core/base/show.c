/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "base/show.h"
#include "base/text.h"

struct range {
        uint32_t first, last;
};

/* What is seen is not what is there: blanks, directions, joiners, line ends, tags; no characters.
 */
static const struct range harmful[] = {
        { 0x00, 0x1f },     { 0x7f, 0xa0 },       { 0xad, 0xad },     { 0x61c, 0x61c },
        { 0x1680, 0x1680 }, { 0x180e, 0x180e },   { 0x2000, 0x200f }, { 0x2028, 0x202f },
        { 0x205f, 0x206f }, { 0x3000, 0x3000 },   { 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff },
        { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
};

static bool is_harmless(uint32_t c)
{
        if (c >= ' ' && c < 0x7f)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(harmful); i++)
                if (c >= harmful[i].first && c <= harmful[i].last)
                        return false;
        return (c & 0xfffe) != 0xfffe;
}

static struct text_unit unit_of(struct span s)
{
        struct text_unit unit = text_unit((const uint8_t *)s.data, s.size);

        unit.is_valid = unit.is_valid && is_harmless(unit.character);
        return unit;
}

static void append_hex(struct span s, struct buf *ret)
{
        for (size_t i = 0; i < s.size; i++)
                buf_printf(ret, "\\x%02x", (unsigned char)s.data[i]);
}

/* How many bytes at the beginning are printable ASCII; of `\` and others the caller knows. */
static bool is_plain(char c)
{
        return c >= ' ' && c < 0x7f;
}

void show_text(struct span s, struct buf *ret)
{
        while (s.size > 0) {
                const size_t plain = span_count(s, is_plain);
                struct text_unit unit;

                buf_append_span(ret, span_head(s, plain));
                s = span_skip(s, plain);
                if (s.size == 0)
                        break;
                unit = unit_of(s);
                if (unit.is_valid)
                        buf_append(ret, s.data, unit.size);
                else
                        append_hex(span_head(s, unit.size), ret);
                s = span_skip(s, unit.size);
        }
}

static bool is_safe(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
               (c != '\0' && strchr("_@%+=:,./-", c));
}

/* Words that begin something else than a command. */
static bool is_reserved(struct span s)
{
        static const char *const words[] = {
                "case",     "coproc", "do", "done", "elif",   "else", "esac",  "fi",    "for",
                "function", "if",     "in", "then", "select", "time", "until", "while",
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (span_is(s, words[i]))
                        return true;
        return s.size > 0 && memchr(s.data, '=', s.size);
}

enum quoting {
        QUOTE_NOT,
        QUOTE_SINGLE,
        QUOTE_ESCAPES,
};

static enum quoting quoting_of(struct span s)
{
        enum quoting quoting = s.size == 0 ? QUOTE_SINGLE : QUOTE_NOT;

        while (s.size > 0) {
                const size_t safe = span_count(s, is_safe);
                struct text_unit unit;

                s = span_skip(s, safe);
                if (s.size == 0)
                        break;
                unit = unit_of(s);
                if (!unit.is_valid)
                        return QUOTE_ESCAPES;
                quoting = QUOTE_SINGLE;
                s = span_skip(s, unit.size);
        }
        return quoting;
}

static void append_single(struct span s, struct buf *ret)
{
        struct span part;

        buf_append_char(ret, '\'');
        while (span_split(s, '\'', &part, &s)) {
                buf_append_span(ret, part);
                buf_append_string(ret, "'\\''");
        }
        buf_append_span(ret, part);
        buf_append_char(ret, '\'');
}

static void append_escapes(struct span s, struct buf *ret)
{
        static const char from[] = "\n\t\r\\'", to[] = "ntr\\'";

        buf_append_string(ret, "$'");
        while (s.size > 0) {
                const struct text_unit unit = unit_of(s);
                const char *at = s.data[0] ? strchr(from, s.data[0]) : NULL;

                if (at) {
                        buf_append_char(ret, '\\');
                        buf_append_char(ret, to[at - from]);
                } else if (unit.is_valid) {
                        buf_append(ret, s.data, unit.size);
                } else {
                        append_hex(span_head(s, unit.size), ret);
                }
                s = span_skip(s, unit.size);
        }
        buf_append_char(ret, '\'');
}

void show_word(struct span s, bool is_first, bool always, struct buf *ret)
{
        enum quoting quoting = quoting_of(s);

        if (quoting == QUOTE_NOT && (always || (is_first && is_reserved(s))))
                quoting = QUOTE_SINGLE;
        switch (quoting) {
        case QUOTE_NOT:
                buf_append_span(ret, s);
                break;
        case QUOTE_SINGLE:
                append_single(s, ret);
                break;
        case QUOTE_ESCAPES:
                append_escapes(s, ret);
                break;
        }
}

void show_words(struct span strings, bool always, struct buf *ret)
{
        bool is_first = true;
        struct span word;

        while (span_cut(&strings, '\0', &word)) {
                if (!is_first)
                        buf_append_char(ret, ' ');
                show_word(word, is_first, always, ret);
                is_first = false;
        }
}

void show_json(struct span s, struct buf *ret)
{
        while (s.size > 0) {
                const size_t plain = span_count(s, is_plain);
                struct text_unit unit;

                buf_append_span(ret, span_head(s, plain));
                s = span_skip(s, plain);
                if (s.size == 0)
                        break;
                unit = unit_of(s);
                if (unit.is_valid || s.data[0] == '\t') /* between values */
                        buf_append(ret, s.data, unit.size);
                else if (unit.character >= 0x10000)
                        buf_printf(ret, "\\u%04x\\u%04x",
                                   0xd800 + ((unit.character - 0x10000) >> 10),
                                   0xdc00 + ((unit.character - 0x10000) & 0x3ff));
                else
                        buf_printf(ret, "\\u%04x", unit.character);
                s = span_skip(s, unit.size);
        }
}

void show_duration(uint64_t ns, struct buf *ret)
{
        const uint64_t seconds = ns / NSEC_PER_SEC;

        if (ns < NSEC_PER_MSEC)
                buf_printf(ret, "%uus", (unsigned)(ns / NSEC_PER_USEC));
        else if (ns < NSEC_PER_SEC)
                buf_printf(ret, "%ums", (unsigned)(ns / NSEC_PER_MSEC));
        else if (seconds < 100)
                buf_printf(ret, "%u.%us", (unsigned)seconds,
                           (unsigned)(ns % NSEC_PER_SEC / (100 * NSEC_PER_MSEC)));
        else if (seconds < UINT64_C(100) * 60)
                buf_printf(ret, "%umin", (unsigned)(seconds / 60));
        else if (seconds < UINT64_C(100) * 3600)
                buf_printf(ret, "%uh", (unsigned)(seconds / 3600));
        else
                buf_printf(ret, "%ud", (unsigned)(seconds / 86400));
}
