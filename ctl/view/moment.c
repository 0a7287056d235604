/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "read/event_time.h"
#include "view/moment.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

static bool make_time(struct tm *tm, bool utc, uint64_t *ret)
{
        const time_t t = utc ? timegm(tm) : mktime(tm);

        if (t < 0 || (uint64_t)t > UINT64_MAX / NSEC_PER_SEC)
                return false;
        *ret = (uint64_t)t * NSEC_PER_SEC;
        return true;
}

static void take_apart(uint64_t ns, bool utc, struct tm *ret)
{
        const time_t t = (time_t)(ns / NSEC_PER_SEC);

        if (utc)
                (void)gmtime_r(&t, ret);
        else
                (void)localtime_r(&t, ret);
}

/* 00:00 of the day that is so many away from that of `now_ns`. */
static bool day(uint64_t now_ns, int away, bool utc, uint64_t *ret)
{
        struct tm tm;

        take_apart(now_ns, utc, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday += away;
        tm.tm_isdst = -1;
        return make_time(&tm, utc, ret);
}

static bool take_unit(struct span *s, uint64_t *ret)
{
        static const struct {
                const char *name;
                uint64_t ns;
        } units[] = {
                { "seconds", NSEC_PER_SEC },
                { "second", NSEC_PER_SEC },
                { "sec", NSEC_PER_SEC },
                { "minutes", MINUTE_NS },
                { "minute", MINUTE_NS },
                { "min", MINUTE_NS },
                { "months", 30 * DAY_NS },
                { "month", 30 * DAY_NS },
                { "ms", NSEC_PER_MSEC },
                { "hours", HOUR_NS },
                { "hour", HOUR_NS },
                { "hr", HOUR_NS },
                { "days", DAY_NS },
                { "day", DAY_NS },
                { "weeks", 7 * DAY_NS },
                { "week", 7 * DAY_NS },
                { "years", 365 * DAY_NS },
                { "year", 365 * DAY_NS },
                { "s", NSEC_PER_SEC },
                { "m", MINUTE_NS },
                { "h", HOUR_NS },
                { "d", DAY_NS },
                { "w", 7 * DAY_NS },
                { "y", 365 * DAY_NS },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (span_strip_prefix(s, units[i].name)) {
                        *ret = units[i].ns;
                        return true;
                }
        *ret = NSEC_PER_SEC; /* a number alone */
        return s->size == 0;
}

static bool take_digits(struct span *s, uint64_t *ret)
{
        const size_t n = span_count(*s, is_digit);

        *ret = 0;
        if (n == 0 || n > 18)
                return false;
        for (size_t i = 0; i < n; i++)
                *ret = 10 * *ret + (uint64_t)(s->data[i] - '0');
        *s = span_skip(*s, n);
        return true;
}

/* 1h30min, 2 hours */
static bool parse_span(struct span s, uint64_t *ret)
{
        uint64_t n, unit, sum = 0;

        for (s = span_trim(s); s.size > 0; s = span_trim_start(s)) {
                if (!take_digits(&s, &n))
                        return false;
                s = span_trim_start(s);
                if (!take_unit(&s, &unit) || __builtin_mul_overflow(n, unit, &n) ||
                    __builtin_add_overflow(sum, n, &sum))
                        return false;
        }
        *ret = sum;
        return true;
}

static bool parse_relative(struct span s, uint64_t now_ns, uint64_t *ret)
{
        uint64_t ns;
        bool back;

        if (s.size == 0)
                return false;
        back = span_strip_suffix(&s, "ago");
        if (!back && s.data[0] != '-' && s.data[0] != '+')
                return false;
        if (!back) {
                back = s.data[0] == '-';
                s = span_skip(s, 1);
        }
        if (span_trim(s).size == 0 || !parse_span(s, &ns))
                return false;
        *ret = back ? now_ns - MIN(now_ns, ns) : now_ns + ns;
        return true;
}

/* 18:31, 18:31:07, 18:31:07.5 */
static bool parse_clock(struct span s, struct tm *ret, uint64_t *ret_ns)
{
        uint64_t hour, minute, second = 0, unit = NSEC_PER_SEC / 10;

        *ret_ns = 0;
        if (!take_digits(&s, &hour) || !span_strip_prefix(&s, ":") || !take_digits(&s, &minute))
                return false;
        if (span_strip_prefix(&s, ":") && !take_digits(&s, &second))
                return false;
        if (span_strip_prefix(&s, "."))
                for (; s.size > 0 && is_digit(s.data[0]); s = span_skip(s, 1), unit /= 10)
                        *ret_ns += unit * (uint64_t)(s.data[0] - '0');
        if (s.size > 0 || hour > 23 || minute > 59 || second > 60)
                return false;
        ret->tm_hour = (int)hour;
        ret->tm_min = (int)minute;
        ret->tm_sec = (int)second;
        return true;
}

static bool parse_date(struct span s, struct tm *ret)
{
        uint64_t year, month, mday;

        if (!take_digits(&s, &year) || !span_strip_prefix(&s, "-") || !take_digits(&s, &month) ||
            !span_strip_prefix(&s, "-") || !take_digits(&s, &mday) || s.size > 0 || year < 1970 ||
            year > 2261 || month < 1 || month > 12 || mday < 1 || mday > 31)
                return false;
        ret->tm_year = (int)year - 1900;
        ret->tm_mon = (int)month - 1;
        ret->tm_mday = (int)mday;
        return true;
}

static bool parse_absolute(struct span s, uint64_t now_ns, bool utc, uint64_t *ret)
{
        struct span date, clock;
        struct tm tm = { .tm_isdst = -1 };
        uint64_t ns = 0;

        if (!span_split(s, ' ', &date, &clock)) {
                if (parse_date(date, &tm))
                        return make_time(&tm, utc, ret);
                clock = date;
                take_apart(now_ns, utc, &tm);
                tm.tm_isdst = -1;
        } else if (!parse_date(date, &tm)) {
                return false;
        }
        if (!parse_clock(span_trim(clock), &tm, &ns) || !make_time(&tm, utc, ret))
                return false;
        *ret += ns;
        return true;
}

bool moment_parse(struct span text, uint64_t now_ns, bool utc, uint64_t *ret)
{
        struct span s = span_trim(text);
        uint64_t seconds;

        if (span_is(s, "now")) {
                *ret = now_ns;
                return true;
        }
        if (span_is(s, "today"))
                return day(now_ns, 0, utc, ret);
        if (span_is(s, "yesterday"))
                return day(now_ns, -1, utc, ret);
        if (span_is(s, "tomorrow"))
                return day(now_ns, 1, utc, ret);
        if (span_strip_prefix(&s, "@")) {
                if (!take_digits(&s, &seconds) || s.size > 0 ||
                    __builtin_mul_overflow(seconds, NSEC_PER_SEC, ret))
                        return false;
                return true;
        }
        return event_time_parse(s, ret) || parse_relative(s, now_ns, ret) ||
               parse_absolute(s, now_ns, utc, ret);
}

void moment_show(uint64_t ns, bool utc, bool with_date, unsigned n_digits, struct buf *ret)
{
        uint64_t fraction = ns % NSEC_PER_SEC;
        char text[sizeof("2261-12-31 23:59:60")];
        struct tm tm;
        size_t n;

        take_apart(ns, utc, &tm);
        n = strftime(text, sizeof(text), with_date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
        buf_append(ret, text, n);
        if (n_digits == 0)
                return;
        for (unsigned i = n_digits; i < 9; i++)
                fraction /= 10;
        buf_printf(ret, ".%0*u", (int)n_digits, (unsigned)fraction);
}
