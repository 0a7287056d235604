/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The types of values in a configuration file.
 *
 * Syntax is systemd's: sizes with K M G T to the base 1024, time spans like "1min 30s" in which a
 * bare number means seconds, booleans in any case. Text comes from a file that may be hostile: it
 * is trimmed and valid UTF-8, and nothing more is known about it.
 *
 * Refuses what is easily meant otherwise: fractions, signs, hexadecimal numbers, "64KB", a mode
 * that isn't octal, paths that are relative or not normalized, unknown errno names, and names that
 * no shell would take for a variable's. Ranges are not checked here: a number too large for its
 * type comes out as UINT64_MAX, which is beyond any of them.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_report.h"
#include "config/config_value.h"
#include "exec_control.h"

#define ERRNO_MAX (64 * (int)ELEMENTSOF(((struct errno_set *)0)->bits))

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool is_no_blank(char c)
{
        return !is_blank(c);
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply_saturated(uint64_t a, uint64_t b)
{
        uint64_t product;

        return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Takes leading digits, at least one. */
static bool take_number(struct span *text, uint64_t *ret)
{
        const size_t n = span_count(*text, is_digit);
        uint64_t value = 0;

        if (n == 0)
                return false;
        for (size_t i = 0; i < n; i++)
                value = add_saturated(multiply_saturated(value, 10),
                                      (uint64_t)(text->data[i] - '0'));
        *text = span_skip(*text, n);
        *ret = value;
        return true;
}

static int parse_flag(struct span text, uint64_t *ret, struct buf *problem)
{
        static const char *const words[] = {
                "no", "yes", "false", "true", "off", "on", "0", "1", "n", "y", "f", "t",
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (span_is_nocase(text, words[i])) {
                        *ret = i % 2;
                        return 0;
                }
        return config_refuse(problem, text, "is not a boolean, expected yes or no");
}

static void format_flag(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, value ? "yes" : "no");
}

const struct value_type value_flag = {
        .parse_number = parse_flag,
        .format_number = format_flag,
};

static const char size_suffixes[] = "KMGT";

/* 0: no such suffix. */
static uint64_t size_unit(struct span suffix)
{
        uint64_t unit = 1024;

        if (suffix.size == 0)
                return 1;
        if (suffix.size > 1)
                return 0;
        for (const char *s = size_suffixes; *s; s++, unit *= 1024)
                if (*s == suffix.data[0])
                        return unit;
        return 0;
}

static int parse_size(struct span text, uint64_t *ret, struct buf *problem)
{
        struct span rest = text;
        uint64_t value, unit;

        unit = take_number(&rest, &value) ? size_unit(rest) : 0;
        if (unit == 0)
                return config_refuse(problem, text,
                                     "is not a size, expected digits and K, M, G, T or nothing");
        *ret = multiply_saturated(value, unit);
        return 0;
}

static void format_size(uint64_t value, struct buf *ret)
{
        const char *s = size_suffixes;

        for (; *s && value > 0 && value % 1024 == 0; s++)
                value /= 1024;
        buf_append_u64(ret, value);
        if (s > size_suffixes)
                buf_append_char(ret, s[-1]);
}

const struct value_type value_size = {
        .parse_number = parse_size,
        .format_number = format_size,
};

#define MINUTE (60 * NSEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

/* From large to small; of each the name that we write first. */
static const struct time_unit {
        const char *name;
        uint64_t ns;
} time_units[] = {
        { "w", WEEK },
        { "week", WEEK },
        { "weeks", WEEK },
        { "d", DAY },
        { "day", DAY },
        { "days", DAY },
        { "h", HOUR },
        { "hr", HOUR },
        { "hour", HOUR },
        { "hours", HOUR },
        { "min", MINUTE },
        { "m", MINUTE },
        { "minute", MINUTE },
        { "minutes", MINUTE },
        { "s", NSEC_PER_SEC },
        { "sec", NSEC_PER_SEC },
        { "second", NSEC_PER_SEC },
        { "seconds", NSEC_PER_SEC },
        { "ms", NSEC_PER_MSEC },
        { "msec", NSEC_PER_MSEC },
        { "us", NSEC_PER_USEC },
        { "usec", NSEC_PER_USEC },
};

/* 0: no such unit. */
static uint64_t time_unit_ns(struct span name)
{
        if (name.size == 0)
                return NSEC_PER_SEC;
        for (size_t i = 0; i < ELEMENTSOF(time_units); i++)
                if (span_is(name, time_units[i].name))
                        return time_units[i].ns;
        return 0;
}

/* Takes a number, its unit, and the blanks around that, and adds what they mean. */
static bool take_time(struct span *text, uint64_t *sum)
{
        struct span unit;
        uint64_t value, ns;

        if (!take_number(text, &value))
                return false;
        *text = span_skip(*text, span_count(*text, is_blank));
        unit = span_head(*text, span_count(*text, is_letter));
        ns = time_unit_ns(unit);
        if (ns == 0)
                return false;
        *sum = add_saturated(*sum, multiply_saturated(value, ns));
        *text = span_skip(*text, unit.size);
        *text = span_skip(*text, span_count(*text, is_blank));
        return true;
}

static int parse_time(struct span text, uint64_t *ret, struct buf *problem)
{
        struct span rest = text;
        uint64_t sum = 0;

        while (rest.size > 0)
                if (!take_time(&rest, &sum))
                        return config_refuse(
                                problem, text,
                                "is not a time span, expected one like 100ms or 1min 30s");
        *ret = sum;
        return 0;
}

/* Exact, as every value that was read is a multiple of the smallest unit. */
static void format_time(uint64_t value, struct buf *ret)
{
        uint64_t last = 0;

        if (value == 0)
                buf_append_char(ret, '0');
        for (size_t i = 0; i < ELEMENTSOF(time_units) && value > 0; i++) {
                if (value < time_units[i].ns)
                        continue;
                if (last > 0)
                        buf_append_char(ret, ' ');
                buf_append_u64(ret, value / time_units[i].ns);
                buf_append_string(ret, time_units[i].name);
                last = time_units[i].ns;
                value %= last;
        }
}

const struct value_type value_time = {
        .parse_number = parse_time,
        .format_number = format_time,
};

static int parse_count(struct span text, uint64_t *ret, struct buf *problem)
{
        struct span rest = text;
        uint64_t value;

        if (!take_number(&rest, &value) || rest.size > 0)
                return config_refuse(problem, text, "is not a number, expected digits");
        *ret = value;
        return 0;
}

static void format_count(uint64_t value, struct buf *ret)
{
        buf_append_u64(ret, value);
}

const struct value_type value_count = {
        .parse_number = parse_count,
        .format_number = format_count,
};

static bool is_octal(char c)
{
        return c >= '0' && c <= '7';
}

static int parse_mode(struct span text, uint64_t *ret, struct buf *problem)
{
        uint64_t value = 0;

        if (span_count(text, is_octal) < text.size)
                return config_refuse(problem, text,
                                     "is not a file mode, expected octal digits like 0640");
        for (size_t i = 0; i < text.size; i++)
                value = add_saturated(multiply_saturated(value, 8), (uint64_t)(text.data[i] - '0'));
        *ret = value;
        return 0;
}

static void format_mode(uint64_t value, struct buf *ret)
{
        buf_printf(ret, "%04o", (unsigned)value);
}

const struct value_type value_mode = {
        .parse_number = parse_mode,
        .format_number = format_mode,
};

/* Whether there is an empty component, "." or "..". */
static bool is_normalized(struct span path)
{
        struct span part, rest = span_skip(path, 1); /* the slash */
        bool is_last;

        do {
                is_last = !span_split(rest, '/', &part, &rest);
                if (part.size == 0 || span_is(part, ".") || span_is(part, ".."))
                        return false;
        } while (!is_last);
        return true;
}

static bool is_plain(char c)
{
        return (unsigned char)c >= ' ' && c != 0x7f;
}

/* Without questions about where it begins. */
static int take_path(struct span text, void *member, struct buf *problem)
{
        char **path = member, *copy;

        if (span_count(text, is_plain) < text.size)
                return config_refuse(problem, text, "is not plain, expected no control characters");
        /* At the end of a line it would join the next one when the configuration is shown. */
        if (text.size > 0 && text.data[text.size - 1] == '\\')
                return config_refuse(problem, text,
                                     "ends in a backslash, expected any other character");
        if (text.size >= PATH_MAX)
                return config_refuse(problem, text, "is too long, expected at most 4095 bytes");
        copy = strndup(text.data, text.size);
        if (!copy)
                return -ENOMEM;
        free(*path);
        *path = copy;
        return 0;
}

static int parse_path(struct span text, void *member, struct buf *problem)
{
        if (text.size == 0 || text.data[0] != '/')
                return config_refuse(problem, text, "is not absolute, expected a path from / on");
        if (!is_normalized(text))
                return config_refuse(problem, text,
                                     "is not normalized, expected no . or .. or empty part");
        return take_path(text, member, problem);
}

/* A name has no slash; empty: no such file. */
static int parse_place(struct span text, void *member, struct buf *problem)
{
        if (text.size > 0 && text.data[0] == '/')
                return parse_path(text, member, problem);
        if (memchr(text.data, '/', text.size) || span_is(text, ".") || span_is(text, ".."))
                return config_refuse(problem, text,
                                     "is a relative path, expected a path from / on, or a name");
        return take_path(text, member, problem);
}

static void format_path(const void *member, struct buf *ret)
{
        buf_append_string(ret, *(char *const *)member);
}

static void clear_path(void *member)
{
        char **path = member;

        free(*path);
        *path = NULL;
}

const struct value_type value_path = {
        .parse = parse_path,
        .format = format_path,
        .clear = clear_path,
};

const struct value_type value_place = {
        .parse = parse_place,
        .format = format_path,
        .clear = clear_path,
};

/* The next word, or false: there is none. */
bool value_take_word(struct span *text, struct span *ret)
{
        *text = span_skip(*text, span_count(*text, is_blank));
        *ret = span_head(*text, span_count(*text, is_no_blank));
        *text = span_skip(*text, ret->size);
        return ret->size > 0;
}

/* Second names, which strerrorname_np() does not give. */
static const struct errno_alias {
        const char *name;
        int number;
} errno_aliases[] = {
        { "EWOULDBLOCK", EWOULDBLOCK },
        { "EDEADLOCK", EDEADLOCK },
        { "ENOTSUP", ENOTSUP },
};

int errno_from_name(struct span name)
{
        const char *known;

        for (size_t i = 0; i < ELEMENTSOF(errno_aliases); i++)
                if (span_is(name, errno_aliases[i].name))
                        return errno_aliases[i].number;
        for (int n = 1; n < ERRNO_MAX; n++) {
                known = strerrorname_np(n);
                if (known && span_is(name, known))
                        return n;
        }
        return 0;
}

static int parse_errnos(struct span text, void *member, struct buf *problem)
{
        struct errno_set *set = member;
        struct span word;
        int number;

        while (value_take_word(&text, &word)) {
                number = errno_from_name(word);
                if (number == 0)
                        return config_refuse(
                                problem, word,
                                "is not an errno name, expected names like ENOENT EACCES");
                set->bits[number / 64] |= UINT64_C(1) << number % 64;
        }
        return 0;
}

static void format_errnos(const void *member, struct buf *ret)
{
        const struct errno_set *set = member;
        const char *separator = "";

        for (int n = 1; n < ERRNO_MAX; n++) {
                if (!(set->bits[n / 64] & UINT64_C(1) << n % 64))
                        continue;
                buf_append_string(ret, separator);
                buf_append_string(ret, strerrorname_np(n));
                separator = " ";
        }
}

static void clear_errnos(void *member)
{
        memset(member, 0, sizeof(struct errno_set));
}

const struct value_type value_errnos = {
        .parse = parse_errnos,
        .format = format_errnos,
        .clear = clear_errnos,
        .is_list = true,
};

static bool is_name_char(char c)
{
        return is_letter(c) || is_digit(c) || c == '_';
}

/* 0: fine, or -EINVAL. */
static int check_name(struct span name, struct buf *problem)
{
        if (is_digit(name.data[0]) || span_count(name, is_name_char) < name.size)
                return config_refuse(problem, name,
                                     "is not a variable's name, expected letters, digits and _");
        if (name.size < EXEC_ENV_NAME_SIZE)
                return 0;
        (void)config_refuse(problem, name, "is too long, expected at most ");
        buf_append_u64(problem, EXEC_ENV_NAME_SIZE - 1);
        buf_append_string(problem, " bytes");
        return -EINVAL;
}

static int add_name(char **names, struct span name, struct buf *problem)
{
        size_t n = 0;

        for (; names[n]; n++)
                if (span_is(name, names[n]))
                        return 0;
        if (n == EXEC_ENV_NAMES_MAX) {
                (void)config_refuse(problem, name, "is one name too many, expected at most ");
                buf_append_u64(problem, EXEC_ENV_NAMES_MAX);
                return -EINVAL;
        }
        names[n] = strndup(name.data, name.size);
        return names[n] ? 0 : -ENOMEM;
}

static int parse_names(struct span text, void *member, struct buf *problem)
{
        char ***names = member;
        struct span word;
        int r;

        if (!*names)
                *names = calloc(EXEC_ENV_NAMES_MAX + 1, sizeof(**names));
        if (!*names)
                return -ENOMEM;
        while (value_take_word(&text, &word)) {
                r = check_name(word, problem);
                if (r < 0)
                        return r;
                r = add_name(*names, word, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void format_names(const void *member, struct buf *ret)
{
        const char *separator = "";

        for (char **name = *(char **const *)member; *name; name++) {
                buf_append_string(ret, separator);
                buf_append_string(ret, *name);
                separator = " ";
        }
}

static void clear_names(void *member)
{
        char ***names = member;

        for (char **name = *names; name && *name; name++)
                free(*name);
        free(*names);
        *names = NULL;
}

const struct value_type value_names = {
        .parse = parse_names,
        .format = format_names,
        .clear = clear_names,
        .is_list = true,
};

void config_number_store(void *member, size_t size, uint64_t value)
{
        const uint8_t value8 = (uint8_t)value;
        const uint32_t value32 = (uint32_t)value;

        if (size == sizeof(value8))
                memcpy(member, &value8, sizeof(value8));
        else if (size == sizeof(value32))
                memcpy(member, &value32, sizeof(value32));
        else
                memcpy(member, &value, sizeof(value));
}

uint64_t config_number_load(const void *member, size_t size)
{
        uint32_t value32;
        uint64_t value;

        if (size == sizeof(uint8_t))
                return *(const uint8_t *)member;
        if (size == sizeof(value32)) {
                memcpy(&value32, member, sizeof(value32));
                return value32;
        }
        memcpy(&value, member, sizeof(value));
        return value;
}
