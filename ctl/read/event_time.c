/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "read/event_time.h"
#include "base/macro.h"

static bool digits(struct span *s, size_t n, unsigned *ret)
{
        unsigned value = 0;

        if (s->size < n || span_count(span_head(*s, n), is_digit) < n)
                return false;
        for (size_t i = 0; i < n; i++)
                value = 10 * value + (unsigned)(s->data[i] - '0');
        *s = span_skip(*s, n);
        *ret = value;
        return true;
}

/* Since 1970, of the Gregorian calendar; the year begins in March, so that leap days come last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
        const int64_t y = (int64_t)year - (month <= 2);
        const int64_t era = y / 400, of_era = y % 400;
        const int64_t of_year = (153 * (int64_t)(month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool fraction(struct span *s, uint64_t *ret_ns)
{
        uint64_t unit = NSEC_PER_SEC / 10;

        *ret_ns = 0;
        if (!span_strip_prefix(s, "."))
                return true;
        if (s->size == 0 || !is_digit(s->data[0]))
                return false;
        for (; s->size > 0 && is_digit(s->data[0]); unit /= 10) {
                *ret_ns += unit * (uint64_t)(s->data[0] - '0');
                *s = span_skip(*s, 1);
        }
        return true;
}

bool event_time_parse(struct span s, uint64_t *ret_ns)
{
        unsigned year, month, day, hour, minute, second;
        uint64_t ns;

        if (!digits(&s, 4, &year) || !span_strip_prefix(&s, "-") || !digits(&s, 2, &month) ||
            !span_strip_prefix(&s, "-") || !digits(&s, 2, &day) || !span_strip_prefix(&s, "T") ||
            !digits(&s, 2, &hour) || !span_strip_prefix(&s, ":") || !digits(&s, 2, &minute) ||
            !span_strip_prefix(&s, ":") || !digits(&s, 2, &second) || !fraction(&s, &ns) ||
            !span_is(s, "Z"))
                return false;
        if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31 ||
            hour > 23 || minute > 59 || second > 60)
                return false;
        *ret_ns = ((uint64_t)days_of(year, month, day) * 86400 + hour * UINT64_C(3600) +
                   minute * UINT64_C(60) + second) *
                          NSEC_PER_SEC +
                  ns;
        return true;
}
